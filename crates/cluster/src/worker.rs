use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dauphin_engine::{PartitionEngine, PartitionOptions, RestoreError};
use dauphin_model::Instant as Moment;
use dauphin_store::kafka::{KafkaOptions, KafkaStore};
use dauphin_store::{Store, StoreError};
use rdkafka::Message as _;
use rdkafka::Offset;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;

use crate::ClusterError;
use crate::client::{Follows, assign, assigned};
use crate::lag::LagWatch;
use crate::meta::Meta;

/// What every worker of a node works with.
pub(crate) struct Workplace {
    pub options: KafkaOptions,
    pub partition_count: u16,
    pub meta: Arc<Meta>,
    pub lag: Arc<LagWatch>,
    pub state_bytes_max: usize,
}

/// One partition that this node owns, or is about to.
pub(crate) struct Worker {
    pub partition: u16,
    pub stop: AtomicBool,
    /// Profiles and bytes of memory, once it is restored.
    pub profile_count: AtomicUsize,
    pub state_byte_count: AtomicUsize,
    pub restored: AtomicBool,
}

/// Why a worker began anew.
enum Setback {
    /// Told to stop.
    Stopped,
    /// Something did not work; it may next time.
    Trouble(ClusterError),
}

impl From<ClusterError> for Setback {
    fn from(error: ClusterError) -> Self {
        Self::Trouble(error)
    }
}

impl From<StoreError> for Setback {
    fn from(error: StoreError) -> Self {
        Self::Trouble(error.into())
    }
}

/// A commit takes along at most about so many bytes, and at most so many messages.
const GROUP_BYTES: usize = 4 << 20;
const GROUP_MESSAGES: usize = 20_000;
/// How long is waited for a message when there is none.
const IDLE: Duration = Duration::from_millis(50);
/// How long a worker waits before it tries again, at first and at most.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Who was shut out waits for the group to say so as well: to take the partition back would disturb its owner.
const FENCED_PAUSE: Duration = Duration::from_secs(10);
/// How long brokers may take to say where a log ends.
const ANSWER_MAX: Duration = Duration::from_secs(5);

impl Worker {
    pub fn new(partition: u16) -> Arc<Self> {
        Arc::new(Self {
            partition,
            stop: AtomicBool::new(false),
            profile_count: AtomicUsize::new(0),
            state_byte_count: AtomicUsize::new(0),
            restored: AtomicBool::new(false),
        })
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Takes the partition over, restores it, and folds what comes, until told to stop; after trouble from the beginning.
    pub fn run(&self, place: &Workplace) {
        let mut pause = PAUSE_MIN;
        while !self.stopped() {
            let began = Instant::now();
            let ended = self.serve(place);
            self.restored.store(false, Ordering::Release);
            let Err(Setback::Trouble(error)) = ended else { return };
            tracing::warn!("partition {}: {error}; it is taken up again", self.partition);
            pause = match error {
                ClusterError::Store(StoreError::Fenced { .. }) => FENCED_PAUSE,
                _ if began.elapsed() > PAUSE_MAX * 4 => PAUSE_MIN,
                _ => (pause * 2).min(PAUSE_MAX),
            };
            let until = Instant::now() + pause;
            while !self.stopped() && Instant::now() < until {
                std::thread::sleep(IDLE);
            }
        }
    }

    fn serve(&self, place: &Workplace) -> Result<(), Setback> {
        let began = Instant::now();
        let partition = self.partition;
        let mut store = KafkaStore::open(&place.options, partition)?;
        let catalog = place.meta.catalog().ok_or(ClusterError::NotSetUp(place.options.topic_prefix.clone()))?;
        let options = PartitionOptions { log_bytes_min: 16 << 20, state_bytes_max: place.state_bytes_max };
        let numbers = (partition, place.partition_count);
        let restored = PartitionEngine::restore(&store, &catalog, numbers, options);
        let mut engine = restored.map_err(|source: RestoreError| ClusterError::Restore { partition, source })?;
        // Says who works here, and lets the store forget what was read.
        store.commit(engine.batch())?;
        let (profile_count, _) = engine.sizes();
        tracing::info!("partition {partition}: {profile_count} profiles restored in {:?}", began.elapsed());
        self.restored.store(true, Ordering::Release);
        let mut input = Input::open(place, partition, engine.progress().next_offset)?;
        loop {
            self.tell(&engine);
            if self.stopped() {
                return Err(Setback::Stopped);
            }
            input.fold_some(&mut engine)?;
            if engine.has_work() {
                store.commit(engine.batch())?;
            } else if place.lag.end(partition) > engine.progress().next_offset {
                input.pass_marks(&mut engine)?;
            }
        }
    }

    fn tell(&self, engine: &PartitionEngine) {
        let (profile_count, byte_count) = engine.sizes();
        self.profile_count.store(profile_count, Ordering::Relaxed);
        self.state_byte_count.store(byte_count, Ordering::Relaxed);
    }
}

/// The log of a partition.
struct Input<'a> {
    consumer: Follows,
    place: &'a Workplace,
    partition: u16,
}

