use dauphin_model::Day;

use crate::demo::mix;

/// The apps people use.
pub const APPS: [&str; 3] = ["web", "ios", "android"];

/// Made-up people, a few of whom come nearly every day and most of whom seldom do. Everything follows from a seed.
pub struct World {
    people: Vec<Person>,
    /// What chance follows from, apart from who and when.
    seed: u64,
    span_days: u32,
    first: Day,
}

struct Person {
    /// Day of the first visit, counted from the start of the history.
    joined: u32,
    /// Chance to be active on a day after that, of 2³².
    chance: u32,
}

/// One row: somebody was active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Number of the person.
    pub user: u32,
    /// Index of the app.
    pub app: u8,
    /// On which day.
    pub day: Day,
    /// At which second of it.
    pub second: u32,
}

/// A visit on its way into a file: how many days before it is written it was.
#[derive(Clone, Copy)]
pub struct Visit {
    pub user: u32,
    pub app: u8,
    pub days_late: u8,
}

const CLASSES: u32 = 256;
/// Of 256 active days, on so many a second app is used too.
const SECOND_APP: u8 = 26;
/// After so many of 256 active days, an older visit arrives late.
const LATE: u8 = 8;
const DAYS_LATE_MAX: u64 = 20;

impl World {
    /// So many people, with `days_per_user` rows each on average. History begins on `first`.
    pub fn new(users: u32, days_per_user: u32, span_days: u32, first: Day, seed: u64) -> Self {
        let chances = chances(days_per_user, span_days);
        let seed = mix(seed);
        let people = (0..users).map(|user| {
            let luck = mix(u64::from(user) ^ seed);
            let class = usize::from(luck.to_le_bytes()[0]);
            // The square makes earlier days likelier: a service that grew fast at first.
            let early = ((luck >> 32) * (luck >> 32)) >> 32;
            let joined = u32::try_from((early * u64::from(span_days)) >> 32).unwrap_or(0);
            Person { joined, chance: chances[class] }
        });
        Self { people: people.collect(), seed, span_days, first }
    }

    pub fn users(&self) -> u32 {
        u32::try_from(self.people.len()).unwrap_or(u32::MAX)
    }

    pub const fn span_days(&self) -> u32 {
        self.span_days
    }

    /// The day with this number, counted from the start of the history.
    pub fn day(&self, number: u32) -> Option<Day> {
        self.first.offset(i32::try_from(number).ok()?)
    }

    /// The app a person uses most.
    pub fn app(user: u32) -> u8 {
        [0, 0, 0, 1, 1, 2][usize::from(mix(u64::from(user)).to_le_bytes()[1]) % 6]
    }

    /// The visits that are written down on a day, in no order; a quarter repeats others.
    pub fn visits(&self, number: u32, visits: &mut Vec<Visit>) {
        visits.clear();
        for (user, person) in (0..).zip(&self.people) {
            if person.joined > number {
                continue;
            }
            let luck = mix((u64::from(number) << 32 | u64::from(user)) ^ self.seed);
            if luck >> 32 >= u64::from(person.chance) && person.joined < number {
                continue;
            }
            let app = Self::app(user);
            let [second_app, late, which, ..] = luck.to_le_bytes();
            visits.push(Visit { user, app, days_late: 0 });
            if second_app < SECOND_APP {
                visits.push(Visit { user, app: (app + 1 + which % 2) % 3, days_late: 0 });
            }
            if late < LATE {
                let days_late = 1 + u64::from(which) * DAYS_LATE_MAX / 256;
                let days_late = u8::try_from(days_late.min(u64::from(number - person.joined))).unwrap_or(0);
                visits.push(Visit { user, app, days_late });
            }
        }
        let mut luck = self.sequence(number);
        let count = visits.len();
        for _ in 0..count / 3 {
            visits.push(visits[luck.below(count)]);
        }
        luck.shuffle(visits);
    }

    /// The sequence of chances that a day has.
    pub fn sequence(&self, number: u32) -> Sequence {
        Sequence(u64::from(number) ^ self.seed)
    }

    /// Every row in the order in which it is written down.
    pub fn rows(&self, mut take: impl FnMut(Row)) {
        let mut visits = Vec::new();
        for number in 0..self.span_days {
            self.visits(number, &mut visits);
            let count = visits.len();
            for (index, visit) in visits.iter().enumerate() {
                let Some(day) = self.day(number).and_then(|day| day.offset(-i32::from(visit.days_late))) else {
                    continue;
                };
                let second = u32::try_from(index * 86_400 / count).unwrap_or(0);
                take(Row { user: visit.user, app: visit.app, day, second });
            }
        }
    }
}

