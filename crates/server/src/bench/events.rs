use std::path::Path;

use anyhow::Context;
use dauphin_model::Day;
use serde::Serialize;

use super::files::{Numbers, ParquetFile, TextFile};
use super::world::{APPS, Row, TimeText, World, user_id};

/// Rows of one body.
pub const BODY_ROWS: usize = 5_000;
/// One of so many rows is the first of its person on its day.
const NEW_ONE_OF: usize = 4;
const ROUNDS: u32 = 3;
/// Most bodies of a round.
const BODIES_MAX: usize = 400;

/// One day's events: first those that make a quarter of the people known on it, then bodies a quarter of whose rows
/// are new and whose others repeat.
#[derive(Serialize)]
pub struct Round {
    pub day: String,
    pub known_rows: usize,
    pub rows: usize,
    pub new_user_days: usize,
}

/// Writes the events of the days after the history, in two forms with the same rows in the same order.
pub fn write(world: &World, texts: &Path, numbers: &Path) -> anyhow::Result<Vec<Round>> {
    let mut out =
        Out { texts: TextFile::create(texts)?, numbers: ParquetFile::create(numbers)?, time: TimeText::new() };
    let mut order: Vec<u32> = (0..world.users()).collect();
    let mut rounds = Vec::new();
    for number in (world.span_days()..).take(ROUNDS as usize) {
        let day = world.day(number).context("the history ends after 2149")?;
        let mut luck = world.sequence(number);
        luck.shuffle(&mut order);
        let (known, rest) = order.split_at(order.len() / NEW_ONE_OF);
        out.add(known, day);
        let bodies = rest.chunks_exact(BODY_ROWS / NEW_ONE_OF).take(BODIES_MAX);
        let (mut rows, mut new_user_days) = (0, 0);
        for new in bodies {
            let mut users = new.to_vec();
            users.extend((new.len()..BODY_ROWS).map(|_| known[luck.below(known.len())]));
            luck.shuffle(&mut users);
            out.add(&users, day);
            rows += users.len();
            new_user_days += new.len();
        }
        rounds.push(Round { day: day.to_string(), known_rows: known.len(), rows, new_user_days });
    }
    out.texts.finish()?;
    out.numbers.finish()?;
    Ok(rounds)
}

struct Out {
    texts: TextFile,
    numbers: ParquetFile<Numbers>,
    time: TimeText,
}

impl Out {
    fn add(&mut self, users: &[u32], day: Day) {
        let mut line = Vec::with_capacity(128);
        for (user, second) in users.iter().zip((0..86_400).cycle()) {
            let app = World::app(*user);
            line.clear();
            for part in [
                &b"{\"user_id\":\""[..],
                &user_id(*user),
                b"\",\"time\":\"",
                self.time.of(day, second),
                b"\",\"app_id\":\"",
                APPS[usize::from(app)].as_bytes(),
                b"\"}\n",
            ] {
                line.extend_from_slice(part);
            }
            self.texts.write(&line);
            self.numbers.add(Row { user: *user, app, day, second });
        }
    }
}
