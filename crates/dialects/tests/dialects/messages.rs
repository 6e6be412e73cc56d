//! The JSON dialects, from bytes to messages: each golden file is what a real SDK sends, with ids made up, or what none
//! should.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use dauphin_dialects::{BodyError, Message, SdkBody, SegmentBody, SegmentCall, SegmentContext};
use dauphin_model::{Identity, Instant, Zone, parse_instant};
use proptest::prelude::*;

fn braze_sdk(body: &[u8]) -> Result<String, BodyError> {
    let body = SdkBody::parse(body)?;
    let mut text = described_key("api_key", body.api_key.as_deref());
    body.messages("web", &mut |index, said| describe(&mut text, index, said))?;
    Ok(text)
}

fn segment(call: SegmentCall, body: &[u8]) -> Result<String, BodyError> {
    let zone = Zone::named("Europe/Paris").unwrap();
    let arrival: Instant = parse_instant("2018-06-30T12:00:26.395Z", &zone).unwrap();
    let context = SegmentContext { app_id: "web", arrival, zone: &zone };
    let body = SegmentBody::parse(call, body)?;
    let mut text = described_key("writeKey", body.write_key.as_deref());
    body.messages(&context, &mut |index, said| describe(&mut text, index, said))?;
    Ok(text)
}

fn described_key(name: &str, key: Option<&str>) -> String {
    key.map(|key| format!("{name} {key}\n")).unwrap_or_default()
}

fn describe(text: &mut String, index: usize, said: Result<Message<'_>, String>) {
    let identity = |identity: &Identity<'_>| format!("{:?}({})", identity.kind, identity.text.replace('\0', "\\0"));
    let line = match said {
        Ok(Message::Event(event)) => {
            let instant = event.instant.map_or("-".to_owned(), |instant| instant.to_string());
            format!("{} @{} {instant} {:?}", identity(&event.who), event.app_id.unwrap(), event.kind)
        }
        Ok(Message::Claim { anonymous, user }) => format!("claim {} {}", identity(&anonymous), identity(&user)),
        Ok(Message::Link { profile, other }) => format!("link {} {}", identity(&profile), identity(&other)),
        Ok(Message::Known { profile }) => format!("known {}", identity(&profile)),
        Ok(Message::Erase { profile }) => format!("erase {}", identity(&profile)),
        Err(reason) => format!("! {reason}"),
    };
    writeln!(text, "{index} {line}").unwrap();
}

fn golden_files(dialect: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(dialect);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn compare(path: &Path, found: &str) {
    let expected = fs::read_to_string(path.with_extension("expected")).unwrap();
    assert_eq!(found, expected, "{}", path.display());
}

#[test]
fn every_golden_body_of_the_braze_sdk_says_what_is_expected() {
    let files = golden_files("braze_sdk");
    assert_eq!(files.len(), 5);
    for (path, body) in files {
        compare(&path, &braze_sdk(&body).unwrap());
    }
}

#[test]
fn every_golden_body_of_segment_says_what_is_expected() {
    let files = golden_files("segment");
    assert_eq!(files.len(), 4);
    for (path, body) in files {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let call = SegmentCall::of_path(name.split('_').next().unwrap()).unwrap_or(SegmentCall::Batch);
        compare(&path, &segment(call, &body).unwrap());
    }
}

#[test]
fn a_body_that_is_no_object_of_the_right_shape_is_refused_as_a_whole() {
    for (body, expected) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{\"events\":[{]}", "key must be a string at line 1 column 13"),
        ("{\"events\":[NaN]}", "expected value at line 1 column 12"),
        ("{} x", "trailing characters at line 1 column 4"),
        ("[]", "The body is an array; it must be a JSON object"),
        ("null", "The body is null; it must be a JSON object"),
        ("{\"events\":{}}", "`events` is an object; it must be an array"),
        ("{\"device_id\":[]}", "`device_id` is an array; it must be a string"),
        ("{\"events\":[],\"events\":[]}", "The body is refused: duplicate field `events` at line 1 column 21"),
    ] {
        assert_eq!(braze_sdk(body.as_bytes()).unwrap_err().to_string(), expected, "{body}");
    }
    for (body, expected) in [
        ("{}", "The body has no `batch`; it must be an array of messages"),
        ("{\"batch\":null}", "The body has no `batch`; it must be an array of messages"),
        ("{\"batch\":\"x\"}", "`batch` is a string; it must be an array of messages"),
        ("{\"batch\":[{\"type\":}]}", "expected value at line 1 column 19"),
        ("[{\"type\":\"page\"}]", "The body is an array; it must be a JSON object"),
    ] {
        assert_eq!(segment(SegmentCall::Batch, body.as_bytes()).unwrap_err().to_string(), expected, "{body}");
    }
    assert!(matches!(braze_sdk(b"{\"events\":[\"\xff\"]}"), Err(BodyError::NotJson(_))));
}

#[test]
fn nesting_a_million_deep_spoils_only_its_own_element() {
    let deep = "[".repeat(500_000) + &"]".repeat(500_000);
    let body = format!(
        "{{\"device_id\":\"d\",\"x\":{deep},\"events\":[{deep},{{\"name\":\"ss\",\"time\":0,\"data\":{{\"n\":{deep}}},\"y\":{deep}}}]}}"
    );
    assert_eq!(
        braze_sdk(body.as_bytes()).unwrap(),
        "0 ! it is an array; it must be an object\n1 Device(d) @web 1970-01-01T00:00:00Z SessionStart { id: None }\n"
    );
    let body = format!("{{\"batch\":[{deep},{{\"type\":\"page\",\"userId\":\"ada\",\"context\":{deep}}}]}}");
    assert_eq!(
        segment(SegmentCall::Batch, body.as_bytes()).unwrap(),
        "0 ! it is an array; it must be an object\n1 ExternalId(ada) @web - Named(\"page\")\n"
    );
}

/// Bodies that are nearly right: pieces of real ones, in any order.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"events\":[",
        "\"batch\":[",
        "{\"name\":\"ss\",\"time\":1",
        "\"user_id\":\"a\"",
        "{\"type\":\"alias\",\"userId\":\"a\"",
        "\"previousId\":\"b\"",
        "\"anonymousId\":",
        "null",
        "\"\\ud800\"",
        "1e99",
        "\"timestamp\":\"2018-06-28\"",
        "\"sentAt\":\"9999-12-29\"",
        "\"originalTimestamp\":\"0001-01-02\"",
        "\"context\":{\"sessionStart\":true}",
        "\"device_id\":\"d\"",
        "\"data\":{\"n\":\"x\"}",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in prop_oneof![prop::collection::vec(any::<u8>(), 0..256), pieces()]) {
        let _ = braze_sdk(&body);
        for name in ["batch", "identify", "track", "page", "screen", "group", "alias"] {
            let _ = segment(SegmentCall::of_path(name).unwrap(), &body);
        }
    }
}
