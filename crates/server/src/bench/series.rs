use std::hint::black_box;

use anyhow::anyhow;
use dauphin_api::{ApiError, Language, Route, SeriesParameters};
use dauphin_model::limits::SERIES_LENGTH_MAX;
use dauphin_model::{Day, Instant, Scope};

use super::BenchOptions;
use super::measure::{Latencies, Measures};
use super::stand::Stand;
use crate::points::{Counted, points};

const CALLS_MAX: usize = 20_000;

/// Asks for 100 points without HTTP: the formula alone, then everything between the query string and the JSON.
pub fn measure(stand: &Stand, ending_at: Day, options: &BenchOptions, measures: &mut Measures) -> anyhow::Result<()> {
    let first = ending_at.offset(-i32::from(SERIES_LENGTH_MAX)).ok_or_else(|| anyhow!("the clock is before year 2"))?;
    let budget = options.budget / 10;
    for (name, route, window) in
        [("DAU", Route::Dau, 1), ("MAU", Route::Mau, 30), ("366 days", Route::ActiveUsers, 366)]
    {
        let rows = stand.engine.rows(stand.workspace.index).scope(Scope::Workspace);
        let latencies = Latencies::of(budget, CALLS_MAX, || {
            black_box(rows.active(black_box(window), first, SERIES_LENGTH_MAX));
        });
        add(measures, &format!("100 points, {name}, formula"), latencies);

        let window = if route.takes_window() { format!("&window={window}") } else { String::new() };
        let query = format!("length={SERIES_LENGTH_MAX}&ending_at={ending_at}{window}");
        answer(stand, route, &query, options.now).map_err(|error| anyhow!("a series is refused: {error:?}"))?;
        let latencies = Latencies::of(budget, CALLS_MAX, || {
            // The first answer was good.
            let _ = black_box(answer(stand, route, black_box(&query), options.now));
        });
        add(measures, &format!("100 points, {name}, query to JSON"), latencies);
    }
    Ok(())
}

fn add(measures: &mut Measures, name: &str, latencies: Latencies) {
    let [median, p99] = latencies.percentiles([500, 990]);
    measures.add(name, "µs", vec![median]);
    measures.add(format!("{name}, p99"), "µs", vec![p99]);
}

fn answer(stand: &Stand, route: Route, query: &str, now: Instant) -> Result<Vec<u8>, ApiError> {
    let asked = SeriesParameters::read(route, query, None, now, &stand.workspace.zone)?;
    let rows = Counted::Now(vec![stand.engine.rows(stand.workspace.index).scope(Scope::Workspace)]);
    let points = points(route, &asked, Scope::Workspace, &stand.workspace, &rows);
    let mut body = Vec::with_capacity(8192);
    points.write(asked.format, Language::English, &mut body);
    Ok(body)
}
