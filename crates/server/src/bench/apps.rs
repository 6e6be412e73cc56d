use std::path::Path;
use std::sync::mpsc::channel;

use anyhow::Context;
use dauphin_core::{Arrival, Stamp};
use dauphin_engine::Submission;
use dauphin_model::limits::{MONTH_DAYS, SERIES_LENGTH_MAX};
use dauphin_model::{ActiveDay, AppIndex, Day, ProfileKey};

use super::BenchOptions;
use super::background::Background;
use super::measure::Measures;
use super::requests::{Rounds, question};
use super::stand::Stand;
use crate::demo::mix;

/// Few apps and many.
const COUNTS: [u16; 2] = [1, 1_000];
/// Active people a day, whatever the number of apps.
const PEOPLE_A_DAY: u32 = 10_000;
const ROUNDS: usize = 3;

/// Asks for MAU of a workspace with one app and of one with a thousand, of the whole and of one app.
pub fn measure(
    ending_at: Day,
    options: &BenchOptions,
    directory: &Path,
    measures: &mut Measures,
) -> anyhow::Result<()> {
    for count in COUNTS {
        let ids = (0..count).map(|number| format!("app-{number}")).collect::<Vec<_>>();
        let stand = Stand::with_apps(&directory.join("apps"), options.thread_count, &ids)?;
        fill(&stand, ending_at, count)?;
        let server = Background::dauphin(&stand.engine)?;
        for (name, more) in [("the workspace", ""), ("one app", "&app_id=app-0")] {
            let request = [question(&stand, ending_at, more)];
            let mut rounds = Rounds::NONE;
            (0..ROUNDS).try_for_each(|_| rounds.ask(server.address, &request, options.budget / 16))?;
            measures.add(format!("MAU of {name}, of {count} apps"), "requests/s", rounds.rates);
        }
        drop(server);
        stand.remove()?;
    }
    Ok(())
}

/// Everybody who comes uses the next app.
fn fill(stand: &Stand, ending_at: Day, app_count: u16) -> anyhow::Result<()> {
    let days = i32::from(SERIES_LENGTH_MAX + MONTH_DAYS);
    let (sender, results) = channel();
    for number in 1..=days {
        let day = ending_at.offset(-number).and_then(ActiveDay::new).context("the history begins before 1970")?;
        let stamp = Stamp { recorded: day, arrival: Arrival::Sent };
        let mut submission = Submission::new(stand.workspace.index, stamp);
        for (visit, app) in (0..PEOPLE_A_DAY).zip((0..app_count).cycle()) {
            let high = mix(u64::from(visit) << 32 | u64::from(number.unsigned_abs() % 7));
            let profile = ProfileKey::from_u128(u128::from(high) << 64 | u128::from(mix(high)));
            submission.active(profile, AppIndex::new(app), day);
        }
        let sender = sender.clone();
        let done = move |result| {
            // The receiver outlives every submission.
            let _ = sender.send(result);
        };
        stand.engine.submit(submission, Box::new(done));
    }
    drop(sender);
    results.into_iter().try_for_each(|result| result.map(|_| ()).context("fill a workspace"))
}
