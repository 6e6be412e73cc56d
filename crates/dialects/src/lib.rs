//! Bytes of the bulk dialect, as CSV, NDJSON, Parquet or Avro, become rows: who, when, in which app, or why a row is none.
//!
//! Never knows: where the bytes come from, which apps exist, keys and permissions, what time it is.
//!
//! Text is cut by one thread into blocks that others parse ([`BlockReader`], [`parse_block`]); the row groups of a
//! Parquet file are read side by side ([`ParquetReader`]). Whatever the bytes, memory stays bounded, nothing panics,
//! and one bad row is one [`Reject`].
//!
//! ```
//! use dauphin_dialects::{BlockReader, Columns, Element, TextFormat, parse_block};
//! use dauphin_model::Zone;
//!
//! let file = "user_id,time,app_id\nada,2018-06-28T23:59:59-05:00,web\nbob,soon,\n";
//! let source = Box::new(file.as_bytes());
//! let mut reader = BlockReader::open(TextFormat::Csv, &Columns::default(), source).unwrap();
//! let (mut rows, mut rejects) = (0, 0);
//! while let Some(block) = reader.next_block().unwrap() {
//!     parse_block(reader.layout(), &block, &Zone::utc(), &mut |element| match element {
//!         Element::Row(_) => rows += 1,
//!         Element::Said { .. } => unreachable!("only Avro files say more than rows"),
//!         Element::Reject(reject) => {
//!             assert_eq!(reject.line, 3);
//!             rejects += 1;
//!         }
//!     });
//! }
//! assert_eq!((rows, rejects), (1, 1));
//! ```

mod columns;
mod error;
mod format;
mod lenient;
mod message;
mod plain;
mod plain_rows;
mod row;
mod time;

mod avro;
mod braze_sdk;
mod columnar;
mod segment;
mod text;

mod braze_identity;
mod elements;
mod json_body;
mod profiles;
mod users_track;

pub use avro::{AvroBlock, AvroLayout, AvroReader, parse_avro_block};
pub use braze_sdk::SdkBody;
pub use columnar::{ParquetBatch, ParquetReader, ReadAt};
pub use columns::{Columns, MappingError};
pub use error::{BodyError, ReadError};
pub use format::{Format, TextFormat};
pub use message::{Event, EventKind, Message};
pub use plain_rows::PlainRows;
pub use profiles::{ProfileEdit, ProfileEntry, ProfileRequest, read_profiles};
pub use row::{Element, Reject, Row};
pub use segment::{SegmentBody, SegmentCall, SegmentContext};
pub use text::{
    Block, BlockReader, Layout, Position, RECORD_BYTES_MAX, TextBatch, is_compressed, parse_batches, parse_block,
    parse_ndjson,
};
pub use users_track::{TrackArray, TrackPlace, UsersTrack, read_users_track};
