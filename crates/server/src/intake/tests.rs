use std::sync::Arc;
use std::sync::mpsc::channel;

use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray};
use dauphin_core::Arrival;
use dauphin_dialects::{Columns, Element, Event, EventKind, Message, ParquetReader, Row};
use dauphin_engine::{App, CatalogEdit, Engine, EngineOptions};
use dauphin_model::{
    AppId, Day, Identity, IdentityKind, IdentitySecret, Instant, Measure, Scope, WorkspaceIndex, Zone,
};
use dauphin_store::{MemoryDisk, MemoryStore, Store};

use super::{Intake, UnknownApps};

/// 2018-06-28T00:30:00-05:00, an hour before 06:30 UTC.
const NOW: i64 = 1_530_163_800;

fn engine() -> Engine {
    let workspace = WorkspaceIndex(0);
    let add = CatalogEdit::AddWorkspace {
        name: "main".to_owned(),
        zone: Zone::named("America/Chicago").unwrap(),
        rate_limit_per_hour: 1,
        api_key_in_query: true,
    };
    let apps = ["a", "b"].map(|id| {
        let app = App { name: id.to_owned(), id: AppId::new(id).unwrap(), write_key: String::new() };
        CatalogEdit::AddApp { workspace, app }
    });
    let mut store: Box<dyn Store> = Box::new(MemoryStore::open(&MemoryDisk::new()));
    let edits: Vec<_> = [add].into_iter().chain(apps).collect();
    Engine::initialise(store.as_mut(), &IdentitySecret::new([1; 16]), &edits).unwrap();
    Engine::open(store, EngineOptions::for_cores(1)).unwrap()
}

fn say(engine: &Engine, who: &str, app: &str, before_now: i64, kind: EventKind<'_>) {
    let workspace = engine.catalog().workspaces()[0].clone();
    let now = Instant::new(NOW, 0).unwrap();
    let mut intake = Intake::new(engine, workspace, now, Arrival::Sent, UnknownApps::Reject);
    let event = Event {
        who: Identity::new(IdentityKind::ExternalId, who),
        app_id: Some(app.into()),
        instant: Instant::new(NOW - before_now, 0),
        kind,
    };
    let (mut submission, mut identities) = (intake.submission(), Vec::new());
    intake.say(&Message::Event(event), &mut submission, &mut identities).unwrap();
    assert_eq!(identities, []);
    let (sender, receiver) = channel();
    engine.submit(submission, Box::new(move |result| sender.send(result).unwrap()));
    receiver.recv().unwrap().unwrap();
}

/// What a measure counts on 27 and 28 June: in the workspace, in app `a`, in app `b`.
fn counts(engine: &Engine, measure: Measure) -> [[i64; 2]; 3] {
    let rows = engine.rows(WorkspaceIndex(0));
    let first = Day::from_civil(2018, 6, 27).unwrap();
    [0, 1, 2].map(|code| {
        let of_days = rows.of(measure.of(Scope::from_code(code).unwrap())).active(1, first, 2);
        of_days.try_into().unwrap()
    })
}

#[test]
fn a_session_with_an_id_counts_once_in_its_app() {
    let engine = engine();
    let start = |id: &'static str| EventKind::SessionStart { id: Some(id.into()) };
    say(&engine, "ada", "a", 0, start("s1"));
    say(&engine, "ada", "a", 0, start("s1"));
    // Met again: later, and of somebody else.
    say(&engine, "bob", "a", 60, EventKind::InSession { id: "s1".into() });
    // Another app's; and one that began the day before, local time.
    say(&engine, "ada", "b", 0, start("s1"));
    say(&engine, "ada", "a", 3600, start("s2"));
    assert_eq!(counts(&engine, Measure::Sessions), [[1, 2], [1, 1], [0, 1]]);
    let zone = Zone::named("America/Chicago").unwrap();
    let hours = zone.hours_until(Instant::new(NOW, 0).unwrap(), 2).unwrap();
    let rows = engine.rows(WorkspaceIndex(0)).of(Measure::Sessions.of(Scope::Workspace));
    assert_eq!(rows.by_hour(&hours), [1, 2], "the hours of 23:30 and of 00:30");
    // A start makes active, being met in a session does not.
    assert_eq!(counts(&engine, Measure::Active), [[1, 1], [1, 1], [0, 1]]);
}

#[test]
fn a_session_without_an_id_is_told_by_who_and_when() {
    let engine = engine();
    for (who, before_now) in [("ada", 0), ("ada", 0), ("ada", 1), ("bob", 0)] {
        say(&engine, who, "a", before_now, EventKind::SessionStart { id: None });
    }
    assert_eq!(counts(&engine, Measure::Sessions), [[0, 3], [0, 3], [0, 0]]);
}

#[test]
fn an_uninstall_counts_a_user_once_a_day_and_makes_nobody_active() {
    let engine = engine();
    for (who, app, before_now) in
        [("ada", "a", 0), ("ada", "a", 60), ("ada", "b", 0), ("ada", "a", 3600), ("bob", "a", 0)]
    {
        say(&engine, who, app, before_now, EventKind::Uninstall);
    }
    assert_eq!(counts(&engine, Measure::Uninstalls), [[1, 2], [1, 2], [0, 1]]);
    assert_eq!(counts(&engine, Measure::Active), [[0, 0], [0, 0], [0, 0]]);
}

