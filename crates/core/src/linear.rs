//! Linear hashing: a table that grows one place at a time. A place is named by the low bits of a hash, and the place
//! that comes next takes half of what lies in one other place.

/// Where a hash belongs in a table of `count` places (at least one): its low bits, or one bit fewer where they name a
/// place that does not exist yet.
#[expect(clippy::cast_possible_truncation, reason = "masked to less than a length")]
#[inline]
pub fn address(hash: u64, count: usize) -> usize {
    // All bits that the number of the last place has room for.
    let mask = usize::MAX.checked_shr((count - 1).leading_zeros()).unwrap_or(0);
    let place = hash as usize & mask;
    if place < count { place } else { place & mask >> 1 }
}

/// How many low bits all hashes share that belong in `place`.
pub fn level(place: usize, count: usize) -> u32 {
    let named = count.next_power_of_two();
    let split = place + named / 2 < count || place >= named / 2;
    named.trailing_zeros() - u32::from(!split && named > 1)
}

/// Whether the `level` low bits of a hash name this place.
pub fn covers(place: usize, level: u32, hash: u64) -> bool {
    hash & ((1 << level) - 1) == place as u64
}

/// The place that gave half of what it had when this one (not the first) came.
pub fn parent(place: usize) -> usize {
    place & !(1 << place.ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_place_takes_from_its_parent_alone() {
        for count in 1..70 {
            for hash in 0..256 {
                let (before, after) = (address(hash, count), address(hash, count + 1));
                assert!(before < count);
                assert!(after == before || (after, parent(after)) == (count, before), "{hash} of {count}");
                let level = level(before, count);
                assert!(covers(before, level, hash), "{hash} of {count}");
                assert_eq!(hash & ((1 << level) - 1), before as u64, "{hash} of {count}");
            }
            let places: usize = (0..count).map(|place| 256 >> level(place, count)).sum();
            assert_eq!(places, if count <= 64 { 256 } else { places }, "every hash has one place");
        }
    }
}
