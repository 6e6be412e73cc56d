use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use dauphin_api::{Column, Format, Group, Language, Points, Route, SeriesParameters, Times, Zeros};
use dauphin_engine::RestoredRows;
use dauphin_model::{Day, Scope};
use dauphin_store::Embedded;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::arguments::{Metric, Place, SeriesArguments, SeriesFormat};
use super::{data, print};
use crate::chart::{self, ChartTitle, Surface};
use crate::clock;
use crate::import::{Remote, get_text};
use crate::points::{self, Counted};

pub fn run(arguments: &SeriesArguments) -> anyhow::Result<ExitCode> {
    let route = route_of(arguments.metric);
    if arguments.window.is_some() && !route.takes_window() {
        bail!("this metric has a fixed window; for another one use --metric active_users --window W");
    }
    if arguments.unit.is_some() && !route.takes_unit() {
        bail!("this metric is counted by day; --unit is for --metric sessions");
    }
    let query = query_of(arguments);
    let (points, title) = match arguments.target.place() {
        Place::Url { url, key } => ask_server(url, key, arguments, route, &query)?,
        Place::Data(path) => read_directory(path, arguments, route, &query)?,
    };
    let mut bytes = Vec::new();
    match arguments.format {
        SeriesFormat::Json => {
            points.write(Format::Json, Language::English, &mut bytes);
            bytes.push(b'\n');
        }
        SeriesFormat::Csv => points.write(Format::Csv, Language::English, &mut bytes),
        SeriesFormat::Svg | SeriesFormat::Png if matches!(points.times, Times::Hours(_)) => {
            bail!("a chart shows days; for hours use --format table, csv or json")
        }
        SeriesFormat::Table => bytes = chart::table(&points.flattened(), &title, surface()).into_bytes(),
        SeriesFormat::Svg => bytes = chart::svg(&points, &title)?.into_bytes(),
        SeriesFormat::Png => {
            if std::io::stdout().is_terminal() {
                bail!("a PNG is not for a terminal; send it to a file: … --format png > chart.png");
            }
            bytes = chart::png(&points, &title)?;
        }
    }
    print(&bytes)?;
    Ok(ExitCode::SUCCESS)
}

const fn route_of(metric: Metric) -> Route {
    match metric {
        Metric::Dau => Route::Dau,
        Metric::Mau => Route::Mau,
        Metric::ActiveUsers => Route::ActiveUsers,
        Metric::NewUsers => Route::NewUsers,
        Metric::Growth => Route::Growth,
        Metric::Stickiness => Route::Stickiness,
        Metric::Sessions => Route::Sessions,
        Metric::Uninstalls => Route::Uninstalls,
        Metric::Overlap => Route::Overlap,
    }
}

/// The same query a client would send, so that the same rules and errors hold.
fn query_of(arguments: &SeriesArguments) -> String {
    let (mut query, explain) = (String::new(), "true".to_owned());
    let given = [
        ("length", Some(&arguments.length)),
        ("ending_at", arguments.ending_at.as_ref()),
        ("app_id", arguments.app.as_ref()),
        ("window", arguments.window.as_ref()),
        ("unit", arguments.unit.as_ref()),
        ("as_of", arguments.as_of.as_ref()),
        ("mode", arguments.mode.as_ref()),
        ("explain", arguments.explain.then_some(&explain)),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
            let separator = if query.is_empty() { "" } else { "&" };
            query.extend([separator, name, "=", &value.to_string()]);
        }
    }
    query
}

fn surface() -> Surface {
    if !std::io::stdout().is_terminal() {
        return Surface::Plain;
    }
    let columns = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
    Surface::Terminal { columns }
}

