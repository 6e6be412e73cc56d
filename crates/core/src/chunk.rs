use memmap2::MmapMut;

/// Memory in one piece, zero at first, that begins with a pair of cache lines.
pub enum Chunk {
    Small { bytes: Box<[u8]>, start: usize },
    Huge(MmapMut),
}

pub const CACHE_LINE_BYTES: usize = 64;
/// Where a small chunk begins.
const ALIGNMENT: usize = 128;

/// A chunk of this size or more is memory of its own, in huge pages where the system has them: random access to
/// gigabytes in pages of 4 KB spends half of its time looking the pages up.
const HUGE_CHUNK_BYTES: usize = 2 << 20;

/// What a chunk of at least so many bytes should have: all of its huge pages, or else the system aligns none.
pub const fn whole_pages(byte_count: usize) -> usize {
    if byte_count < HUGE_CHUNK_BYTES { byte_count } else { byte_count.next_multiple_of(HUGE_CHUNK_BYTES) }
}

impl Default for Chunk {
    fn default() -> Self {
        Self::Small { bytes: Box::default(), start: 0 }
    }
}

impl Chunk {
    pub fn new(byte_count: usize) -> Self {
        if byte_count < HUGE_CHUNK_BYTES {
            let bytes = vec![0; byte_count + ALIGNMENT - 1].into_boxed_slice();
            // Where that cannot be said it is slower, not wrong.
            let start = bytes.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT - 1);
            return Self::Small { bytes, start };
        }
        let map = MmapMut::map_anon(byte_count).expect("there is memory");
        // Advice only: without huge pages it is slower, not wrong.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        Self::Huge(map)
    }

    #[inline]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Small { bytes, start } => &bytes[*start..],
            Self::Huge(map) => map,
        }
    }

    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Small { bytes, start } => &mut bytes[*start..],
            Self::Huge(map) => map,
        }
    }
}
