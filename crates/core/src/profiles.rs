mod body;
mod pair;

use std::ops::Range;

use dauphin_model::{ActiveDay, AppIndex, ProfileKey};
use prefetch_index::prefetch_index;

use crate::arena::{Arena, Place};
use crate::calendar::{Append, Calendars, Meeting, Track};
use crate::chunk::{CACHE_LINE_BYTES, Chunk, whole_pages};
use crate::linear;
use pair::{Head, Lead, PAIR_BYTES, Pair, SLOTS};

/// The profiles of a shard and the calendars of each: a hash table whose places are pairs of cache lines, with the rest of
/// the calendars of each pair's profiles, its *body*, elsewhere. A profile that finds no room where it belongs is in the next
/// pair that has some. A repeat is told from the pair alone, and so is every other new day.
///
/// Pairs are in the order of the hashes read from their lowest bit on, so the profiles of a page stand together, and the
/// table grows to any size by being read from front to back.
#[derive(Default)]
pub(crate) struct Profiles {
    pairs: Chunk,
    bodies: Arena,
    count: usize,
    /// How often profiles came to stand elsewhere.
    moves: usize,
}

/// Profiles there are at most for so many pairs: the more, the less memory, and the more that are not where they belong.
const PROFILES_MAX: usize = 41;
const PROFILES_MAX_PAIRS: usize = 8;
/// A table grows by this part of itself at least.
const GROWTH: usize = 4;
/// Pairs that are read together when the table grows.
const GROWN_PAIRS: usize = 32;
/// Bodies that are asked for before they are moved.
const COMPACTED_AHEAD: usize = 12;
/// Nobody is so far from where they belong whose key is a hash.
const AWAY_MAX: usize = 4096;

/// Where a profile stands, until the table changes: eight times its pair, and its slot. Small, because spots are kept by the
/// dozen.
#[derive(Clone, Copy)]
pub(crate) struct Spot(u32);

impl Spot {
    #[inline]
    fn new(pair: usize, slot: usize) -> Self {
        Self(u32::try_from(pair << 3 | slot).expect("a shard has less than three billion profiles"))
    }

    #[inline]
    const fn pair(self) -> usize {
        (self.0 >> 3) as usize
    }

    #[inline]
    const fn slot(self) -> usize {
        (self.0 & 7) as usize
    }
}

/// The pair from which on a profile stands, if it is there; until the table changes.
#[derive(Clone, Copy)]
pub(crate) struct Home(usize);

/// What one pair says of where a profile stands.
#[derive(Clone, Copy)]
pub(crate) enum Sought {
    Here(Spot),
    /// It is not there.
    Nowhere,
    /// It is from here on, if it is there.
    Beyond(Home),
}

impl Home {
    /// Nobody stands here.
    pub const NOWHERE: Self = Self(usize::MAX);
}

impl Profiles {
    /// How many there are.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Bytes of memory in use.
    pub fn byte_count(&self) -> usize {
        self.pairs.bytes().len() + self.bodies.byte_count()
    }

    /// How often profiles came to stand elsewhere: while this is the same, spots are right, and nobody's home is another.
    pub const fn moves(&self) -> usize {
        self.moves
    }

    /// Where the profile stands, if it is there.
    #[inline]
    pub fn find(&self, key: ProfileKey) -> Option<Spot> {
        self.find_from(self.home(key), key)
    }

    /// Where the profile stands from a pair on, if it is there.
    #[inline]
    pub fn find_from(&self, mut home: Home, key: ProfileKey) -> Option<Spot> {
        loop {
            match self.seek(home, key) {
                Sought::Here(spot) => return Some(spot),
                Sought::Nowhere => return None,
                Sought::Beyond(next) => home = next,
            }
        }
    }

    /// Where the profile stands, if it is there, of whom one pair has said this.
    #[inline(always)]
    pub fn resolve(&self, sought: Sought, key: ProfileKey) -> Option<Spot> {
        match sought {
            Sought::Here(spot) => Some(spot),
            Sought::Beyond(home) => self.find_from(home, key),
            // It may have come since.
            Sought::Nowhere => self.find(key),
        }
    }

