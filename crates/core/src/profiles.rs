mod bucket;

use std::ops::Range;

use dauphin_model::ProfileKey;
use prefetch_index::prefetch_index;

use crate::arena::{Arena, Place};
use crate::linear;
use bucket::{Bucket, COUNT_BYTES, Entry, KEY_BYTES, byte_count, size_of_calendars, tag_of};

/// The profiles of a shard and the calendars of each: a hash table whose places, the *buckets*, are byte strings. To find
/// a profile is to read the head of its bucket and then the profile itself: two cache lines, and few instructions between
/// one profile's and the next one's.
#[derive(Default)]
pub(crate) struct Profiles {
    buckets: Vec<BucketPlace>,
    bytes: Arena,
    count: usize,
}

#[derive(Clone, Copy)]
struct BucketPlace {
    place: Place,
    byte_count: u32,
}

/// Profiles in a bucket, on average: with more, the bytes behind one that grows are many to move; with fewer, what a
/// bucket costs itself weighs more.
const BUCKET_PROFILES: usize = 4;
const EMPTY: BucketPlace = BucketPlace { place: Place::NOWHERE, byte_count: 0 };

/// Where a profile stands, until the table changes.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    bucket: usize,
    entry: Entry,
}

/// A profile looked for among others: its bucket, and where it probably is in there.
#[derive(Clone, Copy, Default)]
pub(crate) struct Likely<'a> {
    bucket: Bucket<'a>,
    entry: Option<Entry>,
}

impl<'a> Likely<'a> {
    /// The calendars, if it was there.
    #[inline]
    pub fn calendars(self, key: ProfileKey) -> Option<&'a [u8]> {
        self.entry.filter(|entry| self.bucket.is_at(*entry, key)).map(|entry| self.bucket.calendars(entry))
    }

    /// Asks for what is moved when the profile's calendars become longer.
    #[inline]
    pub fn prefetch_rest(self) {
        let Some(entry) = self.entry else { return };
        for at in (entry.end..self.bucket.bytes.len()).step_by(64).take(8) {
            prefetch_index(self.bucket.bytes, at);
        }
    }
}

impl Profiles {
    /// How many there are.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Bytes of memory in use.
    pub fn byte_count(&self) -> usize {
        self.buckets.capacity() * size_of::<BucketPlace>() + self.bytes.byte_count()
    }

    /// Where the profile stands, if it is there.
    #[inline]
    pub fn find(&self, key: ProfileKey) -> Option<Spot> {
        let bucket = self.bucket_of(key)?;
        let entry = self.bucket(bucket).find(key)?;
        Some(Spot { bucket, entry })
    }

    /// Looks for many at once: all buckets are asked for before one is read, and every profile before what is known of it
    /// is needed, so that the cache misses overlap.
    #[inline]
    pub fn find_all<'a>(&'a self, keys: impl Iterator<Item = ProfileKey> + Clone, found: &mut [Likely<'a>]) {
        for key in keys.clone() {
            prefetch_index(&self.buckets, self.bucket_of(key).unwrap_or(0));
        }
        for (likely, key) in found.iter_mut().zip(keys.clone()) {
            let place = self.bucket_of(key).map_or(EMPTY, |bucket| self.buckets[bucket]);
            likely.bucket.bytes = self.bytes.get(place.place, place.byte_count as usize);
            prefetch_index(likely.bucket.bytes, 0);
        }
        for (likely, key) in found.iter_mut().zip(keys) {
            likely.bucket = Bucket::new(likely.bucket.bytes);
            likely.entry = likely.bucket.likely(key);
            if let Some(entry) = likely.entry {
                prefetch_index(likely.bucket.bytes, entry.start);
                prefetch_index(likely.bucket.bytes, entry.end);
            }
        }
    }

    /// The calendars of the profile at `spot`.
    #[inline]
    pub fn calendars_at(&self, spot: &Spot) -> &[u8] {
        self.bucket(spot.bucket).calendars(spot.entry)
    }

