use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Stopwatch};

use serde::{Deserialize, Serialize};

use super::files::Mark;
use super::rejects::Rejects;
use super::target::Delivered;
use super::{Counts, Target};

/// What reaches the tally while a file is imported.
pub enum Event {
    /// A part of a unit was handed on and will be answered.
    HandedOn { unit: u64 },
    /// A part of a unit was answered.
    Delivered { unit: u64, delivered: Delivered },
    /// A unit was read to its end.
    Read { unit: u64, rows: u64, rejected: u64, end: Mark },
    /// The file could not be read on.
    Failed(anyhow::Error),
}

/// How far a file is durable, and what became of its rows up to there.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Progress {
    pub mark: Mark,
    pub counts: Counts,
}

/// Adds up what becomes of the units of a file, and remembers from time to time how far it is durable.
pub struct Tally<'a> {
    target: &'a Target,
    file: &'a str,
    /// Under which the position is kept, if the file can be read again.
    key: Option<Vec<u8>>,
    rejects: &'a Mutex<Rejects>,
    /// Up to the last unit before which every unit is done.
    progress: Progress,
    /// Units that are not done, or wait for one before them.
    units: BTreeMap<u64, UnitTally>,
    next: u64,
    saved: Stopwatch,
    failure: Option<anyhow::Error>,
}

#[derive(Default)]
struct UnitTally {
    counts: Counts,
    parts_left: u64,
    end: Option<Mark>,
}

/// How often the position of an import is made durable: what a kill costs is read again.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);

impl<'a> Tally<'a> {
    pub fn new(
        target: &'a Target,
        file: &'a str,
        key: Option<Vec<u8>>,
        rejects: &'a Mutex<Rejects>,
        progress: Progress,
    ) -> Self {
        let (units, saved) = (BTreeMap::new(), Stopwatch::now());
        Self { target, file, key, rejects, progress, units, next: 0, saved, failure: None }
    }

    /// What is known so far, also of units that are not done.
    pub fn counts(&self) -> Counts {
        let mut counts = self.progress.counts;
        self.units.values().for_each(|unit| counts.add(unit.counts));
        counts
    }

    /// Nothing more will come of this file.
    pub fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    fn rejects(&self) -> MutexGuard<'a, Rejects> {
        // Whoever panicked with the lock held left at most a part of a line.
        self.rejects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn take(&mut self, event: Event) {
        if let Err(error) = self.try_take(event) {
            self.failure.get_or_insert(error);
        }
    }

    fn try_take(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::HandedOn { unit } => self.unit(unit).parts_left += 1,
            Event::Delivered { unit, delivered } => {
                let (receipt, rejects) = delivered?;
                for reject in &rejects {
                    self.rejects().keep(self.file, reject)?;
                }
                let unit = self.unit(unit);
                unit.parts_left -= 1;
                unit.counts.new_user_days += receipt.new_user_days;
                unit.counts.repeats += receipt.repeats;
                unit.counts.rejected += rejects.len() as u64;
            }
            Event::Read { unit, rows, rejected, end } => {
                let unit = self.unit(unit);
                unit.counts.rows += rows;
                unit.counts.rejected += rejected;
                unit.end = Some(end);
            }
            Event::Failed(error) => return Err(error),
        }
        self.advance()
    }

    fn unit(&mut self, unit: u64) -> &mut UnitTally {
        self.units.entry(unit).or_default()
    }

    fn advance(&mut self) -> anyhow::Result<()> {
        while let Some(unit) = self.units.get(&self.next) {
            let Some(mark) = unit.end.filter(|_| unit.parts_left == 0) else { break };
            self.progress.mark = mark;
            self.progress.counts.add(unit.counts);
            self.units.remove(&self.next);
            self.next += 1;
        }
        if self.saved.elapsed() >= SAVE_INTERVAL {
            self.save()?;
        }
        Ok(())
    }

    /// The rejects first: a row must not be lost from both.
    fn save(&mut self) -> anyhow::Result<()> {
        self.saved = Stopwatch::now();
        self.rejects().flush()?;
        // Before the first unit is done there is no place to go on from.
        let begun = self.progress.mark.line > 0;
        if let (Target::Local(local), Some(key), true) = (self.target, &self.key, begun) {
            let value = serde_json::to_vec(&self.progress)?;
            local.engine.set_source(key, Some(&value))?;
        }
        Ok(())
    }

    /// The file is imported, and its position is of no more use; or why it could not be.
    pub fn finish(mut self) -> anyhow::Result<Counts> {
        if let Some(failure) = self.failure.take() {
            // Storage may be what failed; then the position cannot be kept either.
            let _ = self.save();
            return Err(failure);
        }
        self.rejects().flush()?;
        if let (Target::Local(local), Some(key)) = (self.target, &self.key) {
            local.engine.set_source(key, None)?;
        }
        Ok(self.progress.counts)
    }
}