    /// Looks for the profile in one pair.
    #[inline(always)]
    pub fn seek(&self, Home(number): Home, key: ProfileKey) -> Sought {
        let pairs = self.pairs();
        let Some(pair) = pairs.get(number) else { return Sought::Nowhere };
        match pair::slot_of(pair, key) {
            Some(slot) => Sought::Here(Spot::new(number, slot)),
            None if pair::is_full(pair) => Sought::Beyond(Home(next(number, pairs.len()))),
            None => Sought::Nowhere,
        }
    }

    /// Where the profile belongs.
    #[inline(always)]
    pub fn home(&self, key: ProfileKey) -> Home {
        Home(pair_of_order(key.low().reverse_bits(), self.pairs().len()))
    }

    /// Asks for where a profile belongs.
    #[inline(always)]
    pub fn prefetch(&self, Home(number): Home) {
        let bytes = self.pairs.bytes();
        prefetch_index(bytes, number * PAIR_BYTES);
        prefetch_index(bytes, number * PAIR_BYTES + CACHE_LINE_BYTES);
    }

    /// Asks for the profile's body.
    #[inline(always)]
    pub fn prefetch_body(&self, spot: Spot) {
        let (place, length) = pair::body(self.pair(spot.pair()));
        self.bodies.prefetch(place, length);
    }

    /// Asks for the profile's body if that is needed to make `day` active in the track of `app`.
    #[inline(always)]
    pub fn prefetch_to_meet(&self, spot: Spot, app: Option<AppIndex>, day: ActiveDay) {
        let head = pair::head_at(self.pair(spot.pair()), spot.slot());
        let is_enough = if head.is_only_track(app) {
            day == head.latest || (day > head.latest && head.gap == 0)
        } else {
            head.is_last_visit(app, day)
        };
        if !is_enough {
            self.prefetch_body(spot);
        }
    }

