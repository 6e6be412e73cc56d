//! Nodes that share everything.

use dauphin_cluster::{ClusterError, ClusterOptions, Node, check, init, status};
use dauphin_engine::{
    AuditPage, Backend, CatalogEdit, EngineError, IdentityChange, IdentityOutcome, Setting, Submission,
};
use dauphin_model::{Day, Scope, Zone};

use crate::support::{WORKSPACE, change, day, entry, options, plan, secret, stamp, submit, user, workspace};

fn cluster(name: &str, partitions: u16) -> Option<ClusterOptions> {
    let options = options(name)?;
    init(&options, &plan(partitions), &secret(), &[(workspace(), entry("workspace.add"))]).unwrap();
    Some(options)
}

fn month(node: &Node) -> i64 {
    node.rows(WORKSPACE).scope(Scope::Workspace).active(30, Day::new(20_000).unwrap(), 1)[0]
}

#[test]
fn nodes_share_everything() {
    let Some(options) = cluster("share", 4) else { return };
    let nodes = [Node::open(&options).unwrap(), Node::open(&options).unwrap()];
    let mut all = Submission::new(WORKSPACE, stamp(20_000)).until_visible();
    for number in 0..1000 {
        all.active(user(number % 500), None, day(20_000 - i32::try_from(number % 7).unwrap()));
    }
    let receipt = submit(&nodes[0], all).unwrap();
    assert_eq!((receipt.is_visible, receipt.new_user_days + receipt.repeats), (true, 1000));
    assert_eq!(month(&nodes[0]), 500);

    for number in 0..50 {
        let link = IdentityChange::Link { profile: user(number), other: user(number + 50) };
        assert_eq!(change(&nodes[1], 20_000, link), IdentityOutcome::Changed);
    }
    assert_eq!(month(&nodes[1]), 450);
    assert_eq!(change(&nodes[0], 20_000, IdentityChange::Erase { profile: user(3) }), IdentityOutcome::Changed);
    assert_eq!(change(&nodes[1], 20_000, IdentityChange::Erase { profile: user(53) }), IdentityOutcome::Unknown);
    assert_eq!(month(&nodes[1]), 449);
    assert_eq!(nodes[0].person(WORKSPACE, user(4)).unwrap().unwrap().profile_count, 2);
    assert_eq!(nodes[0].person(WORKSPACE, user(3)).unwrap(), None);

    let rename = CatalogEdit::SetWorkspace { workspace: WORKSPACE, settings: vec![Setting::RateLimitPerHour(7)] };
    nodes[1].edit(rename, Some(entry("workspace.set"))).unwrap();
    nodes[0]
        .edit(CatalogEdit::SetWorkspace { workspace: WORKSPACE, settings: vec![Setting::ApiKeyInQuery(false)] }, None)
        .unwrap();
    let workspace = nodes[0].catalog().workspace(WORKSPACE).unwrap().clone();
    assert_eq!((workspace.rate_limit_per_hour, workspace.api_key_in_query), (7, false));
    let zone = Setting::Zone(Zone::named("Europe/Paris").unwrap());
    let late = nodes[0].edit(CatalogEdit::SetWorkspace { workspace: WORKSPACE, settings: vec![zone] }, None);
    assert!(matches!(late, Err(EngineError::Catalog(_))), "{late:?}");
    let page = AuditPage { workspace: WORKSPACE, before: None, length: 10 };
    let actions: Vec<_> =
        nodes[0].audit(page).unwrap().into_iter().map(|record| (record.sequence, record.action)).collect();
    assert_eq!(actions, [(2, "workspace.set".to_owned()), (1, "workspace.add".to_owned())]);

    nodes.iter().for_each(|node| node.close().unwrap());
    let report = check(&options).unwrap();
    assert_eq!((report.mismatch_count, report.points_checked > 0), (0, true));
    let status = status(&options).unwrap();
    assert_eq!((status.partitions.len(), status.lag_messages), (4, 0), "{status:?}");
    let again = init(&options, &plan(4), &secret(), &[]);
    assert!(matches!(again, Err(ClusterError::IsSetUp(_))), "{again:?}");
}
