use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use dauphin_dialects::{Columns, Element, Message, ParquetBatch, PlainRows, Reject, Row, TextBatch, parse_batches};

use super::files::{Mark, SourceFile, Unit, Units};
use super::rejects::Rejects;
use super::tally::{Event, Progress, Tally};
use super::target::{Delivered, Loader, Target};
use super::{Counts, ImportOptions, progress};

/// Units that wait to be parsed, for each thread that parses: enough that none waits for the reader.
const UNITS_WAITING: usize = 2;

/// Imports one file: this thread reads and cuts, others parse and hand on, and one adds up.
pub fn import_file(
    target: &Target,
    file: &SourceFile,
    options: &ImportOptions,
    rejects: &Mutex<Rejects>,
) -> anyhow::Result<Counts> {
    let name = file.name();
    let key = file.fingerprint(target.workspace_name(), &options.columns)?.map(Vec::from);
    let earlier = key.as_ref().and_then(|key| resume_at(target, key));
    if let Some(earlier) = &earlier {
        tracing::info!("going on with `{name}` at line {}, where an earlier import ended", earlier.mark.line);
    }
    let from_line = earlier.map_or(0, |earlier| earlier.mark.line);
    rejects.lock().unwrap_or_else(PoisonError::into_inner).begin(&name, from_line)?;
    let mut units = Units::open(file, &options.columns, earlier.map(|earlier| earlier.mark))?;
    let start = Progress { mark: Mark { offset: 0, line: 0 }, counts: Counts::default() };
    let mut tally = Tally::new(target, &name, key, rejects, earlier.unwrap_or(start));
    let bar = progress::bar(&name, file.byte_count().unwrap_or_default());
    let (bytes_read, has_failed) = (AtomicU64::new(0), AtomicBool::new(false));

    let (to_parse, unparsed) = sync_channel(options.thread_count * UNITS_WAITING);
    // Without a bound, because the engine's committer sends here and must never wait; a few events a unit.
    let (to_tally, events) = channel();
    let parser = Parser { target, file: &name, columns: &options.columns, rejects, unparsed: Mutex::new(unparsed) };
    std::thread::scope(|scope| {
        let parse = || {
            let (parser, to_tally) = (&parser, to_tally.clone());
            scope.spawn(move || parser.run(&to_tally))
        };
        let parsers: Vec<_> = std::iter::repeat_with(parse).take(options.thread_count).collect();
        let (bar, tally, bytes_read, has_failed) = (&bar, &mut tally, &bytes_read, &has_failed);
        scope.spawn(move || {
            for event in events {
                tally.take(event);
                has_failed.store(tally.has_failed(), Ordering::Relaxed);
                progress::show(bar, bytes_read.load(Ordering::Relaxed), tally.counts());
            }
        });
        let mut number = 0;
        while !has_failed.load(Ordering::Relaxed) {
            match units.next() {
                Ok(Some(unit)) => {
                    bytes_read.store(units.bytes_read(), Ordering::Relaxed);
                    if to_parse.send((number, unit)).is_err() {
                        break;
                    }
                    number += 1;
                }
                Ok(None) => break,
                Err(error) => {
                    // The tally outlives this thread's sender.
                    let _ = to_tally.send(Event::Failed(error.into()));
                    break;
                }
            }
        }
        drop(to_parse);
        drop(to_tally);
        for parser in parsers {
            if let Err(panic) = parser.join() {
                std::panic::resume_unwind(panic);
            }
        }
        target.hand_on();
    });
    bar.finish_and_clear();
    tally.finish()
}

fn resume_at(target: &Target, key: &[u8]) -> Option<Progress> {
    match target {
        Target::Local(local) => serde_json::from_slice(local.engine.source(key)?).ok(),
        // A server remembers no files; rows sent again change nothing.
        Target::Remote(_) => None,
    }
}

/// What the threads share that parse the units of a file.
struct Parser<'a> {
    target: &'a Target,
    file: &'a str,
    columns: &'a Columns,
    rejects: &'a Mutex<Rejects>,
    unparsed: Mutex<Receiver<(u64, Unit)>>,
}