    /// The calendars of the profile at `spot`.
    pub fn calendars(&self, spot: Spot) -> Calendars<'_> {
        let pair = self.pair(spot.pair());
        self.calendars_in(pair, spot.slot(), pair::head_at(pair, spot.slot()))
    }

    #[inline(always)]
    fn calendars_in(&self, pair: &Pair, slot: usize, head: Head) -> Calendars<'_> {
        let part = self.part(pair, slot);
        match head.lead.track_code() {
            None => Calendars::trusted(part),
            Some(code) => {
                let app = code.checked_sub(1).and_then(|index| AppIndex::new(index.into()));
                Calendars::one(Track { app, latest: head.latest, gaps: part, last_gap: head.gap })
            }
        }
    }

    /// The calendars of the profile, if it is there.
    pub fn calendars_of(&self, key: ProfileKey) -> Option<Calendars<'_>> {
        self.find(key).map(|spot| self.calendars(spot))
    }

    /// What it takes to make `day` active in the track of `app` of the profile at `spot`.
    #[inline(always)]
    pub fn meet(&self, spot: Spot, app: Option<AppIndex>, day: ActiveDay) -> Meeting {
        let pair = self.pair(spot.pair());
        let head = pair::head_at(pair, spot.slot());
        if head.is_only_track(app) && day >= head.latest {
            // The body has nothing to say of this.
            return Track { app, latest: head.latest, gaps: &[], last_gap: head.gap }.meet(app, day);
        }
        if head.is_last_visit(app, day) {
            return Meeting::Known;
        }
        self.calendars_in(pair, spot.slot(), head).meet(app, day)
    }

    /// Makes a day active that was met.
    #[inline(always)]
    pub fn append(&mut self, spot: Spot, append: Append, app: Option<AppIndex>, day: ActiveDay) {
        let pair = self.pair_mut(spot.pair());
        let head = pair::head_at(pair, spot.slot());
        if head.lead == Lead::TOGETHER {
            pair::set_head(pair, spot.slot(), head.with_visit(app, day));
            append.make(day, self.grow(spot, Some(append.end), [0]));
        } else if head.gap == 0 {
            pair::set_head(pair, spot.slot(), Head { gap: append.gap, latest: day, ..head });
        } else {
            pair::set_head(pair, spot.slot(), Head { gap: 0, latest: day, ..head });
            self.grow(spot, None, [head.gap, append.gap]);
        }
    }

    /// Puts bytes into what the body has of the profile at `spot`, before the one at `offset` or behind them all; gives what
    /// it has then.
    #[inline(always)]
    fn grow<const COUNT: usize>(&mut self, spot: Spot, offset: Option<usize>, bytes: [u8; COUNT]) -> &mut [u8] {
        self.compact_if_sparse();
        let (place, before) = pair::body(self.pair(spot.pair()));
        let part = body::range(self.bodies.get(place, before), spot.slot());
        let (size, at) = (part.len() + COUNT, offset.unwrap_or(part.len()));
        if part.is_empty() || body::is_large(size) != body::is_large(part.len()) {
            return self.grow_anew(spot, at, &bytes);
        }
        let place = self.bodies.resize(place, before, before + COUNT);
        pair::set_body(self.pair_mut(spot.pair()), place, before + COUNT);
        let body = self.bodies.get_mut(place, before + COUNT);
        let at = part.start + at;
        body.copy_within(at..before, at + COUNT);
        body[at..at + COUNT].copy_from_slice(&bytes);
        body::set_size(body, spot.slot(), part.start, size);
        &mut body[part.start..part.end + COUNT]
    }

    #[cold]
    fn grow_anew(&mut self, spot: Spot, at: usize, bytes: &[u8]) -> &mut [u8] {
        self.replace(spot, at..at, bytes);
        let (place, length) = pair::body(self.pair(spot.pair()));
        let body = self.bodies.get_mut(place, length);
        let part = body::range(body, spot.slot());
        &mut body[part]
    }

    /// Gives the profile at `spot` other calendars.
    pub fn set_calendars(&mut self, spot: Spot, calendars: &[u8]) {
        let (head, part) = Head::split(calendars);
        let pair = self.pair_mut(spot.pair());
        pair::set_head(pair, spot.slot(), head);
        let before = self.part(self.pair(spot.pair()), spot.slot()).len();
        self.replace(spot, 0..before, part);
    }

    /// Adds a profile that is not there.
    pub fn add(&mut self, key: ProfileKey, calendars: &[u8]) {
        self.make_room(1);
        let (head, part) = Head::split(calendars);
        let spot = self.stand(key, head).expect("it is not there, and keys are hashes");
        self.replace(spot, 0..0, part);
    }

    /// Adds many profiles that are not there, none of which stands twice among them. Gives one that is refused: it is there,
    /// stands twice, or is too far from where it belongs for keys that are hashes; then those before it have been added.
    pub fn add_all(&mut self, profiles: &[(ProfileKey, &[u8])]) -> Result<(), ProfileKey> {
        self.make_room(profiles.len());
        let mut parts = Vec::with_capacity(profiles.len());
        for (key, calendars) in profiles {
            let (head, part) = Head::split(calendars);
            parts.push((self.stand(*key, head).ok_or(*key)?, part));
        }
        self.write_parts(&mut parts);
        Ok(())
    }

    /// Makes room for so many profiles more than there are.
    pub fn make_room(&mut self, count: usize) {
        let pair_count = ((self.count + count) * PROFILES_MAX_PAIRS).div_ceil(PROFILES_MAX);
        let now = self.pairs().len();
        if pair_count > now {
            self.enlarge(pair_count.max(now + now / GROWTH));
        }
    }

    #[cold]
    fn enlarge(&mut self, pair_count: usize) {
        let pairs = Chunk::new(whole_pages(pair_count * PAIR_BYTES));
        let old = std::mem::replace(self, Self { pairs, moves: self.moves + 1, ..Self::default() });
        let mut parts = Vec::with_capacity(GROWN_PAIRS * SLOTS);
        for pairs in old.pairs().chunks(GROWN_PAIRS) {
            for (pair, slot) in pairs.iter().flat_map(|pair| (0..SLOTS).map(move |slot| (pair, slot))) {
                if let Some((key, head)) = pair::profile_at(pair, slot) {
                    parts.push((self.stand_anywhere(self.home(key), key, head), old.part(pair, slot)));
                }
            }
            self.write_parts(&mut parts);
            parts.clear();
        }
    }

    /// Writes what the bodies have of profiles of which they have nothing yet, each body once.
    fn write_parts(&mut self, parts: &mut [(Spot, &[u8])]) {
        parts.sort_unstable_by_key(|(spot, _)| spot.0);
        for here in parts.chunk_by(|(one, _), (next, _)| one.pair() == next.pair()) {
            let number = here[0].0.pair();
            if pair::body(self.pair(number)).1 > 0 {
                here.iter().for_each(|(spot, part)| self.replace(*spot, 0..0, part));
                continue;
            }
            let mut parts: body::Parts<'_> = [&[]; SLOTS];
            here.iter().for_each(|(spot, part)| parts[spot.slot()] = part);
            self.write_body(number, &parts);
        }
    }

    /// Puts a profile into the first pair that has room, from the one on where it belongs, unless it is there already or
    /// that is too far.
    fn stand(&mut self, key: ProfileKey, head: Head) -> Option<Spot> {
        let mut home = self.home(key);
        for _ in 0..AWAY_MAX {
            match self.seek(home, key) {
                Sought::Here(_) => return None,
                Sought::Beyond(next) => home = next,
                Sought::Nowhere => return Some(self.stand_anywhere(home, key, head)),
            }
        }
        None
    }

    /// Puts a profile that is not there into the first pair that has room, from one on.
    fn stand_anywhere(&mut self, Home(mut number): Home, key: ProfileKey, head: Head) -> Spot {
        let pair_count = self.pairs().len();
        while pair::is_full(self.pair(number)) {
            number = next(number, pair_count);
        }
        self.count += 1;
        let pair = self.pair_mut(number);
        let slot = pair::count(pair);
        pair::set_profile(pair, slot, key, head);
        Spot::new(number, slot)
    }

    /// Takes out the profile at `spot`.
    pub fn remove(&mut self, spot: Spot) {
        self.count -= 1;
        self.moves += 1;
        self.vacate(spot);
        self.close_hole(spot.pair());
    }

    /// Takes the profile at `spot` out of its pair, whose last one takes its place.
    fn vacate(&mut self, spot: Spot) {
        let pair = self.pair(spot.pair());
        let last = Spot::new(spot.pair(), pair::count(pair) - 1);
        let (before, part) = (self.part(pair, spot.slot()).len(), self.part(pair, last.slot()).to_vec());
        let moved = pair::profile_at(pair, last.slot());
        if let Some((key, head)) = moved.filter(|_| last.slot() != spot.slot()) {
            pair::set_profile(self.pair_mut(spot.pair()), spot.slot(), key, head);
            self.replace(spot, 0..before, &part);
        }
        self.replace(last, 0..part.len(), &[]);
        pair::set_profile(self.pair_mut(last.pair()), last.slot(), ProfileKey::from_u128(0), Head::FREE);
    }

    /// A pair has room: who stands behind it for want of room there, or before, moves up.
    fn close_hole(&mut self, mut hole: usize) {
        let pair_count = self.pairs().len();
        let distance = |from: usize, to: usize| if to >= from { to - from } else { to + pair_count - from };
        let last_before = self.pair(hole);
        // It was full until now only if one slot alone is free.
        if pair::count(last_before) + 1 < SLOTS {
            return;
        }
        let mut from = next(hole, pair_count);
        while from != hole {
            let pair = self.pair(from);
            let was_full = pair::is_full(pair);
            let away = (0..SLOTS).find_map(|slot| {
                let (key, head) = pair::profile_at(pair, slot)?;
                let away = distance(self.home(key).0, from) >= distance(hole, from);
                away.then(|| (Spot::new(from, slot), key, head, self.part(pair, slot).to_vec()))
            });
            if let Some((spot, key, head, part)) = away {
                self.vacate(spot);
                let slot = pair::count(self.pair(hole));
                pair::set_profile(self.pair_mut(hole), slot, key, head);
                self.replace(Spot::new(hole, slot), 0..0, &part);
                hole = from;
            }
            if !was_full {
                return;
            }
            from = next(from, pair_count);
        }
    }

    /// Every profile and its calendars.
    pub fn all(&self) -> impl Iterator<Item = (ProfileKey, Calendars<'_>)> {
        self.of_hash(0, 0)
    }

    /// The profiles whose hashes have `place` in their `level` low bits.
    pub fn of_hash(&self, place: usize, level: u32) -> impl Iterator<Item = (ProfileKey, Calendars<'_>)> {
        let pairs = self.pairs();
        let first = (place as u64).reverse_bits();
        let [from, to] = [first, first | u64::MAX >> level].map(|order| pair_of_order(order, pairs.len()));
        // Behind the last pair those for whom it had no room.
        let numbers = (0..pairs.len()).map(move |step| (step, (from + step) % pairs.len()));
        let numbers = numbers.take_while(move |(step, number)| {
            *step <= to - from || pair::is_full(&pairs[(number + pairs.len() - 1) % pairs.len()])
        });
        let slots = numbers.flat_map(|(_, number)| (0..SLOTS).map(move |slot| (number, slot)));
        slots.filter_map(move |(number, slot)| {
            let (key, head) = pair::profile_at(&pairs[number], slot)?;
            linear::covers(place, level, key.low()).then(|| (key, self.calendars_in(&pairs[number], slot, head)))
        })
    }

    #[inline(always)]
    fn pairs(&self) -> &[Pair] {
        self.pairs.bytes().as_chunks().0
    }

    #[inline(always)]
    fn pair(&self, number: usize) -> &Pair {
        &self.pairs()[number]
    }

    #[inline(always)]
    fn pair_mut(&mut self, number: usize) -> &mut Pair {
        &mut self.pairs.bytes_mut().as_chunks_mut().0[number]
    }

    /// What the body has of the profile in a slot.
    #[inline]
    fn part(&self, pair: &Pair, slot: usize) -> &[u8] {
        let (place, length) = pair::body(pair);
        let body = self.bodies.get(place, length);
        &body[body::range(body, slot)]
    }

    /// Puts `bytes` in the stead of a range of what the body has of the profile at `spot`.
    #[inline]
    fn replace(&mut self, spot: Spot, range: Range<usize>, bytes: &[u8]) {
        if range.is_empty() && bytes.is_empty() {
            return;
        }
        let (place, before) = pair::body(self.pair(spot.pair()));
        let body = self.bodies.get(place, before);
        let part = body::range(body, spot.slot());
        let size = part.len() - range.len() + bytes.len();
        if body::is_large(size) != body::is_large(part.len()) || size + before == part.len() + body::SIZES {
            return self.rewrite(spot, range, bytes);
        }
        let [start, end] = [range.start, range.end].map(|at| part.start.max(body::SIZES) + at);
        let after = before.max(body::SIZES) - range.len() + bytes.len();
        let end_now = start + bytes.len();
        if after < before {
            self.bodies.get_mut(place, before).copy_within(end.., end_now);
        }
        let place = self.bodies.resize(place, before, after);
        let body = self.bodies.get_mut(place, after);
        if before == 0 {
            body[..body::SIZES].fill(0);
        } else if after > before {
            body.copy_within(end..before, end_now);
        }
        body[start..end_now].copy_from_slice(bytes);
        body::set_size(body, spot.slot(), part.start, size);
        if after != before {
            pair::set_body(self.pair_mut(spot.pair()), place, after);
            self.compact_if_sparse();
        }
    }

    /// The same when the body comes to be empty, or the size of a part is written in another way.
    #[cold]
    fn rewrite(&mut self, spot: Spot, range: Range<usize>, bytes: &[u8]) {
        let pair = self.pair(spot.pair());
        let mut parts: [Vec<u8>; SLOTS] = std::array::from_fn(|slot| self.part(pair, slot).to_vec());
        parts[spot.slot()].splice(range, bytes.iter().copied());
        self.write_body(spot.pair(), &parts.each_ref().map(Vec::as_slice));
        self.compact_if_sparse();
    }

    fn write_body(&mut self, number: usize, parts: &body::Parts<'_>) {
        let (place, before) = pair::body(self.pair(number));
        let after = body::length(parts);
        let place = self.bodies.resize(place, before, after);
        body::write(parts, self.bodies.get_mut(place, after));
        pair::set_body(self.pair_mut(number), place, after);
    }

    /// Copies bodies together, so that no slot is free. Six bytes copied were paid for by one freed.
    #[inline]
    fn compact_if_sparse(&mut self) {
        if self.bodies.is_sparse() {
            self.compact();
        }
    }

    #[cold]
    fn compact(&mut self) {
        let old = std::mem::take(&mut self.bodies);
        for number in 0..self.pairs().len() {
            if let Some(soon) = self.pairs().get(number + COMPACTED_AHEAD) {
                let (place, length) = pair::body(soon);
                old.prefetch(place, length);
            }
            let (place, length) = pair::body(self.pair(number));
            if length > 0 {
                let moved = self.bodies.resize(Place::NOWHERE, 0, length);
                self.bodies.get_mut(moved, length).copy_from_slice(old.get(place, length));
                pair::set_body(self.pair_mut(number), moved, length);
            }
        }
    }
}

