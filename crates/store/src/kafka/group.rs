use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use rdkafka::consumer::ConsumerGroupMetadata;

/// The membership under which consumed offsets are committed: which member, in which generation of its group.
///
/// Clones are the same membership. Whoever runs the group's consumer sets it after each rebalance; a store takes what
/// is set at the time of a commit. Brokers refuse the commit of a generation that is over.
#[derive(Clone, Default)]
pub struct Group {
    metadata: Arc<Mutex<Option<Arc<ConsumerGroupMetadata>>>>,
}

impl Group {
    /// No membership: offsets are kept with the records alone.
    pub fn none() -> Self {
        Self::default()
    }

    /// From the next commit on, offsets are committed for this membership.
    pub fn set(&self, metadata: Option<ConsumerGroupMetadata>) {
        *self.lock() = metadata.map(Arc::new);
    }

    pub(super) fn metadata(&self) -> Option<Arc<ConsumerGroupMetadata>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<ConsumerGroupMetadata>>> {
        self.metadata.lock().expect("nothing panics while it holds the lock")
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Group").field("is_set", &self.lock().is_some()).finish()
    }
}
