mod merge;

use dauphin_model::{ActiveDay, AppIndex};

pub(crate) use self::merge::{AppDay, Merge, MergedDays};
use crate::varint::{Reader, Truncated, write_varint};

/// The calendars of one profile: a *track* for each app the profile was active in, and one for activity without an app.
///
/// As a byte string, in the store and wherever one profile's calendars travel, a track is
/// `[app + 1, or 0 without an app: varint][latest day: u16][gap byte count: varint][gaps]`. The gaps run from the first
/// active day to the latest and are read from the end, because events are mostly recent: a byte of 1 to 253 is a gap of so
/// many days; 254 stands behind a two-byte gap. A new latest day is one byte appended; an older day splits one gap in two.
/// In memory the only track of a profile lies in parts.
#[derive(Clone, Copy)]
pub struct Calendars<'a>(Lying<'a>);

#[derive(Clone, Copy)]
enum Lying<'a> {
    Together(&'a [u8]),
    One(Track<'a>),
}

/// One calendar of a profile.
#[derive(Clone, Copy)]
pub struct Track<'a> {
    /// In which app; `None` is activity without one.
    pub app: Option<AppIndex>,
    pub(crate) latest: ActiveDay,
    pub(crate) gaps: &'a [u8],
    /// A gap of one byte that comes after the others, or 0.
    pub(crate) last_gap: u8,
}

/// Bytes that are no calendars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalendarsError;

impl From<Truncated> for CalendarsError {
    fn from(Truncated: Truncated) -> Self {
        Self
    }
}

const GAP_ONE_BYTE_MAX: u16 = 253;
const GAP_TWO_BYTES: u8 = 254;

impl<'a> Calendars<'a> {
    /// Those of a profile that was never active.
    pub(crate) const NONE: Self = Self::trusted(&[]);

    /// Takes bytes that [`insert`] wrote.
    pub(crate) const fn trusted(bytes: &'a [u8]) -> Self {
        Self(Lying::Together(bytes))
    }

    /// Takes the only track there is.
    pub(crate) const fn one(track: Track<'a>) -> Self {
        Self(Lying::One(track))
    }

    /// Takes bytes from the store if every track in them is well formed and no app has two.
    pub fn checked(bytes: &'a [u8]) -> Result<Self, CalendarsError> {
        let mut reader = Reader::new(bytes);
        let mut apps = Vec::new();
        while !reader.is_empty() {
            let (code, track) = read_track(&mut reader)?;
            track.check()?;
            // Most profiles have one track, which needs no list.
            if !(apps.is_empty() && reader.is_empty()) {
                apps.push(code);
            }
        }
        apps.sort_unstable();
        if apps.windows(2).any(|pair| pair[0] == pair[1]) { Err(CalendarsError) } else { Ok(Self::trusted(bytes)) }
    }

    /// Whether the profile was never active.
    pub(crate) const fn is_empty(self) -> bool {
        matches!(self.0, Lying::Together([]))
    }

    /// Appends the byte string.
    pub(crate) fn write_to(self, out: &mut Vec<u8>) {
        match self.0 {
            Lying::Together(bytes) => out.extend_from_slice(bytes),
            Lying::One(track) => {
                let last = std::slice::from_ref(&track.last_gap);
                let last = if track.last_gap == 0 { &[] } else { last };
                write_track_head(track.app, track.latest, track.gaps.len() + last.len(), out);
                out.extend_from_slice(track.gaps);
                out.extend_from_slice(last);
            }
        }
    }

    /// The byte string.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes);
        bytes
    }

    /// What it takes to make `day` active in the track of `app`.
    #[inline]
    pub(crate) fn meet(self, app: Option<AppIndex>, day: ActiveDay) -> Meeting {
        match self.0 {
            Lying::Together(bytes) => meet_together(bytes, app, day),
            Lying::One(track) => track.meet(app, day),
        }
    }

    /// The tracks, in the order in which the profile first used the apps.
    pub fn tracks(self) -> impl Iterator<Item = Track<'a>> {
        let (bytes, one) = match self.0 {
            Lying::Together(bytes) => (bytes, None),
            Lying::One(track) => (&[][..], Some(track)),
        };
        let mut reader = Reader::new(bytes);
        let together = std::iter::from_fn(move || {
            (!reader.is_empty()).then(|| read_track(&mut reader).expect("checked when it was taken").1)
        });
        one.into_iter().chain(together)
    }
}

