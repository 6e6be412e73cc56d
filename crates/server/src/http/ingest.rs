use std::io::Cursor;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use dauphin_api::{ApiError, ErrorCode};
use dauphin_core::Arrival;
use dauphin_dialects::{
    AvroReader, BlockReader, Columns, Element, ReadError, Reject, TextFormat, is_compressed, parse_avro_block,
    parse_block, parse_ndjson,
};
use dauphin_engine::{Actor, IdentityChange, IdentityOutcome, Submission, Workspace};
use dauphin_model::Instant;
use http::{HeaderMap, header};
use serde::Serialize;

use super::access::{Visitor, media_type};
use super::{App, body, query, respond};
use crate::handed_in::{HandedIn, Pending, Until};
use crate::intake::{Intake, UnknownApps};
use crate::keys;

/// What a key must be allowed to do, beyond sending rows, to make apps with them.
const CREATE_APPS: &str = "apps.create";

/// Errors that an answer names; all are counted.
const ERRORS_NAMED_MAX: usize = 100;

/// Takes a body of rows, and answers when all of them are settled.
pub async fn ingest(app: &Arc<App>, visitor: Visitor, request: Request, now: Instant) -> Result<Response, ApiError> {
    let options = Options::read(request.uri().query())?;
    if options.create_apps && !keys::permits(&visitor.key, CREATE_APPS) {
        return Err(ErrorCode::AccessDenied.into());
    }
    let format = format_of(request.headers())?;
    let (body, permits) = body::read(app, request).await?;
    let (actor, workspace) = (visitor.actor(), visitor.workspace);
    let job = Job { app: Arc::clone(app), workspace, actor, now, format, options };
    let work = move || {
        let _permits = permits;
        job.run(&body)
    };
    let (mut report, pending) = app.compute(work).await?;
    if let Some(pending) = pending {
        report.settle(pending, app).await?;
    }
    app.metrics.took(format.name(), report.taken(), report.rejected);
    Ok(report.answer())
}

/// What the query may ask for.
struct Options {
    columns: Columns,
    strict: bool,
    create_apps: bool,
    until: Until,
}

impl Options {
    fn read(query: Option<&str>) -> Result<Self, ApiError> {
        let until = query::until(query)?;
        let mut options = Self { columns: Columns::default(), strict: false, create_apps: false, until };
        for (name, value) in query::parameters(query.unwrap_or("")) {
            match name {
                "strict" => options.strict = query::switch(name, &value)?,
                "create_apps" => options.create_apps = query::switch(name, &value)?,
                "map" => options.columns = options.columns.map(&value).map_err(|error| refuse(error.to_string()))?,
                _ => {}
            }
        }
        Ok(options)
    }
}

fn refuse(message: String) -> ApiError {
    ApiError::with_message(ErrorCode::InvalidParameter, message)
}

/// How a body keeps its rows.
#[derive(Clone, Copy)]
enum BodyFormat {
    Text(TextFormat),
    Avro,
}

impl BodyFormat {
    const fn name(self) -> &'static str {
        match self {
            Self::Text(TextFormat::Csv) => "csv",
            Self::Text(TextFormat::Ndjson) => "ndjson",
            Self::Avro => "avro",
        }
    }
}

/// NDJSON unless it says CSV or Avro; what a command-line client sends when told nothing is taken too.
fn format_of(headers: &HeaderMap) -> Result<BodyFormat, ApiError> {
    let encoding = headers.get(header::CONTENT_ENCODING).map_or("identity", |value| value.to_str().unwrap_or("?"));
    if !["identity", "gzip", "x-gzip", "zstd", ""].contains(&encoding) {
        let message = "This `Content-Encoding` cannot be read here; send the body plain, or as `gzip` or `zstd`";
        return Err(ApiError::with_message(ErrorCode::UnsupportedMediaType, message));
    }
    match media_type(headers).unwrap_or("").to_ascii_lowercase().as_str() {
        "text/csv" | "application/csv" => Ok(BodyFormat::Text(TextFormat::Csv)),
        "application/avro" | "avro/binary" | "application/vnd.apache.avro" => Ok(BodyFormat::Avro),
        ""
        | "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/json"
        | "application/octet-stream"
        | "application/gzip"
        | "application/zstd"
        | "application/x-www-form-urlencoded"
        | "text/plain" => Ok(BodyFormat::Text(TextFormat::Ndjson)),
        _ => {
            let message = "This `Content-Type` cannot be read here; send `application/x-ndjson`, `text/csv` or `application/avro`";
            Err(ApiError::with_message(ErrorCode::UnsupportedMediaType, message))
        }
    }
}