    /// The calendars of the profile, if it is there.
    pub fn calendars_of(&self, key: ProfileKey) -> Option<&[u8]> {
        self.find(key).map(|spot| self.calendars_at(&spot))
    }

    /// Gives the profile at `spot` other calendars.
    pub fn set_calendars(&mut self, spot: &Spot, calendars: &[u8]) {
        let bucket = self.bucket(spot.bucket);
        let Entry { index, start, end } = spot.entry;
        let (body, size_at) = (start - bucket.length_bytes(index), bucket.size_at(index));
        let (size, large) = size_of_calendars(calendars.len());
        self.splice(spot.bucket, start + KEY_BYTES..end, calendars);
        if large.is_none() && body == start {
            let BucketPlace { place, byte_count } = self.buckets[spot.bucket];
            self.bytes.get_mut(place, byte_count as usize)[size_at] = size;
            return self.compact_if_sparse();
        }
        self.splice(spot.bucket, body..start, large.as_ref().map_or(&[], |large| large));
        self.splice(spot.bucket, size_at..size_at + 1, &[size]);
        self.compact_if_sparse();
    }

    /// Puts a byte into the calendars of the profile at `spot`, before the one at `offset`, and gives them; not if they are
    /// or become large.
    #[inline]
    pub fn grow_calendars(&mut self, spot: &Spot, offset: usize) -> Option<&mut [u8]> {
        let Entry { index, start, end } = spot.entry;
        let (size, None) = size_of_calendars(end - start - KEY_BYTES + 1) else { return None };
        self.compact_if_sparse();
        let BucketPlace { place, byte_count } = self.buckets[spot.bucket];
        let before = byte_count as usize;
        let place = self.bytes.resize(place, before, before + 1);
        self.buckets[spot.bucket] = BucketPlace { place, byte_count: byte_count + 1 };
        let bytes = self.bytes.get_mut(place, before + 1);
        let at = start + KEY_BYTES + offset;
        bytes.copy_within(at..before, at + 1);
        let size_at = Bucket::new(bytes).size_at(index);
        bytes[size_at] = size;
        Some(&mut bytes[start + KEY_BYTES..=end])
    }

    /// Adds a profile that is not there.
    pub fn add(&mut self, key: ProfileKey, calendars: &[u8]) {
        self.count += 1;
        if self.count > self.buckets.len() * BUCKET_PROFILES {
            self.split_next();
        }
        let place = linear::address(key.low(), self.buckets.len());
        let bucket = self.bucket(place);
        let (count, head_end, end) = (bucket.count, bucket.head_end(), bucket.bytes.len());
        let sizes = bucket.size_at(0);
        let (size, large) = size_of_calendars(calendars.len());
        let key_bytes = key.to_u128().to_le_bytes();
        let body = [large.as_ref().map_or(&[][..], |large| large), &key_bytes, calendars];
        if count == 0 {
            self.set_bucket(place, 1, &[&[tag_of(key), size], body[0], body[1], body[2]]);
        } else {
            self.splice(place, end..end, &body.concat());
            self.splice(place, head_end..head_end, &[size]);
            self.splice(place, sizes..sizes, &[tag_of(key)]);
            self.set_count(place, count + 1);
        }
        self.compact_if_sparse();
    }

    /// Makes room for so many profiles more than there are.
    pub fn reserve(&mut self, count: usize) {
        let bucket_count = (self.count + count).div_ceil(BUCKET_PROFILES);
        self.buckets.reserve_exact(bucket_count.saturating_sub(self.buckets.len()));
        while self.buckets.len() < bucket_count {
            self.split_next();
        }
    }

    /// Takes out the profile at `spot`.
    pub fn remove(&mut self, spot: &Spot) {
        self.count -= 1;
        let bucket = self.bucket(spot.bucket);
        let Entry { index, start, end } = spot.entry;
        let (count, body) = (bucket.count, start - bucket.length_bytes(index)..end);
        let (tag_at, size_at) = (Bucket::tag_at(index), bucket.size_at(index));
        for range in [body, size_at..size_at + 1, tag_at..tag_at + 1] {
            self.splice(spot.bucket, range, &[]);
        }
        self.set_count(spot.bucket, count - 1);
        self.compact_if_sparse();
    }

