use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use dauphin_core::Rows;
use dauphin_engine::{Follower, Reply};
use dauphin_store::Table;
use dauphin_store::kafka::{KafkaOptions, MessageKey};
use rdkafka::Message as _;
use rdkafka::Offset;
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;

use crate::ClusterError;
use crate::client::{Follows, assigned, read_to_ends};
use crate::lag::LagWatch;
use crate::waiting::Waiting;

/// The rows of all partitions, followed.
pub(crate) struct FollowedRows {
    follower: Mutex<Follower>,
    published: ArcSwap<Vec<Arc<Rows>>>,
}

/// Messages taken before readers see what they changed.
const MESSAGES_MAX: usize = 10_000;

impl FollowedRows {
    pub fn new(partition_count: u16) -> Self {
        Self { follower: Mutex::new(Follower::new(partition_count)), published: ArcSwap::default() }
    }

    pub fn lock(&self) -> MutexGuard<'_, Follower> {
        self.follower.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Today's rows of each workspace with rows.
    pub fn published(&self) -> Arc<Vec<Arc<Rows>>> {
        self.published.load_full()
    }

    /// Reads until the ends of all partitions were reached once, with nobody to answer meanwhile.
    pub fn catch_up(
        &self,
        options: &KafkaOptions,
        partition_count: u16,
        lag: &LagWatch,
    ) -> Result<Follows, ClusterError> {
        let every = (0..partition_count).map(|partition| (partition, Offset::Beginning));
        let topic = options.rows_topic();
        let consumer = assigned(&options.reader(), &topic, every)?;
        read_to_ends(&consumer, options, (&topic, 0..partition_count), &mut |message| {
            self.take(message, lag, &mut Vec::new())?;
            Ok(ControlFlow::Continue(()))
        })?;
        self.publish();
        Ok(consumer)
    }

    /// Follows until told to stop.
    pub fn follow(&self, consumer: &Follows, lag: &LagWatch, waiting: &Waiting, stopped: &dyn Fn() -> bool) {
        let mut replies = Vec::new();
        while !stopped() {
            let mut wait = Duration::from_millis(100);
            let mut changed = false;
            for _ in 0..MESSAGES_MAX {
                match consumer.poll(wait) {
                    Some(Ok(message)) => match self.take(&message, lag, &mut replies) {
                        Ok(()) => changed = true,
                        Err(error) => tracing::error!("{error}"),
                    },
                    Some(Err(KafkaError::PartitionEOF(_))) => {}
                    Some(Err(error)) => tracing::warn!("following the rows: {error}"),
                    None => break,
                }
                wait = Duration::ZERO;
            }
            if changed {
                self.publish();
            }
            // Told only now: whoever asks next sees what they are told of.
            replies.drain(..).for_each(|reply| waiting.take(reply));
            waiting.expire(Instant::now());
        }
    }

    fn publish(&self) {
        let rows = self.lock().rows();
        self.published.store(Arc::new(rows));
    }

    fn take(
        &self,
        message: &BorrowedMessage<'_>,
        lag: &LagWatch,
        replies: &mut Vec<Reply>,
    ) -> Result<(), ClusterError> {
        let damaged = || ClusterError::Brokers {
            action: "read the rows",
            reason: format!("message {} of partition {} is damaged", message.offset(), message.partition()),
        };
        let partition = u16::try_from(message.partition()).map_err(|_| damaged())?;
        match (message.key().and_then(MessageKey::decode), message.payload()) {
            (Some(MessageKey::Record { table: Table::Row, key }), Some(value)) => {
                let mut follower = self.lock();
                if follower.take(partition, key, value).map_err(|_| damaged())? {
                    lag.note_progress(partition, follower.progress(partition));
                }
            }
            (Some(MessageKey::Reply), Some(value)) => replies.push(Reply::read(value).map_err(|_| damaged())?),
            _ => {}
        }
        Ok(())
    }
}
