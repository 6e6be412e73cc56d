use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dauphin_core::{Answer, Ask, IdentityChange, IdentityOutcome, Message, Role, Stamp};
use dauphin_engine::{Done, EngineError, Envelope, PersonView, Receipt, Submission, Trace};
use dauphin_model::{ProfileKey, WorkspaceIndex};
use rdkafka::ClientContext;
use rdkafka::Message as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use crate::lag::LagWatch;
use crate::meta::unavailable;
use crate::waiting::{self, Waiting};
use crate::{ClusterError, ClusterOptions};

/// Takes what comes in from outside, and answers when every in-sync replica has it.
pub(crate) struct Gateway {
    options: ClusterOptions,
    partition_count: u16,
    topic: String,
    lag: Arc<LagWatch>,
    waiting: Arc<Waiting>,
    /// A client that met a fatal error is replaced.
    sender: Mutex<Arc<Sender>>,
}

type Sender = ThreadedProducer<Deliveries>;

/// Hears when a message is there.
struct Deliveries {
    lag: Arc<LagWatch>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Delivery>;

    fn delivery(&self, result: &DeliveryResult<'_>, delivery: Self::DeliveryOpaque) {
        match result {
            Ok(message) => {
                if let Ok(partition) = u16::try_from(message.partition()) {
                    self.lag.note_end(partition, message.offset() + 1);
                }
                delivery.0.settle();
            }
            Err((error, _)) => delivery.0.fail(unavailable(&format!("the brokers did not take it: {error}"))),
        }
    }
}

/// Called once, when all parts are there, or one is not.
type OnDelivered = Box<dyn FnOnce(Result<(), EngineError>) + Send>;

/// One message of what is handed in.
struct Delivery(Arc<HandedIn>);

/// What is handed in together. It is answered once, when all parts are there.
struct HandedIn {
    parts_left: AtomicUsize,
    done: Mutex<Option<OnDelivered>>,
}

impl HandedIn {
    fn new(parts: usize, done: impl FnOnce(Result<(), EngineError>) + Send + 'static) -> Arc<Self> {
        Arc::new(Self { parts_left: AtomicUsize::new(parts), done: Mutex::new(Some(Box::new(done))) })
    }

    fn settle(&self) {
        if self.parts_left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.answer(Ok(()));
        }
    }

    fn fail(&self, error: EngineError) {
        self.answer(Err(error));
    }

    fn answer(&self, result: Result<(), EngineError>) {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(done) = done {
            done(result);
        }
    }
}

/// How long is waited for room in the client's queue.
const QUEUE_MAX: Duration = Duration::from_secs(30);

impl Gateway {
    pub fn open(
        options: &ClusterOptions,
        partition_count: u16,
        lag: Arc<LagWatch>,
        waiting: Arc<Waiting>,
    ) -> Result<Self, ClusterError> {
        let sender = sender(options, &lag).map_err(ClusterError::brokers("send activity"))?;
        let topic = options.kafka().activity_topic();
        let sender = Mutex::new(Arc::new(sender));
        Ok(Self { options: options.clone(), partition_count, topic, lag, waiting, sender })
    }

    /// Hands in changes.
    pub fn submit(&self, submission: Submission, done: Done) {
        let (workspace, stamp) = submission.about();
        let until_visible = submission.waits_until_visible();
        let activity_count = submission.activity_count() as u64;
        let parts = submission.by_partition(self.partition_count);
        if parts.is_empty() {
            return done(Ok(Receipt { is_visible: true, new_user_days: 0, repeats: 0 }));
        }
        let done = Arc::new(Mutex::new(Some(done)));
        let answer = move |result| {
            let done = done.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(done) = done {
                done(result);
            }
        };
        let traces = if until_visible {
            let answer = answer.clone();
            let visible = move |done: Option<waiting::Done>| match done {
                Some(waiting::Done { new_user_days, .. }) => {
                    let repeats = activity_count.saturating_sub(new_user_days);
                    answer(Ok(Receipt { is_visible: true, new_user_days, repeats }));
                }
                None => answer(Err(unavailable("it is kept and will count, but does not show yet"))),
            };
            self.waiting.begin(parts.len(), Box::new(visible)).into_iter().map(Some).collect()
        } else {
            vec![None; parts.len()]
        };
        let token = traces.first().copied().flatten().map(|trace: Trace| trace.token);
        let waiting = Arc::clone(&self.waiting);
        let handed_in = HandedIn::new(parts.len(), move |result| match (result, token) {
            (Ok(()), None) => answer(Ok(Receipt { is_visible: false, new_user_days: 0, repeats: 0 })),
            (Ok(()), Some(_)) => {}
            (Err(error), token) => {
                token.into_iter().for_each(|token| waiting.forget(token));
                answer(Err(error));
            }
        });
        for ((partition, part), trace) in parts.into_iter().zip(traces) {
            let message = Message::Changes { role: Role::Router, changes: part.changes, claims: part.claims };
            self.send(partition, &Envelope { workspace, stamp, trace, message }, &handed_in);
        }
    }

