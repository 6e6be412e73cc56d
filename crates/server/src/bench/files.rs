use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use arrow_array::builder::{StringBuilder, TimestampMicrosecondBuilder};
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
            let csv = scope.spawn(|| write_csv(world, &csv).context("write the CSV file"));
            let row_count = write_parquet(world, &parquet).context("write the Parquet file");
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

fn write_csv(world: &World, path: &Path) -> anyhow::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    out.write_all(b"user_id,time,app_id\n")?;
    let mut time = TimeText::new();
    let mut written = Ok(());
    let mut line = Vec::with_capacity(64);
    world.rows(|Row { user, app, day, second }| {
        line.clear();
        let (user_id, app_id) = (user_id(user), APPS[usize::from(app)].as_bytes());
        for part in [&user_id[..], b",", time.of(day, second), b",", app_id, b"\n"] {
            line.extend_from_slice(part);
        }
        if written.is_ok() {
            written = out.write_all(&line);
        }
    });
    written?;
    out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    Ok(())
}

fn write_parquet(world: &World, path: &Path) -> anyhow::Result<u64> {
    let mut writer = ParquetRows::create(path)?;
    let mut written = Ok(());
    world.rows(|row| {
        if written.is_ok() {
            written = writer.add(row);
        }
    });
    written?;
    writer.finish()
}

/// Gathers rows into batches.
struct ParquetRows {
    user_id: StringBuilder,
    time: TimestampMicrosecondBuilder,
    app_id: StringBuilder,
    gathered: usize,
    row_count: u64,
    writer: ArrowWriter<File>,
}

impl ParquetRows {
    fn create(path: &Path) -> anyhow::Result<Self> {
        let (mut user_id, mut time, mut app_id) = builders();
        let schema = batch(&mut user_id, &mut time, &mut app_id)?.schema();
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(File::create(path)?, schema, Some(properties))?;
        Ok(Self { user_id, time, app_id, gathered: 0, row_count: 0, writer })
    }

    fn add(&mut self, row: Row) -> anyhow::Result<()> {
        let user_id = user_id(row.user);
        self.user_id.append_value(std::str::from_utf8(&user_id)?);
        self.time.append_value((i64::from(row.day.number()) * 86_400 + i64::from(row.second)) * 1_000_000);
        self.app_id.append_value(APPS[usize::from(row.app)]);
        self.gathered += 1;
        self.row_count += 1;
        if self.gathered == BATCH_ROWS { self.hand_on() } else { Ok(()) }
    }

    fn hand_on(&mut self) -> anyhow::Result<()> {
        self.gathered = 0;
        Ok(self.writer.write(&batch(&mut self.user_id, &mut self.time, &mut self.app_id)?)?)
    }

    fn finish(mut self) -> anyhow::Result<u64> {
        self.hand_on()?;
        self.writer.into_inner()?.sync_all()?;
        Ok(self.row_count)
    }
}

fn builders() -> (StringBuilder, TimestampMicrosecondBuilder, StringBuilder) {
    let text = |bytes: usize| StringBuilder::with_capacity(BATCH_ROWS, BATCH_ROWS * bytes);
    let time = TimestampMicrosecondBuilder::with_capacity(BATCH_ROWS).with_timezone("UTC");
    (text(20), time, text(8))
}

fn batch(
    user_id: &mut StringBuilder,
    time: &mut TimestampMicrosecondBuilder,
    app_id: &mut StringBuilder,
) -> anyhow::Result<RecordBatch> {
    let column = |name: &'static str, array: ArrayRef| (name, array, true);
    Ok(RecordBatch::try_from_iter_with_nullable([
        column("user_id", Arc::new(user_id.finish())),
        column("time", Arc::new(time.finish())),
        column("app_id", Arc::new(app_id.finish())),
    ])?)
}
