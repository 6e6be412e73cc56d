use dauphin_model::{Cause, ProfileKey, Scope};

use super::{Applied, BATCH, Change, Shard, Stamp};
use crate::calendar::{AppDay, Calendars, Merge};
use crate::person::Flags;
use crate::profiles::Spot;
use crate::row::{RowChanges, Scopes};

/// The runs of changes: what stands together of one profile, so that the profile is looked for once, and its calendars are
/// read and written once.
#[derive(Default)]
struct Gathered {
    runs: Vec<Run>,
    /// Of each run, one behind the other.
    days: Vec<AppDay>,
    /// A hash table of the runs' numbers, counted from 1.
    slots: Vec<u32>,
    /// Of each change that is activity.
    run_of: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Run {
    profile: ProfileKey,
    /// Where its days end; they begin where those of the run before end.
    end: usize,
}

impl Gathered {
    /// Puts together what belongs to one profile.
    fn gather(&mut self, changes: &[Change]) {
        let activity = changes.iter().filter_map(|change| match *change {
            Change::Active { profile, app, day } => Some((profile, AppDay::new(app, day))),
            _ => None,
        });
        self.slots.resize((2 * changes.len()).next_power_of_two(), 0);
        for (profile, _) in activity.clone() {
            let number = self.number_of(profile);
            self.runs[number as usize].end += 1;
            self.run_of.push(number);
        }
        let mut count = 0;
        for run in &mut self.runs {
            (run.end, count) = (count, count + run.end);
        }
        self.days.resize(count, AppDay::FIRST);
        for ((_, at), number) in activity.zip(&self.run_of) {
            let run = &mut self.runs[*number as usize];
            self.days[run.end] = at;
            run.end += 1;
        }
        let mut start = 0;
        for run in &self.runs {
            let days = &mut self.days[start..run.end];
            // Files are mostly in order of time.
            if !days.is_sorted() {
                days.sort_unstable();
            }
            start = run.end;
        }
    }

    /// The number of the profile's run, which is made if there is none.
    fn number_of(&mut self, profile: ProfileKey) -> u32 {
        let mask = self.slots.len() - 1;
        // The lowest bits may be the same for all: whoever hands changes in keeps those together that are near in memory.
        let hash = profile.low() >> u8::BITS & mask as u64;
        let mut slot = usize::try_from(hash).expect("within the table");
        loop {
            match self.slots[slot].checked_sub(1) {
                Some(number) if self.runs[number as usize].profile == profile => return number,
                Some(_) => slot = (slot + 1) & mask,
                None => {
                    let number = u32::try_from(self.runs.len()).expect("changes are bounded");
                    self.runs.push(Run { profile, end: 0 });
                    self.slots[slot] = number + 1;
                    return number;
                }
            }
        }
    }
}

impl Shard {
    /// As [`Shard::apply_all`], for changes that have one cause whatever their day: how the rows change is the same in
    /// any order.
    pub(super) fn apply_runs(&mut self, changes: &[Change], stamp: Stamp, rows: &mut RowChanges) -> Applied {
        let mut applied = Applied::default();
        let (mut gathered, mut merge) = (Gathered::default(), Merge::default());
        gathered.gather(changes);
        self.apply_gathered(&gathered, &mut merge, stamp, rows, &mut applied);
        for change in changes.iter().filter(|change| !matches!(change, Change::Active { .. })) {
            let spot = self.profiles.find(change.profile());
            self.apply(*change, spot, stamp, rows, &mut applied);
        }
        applied
    }

    fn apply_gathered(
        &mut self,
        gathered: &Gathered,
        merge: &mut Merge,
        stamp: Stamp,
        rows: &mut RowChanges,
        applied: &mut Applied,
    ) {
        let mut start = 0;
        let mut batches = gathered.runs.chunks(BATCH).peekable();
        while let Some(batch) = batches.next() {
            let soon = batches.peek().copied().unwrap_or_default();
            soon.iter().for_each(|run| self.profiles.prefetch(self.profiles.home(run.profile)));
            let mut spots = [None; BATCH];
            for (run, spot) in batch.iter().zip(&mut spots) {
                *spot = self.profiles.find(run.profile);
                spot.iter().for_each(|spot| self.profiles.prefetch_body(*spot));
            }
            let moves = self.profiles.moves();
            for (run, spot) in batch.iter().zip(spots) {
                let spot = if self.profiles.moves() == moves { spot } else { self.profiles.find(run.profile) };
                self.apply_run((run.profile, spot), &gathered.days[start..run.end], merge, stamp, rows, applied);
                start = run.end;
            }
        }
    }

    fn apply_run(
        &mut self,
        (profile, spot): (ProfileKey, Option<Spot>),
        run: &[AppDay],
        merge: &mut Merge,
        stamp: Stamp,
        rows: &mut RowChanges,
        applied: &mut Applied,
    ) {
        if let [one] = run {
            return self.activate(profile, spot, (one.app(), one.day()), stamp, rows, applied);
        }
        let is_here = spot.is_some() || self.elsewhere(profile).is_none();
        if !is_here || !self.persons.is_single(profile) {
            for at in run {
                // The first may add it.
                let spot = self.profiles.find(profile);
                self.activate(profile, spot, (at.app(), at.day()), stamp, rows, applied);
            }
            return;
        }
        let own = spot.map_or(Calendars::NONE, |spot| self.profiles.calendars(spot));
        if !merge.merge(own, run) {
            return;
        }
        match spot {
            Some(spot) => {
                self.profiles.set_calendars(spot, &merge.bytes);
                self.pages.touch(profile);
            }
            None => self.add(profile, &merge.bytes),
        }
        for (app, merged) in merge.tracks() {
            let new = merged.days.iter().filter(|merged| merged.is_new());
            applied.effective.extend(new.map(|merged| Change::Active { profile, app, day: merged.day() }));
        }
        if !self.persons.flags_of(profile).has(Flags::EXCLUDED) {
            note(merge, stamp.cause_of(run[0].day()), rows);
        }
    }
}

/// Notes how the rows of one person change.
fn note(merge: &mut Merge, cause: Cause, rows: &mut RowChanges) {
    let is_one = merge.is_one();
    for (app, merged) in merge.tracks() {
        let scopes = match app {
            Some(app) if is_one => Scopes::AppAndWorkspace(app),
            Some(app) => Scopes::One(Scope::App(app)),
            None if is_one => Scopes::One(Scope::Workspace),
            None => continue,
        };
        rows.note_merged(scopes, cause, merged);
    }
    if !is_one {
        rows.note_merged(Scopes::One(Scope::Workspace), cause, merge.union());
    }
}
