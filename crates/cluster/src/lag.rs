use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dauphin_engine::{Lag, Progress};
use dauphin_store::kafka::KafkaOptions;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::ClusterError;

/// How far each partition is behind its log, as far as this node knows.
pub(crate) struct LagWatch {
    inner: Mutex<Inner>,
}

struct Inner {
    partitions: Vec<Watched>,
    /// When the brokers last said where every log ends.
    heard: Instant,
}

#[derive(Clone, Default)]
struct Watched {
    end: i64,
    progress: Progress,
    /// Ends, and when they were first heard of: those that are not folded yet.
    ends: VecDeque<(i64, Instant)>,
}

/// How often brokers are asked.
const INTERVAL: Duration = Duration::from_millis(200);
/// Not having heard for so long is a lag.
const SILENCE: Duration = Duration::from_secs(2);
/// Ends that are remembered of a partition: further ones only move the last.
const ENDS_MAX: usize = 1024;

impl LagWatch {
    pub fn new(partition_count: u16) -> Self {
        let partitions = vec![Watched::default(); usize::from(partition_count)];
        Self { inner: Mutex::new(Inner { partitions, heard: Instant::now() }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A partition's log reaches to `end`.
    pub fn note_end(&self, partition: u16, end: i64) {
        let mut inner = self.lock();
        let Some(watched) = inner.partitions.get_mut(usize::from(partition)) else { return };
        if end <= watched.end {
            return;
        }
        watched.end = end;
        if watched.ends.len() == ENDS_MAX {
            watched.ends.pop_back();
        }
        watched.ends.push_back((end, Instant::now()));
        watched.forget();
    }

    /// A partition is so far.
    pub fn note_progress(&self, partition: u16, progress: Progress) {
        let mut inner = self.lock();
        let Some(watched) = inner.partitions.get_mut(usize::from(partition)) else { return };
        watched.progress = progress;
        watched.forget();
    }

    /// Where a partition's log ends.
    pub fn end(&self, partition: u16) -> i64 {
        self.lock().partitions.get(usize::from(partition)).map_or(0, |watched| watched.end)
    }

    /// Of one partition: its lag, how far it is, and where its log ends.
    pub fn of(&self, partition: u16) -> (Lag, Progress, i64) {
        let inner = self.lock();
        let Some(watched) = inner.partitions.get(usize::from(partition)) else { return Default::default() };
        (watched.lag(), watched.progress, watched.end)
    }

    /// Of all partitions together.
    pub fn total(&self) -> Lag {
        let inner = self.lock();
        let mut total = Lag::default();
        for lag in inner.partitions.iter().map(Watched::lag) {
            total.events += lag.events;
            total.seconds = total.seconds.max(lag.seconds);
        }
        let silence = inner.heard.elapsed();
        if silence > SILENCE {
            total.seconds = total.seconds.max(silence.as_secs_f64());
        }
        total
    }

    /// Asks brokers where the logs end, until told to stop.
    pub fn watch(&self, options: &KafkaOptions, stopped: &dyn Fn() -> bool) -> Result<(), ClusterError> {
        let consumer: BaseConsumer =
            options.reader().create().map_err(ClusterError::brokers("ask where the logs end"))?;
        let count = self.lock().partitions.len();
        let topic = options.activity_topic();
        while !stopped() {
            let mut heard = true;
            for partition in (0..u16::MAX).take(count) {
                match consumer.fetch_watermarks(&topic, partition.into(), SILENCE) {
                    Ok((_, end)) => self.note_end(partition, end),
                    Err(_) => heard = false,
                }
                if stopped() {
                    return Ok(());
                }
            }
            if heard {
                self.lock().heard = Instant::now();
            }
            std::thread::sleep(INTERVAL);
        }
        Ok(())
    }
}

impl Watched {
    fn forget(&mut self) {
        while self.ends.front().is_some_and(|(end, _)| *end <= self.progress.next_offset) {
            self.ends.pop_front();
        }
    }

    fn lag(&self) -> Lag {
        let messages = u64::try_from(self.end - self.progress.next_offset).unwrap_or(0);
        if messages == 0 {
            return Lag::default();
        }
        let folded = u64::try_from(self.progress.next_offset).unwrap_or(0).max(1);
        let events = messages.max(messages.saturating_mul(self.progress.event_count) / folded);
        let seconds = self.ends.front().map_or(0.0, |(_, heard)| heard.elapsed().as_secs_f64());
        Lag { events, seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_folded_is_behind() {
        let watch = LagWatch::new(2);
        assert_eq!(watch.total(), Lag::default());
        watch.note_end(1, 10);
        assert_eq!((watch.of(1).0.events, watch.total().events, watch.of(0).0), (10, 10, Lag::default()));
        watch.note_progress(1, Progress { next_offset: 4, event_count: 400, ..Progress::default() });
        assert_eq!(watch.total().events, 600);
        watch.note_end(1, 9);
        assert_eq!(watch.of(1).2, 10);
        watch.note_progress(1, Progress { next_offset: 10, event_count: 1000, ..Progress::default() });
        assert_eq!(watch.total(), Lag::default());
    }
}
