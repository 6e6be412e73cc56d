use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use dauphin_model::{AppId, Zone};

use super::administration::arguments::{AppArguments, AuditArguments, KeyArguments, UserArguments, WorkspaceArguments};
use super::cluster::arguments::{ClusterArguments, StoreArguments};
use crate::administration::check_name;
use crate::bench::WrittenFile;
use crate::memory::{self, PROCESS_BYTES_MIN};

/// Counts active users, exactly: daily, monthly, over any window, per app and across apps.
#[derive(Parser)]
#[command(name = "dauphin", version, about, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Make a data directory with a workspace, its apps and a key
    Init(InitArguments),
    /// Answer over HTTP
    Serve(ServeArguments),
    /// Import files into a data directory or a running server
    Import(ImportArguments),
    /// Show a series
    Series(SeriesArguments),
    /// Count everything again by brute force and compare
    Check(CheckArguments),
    /// Look at workspaces, make one, change its settings
    Workspace(WorkspaceArguments),
    /// Look at apps, make one, give it another name or write key
    App(AppArguments),
    /// Look at API keys, make one, revoke one
    Key(KeyArguments),
    /// Erase people, leave them out of the counts, say who is who
    User(UserArguments),
    /// Who changed what, and when
    Audit(AuditArguments),
    /// Make a cluster on Kafka, look at it, move data into it and out of it
    Cluster(ClusterArguments),
    /// Try it: a made-up year of activity, live traffic, a console to look at
    Demo(DemoArguments),
    /// Measure this machine
    Bench(BenchArguments),
    /// Look into a data directory, read-only
    Inspect(InspectArguments),
}

#[derive(Args)]
pub struct InitArguments {
    /// The directory to make
    #[arg(long, env = "DAUPHIN_DATA", value_name = "DIR")]
    pub data: PathBuf,
    #[command(flatten)]
    pub workspace: WorkspaceToMake,
}

/// The first workspace of a new store.
#[derive(Args)]
pub struct WorkspaceToMake {
    /// Name of the workspace
    #[arg(long, env = "DAUPHIN_WORKSPACE", value_name = "NAME", default_value = "main", value_parser = parse_name)]
    pub workspace: String,
    /// IANA time zone in which days are cut; fixed once there is data
    #[arg(long, env = "DAUPHIN_ZONE", value_name = "IANA", default_value = "UTC", value_parser = parse_zone)]
    pub zone: Zone,
    /// An app, and its API identifier if you have one already; may be repeated
    #[arg(long, env = "DAUPHIN_APP", value_name = "NAME[=IDENTIFIER]", value_parser = parse_app)]
    pub app: Vec<NewApp>,
}

/// `NAME` or `NAME=IDENTIFIER`.
#[derive(Clone, Debug)]
pub struct NewApp {
    pub name: String,
    pub id: Option<AppId>,
}

#[derive(Args)]
pub struct ServeArguments {
    #[command(flatten)]
    pub store: StoreArguments,
    /// A node of a cluster that is not heard of for so long gives its partitions up
    #[arg(long, env = "DAUPHIN_SESSION_TIMEOUT", value_name = "SECONDS", default_value_t = 45, value_parser = clap::value_parser!(u32).range(6..=1_800))]
    pub session_timeout: u32,
    #[command(flatten)]
    pub listen: ListenArguments,
    #[command(flatten)]
    pub memory: MemoryArguments,
}

#[derive(Args, Clone, Copy, Default)]
pub struct MemoryArguments {
    /// Memory that the process may use; default: nine tenths of what the machine has left or the container allows
    #[arg(long, env = "DAUPHIN_MEMORY_MAX", value_name = "SIZE", value_parser = parse_memory)]
    memory_max: Option<ByteCount>,
}

impl MemoryArguments {
    /// What users, their days and the rows may take of it.
    pub fn state_bytes_max(self) -> usize {
        memory::state_bytes_max(self.memory_max.map(|bytes| bytes.0))
    }
}

#[derive(Args, Clone)]
pub struct ListenArguments {
    /// Address and port
    #[arg(long, env = "DAUPHIN_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: String,
    /// Another address and port that shows metrics to anybody who can reach it, without a key
    #[arg(long, env = "DAUPHIN_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<String>,
    /// Certificate chain (PEM), to answer over HTTPS
    #[arg(long, env = "DAUPHIN_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM) of the certificate
    #[arg(long, env = "DAUPHIN_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Greatest request body
    #[arg(long, env = "DAUPHIN_BODY_LIMIT", value_name = "SIZE", default_value = "32MiB", value_parser = parse_size)]
    pub body_limit: ByteCount,
}

/// A size in bytes, written `512KiB`, `32MiB`, `1GiB` or as plain bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteCount(pub usize);

