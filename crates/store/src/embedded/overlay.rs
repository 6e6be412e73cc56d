//! Reading a file with an engine that insists on writing: its writes stay in memory.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use redb::StorageBackend;
use redb::backends::FileBackend;

use crate::limits::OVERLAY_BYTE_COUNT_MAX;

/// The engine's own page, so that its writes seldom need a page of the file first.
const PAGE_BYTE_COUNT: usize = 4096;

/// A file opened for reading, and over it the pages that were written since, in memory.
#[derive(Debug)]
pub(super) struct Overlay {
    file: Box<dyn StorageBackend>,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    byte_count: u64,
    /// How much of the file still shows through: less than it has once it was cut short.
    file_byte_count: u64,
    pages: HashMap<u64, Box<[u8; PAGE_BYTE_COUNT]>>,
}

/// The part of one page that a read or write touches.
struct Piece {
    page: u64,
    /// Where in the page.
    page_offset: usize,
    /// Where in the caller's bytes.
    start: usize,
    end: usize,
}

impl Overlay {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = FileBackend::new(File::open(path)?).map_err(io::Error::other)?;
        Self::over(Box::new(file))
    }

    /// Over any storage, which is read and never written.
    pub(super) fn over(file: Box<dyn StorageBackend>) -> io::Result<Self> {
        let byte_count = file.len()?;
        let state = State { byte_count, file_byte_count: byte_count, pages: HashMap::new() };
        Ok(Self { file, state: RwLock::new(state) })
    }

    // A panic while the lock is held leaves bytes of a page half written, in memory only.
    fn shared(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn exclusive(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads below the written pages; zeros beyond what shows of the file.
    fn read_file(&self, state: &State, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let shown = state.file_byte_count.saturating_sub(offset);
        let shown = usize::try_from(shown).map_or(out.len(), |shown| shown.min(out.len()));
        let (from_file, zeros) = out.split_at_mut(shown);
        zeros.fill(0);
        if from_file.is_empty() { Ok(()) } else { self.file.read(offset, from_file) }
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.shared().byte_count)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.shared();
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > state.byte_count) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if state.pages.is_empty() {
            return self.read_file(&state, offset, out);
        }
        self.read_file(&state, offset, out)?;
        for piece in pieces(offset, out.len()) {
            if let Some(page) = state.pages.get(&piece.page) {
                let byte_count = piece.end - piece.start;
                out[piece.start..piece.end].copy_from_slice(&page[piece.page_offset..piece.page_offset + byte_count]);
            }
        }
        Ok(())
    }

    fn set_len(&self, byte_count: u64) -> io::Result<()> {
        let mut state = self.exclusive();
        if byte_count < state.byte_count {
            state.file_byte_count = state.file_byte_count.min(byte_count);
            let kept = page_and_offset(byte_count);
            state.pages.retain(|page, _| *page <= kept.0);
            if let Some(last) = state.pages.get_mut(&kept.0) {
                last[kept.1..].fill(0);
            }
        }
        state.byte_count = byte_count;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.exclusive();
        let end = offset.checked_add(data.len() as u64).ok_or(io::ErrorKind::InvalidInput)?;
        state.byte_count = state.byte_count.max(end);
        for piece in pieces(offset, data.len()) {
            if !state.pages.contains_key(&piece.page) {
                if (state.pages.len() + 1) * PAGE_BYTE_COUNT > OVERLAY_BYTE_COUNT_MAX {
                    return Err(io::Error::new(
                        io::ErrorKind::OutOfMemory,
                        format!("opening for reading needs over {OVERLAY_BYTE_COUNT_MAX} bytes of changes in memory"),
                    ));
                }
                let mut page = Box::new([0; PAGE_BYTE_COUNT]);
                self.read_file(&state, piece.page * PAGE_BYTE_COUNT as u64, page.as_mut_slice())?;
                state.pages.insert(piece.page, page);
            }
            let bytes = &data[piece.start..piece.end];
            if let Some(page) = state.pages.get_mut(&piece.page) {
                page[piece.page_offset..piece.page_offset + bytes.len()].copy_from_slice(bytes);
            }
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

/// The page a byte lies in, and where in it.
fn page_and_offset(offset: u64) -> (u64, usize) {
    let page_byte_count = PAGE_BYTE_COUNT as u64;
    let within = usize::try_from(offset % page_byte_count).expect("less than a page");
    (offset / page_byte_count, within)
}

/// Cuts `byte_count` bytes from `offset` on at the borders of pages.
fn pieces(offset: u64, byte_count: usize) -> impl Iterator<Item = Piece> {
    let (first_page, mut page_offset) = page_and_offset(offset);
    let mut start = 0;
    (first_page..).map_while(move |page| {
        if start == byte_count {
            return None;
        }
        let end = byte_count.min(start + PAGE_BYTE_COUNT - page_offset);
        let piece = Piece { page, page_offset, start, end };
        (start, page_offset) = (end, 0);
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use redb::StorageBackend;

    use super::{Overlay, PAGE_BYTE_COUNT};
    use crate::embedded::simulated_disk::SimulatedDisk;
    use crate::limits::OVERLAY_BYTE_COUNT_MAX;

    #[derive(Clone, Debug)]
    enum Step {
        Write { offset: usize, byte: u8, byte_count: usize },
        SetByteCount(usize),
        Read { offset: usize, byte_count: usize },
    }

    fn step() -> impl Strategy<Value = Step> {
        let offset = || prop_oneof![0..40_000_usize, (0..10_usize).prop_map(|page| page * PAGE_BYTE_COUNT)];
        let byte_count = || prop_oneof![0..20_000_usize, (0..4_usize).prop_map(|pages| pages * PAGE_BYTE_COUNT)];
        prop_oneof![
            4 => (offset(), any::<u8>(), byte_count())
                .prop_map(|(offset, byte, byte_count)| Step::Write { offset, byte, byte_count }),
            2 => offset().prop_map(Step::SetByteCount),
            4 => (offset(), byte_count()).prop_map(|(offset, byte_count)| Step::Read { offset, byte_count }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Seen from above it is a file like any other; the file below stays as it was.
        #[test]
        fn it_behaves_like_a_file_and_leaves_the_file_alone(
            file_byte_count in 1..40_000_usize,
            steps in vec(step(), 1..40),
        ) {
            let original: Vec<u8> = (1..=251).cycle().take(file_byte_count).collect();
            let disk = SimulatedDisk::holding(original.clone());
            let overlay = Overlay::over(Box::new(disk.clone())).unwrap();
            let mut expected = original.clone();
            for step in steps {
                match step {
                    Step::Write { offset, byte, byte_count } => {
                        overlay.write(offset as u64, &vec![byte; byte_count]).unwrap();
                        expected.resize(expected.len().max(offset + byte_count), 0);
                        expected[offset..offset + byte_count].fill(byte);
                    }
                    Step::SetByteCount(byte_count) => {
                        overlay.set_len(byte_count as u64).unwrap();
                        expected.resize(byte_count, 0);
                    }
                    Step::Read { offset, byte_count } => {
                        let mut out = vec![0xee; byte_count];
                        let read = overlay.read(offset as u64, &mut out);
                        match expected.get(offset..offset + byte_count) {
                            Some(bytes) => prop_assert!(read.is_ok() && out == bytes),
                            None => prop_assert!(read.is_err()),
                        }
                    }
                }
                prop_assert_eq!(overlay.len().unwrap(), expected.len() as u64);
            }
            prop_assert!(disk.bytes() == original);
        }
    }

    #[test]
    fn its_memory_is_bounded() {
        let overlay = Overlay::over(Box::new(SimulatedDisk::holding(vec![1]))).unwrap();
        let megabyte = vec![7; 1 << 20];
        let written = (0..u64::MAX).map_while(|index| overlay.write(index << 20, &megabyte).ok()).count();
        assert_eq!(written << 20, OVERLAY_BYTE_COUNT_MAX);
        // What is there already can be written again.
        overlay.write(0, &megabyte).unwrap();
    }
}
