//! The bytes of one body: `[sizes: 6 × u8][parts]`, a part for each slot of the pair. The size of a part is its bytes, or 255
//! when `[byte count: u32]` stands before it. A body of nothing but empty parts is empty.

use std::ops::Range;

use super::pair::SLOTS;

/// Bytes of the sizes.
pub const SIZES: usize = SLOTS;
/// Stands for a size that does not fit.
pub const LARGE: u8 = 255;

pub type Parts<'a> = [&'a [u8]; SLOTS];

/// Where the part of a slot lies, when no part is large.
#[inline]
pub fn plain_range(body: &[u8], slot: usize) -> Option<Range<usize>> {
    let Some(sizes) = body.first_chunk::<SIZES>() else { return Some(0..0) };
    let mut eight = [0; size_of::<u64>()];
    eight[..SIZES].copy_from_slice(sizes);
    let sizes = u64::from_le_bytes(eight);
    if any_large(sizes) {
        return None;
    }
    let start = SIZES + sum_of_bytes(sizes & !(u64::MAX << (8 * slot)));
    Some(start..start + usize::from(body[slot]))
}

/// Where the part of a slot lies.
#[inline]
pub fn range(body: &[u8], slot: usize) -> Range<usize> {
    plain_range(body, slot).unwrap_or_else(|| range_among_large(body, slot))
}

#[inline(never)]
fn range_among_large(body: &[u8], slot: usize) -> Range<usize> {
    let mut range = SIZES..SIZES;
    for size in &body[..=slot] {
        let (start, size) = match *size {
            LARGE => {
                let length = body[range.end..].first_chunk().expect("a large part begins with its size");
                (range.end + length.len(), u32::from_le_bytes(*length) as usize)
            }
            size => (range.end, usize::from(size)),
        };
        range = start..start + size;
    }
    range
}

/// Whether a size does not fit in a byte.
#[inline]
pub const fn is_large(size: usize) -> bool {
    size >= LARGE as usize
}

/// Says how large the part is that begins at `start`; it is large, or not, as before.
#[inline]
pub fn set_size(body: &mut [u8], slot: usize, start: usize, size: usize) {
    match written(size) {
        (size, None) => body[slot] = size,
        (_, Some(large)) => body[start - large.len()..start].copy_from_slice(&large),
    }
}

/// A size as it is written, and what stands before the part if it does not fit.
#[inline]
fn written(size: usize) -> (u8, Option<[u8; 4]>) {
    match u8::try_from(size) {
        Ok(size) if size < LARGE => (size, None),
        _ => (LARGE, Some(u32::try_from(size).expect("calendars stay below four gibibytes").to_le_bytes())),
    }
}

/// How long the body of these parts is.
pub fn length(parts: &Parts<'_>) -> usize {
    let sum: usize = parts.iter().map(|part| written(part.len()).1.map_or(0, |large| large.len()) + part.len()).sum();
    if sum == 0 { 0 } else { SIZES + sum }
}

/// Writes the body of these parts into as many bytes as it has.
pub fn write(parts: &Parts<'_>, body: &mut [u8]) {
    let Some((sizes, mut rest)) = body.split_at_mut_checked(SIZES) else { return };
    for (part, place) in parts.iter().zip(sizes) {
        let (size, large) = written(part.len());
        *place = size;
        for bytes in [large.as_ref().map_or(&[][..], |large| large), part] {
            let (target, after) = rest.split_at_mut(bytes.len());
            target.copy_from_slice(bytes);
            rest = after;
        }
    }
}

/// Whether a byte of the lower six is 255.
#[inline]
const fn any_large(sizes: u64) -> bool {
    const LOW: u64 = u64::from_le_bytes([1, 1, 1, 1, 1, 1, 0, 0]);
    let inverse = !sizes;
    inverse.wrapping_sub(LOW) & sizes & LOW << 7 != 0
}

/// The sum of the lower six bytes.
#[inline]
const fn sum_of_bytes(word: u64) -> usize {
    const EVEN: u64 = u64::from_le_bytes([0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0]);
    const ONES: u64 = u64::from_le_bytes([1, 0, 1, 0, 1, 0, 1, 0]);
    let pairs = (word & EVEN) + (word >> 8 & EVEN);
    (pairs.wrapping_mul(ONES) >> 48) as usize
}
