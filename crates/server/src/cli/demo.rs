use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, anyhow};
use dauphin_core::{Arrival, Stamp};
use dauphin_engine::{Backend, Engine, EngineOptions, Submission};
use dauphin_model::{ActiveDay, AppId, Day, WorkspaceIndex, Zone};
use indicatif::{ProgressBar, ProgressStyle};

use super::arguments::{DemoArguments, NewApp, WorkspaceToMake};
use super::data::cores;
use super::init::{Made, Plan, make_store};
use super::{print, serve};
use crate::clock;
use crate::demo::{APPS, HISTORY_DAYS, World};

/// A year of made-up activity, then live traffic, until stopped. Nothing is left behind unless asked for.
pub fn run(arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    // Said before a year is made up, not after.
    drop(std::net::TcpListener::bind(&arguments.listen.listen).with_context(|| {
        format!("listen on `{}`; for another port use --listen 127.0.0.1:PORT", arguments.listen.listen)
    })?);
    let directory = tempfile::Builder::new().prefix("dauphin-demo-").tempdir().context("make a temporary directory")?;
    let data = arguments.data.clone().unwrap_or_else(|| directory.path().join("data"));
    let zone = Zone::utc();
    let apps = APPS.iter().map(|(name, id)| Ok(NewApp { name: (*name).to_owned(), id: Some(AppId::new(id)?) }));
    let apps = apps.collect::<anyhow::Result<Vec<_>>>()?;
    let plan = Plan::of(&WorkspaceToMake { workspace: "demo".to_owned(), zone, app: apps })?;
    let mut store = make_store(&data)?;
    plan.carry_out(store.as_mut())?;
    let engine = Engine::open(store, EngineOptions::for_cores(cores())).context("open the new data directory")?;
    let engine = Arc::new(engine);

    let world = World::new(arguments.people, engine.catalog().secret.clone());
    make_history(&engine, &world)?;
    let (stop, stopped) = channel();
    let traffic = {
        let engine = Arc::clone(&engine);
        std::thread::spawn(move || live_traffic(&engine, &world, &stopped))
    };
    let served = serve::run_server(&(engine.clone() as Arc<dyn Backend>), &arguments.listen, |url| {
        eprintln!("listening on {url}");
        print(welcome(url, &plan.made, arguments.data.as_deref()).as_bytes())
    });
    drop(stop);
    traffic.join().map_err(|_| anyhow!("the made-up traffic stopped"))?;
    directory.close().context("remove the temporary directory")?;
    served
}

fn today() -> Day {
    Zone::utc().day_of(clock::now())
}

fn stamped(day: Day) -> anyhow::Result<(ActiveDay, Submission)> {
    let day = ActiveDay::new(day).context("the clock is beyond 2149")?;
    Ok((day, Submission::new(WorkspaceIndex(0), Stamp { recorded: day, arrival: Arrival::Sent })))
}

/// Every day as if it had been recorded on that day.
fn make_history(engine: &Engine, world: &World) -> anyhow::Result<()> {
    let style = ProgressStyle::with_template("making up a year {bar:32} {pos}/{len} days")?;
    let bar = ProgressBar::new(u64::from(HISTORY_DAYS)).with_style(style);
    let first = today().offset(-i32::try_from(HISTORY_DAYS)?).context("the clock is before year 2")?;
    let seconds_today = clock::now().seconds().rem_euclid(86_400);
    let (sender, receiver) = channel();
    for number in 0..=HISTORY_DAYS {
        let (day, mut submission) = stamped(first.offset(i32::try_from(number)?).context("the clock is beyond 9999")?)?;
        let until = if number == HISTORY_DAYS { u64::try_from(seconds_today * 100 / 86_400)? } else { 100 };
        world.live_through(number, day, until, &mut submission);
        let sender = sender.clone();
        engine.submit(
            submission,
            Box::new(move |result| {
                // The receiver outlives every submission.
                let _ = sender.send(result);
            }),
        );
        bar.inc(1);
    }
    drop(sender);
    for result in receiver {
        result?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// A few visits twice a second, until told to stop.
fn live_traffic(engine: &Engine, world: &World, stopped: &Receiver<()>) {
    for tick in 0.. {
        if stopped.recv_timeout(Duration::from_millis(500)) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let Ok((day, mut submission)) = stamped(today()) else { return };
        world.tick(tick, day, &mut submission);
        // Made-up visits need no answer.
        engine.submit(submission, Box::new(drop));
    }
}

fn welcome(url: &str, made: &Made, kept: Option<&Path>) -> String {
    let key = &made.api_key;
    let end = match kept {
        None => "gone when you stop it (Ctrl-C)".to_owned(),
        Some(data) => format!("kept in `{}`; Ctrl-C stops it", data.display()),
    };
    format!(
        "
  Dauphin is counting. Open the console:

    {url}/#key={key}

  Or ask, with the key {key}:

    curl -H 'Authorization: Bearer {key}' '{url}/kpi/dau/data_series?length=7'
    curl -H 'Authorization: Bearer {key}' '{url}/kpi/mau/data_series?length=7&app_id=ios'
    curl -H 'Authorization: Bearer {key}' '{url}/kpi/growth/data_series?length=7&window=30'

  Count somebody, and ask again:

    curl -H 'Authorization: Bearer {key}' -H 'Content-Type: application/x-ndjson' \\
         --data '{{\"user_id\":\"you\",\"app_id\":\"web\"}}' '{url}/ingest'

  Everything here is made up and {end}.

"
    )
}