impl<'a> Input<'a> {
    fn open(place: &'a Workplace, partition: u16, next_offset: i64) -> Result<Self, ClusterError> {
        let mut config = place.options.reader();
        // What is not there any more was never folded: that must not pass unnoticed.
        config.set("auto.offset.reset", "error");
        let from = std::iter::once((partition, Offset::Offset(next_offset)));
        let consumer = assigned(&config, &place.options.activity_topic(), from)?;
        Ok(Self { consumer, place, partition })
    }

    /// Folds what is there, up to what one commit takes.
    fn fold_some(&mut self, engine: &mut PartitionEngine) -> Result<(), ClusterError> {
        let mut wait = if engine.has_work() { Duration::ZERO } else { IDLE };
        for _ in 0..GROUP_MESSAGES {
            match self.consumer.poll(wait) {
                Some(Ok(message)) => self.fold(&message, engine),
                Some(Err(KafkaError::PartitionEOF(_))) => {}
                Some(Err(error)) => self.weigh(&error)?,
                None => return Ok(()),
            }
            wait = Duration::ZERO;
            if engine.batch_byte_count() > GROUP_BYTES {
                return Ok(());
            }
        }
        Ok(())
    }

    fn fold(&self, message: &BorrowedMessage<'_>, engine: &mut PartitionEngine) {
        let sent = message.timestamp().to_millis().and_then(|millis| Moment::new(millis.div_euclid(1000), 0));
        let sent = sent.unwrap_or_else(|| Moment::new(0, 0).expect("the beginning of 1970"));
        if engine.fold(message.offset(), sent, message.payload().unwrap_or_default()).is_err() {
            tracing::error!(
                "message {} of partition {} is none of dauphin's, and is passed over",
                message.offset(),
                self.partition
            );
        }
    }

    fn weigh(&self, error: &KafkaError) -> Result<(), ClusterError> {
        let lost = matches!(
            error.rdkafka_error_code(),
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange)
        );
        if lost {
            let reason = format!(
                "the log of partition {} does not reach back to where folding stopped: what was in between was removed \
                 before anybody folded it, because the topic keeps it no longer",
                self.partition
            );
            return Err(ClusterError::Brokers { action: "go on", reason });
        }
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
            return Err(ClusterError::Brokers { action: "read activity", reason: error.to_string() });
        }
        tracing::debug!("partition {}: {error}", self.partition);
        Ok(())
    }

    /// Where others wrote in transactions, the log ends with marks that are no messages. Makes sure that nothing else is
    /// left, and counts them as folded.
    fn pass_marks(&mut self, engine: &mut PartitionEngine) -> Result<(), ClusterError> {
        let topic = self.place.options.activity_topic();
        let Ok((_, end)) = self.consumer.fetch_watermarks(&topic, self.partition.into(), ANSWER_MAX) else {
            return Ok(());
        };
        let next_offset = engine.progress().next_offset;
        assign(&self.consumer, &topic, std::iter::once((self.partition, Offset::Offset(next_offset))))?;
        let until = Instant::now() + ANSWER_MAX;
        while Instant::now() < until {
            match self.consumer.poll(IDLE) {
                Some(Ok(message)) => {
                    self.fold(&message, engine);
                    return Ok(());
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    engine.pass_to(end);
                    return Ok(());
                }
                Some(Err(error)) => self.weigh(&error)?,
                None => {}
            }
        }
        Ok(())
    }
}
