use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::{Offset, TopicPartitionList};

use crate::worker::{Worker, Workplace};
use crate::{ClusterError, ClusterOptions};

/// The partitions of this node: who joins the group of workers is given some, and gives them back when others join.
pub(crate) struct Owner {
    place: Arc<Workplace>,
    workers: Mutex<BTreeMap<u16, Running>>,
}

struct Running {
    worker: Arc<Worker>,
    thread: JoinHandle<()>,
}

/// How long a worker that gives its partition up may take to end what it is at. Its successor does not depend on it, and
/// the group waits meanwhile.
const FAREWELL_MAX: Duration = Duration::from_millis(300);

impl Owner {
    pub fn new(place: Workplace) -> Arc<Self> {
        Arc::new(Self { place: Arc::new(place), workers: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u16, Running>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those at work.
    pub fn workers(&self) -> Vec<Arc<Worker>> {
        self.lock().values().map(|running| Arc::clone(&running.worker)).collect()
    }

    /// Joins the group and takes part in it until told to stop.
    pub fn take_part(
        self: &Arc<Self>,
        options: &ClusterOptions,
        stopped: &dyn Fn() -> bool,
    ) -> Result<(), ClusterError> {
        let failed = ClusterError::brokers("join the group of workers");
        let context = Membership { owner: Arc::clone(self) };
        let consumer: BaseConsumer<Membership> = options.member().create_with_context(context).map_err(&failed)?;
        consumer.subscribe(&[&self.place.options.activity_topic()]).map_err(&failed)?;
        let mut told = Instant::now();
        while !stopped() {
            if told.elapsed() > TELL_INTERVAL {
                told = Instant::now();
                self.tell(&consumer);
            }
            // Partitions are paused: nothing comes but what the group has to say.
            if let Some(Err(error)) = consumer.poll(Duration::from_millis(100)) {
                tracing::warn!("the group of workers: {error}");
            }
        }
        self.give_up(None);
        drop(consumer);
        Ok(())
    }

    /// Tells the brokers how far each partition is, for those who look with the brokers' own tools. Nothing depends on it.
    fn tell(&self, consumer: &BaseConsumer<Membership>) {
        let mut offsets = TopicPartitionList::new();
        for worker in self.workers() {
            let (_, progress, _) = self.place.lag.of(worker.partition);
            let topic = self.place.options.activity_topic();
            // An offset that cannot be told now is told a little later.
            let _ = offsets.add_partition_offset(&topic, worker.partition.into(), Offset::Offset(progress.next_offset));
        }
        if offsets.count() > 0 {
            let _ = consumer.commit(&offsets, CommitMode::Async);
        }
    }

    fn begin(&self, partitions: &[u16]) {
        for partition in partitions {
            let worker = Worker::new(*partition);
            let (at_work, place) = (Arc::clone(&worker), Arc::clone(&self.place));
            let work = move || at_work.run(&place);
            let thread = std::thread::Builder::new().name(format!("partition-{partition}")).spawn(work);
            match thread {
                Ok(thread) => {
                    if let Some(before) = self.lock().insert(*partition, Running { worker, thread }) {
                        before.worker.stop.store(true, Ordering::Release);
                    }
                }
                Err(error) => tracing::error!("partition {partition} has no thread: {error}"),
            }
        }
    }

    /// Ends the workers of these partitions, or all.
    fn give_up(&self, partitions: Option<&[u16]>) {
        let mut ending = Vec::new();
        {
            let mut workers = self.lock();
            let all: Vec<u16> = workers.keys().copied().collect();
            for partition in partitions.unwrap_or(&all) {
                if let Some(running) = workers.remove(partition) {
                    running.worker.stop.store(true, Ordering::Release);
                    ending.push(running.thread);
                }
            }
        }
        let until = Instant::now() + FAREWELL_MAX;
        for thread in ending {
            while !thread.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// How often brokers are told how far partitions are.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

struct Membership {
    owner: Arc<Owner>,
}

impl ClientContext for Membership {}

impl ConsumerContext for Membership {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            let partitions = partitions(list);
            tracing::info!("partitions given up: {partitions:?}");
            self.owner.give_up(Some(&partitions));
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => {
                if let Err(error) = consumer.pause(list) {
                    tracing::warn!("the group of workers: {error}");
                }
                let partitions = partitions(list);
                if !partitions.is_empty() {
                    tracing::info!("partitions taken over: {partitions:?}");
                }
                self.owner.begin(&partitions);
            }
            Rebalance::Revoke(_) => {}
            Rebalance::Error(error) => tracing::warn!("the group of workers: {error}"),
        }
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<u16> {
    list.elements().iter().filter_map(|element| u16::try_from(element.partition()).ok()).collect()
}