#[derive(Args)]
pub struct TargetArguments {
    /// The data directory
    #[arg(long, env = "DAUPHIN_DATA", value_name = "DIR", conflicts_with = "url")]
    pub data: Option<PathBuf>,
    /// A running server
    #[arg(long, env = "DAUPHIN_URL", value_name = "URL")]
    pub url: Option<String>,
    /// API key of the running server
    #[arg(long, env = "DAUPHIN_KEY", value_name = "KEY", hide_env_values = true)]
    pub key: Option<String>,
    /// The workspace, where the data directory has several
    #[arg(long, env = "DAUPHIN_WORKSPACE", value_name = "NAME", value_parser = parse_name)]
    pub workspace: Option<String>,
}

/// Where to go: one or the other, whichever of flag, environment and file said so.
pub enum Place<'a> {
    Data(&'a Path),
    Url { url: &'a str, key: &'a str },
}

impl TargetArguments {
    /// The place, or the end of the program with a word on usage.
    pub fn place(&self) -> Place<'_> {
        let missing = |what| Arguments::command().error(ErrorKind::MissingRequiredArgument, what).exit();
        match (&self.url, &self.key, &self.data) {
            (Some(url), Some(key), _) => Place::Url { url, key },
            (Some(_), None, _) => missing("--url needs an API key of that server: --key KEY"),
            (None, _, Some(data)) => Place::Data(data),
            (None, _, None) => missing("say where: --data DIR, or --url URL with --key KEY"),
        }
    }
}

#[derive(Args)]
pub struct ImportArguments {
    #[command(flatten)]
    pub target: TargetArguments,
    #[command(flatten)]
    pub memory: MemoryArguments,
    /// Make an app of each unknown `app_id`
    #[arg(long, env = "DAUPHIN_CREATE_APPS")]
    pub create_apps: bool,
    /// Where a row keeps `user_id`, `time`, `app_id` or `session_id`, if under another name; may be repeated
    #[arg(long, env = "DAUPHIN_MAP", value_name = "FIELD=COL")]
    pub map: Vec<String>,
    /// Import nothing at all if any row is bad
    #[arg(long, env = "DAUPHIN_STRICT")]
    pub strict: bool,
    /// Where bad rows are kept, with the reason
    #[arg(long, env = "DAUPHIN_REJECTS", value_name = "FILE", default_value = "dauphin.rejects.ndjson")]
    pub rejects: PathBuf,
    /// CSV, NDJSON (plain, gzip, zstd), Parquet or Avro, also as Braze Currents writes it; s3://, gs:// and az:// URLs, whose
    /// credentials come from the environment; `-` is standard input
    #[arg(value_name = "FILE|GLOB|URL", required = true)]
    pub files: Vec<String>,
}

