//! The bytes of one pair of cache lines: `[lower halves of keys: 6 × u64][upper halves: 6 × u64][heads: 6 × 4 bytes]
//! [place of the body: u32][bytes of the body: u32]`. Its profiles stand in the first of its six slots.

use dauphin_model::{ActiveDay, AppIndex, ProfileKey};

use crate::arena::Place;
use crate::calendar::{self, Track};

pub const PAIR_BYTES: usize = 128;
pub const SLOTS: usize = 6;
pub type Pair = [u8; PAIR_BYTES];

const HIGH_AT: usize = SLOTS * size_of::<u64>();
const HEADS_AT: usize = 2 * HIGH_AT;
const HEAD_BYTES: usize = 4;
const BODY_AT: usize = HEADS_AT + SLOTS * HEAD_BYTES;

/// What stands of the calendars of a profile beside its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// What the rest is.
    pub lead: Lead,
    /// The last gap of an only track, if that is one byte and not among the others; otherwise 0. Of several tracks, one more
    /// than the number of the app of the visit that was the last one put in, or 0.
    pub gap: u8,
    /// The latest day of an only track; of several, the day of that visit.
    pub latest: ActiveDay,
}

/// What the body has of a profile: a number, of which each from [`Lead::TRACK`] on stands for the gaps of an only track.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lead(u8);

impl Lead {
    /// No profile stands here.
    pub const FREE: Self = Self(0);
    /// Nothing: it was never active.
    pub const NOTHING: Self = Self(1);
    /// The byte string of its calendars.
    pub const TOGETHER: Self = Self(2);
    const TRACK: u8 = 3;
    const TRACK_CODE_MAX: u8 = u8::MAX - Self::TRACK;

    /// The number of the only track's app, as a track says it.
    #[inline]
    pub const fn track_code(self) -> Option<u8> {
        self.0.checked_sub(Self::TRACK)
    }
}

impl Head {
    pub const FREE: Self = Self { lead: Lead::FREE, gap: 0, latest: ActiveDay::from_code(0) };

    /// The head of calendars, and what is then left for the body.
    pub fn split(calendars: &[u8]) -> (Self, &[u8]) {
        match calendar::only_track(calendars, Lead::TRACK_CODE_MAX) {
            // One gap alone is not worth a body.
            Some(Track { latest, gaps: [gap], .. }) => (Self::of_track(calendars[0], *gap, latest), &[]),
            Some(Track { latest, gaps, .. }) => (Self::of_track(calendars[0], 0, latest), gaps),
            None if calendars.is_empty() => (Self { lead: Lead::NOTHING, ..Self::FREE }, calendars),
            None => (Self { lead: Lead::TOGETHER, ..Self::FREE }, calendars),
        }
    }

    /// Whether the profile has the track of `app` and no other.
    #[inline]
    pub fn is_only_track(self, app: Option<AppIndex>) -> bool {
        self.lead.track_code().map(u16::from) == Some(app.map_or(0, |app| app.get() + 1))
    }

    /// Whether this alone tells that the profile has several tracks and was active on `day` in the one of `app`.
    #[inline]
    pub fn is_last_visit(self, app: Option<AppIndex>, day: ActiveDay) -> bool {
        self.latest == day && self.lead == Lead::TOGETHER && u16::from(self.gap) == visit_code(app)
    }

    /// The same head after a visit of several tracks.
    #[inline]
    pub fn with_visit(self, app: Option<AppIndex>, day: ActiveDay) -> Self {
        Self { gap: u8::try_from(visit_code(app)).unwrap_or(0), latest: day, ..self }
    }

    const fn of_track(code: u8, gap: u8, latest: ActiveDay) -> Self {
        Self { lead: Lead(Lead::TRACK + code), gap, latest }
    }
}

#[inline]
fn visit_code(app: Option<AppIndex>) -> u16 {
    app.map_or(1, |app| app.get() + 2)
}

