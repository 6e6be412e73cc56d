use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Stopwatch};

use anyhow::{Context, anyhow};

use super::BenchOptions;
use super::background::Background;
use super::client::Connection;
use super::ingest::{self, ndjson};
use super::measure::Measures;
use super::requests::{Rounds, question};
use super::stand::Stand;
use super::world::{Sequence, World};

/// Rows of a body, and how often one is sent: 100,000 events a second.
const BODY_ROWS: usize = 5_000;
const PAUSE: Duration = Duration::from_millis(50);
const ROUNDS: usize = 3;

/// Asks for MAU while events come in, which change the rows that are asked for.
pub fn measure(stand: &Stand, world: &World, options: &BenchOptions, measures: &mut Measures) -> anyhow::Result<()> {
    let server = Background::dauphin(&stand.engine)?;
    let day = world.day(world.span_days() + ingest::ROUNDS - 1).context("the history ends after 2149")?;
    let request = [question(stand, day.offset(1).context("the clock is beyond 9999")?, "")];
    let stop = AtomicBool::new(false);
    let rounds = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut connection = Connection::open(server.address)?;
            let mut people: Vec<u32> = (0..world.users()).collect();
            Sequence(1).shuffle(&mut people);
            // Once all have come they come again, which changes nothing.
            for part in people.chunks(BODY_ROWS).cycle() {
                let body = ndjson(stand, day, part);
                let due = Stopwatch::now() + PAUSE;
                connection.exchange(&body)?;
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                std::thread::sleep(due.saturating_duration_since(Stopwatch::now()));
            }
            anyhow::Ok(())
        });
        let mut rounds = Rounds::NONE;
        let asked = (0..ROUNDS).try_for_each(|_| rounds.ask(server.address, &request, options.budget / 8));
        stop.store(true, Ordering::Relaxed);
        sender.join().map_err(|_| anyhow!("the sender stopped"))??;
        asked.map(|()| rounds)
    })?;
    rounds.add_to(measures, "MAU beside 100,000 events/s");
    Ok(())
}