impl Parser<'_> {
    fn run(&self, to_tally: &Sender<Event>) {
        loop {
            // Whoever panicked with the lock held took nothing.
            let next = self.unparsed.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((number, unit)) = next else { return };
            if let Err(error) = self.parse(number, &unit, to_tally) {
                let _ = to_tally.send(Event::Failed(error));
            }
        }
    }

    fn parse(&self, number: u64, unit: &Unit, to_tally: &Sender<Event>) -> anyhow::Result<()> {
        let send = |event| {
            // The tally runs until every sender is gone.
            let _ = to_tally.send(event);
        };
        if let (Target::Remote(remote), Some((file, first_row))) = (self.target, unit.as_avro_file()) {
            send(Event::HandedOn { unit: number });
            let (rows, delivered) = remote.send_avro(&file, first_row, self.columns)?;
            send(Event::Delivered { unit: number, delivered: Ok(delivered) });
            send(Event::Read { unit: number, rows, rejected: 0, end: unit.end() });
            return Ok(());
        }
        let answer = to_tally.clone();
        let loader = self.target.loader(Arc::new(move |delivered: Delivered| {
            let _ = answer.send(Event::Delivered { unit: number, delivered });
        }));
        send(Event::HandedOn { unit: number });
        let zone = self.target.zone();
        let mut loading =
            Loading { parser: self, loader, to_tally, number, left: Vec::new(), rows: 0, rejected: 0, kept: Ok(()) };
        let read = match unit {
            Unit::RowGroup { reader, index, .. } => {
                reader.read_batches(*index, 0, &mut |batch| loading.take_parquet(batch))
            }
            Unit::Block { block, layout, .. }
                if matches!(self.target, Target::Local(_))
                    && parse_batches(layout, block, zone, &mut |batch| loading.take_text(batch)) =>
            {
                Ok(())
            }
            _ => unit.read(zone, &mut |element| loading.take(element)),
        };
        let Loading { mut loader, rows, rejected, kept, .. } = loading;
        loader.hand_on();
        kept?;
        read?;
        send(Event::Read { unit: number, rows, rejected, end: unit.end() });
        Ok(())
    }
}

/// A unit under way from its file to the target.
struct Loading<'a> {
    parser: &'a Parser<'a>,
    loader: Loader<'a>,
    to_tally: &'a Sender<Event>,
    number: u64,
    /// Rows of a batch that are taken one by one.
    left: Vec<usize>,
    rows: u64,
    rejected: u64,
    /// Whether the rejects could be kept.
    kept: anyhow::Result<()>,
}

impl Loading<'_> {
    fn take_parquet(&mut self, batch: &ParquetBatch<'_>) {
        let left = match batch.plain() {
            Some(rows) => self.take_plain(&rows),
            None => (0..batch.row_count()).collect(),
        };
        batch.deliver_some(left.iter().copied(), self.parser.target.zone(), &mut |element| self.take(element));
        self.left = left;
    }

    fn take_text(&mut self, batch: &TextBatch<'_>) {
        let left = self.take_plain(batch.plain());
        batch.deliver_some(left.iter().copied(), self.parser.target.zone(), &mut |element| self.take(element));
        self.left = left;
    }

    /// Takes rows, but for those whose numbers are returned.
    fn take_plain(&mut self, rows: &PlainRows<'_>) -> Vec<usize> {
        let mut left = std::mem::take(&mut self.left);
        left.clear();
        let handed_on = self.loader.add_plain(rows, &mut left);
        self.rows += (rows.row_count() - left.len()) as u64;
        self.begin_part_if(handed_on);
        left
    }

    fn take(&mut self, element: Element<'_>) {
        self.rows += 1;
        let added = match element {
            Element::Reject(reject) => Err(reject),
            Element::Row(row) => self.loader.add(&row).map_err(|reason| rejected_row(&row, reason)),
            Element::Said { line, messages } => {
                self.loader.say(messages).map_err(|reason| rejected_messages(line, messages, reason))
            }
        };
        match added {
            Ok(handed_on) => self.begin_part_if(handed_on),
            Err(reject) => self.reject(&reject),
        }
    }

    /// What is gathered from now on is another part.
    fn begin_part_if(&self, handed_on: bool) {
        if handed_on {
            // The tally runs until every sender is gone.
            let _ = self.to_tally.send(Event::HandedOn { unit: self.number });
        }
    }

    fn reject(&mut self, reject: &Reject) {
        self.rejected += 1;
        if self.kept.is_ok() {
            let mut rejects = self.parser.rejects.lock().unwrap_or_else(PoisonError::into_inner);
            self.kept = rejects.keep(self.parser.file, reject);
        }
    }
}

/// A row that is well formed but cannot be counted.
fn rejected_row(row: &Row<'_>, reason: String) -> Reject {
    let time = row.instant.map(|instant| instant.to_string()).unwrap_or_default();
    let input = format!("{},{time},{}", row.user_id, row.app_id.as_deref().unwrap_or_default());
    Reject { line: row.line, reason, input }
}

/// An event that is well formed but cannot be counted.
fn rejected_messages(line: u64, messages: &[Message<'_>], reason: String) -> Reject {
    let event = messages.iter().find_map(|message| match message {
        Message::Event(event) => Some(event),
        _ => None,
    });
    let input = event.map_or_else(String::new, |event| {
        let time = event.instant.map(|instant| instant.to_string()).unwrap_or_default();
        format!("{},{time},{}", event.who.text, event.app_id.as_deref().unwrap_or_default())
    });
    Reject { line, reason, input }
}
