//! The bodies of Braze's REST routes, from bytes to messages and edits.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use dauphin_dialects::{
    BodyError, Event, Message, ProfileEdit, ProfileRequest, TrackPlace, UsersTrack, read_profiles, read_users_track,
};
use dauphin_model::{Identity, Zone};
use proptest::prelude::*;

/// Everything in a body, one line each: `array index | who | app | instant | kind` or `array index ! reason`.
fn described(track: &UsersTrack<'_>) -> String {
    let mut lines: Vec<(TrackPlace, String)> = Vec::new();
    for (place, message) in &track.said {
        let Message::Event(Event { who, app_id, instant, kind }) = message else { panic!("{message:?}") };
        let app_id = app_id.as_deref().unwrap_or("-");
        let instant = instant.map_or("-".to_owned(), |instant| instant.to_string());
        lines.push((*place, format!("| {} | {app_id} | {instant} | {kind:?}", named(who))));
    }
    lines.extend(track.refused.iter().map(|(place, reason)| (*place, format!("! {reason}"))));
    lines.sort_by_key(|(place, _)| *place);
    let mut text = format!("sent {:?}\n", track.sent);
    for (TrackPlace { array, index }, line) in lines {
        writeln!(text, "{} {index} {line}", array.name()).unwrap();
    }
    text
}

fn named(identity: &Identity<'_>) -> String {
    format!("{:?} {:?}", identity.kind, identity.text)
}

#[test]
fn every_golden_body_gives_its_expected_messages() {
    let zone = Zone::named("Europe/Paris").unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/users_track");
    let mut checked = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let body = fs::read(&path).unwrap();
        let found = described(&read_users_track(&body, &zone, 75).unwrap());
        let expected = fs::read_to_string(path.with_extension("expected")).unwrap_or_default();
        assert_eq!(found, expected, "{}", path.display());
        checked += 1;
    }
    assert_eq!(checked, 3);
}

/// `request body` then `=> edits`, one line each.
const PROFILES: &str = r#"
    Delete {"external_ids":["ada",7]}
    => erase ExternalId "ada"; erase ExternalId "7"
    Delete {"user_aliases":[{"alias_label":"l","alias_name":"n"},"n"]}
    => erase Alias "1:ln"; nothing
    Delete {"braze_ids":"b","external_ids":[]}
    => erase BrazeId "b"
    Delete {"email_addresses":["e",{"email":"f","prioritization":["identified"]}]}
    => erase Email "e"; erase Email "f"
    Delete {"phone_numbers":{"phone":"p"}}
    => erase Phone "p"
    NewAliases {"user_aliases":[{"alias_label":"l","alias_name":"n"},{"alias_label":"l","alias_name":"n","external_id":"ada"}]}
    => nothing; link Alias "1:ln" ExternalId "ada"
    UpdateAliases {"alias_updates":[{"alias_label":"l","old_alias_name":"o","new_alias_name":"n"}]}
    => replace Alias "1:lo" Alias "1:ln"
    Identify {"aliases_to_identify":{"external_id":"ada","user_alias":{"alias_label":"l","alias_name":"n"}}}
    => link Alias "1:ln" ExternalId "ada"
    Identify {"emails_to_identify":[{"external_id":"ada","email":"e"}],"phone_numbers_to_identify":[{"external_id":"ada","phone":"p"}]}
    => link Email "e" ExternalId "ada"; link Phone "p" ExternalId "ada"
    Merge {"merge_updates":[{"identifier_to_merge":{"external_id":"a"},"identifier_to_keep":{"phone":"p"}}]}
    => link ExternalId "a" Phone "p"
    RenameIds {"external_id_renames":[{"current_external_id":"a","new_external_id":"b"}]}
    => rename ExternalId "a" ExternalId "b"
    RemoveIds {"external_ids":["a",1]}
    => remove ExternalId "a"; remove ExternalId "1"
"#;

const REQUESTS: [ProfileRequest; 7] = [
    ProfileRequest::Delete,
    ProfileRequest::NewAliases,
    ProfileRequest::UpdateAliases,
    ProfileRequest::Identify,
    ProfileRequest::Merge,
    ProfileRequest::RenameIds,
    ProfileRequest::RemoveIds,
];

#[test]
fn each_profile_request_asks_for_its_edits() {
    let mut lines = PROFILES.lines().map(str::trim).filter(|line| !line.is_empty());
    while let Some(line) = lines.next() {
        let (request, body) = line.split_once(' ').unwrap();
        let request = REQUESTS.into_iter().find(|known| format!("{known:?}") == request).unwrap();
        let entries = read_profiles(request, body.as_bytes()).unwrap();
        let found: Vec<_> = entries.iter().map(|entry| edit(entry.edit.as_ref().unwrap())).collect();
        assert_eq!(format!("=> {}", found.join("; ")), lines.next().unwrap(), "{line}");
    }
}