/// The profile in a slot, if one stands there.
#[inline]
pub fn profile_at(pair: &Pair, slot: usize) -> Option<(ProfileKey, Head)> {
    let head = head_at(pair, slot);
    let key = u128::from(number_at(pair, HIGH_AT, slot)) << u64::BITS | u128::from(number_at(pair, 0, slot));
    (head.lead != Lead::FREE).then(|| (ProfileKey::from_u128(key), head))
}

#[inline(always)]
pub fn head_at(pair: &Pair, slot: usize) -> Head {
    let at = HEADS_AT + slot * HEAD_BYTES;
    let [lead, gap, latest @ ..] = *pair[at..].first_chunk::<HEAD_BYTES>().expect("heads are followed by eight bytes");
    Head { lead: Lead(lead), gap, latest: ActiveDay::from_code(u16::from_le_bytes(latest)) }
}

#[inline(always)]
pub fn set_head(pair: &mut Pair, slot: usize, head: Head) {
    let [low, high] = head.latest.code().to_le_bytes();
    let at = HEADS_AT + slot * HEAD_BYTES;
    pair[at..at + HEAD_BYTES].copy_from_slice(&[head.lead.0, head.gap, low, high]);
}

pub fn set_profile(pair: &mut Pair, slot: usize, key: ProfileKey, head: Head) {
    let (low, high) = halves(key);
    for (from, half) in [(0, low), (HIGH_AT, high)] {
        let at = from + slot * size_of::<u64>();
        pair[at..at + size_of::<u64>()].copy_from_slice(&half.to_le_bytes());
    }
    set_head(pair, slot, head);
}

/// In which slot the profile stands, if any.
#[inline(always)]
pub fn slot_of(pair: &Pair, key: ProfileKey) -> Option<usize> {
    let (low, high) = halves(key);
    let equal = (0..SLOTS).fold(0_u32, |equal, slot| equal | u32::from(number_at(pair, 0, slot) == low) << slot);
    if equal == 0 {
        return None;
    }
    let is_it = |slot: &usize| {
        equal >> slot & 1 == 1 && number_at(pair, HIGH_AT, *slot) == high && head_at(pair, *slot).lead != Lead::FREE
    };
    let first = equal.trailing_zeros() as usize;
    if is_it(&first) { Some(first) } else { (first + 1..SLOTS).find(is_it) }
}

/// Slots in use.
pub fn count(pair: &Pair) -> usize {
    (0..SLOTS).filter(|slot| head_at(pair, *slot).lead != Lead::FREE).count()
}

#[inline]
pub fn is_full(pair: &Pair) -> bool {
    head_at(pair, SLOTS - 1).lead != Lead::FREE
}

/// Where the body lies, and its length.
#[inline]
pub fn body(pair: &Pair) -> (Place, usize) {
    let [place @ .., a, b, c, d] = *pair[BODY_AT..].first_chunk::<8>().expect("the last eight bytes");
    (Place::from_le_bytes(place), u32::from_le_bytes([a, b, c, d]) as usize)
}

#[inline]
pub fn set_body(pair: &mut Pair, place: Place, length: usize) {
    let length =
        u32::try_from(length).expect("six profiles, each of 65,536 days in 10,001 tracks, stay below four gibibytes");
    pair[BODY_AT..BODY_AT + 4].copy_from_slice(&place.to_le_bytes());
    pair[BODY_AT + 4..].copy_from_slice(&length.to_le_bytes());
}

#[inline(always)]
fn number_at(pair: &Pair, from: usize, slot: usize) -> u64 {
    let bytes = pair[from + slot * size_of::<u64>()..].first_chunk().expect("keys are followed by heads");
    u64::from_le_bytes(*bytes)
}

#[inline]
const fn halves(key: ProfileKey) -> (u64, u64) {
    (key.low(), (key.to_u128() >> u64::BITS) as u64)
}
