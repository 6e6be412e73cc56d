use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use dauphin_dialects::Reject;
use serde::{Deserialize, Serialize};

/// Keeps the rows that could not be counted: one JSON object a line, `{"file","line","reason","input"}`. The file is
/// made when the first row is rejected.
pub struct Rejects {
    path: PathBuf,
    writer: Option<BufWriter<File>>,
}

#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    file: &'a str,
    line: u64,
    reason: &'a str,
    input: &'a str,
}

/// What an earlier line says of its place, for dropping it.
#[derive(Deserialize)]
struct PlaceOfLine {
    file: String,
    line: u64,
}

impl Rejects {
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), writer: None }
    }

    /// Drops what was kept of `file` from `line` on: these rows will be read (again).
    pub fn begin(&mut self, file: &str, line: u64) -> anyhow::Result<()> {
        self.finish()?;
        let context = || format!("tidy the reject file `{}`", self.path.display());
        let Ok(existing) = File::open(&self.path) else { return Ok(()) };
        let kept_path = self.path.with_extension("tidied");
        let mut kept = BufWriter::new(File::create(&kept_path).with_context(context)?);
        let mut existing = BufReader::new(existing);
        let mut text = String::new();
        loop {
            text.clear();
            existing.read_line(&mut text).with_context(context)?;
            if !text.ends_with('\n') {
                // The end, or the half line that a kill left.
                break;
            }
            let place: Option<PlaceOfLine> = serde_json::from_str(&text).ok();
            if !place.is_some_and(|place| place.file == file && place.line >= line) {
                kept.write_all(text.as_bytes()).with_context(context)?;
            }
        }
        kept.flush().with_context(context)?;
        std::fs::rename(&kept_path, &self.path).with_context(context)
    }

    pub fn keep(&mut self, file: &str, reject: &Reject) -> anyhow::Result<()> {
        let context = || format!("write the reject file `{}`", self.path.display());
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                let opened = OpenOptions::new().create(true).append(true).open(&self.path).with_context(context)?;
                self.writer.insert(BufWriter::new(opened))
            }
        };
        let kept = Kept { file, line: reject.line, reason: &reject.reason, input: &reject.input };
        serde_json::to_writer(&mut *writer, &kept).with_context(context)?;
        writer.write_all(b"\n").with_context(context)
    }

    /// Puts everything kept so far on disk.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        writer
            .flush()
            .and_then(|()| writer.get_ref().sync_data())
            .with_context(|| format!("write the reject file `{}`", self.path.display()))
    }

    pub fn finish(&mut self) -> anyhow::Result<()> {
        self.flush()?;
        self.writer = None;
        Ok(())
    }
}