fn edit(edit: &ProfileEdit<'_>) -> String {
    match edit {
        ProfileEdit::Nothing => "nothing".to_owned(),
        ProfileEdit::Erase { profile } => format!("erase {}", named(profile)),
        ProfileEdit::Link { profile, other } => format!("link {} {}", named(profile), named(other)),
        ProfileEdit::Rename { from, to } => format!("rename {} {}", named(from), named(to)),
        ProfileEdit::Replace { from, to } => format!("replace {} {}", named(from), named(to)),
        ProfileEdit::Remove { profile } => format!("remove {}", named(profile)),
    }
}

#[test]
fn the_elements_of_all_arrays_count_together() {
    let body = br#"{"attributes":[{"external_id":"a"},{"external_id":"b"}],"events":[],"purchases":[{}]}"#;
    let sent = |most| read_users_track(body, &Zone::utc(), most).map(|track| track.sent);
    assert_eq!(sent(3), Ok([Some(2), Some(0), Some(1)]));
    assert!(matches!(sent(2), Err(BodyError::Shape(message)) if message.contains("at most 2 attributes, events and")));
}

/// Something like JSON, with the names that matter in it more often than by chance.
fn nearly_json() -> impl Strategy<Value = String> {
    let words = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "null",
        "true",
        "7",
        "1e999",
        "-0",
        " ",
        "\\",
        "\\ud800",
        "\"\"",
        "\"ada\"",
        "\"events\":",
        "\"attributes\":[",
        "\"purchases\":{",
        "\"external_id\":",
        "\"user_alias\":{",
        "\"alias_name\":",
        "\"alias_label\":",
        "\"time\":",
        "\"2018-06-28\"",
        "\"name\":",
        "\"price\":",
        "\"external_ids\":[",
        "\"merge_updates\":[",
        "\"identifier_to_merge\":",
        "\"prioritization\":",
        "{\"events\":[{",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..60).prop_map(|words| words.concat())
}

fn every_reader(body: &[u8]) {
    if let Ok(track) = read_users_track(body, &Zone::utc(), 75) {
        let sent: usize = track.sent.iter().flatten().sum();
        assert!(sent <= 75 && track.refused.len() <= sent && track.said.len() <= 2 * sent);
    }
    for request in REQUESTS {
        if let Ok(entries) = read_profiles(request, body) {
            assert!((1..=50).contains(&entries.len()));
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..300)) {
        every_reader(&body);
    }

    #[test]
    fn anything_like_json_is_read_or_refused(body in nearly_json()) {
        every_reader(body.as_bytes());
    }

    #[test]
    fn a_damaged_body_is_read_or_refused(index in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = include_bytes!("../golden/users_track/who_and_when.json").to_vec();
        let index = index.index(body.len());
        body[index] = byte;
        every_reader(&body);
        every_reader(&body[..index]);
    }

    /// Each element is on its own: what a body says is what its elements say one by one.
    #[test]
    fn elements_do_not_touch_each_other(order in prop::collection::vec(0..7_usize, 1..20)) {
        let elements = [
            r#"{"external_id":"ada","name":"n","time":"2018-06-28"}"#,
            r#"{"email":"e","app_id":"web","name":"m","time":"2018-06-27T23:00:00Z"}"#,
            r#"{"external_id":"\ud800","name":"n","time":"2018-06-28"}"#,
            r#"{"external_id":1e999,"name":"n","time":"2018-06-28"}"#,
            r#"{"name":"n"}"#,
            "[[[]]]",
            "null",
        ];
        let read = |body: &str| {
            let track = read_users_track(body.as_bytes(), &Zone::utc(), 75).unwrap();
            (format!("{:?}", track.said.first().map(|(_, said)| said)), track.refused.first().map(|(_, why)| why.clone()))
        };
        let list = order.iter().map(|number| elements[*number]).collect::<Vec<_>>().join(",");
        let body = format!("{{\"events\":[{list}]}}");
        let track = read_users_track(body.as_bytes(), &Zone::utc(), 75).unwrap();
        for (index, number) in order.iter().enumerate() {
            let said = track.said.iter().find(|(place, _)| place.index == index).map(|(_, said)| said);
            let refused = track.refused.iter().find(|(place, _)| place.index == index).map(|(_, why)| why.clone());
            let alone = read(&format!("{{\"events\":[{}]}}", elements[*number]));
            prop_assert_eq!((format!("{said:?}"), refused), alone);
        }
    }
}
