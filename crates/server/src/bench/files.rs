use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use arrow_array::builder::{Date32Builder, StringBuilder, TimestampMicrosecondBuilder, UInt8Builder, UInt32Builder};
use arrow_array::{ArrayRef, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::world::{APPS, Row, TimeText, World, user_id};

/// The same rows in two forms.
pub struct Files {
    pub parquet: PathBuf,
    pub csv: PathBuf,
    pub row_count: u64,
}

/// Rows of a row group, as common writers make them.
const ROW_GROUP_ROWS: usize = 1 << 20;
/// Rows handed to the Parquet library at once.
const BATCH_ROWS: usize = 1 << 16;

impl Files {
    /// Writes both files, side by side, while the rows are made up.
    pub fn write(world: &World, directory: &Path) -> anyhow::Result<Self> {
        let (parquet, csv) = (directory.join("rows.parquet"), directory.join("rows.csv"));
        let row_count = std::thread::scope(|scope| {
            let csv = scope.spawn(|| write_csv(world, &csv));
            let row_count = write_parquet::<Texts>(world, &parquet);
            csv.join().map_err(|_| anyhow!("the CSV file could not be written"))??;
            row_count
        })?;
        Ok(Self { parquet, csv, row_count })
    }

    pub fn remove(&self) -> anyhow::Result<()> {
        for path in [&self.parquet, &self.csv] {
            fs::remove_file(path).with_context(|| format!("remove `{}`", path.display()))?;
        }
        Ok(())
    }
}

/// Writes every row as a line with the person's name for themselves; returns how many.
pub fn write_csv(world: &World, path: &Path) -> anyhow::Result<u64> {
    let mut out = TextFile::create(path)?;
    out.write(b"user_id,time,app_id\n");
    let mut time = TimeText::new();
    let mut row_count = 0;
    let mut line = Vec::with_capacity(64);
    world.rows(|Row { user, app, day, second }| {
        line.clear();
        let (user_id, app_id) = (user_id(user), APPS[usize::from(app)].as_bytes());
        for part in [&user_id[..], b",", time.of(day, second), b",", app_id, b"\n"] {
            line.extend_from_slice(part);
        }
        out.write(&line);
        row_count += 1;
    });
    out.finish()?;
    Ok(row_count)
}

/// A file written to from where no error can be passed on: the first one is kept and told at the end.
pub struct TextFile {
    path: PathBuf,
    out: BufWriter<File>,
    written: std::io::Result<()>,
}

impl TextFile {
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("create `{}`", path.display()))?;
        Ok(Self { path: path.to_owned(), out: BufWriter::with_capacity(1 << 20, file), written: Ok(()) })
    }

    pub fn write(&mut self, bytes: &[u8]) {
        if self.written.is_ok() {
            self.written = self.out.write_all(bytes);
        }
    }

    pub fn finish(self) -> anyhow::Result<()> {
        let Self { path, out, written } = self;
        let synced = written
            .and_then(|()| out.into_inner().map_err(std::io::IntoInnerError::into_error))
            .and_then(|file| file.sync_all());
        synced.with_context(|| format!("write `{}`", path.display()))
    }
}

/// Writes every row into a Parquet file; returns how many.
pub fn write_parquet<C: Columns>(world: &World, path: &Path) -> anyhow::Result<u64> {
    let mut file = ParquetFile::<C>::create(path)?;
    world.rows(|row| file.add(row));
    file.finish()
}

/// What a row becomes in a Parquet file.
pub trait Columns: Default {
    fn add(&mut self, row: Row);
    /// The rows since the last time.
    fn take(&mut self) -> anyhow::Result<RecordBatch>;
}

/// A Parquet file that gathers rows into batches; like [`TextFile`] it tells its first error at the end.
pub struct ParquetFile<C> {
    path: PathBuf,
    columns: C,
    gathered: usize,
    row_count: u64,
    writer: ArrowWriter<File>,
    written: anyhow::Result<()>,
}

impl<C: Columns> ParquetFile<C> {
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let mut columns = C::default();
        let schema = columns.take()?.schema();
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        let file = File::create(path).with_context(|| format!("create `{}`", path.display()))?;
        let writer = ArrowWriter::try_new(file, schema, Some(properties))?;
        Ok(Self { path: path.to_owned(), columns, gathered: 0, row_count: 0, writer, written: Ok(()) })
    }

    pub fn add(&mut self, row: Row) {
        self.columns.add(row);
        self.gathered += 1;
        self.row_count += 1;
        if self.gathered == BATCH_ROWS {
            self.hand_on();
        }
    }

    fn hand_on(&mut self) {
        self.gathered = 0;
        let batch = self.columns.take();
        if self.written.is_ok() {
            self.written = batch.and_then(|batch| Ok(self.writer.write(&batch)?));
        }
    }

    pub fn finish(mut self) -> anyhow::Result<u64> {
        self.hand_on();
        let Self { path, row_count, writer, written, .. } = self;
        let synced = written.and_then(|()| Ok(writer.into_inner()?.sync_all()?));
        synced.with_context(|| format!("write `{}`", path.display()))?;
        Ok(row_count)
    }
}

/// Who, when and where as an application would export it.
pub struct Texts {
    user_id: StringBuilder,
    time: TimestampMicrosecondBuilder,
    app_id: StringBuilder,
}

impl Default for Texts {
    fn default() -> Self {
        let text = |bytes: usize| StringBuilder::with_capacity(BATCH_ROWS, BATCH_ROWS * bytes);
        let time = TimestampMicrosecondBuilder::with_capacity(BATCH_ROWS).with_timezone("UTC");
        Self { user_id: text(20), time, app_id: text(8) }
    }
}

impl Columns for Texts {
    fn add(&mut self, row: Row) {
        let user_id = user_id(row.user);
        self.user_id.append_value(std::str::from_utf8(&user_id).expect("hexadecimal digits are UTF-8"));
        self.time.append_value((i64::from(row.day.number()) * 86_400 + i64::from(row.second)) * 1_000_000);
        self.app_id.append_value(APPS[usize::from(row.app)]);
    }

    fn take(&mut self) -> anyhow::Result<RecordBatch> {
        batch([
            ("user_id", Arc::new(self.user_id.finish())),
            ("time", Arc::new(self.time.finish())),
            ("app_id", Arc::new(self.app_id.finish())),
        ])
    }
}

/// The same rows for those that want numbers: people and apps counted from 0, and no time of day.
#[derive(Default)]
pub struct Numbers {
    user: UInt32Builder,
    app: UInt8Builder,
    day: Date32Builder,
}

impl Columns for Numbers {
    fn add(&mut self, row: Row) {
        self.user.append_value(row.user);
        self.app.append_value(row.app);
        self.day.append_value(row.day.number());
    }

    fn take(&mut self) -> anyhow::Result<RecordBatch> {
        batch([
            ("user", Arc::new(self.user.finish())),
            ("app", Arc::new(self.app.finish())),
            ("day", Arc::new(self.day.finish())),
        ])
    }
}

fn batch(columns: [(&'static str, ArrayRef); 3]) -> anyhow::Result<RecordBatch> {
    Ok(RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))?)
}
