use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use dauphin_dialects::{Columns, Reject, Row};
use dauphin_engine::Receipt;
use dauphin_model::Zone;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use ureq::http::Response;
use ureq::{Agent, Body as AnswerBody};

use super::target::Delivered;

/// A workspace of a running server, reached over HTTP.
pub struct Remote {
    agent: Agent,
    url: String,
    key: String,
    workspace: String,
    zone: Zone,
    apps: BTreeSet<String>,
    create_apps: bool,
}

/// Rows gathered into one request, and on which line of the file each stands.
#[derive(Default)]
pub struct Body {
    text: Vec<u8>,
    lines: Vec<u64>,
}

/// Rows of one request: few enough that a part that must be sent again costs little.
const ROWS_MAX: usize = 20_000;
/// Tries before a server that cannot be reached, or is busy, ends the import; with the pauses between them.
const TRY_PAUSES_SECONDS: [u64; 4] = [1, 2, 5, 10];

#[derive(Deserialize)]
struct WorkspaceAnswer {
    workspace: String,
    zone: String,
    apps: Vec<AppAnswer>,
}

#[derive(Deserialize)]
struct AppAnswer {
    app_id: String,
}

#[derive(Deserialize)]
struct IngestAnswer {
    rows: u64,
    new_user_days: u64,
    repeats: u64,
    #[serde(default)]
    rejected: u64,
    #[serde(default)]
    errors: Vec<ErrorAnswer>,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    line: u64,
    reason: String,
}

#[derive(Deserialize)]
struct MessageAnswer {
    message: String,
}

impl Remote {
    /// Asks the server who it is. `workspace`, if given, must be the one that the key opens.
    pub fn connect(url: &str, key: &str, workspace: Option<&str>, create_apps: bool) -> anyhow::Result<Self> {
        let agent = agent();
        let url = url.trim_end_matches('/').to_owned();
        let answer = get(&agent, &format!("{url}/console/workspace"), key)?;
        let found: WorkspaceAnswer = serde_json::from_str(&answer).context("read the server's answer")?;
        if workspace.is_some_and(|wanted| wanted != found.workspace) {
            bail!("the key opens the workspace `{}`, not `{}`", found.workspace, workspace.unwrap_or_default());
        }
        let apps = found.apps.into_iter().map(|app| app.app_id).collect();
        let zone = Zone::named(&found.zone).context("read the server's zone")?;
        Ok(Self { agent, url, key: key.to_owned(), workspace: found.workspace, zone, apps, create_apps })
    }

    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    pub fn workspace_name(&self) -> &str {
        &self.workspace
    }

    /// Whether rows of this app would be taken.
    pub fn knows_app(&self, app_id: &str) -> Result<(), String> {
        if self.create_apps || self.apps.contains(app_id) {
            return Ok(());
        }
        Err(format!("the workspace `{}` has no app `{app_id}`; make it first, or use --create-apps", self.workspace))
    }

    /// Sends the rows until the server has them.
    pub fn send(&self, body: &Body) -> Delivered {
        if body.lines.is_empty() {
            return Ok((Receipt { is_visible: true, new_user_days: 0, repeats: 0 }, Vec::new()));
        }
        let answer = self.post("application/x-ndjson", "", &body.text)?;
        let place_of = |line: u64| {
            let index = usize::try_from(line).ok().and_then(|line| line.checked_sub(1));
            let index = index.filter(|index| *index < body.lines.len())?;
            let input = body.text.split(|byte| *byte == b'\n').nth(index).unwrap_or_default();
            Some((body.lines[index], String::from_utf8_lossy(input).into_owned()))
        };
        received(answer, body.lines.last().copied().unwrap_or_default(), place_of)
    }

    /// Sends a file of Avro whose first row is this one of a longer file, until the server has it; says how many rows it
    /// had.
    pub fn send_avro(
        &self,
        file: &[u8],
        first_row: u64,
        columns: &Columns,
    ) -> anyhow::Result<(u64, (Receipt, Vec<Reject>))> {
        let names = [
            ("user_id", &columns.user_id),
            ("time", &columns.time),
            ("app_id", &columns.app_id),
            ("session_id", &columns.session_id),
        ];
        let maps = names.map(|(field, name)| format!("&map={field}%3D{}", utf8_percent_encode(name, NON_ALPHANUMERIC)));
        let answer = self.post("application/avro", &maps.concat(), file)?;
        let rows = answer.rows;
        let place_of = |line: u64| Some((line.checked_add(first_row)?.checked_sub(1)?, String::new()));
        Ok((rows, received(answer, first_row + rows.saturating_sub(1), place_of)?))
    }