fn read_directory(
    path: &Path,
    arguments: &SeriesArguments,
    route: Route,
    query: &str,
) -> anyhow::Result<(Points, ChartTitle)> {
    let store = Embedded::open_read_only(path).context("open the data directory")?;
    let restored =
        RestoredRows::read(&store).with_context(|| format!("read the data directory `{}`", path.display()))?;
    let workspace = data::workspace(&restored.catalog, arguments.target.workspace.as_deref())?;
    let asked = SeriesParameters::read(route, query, None, clock::now(), &workspace.zone)?;
    let scope = match &asked.app_id {
        None => Scope::Workspace,
        Some(id) => Scope::App(workspace.app(id).ok_or_else(|| {
            let known: Vec<_> = workspace.apps().iter().map(|app| app.id.as_str()).collect();
            anyhow!("there is no app `{id}`; there is `{}`", known.join("`, `"))
        })?),
    };
    let index = workspace.index.0 as usize;
    let keys = points::keys(route, scope, &workspace).into_iter();
    let counted = if points::looks_back(&asked) {
        Counted::Recorded(keys.map(|key| restored.ledgers[index].history(key)).collect())
    } else {
        Counted::Now(keys.map(|key| restored.rows[index].of(key)).collect())
    };
    let title = ChartTitle::of(route, asked.window, asked.app_id.as_deref(), workspace.zone.name());
    Ok((points::points(route, &asked, scope, &workspace, &counted), title))
}

fn ask_server(
    url: &str,
    key: &str,
    arguments: &SeriesArguments,
    route: Route,
    query: &str,
) -> anyhow::Result<(Points, ChartTitle)> {
    let remote = Remote::connect(url, key, arguments.target.workspace.as_deref(), false)?;
    let asked = SeriesParameters::read(route, query, None, clock::now(), remote.zone())?;
    let text = get_text(&format!("{}{}?{query}", url.trim_end_matches('/'), route.path()), key)?;
    let title = ChartTitle::of(route, asked.window, asked.app_id.as_deref(), remote.zone().name());
    Ok((points_of(route, &text)?, title))
}

/// Reads an answer back.
fn points_of(route: Route, text: &str) -> anyhow::Result<Points> {
    let unreadable = || anyhow!("the server's answer is no series");
    let answer: Value = serde_json::from_str(text).context("read the server's answer")?;
    let points = answer["data"].as_array().ok_or_else(unreadable)?;
    let times: Option<Vec<&str>> = points.iter().map(|point| point["time"].as_str()).collect();
    let times = times.ok_or_else(unreadable)?;
    let times = match times.first().and_then(|first| Day::parse(first)) {
        Some(first) => Times::DaysFrom(first),
        None => Times::Hours(times.into_iter().map(str::to_owned).collect()),
    };
    let mut columns = Vec::new();
    for name in route.columns() {
        let values = || points.iter().map(|point| &point[*name]);
        let integers: Option<Vec<i64>> = values().map(Value::as_i64).collect();
        columns.push(match integers {
            Some(integers) => Column::integers(*name, integers),
            None => {
                let ratios: Option<Vec<f64>> = values().map(Value::as_f64).collect();
                Column::ratios(*name, ratios.ok_or_else(unreadable)?)
            }
        });
    }
    let mut groups = Vec::new();
    let object = |name: &str| points.first().and_then(|point| point[name].as_object());
    if let Some(apps) = object("apps") {
        groups.push(group_of(points, "apps", Zeros::Kept, apps.keys().map(String::as_str)));
    }
    if object("changes").is_some() {
        groups.push(group_of(points, "changes", Zeros::LeftOut, points::CAUSES.iter().map(|cause| cause.word())));
    }
    Ok(Points { times, columns, groups })
}

/// A group of values; what a point leaves out is 0.
fn group_of<'a>(points: &[Value], name: &'static str, zeros: Zeros, keys: impl Iterator<Item = &'a str>) -> Group {
    let column = |key: &str| {
        let values = points.iter().map(|point| point[name][key].as_i64().unwrap_or(0)).collect();
        Column::integers(key.to_owned(), values)
    };
    Group { name, columns: keys.map(column).collect(), zeros }
}
