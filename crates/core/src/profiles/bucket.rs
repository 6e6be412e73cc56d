//! The bytes of one bucket: `[profile count: u16][tags: u8 each][sizes: u8 each][bodies]`, in the same order.
//!
//! A tag is a byte of the key, and a body is `[the rest of the key: 15 bytes][calendars]`; its size is that of the calendars,
//! or 255 when the body is `[calendar byte count: u32][the rest of the key][calendars]`.

use dauphin_model::ProfileKey;

/// Bytes of a key but for the tag.
pub const KEY_BYTES: usize = size_of::<u128>() - 1;
pub const COUNT_BYTES: usize = size_of::<u16>();
/// Stands for a size that does not fit.
pub const LARGE: u8 = 255;

/// The tag of a key, and the rest of it. Buckets are told apart by other bits of the lower half than those of the tag.
#[inline]
pub fn split_key(key: ProfileKey) -> (u8, [u8; KEY_BYTES]) {
    let [rest @ .., tag] = key.to_u128().rotate_left(u64::BITS).to_le_bytes();
    (tag, rest)
}

fn join_key(tag: u8, rest: [u8; KEY_BYTES]) -> ProfileKey {
    let mut bytes = [tag; size_of::<u128>()];
    bytes[..KEY_BYTES].copy_from_slice(&rest);
    ProfileKey::from_u128(u128::from_le_bytes(bytes).rotate_right(u64::BITS))
}

/// The size of calendars as the head says it, and what stands before the key if it does not fit.
pub fn size_of_calendars(length: usize) -> (u8, Option<[u8; 4]>) {
    match u8::try_from(length) {
        Ok(size) if size < LARGE => (size, None),
        _ => (LARGE, Some(byte_count(length).to_le_bytes())),
    }
}

/// How long a bucket is, or a part of one.
pub fn byte_count(length: usize) -> u32 {
    u32::try_from(length).expect("a few profiles, each of 65,536 days in 10,001 tracks, stay below four gibibytes")
}

/// A bucket being read.
#[derive(Clone, Copy, Default)]
pub struct Bucket<'a> {
    pub bytes: &'a [u8],
    /// Profiles in it.
    pub count: usize,
}

/// Where a profile stands in its bucket.
#[derive(Clone, Copy, Default)]
pub struct Entry {
    /// Its number.
    pub index: usize,
    /// Where its key begins.
    pub start: usize,
    /// Where its calendars end.
    pub end: usize,
}

impl Entry {
    /// The one that comes `count` (below eight) after the one that begins here, none of them large; `sizes` are theirs.
    #[inline]
    const fn after(self, count: usize, sizes: u64) -> Self {
        let start = self.start + sum_of_bytes(sizes & !(u64::MAX << (8 * count))) + count * KEY_BYTES;
        let size = (sizes >> (8 * count) & 0xff) as usize;
        Self { index: self.index + count, start, end: start + KEY_BYTES + size }
    }
}

