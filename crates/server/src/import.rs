//! Files into a workspace: cut into units, parsed side by side, folded, and remembered as far as they are durable.

mod files;
mod gathering;
mod object;
mod object_client;
mod pipeline;
mod progress;
mod rejects;
mod remote;
mod tally;
mod target;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant as Stopwatch;

use anyhow::{Context, bail};
use dauphin_dialects::{Columns, Element};
use serde::{Deserialize, Serialize};

pub use files::{SourceFile, expand};
pub use remote::{Remote, get_text, post_json};
pub use target::{Local, Target};

use rejects::Rejects;

/// What to import, and how.
pub struct ImportOptions {
    pub files: Vec<SourceFile>,
    pub columns: Columns,
    /// One bad line stops everything before anything is imported.
    pub strict: bool,
    /// Where bad lines are kept.
    pub rejects: PathBuf,
    pub thread_count: usize,
}

/// What became of the rows.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Counts {
    /// Rows read, the rejected ones included.
    pub rows: u64,
    /// Rows that said something new.
    pub new_user_days: u64,
    /// Rows that repeated what was known.
    pub repeats: u64,
    /// Rows that could not be counted.
    pub rejected: u64,
}

/// The last line an import prints.
#[derive(Serialize)]
pub struct Summary {
    #[serde(flatten)]
    pub counts: Counts,
    pub seconds: f64,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.new_user_days += other.new_user_days;
        self.repeats += other.repeats;
        self.rejected += other.rejected;
    }
}

/// Imports every file, one after another.
pub fn run(target: &Target, options: &ImportOptions) -> anyhow::Result<Summary> {
    let started = Stopwatch::now();
    if options.strict {
        for file in &options.files {
            look_through(target, file, &options.columns)?;
        }
    }
    let rejects = Mutex::new(Rejects::new(&options.rejects));
    let mut counts = Counts::default();
    for file in &options.files {
        let of_file = pipeline::import_file(target, file, options, &rejects)
            .with_context(|| format!("import `{}`", file.name()))?;
        counts.add(of_file);
    }
    rejects.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?;
    if counts.rejected > 0 {
        tracing::warn!(
            "{} of {} rows could not be counted; each is named with its reason in `{}`",
            counts.rejected,
            counts.rows,
            options.rejects.display()
        );
    }
    Ok(Summary { counts, seconds: started.elapsed().as_secs_f64() })
}

/// Reads a whole file without importing anything, and stops at the first row that would be rejected.
fn look_through(target: &Target, file: &SourceFile, columns: &Columns) -> anyhow::Result<()> {
    let mut first_bad = None;
    let mut look = target.looker();
    let zone = target.zone().clone();
    let mut units = files::Units::open(file, columns, None).with_context(|| format!("open `{}`", file.name()))?;
    while let Some(unit) = units.next().with_context(|| format!("read `{}`", file.name()))? {
        let sink = &mut |element: Element<'_>| {
            if first_bad.is_some() {
                return;
            }
            match element {
                Element::Row(row) => first_bad = look.look(&row).err().map(|reason| (row.line, reason)),
                Element::Said { line, messages } => {
                    first_bad = look.look_at_messages(messages).err().map(|reason| (line, reason));
                }
                Element::Reject(reject) => first_bad = Some((reject.line, reject.reason)),
            }
        };
        unit.read(&zone, sink).with_context(|| format!("read `{}`", file.name()))?;
        if let Some((line, reason)) = &first_bad {
            bail!("`{}`, line {line}: {reason}; nothing was imported (--strict)", file.name());
        }
    }
    Ok(())
}