/// Numbers that look random and follow from the first (`SplitMix64`).
pub struct Sequence(pub u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `below`, which is below 2³².
    pub fn below(&mut self, below: usize) -> usize {
        usize::try_from(((self.next() >> 32) * below as u64) >> 32).unwrap_or(0)
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// The chance of each class of people, of 2³²: falling as a power of the class, to the wanted mean.
fn chances(days_per_user: u32, span_days: u32) -> Vec<u32> {
    // A quarter of the rows are repeats; of the rest, one is the first visit, which is certain.
    let rows_a_visit = 1.0 + f64::from(SECOND_APP) / 256.0 + f64::from(LATE) / 256.0;
    let visits = (f64::from(days_per_user) * 0.75 / rows_a_visit - 1.0).max(0.0);
    // Whoever joins on the square of a random part of the history has two thirds of it left.
    let mean = (visits / (f64::from(span_days) * 2.0 / 3.0)).min(0.9);
    let chance = |scale: f64, class: u32| (scale * f64::from(class + 1).powf(-0.7)).min(0.95);
    let mean_of = |scale: f64| (0..CLASSES).map(|class| chance(scale, class)).sum::<f64>() / f64::from(CLASSES);
    let (mut low, mut high) = (0.0, 1000.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if mean_of(middle) < mean { low = middle } else { high = middle }
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 0.95 of 2³²")]
    let whole = |chance: f64| (chance * 4_294_967_296.0) as u32;
    (0..CLASSES).map(|class| whole(chance(high, class))).collect()
}

/// A person's name for themselves: 20 hexadecimal digits.
pub fn user_id(user: u32) -> [u8; 20] {
    let number = u128::from(mix(u64::from(user) ^ 0x5bd1_e995)) << 16 | u128::from(user & 0xffff);
    let mut text = [0; 20];
    for (index, digit) in text.iter_mut().rev().enumerate() {
        *digit = b"0123456789abcdef"[usize::from((number >> (4 * index)).to_le_bytes()[0] & 0xf)];
    }
    text
}

/// Writes `2018-06-28T23:59:59Z`. Days come in runs, so the last one's text is kept.
pub struct TimeText {
    day: Option<Day>,
    text: [u8; 20],
}

impl TimeText {
    pub const fn new() -> Self {
        Self { day: None, text: *b"0000-00-00T00:00:00Z" }
    }

    pub fn of(&mut self, day: Day, second: u32) -> &[u8; 20] {
        if self.day != Some(day) {
            self.text[..10].copy_from_slice(&day.to_bytes());
            self.day = Some(day);
        }
        for (at, number) in [(11, second / 3600), (14, second / 60 % 60), (17, second % 60)] {
            let number = u8::try_from(number).unwrap_or(0);
            self.text[at] = b'0' + number / 10;
            self.text[at + 1] = b'0' + number % 10;
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everybody_comes_and_a_quarter_of_the_rows_repeat() {
        let world = World::new(2_000, 20, 400, Day::parse("2018-01-01").unwrap(), 0);
        let (mut rows, mut users, mut user_days) = (0_usize, BTreeSet::new(), BTreeSet::new());
        world.rows(|row| {
            rows += 1;
            users.insert(row.user);
            user_days.insert((row.user, row.app, row.day));
        });
        assert_eq!(users.len(), 2_000);
        assert!((32_000..48_000).contains(&rows), "{rows}");
        assert!((22..32).contains(&(100 - user_days.len() * 100 / rows)), "{} of {rows}", user_days.len());
    }

    #[test]
    fn a_seed_decides_everything() {
        let rows = |seed| {
            let mut rows = Vec::new();
            World::new(200, 20, 100, Day::parse("2018-01-01").unwrap(), seed).rows(|row| rows.push(row));
            rows
        };
        assert_eq!(rows(1), rows(1));
        assert_ne!(rows(1), rows(2));
    }

    #[test]
    fn names_and_times_are_text() {
        let names: BTreeSet<_> = (0..1_000).map(user_id).collect();
        assert_eq!(names.len(), 1_000);
        let mut text = TimeText::new();
        assert_eq!(text.of(Day::parse("2018-06-28").unwrap(), 86_399), b"2018-06-28T23:59:59Z");
        assert_eq!(text.of(Day::parse("2018-06-29").unwrap(), 3_661), b"2018-06-29T01:01:01Z");
    }
}
