//! Measures this machine: made-up activity is imported, asked for, sent and folded, and each step is timed. Nothing is
//! asserted and nothing is left behind.

mod events;
mod files;
mod world;
mod written;

mod stand;

mod background;
mod client;
mod load;

mod apps;
mod beside;
mod fold;
mod import;
mod ingest;
mod requests;
mod restart;
mod series;
mod track;

mod measure;
mod report;

use std::path::Path;
use std::time::{Duration, Instant as Stopwatch};

use anyhow::Context;
use dauphin_model::{Day, Instant, Zone};

pub use report::Report;
pub use written::{WriteOptions, WrittenFile, write};

use files::Files;
use measure::Measures;
use world::World;

/// What to measure with.
#[derive(Clone, Copy, Debug)]
pub struct BenchOptions {
    /// People who are active at least once.
    pub users: u32,
    /// Rows a person, on average, repeats included.
    pub days_per_user: u32,
    /// Days of history.
    pub span_days: u32,
    /// About how long one measure may be repeated.
    pub budget: Duration,
    /// Processors to use.
    pub thread_count: usize,
    /// History ends some days before this.
    pub now: Instant,
}

/// Days between the end of the history and today: each round of events is sent for one of them.
const DAYS_LEFT: u32 = ingest::ROUNDS + 1;

/// Measures everything, in `directory`, which must be empty.
pub fn run(options: &BenchOptions, directory: &Path) -> anyhow::Result<Report> {
    let started = Stopwatch::now();
    let mut measures = Measures::default();
    let today = Zone::utc().day_of(options.now);
    let first = i64::from(options.span_days + DAYS_LEFT);
    let first = today.offset(-i32::try_from(first)?).context("the clock is before year 2")?;
    let world = World::new(options.users, options.days_per_user, options.span_days, first, 0);

    eprintln!("making up {} people over {} days", options.users, options.span_days);
    let files = Files::write(&world, directory)?;
    eprintln!("importing {} rows", files.row_count);
    import::measure_csv(&files, &world, options, directory, &mut measures)?;
    let stand = import::measure_parquet(&files, &world, options, directory, &mut measures)?;
    files.remove()?;

    eprintln!("asking");
    let ending_at = last_day(&world)?.offset(1).context("the clock is beyond 9999")?;
    series::measure(&stand, ending_at, options, &mut measures)?;
    requests::measure(&stand, ending_at, options, &mut measures)?;
    eprintln!("opening again");
    let stand = restart::measure(stand, options, directory, &mut measures)?;
    eprintln!("sending");
    ingest::measure(&stand, &world, options, &mut measures)?;
    beside::measure(&stand, &world, options, &mut measures)?;
    stand.remove()?;
    apps::measure(ending_at, options, directory, &mut measures)?;
    eprintln!("folding");
    fold::measure(&world, options, &mut measures);
    Ok(Report::new(options, files.row_count, started.elapsed(), measures))
}

fn last_day(world: &World) -> anyhow::Result<Day> {
    world.day(world.span_days() - 1).context("the history ends after 2149")
}
