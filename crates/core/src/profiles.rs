mod bucket;

use std::ops::Range;

use dauphin_model::ProfileKey;
use prefetch_index::prefetch_index;

use crate::arena::{Arena, Place};
use crate::linear;
use bucket::{Bucket, COUNT_BYTES, Entry, KEY_BYTES, LARGE, byte_count, size_of_calendars, split_key};

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
const BUCKET_PROFILES: usize = 3;
const CACHE_LINE_BYTES: usize = 64;
/// What nearly every bucket has; of a larger one the rest is read in order, which the processor foresees.
const PREFETCHED_LINES: usize = 4;
/// What the count of a bucket says at most: keys are hashes, so it never comes near.
const BUCKET_PROFILES_MAX: usize = u16::MAX as usize;
const EMPTY: BucketPlace = BucketPlace { place: Place::NOWHERE, byte_count: 0 };

/// Where a profile stands, until the table changes.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    bucket: usize,
    entry: Entry,
}

/// A profile that is there.
#[derive(Clone, Copy)]
pub(crate) struct Found<'a> {
    pub spot: Spot,
    pub calendars: &'a [u8],
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

    /// The profile, if it is there.
    #[inline(always)]
    pub fn find(&self, key: ProfileKey) -> Option<Found<'_>> {
        let number = self.bucket_of(key)?;
        let bucket = self.bucket(number);
        let entry = bucket.find(key)?;
        Some(Found { spot: Spot { bucket: number, entry }, calendars: bucket.calendars(entry) })
    }

    /// Asks for where the profile's bucket lies.
    #[inline]
    pub fn prefetch_place(&self, key: ProfileKey) {
        if let Some(bucket) = self.bucket_of(key) {
            prefetch_index(&self.buckets, bucket);
        }
    }

    /// Asks for the profile's bucket; where it lies was asked for before.
    #[inline]
    pub fn prefetch_bucket(&self, key: ProfileKey) {
        let Some(bucket) = self.bucket_of(key) else { return };
        let bytes = self.bucket(bucket).bytes;
        // To ask for what is not there costs less than to find out.
        for line in 0..PREFETCHED_LINES {
            prefetch_index(bytes, line * CACHE_LINE_BYTES);
        }
    }

    /// The calendars of the profile, if it is there.
    pub fn calendars_of(&self, key: ProfileKey) -> Option<&[u8]> {
        self.find(key).map(|found| found.calendars)
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

    /// Puts a byte into the calendars of the profile at `spot`, before the one at `offset`, and gives them; not if their
    /// size would be written in another way.
    #[inline]
    pub fn grow_calendars(&mut self, spot: &Spot, offset: usize) -> Option<&mut [u8]> {
        self.compact_if_sparse();
        let Entry { index, start, end } = spot.entry;
        let (size, large) = size_of_calendars(end - start - KEY_BYTES + 1);
        let BucketPlace { place, byte_count } = self.buckets[spot.bucket];
        let before = byte_count as usize;
        let bucket = self.bucket(spot.bucket);
        let size_at = bucket.size_at(index);
        if large.is_some() != (bucket.bytes[size_at] == LARGE) {
            return None;
        }
        let place = self.bytes.resize(place, before, before + 1);
        self.buckets[spot.bucket] = BucketPlace { place, byte_count: byte_count + 1 };
        let bytes = self.bytes.get_mut(place, before + 1);
        let at = start + KEY_BYTES + offset;
        bytes.copy_within(at..before, at + 1);
        match large {
            None => bytes[size_at] = size,
            Some(large) => bytes[start - large.len()..start].copy_from_slice(&large),
        }
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
        let (tag, key_bytes) = split_key(key);
        let body = [large.as_ref().map_or(&[][..], |large| large), &key_bytes, calendars];
        if count == 0 {
            self.set_bucket(place, 1, &[&[tag, size], body[0], body[1], body[2]]);
        } else {
            self.splice(place, end..end, &body.concat());
            self.splice(place, head_end..head_end, &[size]);
            self.splice(place, sizes..sizes, &[tag]);
            self.set_count(place, count + 1);
        }
        self.compact_if_sparse();
    }

    /// Adds many profiles that are not there, none of which stands twice among them; they go to few buckets, each of which is
    /// written once. Gives one that is refused: it is there, stands twice, or too many share its bucket to be hashes.
    pub fn add_all(&mut self, profiles: &[(ProfileKey, &[u8])]) -> Result<(), ProfileKey> {
        self.reserve(profiles.len());
        let bucket_count = self.buckets.len();
        let placed = profiles.iter().map(|(key, calendars)| {
            let bucket = linear::address(key.low(), bucket_count);
            (bucket, *key, *calendars)
        });
        let mut placed: Vec<_> = placed.collect();
        placed.sort_unstable_by_key(|(bucket, key, _)| (*bucket, *key));
        for together in placed.chunk_by(|one, other| one.0 == other.0) {
            let (bucket, last, _) = together[together.len() - 1];
            if let Some(pair) = together.windows(2).find(|pair| pair[0].1 == pair[1].1) {
                return Err(pair[0].1);
            }
            if self.bucket(bucket).count + together.len() > BUCKET_PROFILES_MAX {
                return Err(last);
            }
            let profiles = together.iter().map(|(_, key, calendars)| (*key, *calendars));
            if self.buckets[bucket].byte_count == 0 {
                self.fill_bucket(bucket, profiles);
                continue;
            }
            for (key, calendars) in profiles {
                if self.find(key).is_some() {
                    return Err(key);
                }
                self.add(key, calendars);
            }
        }
        Ok(())
    }

    /// Fills a bucket that is empty.
    fn fill_bucket<'a>(
        &mut self,
        bucket: usize,
        profiles: impl ExactSizeIterator<Item = (ProfileKey, &'a [u8])> + Clone,
    ) {
        let count = profiles.len();
        let sized = profiles.clone().map(|(_, calendars)| (calendars, size_of_calendars(calendars.len()).1));
        let body_bytes =
            sized.map(|(calendars, large)| large.map_or(0, |large| large.len()) + KEY_BYTES + calendars.len());
        let length = COUNT_BYTES + 2 * count + body_bytes.sum::<usize>();
        let place = self.bytes.resize(Place::NOWHERE, 0, length);
        self.buckets[bucket] = BucketPlace { place, byte_count: byte_count(length) };
        self.count += count;
        let (head, mut rest) = self.bytes.get_mut(place, length).split_at_mut(COUNT_BYTES + 2 * count);
        head[..COUNT_BYTES].copy_from_slice(&count_bytes(count));
        for (index, (key, calendars)) in profiles.enumerate() {
            let ((tag, key), (size, large)) = (split_key(key), size_of_calendars(calendars.len()));
            (head[COUNT_BYTES + index], head[COUNT_BYTES + count + index]) = (tag, size);
            for part in [large.as_ref().map_or(&[][..], |large| large), &key, calendars] {
                let (target, after) = rest.split_at_mut(part.len());
                target.copy_from_slice(part);
                rest = after;
            }
        }
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
        self.splice(bucket, 0..COUNT_BYTES, &count_bytes(count));
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

    /// Moves buckets to the front of the memory, so that no slot is free. Nine bytes moved were paid for by one freed.
    #[inline]
    fn compact_if_sparse(&mut self) {
        if self.bytes.is_sparse() {
            self.compact();
        }
    }

    #[cold]
    fn compact(&mut self) {
        let there = self.buckets.iter().enumerate().filter(|(_, bucket)| bucket.byte_count > 0);
        let mut moved: Vec<_> = there.map(|(number, bucket)| (bucket.place, bucket.byte_count, number)).collect();
        self.bytes.close_gaps(&mut moved);
        for (place, _, number) in moved {
            self.buckets[number].place = place;
        }
    }
}

fn count_bytes(count: usize) -> [u8; COUNT_BYTES] {
    u16::try_from(count).expect("keys are hashes: a bucket has few").to_le_bytes()
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
        AddAll(Vec<u64>),
    }

    fn step() -> impl Strategy<Value = Step> {
        let length = prop_oneof![4 => 0_usize..60, 2 => 240_usize..270, 1 => 0_usize..3_000];
        prop_oneof![
            3 => (0_u64..60, length).prop_map(|(user, length)| Step::Set(user, length)),
            4 => (0_u64..60).prop_map(Step::Grow),
            1 => (0_u64..60).prop_map(Step::Remove),
            1 => prop::collection::vec(0_u64..60, 0..40).prop_map(Step::AddAll),
        ]
    }

    proptest! {
        #[test]
        fn profiles_are_a_map(steps in prop::collection::vec(step(), 1..400)) {
            let (mut profiles, mut expected) = (Profiles::default(), BTreeMap::<ProfileKey, Vec<u8>>::new());
            let keys = || (0..60).map(key);
            for (fill, step) in (0_u8..250).cycle().zip(steps) {
                keys().for_each(|key| profiles.prefetch_bucket(key));
                match step {
                    Step::Set(user, length) => {
                        let calendars = vec![fill; length];
                        match profiles.find(key(user)).map(|found| found.spot) {
                            Some(spot) => profiles.set_calendars(&spot, &calendars),
                            None => profiles.add(key(user), &calendars),
                        }
                        expected.insert(key(user), calendars);
                    }
                    Step::Grow(user) => {
                        if let Some(spot) = profiles.find(key(user)).map(|found| found.spot)
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
                        if let Some(spot) = profiles.find(key(user)).map(|found| found.spot) {
                            profiles.remove(&spot);
                        }
                        expected.remove(&key(user));
                    }
                    Step::AddAll(users) => {
                        let calendars = vec![fill; usize::from(fill) * 2];
                        let new = users.iter().map(|user| key(*user)).filter(|key| !expected.contains_key(key));
                        let new: Vec<_> = new.map(|key| (key, calendars.as_slice())).collect();
                        let distinct: BTreeMap<_, _> = new.iter().map(|(key, _)| (*key, calendars.clone())).collect();
                        if distinct.len() < new.len() {
                            continue;
                        }
                        prop_assert_eq!(profiles.add_all(&new), Ok(()));
                        expected.extend(distinct);
                        if let Some(user) = users.first() {
                            prop_assert_eq!(profiles.add_all(&[(key(*user), &[])]), Err(key(*user)));
                        }
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
