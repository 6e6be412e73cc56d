//! Whose app a sender speaks for, and which names make active.

use std::collections::BTreeSet;

use dauphin_engine::{ActivityRule, App, Catalog, CatalogEdit, SenderError};
use dauphin_model::{AppId, IdentitySecret, WorkspaceIndex, Zone};

/// `workspace app write key`
const APPS: &str = "
    0 web   wk-web
    0 phone wk-phone
    0 none
    1 shop  wk-shop
    1 web   wk-other
    1 twin  wk-phone
    1 nope
";

fn catalog() -> Catalog {
    let workspaces = ["one", "two"].map(|name| CatalogEdit::AddWorkspace {
        name: name.to_owned(),
        zone: Zone::utc(),
        rate_limit_per_hour: 1,
        api_key_in_query: true,
    });
    let apps = APPS.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let write_key = words.get(2).copied().unwrap_or_default().to_owned();
        let app = App { id: AppId::new(words[1]).unwrap(), name: words[1].to_owned(), write_key };
        CatalogEdit::AddApp { workspace: WorkspaceIndex(words[0].parse().unwrap()), app }
    });
    let empty = Catalog::new(IdentitySecret::new([7; 16]));
    workspaces.into_iter().chain(apps).fold(empty, |catalog, edit| catalog.with(&edit).unwrap())
}

#[test]
fn a_sender_is_known_by_an_identifier_or_write_key_that_only_one_app_has() {
    let catalog = catalog();
    let by_id = |id| catalog.app_with_id(id).map(|(workspace, app)| (workspace.index.0, app.write_key.as_str()));
    assert_eq!(by_id("phone"), Ok((0, "wk-phone")));
    assert_eq!(by_id("shop"), Ok((1, "wk-shop")));
    assert_eq!(by_id("web"), Err(SenderError::Ambiguous));
    assert_eq!(by_id("wk-web"), Err(SenderError::Unknown));
    assert_eq!(by_id(""), Err(SenderError::Unknown));

    let by_key = |key| catalog.app_with_write_key(key).map(|(workspace, app)| (workspace.index.0, app.id.as_str()));
    assert_eq!(by_key("wk-web"), Ok((0, "web")));
    assert_eq!(by_key("wk-other"), Ok((1, "web")));
    assert_eq!(by_key("wk-phone"), Err(SenderError::Ambiguous));
    assert_eq!(by_key("web"), Err(SenderError::Unknown));
    assert_eq!(by_key(""), Err(SenderError::Unknown));
}

#[test]
fn what_only_a_list_makes_active_counts_only_when_the_list_names_it() {
    let names = ActivityRule::Names(BTreeSet::from(["identify".to_owned(), "page".to_owned()]));
    for (rule, name, counts, lists) in [
        (&ActivityRule::Any, "identify", true, false),
        (&names, "identify", true, true),
        (&names, "page", true, true),
        (&names, "group", false, false),
    ] {
        assert_eq!((rule.counts(name), rule.lists(name)), (counts, lists), "{name}");
    }
}