fn meet_together(all: &[u8], app: Option<AppIndex>, day: ActiveDay) -> Meeting {
    let (mut bytes, mut own, mut latest_of_all) = (all, None, ActiveDay::from_code(0));
    while !bytes.is_empty() {
        let start = all.len() - bytes.len();
        let Some((track, after)) = split_plain(bytes) else {
            let mut tracks = Calendars::trusted(bytes).tracks();
            let known = tracks.any(|track| track.app == app && track.around(day).active);
            return if known { Meeting::Known } else { Meeting::Unclear };
        };
        if track.app == app {
            // Every other event is of the latest day.
            if day <= track.latest {
                return track.meet(app, day);
            }
            own = Some((start, all.len() - after.len(), track));
        }
        latest_of_all = latest_of_all.max(track.latest);
        bytes = after;
    }
    let Some((start, end, track)) = own.filter(|_| latest_of_all <= day) else { return Meeting::Unclear };
    match track.meet(app, day) {
        Meeting::Later(_) if matches!(track.gaps.len(), SHORT_MAX | PLAIN_MAX) => Meeting::Unclear,
        Meeting::Later(append) => Meeting::Later(Append { start, end, latest_of_all, ..append }),
        other => other,
    }
}

/// The greatest numbers that are one byte and two bytes.
const SHORT_MAX: usize = 0x7f;
const PLAIN_MAX: usize = 0x3fff;

/// The track, if it is the only one and its app's number is at most `code_max`.
#[inline]
pub(crate) fn only_track(bytes: &[u8], code_max: u8) -> Option<Track<'_>> {
    let (track, rest) = split_plain(bytes)?;
    (rest.is_empty() && bytes[0] <= code_max).then_some(track)
}

/// The first track and what follows it, if the numbers of its head are as short as nearly all are: the app's a byte, that of
/// gap bytes one or two.
#[inline]
fn split_plain(bytes: &[u8]) -> Option<(Track<'_>, &[u8])> {
    let [code @ 0..0x80, low, high, count, rest @ ..] = bytes else { return None };
    let (count, rest) = match (count, rest) {
        (0..0x80, _) => (usize::from(*count), rest),
        (_, [more @ 0..0x80, rest @ ..]) => (usize::from(count & 0x7f) | usize::from(*more) << 7, rest),
        _ => return None,
    };
    let app = code.checked_sub(1).and_then(|index| AppIndex::new(index.into()));
    let (gaps, after) = rest.split_at_checked(count)?;
    let latest = ActiveDay::from_code(u16::from_le_bytes([*low, *high]));
    Some((Track { app, latest, gaps, last_gap: 0 }, after))
}

fn read_track<'a>(reader: &mut Reader<'a>) -> Result<(u16, Track<'a>), CalendarsError> {
    let code = reader.number::<u16>()?;
    let app = match code.checked_sub(1) {
        None => None,
        Some(index) => Some(AppIndex::new(index).ok_or(CalendarsError)?),
    };
    let latest = ActiveDay::from_code(reader.u16()?);
    let gap_byte_count = reader.number::<usize>()?;
    Ok((code, Track { app, latest, gaps: reader.bytes(gap_byte_count)?, last_gap: 0 }))
}

