use dauphin_engine::{CheckReport, Restored};
use dauphin_store::kafka::describe;

use crate::init::with_meta;
use crate::snapshot::snapshot;
use crate::{ClusterError, ClusterOptions};

/// Recounts every partition from its calendars and compares each point with what its rows answer. It reads, and takes
/// no partition from anybody; what is committed meanwhile is not seen.
pub fn check(options: &ClusterOptions) -> Result<CheckReport, ClusterError> {
    let kafka = options.kafka();
    let not_set_up = || ClusterError::NotSetUp(options.topic_prefix.clone());
    let count = describe(&kafka)?.partitions(&kafka).ok_or_else(not_set_up)?;
    let catalog = with_meta(options, |meta| meta.catalog().ok_or_else(not_set_up))?;
    let mut report = CheckReport { points_checked: 0, mismatch_count: 0, mismatches: Vec::new() };
    for partition in 0..count {
        let store = snapshot(&kafka, partition)?;
        let restored = Restored::read_part(&catalog, &store, 1, options.state_bytes_max)
            .map_err(|source| ClusterError::Restore { partition, source })?;
        let part = restored.check();
        report.points_checked += part.points_checked;
        report.mismatch_count += part.mismatch_count;
        report.mismatches.extend(part.mismatches);
    }
    Ok(report)
}
