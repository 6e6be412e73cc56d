//! Parquet: the few columns of a row, read row group by row group.

mod batch;
mod source;

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_schema::{DataType, Schema, TimeUnit};
use bytes::Bytes;
use dauphin_model::Zone;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Type as PhysicalType;
use parquet::errors::ParquetError;

use self::batch::Found;
pub use self::batch::ParquetBatch;
pub use self::source::ReadAt;
use self::source::Source;
use crate::{Columns, Element, ReadError};

/// Rows decoded at once: their columns stay in the processor's cache, and a row group is many batches.
const BATCH_ROWS: usize = 8192;

/// A Parquet file. Its row groups may be read in any order and side by side: reading takes `&self`.
///
/// - `user_id`, `app_id`, `session_id`: text (also dictionary-encoded or binary), or whole numbers, which become their decimal text;
/// - `time`: a timestamp of any unit; a date, which is its midnight; text as in CSV; a number of Unix seconds.
///
/// A timestamp that is not adjusted to UTC is local time of the workspace's zone, as Parquet defines it; an old 96-bit
/// timestamp is UTC, as Spark writes it.
#[derive(Clone)]
pub struct ParquetReader {
    source: Source,
    metadata: ArrowReaderMetadata,
    projection: ProjectionMask,
    columns: Columns,
    found: Found,
    /// The number of rows before each row group, and of all rows at the end.
    row_starts: Arc<[u64]>,
}

impl ParquetReader {
    /// Reads the footer of a file.
    pub fn of_file(file: File, columns: &Columns) -> Result<Self, ReadError> {
        Self::open(Source::of_file(file).map_err(|source| ReadError::Source { line: 0, source })?, columns)
    }

    /// Reads the footer of a file in memory.
    pub fn of_bytes(bytes: Bytes, columns: &Columns) -> Result<Self, ReadError> {
        Self::open(Source::Bytes(bytes), columns)
    }

    /// Reads the footer of a file that lies elsewhere.
    pub fn of_parts(file: Arc<dyn ReadAt>, columns: &Columns) -> Result<Self, ReadError> {
        Self::open(Source::Parts(file), columns)
    }

    fn open(source: Source, columns: &Columns) -> Result<Self, ReadError> {
        let found = guarded(|| ArrowReaderMetadata::load(&source, ArrowReaderOptions::new()))?;
        let names: Vec<&str> = found.schema().fields().iter().map(|field| field.name().as_str()).collect();
        let indices = columns.find(&names)?;
        // A column without a type holds nothing but nulls.
        let with_values = |index: &usize| *found.schema().field(*index).data_type() != DataType::Null;
        let (app_id, session_id) = (indices.app_id.filter(with_values), indices.session_id.filter(with_values));
        let read = [Some(indices.user_id), Some(indices.time), app_id, session_id];

        let schema = readable_schema(&found, &read);
        batch::check_types(&schema, [Some(indices.user_id), app_id, session_id], indices.time)?;
        let projection = ProjectionMask::roots(found.parquet_schema(), read.into_iter().flatten());
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        let metadata = guarded(|| ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options))?;

        let mut row_starts = vec![0];
        for group in metadata.metadata().row_groups() {
            let before = *row_starts.last().expect("never empty");
            let rows = u64::try_from(group.num_rows()).ok().and_then(|rows| u64::checked_add(before, rows));
            row_starts.push(rows.ok_or_else(|| ReadError::Parquet("a row group has an impossible size".to_owned()))?);
        }
        let found = Found { app_id: app_id.is_some(), session_id: session_id.is_some() };
        Ok(Self { source, metadata, projection, columns: columns.clone(), found, row_starts: row_starts.into() })
    }

    /// How many row groups there are.
    pub fn row_group_count(&self) -> usize {
        self.row_starts.len() - 1
    }

    /// How many rows there are.
    pub fn row_count(&self) -> u64 {
        self.row_starts[self.row_group_count()]
    }

    /// How many rows come before this row group: its first row is one more.
    pub fn rows_before(&self, row_group: usize) -> u64 {
        self.row_starts[row_group]
    }

    /// Hands the rows of one row group to `sink`, in order, less the first `skip` of them.
    pub fn read_row_group(
        &self,
        row_group: usize,
        skip: u64,
        zone: &Zone,
        sink: &mut dyn FnMut(Element<'_>),
    ) -> Result<(), ReadError> {
        self.read_batches(row_group, skip, &mut |batch| batch.deliver(zone, sink))
    }

    /// As [`ParquetReader::read_row_group`], for who takes many rows at once.
    pub fn read_batches(
        &self,
        row_group: usize,
        skip: u64,
        sink: &mut dyn FnMut(&ParquetBatch<'_>),
    ) -> Result<(), ReadError> {
        let rows = self.row_starts[row_group + 1] - self.row_starts[row_group];
        if skip >= rows {
            return Ok(());
        }
        let (source, metadata) = (self.source.clone(), self.metadata.clone());
        let mut batches = guarded(|| {
            ParquetRecordBatchReaderBuilder::new_with_metadata(source, metadata)
                .with_projection(self.projection.clone())
                .with_row_groups(vec![row_group])
                .with_batch_size(BATCH_ROWS)
                .with_offset(usize::try_from(skip).unwrap_or(usize::MAX))
                .build()
        })?;
        let mut line = self.row_starts[row_group] + skip + 1;
        while let Some(batch) = guarded(|| Ok(batches.next().transpose()?))? {
            sink(&ParquetBatch::new(&batch, line, &self.columns, self.found)?);
            line += batch.num_rows() as u64;
        }
        Ok(())
    }
}

/// The schema to decode with: text as views into the decoded pages, so that no string is copied, whether its column is
/// dictionary-encoded or not; and 96-bit timestamps in a unit that reaches all years.
fn readable_schema(found: &ArrowReaderMetadata, read: &[Option<usize>]) -> Schema {
    let fields = found.schema().fields().iter().enumerate().map(|(index, field)| {
        if !read.contains(&Some(index)) {
            return Arc::clone(field);
        }
        let root = found.parquet_schema().root_schema().get_fields().get(index);
        let is_int96 = root.is_some_and(|root| root.is_primitive() && root.get_physical_type() == PhysicalType::INT96);
        let data_type = match text_of(field.data_type()) {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
                DataType::Utf8View
            }
            _ if is_int96 => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            other => other.clone(),
        };
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    });
    Schema::new_with_metadata(fields.collect::<Vec<_>>(), found.schema().metadata().clone())
}

fn text_of(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, value) => value,
        other => other,
    }
}

/// Calls the Parquet library, which panics on some damaged files ("column start and length should not be negative").
/// What it was reading is dropped, so nothing half-done is seen afterwards.
fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ReadError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(ParquetError::General(text) | ParquetError::EOF(text))) => Err(ReadError::Parquet(text)),
        Ok(Err(other)) => Err(ReadError::Parquet(other.to_string())),
        Err(_) => Err(ReadError::Parquet("it is damaged".to_owned())),
    }
}
