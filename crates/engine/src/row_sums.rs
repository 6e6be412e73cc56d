use std::borrow::Cow;
use std::collections::BTreeMap;

use dauphin_core::RowChange;
use dauphin_model::{ActiveDay, WorkspaceIndex};

/// How the rows change with one commit, by workspace and day of recording; each ordered by key, day, cause and bucket.
#[derive(Default)]
pub(crate) struct RowSums(BTreeMap<(WorkspaceIndex, ActiveDay), Vec<RowChange>>);

impl RowSums {
    /// Adds changes that are ordered.
    pub fn add(&mut self, workspace: WorkspaceIndex, recorded: ActiveDay, mut changes: Vec<RowChange>) {
        if !changes.is_empty() {
            self.0.entry((workspace, recorded)).or_default().append(&mut changes);
        }
    }

    /// Sums what changes the same bucket for the same cause, and forgets what comes to nothing.
    pub fn sum(&mut self) {
        for changes in self.0.values_mut() {
            // Each part is in order already; a stable sort merges such runs.
            changes.sort_by_key(|change| (change.key, change.day, change.cause, change.bucket));
            changes.dedup_by(|later, earlier| {
                let same = (later.key, later.day, later.cause, later.bucket)
                    == (earlier.key, earlier.day, earlier.cause, earlier.bucket);
                if same {
                    earlier.delta += later.delta;
                }
                same
            });
            changes.retain(|change| change.delta != 0);
        }
        self.0.retain(|_, changes| !changes.is_empty());
    }

    /// How many changes were added.
    pub fn change_count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Whether no row changes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The changes that were recorded on a day.
    pub fn by_recording(&self) -> impl Iterator<Item = (WorkspaceIndex, ActiveDay, &[RowChange])> {
        self.0.iter().map(|((workspace, recorded), changes)| (*workspace, *recorded, changes.as_slice()))
    }

    /// The changes of each workspace whenever they were recorded, those of one key and day together: around midnight, what
    /// one day of recording takes from a row another has given it, and only all of them make a row.
    pub fn by_workspace(&self) -> impl Iterator<Item = (WorkspaceIndex, Cow<'_, [RowChange]>)> {
        let recorded: Vec<_> = self.by_recording().collect();
        let mut workspaces: Vec<(WorkspaceIndex, Cow<'_, [RowChange]>)> = Vec::new();
        for days in recorded.chunk_by(|(one, ..), (next, ..)| one == next) {
            let changes = match days {
                [(_, _, changes)] => Cow::Borrowed(*changes),
                days => {
                    let mut all: Vec<_> = days.iter().flat_map(|(_, _, changes)| changes.iter().copied()).collect();
                    all.sort_by_key(|change| (change.key, change.day));
                    Cow::Owned(all)
                }
            };
            workspaces.push((days[0].0, changes));
        }
        workspaces.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use dauphin_core::{Bucket, Rows};
    use dauphin_model::{Cause, RowKey, Scope};

    use super::*;

    fn change(day: u16, bucket: Bucket, delta: i64) -> RowChange {
        RowChange {
            key: RowKey::active(Scope::Workspace),
            day: ActiveDay::from_code(day),
            cause: Cause::Live,
            bucket,
            delta,
        }
    }

    /// Somebody came on the new day, and what they sent of the day before was folded after it though stamped earlier:
    /// added one by one in the order of recording, the row of the new day would lose a user that it does not have yet.
    #[test]
    fn rows_hold_when_midnight_falls_between_two_parts_of_a_commit() {
        let (workspace, one_day) = (WorkspaceIndex(0), Bucket::new(0).unwrap());
        let mut sums = RowSums::default();
        sums.add(workspace, ActiveDay::from_code(11), vec![change(11, Bucket::FIRST, 1)]);
        let late = vec![change(10, Bucket::FIRST, 1), change(11, one_day, 1), change(11, Bucket::FIRST, -1)];
        sums.add(workspace, ActiveDay::from_code(10), late);
        sums.sum();
        let mut rows = Rows::default();
        sums.by_workspace().for_each(|(_, changes)| rows.add(&changes));
        let scope = rows.scope(Scope::Workspace);
        let first = ActiveDay::from_code(10).day();
        assert_eq!((scope.active(1, first, 2), scope.new_users(first, 2)), (vec![1, 1], vec![1, 0]));
        assert_eq!(sums.by_recording().count(), 2);
    }

    #[test]
    fn what_comes_to_nothing_is_forgotten() {
        let (workspace, recorded) = (WorkspaceIndex(3), ActiveDay::from_code(9));
        let mut sums = RowSums::default();
        sums.add(workspace, recorded, vec![change(7, Bucket::FIRST, 2)]);
        sums.add(workspace, recorded, vec![change(7, Bucket::FIRST, -2)]);
        sums.add(WorkspaceIndex(4), recorded, vec![change(7, Bucket::FIRST, 2)]);
        sums.add(WorkspaceIndex(4), recorded, vec![change(7, Bucket::FIRST, 3)]);
        sums.sum();
        let left: Vec<_> = sums.by_workspace().map(|(workspace, changes)| (workspace, changes.into_owned())).collect();
        assert_eq!(left, [(WorkspaceIndex(4), vec![change(7, Bucket::FIRST, 5)])]);
    }
}
