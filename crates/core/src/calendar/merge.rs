use dauphin_model::{ActiveDay, AppIndex};

use super::{Calendars, GapBytes, Track, code_of, day_before, read_track, split_last_gap, write_track_head};
use crate::varint::Reader;

/// An app and a day in one number, which sorts by app first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct AppDay(u32);

impl AppDay {
    pub const FIRST: Self = Self(0);

    pub fn new(app: Option<AppIndex>, day: ActiveDay) -> Self {
        Self(u32::from(code_of(app)) << 16 | u32::from(day.code()))
    }

    const fn app_code(self) -> u16 {
        (self.0 >> 16) as u16
    }

    pub fn app(self) -> Option<AppIndex> {
        self.app_code().checked_sub(1).and_then(AppIndex::new)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half of 32 bits")]
    pub const fn day(self) -> ActiveDay {
        ActiveDay::from_code(self.0 as u16)
    }
}

/// A day of a calendar into which others were merged, known before or new, in one number: of one day, known sorts before
/// new.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Merged(u32);

impl Merged {
    const NEW: u32 = 1;

    const fn known(day: ActiveDay) -> Self {
        Self((day.code() as u32) << 1)
    }

    const fn new(day: ActiveDay) -> Self {
        Self((day.code() as u32) << 1 | Self::NEW)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the sixteen bits above the lowest")]
    pub const fn day(self) -> ActiveDay {
        ActiveDay::from_code((self.0 >> 1) as u16)
    }

    /// Whether it was not known before.
    pub const fn is_new(self) -> bool {
        self.0 & Self::NEW != 0
    }
}

/// Calendars into which many days are put at once. What it needs of memory it keeps for the next profile.
#[derive(Default)]
pub(crate) struct Merge {
    /// The calendars as they are now.
    pub bytes: Vec<u8>,
    /// Of every track, the days from the first one put in on.
    days: Vec<Merged>,
    tracks: Vec<MergedTrack>,
    /// Of all tracks together.
    all: Vec<Merged>,
    known: Vec<ActiveDay>,
    gaps: Vec<u8>,
    /// The calendars as they were.
    own: Vec<u8>,
}

struct MergedTrack {
    app: Option<AppIndex>,
    before: Option<ActiveDay>,
    /// Where its days end; they begin where those of the track before end.
    end: usize,
}

/// The days of a calendar from the first one put in on.
#[derive(Clone, Copy)]
pub(crate) struct MergedDays<'a> {
    /// The active day before all of them.
    pub before: Option<ActiveDay>,
    /// In order.
    pub days: &'a [Merged],
}

impl Merge {
    /// Puts days in, which come in order. Says whether any of them is new; if none is, nothing else is said.
    pub fn merge(&mut self, calendars: Calendars<'_>, put_in: &[AppDay]) -> bool {
        self.bytes.clear();
        self.days.clear();
        self.tracks.clear();
        let Some(first) = put_in.iter().map(|one| one.day()).min() else { return false };
        let mut own = std::mem::take(&mut self.own);
        own.clear();
        calendars.write_to(&mut own);
        let any_new = self.merge_into(&own, first, put_in);
        self.own = own;
        any_new
    }

    fn merge_into(&mut self, calendars: &[u8], first: ActiveDay, put_in: &[AppDay]) -> bool {
        let mut any_new = false;
        let mut reader = Reader::new(calendars);
        while !reader.is_empty() {
            let rest = reader.rest();
            let (code, track) = read_track(&mut reader).expect("checked when it was taken");
            let start = put_in.partition_point(|one| one.app_code() < code);
            let count = put_in[start..].partition_point(|one| one.app_code() == code);
            let (kept, before) = self.take_known(track, first);
            if self.merge_track(track.app, kept, before, &put_in[start..start + count]) {
                any_new = true;
            } else {
                self.bytes.extend_from_slice(&rest[..rest.len() - reader.rest().len()]);
            }
        }
        for of_app in put_in.chunk_by(|a, b| a.app_code() == b.app_code()) {
            let app = of_app[0].app();
            if !self.tracks.iter().any(|track| track.app == app) {
                self.known.clear();
                any_new |= self.merge_track(app, &[], None, of_app);
            }
        }
        any_new
    }

    /// Takes the days of a track from `first` on, newest first; gives the gaps up to the day before these, and that day.
    fn take_known<'a>(&mut self, track: Track<'a>, first: ActiveDay) -> (&'a [u8], Option<ActiveDay>) {
        self.known.clear();
        let (mut gaps, mut next) = (track.gaps, Some(track.latest));
        while let Some(day) = next.filter(|day| *day >= first) {
            self.known.push(day);
            next = split_last_gap(gaps).map(|(earlier, gap)| {
                gaps = earlier;
                day_before(day, gap)
            });
        }
        (gaps, next)
    }

    /// Merges days with those known of a track, and writes it down if one of them is new.
    fn merge_track(
        &mut self,
        app: Option<AppIndex>,
        kept: &[u8],
        before: Option<ActiveDay>,
        put_in: &[AppDay],
    ) -> bool {
        let start = self.days.len();
        let (mut any_new, mut latest) = (false, None);
        let mut known = self.known.iter().rev().copied().peekable();
        for day in put_in.iter().map(|one| one.day()) {
            if latest == Some(day) {
                continue;
            }
            while let Some(day) = known.next_if(|known| *known < day) {
                self.days.push(Merged::known(day));
            }
            let is_known = known.next_if_eq(&day).is_some();
            any_new |= !is_known;
            self.days.push(if is_known { Merged::known(day) } else { Merged::new(day) });
            latest = Some(day);
        }
        self.days.extend(known.map(Merged::known));
        if any_new {
            self.write_track(app, kept, before, start);
        }
        self.tracks.push(MergedTrack { app, before, end: self.days.len() });
        any_new
    }

    /// Writes a track down whose days from `start` on follow `before`, up to which `kept` are the gaps.
    fn write_track(&mut self, app: Option<AppIndex>, kept: &[u8], before: Option<ActiveDay>, start: usize) {
        self.gaps.clear();
        let mut previous = before;
        for day in self.days[start..].iter().map(|merged| merged.day()) {
            if let Some(previous) = previous {
                // Nearly all are one byte, which is less to push than to copy.
                match GapBytes::new(day.code() - previous.code()).as_slice() {
                    [gap] => self.gaps.push(*gap),
                    gap => self.gaps.extend_from_slice(gap),
                }
            }
            previous = Some(day);
        }
        let latest = previous.expect("a track that is written down has a new day");
        write_track_head(app, latest, kept.len() + self.gaps.len(), &mut self.bytes);
        self.bytes.extend_from_slice(kept);
        self.bytes.extend_from_slice(&self.gaps);
    }

    /// The tracks, those that stayed as they were among them.
    pub fn tracks(&self) -> impl Iterator<Item = (Option<AppIndex>, MergedDays<'_>)> {
        let mut start = 0;
        self.tracks.iter().map(move |track| {
            let days = &self.days[start..track.end];
            start = track.end;
            (track.app, MergedDays { before: track.before, days })
        })
    }

    /// Whether there is but one track.
    pub const fn is_one(&self) -> bool {
        self.tracks.len() == 1
    }

    /// All tracks as one calendar.
    pub fn union(&mut self) -> MergedDays<'_> {
        self.all.clone_from(&self.days);
        self.all.sort_unstable();
        self.all.dedup_by_key(|merged| merged.day());
        let before = self.tracks.iter().filter_map(|track| track.before).max();
        MergedDays { before, days: &self.all }
    }
}