impl Track<'_> {
    /// What it takes to make `day` active here, when the profile has no other track.
    #[inline(always)]
    pub(crate) fn meet(self, app: Option<AppIndex>, day: ActiveDay) -> Meeting {
        if self.app != app {
            return Meeting::Unclear;
        }
        match day.code().checked_sub(self.latest.code()) {
            Some(0) => Meeting::Known,
            Some(gap @ 1..=GAP_ONE_BYTE_MAX) => {
                let gap = gap.to_le_bytes()[0];
                Meeting::Later(Append { start: 0, end: 0, gap, latest: self.latest, latest_of_all: self.latest })
            }
            None if self.has_before(day) => Meeting::Known,
            _ => Meeting::Unclear,
        }
    }

    #[inline(never)]
    fn has_before(self, day: ActiveDay) -> bool {
        self.around(day).active
    }

    /// The active days, newest first.
    pub fn days(self) -> impl Iterator<Item = ActiveDay> {
        std::iter::successors(Some(self), |track| track.earlier()).map(|track| track.latest)
    }

    /// The track without its latest day, unless that is the only one.
    fn earlier(self) -> Option<Self> {
        let (gaps, gap) = match self.last_gap {
            0 => split_last_gap(self.gaps)?,
            gap => (self.gaps, u16::from(gap)),
        };
        Some(Self { latest: day_before(self.latest, gap), gaps, last_gap: 0, ..self })
    }

    /// Whether `day` is active, and if not, the active days next to it.
    pub(crate) fn around(self, day: ActiveDay) -> Around {
        if day > self.latest {
            return Around { active: false, previous: Some(self.latest), next: None };
        }
        let mut track = self;
        loop {
            let next = Some(track.latest);
            if track.latest == day {
                return Around { active: true, ..Around::NOBODY };
            }
            let Some(earlier) = track.earlier() else {
                return Around { active: false, previous: None, next };
            };
            if earlier.latest < day {
                return Around { active: false, previous: Some(earlier.latest), next };
            }
            track = earlier;
        }
    }

    fn check(self) -> Result<(), CalendarsError> {
        // Most tracks have small gaps alone, and these need no order: every byte is one, and none reaches too far.
        let is_small = |gap: &u8| u16::from(gap.wrapping_sub(1)) < GAP_ONE_BYTE_MAX;
        if self.gaps.iter().fold(true, |all, gap| all & is_small(gap)) {
            let days: u32 = self.gaps.iter().copied().map(u32::from).sum();
            return if days <= u32::from(self.latest.code()) { Ok(()) } else { Err(CalendarsError) };
        }
        let (mut day, mut gaps) = (self.latest.code(), self.gaps);
        while let Some((&tag, before)) = gaps.split_last() {
            let (earlier, gap) = match tag {
                0 | 255 => return Err(CalendarsError),
                GAP_TWO_BYTES => {
                    let (earlier, gap) = before.split_last_chunk().ok_or(CalendarsError)?;
                    (earlier, u16::from_le_bytes(*gap))
                }
                gap => (before, u16::from(gap)),
            };
            if tag == GAP_TWO_BYTES && gap <= GAP_ONE_BYTE_MAX {
                return Err(CalendarsError);
            }
            day = day.checked_sub(gap).ok_or(CalendarsError)?;
            gaps = earlier;
        }
        Ok(())
    }
}

fn day_before(day: ActiveDay, gap: u16) -> ActiveDay {
    ActiveDay::from_code(day.code() - gap)
}

fn split_last_gap(gaps: &[u8]) -> Option<(&[u8], u16)> {
    match gaps.split_last()? {
        (&GAP_TWO_BYTES, before) => {
            let (earlier, gap) = before.split_last_chunk().expect("a two-byte gap");
            Some((earlier, u16::from_le_bytes(*gap)))
        }
        (&gap, earlier) => Some((earlier, u16::from(gap))),
    }
}

/// A day among the active days of one or more calendars.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Around {
    /// The day is active already.
    pub active: bool,
    /// The nearest active day before it.
    pub previous: Option<ActiveDay>,
    /// The nearest active day after it.
    pub next: Option<ActiveDay>,
}

impl Around {
    /// In no calendar.
    pub const NOBODY: Self = Self { active: false, previous: None, next: None };

    /// In the union of two calendars.
    pub fn or(self, other: Self) -> Self {
        Self {
            active: self.active || other.active,
            previous: self.previous.max(other.previous),
            next: match (self.next, other.next) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        }
    }
}

/// The bytes that stand for one gap.
struct GapBytes {
    bytes: [u8; 3],
    count: usize,
}

