//! `dauphin check` finds what does not add up.

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::support::Place;

type Bytes = TableDefinition<'static, &'static [u8], &'static [u8]>;
const LOG: Bytes = TableDefinition::new("log");

/// A workspace `shop` with one user on 28 June 2018, so that the log has one record.
fn filled() -> Place {
    let place = Place::new();
    place.init("--workspace shop --app Cargo=cargo");
    place.write("rows.csv", "user_id,time,app_id\nada,2018-06-28,cargo\n");
    place.run_json("import --data data rows.csv");
    place
}

/// Changes the last record of the log.
fn tamper(place: &Place, change: impl FnOnce(&mut Vec<u8>)) {
    let database = Database::open(place.path("data/dauphin.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut log = transaction.open_table(LOG).unwrap();
        let (key, mut value) = {
            let (key, value) = log.last().unwrap().unwrap();
            (key.value().to_vec(), value.value().to_vec())
        };
        change(&mut value);
        log.insert(&*key, &*value).unwrap();
    }
    transaction.commit().unwrap();
}

/// The entry of row changes: `1, size, workspace, recorded (2), scope, day (2), cause, bucket count, bucket, delta …`
/// with the scope of all apps first.
const ROWS_ENTRY_COUNT: usize = 9;

#[test]
fn untouched_data_adds_up() {
    let place = filled();
    let said = place.run("check --data data");
    assert_eq!((said.code, &*said.stderr), (0, ""));
    // Two scopes, ten windows and new users, from the day to the end of the widest window and one more.
    assert_eq!(said.text(), format!("{{\"points_checked\":{},\"mismatches\":0}}\n", 2 * 11 * (1 + 367 + 1)));
}

#[test]
fn a_count_that_is_one_too_high_is_named() {
    let place = filled();
    tamper(&place, |record| {
        assert_eq!(record[0], 1, "the entry of row changes");
        assert_eq!(record[ROWS_ENTRY_COUNT], 1, "one user in one bucket");
        // The bucket takes two bytes, and one user is written as 2.
        let delta = &mut record[ROWS_ENTRY_COUNT + 3];
        assert_eq!(*delta, 2);
        *delta = 4;
    });
    let said = place.run("check --data data");
    assert_eq!(said.code, 1);
    let json: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    // One user too many is new on the day, and there in each of the ten windows as long as it reaches.
    assert_eq!(json["mismatches"].as_u64(), Some(1 + (1 + 2 + 7 + 14 + 28 + 30 + 90 + 180 + 366 + 367)));
    for line in [
        "workspace `shop`, all apps, active_users in 1 days, 2018-06-28: answers 2, the calendars hold 1",
        "workspace `shop`, all apps, new_users, 2018-06-28: answers 2, the calendars hold 1",
        "workspace `shop`, all apps, active_users in 30 days, 2018-06-29: answers 2, the calendars hold 1",
    ] {
        assert!(said.stderr.lines().any(|said| said == line), "`{line}` is not in: {}", said.stderr);
    }
    assert!(!said.stderr.contains("cargo"), "the app's rows are right: {}", said.stderr);
}

#[test]
fn a_user_who_is_in_no_row_is_named() {
    let place = filled();
    tamper(&place, |record| {
        // Without the rows, only the calendars know of anybody.
        let size = usize::from(record[1]) + 2;
        record.drain(..size);
    });
    let said = place.run("check --data data");
    assert_eq!(said.code, 1);
    for line in [
        "workspace `shop`, all apps, active_users in 1 days, 2018-06-28: answers 0, the calendars hold 1",
        "workspace `shop`, all apps, new_users, 2018-06-28: answers 0, the calendars hold 1",
    ] {
        assert!(said.stderr.lines().any(|said| said == line), "`{line}` is not in: {}", said.stderr);
    }
}

#[test]
fn a_record_that_cannot_be_read_is_an_error_not_a_count() {
    let place = filled();
    tamper(&place, |record| record[0] = 99);
    for line in ["check --data data", "serve --data data", "series --data data --metric dau --length 1"] {
        place.run(line).refused(1, &["`data`", "a record of the table `log` is damaged"]);
    }
}

#[test]
fn a_file_that_is_no_database_is_an_error() {
    let place = filled();
    let database = place.path("data/dauphin.redb");
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[..64].fill(0xee);
    std::fs::write(&database, &bytes).unwrap();
    for line in ["check --data data", "serve --data data", "import --data data rows.csv"] {
        place.run(line).refused(1, &["data"]);
    }
    assert!(std::fs::read(&database).unwrap() == bytes, "what is damaged is left as it is");
}

/// Nothing else in the store is like the log, so what is looked for is there once.
#[test]
fn the_log_is_where_the_tests_look_for_it() {
    let place = filled();
    let database = Database::open(place.path("data/dauphin.redb")).unwrap();
    let log = database.begin_read().unwrap().open_table(LOG).unwrap();
    assert_eq!(log.iter().unwrap().count(), 1);
}
