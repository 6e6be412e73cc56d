use memmap2::MmapMut;

/// Memory in one piece, zero at first.
pub enum Chunk {
    Small(Box<[u8]>),
    Huge(MmapMut),
}

/// A chunk of this size or more is memory of its own, in huge pages where the system has them: random access to
/// gigabytes in pages of 4 KB spends half of its time looking the pages up.
const HUGE_CHUNK_BYTES: usize = 2 << 20;

impl Default for Chunk {
    fn default() -> Self {
        Self::Small(Box::default())
    }
}

impl Chunk {
    pub fn new(byte_count: usize) -> Self {
        if byte_count < HUGE_CHUNK_BYTES {
            return Self::Small(vec![0; byte_count].into());
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
            Self::Small(bytes) => bytes,
            Self::Huge(map) => map,
        }
    }

    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Huge(map) => map,
        }
    }
}
