use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::metadata::{Metadata, MetadataTopic};

use super::hazards::Hazard;
use super::options::{KafkaOptions, MESSAGE_BYTE_COUNT_MAX};
use crate::StoreError;

/// How long a change of topics may take.
const CHANGE_DURATION_MAX: Duration = Duration::from_mins(1);

/// Brokers that are there mostly answer within this time.
const ANSWER_USUAL: Duration = Duration::from_secs(3);

/// Between two looks at whether a broker knows of a change.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// What all topics have. Messages stay compressed as the writer sent them, so nothing is done twice.
const COMMON_SETTINGS: [(&str, &str); 2] =
    [("unclean.leader.election.enable", "false"), ("compression.type", "producer")];

/// A segment is larger than the largest message. The input is removed a day at a time.
const ACTIVITY_SETTINGS: [(&str, &str); 3] =
    [("cleanup.policy", "delete"), ("segment.bytes", "268435456"), ("segment.ms", "86400000")];

/// Old values go after half an hour at the latest, and when they are three tenths of the rest: so reading is bounded by
/// the state, and by what changes in half an hour. They stay for a minute, and removals for an hour, so that who reads
/// meanwhile misses nothing.
const STATE_SETTINGS: [(&str, &str); 7] = [
    ("cleanup.policy", "compact"),
    ("segment.bytes", "134217728"),
    ("segment.ms", "1800000"),
    ("min.cleanable.dirty.ratio", "0.3"),
    ("min.compaction.lag.ms", "60000"),
    ("max.compaction.lag.ms", "1800000"),
    ("delete.retention.ms", "3600000"),
];

/// As the state; but nodes follow it without end, and one that stood still for a day must learn of removals too.
const ROWS_SETTINGS: [(&str, &str); 7] = [
    ("cleanup.policy", "compact"),
    ("segment.bytes", "134217728"),
    ("segment.ms", "1800000"),
    ("min.cleanable.dirty.ratio", "0.3"),
    ("min.compaction.lag.ms", "60000"),
    ("max.compaction.lag.ms", "1800000"),
    ("delete.retention.ms", "86400000"),
];

/// Small, and followed by all nodes.
const META_SETTINGS: [(&str, &str); 5] = [
    ("cleanup.policy", "compact"),
    ("segment.bytes", "134217728"),
    ("segment.ms", "86400000"),
    ("min.compaction.lag.ms", "60000"),
    ("delete.retention.ms", "86400000"),
];

/// How the topics of a cluster are to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPlan {
    /// Into how many parts people are divided. It stays.
    pub partitions: u16,
    /// On how many brokers each message is.
    pub replication_factor: u16,
    /// On how many brokers a message must be before it counts as written.
    pub min_insync_replicas: u16,
    /// How long the input is kept after it came: the longest time a partition may stand still.
    pub activity_retention: Duration,
}

impl TopicPlan {
    /// Three copies, of which two must be written, and seven days of input.
    pub const fn new(partitions: u16) -> Self {
        let activity_retention = Duration::from_hours(7 * 24);
        Self { partitions, replication_factor: 3, min_insync_replicas: 2, activity_retention }
    }

    /// What is unsafe about topics made like this.
    pub fn hazards(&self, options: &KafkaOptions) -> Vec<Hazard> {
        Topics { topics: self.topics(options).to_vec() }.hazards(options)
    }

    pub(super) fn topics(&self, options: &KafkaOptions) -> [Topic; 4] {
        let retention = [("retention.ms", self.activity_retention.as_millis().to_string())];
        let topic = |name, partitions, settings: &[(&str, &str)], retention: &[(&str, String)]| {
            let numbers = [
                ("min.insync.replicas", self.min_insync_replicas.to_string()),
                ("max.message.bytes", MESSAGE_BYTE_COUNT_MAX.to_string()),
            ];
            let words = COMMON_SETTINGS.iter().chain(settings).map(|(key, value)| (*key, (*value).to_owned()));
            let all = words.chain(numbers).chain(retention.iter().cloned());
            let settings = all.map(|(key, value)| (key.to_owned(), value)).collect();
            Topic { name, partitions, replication_factor: self.replication_factor, settings }
        };
        [
            topic(options.activity_topic(), self.partitions, &ACTIVITY_SETTINGS, &retention),
            topic(options.state_topic(), self.partitions, &STATE_SETTINGS, &[]),
            topic(options.rows_topic(), self.partitions, &ROWS_SETTINGS, &[]),
            topic(options.meta_topic(), 1, &META_SETTINGS, &[]),
        ]
    }
}

