use std::borrow::Cow;
use std::io::{self, Read};

use flate2::Crc;
use flate2::read::DeflateDecoder;

/// Most bytes of a block, decompressed. Writers close a block at 16 KiB to 1 MiB: what is far longer is a bomb.
pub(super) const DATA_BYTES_MAX: usize = 64 << 20;

/// How the blocks of a file are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Null,
    Deflate,
    Snappy,
    Zstandard,
}

impl Codec {
    /// The codec of this name; a file that names none has none.
    pub(super) fn named(name: Option<&[u8]>) -> Result<Self, String> {
        Ok(match name.unwrap_or(b"null") {
            b"null" => Self::Null,
            b"deflate" => Self::Deflate,
            b"snappy" => Self::Snappy,
            b"zstandard" => Self::Zstandard,
            other => {
                let name = String::from_utf8_lossy(&other[..other.len().min(32)]);
                return Err(format!(
                    "it is compressed with `{name}`; `null`, `deflate`, `snappy` and `zstandard` can be read"
                ));
            }
        })
    }

    /// The plain bytes of a block.
    pub(super) fn decompress(self, block: &[u8]) -> Result<Cow<'_, [u8]>, String> {
        let damaged = |error: io::Error| format!("a compressed block is damaged: {error}");
        match self {
            Self::Null => Ok(Cow::Borrowed(block)),
            Self::Deflate => read_bounded(DeflateDecoder::new(block)).map(Cow::Owned),
            Self::Zstandard => read_bounded(zstd::Decoder::new(block).map_err(damaged)?).map(Cow::Owned),
            Self::Snappy => decompress_snappy(block).map(Cow::Owned),
        }
    }
}

fn read_bounded(reader: impl Read) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    let read = reader.take(DATA_BYTES_MAX as u64 + 1).read_to_end(&mut plain);
    read.map_err(|error| format!("a compressed block is damaged: {error}"))?;
    if plain.len() > DATA_BYTES_MAX { Err(too_long()) } else { Ok(plain) }
}

/// Avro puts the plain bytes' CRC-32 after the compressed ones, high byte first.
fn decompress_snappy(block: &[u8]) -> Result<Vec<u8>, String> {
    let Some((compressed, expected)) = block.split_last_chunk::<4>() else {
        return Err("a compressed block has no checksum".to_owned());
    };
    let damaged = |error: snap::Error| format!("a compressed block is damaged: {error}");
    if snap::raw::decompress_len(compressed).map_err(damaged)? > DATA_BYTES_MAX {
        return Err(too_long());
    }
    let plain = snap::raw::Decoder::new().decompress_vec(compressed).map_err(damaged)?;
    let mut crc = Crc::new();
    crc.update(&plain);
    if crc.sum() == u32::from_be_bytes(*expected) {
        Ok(plain)
    } else {
        Err("a compressed block is damaged: its checksum is another".to_owned())
    }
}

fn too_long() -> String {
    format!("a block is longer than {DATA_BYTES_MAX} bytes")
}