#[test]
fn a_row_costs_no_allocation() {
    let engine = engine();
    let allocations = [1_000_u32, 10_000].map(|count| {
        let workspace = engine.catalog().workspaces()[0].clone();
        let now = Instant::new(NOW, 0).unwrap();
        let mut intake = Intake::new(&engine, workspace, now, Arrival::Imported, UnknownApps::Reject);
        let users: Vec<String> = (0..count).map(|user| format!("user-{user}")).collect();
        let mut submission = intake.submission();
        let add_all = || {
            for (line, user) in (1..).zip(&users) {
                let app_id = Some(["a", "b"][line % 2].into());
                let row = Row {
                    line: line as u64,
                    user_id: user.into(),
                    app_id,
                    instant: Some(now),
                    session_id: Some("s".into()),
                };
                intake.add(&row, &mut submission).unwrap();
            }
        };
        let allocations = allocation_counter::measure(add_all).count_total;
        assert_eq!(submission.change_count(), 2 * users.len());
        allocations
    });
    // Of each of the 16 shards there is a list that grows by doubling.
    assert!(allocations[1] <= allocations[0] + 4 * 16, "{allocations:?}");
}

/// A Parquet file with these rows: who, when in milliseconds, in which app.
fn parquet(rows: &[(&str, i64, Option<&str>)]) -> ParquetReader {
    let times: TimestampMillisecondArray = rows.iter().map(|(_, time, _)| Some(*time)).collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("user_id", Arc::new(rows.iter().map(|(user, ..)| Some(*user)).collect::<StringArray>())),
        ("time", Arc::new(times.with_timezone("UTC"))),
        ("app_id", Arc::new(rows.iter().map(|(.., app)| *app).collect::<StringArray>())),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    ParquetReader::of_bytes(bytes.into(), &Columns::default()).unwrap()
}

#[test]
fn rows_of_a_batch_are_taken_as_they_are_one_by_one() {
    let latest = (NOW + 48 * 3600) * 1000;
    let (long, longest) = ("x".repeat(1025), "y".repeat(1024));
    let app_with_a_long_id = "an app whose id is longer than a view has room for";
    let rows = [
        ("ada", NOW * 1000, Some("a")),
        ("ada", NOW * 1000 + 999, Some("b")),
        ("bob", 0, None),
        ("bob", 1, Some("")),
        ("", NOW * 1000, Some("a")),
        (&long, NOW * 1000, Some("a")),
        (&longest, NOW * 1000, Some("a")),
        ("before 1970", -1, Some("a")),
        ("just in time", latest, Some("a")),
        ("too late", latest + 1, Some("a")),
        ("of no app", NOW * 1000, Some("c")),
        ("of no app", -1, Some("c")),
        ("of no app", NOW * 1000, Some(app_with_a_long_id)),
        // The day before, local time.
        ("cleo", (NOW - 3600) * 1000, Some("b")),
        ("cleo", i64::MAX, Some("b")),
    ];
    let engine = engine();
    let intake = || {
        let now = Instant::new(NOW, 0).unwrap();
        Intake::new(&engine, engine.catalog().workspaces()[0].clone(), now, Arrival::Imported, UnknownApps::Reject)
    };
    let zone = Zone::named("America/Chicago").unwrap();
    let many_apps: Vec<String> = (0..20).map(|number| format!("app {number}")).collect();
    let of_many_apps = many_apps.iter().map(|app| ("ada", NOW * 1000, Some(app.as_str()))).collect();
    for (rows, rejected, is_plain) in [(rows.to_vec(), 8, true), (of_many_apps, 20, false)] {
        let reader = parquet(&rows);
        let take = |intake: &mut Intake<'_>, submission: &mut _, element: Element<'_>| match element {
            Element::Row(row) => intake.add(&row, submission).err().map(|reason| (row.line, reason)),
            Element::Reject(reject) => Some((reject.line, reject.reason)),
            Element::Said { .. } => None,
        };
        let (mut one_by_one, mut reasons) = (intake().submission(), Vec::new());
        let mut single = intake();
        reader
            .read_row_group(0, 0, &zone, &mut |element| reasons.extend(take(&mut single, &mut one_by_one, element)))
            .unwrap();
        assert_eq!(reasons.len(), rejected, "{reasons:?}");

        let (mut together, mut reasons_of_left) = (intake().submission(), Vec::new());
        let mut batched = intake();
        let add_batch = &mut |batch: &dauphin_dialects::ParquetBatch<'_>| {
            let mut left = Vec::new();
            match batch.plain() {
                Some(plain) => batched.add_plain(&plain, &mut together, &mut left),
                None => left.extend(0..batch.row_count()),
            }
            assert_eq!(batch.plain().is_some(), is_plain);
            let rest = left.iter().copied();
            batch.deliver_some(rest, &zone, &mut |element| {
                reasons_of_left.extend(take(&mut batched, &mut together, element));
            });
        };
        reader.read_batches(0, 0, add_batch).unwrap();
        assert_eq!(reasons_of_left, reasons);
        let sorted = |submission: dauphin_engine::Submission| {
            let parts = submission.by_partition(1).into_values();
            let mut changes: Vec<_> = parts.flat_map(|part| part.changes).map(|change| format!("{change:?}")).collect();
            changes.sort();
            changes
        };
        assert_eq!(sorted(together), sorted(one_by_one));
    }
}
