//! A disk that fails and loses what was not synced, as real ones may.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;

/// What a disk keeps or loses as a whole.
const SECTOR_BYTE_COUNT: usize = 512;

/// Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub(super) struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// What the process sees.
    seen: Vec<u8>,
    /// What is sure to be there after a crash.
    durable: Vec<u8>,
    /// What was done since the last sync, in order.
    unsynced: Vec<Operation>,
    /// The writes, changes of length and syncs until the fault.
    operations_left: Option<u64>,
    fault: Fault,
    choices: Choices,
}

#[derive(Clone, Debug)]
enum Operation {
    Write { offset: usize, bytes: Vec<u8> },
    SetByteCount(usize),
}

/// What happens when the operations are used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fault {
    /// Every operation fails from then on, as when the process dies there.
    #[default]
    Forever,
    /// One operation fails. A sync that fails drops what was not written, and the next one succeeds all the same,
    /// as operating systems do.
    Once,
}

/// Which of the unsynced sectors reach the disk: drawn from a seed.
#[derive(Debug, Default)]
struct Choices(u64);

impl Choices {
    fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.next().is_multiple_of(count)
    }
}

impl SimulatedDisk {
    /// A disk that holds `bytes`.
    pub(super) fn holding(bytes: Vec<u8>) -> Self {
        let state = State { seen: bytes.clone(), durable: bytes, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Lets the operation after the next `operation_count` fail.
    pub(super) fn fail_after(&self, operation_count: u64, fault: Fault, seed: u64) {
        let mut state = self.lock();
        (state.operations_left, state.fault, state.choices) = (Some(operation_count), fault, Choices(seed));
    }

    /// What the disk holds when the power goes now: all that was synced, and of the rest any part.
    pub(super) fn crash(&self) -> Vec<u8> {
        let mut state = self.lock();
        state.settle();
        state.durable.clone()
    }

    /// What the process sees.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.lock().seen.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    /// Counts an operation. `false`: this one fails.
    fn goes_well(&mut self) -> bool {
        match &mut self.operations_left {
            None => true,
            Some(0) => {
                if self.fault == Fault::Once {
                    self.operations_left = None;
                }
                false
            }
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    /// Lets any part of what is not synced become durable, and forgets the rest.
    fn settle(&mut self) {
        let keeps_all = self.choices.one_in(4);
        for operation in std::mem::take(&mut self.unsynced) {
            match operation {
                whole if keeps_all => apply(&mut self.durable, &whole),
                Operation::SetByteCount(_) if self.choices.one_in(2) => {}
                Operation::Write { .. } if self.choices.one_in(3) => {}
                Operation::Write { offset, bytes } if self.choices.one_in(2) => self.tear(offset, &bytes),
                whole => apply(&mut self.durable, &whole),
            }
        }
    }

    /// Keeps some of the sectors of a write.
    fn tear(&mut self, offset: usize, bytes: &[u8]) {
        let mut start = 0;
        while start < bytes.len() {
            let end = bytes.len().min(start + SECTOR_BYTE_COUNT - (offset + start) % SECTOR_BYTE_COUNT);
            if self.choices.one_in(2) {
                write(&mut self.durable, offset + start, &bytes[start..end]);
            }
            start = end;
        }
    }
}

fn apply(to: &mut Vec<u8>, operation: &Operation) {
    match operation {
        Operation::Write { offset, bytes } => write(to, *offset, bytes),
        Operation::SetByteCount(byte_count) => to.resize(*byte_count, 0),
    }
}

/// What lies beyond the end of the file is lost with the change of length that was.
fn write(to: &mut [u8], offset: usize, bytes: &[u8]) {
    let end = to.len().min(offset + bytes.len());
    if offset < end {
        to[offset..end].copy_from_slice(&bytes[..end - offset]);
    }
}

fn fault() -> io::Error {
    io::Error::other("the simulated disk fails")
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

impl StorageBackend for SimulatedDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.lock();
        let start = index(offset);
        let bytes = state.seen.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, byte_count: u64) -> io::Result<()> {
        let mut state = self.lock();
        if !state.goes_well() {
            return Err(fault());
        }
        let operation = Operation::SetByteCount(index(byte_count));
        apply(&mut state.seen, &operation);
        state.unsynced.push(operation);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.lock();
        if !state.goes_well() {
            state.settle();
            return Err(fault());
        }
        for operation in std::mem::take(&mut state.unsynced) {
            apply(&mut state.durable, &operation);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.lock();
        let operation = Operation::Write { offset: index(offset), bytes: data.to_vec() };
        if !state.goes_well() {
            // Part of it may have got there.
            state.unsynced.push(operation);
            return Err(fault());
        }
        assert!(index(offset) + data.len() <= state.seen.len(), "the engine sets the length before it writes");
        apply(&mut state.seen, &operation);
        state.unsynced.push(operation);
        Ok(())
    }
}
