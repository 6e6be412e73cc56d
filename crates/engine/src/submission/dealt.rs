use std::sync::{Arc, Mutex, PoisonError};

use dauphin_core::Change;

/// Lists into which the changes of a shard are dealt, by profile: one of them stays near while it is folded.
const LIST_COUNT: usize = 128;

/// The changes of a shard, in lists that come in pieces: what is far is read and written in stretches.
#[derive(Default)]
pub(crate) struct Dealt {
    pieces: Vec<Piece>,
    /// Where the memory goes, whatever comes of the changes.
    spares: Option<Arc<Spares>>,
}

/// A piece of each list, one behind the other.
struct Piece {
    changes: Vec<Change>,
    ends: [usize; LIST_COUNT],
}

/// Memory that changes lay in. It is used again, because memory is slow the first time it is written.
#[derive(Default)]
pub struct Spares(Mutex<Vec<Vec<Change>>>);

impl Spares {
    fn take(&self) -> Vec<Change> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }
}

impl Piece {
    fn list(&self, number: usize) -> &[Change] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.changes[start..self.ends[number]]
    }
}

impl Dealt {
    pub fn new(spares: &Arc<Spares>) -> Self {
        Self { pieces: Vec::new(), spares: Some(Arc::clone(spares)) }
    }

    /// Deals what is in the shard's list.
    pub fn add(&mut self, changes: &[Change]) {
        let Some(first) = changes.first() else { return };
        let list_of = |change: &Change| usize::from(change.profile().low().to_le_bytes()[0]) % LIST_COUNT;
        let mut ends = [0; LIST_COUNT];
        changes.iter().for_each(|change| ends[list_of(change)] += 1);
        let mut count = 0;
        for end in &mut ends {
            (*end, count) = (count, count + *end);
        }
        let mut dealt = self.spares.as_deref().map(Spares::take).unwrap_or_default();
        // What was there before need not be written over twice.
        dealt.resize(changes.len(), *first);
        for change in changes {
            let end = &mut ends[list_of(change)];
            dealt[*end] = *change;
            *end += 1;
        }
        self.pieces.push(Piece { changes: dealt, ends });
    }

    /// All changes; those of one profile in order.
    pub fn all(&self) -> impl Iterator<Item = &Change> {
        self.pieces.iter().flat_map(|piece| &piece.changes)
    }

    /// Hands on list by list.
    pub fn each_list(&self, mut each: impl FnMut(&[Change])) {
        let mut list = Vec::new();
        for number in 0..LIST_COUNT {
            list.clear();
            self.pieces.iter().for_each(|piece| list.extend_from_slice(piece.list(number)));
            if !list.is_empty() {
                each(&list);
            }
        }
    }
}

impl Drop for Dealt {
    fn drop(&mut self) {
        if let Some(spares) = &self.spares {
            let emptied = self.pieces.drain(..).map(|piece| piece.changes);
            spares.0.lock().unwrap_or_else(PoisonError::into_inner).extend(emptied);
        }
    }
}

#[cfg(test)]
mod tests {
    use dauphin_model::{ActiveDay, AppIndex, ProfileKey};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_list_has_all_of_its_profiles_in_order(
            parts in prop::collection::vec(prop::collection::vec((0_u8..=255, any::<u16>()), 0..300), 0..5),
        ) {
            let spares = Arc::default();
            let change = |(who, day): &(u8, u16)| Change::Active {
                profile: ProfileKey::from_u128(u128::from(*who)),
                app: AppIndex::new(0),
                day: ActiveDay::from_code(*day),
            };
            // The second time in memory that holds what there was before.
            for parts in [&parts[..], &parts[1.min(parts.len())..]] {
                let mut dealt = Dealt::new(&spares);
                let parts: Vec<Vec<_>> = parts.iter().map(|part| part.iter().map(change).collect()).collect();
                parts.iter().for_each(|part| dealt.add(part));
                prop_assert!(dealt.all().count() == parts.iter().map(Vec::len).sum::<usize>());
                let mut left = parts.concat();
                dealt.each_list(|list| {
                    for profile in list.iter().map(Change::profile).collect::<std::collections::BTreeSet<_>>() {
                        let of_profile = |change: &&Change| change.profile() == profile;
                        let said: Vec<_> = left.iter().filter(of_profile).copied().collect();
                        assert_eq!(list.iter().filter(of_profile).copied().collect::<Vec<_>>(), said);
                        left.retain(|change| change.profile() != profile);
                    }
                });
                prop_assert_eq!(left, []);
            }
        }
    }
}
