//! The bulk dialect, from bytes to rows.

#![expect(clippy::unwrap_used, reason = "a test's own helpers may fail the test")]
#![expect(clippy::format_collect, clippy::format_push_string, reason = "files are built once and read best this way")]

mod allocations;
mod avro;
mod avro_file;
mod batches;
mod braze;
mod compression;
mod cutting;
mod golden;
mod messages;
mod parquet;
mod whole;

use std::fmt::Write;
use std::io::Read;

use dauphin_dialects::{BlockReader, Columns, Element, EventKind, Message, ReadError, TextFormat, parse_block};
use dauphin_model::Zone;

/// Everything in a text file, one line each: `line | user | app | instant`, with ` | session` where there is one,
/// `line : message; message` or `line ! reason ! input`.
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
            let session = row.session_id.as_ref().map_or(String::new(), |id| format!(" | {id}"));
            format!("{} | {} | {app_id} | {instant}{session}", row.line, row.user_id)
        }
        Element::Said { line, messages } => {
            format!("{line} : {}", messages.iter().map(said).collect::<Vec<_>>().join("; "))
        }
        Element::Reject(reject) => format!("{} ! {} ! {}", reject.line, reject.reason, reject.input),
    };
    writeln!(text, "{}", line.replace('\r', "\\r").replace('\n', "\\n")).unwrap();
}

fn said(message: &Message<'_>) -> String {
    let name = |identity: &dauphin_model::Identity<'_>| format!("{:?} {}", identity.kind, identity.text);
    match message {
        Message::Known { profile } => format!("known {:?} {}", profile.kind, profile.text),
        Message::Event(event) => {
            let kind = match &event.kind {
                EventKind::SessionStart { id } => format!("session start {}", id.as_deref().unwrap_or("-")),
                kind => format!("{kind:?}"),
            };
            let instant = event.instant.map_or("-".to_owned(), |instant| instant.to_string());
            format!("{}, {}, {instant}, {kind}", name(&event.who), event.app_id.as_deref().unwrap_or("-"))
        }
        Message::Claim { anonymous, user } => format!("{} is {}", name(anonymous), name(user)),
        Message::Link { profile, other } => format!("{} and {} are one", name(profile), name(other)),
        Message::Erase { profile } => format!("forget {}", name(profile)),
    }
}