impl GapBytes {
    fn new(gap: u16) -> Self {
        match u8::try_from(gap) {
            Ok(byte) if gap <= GAP_ONE_BYTE_MAX => Self { bytes: [byte, 0, 0], count: 1 },
            _ => {
                let [low, high] = gap.to_le_bytes();
                Self { bytes: [low, high, GAP_TWO_BYTES], count: 3 }
            }
        }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.count]
    }
}

/// Writes `calendars` with `day` added to the track of `app` into `out` (cleared first). The day must not be active there.
pub(crate) fn insert(calendars: &[u8], app: Option<AppIndex>, day: ActiveDay, out: &mut Vec<u8>) {
    out.clear();
    let mut reader = Reader::new(calendars);
    while !reader.is_empty() {
        let start = calendars.len() - reader.rest().len();
        let (_, track) = read_track(&mut reader).expect("checked when it was taken");
        if track.app == app {
            out.extend_from_slice(&calendars[..start]);
            insert_into(track, day, out);
            out.extend_from_slice(reader.rest());
            return;
        }
    }
    out.extend_from_slice(calendars);
    write_track_head(app, day, 0, out);
}

fn insert_into(track: Track<'_>, day: ActiveDay, out: &mut Vec<u8>) {
    if day > track.latest {
        let gap = GapBytes::new(day.code() - track.latest.code());
        write_track_head(track.app, day, track.gaps.len() + gap.count, out);
        out.extend_from_slice(track.gaps);
        out.extend_from_slice(gap.as_slice());
        return;
    }
    let (mut next, mut gaps) = (track.latest, track.gaps);
    loop {
        let Some((earlier, gap)) = split_last_gap(gaps) else {
            let gap = GapBytes::new(next.code() - day.code());
            write_track_head(track.app, track.latest, track.gaps.len() + gap.count, out);
            out.extend_from_slice(gap.as_slice());
            out.extend_from_slice(track.gaps);
            return;
        };
        let previous = day_before(next, gap);
        if previous < day {
            let (first, second) =
                (GapBytes::new(day.code() - previous.code()), GapBytes::new(next.code() - day.code()));
            let later = &track.gaps[gaps.len()..];
            write_track_head(track.app, track.latest, earlier.len() + first.count + second.count + later.len(), out);
            for part in [earlier, first.as_slice(), second.as_slice(), later] {
                out.extend_from_slice(part);
            }
            return;
        }
        (next, gaps) = (previous, earlier);
    }
}

/// What it takes to make a day active in a track.
#[derive(Clone, Copy)]
pub(crate) enum Meeting {
    /// It is.
    Known,
    /// One byte.
    Later(Append),
    /// More than that, perhaps.
    Unclear,
}

/// A day put behind the latest one of a track, when that takes one byte more and no track has a later day. Of an only track
/// it is not said where it lies.
#[derive(Clone, Copy)]
pub(crate) struct Append {
    /// Where the track begins.
    start: usize,
    /// Where its gaps end: where the byte is put in.
    pub end: usize,
    pub gap: u8,
    /// The latest day of the track.
    pub latest: ActiveDay,
    /// The latest day of all tracks.
    pub latest_of_all: ActiveDay,
}

impl Append {
    /// Adds the day to the byte string of calendars, into which a byte was put.
    #[inline]
    pub fn make(self, day: ActiveDay, calendars: &mut [u8]) {
        let [low, high] = day.code().to_le_bytes();
        calendars[self.end] = self.gap;
        let [_, latest_low, latest_high, count, more, ..] = &mut calendars[self.start..] else { return };
        (*latest_low, *latest_high) = (low, high);
        match *count {
            // Of a number of two bytes, this one has the lower seven bits and says that there is another.
            0xff => (*count, *more) = (0x80, *more + 1),
            _ => *count += 1,
        }
    }
}

fn code_of(app: Option<AppIndex>) -> u16 {
    app.map_or(0, |app| app.get() + 1)
}

