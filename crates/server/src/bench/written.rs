use std::fs;
use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;
use dauphin_model::Day;
use serde::Serialize;

use super::events::{self, BODY_ROWS, Round};
use super::files::{Numbers, Texts, write_csv, write_parquet};
use super::world::{APPS, World};

/// What is written for programs other than this one to be measured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WrittenFile {
    /// `rows.parquet`: the history as an application would export it
    Parquet,
    /// `rows.csv`: the same
    Csv,
    /// `numbers.parquet`: the same rows with people, apps and days as numbers
    Numbers,
    /// `events.ndjson` and `events.parquet`: events of the days after the history, as text and as numbers
    Events,
}

/// What to write.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// People who are active at least once.
    pub users: u32,
    /// Rows a person, on average, repeats included.
    pub days_per_user: u32,
    /// Days of history.
    pub span_days: u32,
    /// Everything follows from it: the same seed gives the same bytes.
    pub seed: u64,
    /// The files to write.
    pub files: Vec<WrittenFile>,
}

/// What was written.
#[derive(Serialize)]
pub struct Written {
    users: u32,
    span_days: u32,
    seed: u64,
    apps: [&'static str; 3],
    first: String,
    last: String,
    rows: u64,
    body_rows: usize,
    rounds: Vec<Round>,
}

/// History begins here whatever the clock says, so that a seed's files stay the same.
const FIRST_DAY: &str = "2024-01-01";

/// Writes files into `directory`, which is made if need be. Memory stays at a few bytes a person.
pub fn write(options: &WriteOptions, directory: &Path) -> anyhow::Result<Written> {
    let WriteOptions { users, days_per_user, span_days, seed, ref files } = *options;
    let first = Day::parse(FIRST_DAY).context("a constant that is a day")?;
    let world = World::new(users, days_per_user, span_days, first, seed);
    fs::create_dir_all(directory).with_context(|| format!("make `{}`", directory.display()))?;
    let (mut rows, mut rounds) = (0, Vec::new());
    let has = |file| files.contains(&file);
    std::thread::scope(|scope| {
        // The slowest goes beside all others.
        let parquet = has(WrittenFile::Parquet)
            .then(|| scope.spawn(|| write_parquet::<Texts>(&world, &directory.join("rows.parquet"))));
        if has(WrittenFile::Csv) {
            rows = write_csv(&world, &directory.join("rows.csv"))?;
        }
        if has(WrittenFile::Numbers) {
            rows = write_parquet::<Numbers>(&world, &directory.join("numbers.parquet"))?;
        }
        if has(WrittenFile::Events) {
            rounds = events::write(&world, &directory.join("events.ndjson"), &directory.join("events.parquet"))?;
        }
        if let Some(parquet) = parquet {
            rows = parquet.join().map_err(|_| anyhow::anyhow!("the Parquet file could not be written"))??;
        }
        anyhow::Ok(())
    })?;
    let last = world.day(span_days - 1).context("the history ends after 2149")?;
    let (first, last) = (first.to_string(), last.to_string());
    Ok(Written { users, span_days, seed, apps: APPS, first, last, rows, body_rows: BODY_ROWS, rounds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_hold_the_same_rows_and_rounds_add_up() {
        let directory = tempfile::tempdir().unwrap();
        let options = WriteOptions {
            users: 10_000,
            days_per_user: 2,
            span_days: 30,
            seed: 3,
            files: WrittenFile::value_variants().to_vec(),
        };
        let written = write(&options, directory.path()).unwrap();
        let lines = |name| fs::read_to_string(directory.path().join(name)).unwrap().lines().count();
        assert_eq!(lines("rows.csv") as u64, written.rows + 1);
        assert_eq!((written.first.as_str(), written.last.as_str()), ("2024-01-01", "2024-01-30"));
        let counted: Vec<_> =
            written.rounds.iter().map(|round| (round.known_rows, round.rows, round.new_user_days)).collect();
        assert_eq!(counted, [(2_500, 30_000, 7_500); 3]);
        assert_eq!(lines("events.ndjson"), 3 * 32_500);
    }
}