    /// Changes who is who. Changes of one kind go out together; another kind follows when they are done.
    pub fn change(
        &self,
        workspace: WorkspaceIndex,
        stamp: Stamp,
        changes: &[IdentityChange],
    ) -> Result<Vec<IdentityOutcome>, EngineError> {
        let mut outcomes = Vec::with_capacity(changes.len());
        let same_kind = |a: &IdentityChange, b: &IdentityChange| std::mem::discriminant(a) == std::mem::discriminant(b);
        for run in changes.chunk_by(same_kind) {
            // Of two names and a rename, the order says who gets which.
            let together = match run[0] {
                IdentityChange::Rename { .. } | IdentityChange::Replace { .. } | IdentityChange::Remove { .. } => 1,
                _ => run.len(),
            };
            for group in run.chunks(together) {
                let asked: Vec<_> =
                    group.iter().map(|change| self.ask(workspace, stamp, Ask::Change(*change))).collect();
                for answer in asked {
                    match answer.wait()? {
                        Some(Answer::Outcome(outcome)) => outcomes.push(outcome),
                        _ => return Err(unavailable("the change was made, but nobody said what became of it")),
                    }
                }
            }
        }
        Ok(outcomes)
    }

    /// What is known of the person behind a profile.
    pub fn person(
        &self,
        workspace: WorkspaceIndex,
        stamp: Stamp,
        profile: ProfileKey,
    ) -> Result<Option<PersonView>, EngineError> {
        match self.ask(workspace, stamp, Ask::Show(profile)).wait()? {
            Some(Answer::Person(person)) => Ok(person),
            _ => Err(unavailable("nobody said who it is")),
        }
    }

    fn ask(&self, workspace: WorkspaceIndex, stamp: Stamp, ask: Ask) -> Asked {
        let (sender, answer) = std::sync::mpsc::sync_channel(2);
        let (told, failed) = (sender.clone(), sender);
        let on_done = move |done: Option<waiting::Done>| {
            let late = || unavailable("it is kept and will be done, but is not done yet");
            // Whoever asked may be gone.
            let _ = told.try_send(done.map(|done| done.answer).ok_or_else(late));
        };
        let traces = self.waiting.begin(1, Box::new(on_done));
        let trace = traces.first().copied();
        let waiting = Arc::clone(&self.waiting);
        let handed_in = HandedIn::new(1, move |result| {
            if let Err(error) = result {
                trace.into_iter().for_each(|trace| waiting.forget(trace.token));
                let _ = failed.try_send(Err(error));
            }
        });
        let envelope = Envelope { workspace, stamp, trace, message: Message::ask(ask) };
        self.send(ask.about().partition(self.partition_count), &envelope, &handed_in);
        Asked(answer)
    }

    fn send(&self, partition: u16, envelope: &Envelope, handed_in: &Arc<HandedIn>) {
        let bytes = envelope.to_bytes();
        let deadline = Instant::now() + QUEUE_MAX;
        let mut delivery = Box::new(Delivery(Arc::clone(handed_in)));
        loop {
            let sender = Arc::clone(&self.sender.lock().unwrap_or_else(PoisonError::into_inner));
            let record: BaseRecord<'_, [u8], [u8], _> =
                BaseRecord::with_opaque_to(&self.topic, delivery).partition(partition.into()).payload(&bytes);
            let (error, record) = match sender.send(record) {
                Ok(()) => return,
                Err(refused) => refused,
            };
            let full = matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            let fatal = sender.client().fatal_error().is_some();
            if Instant::now() >= deadline || !(full || fatal) {
                return handed_in.fail(unavailable(&format!("it cannot be sent: {error}")));
            }
            delivery = record.delivery_opaque;
            if fatal {
                self.replace(&sender);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn replace(&self, broken: &Arc<Sender>) {
        let mut current = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, broken)
            && let Ok(sender) = sender(&self.options, &self.lag)
        {
            *current = Arc::new(sender);
        }
    }

    /// Waits until everything sent so far is there, or given up.
    pub fn flush(&self) {
        let sender = Arc::clone(&self.sender.lock().unwrap_or_else(PoisonError::into_inner));
        // What could not be sent was told to whoever waits.
        let _ = sender.flush(QUEUE_MAX);
    }
}

fn sender(options: &ClusterOptions, lag: &Arc<LagWatch>) -> Result<Sender, KafkaError> {
    options.sender().create_with_context(Deliveries { lag: Arc::clone(lag) })
}

/// An answer on its way.
struct Asked(std::sync::mpsc::Receiver<Result<Option<Answer>, EngineError>>);

impl Asked {
    fn wait(self) -> Result<Option<Answer>, EngineError> {
        self.0.recv().unwrap_or(Err(EngineError::Closed))
    }
}