    /// Sends a body until the server has counted it; a repeat changes nothing, so trying again is safe.
    fn post(&self, content_type: &str, query: &str, body: &[u8]) -> anyhow::Result<IngestAnswer> {
        let url = format!("{}/ingest?wait=true&create_apps={}{query}", self.url, self.create_apps);
        let mut pauses = TRY_PAUSES_SECONDS.iter();
        loop {
            let sent = self
                .agent
                .post(&url)
                .header("Authorization", format!("Bearer {}", self.key))
                .content_type(content_type)
                .send(body);
            let failure = match sent {
                Ok(mut answer) if answer.status() == 200 || answer.status() == 400 => {
                    let text = answer.body_mut().read_to_string().context("read the server's answer")?;
                    return serde_json::from_str(&text)
                        .map_err(|_| anyhow!("the server refused the rows: {}", message_of(&text)));
                }
                Ok(mut answer) if ![429, 500, 503].contains(&answer.status().as_u16()) => {
                    return Err(refused(&mut answer));
                }
                Ok(mut answer) => refused(&mut answer),
                Err(error) => anyhow!(error).context(format!("send rows to `{}`", self.url)),
            };
            match pauses.next() {
                Some(seconds) => std::thread::sleep(Duration::from_secs(*seconds)),
                None => return Err(failure),
            }
        }
    }
}

/// What the server says of each line, in lines of the file: `place_of` tells, of a line of the body, which one it is and
/// how it reads. Those that the server does not name are put on the last line.
fn received(answer: IngestAnswer, last_line: u64, place_of: impl Fn(u64) -> Option<(u64, String)>) -> Delivered {
    let mut rejects = Vec::new();
    for error in answer.errors {
        let (line, input) = place_of(error.line).context("the server named a line never sent")?;
        rejects.push(Reject { line, reason: error.reason, input });
    }
    // The server names the first hundred of a body; the others are counted.
    for _ in rejects.len() as u64..answer.rejected {
        let reason = "rejected by the server, which names only the first of a request".to_owned();
        rejects.push(Reject { line: last_line, reason, input: String::new() });
    }
    Ok((Receipt { is_visible: true, new_user_days: answer.new_user_days, repeats: answer.repeats }, rejects))
}

impl Body {
    pub fn add(&mut self, row: &Row<'_>) {
        #[derive(Serialize)]
        struct Line<'a> {
            user_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            app_id: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            time: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            session_id: Option<&'a str>,
        }
        let time = row.instant.map(|instant| instant.to_string());
        let (app_id, session_id) = (row.app_id.as_deref(), row.session_id.as_deref());
        let line = Line { user_id: &row.user_id, app_id, time, session_id };
        serde_json::to_writer(&mut self.text, &line).expect("strings have JSON");
        self.text.push(b'\n');
        self.lines.push(row.line);
    }

    pub fn is_full(&self) -> bool {
        self.lines.len() >= ROWS_MAX
    }
}

fn agent() -> Agent {
    Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_mins(2))).build().into()
}

/// The body of the successful answer to a JSON body.
pub fn post_json(url: &str, key: &str, body: &[u8]) -> anyhow::Result<String> {
    let sent =
        agent().post(url).header("Authorization", format!("Bearer {key}")).content_type("application/json").send(body);
    let mut answer = sent.with_context(|| format!("ask `{url}`"))?;
    if answer.status() != 200 {
        return Err(refused(&mut answer));
    }
    answer.body_mut().read_to_string().context("read the server's answer")
}

/// The body of a successful GET.
pub fn get_text(url: &str, key: &str) -> anyhow::Result<String> {
    get(&agent(), url, key)
}

fn get(agent: &Agent, url: &str, key: &str) -> anyhow::Result<String> {
    let sent = agent.get(url).header("Authorization", format!("Bearer {key}")).call();
    let mut answer = sent.with_context(|| format!("ask `{url}`"))?;
    if answer.status() != 200 {
        return Err(refused(&mut answer));
    }
    answer.body_mut().read_to_string().context("read the server's answer")
}

fn refused(answer: &mut Response<AnswerBody>) -> anyhow::Error {
    let status = answer.status();
    let text = answer.body_mut().read_to_string().unwrap_or_default();
    anyhow!("the server answered {}: {}", status.as_u16(), message_of(&text))
}

fn message_of(text: &str) -> String {
    match serde_json::from_str::<MessageAnswer>(text) {
        Ok(answer) => answer.message,
        Err(_) => text.chars().take(200).collect(),
    }
}