/// One body on its way into the engine.
struct Job {
    app: Arc<App>,
    workspace: Arc<Workspace>,
    actor: Actor,
    now: Instant,
    format: BodyFormat,
    options: Options,
}

impl Job {
    /// Hands in what can be counted; nothing is handed in of a body that is refused as a whole.
    fn run(&self, body: &Bytes) -> Result<(Report, Option<Pending>), ApiError> {
        self.read_through(body)?;
        if self.options.strict {
            let looked = self.read(body, &mut self.intake(UnknownApps::Reject), &mut Vec::new(), &mut |_| {})?;
            if looked.rejected > 0 {
                return Ok((Report { nothing_taken: true, ..looked }, None));
            }
        }
        let handed_in = HandedIn::new(&*self.app.engine, self.options.until);
        let unknown_apps = if self.options.create_apps { UnknownApps::Create } else { UnknownApps::Reject };
        let (mut intake, mut identities) = (self.intake(unknown_apps), Vec::new());
        let report = self.read(body, &mut intake, &mut identities, &mut |submission| handed_in.submit(submission))?;
        if let Some(error) = intake.failure() {
            return Err(respond::not_taken(error));
        }
        let audit = (!identities.is_empty()).then(|| intake.audit(&identities));
        Ok((report, Some(handed_in.finish(&intake, identities, audit))))
    }

    fn intake(&self, unknown_apps: UnknownApps) -> Intake<'_> {
        let unknown_apps = match unknown_apps {
            UnknownApps::Reject if self.options.create_apps => UnknownApps::Accept,
            other => other,
        };
        let workspace = Arc::clone(&self.workspace);
        Intake::new(&*self.app.engine, workspace, self.now, Arrival::Sent, unknown_apps).by(self.actor.clone())
    }

    fn open_text(&self, format: TextFormat, body: &Bytes) -> Result<BlockReader, ApiError> {
        let source = Box::new(Cursor::new(body.clone()));
        BlockReader::open(format, &self.options.columns, source).map_err(|error| unreadable(&error))
    }

    /// Finds out that a compressed body ends well and in bounds before anything of it is counted.
    fn read_through(&self, body: &Bytes) -> Result<(), ApiError> {
        let expanded_max = body::expanded_bytes_max(self.app.body_bytes_max);
        let mut reader = match self.format {
            BodyFormat::Text(_) if !is_compressed(body) => return Ok(()),
            BodyFormat::Text(format) => self.open_text(format, body)?,
            BodyFormat::Avro => return self.read_avro(body, expanded_max, &mut |_| {}),
        };
        while let Some(block) = reader.next_block().map_err(|error| unreadable(&error))? {
            if block.end().offset > expanded_max {
                return Err(body::too_large(self.app.body_bytes_max));
            }
        }
        Ok(())
    }

    /// Parses the whole body; hands on what can be counted, in parts of bounded size.
    fn read(
        &self,
        body: &Bytes,
        intake: &mut Intake<'_>,
        identities: &mut Vec<IdentityChange>,
        submit: &mut dyn FnMut(Submission),
    ) -> Result<Report, ApiError> {
        let mut submission = intake.submission();
        let mut report = Report::default();
        let mut take = |element: Element<'_>| {
            report.rows += 1;
            let (line, taken) = match element {
                Element::Row(row) => (row.line, intake.add(&row, &mut submission)),
                Element::Said { line, messages } => {
                    let mut said = messages.iter();
                    (line, said.try_for_each(|message| intake.say(message, &mut submission, identities)))
                }
                Element::Reject(Reject { line, reason, .. }) => (line, Err(reason)),
            };
            if let Err(reason) = taken {
                report.reject(line, reason);
            } else if submission.change_count() >= Submission::CHANGE_COUNT_MAX {
                submit(std::mem::replace(&mut submission, intake.submission()));
            }
        };
        match self.format {
            BodyFormat::Text(TextFormat::Ndjson) if !is_compressed(body) => {
                parse_ndjson(&self.options.columns, body, &self.workspace.zone, &mut take);
            }
            BodyFormat::Text(format) => {
                let mut reader = self.open_text(format, body)?;
                while let Some(block) = reader.next_block().map_err(|error| unreadable(&error))? {
                    parse_block(reader.layout(), &block, &self.workspace.zone, &mut take);
                }
            }
            BodyFormat::Avro => self.read_avro(body, u64::MAX, &mut take)?,
        }
        submit(submission);
        Ok(report)
    }

    fn read_avro(&self, body: &Bytes, expanded_max: u64, take: &mut dyn FnMut(Element<'_>)) -> Result<(), ApiError> {
        let source = Box::new(Cursor::new(body.clone()));
        let mut reader = AvroReader::open("", &self.options.columns, source).map_err(|error| unreadable(&error))?;
        if let Some(event) = reader.layout().says_nothing() {
            return Err(refuse(format!("The events `{event}` say nothing about activity; they cannot be taken")));
        }
        let mut byte_count = 0;
        while let Some(block) = reader.next_block().map_err(|error| unreadable(&error))? {
            let layout = reader.layout();
            let parsed = parse_avro_block(layout, &block, &self.workspace.zone, take);
            byte_count += parsed.map_err(|error| unreadable(&error))?;
            if byte_count > expanded_max {
                return Err(body::too_large(self.app.body_bytes_max));
            }
        }
        Ok(())
    }
}

