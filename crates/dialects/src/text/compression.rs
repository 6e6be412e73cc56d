use std::io::{self, BufReader, Chain, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

/// Compressed bytes asked of a source at once.
const BUFFER_BYTES: usize = 128 * 1024;

/// A zstd file may begin with skippable frames, whose magic numbers differ in the low half of the first byte.
const ZSTD_SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];

/// How a text that begins with these bytes is compressed: `gzip`, `zstd` or not.
pub(super) fn compression_of(beginning: &[u8]) -> Option<&'static str> {
    match beginning {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
        [0x50..=0x5f, rest @ ..] if rest.starts_with(&ZSTD_SKIPPABLE) => Some("zstd"),
        _ => None,
    }
}

type Peeked = Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>;

/// The plain text of a stream, however it is compressed; its first bytes tell.
pub(super) struct Text {
    reader: Box<dyn Read + Send>,
    compression: Option<&'static str>,
}

impl Text {
    /// Concatenated gzip members and zstd frames are read as one text.
    pub(super) fn open(mut source: Box<dyn Read + Send>) -> io::Result<Self> {
        let mut magic = Vec::with_capacity(4);
        (&mut source).take(4).read_to_end(&mut magic)?;
        let compression = compression_of(&magic);
        let peeked: Peeked = Cursor::new(magic).chain(source);
        let reader: Box<dyn Read + Send> = match compression {
            Some("gzip") => Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, peeked))),
            Some(_) => Box::new(zstd::Decoder::with_buffer(BufReader::with_capacity(BUFFER_BYTES, peeked))?),
            None => Box::new(peeked),
        };
        Ok(Self { reader, compression })
    }

    /// `gzip`, `zstd` or nothing.
    pub(super) fn compression(&self) -> Option<&'static str> {
        self.compression
    }
}

impl Read for Text {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}
