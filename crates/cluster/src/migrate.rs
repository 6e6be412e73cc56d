use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use dauphin_engine::{Division, Restored, Settings, Union};
use dauphin_store::kafka::{KafkaOptions, KafkaStore, describe};
use dauphin_store::{Embedded, KeyRange, Store, StoreError, Table};
use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer};
use serde::Serialize;

use crate::client::{assigned, read_to_ends};
use crate::init::{make_topics, set_up, with_meta};
use crate::node::COMMAND_MAX;
use crate::snapshot::snapshot;
use crate::{ClusterError, ClusterOptions, InitPlan};

/// What moved.
#[derive(Clone, Debug, Serialize)]
pub struct Migrated {
    /// Workspaces.
    pub workspaces: usize,
    /// Profiles of all of them.
    pub profiles: usize,
    /// Rows of the ledger: days of a measure, of an app or of a workspace.
    pub rows: usize,
    /// How long it took.
    pub seconds: f64,
}

/// Sets a cluster up with what a data directory holds. The directory is read, and stays as it is; nobody may write it
/// meanwhile.
///
/// What is set up comes last: an import that was interrupted leaves topics in which nothing is set up, and which are
/// refused from then on.
pub fn import_directory(options: &ClusterOptions, plan: &InitPlan, directory: &Path) -> Result<Migrated, ClusterError> {
    let began = Instant::now();
    let store = Embedded::open_read_only(directory)?;
    let settings = Settings::read(&store)?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let restored = Restored::read_within(&store, threads, options.state_bytes_max)?;
    let workspaces = restored.rows.catalog.workspaces().len();
    make_topics(options, plan)?;
    let mut division = Division::new(restored, plan.partitions);
    let ((profiles, rows), with_data) = (division.counts(), division.workspaces_with_data());
    while let Some(partition) = division.next_partition() {
        let mut store = KafkaStore::open(&options.kafka(), partition)?;
        if has_records(&store)? {
            return Err(ClusterError::Leftovers(options.topic_prefix.clone()));
        }
        division.write_next(&mut store)?;
        tracing::info!("partition {partition} is written");
    }
    with_meta(options, |meta| set_up(meta, &settings, &with_data))?;
    Ok(Migrated { workspaces, profiles, rows, seconds: began.elapsed().as_secs_f64() })
}

fn has_records(store: &dyn Store) -> Result<bool, StoreError> {
    let mut found = false;
    for table in Table::ALL {
        store.scan(table, &KeyRange::all(), &mut |_, _| {
            found = true;
            ControlFlow::Break(())
        })?;
    }
    Ok(found)
}

/// Writes everything a cluster holds into a new data directory. The cluster is read, and stays as it is; it is refused
/// while something is sent to it.
///
/// The directory has its name only when it is whole; until then its name ends in `.unfinished`.
pub fn export_directory(options: &ClusterOptions, directory: &Path) -> Result<Migrated, ClusterError> {
    let began = Instant::now();
    let unfinished = unfinished(directory)?;
    let kafka = options.kafka();
    let not_set_up = || ClusterError::NotSetUp(options.topic_prefix.clone());
    let count = describe(&kafka)?.partitions(&kafka).ok_or_else(not_set_up)?;
    let (catalog, settings) = with_meta(options, |meta| {
        let catalog = meta.catalog().ok_or_else(not_set_up)?;
        Ok((catalog, meta.settings()?))
    })?;
    let workspaces = catalog.workspaces().len();
    let mut union = Union::new(catalog.as_ref().clone());
    let mut next_offsets = Vec::new();
    for partition in 0..count {
        let store = snapshot(&kafka, partition)?;
        let joined = union
            .join(&store, options.state_bytes_max)
            .map_err(|source| ClusterError::Restore { partition, source })?;
        if joined.moving_count > 0 {
            let reason = format!("{} people move from or to partition {partition}; {TRY_AGAIN}", joined.moving_count);
            return Err(ClusterError::Busy(reason));
        }
        next_offsets.push((partition, joined.progress.next_offset));
    }
    // Who folds nothing after it was read has not changed since: when that is so of all, what was read is of one moment.
    for (partition, next_offset) in next_offsets {
        if !is_folded(&kafka, partition, next_offset)? {
            return Err(ClusterError::Busy(format!(
                "partition {partition} has events that are not folded; {TRY_AGAIN}"
            )));
        }
    }
    let (profiles, rows) = union.counts();
    let mut store: Box<dyn Store> = Box::new(Embedded::create(&unfinished)?);
    union.write(&settings, store.as_mut())?;
    store.close()?;
    publish(&unfinished, directory)?;
    Ok(Migrated { workspaces, profiles, rows, seconds: began.elapsed().as_secs_f64() })
}

const TRY_AGAIN: &str = "stop what is sent to the cluster, let its nodes catch up, and try again";

/// What a directory is called until it is whole.
fn unfinished(directory: &Path) -> Result<PathBuf, StoreError> {
    match directory.file_name() {
        Some(name) if !directory.exists() => {
            let mut name = OsString::from(name);
            name.push(".unfinished");
            Ok(directory.with_file_name(name))
        }
        _ => Err(StoreError::AlreadyExists { path: directory.to_owned() }),
    }
}

fn publish(unfinished: &Path, directory: &Path) -> Result<(), ClusterError> {
    let renamed = std::fs::rename(unfinished, directory).and_then(|()| {
        let parent = directory.canonicalize()?.parent().map_or_else(|| directory.to_owned(), Path::to_owned);
        std::fs::File::open(parent)?.sync_all()
    });
    renamed.map_err(|source| ClusterError::Directory { path: directory.to_owned(), source })
}

/// Whether a partition's log has nothing from an offset on but marks of transactions, none of them open.
fn is_folded(options: &KafkaOptions, partition: u16, next_offset: i64) -> Result<bool, ClusterError> {
    let failed = ClusterError::brokers("ask where the logs end");
    let topic = options.activity_topic();
    let end = |isolation: &str| -> Result<i64, ClusterError> {
        let consumer: BaseConsumer = options.reader().set("isolation.level", isolation).create().map_err(&failed)?;
        let (_, end) = consumer.fetch_watermarks(&topic, partition.into(), COMMAND_MAX).map_err(&failed)?;
        Ok(end)
    };
    // A transaction that is open holds what comes after it back from who reads what was committed.
    let end_of_all = end("read_uncommitted")?;
    if end_of_all <= next_offset {
        return Ok(true);
    }
    if end("read_committed")? < end_of_all {
        return Ok(false);
    }
    let mut config = options.reader();
    config.set("auto.offset.reset", "error");
    let consumer = assigned(&config, &topic, std::iter::once((partition, Offset::Offset(next_offset))))?;
    read_to_ends(&consumer, options, (&topic, std::iter::once(partition)), &mut |_| Ok(ControlFlow::Break(())))
}
