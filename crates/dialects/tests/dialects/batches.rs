use std::io::Cursor;

use dauphin_dialects::{BlockReader, Columns, Element, Row, TextFormat, parse_batches, parse_block};
use dauphin_model::{Instant, Zone};
use proptest::prelude::*;

use crate::describe;

/// Every row of the file one by one, and as batches give them; and whether it came in batches.
fn both_ways(file: &str) -> (String, String, bool) {
    let zone = Zone::named("Europe/Paris").unwrap();
    let source = Box::new(Cursor::new(file.to_owned()));
    let Ok(mut reader) = BlockReader::open(TextFormat::Csv, &Columns::default(), source) else {
        return (String::new(), String::new(), true);
    };
    let (mut single, mut batched, mut in_batches) = (String::new(), String::new(), true);
    while let Some(block) = reader.next_block().unwrap() {
        parse_block(reader.layout(), &block, &zone, &mut |element| describe(&mut single, &element));
        in_batches &= parse_batches(reader.layout(), &block, &zone, &mut |batch| {
            let rows = batch.plain();
            let mut index = 0;
            batch.deliver_some(0..rows.row_count(), &zone, &mut |element| {
                let (user_id, seconds) = (rows.user_id(index), rows.seconds(index));
                if seconds != i64::MIN && !user_id.is_empty() {
                    let Element::Row(row) = &element else { panic!("a reject that is plain: {element:?}") };
                    let app_id = rows.app_ids()[rows.app_number(index)];
                    let Row { user_id: who, app_id: app, instant, session_id, .. } = row;
                    assert_eq!((user_id, app_id), (who.as_ref(), app.as_deref().unwrap_or_default()));
                    assert_eq!((Some(seconds), session_id), (instant.map(Instant::seconds), &None));
                }
                describe(&mut batched, &element);
                index += 1;
            });
            assert_eq!(index, rows.row_count());
        });
    }
    (single, batched, in_batches)
}

#[test]
fn batches_have_the_rows_of_the_block() {
    let many: String = (0..30_000).map(|number| format!("u{number},{number:09},app {}\n", number / 500 % 40)).collect();
    let (single, batched, in_batches) = both_ways(&format!("user_id,time,app_id\n{many}"));
    assert!(in_batches && single.lines().count() == 30_000);
    assert_eq!(batched, single);
    assert!(!both_ways("user_id,time,session_id\nada,2018-06-28,s\n").2);
}

proptest! {
    #[test]
    fn a_batch_says_of_a_row_what_the_row_says(
        records in prop::collection::vec(
            prop_oneof![
                4 => ("(ada|zoë|\"a,b\"|\"a\"\"b\"|\"x\"|)", "(2018-06-28|\"100000000\"|2018-06-28T10:00:00.5Z|soon|)", "(web|\"ios\"|)")
                    .prop_map(|(who, when, app)| format!("{who},{when},{app}")),
                1 => "[a\",\r\n]{0,20}",
            ],
            0..12,
        ),
        columns in prop::sample::select(vec!["user_id,time,app_id", "app_id,user_id,time", "time,user_id", "user_id,x,time"]),
    ) {
        let (single, batched, in_batches) = both_ways(&format!("{columns}\n{}", records.join("\n")));
        if in_batches {
            prop_assert_eq!(batched, single);
        }
    }
}
