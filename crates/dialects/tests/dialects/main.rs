//! The bulk dialect, from bytes to rows.

#![expect(clippy::unwrap_used, reason = "a test's own helpers may fail the test")]
#![expect(clippy::format_collect, clippy::format_push_string, reason = "files are built once and read best this way")]

mod braze;
mod compression;
mod cutting;
mod golden;
mod messages;
mod parquet;

use std::fmt::Write;
use std::io::Read;

use dauphin_dialects::{BlockReader, Columns, Element, ReadError, TextFormat, parse_block};
use dauphin_model::Zone;

/// Everything in a text file, one line each: `line | user | app | instant` or `line ! reason ! input`.
fn read(format: TextFormat, source: impl Read + Send + 'static) -> Result<String, (String, ReadError)> {
    let zone = Zone::named("Europe/Paris").unwrap();
    let mut text = String::new();
    let reader = BlockReader::open(format, &Columns::default(), Box::new(source));
    let mut reader = reader.map_err(|error| (String::new(), error))?;
    loop {
        match reader.next_block() {
            Ok(Some(block)) => {
                parse_block(reader.layout(), &block, &zone, &mut |element| describe(&mut text, &element));
            }
            Ok(None) => return Ok(text),
            Err(error) => return Err((text, error)),
        }
    }
}

fn describe(text: &mut String, element: &Element<'_>) {
    let line = match element {
        Element::Row(row) => {
            let app_id = row.app_id.as_deref().unwrap_or("-");
            let instant = row.instant.map_or("-".to_owned(), |instant| instant.to_string());
            format!("{} | {} | {app_id} | {instant}", row.line, row.user_id)
        }
        Element::Reject(reject) => format!("{} ! {} ! {}", reject.line, reject.reason, reject.input),
    };
    writeln!(text, "{}", line.replace('\r', "\\r").replace('\n', "\\n")).unwrap();
}