fn unreadable(error: &ReadError) -> ApiError {
    refuse(error.to_string())
}

/// What became of a body.
#[derive(Default)]
struct Report {
    rows: u64,
    new_user_days: u64,
    repeats: u64,
    rejected: u64,
    nothing_taken: bool,
    /// Not all of it is visible yet: what was new and what repeated is not known.
    uncounted: bool,
    errors: Vec<RowError>,
}

#[derive(Serialize)]
struct RowError {
    line: u64,
    reason: String,
}

impl Report {
    /// Waits until everything that was handed in is settled.
    async fn settle(&mut self, pending: Pending, app: &App) -> Result<(), ApiError> {
        let settled = pending.settle(&app.engine).await.map_err(|error| respond::not_taken(&error))?;
        let unchanged = settled.outcomes.iter().filter(|outcome| **outcome != IdentityOutcome::Changed).count();
        self.new_user_days = settled.receipt.new_user_days;
        self.repeats = settled.receipt.repeats + unchanged as u64;
        self.uncounted = !settled.receipt.is_visible;
        self.nothing_taken = self.rejected > 0 && self.rejected == self.rows;
        Ok(())
    }

    /// Rows that were counted or repeated, or will be.
    fn taken(&self) -> u64 {
        if self.uncounted { self.rows - self.rejected } else { self.new_user_days + self.repeats }
    }

    fn reject(&mut self, line: u64, reason: String) {
        self.rejected += 1;
        if self.errors.len() < ERRORS_NAMED_MAX {
            self.errors.push(RowError { line, reason });
        }
    }

    /// 200 when anything was taken; 400 with the same fields when nothing could be.
    fn answer(self) -> Response {
        #[derive(Serialize)]
        struct Answer {
            message: String,
            rows: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            new_user_days: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            repeats: Option<u64>,
            rejected: u64,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            errors: Vec<RowError>,
        }
        let message = match self.errors.first() {
            Some(first) if self.nothing_taken => format!("Nothing was taken; line {}: {}", first.line, first.reason),
            _ => "success".to_owned(),
        };
        let Self { rows, rejected, errors, .. } = self;
        let [new_user_days, repeats] =
            [self.new_user_days, self.repeats].map(|count| (!self.uncounted).then_some(count));
        let answer = Answer { message, rows, new_user_days, repeats, rejected, errors };
        respond::json_with_status(if self.nothing_taken { 400 } else { 200 }, &answer)
    }
}