    /// Every profile and its calendars.
    pub fn all(&self) -> impl Iterator<Item = (ProfileKey, &[u8])> {
        self.of_hash(0, 0)
    }

    /// The profiles whose hashes have `place` in their `level` low bits.
    pub fn of_hash(&self, place: usize, level: u32) -> impl Iterator<Item = (ProfileKey, &[u8])> {
        // Buckets may tell fewer bits apart.
        let told_apart = level.min(self.buckets.len().checked_ilog2().unwrap_or(0));
        let first = place & ((1 << told_apart) - 1);
        let of_bucket = |bucket| {
            let bucket = self.bucket(bucket);
            bucket.entries().map(move |entry| bucket.key_and_calendars(entry))
        };
        let buckets = (first..self.buckets.len()).step_by(1 << told_apart);
        buckets.flat_map(of_bucket).filter(move |(key, _)| linear::covers(place, level, key.low()))
    }

    /// Which bucket the profile is in, if any.
    #[inline]
    fn bucket_of(&self, key: ProfileKey) -> Option<usize> {
        (!self.buckets.is_empty()).then(|| linear::address(key.low(), self.buckets.len()))
    }

    #[inline]
    fn bucket(&self, bucket: usize) -> Bucket<'_> {
        let BucketPlace { place, byte_count } = self.buckets[bucket];
        Bucket::new(self.bytes.get(place, byte_count as usize))
    }

    fn set_count(&mut self, bucket: usize, count: usize) {
        let count = u16::try_from(count).expect("keys are hashes: a bucket has few");
        self.splice(bucket, 0..COUNT_BYTES, &count.to_le_bytes());
    }

    /// Puts `bytes` in the stead of a range of the bucket's.
    fn splice(&mut self, bucket: usize, range: Range<usize>, bytes: &[u8]) {
        let BucketPlace { place, byte_count: before } = self.buckets[bucket];
        let before = before as usize;
        let after = before - range.len() + bytes.len();
        let end = range.start + bytes.len();
        if after < before {
            self.bytes.get_mut(place, before).copy_within(range.end.., end);
        }
        let place = if after == before { place } else { self.bytes.resize(place, before, after) };
        let target = self.bytes.get_mut(place, after);
        if after > before {
            target.copy_within(range.end..before, end);
        }
        target[range.start..end].copy_from_slice(bytes);
        self.buckets[bucket] = BucketPlace { place, byte_count: byte_count(after) };
    }

    /// Adds a bucket, which takes its part of another.
    fn split_next(&mut self) {
        let new = self.buckets.len();
        self.buckets.push(EMPTY);
        if new == 0 {
            return;
        }
        let old = linear::parent(new);
        if self.buckets[old].byte_count == 0 {
            return;
        }
        let bytes = self.bucket(old).bytes.to_vec();
        let was = Bucket::new(&bytes);
        for bucket in [old, new] {
            let (mut tags, mut sizes, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
            for entry in was.entries() {
                let (key, _) = was.key_and_calendars(entry);
                if linear::address(key.low(), new + 1) == bucket {
                    tags.push(bytes[Bucket::tag_at(entry.index)]);
                    sizes.push(bytes[was.size_at(entry.index)]);
                    bodies.extend_from_slice(&bytes[entry.start - was.length_bytes(entry.index)..entry.end]);
                }
            }
            self.set_bucket(bucket, tags.len(), &[&tags, &sizes, &bodies]);
        }
    }

    /// Fills a bucket with `count` profiles: `parts` are what follows the count.
    fn set_bucket(&mut self, bucket: usize, count: usize, parts: &[&[u8]]) {
        let BucketPlace { place, byte_count: before } = self.buckets[bucket];
        let length = if count == 0 { 0 } else { COUNT_BYTES + parts.iter().map(|part| part.len()).sum::<usize>() };
        let place = self.bytes.resize(place, before as usize, length);
        let mut rest = self.bytes.get_mut(place, length).get_mut(COUNT_BYTES..).unwrap_or_default();
        for part in parts {
            let (target, after) = rest.split_at_mut(part.len());
            target.copy_from_slice(part);
            rest = after;
        }
        self.buckets[bucket] = BucketPlace { place, byte_count: byte_count(length) };
        if count > 0 {
            self.set_count(bucket, count);
        }
    }

    /// Moves every bucket into a new arena without free slots. Eight bytes moved were paid for by one freed.
    #[inline]
    fn compact_if_sparse(&mut self) {
        if self.bytes.is_sparse() {
            self.compact();
        }
    }

    #[cold]
    fn compact(&mut self) {
        let old = std::mem::take(&mut self.bytes);
        for bucket in &mut self.buckets {
            let length = bucket.byte_count as usize;
            let bytes = old.get(bucket.place, length);
            bucket.place = self.bytes.resize(Place::NOWHERE, 0, length);
            self.bytes.get_mut(bucket.place, length).copy_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Few buckets, tags that are often the same, and keys of which only the upper half tells some apart.
    fn key(user: u64) -> ProfileKey {
        let low = ((user % 7) << 57) | (user % 5);
        ProfileKey::from_u128(u128::from(user) << 64 | u128::from(low))
    }

    #[derive(Clone, Debug)]
    enum Step {
        Set(u64, usize),
        Grow(u64),
        Remove(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let length = prop_oneof![4 => 0_usize..60, 2 => 240_usize..270, 1 => 0_usize..3_000];
        prop_oneof![
            3 => (0_u64..60, length).prop_map(|(user, length)| Step::Set(user, length)),
            4 => (0_u64..60).prop_map(Step::Grow),
            1 => (0_u64..60).prop_map(Step::Remove),
        ]
    }

    proptest! {
        #[test]
        fn profiles_are_a_map(steps in prop::collection::vec(step(), 1..400)) {
            let (mut profiles, mut expected) = (Profiles::default(), BTreeMap::<ProfileKey, Vec<u8>>::new());
            let keys = || (0..60).map(key);
            for (fill, step) in (0_u8..250).cycle().zip(steps) {
                let mut found = [Likely::default(); 60];
                profiles.find_all(keys(), &mut found);
                for (key, likely) in keys().zip(found) {
                    let seen = likely.calendars(key);
                    prop_assert!(seen.is_none() || seen == expected.get(&key).map(Vec::as_slice));
                }
                match step {
                    Step::Set(user, length) => {
                        let calendars = vec![fill; length];
                        match profiles.find(key(user)) {
                            Some(spot) => profiles.set_calendars(&spot, &calendars),
                            None => profiles.add(key(user), &calendars),
                        }
                        expected.insert(key(user), calendars);
                    }
                    Step::Grow(user) => {
                        if let Some(spot) = profiles.find(key(user))
                            && let offset = expected[&key(user)].len() * usize::from(fill) / 250
                            && let Some(calendars) = profiles.grow_calendars(&spot, offset)
                        {
                            let expected = expected.get_mut(&key(user)).unwrap();
                            calendars[offset] = fill;
                            expected.insert(offset, fill);
                            prop_assert_eq!(&*calendars, expected);
                        }
                    }
                    Step::Remove(user) => {
                        if let Some(spot) = profiles.find(key(user)) {
                            profiles.remove(&spot);
                        }
                        expected.remove(&key(user));
                    }
                }
                for key in keys() {
                    prop_assert_eq!(profiles.calendars_of(key), expected.get(&key).map(Vec::as_slice));
                }
            }
            prop_assert_eq!(profiles.count(), expected.len());
            let all: BTreeMap<_, _> = profiles.all().map(|(key, calendars)| (key, calendars.to_vec())).collect();
            prop_assert_eq!(all, expected);
        }
    }
}
