use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Subcommand, ValueEnum};

use super::super::arguments::{Arguments, MemoryArguments, WorkspaceToMake};

/// Where the data is: in a directory, or with the brokers of a cluster.
#[derive(Args)]
pub struct StoreArguments {
    /// What keeps the data: a directory of this machine, or a Kafka cluster
    #[arg(long, env = "DAUPHIN_STORE", value_enum, default_value = "embedded")]
    pub store: StoreKind,
    /// The data directory
    #[arg(long, env = "DAUPHIN_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub brokers: BrokerArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum StoreKind {
    Embedded,
    Kafka,
}

/// The same, one or the other.
pub enum Stored<'a> {
    Directory(&'a Path),
    Cluster(&'a BrokerArguments),
}

impl StoreArguments {
    /// The place, or the end of the program with a word on usage.
    pub fn place(&self) -> Stored<'_> {
        match (self.store, &self.data, &self.brokers.brokers) {
            (StoreKind::Embedded, Some(data), None) => Stored::Directory(data),
            (StoreKind::Embedded, None, None) => usage(
                ErrorKind::MissingRequiredArgument,
                "say where the data is: --data DIR, or --store kafka with --brokers HOST:PORT,…",
            ),
            (StoreKind::Embedded, _, Some(_)) => usage(
                ErrorKind::ArgumentConflict,
                "--brokers is for --store kafka; a data directory has none: say --store kafka, or leave --brokers out",
            ),
            (StoreKind::Kafka, None, _) => {
                self.brokers.brokers();
                Stored::Cluster(&self.brokers)
            }
            (StoreKind::Kafka, Some(_), _) => usage(
                ErrorKind::ArgumentConflict,
                "--data is for --store embedded; with --store kafka the brokers keep the data: leave --data out",
            ),
        }
    }
}

fn usage(kind: ErrorKind, what: &str) -> ! {
    Arguments::command().error(kind, what).exit()
}

/// Which cluster, and how to reach it.
#[derive(Args)]
pub struct BrokerArguments {
    /// Some brokers of the Kafka cluster; the others are learnt from them
    #[arg(long, env = "DAUPHIN_BROKERS", value_name = "HOST:PORT,…", value_parser = parse_brokers)]
    pub brokers: Option<String>,
    /// What the names of all topics begin with
    #[arg(
        long,
        env = "DAUPHIN_TOPIC_PREFIX",
        value_name = "TEXT",
        default_value = "dauphin",
        value_parser = parse_prefix
    )]
    pub topic_prefix: String,
    /// A property of the Kafka client, by its own name, such as `security.protocol=ssl`; may be repeated, in the environment
    /// one a line
    #[arg(
        long,
        env = "DAUPHIN_KAFKA_PROPERTY",
        value_name = "KEY=VALUE",
        value_delimiter = '\n',
        hide_env_values = true,
        value_parser = parse_property
    )]
    pub kafka_property: Vec<(String, String)>,
}

impl BrokerArguments {
    /// Some brokers, or the end of the program with a word on usage.
    pub fn brokers(&self) -> &str {
        let missing = || usage(ErrorKind::MissingRequiredArgument, "say which cluster: --brokers HOST:PORT,…");
        self.brokers.as_deref().unwrap_or_else(missing)
    }

    /// As a settings line has it. What properties say may be a secret.
    pub fn shown(&self) -> String {
        let Self { brokers, topic_prefix, kafka_property } = self;
        let properties: Vec<_> = kafka_property.iter().map(|(key, _)| key.as_str()).collect();
        format!(
            "brokers={} topic_prefix={topic_prefix} kafka_properties={}",
            brokers.as_deref().unwrap_or(""),
            properties.join(",")
        )
    }
}

#[derive(Args)]
pub struct ClusterArguments {
    #[command(subcommand)]
    pub command: ClusterCommand,
}

#[derive(Subcommand)]
pub enum ClusterCommand {
    /// Make the topics of a cluster, with a workspace, its apps and a key
    Init(ClusterInitArguments),
    /// Show the nodes and the partitions, and how far each is behind
    Status(ClusterStatusArguments),
    /// Make the topics of a cluster with all that a data directory holds
    Import(ClusterImportArguments),
    /// Bring all that a cluster holds into a new data directory
    Export(ClusterExportArguments),
}

