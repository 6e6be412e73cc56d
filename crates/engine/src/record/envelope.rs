use std::collections::BTreeMap;

use dauphin_core::{Answer, Arrival, IdentityOutcome, Message, Person, Reader, Stamp, write_varint};
use dauphin_model::{ActiveDay, WorkspaceIndex};

use super::Malformed;
use super::message::{flag, read_app, read_message, write_app, write_message};

/// A message with what every partition must know of it.
///
/// Bytes: `[version: u8 = 1][workspace: varint][recorded day: u16][imported: u8][traced: u8]`, if traced
/// `[token: 16 bytes][credit: u64]`, then `[kind: u8]` and the message. Fixed-width numbers are little-endian.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Envelope {
    /// Of which workspace.
    pub workspace: WorkspaceIndex,
    /// When and how it came in.
    pub stamp: Stamp,
    /// Who waits until everything that it leads to is done.
    pub trace: Option<Trace>,
    /// The message.
    pub message: Message,
}

/// A share of a question that somebody waits for. What a message leads to shares its credit; when all of it has come
/// back, nothing is on the way any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trace {
    /// Which question.
    pub token: u128,
    /// The share.
    pub credit: u64,
}

/// What whoever waits is told by a partition.
///
/// Bytes: `[token: 16 bytes][credit: u64][new user-days: varint][answer: u8]`, then what the answer has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// Which question, and how much of it is done.
    pub trace: Trace,
    /// User-days that were not known before.
    pub new_user_days: u64,
    /// What became of it.
    pub answer: Option<Answer>,
}

/// How far a partition is, beside the sequence of its rows.
///
/// Bytes after the sequence: `[next offset: i64][events folded: u64][milliseconds since 1970 of the last message: i64]`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Progress {
    /// The last log record whose row changes the rows hold.
    pub sequence: u64,
    /// The message of the partition's log that is folded next.
    pub next_offset: i64,
    /// Events folded since the partition was made.
    pub event_count: u64,
    /// When the last folded message was sent.
    pub sent_ms: i64,
}

const VERSION: u8 = 1;

impl Envelope {
    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        write_varint(&mut out, u64::from(self.workspace.0));
        out.extend_from_slice(&self.stamp.recorded.code().to_le_bytes());
        out.push(u8::from(self.stamp.arrival == Arrival::Imported));
        out.push(u8::from(self.trace.is_some()));
        if let Some(trace) = self.trace {
            trace.write(&mut out);
        }
        write_message(&self.message, &mut out);
        out
    }

    /// Reads what [`Envelope::to_bytes`] wrote.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(Malformed);
        }
        let workspace = WorkspaceIndex(reader.number()?);
        let recorded = ActiveDay::from_code(reader.u16()?);
        let arrival = if flag(&mut reader)? { Arrival::Imported } else { Arrival::Sent };
        let trace = if flag(&mut reader)? { Some(Trace::read(&mut reader)?) } else { None };
        let message = read_message(&mut reader)?;
        if !reader.is_empty() {
            return Err(Malformed);
        }
        Ok(Self { workspace, stamp: Stamp { recorded, arrival }, trace, message })
    }
}

impl Trace {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.token.to_le_bytes());
        out.extend_from_slice(&self.credit.to_le_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { token: u128::from_le_bytes(reader.array()?), credit: u64::from_le_bytes(reader.array()?) })
    }
}

impl Reply {
    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.trace.write(&mut out);
        write_varint(&mut out, self.new_user_days);
        match &self.answer {
            None => out.push(0),
            Some(Answer::Outcome(outcome)) => out.extend([1, outcome_code(*outcome)]),
            Some(Answer::Person(None)) => out.push(2),
            Some(Answer::Person(Some(person))) => {
                out.extend([3, u8::from(person.excluded)]);
                write_varint(&mut out, person.profile_count as u64);
                for (app, days) in &person.days {
                    write_app(*app, &mut out);
                    write_varint(&mut out, days.len() as u64);
                    out.extend(days.iter().flat_map(|day| day.code().to_le_bytes()));
                }
            }
        }
        out
    }

    /// Reads what [`Reply::to_bytes`] wrote.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let trace = Trace::read(&mut reader)?;
        let new_user_days = reader.number()?;
        let answer = match reader.u8()? {
            0 => None,
            1 => Some(Answer::Outcome(outcome(reader.u8()?)?)),
            2 => Some(Answer::Person(None)),
            3 => {
                let excluded = flag(&mut reader)?;
                let profile_count = reader.number()?;
                let mut person = Person { profile_count, excluded, days: BTreeMap::new() };
                while !reader.is_empty() {
                    let app = read_app(&mut reader)?;
                    let days = person.days.entry(app).or_default();
                    for _ in 0..reader.number::<usize>()? {
                        days.insert(ActiveDay::from_code(reader.u16()?));
                    }
                }
                Some(Answer::Person(Some(person)))
            }
            _ => return Err(Malformed),
        };
        if reader.is_empty() { Ok(Self { trace, new_user_days, answer }) } else { Err(Malformed) }
    }
}

impl Progress {
    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let numbers = [
            self.sequence.to_le_bytes(),
            self.next_offset.to_le_bytes(),
            self.event_count.to_le_bytes(),
            self.sent_ms.to_le_bytes(),
        ];
        numbers.concat()
    }

    /// Reads what [`Progress::to_bytes`] wrote; a store of one machine has the sequence alone.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let sequence = u64::from_le_bytes(reader.array()?);
        if reader.is_empty() {
            return Ok(Self { sequence, ..Self::default() });
        }
        let next_offset = i64::from_le_bytes(reader.array()?);
        let event_count = u64::from_le_bytes(reader.array()?);
        let sent_ms = i64::from_le_bytes(reader.array()?);
        if reader.is_empty() { Ok(Self { sequence, next_offset, event_count, sent_ms }) } else { Err(Malformed) }
    }
}

const OUTCOMES: [IdentityOutcome; 7] = [
    IdentityOutcome::Changed,
    IdentityOutcome::Unchanged,
    IdentityOutcome::Unknown,
    IdentityOutcome::Taken,
    IdentityOutcome::InUse,
    IdentityOutcome::OutOfUse,
    IdentityOutcome::TooMany,
];

fn outcome_code(outcome: IdentityOutcome) -> u8 {
    let place = OUTCOMES.iter().position(|other| *other == outcome).expect("every outcome is listed");
    u8::try_from(place).expect("seven")
}

fn outcome(code: u8) -> Result<IdentityOutcome, Malformed> {
    OUTCOMES.get(usize::from(code)).copied().ok_or(Malformed)
}
