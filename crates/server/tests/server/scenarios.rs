//! HTTP behaviour as data: `scenarios/*.txt`, whose format `scenarios/series.txt` explains.

use std::collections::HashMap;

use dauphin_engine::{ApiKey, App, CatalogEdit, Engine};
use dauphin_model::{AppId, IdentitySecret, WorkspaceIndex, Zone};
use dauphin_store::{Embedded, Store};
use sha2::{Digest, Sha256};

use crate::support::{Http, Place, Server};

/// A file, taken apart.
struct Scenario<'a> {
    name: &'a str,
    state: Vec<Vec<&'a str>>,
    exchanges: Vec<Exchange<'a>>,
}

/// Requests that all get the same answer.
#[derive(Default)]
struct Exchange<'a> {
    line: usize,
    requests: Vec<&'a str>,
    request_headers: Vec<&'a str>,
    request_body: Option<&'a str>,
    status: &'a str,
    headers: Vec<&'a str>,
    body: Vec<&'a str>,
}

impl<'a> Scenario<'a> {
    fn parse(name: &'a str, text: &'a str) -> Self {
        let mut scenario = Self { name, state: Vec::new(), exchanges: Vec::new() };
        let mut block: Vec<(usize, &str)> = Vec::new();
        for (line, text) in (1..).zip(text.lines().chain([""])) {
            match text {
                "" => scenario.take(std::mem::take(&mut block)),
                _ if text.starts_with('#') => {}
                _ => block.push((line, text)),
            }
        }
        scenario
    }

    fn take(&mut self, block: Vec<(usize, &'a str)>) {
        let Some((line, first)) = block.first().copied() else { return };
        if !first.starts_with("> ") {
            self.state.extend(block.iter().map(|(_, text)| text.split_whitespace().collect()));
            return;
        }
        let mut exchange = Exchange { line, ..Exchange::default() };
        for (_, text) in block {
            if let Some(body) = text.strip_prefix(">> ") {
                exchange.request_body = Some(body);
            } else if let Some(sent) = text.strip_prefix("> ") {
                let is_request = sent.split_once(' ').is_some_and(|(_, target)| target.starts_with('/'));
                let list = if is_request { &mut exchange.requests } else { &mut exchange.request_headers };
                list.push(sent);
            } else if let Some(expected) = text.strip_prefix("< ") {
                if exchange.status.is_empty() {
                    exchange.status = expected;
                } else {
                    exchange.headers.push(expected);
                }
            } else {
                exchange.body.push(text);
            }
        }
        assert!(!exchange.status.is_empty(), "{}:{line}: no status is expected", self.name);
        self.exchanges.push(exchange);
    }

    /// What follows `name` in each line of the state that begins with it.
    fn given(&self, name: &'static str) -> impl Iterator<Item = &[&'a str]> {
        self.state.iter().filter(move |words| words[0] == name).map(|words| &words[1..])
    }

    /// Makes the data directory as the state says, and serves it.
    fn serve(&self, place: &Place) -> (Server, HashMap<String, String>) {
        let given = |name| self.given(name);
        let one = |name, default| given(name).next().map_or(default, |words| words[0]);
        let mut store = Box::new(Embedded::create(&place.path("data")).unwrap());
        let workspace = WorkspaceIndex(0);
        let edits = [CatalogEdit::AddWorkspace {
            name: "main".to_owned(),
            zone: Zone::named(one("zone", "UTC")).unwrap(),
            rate_limit_per_hour: one("limit", "250000").parse().unwrap(),
            api_key_in_query: one("keys-in-query", "on") == "on",
        }];
        let apps = given("app").map(|words| CatalogEdit::AddApp { workspace, app: app_of(words) });
        let elsewhere = given("elsewhere").enumerate().flat_map(|(index, words)| {
            let add = CatalogEdit::AddWorkspace {
                name: format!("elsewhere {index}"),
                zone: Zone::utc(),
                rate_limit_per_hour: 1,
                api_key_in_query: false,
            };
            let workspace = WorkspaceIndex(u32::try_from(index).unwrap() + 1);
            [add, CatalogEdit::AddApp { workspace, app: app_of(words) }]
        });
        let keys = given("key").map(|words| CatalogEdit::AddKey { workspace, key: key_of(words) });
        let main = CatalogEdit::AddKey { workspace, key: key_of(&["main", "*"]) };
        let edits: Vec<_> = edits.into_iter().chain(apps).chain([main]).chain(keys).chain(elsewhere).collect();
        Engine::initialise(store.as_mut(), &IdentitySecret::new([7; 16]), &edits).unwrap();
        store.close().unwrap();
        let names = ["main"].into_iter().chain(given("key").map(|words| words[0]));
        let keys = names.map(|name| (name.to_owned(), key_text(name))).collect();

        let server = place.serve(&key_text("main"), &[]);
        let rows: String = given("row").map(ndjson).collect();
        if !rows.is_empty() {
            let answer = server.http.ingest(&rows);
            assert_eq!((answer.status, answer.json()["rejected"].as_u64()), (200, Some(0)), "{}", answer.text());
        }
        (server, keys)
    }
}

/// `ID [WRITE-KEY]`
fn app_of(words: &[&str]) -> App {
    let write_key = words.get(1).copied().unwrap_or_default().to_owned();
    App { name: words[0].to_owned(), id: AppId::new(words[0]).unwrap(), write_key }
}

/// `USER TIME [APP]`
fn ndjson(words: &[&str]) -> String {
    let app = words.get(2).map(|app| format!(",\"app_id\":\"{app}\"")).unwrap_or_default();
    format!("{{\"user_id\":\"{}\",\"time\":\"{}\"{app}}}\n", words[0], words[1])
}

/// `NAME PERMISSION,… [from ADDRESS,…] [revoked]`
fn key_of(words: &[&str]) -> ApiKey {
    let list = |text: &str| text.split(',').map(str::to_owned).collect();
    let from = words.iter().position(|word| *word == "from");
    ApiKey {
        hash: Sha256::digest(key_text(words[0])).into(),
        name: words[0].to_owned(),
        permissions: list(words[1]),
        allowed_addresses: from.map(|index| list(words[index + 1])).unwrap_or_default(),
        revoked: words.last() == Some(&"revoked"),
    }
}

fn key_text(name: &str) -> String {
    format!("key-of-{name}-0123456789abcdef")
}

impl Exchange<'_> {
    fn check(&self, scenario: &str, http: &Http, keys: &HashMap<String, String>) {
        for request in &self.requests {
            let place = format!("scenarios/{scenario}.txt:{}: {request}", self.line);
            let filled = |text: &str| {
                keys.iter().fold(text.to_owned(), |text, (name, key)| text.replace(&format!("{{{name}}}"), key))
            };
            let (method, target) = request.split_once(' ').unwrap();
            let mut headers: Vec<(String, String)> = Vec::new();
            let mut with_key = true;
            for header in &self.request_headers {
                if *header == "without a key" {
                    with_key = false;
                    continue;
                }
                let (name, value) = header.split_once(": ").unwrap_or_else(|| panic!("{place}: {header} is no header"));
                with_key &= name != "Authorization";
                headers.push((name.to_owned(), filled(value)));
            }
            if with_key {
                headers.push(("Authorization".to_owned(), http.bearer()));
            }
            let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let body = self.request_body.map(filled).unwrap_or_default();
            let answer = http.send(method, &filled(target), &headers, body.as_bytes());

            let text = String::from_utf8(answer.body.clone()).unwrap();
            assert_eq!(answer.status.to_string(), self.status, "{place}: {text}");
            for header in &self.headers {
                if let Some(name) = header.strip_prefix('!') {
                    assert_eq!(answer.header(name), None, "{place}");
                    continue;
                }
                let (name, expected) = header.split_once(": ").unwrap();
                match (expected, answer.header(name)) {
                    ("NUMBER", Some(value)) => assert!(value.parse::<u64>().is_ok(), "{place}: {name}: {value}"),
                    (_, found) => assert_eq!(found, Some(expected), "{place}: {name}"),
                }
            }
            // The last line end of a body is not part of the file.
            let expected = self.body.join("\n").replace("{host}", http.authority());
            let found = text.strip_suffix('\n').unwrap_or(&text);
            assert!(is_like(found, &expected), "{place}:\n{found}\nis not\n{expected}");
            assert!(keys.values().all(|key| !text.contains(key)), "{place}: a key is repeated");
        }
    }
}