/// In which of `pair_count` pairs a profile belongs.
#[expect(clippy::cast_possible_truncation, reason = "a share of a length")]
#[inline]
const fn pair_of_order(order: u64, pair_count: usize) -> usize {
    ((order as u128 * pair_count as u128) >> u64::BITS) as usize
}

/// The pair after this one.
#[inline]
const fn next(number: usize, pair_count: usize) -> usize {
    if number + 1 == pair_count { 0 } else { number + 1 }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::calendar;

    type Days = BTreeMap<Option<AppIndex>, BTreeSet<u16>>;

    /// Hashes that are often the same, so that many profiles are not where they belong, and some behind the last pair.
    fn key(user: u64) -> ProfileKey {
        let low = [0, 0, u64::MAX, u64::MAX, u64::MAX >> 1, user << 60, user << 3][(user % 7) as usize];
        ProfileKey::from_u128(u128::from(user + 1) << 64 | u128::from(low))
    }

    fn bytes_of(days: &Days) -> Vec<u8> {
        let (mut bytes, mut scratch) = (Vec::new(), Vec::new());
        for (app, day) in days.iter().flat_map(|(app, days)| days.iter().map(move |day| (*app, *day))) {
            calendar::insert(&bytes, app, ActiveDay::from_code(day), &mut scratch);
            std::mem::swap(&mut bytes, &mut scratch);
        }
        bytes
    }

    fn days_of(calendars: Calendars<'_>) -> Days {
        calendars.tracks().map(|track| (track.app, track.days().map(ActiveDay::code).collect())).collect()
    }

    /// As the shard does it.
    fn visit(profiles: &mut Profiles, key: ProfileKey, app: Option<AppIndex>, day: ActiveDay) {
        profiles.prefetch(profiles.home(key));
        let Some(spot) = profiles.find(key) else {
            let mut bytes = Vec::new();
            calendar::insert(&[], app, day, &mut bytes);
            return profiles.add(key, &bytes);
        };
        profiles.prefetch_to_meet(spot, app, day);
        let tracks = || profiles.calendars(spot).tracks();
        let is_known = tracks().any(|track| track.app == app && track.around(day).active);
        let latest = tracks().map(|track| track.latest).max();
        match profiles.meet(spot, app, day) {
            Meeting::Known => assert!(is_known),
            Meeting::Later(append) => {
                assert!(latest < Some(day) || (latest == Some(day) && !is_known), "{latest:?} {day:?}");
                assert_eq!(Some(append.latest_of_all), latest);
                assert_eq!(Some(append.latest), tracks().find(|track| track.app == app).map(|track| track.latest));
                profiles.append(spot, append, app, day);
            }
            Meeting::Unclear => {
                assert!(!is_known);
                let mut bytes = Vec::new();
                calendar::insert(&profiles.calendars(spot).to_bytes(), app, day, &mut bytes);
                profiles.set_calendars(spot, &bytes);
            }
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Visit(u64, Option<AppIndex>, u16),
        Set(u64, Days),
        Remove(u64),
        AddAll(Vec<(u64, Days)>),
    }

    fn app() -> impl Strategy<Value = Option<AppIndex>> {
        // The last of those whose number a head may have, and the first of the others.
        prop_oneof![Just(0_u16), Just(1), Just(2), Just(252), Just(253)].prop_map(app_of)
    }

    fn app_of(code: u16) -> Option<AppIndex> {
        code.checked_sub(1).and_then(AppIndex::new)
    }

    fn days() -> impl Strategy<Value = Days> {
        let of_app = prop_oneof![4 => 0_usize..5, 2 => 5..60_usize, 1 => 240..270_usize, 1 => 0..1_500_usize];
        let of_app = (app(), of_app, 1_u16..400).prop_map(|(app, count, step)| {
            let days = (0..count).filter_map(|number| u16::try_from(number * usize::from(step)).ok());
            (app, days.collect::<BTreeSet<_>>())
        });
        prop::collection::vec(of_app, 0..3)
            .prop_map(|all| all.into_iter().filter(|(_, days)| !days.is_empty()).collect())
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (0_u64..80, app(), 0_u16..600).prop_map(|(user, app, day)| Step::Visit(user, app, day)),
            8 => (0_u64..80, 0_u16..600).prop_map(|(user, day)| Step::Visit(user, None, day)),
            2 => (0_u64..80, days()).prop_map(|(user, days)| Step::Set(user, days)),
            2 => (0_u64..80).prop_map(Step::Remove),
            1 => prop::collection::vec((0_u64..80, days()), 0..30).prop_map(Step::AddAll),
        ]
    }

    proptest! {
        #[test]
        fn profiles_are_a_map(steps in prop::collection::vec(step(), 1..300)) {
            let (mut profiles, mut expected) = (Profiles::default(), BTreeMap::<ProfileKey, Days>::new());
            for step in steps {
                match step {
                    Step::Visit(user, app, day) => {
                        visit(&mut profiles, key(user), app, ActiveDay::from_code(day));
                        expected.entry(key(user)).or_default().entry(app).or_default().insert(day);
                    }
                    Step::Set(user, days) => {
                        match profiles.find(key(user)) {
                            Some(spot) => profiles.set_calendars(spot, &bytes_of(&days)),
                            None => profiles.add(key(user), &bytes_of(&days)),
                        }
                        expected.insert(key(user), days);
                    }
                    Step::Remove(user) => {
                        if let Some(spot) = profiles.find(key(user)) {
                            profiles.remove(spot);
                        }
                        expected.remove(&key(user));
                    }
                    Step::AddAll(all) => {
                        let new = all.iter().map(|(user, days)| (key(*user), days.clone()));
                        let new: BTreeMap<_, _> = new.filter(|(key, _)| !expected.contains_key(key)).collect();
                        let bytes: Vec<_> = new.iter().map(|(key, days)| (*key, bytes_of(days))).collect();
                        let bytes: Vec<_> = bytes.iter().map(|(key, bytes)| (*key, bytes.as_slice())).collect();
                        prop_assert_eq!(profiles.add_all(&bytes), Ok(()));
                        expected.extend(new);
                        if let Some((there, _)) = all.first() {
                            prop_assert_eq!(profiles.add_all(&[(key(*there), &[])]), Err(key(*there)));
                            let twice = ProfileKey::from_u128(1);
                            prop_assert_eq!(Profiles::default().add_all(&[(twice, &[]), (twice, &[])]), Err(twice));
                        }
                    }
                }
                for key in (0..80).map(key) {
                    prop_assert_eq!(profiles.calendars_of(key).map(days_of), expected.get(&key).cloned());
                }
                prop_assert_eq!(profiles.count(), expected.len());
            }
            for level in 0..4 {
                for place in 0..1_usize << level {
                    let of_hash: Vec<_> =
                        profiles.of_hash(place, level).map(|(key, calendars)| (key, days_of(calendars))).collect();
                    let unique: BTreeMap<_, _> = of_hash.iter().cloned().collect();
                    prop_assert_eq!(unique.len(), of_hash.len(), "none twice");
                    let covered = |key: &ProfileKey| linear::covers(place, level, key.low());
                    let expected: BTreeMap<_, _> =
                        expected.iter().filter(|(key, _)| covered(key)).map(|(key, days)| (*key, days.clone())).collect();
                    prop_assert_eq!(unique, expected);
                }
            }
        }
    }
}