#[derive(Args)]
pub struct SeriesArguments {
    #[command(flatten)]
    pub target: TargetArguments,
    /// What to count
    #[arg(long, env = "DAUPHIN_METRIC", value_enum)]
    pub metric: Metric,
    /// Days that count together, 1 to 366 (`active_users`, `growth`, `stickiness`, `overlap`)
    #[arg(long, env = "DAUPHIN_WINDOW", value_name = "W")]
    pub window: Option<String>,
    /// Number of points, 1 to 100
    #[arg(long, env = "DAUPHIN_LENGTH", value_name = "N")]
    pub length: String,
    /// The series ends on the day before this instant; default: now
    #[arg(long, env = "DAUPHIN_ENDING_AT", value_name = "T")]
    pub ending_at: Option<String>,
    /// One app's API identifier; default: all apps, each person counted once
    #[arg(long, env = "DAUPHIN_APP_ID", value_name = "ID")]
    pub app: Option<String>,
    /// The series as it stood at the end of that day: later corrections left out
    #[arg(long, env = "DAUPHIN_AS_OF", value_name = "T")]
    pub as_of: Option<String>,
    /// How each point moved after its own day, by cause
    #[arg(long, env = "DAUPHIN_EXPLAIN")]
    pub explain: bool,
    /// `frozen`: each point as it stood at the end of its own day; default: `current`
    #[arg(long, env = "DAUPHIN_MODE", value_name = "MODE")]
    pub mode: Option<String>,
    /// `hour` instead of `day` (`sessions`)
    #[arg(long, env = "DAUPHIN_UNIT", value_name = "UNIT")]
    pub unit: Option<String>,
    /// How to show it
    #[arg(long, env = "DAUPHIN_FORMAT", value_enum, default_value = "table")]
    pub format: SeriesFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Metric {
    Dau,
    Mau,
    ActiveUsers,
    NewUsers,
    Growth,
    Stickiness,
    Sessions,
    Uninstalls,
    Overlap,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum SeriesFormat {
    Table,
    Json,
    Csv,
    Svg,
    Png,
}

#[derive(Args)]
pub struct CheckArguments {
    #[command(flatten)]
    pub store: StoreArguments,
    #[command(flatten)]
    pub memory: MemoryArguments,
}

#[derive(Args)]
pub struct InspectArguments {
    /// The data directory
    #[arg(long, env = "DAUPHIN_DATA", value_name = "DIR")]
    pub data: PathBuf,
    /// One JSON object instead of text
    #[arg(long, env = "DAUPHIN_JSON")]
    pub json: bool,
    #[command(flatten)]
    pub memory: MemoryArguments,
}

#[derive(Args)]
pub struct DemoArguments {
    /// Keep what is made up in this new data directory; default: a temporary one, removed at the end
    #[arg(long, env = "DAUPHIN_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub listen: ListenArguments,
    /// People to make up
    #[arg(long, env = "DAUPHIN_PEOPLE", value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    pub people: u32,
}

#[derive(Args)]
pub struct BenchArguments {
    /// People to make up [default: 1000000, with --quick 100000]
    #[arg(long, env = "DAUPHIN_USERS", value_name = "N", value_parser = clap::value_parser!(u32).range(10_000..=50_000_000))]
    pub users: Option<u32>,
    /// Rows for each of them on average, a quarter of them repeats
    #[arg(long, env = "DAUPHIN_DAYS_PER_USER", value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub days_per_user: u32,
    /// Days over which they come
    #[arg(long, env = "DAUPHIN_SPAN_DAYS", value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(30..=3_650))]
    pub span_days: u32,
    /// Fewer people and fewer runs
    #[arg(long, env = "DAUPHIN_QUICK")]
    pub quick: bool,
    /// One JSON object instead of a table
    #[arg(long, env = "DAUPHIN_JSON")]
    pub json: bool,
    /// Measure nothing: write the made-up activity into this directory, for other programs to be measured with
    #[arg(long, env = "DAUPHIN_WRITE", value_name = "DIR")]
    pub write: Option<PathBuf>,
    /// Write only these
    #[arg(
        long,
        env = "DAUPHIN_WRITE_FILES",
        value_name = "FILE",
        value_enum,
        value_delimiter = ',',
        requires = "write"
    )]
    pub write_files: Vec<WrittenFile>,
    /// Write what follows from this number
    #[arg(long, env = "DAUPHIN_SEED", value_name = "N", default_value_t = 0, requires = "write")]
    pub seed: u64,
}

pub fn parse_name(text: &str) -> Result<String, String> {
    check_name(text).map(|()| text.to_owned())
}

pub fn parse_zone(text: &str) -> Result<Zone, String> {
    Zone::named(text).map_err(|error| error.to_string())
}

pub fn parse_app(text: &str) -> Result<NewApp, String> {
    match text.split_once('=') {
        None => Ok(NewApp { name: parse_name(text)?, id: None }),
        Some((name, id)) => {
            let id = AppId::new(id).map_err(|error| error.to_string())?;
            Ok(NewApp { name: parse_name(name)?, id: Some(id) })
        }
    }
}

fn parse_size(text: &str) -> Result<ByteCount, String> {
    let wrong = || "a size is a whole number of bytes, or one with KiB, MiB or GiB, such as `32MiB`".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let shift = match text[digits..].trim() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return Err(wrong()),
    };
    let number: usize = text[..digits].parse().map_err(|_| wrong())?;
    let bytes = number.checked_mul(1 << shift).filter(|bytes| (1..=1 << 40).contains(bytes)).ok_or_else(wrong)?;
    Ok(ByteCount(bytes))
}

fn parse_memory(text: &str) -> Result<ByteCount, String> {
    let bytes = parse_size(text)?;
    if bytes.0 < PROCESS_BYTES_MIN {
        return Err(format!("the process needs {}MiB at least", PROCESS_BYTES_MIN >> 20));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sizes_and_apps() {
        assert_eq!(parse_size("32MiB"), Ok(ByteCount(32 << 20)));
        assert_eq!(parse_size("512"), Ok(ByteCount(512)));
        for wrong in ["", "MiB", "-1", "1.5MiB", "0", "9999999999999GiB", "5 apples"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_memory("128MiB"), Ok(ByteCount(128 << 20)));
        assert_eq!(parse_memory("127MiB"), Err("the process needs 128MiB at least".to_owned()));
        let app = parse_app("Web=a=b").unwrap();
        assert_eq!((app.name.as_str(), app.id.unwrap().as_str()), ("Web", "a=b"));
        assert!(parse_app("Web=").is_err());
        assert!(parse_app("").is_err());
    }
}