/// One topic, as it is or is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Into how many partitions it is divided.
    pub partitions: u16,
    /// On how many brokers the least kept of its partitions is.
    pub replication_factor: u16,
    /// Its settings, as brokers name and write them.
    pub settings: BTreeMap<String, String>,
}

/// The topics of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topics {
    /// Those that are there.
    pub topics: Vec<Topic>,
}

impl Topics {
    /// The topic with this name, if it is there.
    pub fn get(&self, name: &str) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.name == name)
    }

    /// Into how many parts people are divided.
    pub fn partitions(&self, options: &KafkaOptions) -> Option<u16> {
        self.get(&options.activity_topic()).map(|topic| topic.partitions)
    }
}

/// Makes the topics of a cluster that are not there yet, and answers their names. What is unsafe about the plan is for the
/// caller to weigh: see [`TopicPlan::hazards`].
///
/// A topic that is there with another number of partitions is refused, before anything is made.
pub fn create_topics(options: &KafkaOptions, plan: &TopicPlan) -> Result<Vec<String>, StoreError> {
    let there = describe(options)?;
    let wanted = plan.topics(options);
    for topic in &wanted {
        if let Some(made) = there.get(&topic.name).filter(|made| made.partitions != topic.partitions) {
            let reason = format!(
                "it is there with {} partitions, and {} are wanted; the number of partitions stays",
                made.partitions, topic.partitions
            );
            return Err(failed("create", &topic.name)(reason));
        }
    }
    let missing: Vec<&Topic> = wanted.iter().filter(|topic| there.get(&topic.name).is_none()).collect();
    let new: Vec<NewTopic<'_>> = missing.iter().map(|topic| topic.to_new()).collect();
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let admin = admin(options)?;
    let patience = AdminOptions::new().operation_timeout(Some(CHANGE_DURATION_MAX));
    let made = wait(admin.create_topics(&new, &patience)).map_err(refused("create", &options.brokers))?;
    for result in made {
        result.map_err(|(name, code)| failed("create", &name)(code.to_string()))?;
    }
    await_brokers(options, "a leader of every partition", |known| missing.iter().all(|topic| topic.is_led(known)))?;
    Ok(missing.iter().map(|topic| topic.name.clone()).collect())
}

/// The topics of a cluster that are there, with their settings.
pub fn describe(options: &KafkaOptions) -> Result<Topics, StoreError> {
    let admin = admin(options)?;
    let names = [options.activity_topic(), options.state_topic(), options.rows_topic(), options.meta_topic()];
    let metadata = metadata(options)?;
    let mut topics = Vec::new();
    for topic in metadata.topics().iter().filter(|topic| names.iter().any(|name| name == topic.name())) {
        let copies = topic.partitions().iter().map(|partition| partition.replicas().len()).min().unwrap_or(0);
        topics.push(Topic {
            name: topic.name().to_owned(),
            partitions: u16::try_from(topic.partitions().len()).unwrap_or(u16::MAX),
            replication_factor: u16::try_from(copies).unwrap_or(u16::MAX),
            settings: settings(&admin, topic.name())?,
        });
    }
    Ok(Topics { topics })
}