impl<'a> Bucket<'a> {
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        let count = bytes.first_chunk().map_or(0, |count| usize::from(u16::from_le_bytes(*count)));
        Self { bytes, count }
    }

    /// Where the tag of a profile stands.
    pub const fn tag_at(index: usize) -> usize {
        COUNT_BYTES + index
    }

    /// Where the size of a profile stands.
    pub const fn size_at(self, index: usize) -> usize {
        COUNT_BYTES + self.count + index
    }

    /// Where the bodies begin.
    pub const fn head_end(self) -> usize {
        COUNT_BYTES + 2 * self.count
    }

    pub fn key_and_calendars(self, entry: Entry) -> (ProfileKey, &'a [u8]) {
        let rest = self.bytes[entry.start..].first_chunk().expect("a body begins with the rest of a key");
        (join_key(self.bytes[Self::tag_at(entry.index)], *rest), self.calendars(entry))
    }

    /// The calendars of the profile, if its body begins at `start`.
    #[inline]
    pub fn calendars(self, entry: Entry) -> &'a [u8] {
        &self.bytes[entry.start + KEY_BYTES..entry.end]
    }

    /// Whether it is this profile that stands at `entry`, which is one of this bucket's and has its tag.
    #[inline]
    pub fn is_at(self, entry: Entry, key: ProfileKey) -> bool {
        self.bytes[entry.start..].first_chunk() == Some(&split_key(key).1)
    }

    /// Where the profile stands, if it is here.
    #[inline(always)]
    pub fn find(self, key: ProfileKey) -> Option<Entry> {
        let likely = self.likely(key)?;
        if self.is_at(likely, key) { Some(likely) } else { self.find_after(likely, key) }
    }

    #[cold]
    fn find_after(self, mut other: Entry, key: ProfileKey) -> Option<Entry> {
        loop {
            other = self.next_likely(Entry { index: other.index + 1, start: other.end, end: 0 }, key)?;
            if self.is_at(other, key) {
                return Some(other);
            }
        }
    }

    /// The first profile that is probably the one looked for, without a look at its body.
    #[inline(always)]
    pub fn likely(self, key: ProfileKey) -> Option<Entry> {
        let equal = equal_bytes(self.eight(COUNT_BYTES), split_key(key).0) & first_bytes(self.count);
        if equal != 0 {
            let at = (equal.trailing_zeros() / 8) as usize;
            let sizes = self.eight(self.size_at(0));
            if equal_bytes(sizes & u64::MAX >> (56 - 8 * at), LARGE) == 0 {
                return Some(self.first().after(at, sizes));
            }
        } else if self.count <= 8 {
            return None;
        }
        self.next_likely(self.first(), key)
    }

    /// Where the first body begins. An entry by which others are reached has no end.
    const fn first(self) -> Entry {
        Entry { index: 0, start: self.head_end(), end: 0 }
    }

    /// The next profile with the tag of `key`, from one on whose index and start are given. Eight tags and eight sizes at a
    /// time: there are seldom more.
    fn next_likely(self, mut from: Entry, key: ProfileKey) -> Option<Entry> {
        while from.index < self.count {
            let within = (self.count - from.index).min(8);
            let tags = self.eight(Self::tag_at(from.index)) & first_bytes(within);
            let sizes = self.eight(self.size_at(from.index)) & first_bytes(within);
            if equal_bytes(sizes, LARGE) != 0 {
                return self.next_with_tag(from, split_key(key).0);
            }
            let equal = equal_bytes(tags, split_key(key).0) & first_bytes(within);
            if equal != 0 {
                return Some(from.after((equal.trailing_zeros() / 8) as usize, sizes));
            }
            let last = from.after(within - 1, sizes);
            from = Entry { index: last.index + 1, start: last.end, end: 0 };
        }
        None
    }

    /// The same, one by one: bodies may be large.
    #[cold]
    fn next_with_tag(self, from: Entry, tag: u8) -> Option<Entry> {
        self.entries_from(from.index, from.start).find(|entry| self.bytes[Self::tag_at(entry.index)] == tag)
    }

    /// Every profile, in order.
    pub fn entries(self) -> impl Iterator<Item = Entry> {
        self.entries_from(0, self.head_end())
    }

    fn entries_from(self, index: usize, body: usize) -> impl Iterator<Item = Entry> {
        let mut end = body;
        (index..self.count).map(move |index| {
            let start = end + self.length_bytes(index);
            let size = match self.bytes[self.size_at(index)] {
                LARGE => {
                    let length = self.bytes[end..].first_chunk().expect("a large body begins with its size");
                    u32::from_le_bytes(*length) as usize
                }
                size => usize::from(size),
            };
            end = start + KEY_BYTES + size;
            Entry { index, start, end }
        })
    }

    /// The bytes before the key.
    pub fn length_bytes(self, index: usize) -> usize {
        if self.bytes[self.size_at(index)] == LARGE { size_of::<u32>() } else { 0 }
    }

    /// Eight bytes of the bucket, unless it is empty: a head is followed by bodies.
    #[inline]
    fn eight(self, at: usize) -> u64 {
        self.bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

/// All bits of the first `count` bytes, up to eight.
#[inline]
const fn first_bytes(count: usize) -> u64 {
    if count >= 8 { u64::MAX } else { !(u64::MAX << (8 * count)) }
}

/// The highest bit of each byte that equals `byte`; bytes after one that does may have it too.
#[inline]
const fn equal_bytes(word: u64, byte: u8) -> u64 {
    const LOW: u64 = u64::from_le_bytes([1; 8]);
    let difference = word ^ (LOW * byte as u64);
    difference.wrapping_sub(LOW) & !difference & LOW << 7
}

#[inline]
const fn sum_of_bytes(word: u64) -> usize {
    const EVEN: u64 = u64::from_le_bytes([0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0]);
    const ONES: u64 = u64::from_le_bytes([1, 0, 1, 0, 1, 0, 1, 0]);
    let pairs = (word & EVEN) + (word >> 8 & EVEN);
    (pairs.wrapping_mul(ONES) >> 48) as usize
}