/// Whether the text is as expected, where `{ANY}` stands for what lies between quotation marks.
fn is_like(text: &str, expected: &str) -> bool {
    let mut parts = expected.split("{ANY}");
    let first = parts.next().unwrap();
    let rest = parts.try_fold(text.strip_prefix(first), |rest, part| {
        let (_, rest) = rest?.split_once('"').filter(|(any, _)| !any.is_empty())?;
        Some(rest.strip_prefix(part.strip_prefix('"').unwrap()))
    });
    rest.flatten() == Some("")
}

fn check(name: &str, text: &str) {
    let scenario = Scenario::parse(name, text);
    assert!(!scenario.exchanges.is_empty(), "{name} asks nothing");
    let place = Place::new();
    let (server, keys) = scenario.serve(&place);
    for exchange in &scenario.exchanges {
        exchange.check(name, &server.http, &keys);
    }
    server.terminate();
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name), include_str!(concat!("scenarios/", stringify!($name), ".txt")));
        })*

        #[test]
        fn every_file_is_run() {
            let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/server/scenarios");
            let files = std::fs::read_dir(directory).unwrap();
            let mut files: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
            files.sort_unstable();
            assert_eq!(files, [$(concat!(stringify!($name), ".txt")),*]);
        }
    };
}

// In alphabetical order.
scenarios! {
    admin as_of braze_sdk braze_sdk_counts days french keys keys_header_only overlap parameters profiles
    profiles_counts rate_limit routes sdk_cors segment segment_counts series sessions users_track wait
}