/// What brokers say of all topics: they may make one that is asked for by name. Whoever has to wait is told so.
fn metadata(options: &KafkaOptions) -> Result<Metadata, StoreError> {
    let brokers = &options.brokers;
    let client: BaseConsumer = options.reader().create().map_err(refused("reach", brokers))?;
    let until = Instant::now() + options.open_timeout;
    let mut is_told = false;
    loop {
        let error = match client.fetch_metadata(None, ANSWER_USUAL.min(options.open_timeout)) {
            Ok(metadata) => return Ok(metadata),
            Err(error) => error,
        };
        // What the library has met is logged, which is more than the error says.
        while client.poll(Duration::ZERO).is_some() {}
        if Instant::now() >= until {
            let reason = format!("{error}; do the brokers run, and are --brokers and the properties right?");
            return Err(failed("reach", brokers)(reason));
        }
        if !is_told {
            tracing::warn!("no broker answers yet; trying for {} seconds", options.open_timeout.as_secs());
            is_told = true;
        }
    }
}

fn settings(admin: &Admin, name: &str) -> Result<BTreeMap<String, String>, StoreError> {
    let described = wait(admin.describe_configs(&[ResourceSpecifier::Topic(name)], &AdminOptions::new()))
        .map_err(refused("describe", name))?;
    let mut settings = BTreeMap::new();
    for resource in described {
        let resource = resource.map_err(|code| failed("describe", name)(code.to_string()))?;
        settings.extend(resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))));
    }
    Ok(settings)
}

impl Topic {
    fn to_new(&self) -> NewTopic<'_> {
        let copies = TopicReplication::Fixed(self.replication_factor.into());
        let new = NewTopic::new(&self.name, self.partitions.into(), copies);
        self.settings.iter().fold(new, |new, (key, value)| new.set(key, value))
    }

    /// Whether every partition can be written.
    fn is_led(&self, known: &Metadata) -> bool {
        let topic = known.topics().iter().filter(|topic| topic.name() == self.name);
        let partitions = topic.flat_map(MetadataTopic::partitions);
        partitions.filter(|partition| partition.leader() >= 0).count() == usize::from(self.partitions)
    }
}

/// Waits until every broker tells what is wanted. Each learns of a change by itself, and whoever comes next may ask any.
pub(super) fn await_brokers(
    options: &KafkaOptions,
    wanted: &str,
    tells: impl Fn(&Metadata) -> bool,
) -> Result<(), StoreError> {
    let deadline = Instant::now() + CHANGE_DURATION_MAX;
    // Who they are is asked each time: one that fails meanwhile is not waited for.
    while let Some((broker, reason)) = first_behind(options, wanted, &tells)? {
        if Instant::now() >= deadline {
            return Err(failed("ask", &broker)(reason));
        }
        thread::sleep(LOOK_INTERVAL);
    }
    Ok(())
}

/// A broker that does not tell what is wanted, and why.
fn first_behind(
    options: &KafkaOptions,
    wanted: &str,
    tells: impl Fn(&Metadata) -> bool,
) -> Result<Option<(String, String)>, StoreError> {
    for broker in metadata(options)?.brokers() {
        let brokers = address(broker.host(), broker.port());
        // A client that was told of one broker asks this one as long as it has nothing to do with others.
        let client = admin(&KafkaOptions { brokers: brokers.clone(), ..options.clone() })?;
        match client.inner().fetch_metadata(None, ANSWER_USUAL) {
            Ok(known) if tells(&known) => {}
            Ok(_) => return Ok(Some((brokers, format!("it does not know {wanted}")))),
            Err(error) => return Ok(Some((brokers, error.to_string()))),
        }
    }
    Ok(None)
}

fn address(host: &str, port: i32) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

type Admin = AdminClient<DefaultClientContext>;

pub(super) fn admin(options: &KafkaOptions) -> Result<Admin, StoreError> {
    options.client().create().map_err(refused("reach", &options.brokers))
}

fn refused(action: &'static str, topic: &str) -> impl FnOnce(KafkaError) -> StoreError {
    let failed = failed(action, topic);
    move |error| failed(error.to_string())
}

fn failed(action: &'static str, topic: &str) -> impl FnOnce(String) -> StoreError {
    let topic = topic.to_owned();
    move |reason| StoreError::Brokers { action, topic, reason }
}

/// Waits for what the client library's own threads complete.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