impl ClusterCommand {
    /// Which cluster it is about.
    pub const fn broker_arguments(&self) -> &BrokerArguments {
        match self {
            Self::Init(arguments) => &arguments.brokers,
            Self::Status(arguments) => &arguments.brokers,
            Self::Import(arguments) => &arguments.brokers,
            Self::Export(arguments) => &arguments.brokers,
        }
    }
}

#[derive(Args)]
pub struct ClusterInitArguments {
    #[command(flatten)]
    pub brokers: BrokerArguments,
    #[command(flatten)]
    pub workspace: WorkspaceToMake,
    #[command(flatten)]
    pub topics: TopicArguments,
}

/// How the topics of a new cluster are made.
#[derive(Args)]
pub struct TopicArguments {
    /// Partitions, over which the nodes share the people; as many nodes can work at once
    #[arg(long, env = "DAUPHIN_PARTITIONS", value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..))]
    pub partitions: u16,
    /// Brokers that keep each message
    #[arg(long, env = "DAUPHIN_REPLICATION_FACTOR", value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub replication_factor: u16,
    /// Brokers that must have a message before it is acknowledged
    #[arg(long, env = "DAUPHIN_MIN_INSYNC_REPLICAS", value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    pub min_insync_replicas: u16,
    /// Days for which the brokers keep what was sent: so long may a partition be without a node
    #[arg(long, env = "DAUPHIN_RETENTION_DAYS", value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=3_650))]
    pub retention_days: u16,
    /// Take settings with which the failure of one broker may lose what was acknowledged
    #[arg(long, env = "DAUPHIN_ALLOW_UNSAFE")]
    pub allow_unsafe: bool,
}

#[derive(Args)]
pub struct ClusterStatusArguments {
    #[command(flatten)]
    pub brokers: BrokerArguments,
    /// One JSON object instead of a table
    #[arg(long, env = "DAUPHIN_JSON")]
    pub json: bool,
}

#[derive(Args)]
pub struct ClusterImportArguments {
    #[command(flatten)]
    pub brokers: BrokerArguments,
    #[command(flatten)]
    pub topics: TopicArguments,
    #[command(flatten)]
    pub memory: MemoryArguments,
    /// The data directory
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
}

#[derive(Args)]
pub struct ClusterExportArguments {
    #[command(flatten)]
    pub brokers: BrokerArguments,
    #[command(flatten)]
    pub memory: MemoryArguments,
    /// The data directory to make
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
}

fn parse_brokers(text: &str) -> Result<String, String> {
    let is_address = |broker: &str| {
        broker.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    match text.split(',').find(|broker| !is_address(broker)) {
        None => Ok(text.to_owned()),
        Some(wrong) => Err(format!("`{wrong}` is no broker; write HOST:PORT, and several with commas between")),
    }
}

/// What Kafka lets a topic's name be, less what follows the prefix.
const PREFIX_BYTES_MAX: usize = 200;

fn parse_prefix(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if text.is_empty() || text.len() > PREFIX_BYTES_MAX || !text.bytes().all(fits) {
        return Err(format!("a prefix is 1 to {PREFIX_BYTES_MAX} letters, digits, `.`, `_` and `-`"));
    }
    Ok(text.to_owned())
}

fn parse_property(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        // It is not repeated: it may hold a secret.
        _ => Err("a property is written KEY=VALUE, such as `security.protocol=ssl`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_prefixes_and_properties() {
        for right in ["a:9092", "a:1,10.0.0.2:2,[::1]:3"] {
            assert_eq!(parse_brokers(right).as_deref(), Ok(right));
        }
        for (wrong, part) in
            [("", ""), ("a", "a"), ("a:9092,", ""), ("a:1, b", " b"), (":9092", ":9092"), ("a:70000", "a:70000")]
        {
            let error = format!("`{part}` is no broker; write HOST:PORT, and several with commas between");
            assert_eq!(parse_brokers(wrong), Err(error), "{wrong}");
        }
        assert_eq!(parse_prefix("shop.Eu_1-a").as_deref(), Ok("shop.Eu_1-a"));
        for wrong in ["", "a b", "é", "a/b", &"x".repeat(201)] {
            assert!(parse_prefix(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_property("a.b=c=d"), Ok(("a.b".to_owned(), "c=d".to_owned())));
        assert_eq!(parse_property("a.b="), Ok(("a.b".to_owned(), String::new())));
        for wrong in ["", "=b", "secret"] {
            let error = parse_property(wrong).unwrap_err();
            assert!(!error.contains("`secret`"), "{error}");
        }
    }
}