fn write_track_head(app: Option<AppIndex>, latest: ActiveDay, gap_byte_count: usize, out: &mut Vec<u8>) {
    write_varint(out, u64::from(code_of(app)));
    out.extend_from_slice(&latest.code().to_le_bytes());
    write_varint(out, gap_byte_count as u64);
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn app(code: u16) -> Option<AppIndex> {
        code.checked_sub(1).and_then(AppIndex::new)
    }

    fn days_of(bytes: &[u8]) -> BTreeMap<Option<AppIndex>, Vec<u16>> {
        let calendars = Calendars::checked(bytes).unwrap();
        calendars
            .tracks()
            .map(|track| {
                let mut days: Vec<_> = track.days().map(ActiveDay::code).collect();
                days.reverse();
                (track.app, days)
            })
            .collect()
    }

    #[test]
    fn golden_bytes() {
        let mut bytes = Vec::new();
        let mut scratch = Vec::new();
        for (code, day) in [(0, 20_000), (2, 100), (0, 20_005), (0, 20_001), (2, 1_100), (0, 19_000)] {
            insert(&bytes, app(code), ActiveDay::from_code(day), &mut scratch);
            std::mem::swap(&mut bytes, &mut scratch);
        }
        let latest = 20_005_u16.to_le_bytes();
        let (thousand, second) = (1_000_u16.to_le_bytes(), 1_100_u16.to_le_bytes());
        let expected = [
            &[0, latest[0], latest[1], 5, thousand[0], thousand[1], 254, 1, 4][..],
            &[2, second[0], second[1], 3, thousand[0], thousand[1], 254],
        ]
        .concat();
        assert_eq!(bytes, expected);
    }

    #[test]
    fn malformed_bytes_are_refused() {
        for (bytes, why) in [
            (&[0, 9][..], "ends in the latest day"),
            (&[0, 9, 0, 2, 1], "gaps are cut"),
            (&[0, 9, 0, 1, 10], "a gap reaches before the first day there is"),
            (&[0, 9, 0, 1, 0], "a gap of nothing"),
            (&[0, 9, 0, 1, 255], "no such gap"),
            (&[0, 9, 0, 2, 1, 254], "a two-byte gap of one byte"),
            (&[0, 9, 0, 3, 1, 0, 254], "a small gap in two bytes"),
            (&[1, 9, 0, 0, 1, 9, 0, 0], "two tracks of one app"),
            (&[0xff, 0xff, 0x03, 9, 0, 0], "an app beyond the limit"),
        ] {
            assert!(Calendars::checked(bytes).is_err(), "{why}");
        }
    }

    proptest! {
        #[test]
        fn a_calendar_is_the_set_of_its_days(
            inserts in prop::collection::vec((0_u16..4, prop_oneof![0_u16..40, 20_000_u16..20_800, any::<u16>()]), 0..120),
            probe: u16,
        ) {
            let mut model = BTreeMap::<Option<AppIndex>, BTreeSet<u16>>::new();
            let (mut bytes, mut scratch) = (Vec::new(), Vec::new());
            for (code, day) in inserts {
                if model.entry(app(code)).or_default().insert(day) {
                    insert(&bytes, app(code), ActiveDay::from_code(day), &mut scratch);
                    std::mem::swap(&mut bytes, &mut scratch);
                }
            }
            let expected: BTreeMap<_, Vec<u16>> =
                model.iter().map(|(app, days)| (*app, days.iter().copied().collect())).collect();
            prop_assert_eq!(days_of(&bytes), expected);
            for track in Calendars::checked(&bytes).unwrap().tracks() {
                let days = &model[&track.app];
                for day in days.iter().copied().chain([probe]) {
                    let around = track.around(ActiveDay::from_code(day));
                    prop_assert_eq!(around.active, days.contains(&day));
                    if !around.active {
                        prop_assert_eq!(around.previous.map(ActiveDay::code), days.range(..day).next_back().copied());
                        prop_assert_eq!(around.next.map(ActiveDay::code), days.range(day..).next().copied());
                    }
                }
            }
        }

        #[test]
        fn any_bytes_are_checked_without_panic(bytes: Vec<u8>) {
            if let Ok(calendars) = Calendars::checked(&bytes) {
                calendars.tracks().for_each(|track| { track.days().count(); });
            }
        }
    }
}
