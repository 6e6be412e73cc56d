//! A made-up world to look at: people who sign up, come back or not, use one app or several, and sleep at night.

use dauphin_engine::Submission;
use dauphin_model::{ActiveDay, AppIndex, IdentityKind, IdentitySecret, ProfileKey};

/// Days of history.
pub const HISTORY_DAYS: u32 = 365;
/// The apps people use, in order of how many do.
pub const APPS: [(&str, &str); 3] = [("Web", "web"), ("iOS", "ios"), ("Android", "android")];

/// The same people and days every time: everything follows from a seed.
pub struct World {
    people: u32,
    secret: IdentitySecret,
}

/// How a person behaves, drawn once.
struct Person {
    /// Day of the first visit, counted from the start of the history; negative: long before.
    joined: i64,
    /// Chance to be active on a day soon after joining, in millionths.
    eagerness: u64,
    /// Days until the chance has halved.
    patience: i64,
    /// Weekend habit, in hundredths of a weekday's chance.
    weekend: u64,
    /// Bit n: uses app n.
    apps: u64,
}

impl World {
    pub const fn new(people: u32, secret: IdentitySecret) -> Self {
        Self { people, secret }
    }

    /// Adds everybody who is active on a day of the history (the last is `HISTORY_DAYS`: today), up to `until_hundredths`
    /// of the day.
    pub fn live_through(&self, number: u32, day: ActiveDay, until_hundredths: u64, submission: &mut Submission) {
        for id in 0..self.people {
            let person = Person::draw(id);
            let age = i64::from(number) - person.joined;
            let chance = person.chance(age, day);
            let luck = Luck::of(id, u64::from(number) + 1);
            if age < 0 || luck.draw(0, 1_000_000) >= chance || luck.draw(1, 100) >= until_hundredths {
                continue;
            }
            let used = (0..3).filter(|app| person.apps >> app & 1 == 1 && luck.draw(2 + app, 100) < 60);
            let main = u64::from(person.apps.trailing_zeros());
            for app in used.chain([main]) {
                submission.active(self.profile(id), AppIndex::new(u16::try_from(app).unwrap_or(0)), day);
            }
        }
    }

    /// Adds a few visits of today, the `tick`-th time: mostly people who come anyway, now and then somebody new.
    pub fn tick(&self, tick: u64, day: ActiveDay, submission: &mut Submission) {
        let luck = Luck::of(u32::MAX, tick);
        for visit in 0..luck.draw(0, 24) + 4 {
            let somebody = u32::try_from(luck.draw(visit * 3 + 1, u64::from(self.people))).unwrap_or(0);
            let newcomer = luck.draw(visit * 3 + 2, 100) < 4;
            let id = if newcomer { self.people + u32::try_from(tick * 32 + visit).unwrap_or(0) } else { somebody };
            let app = u16::try_from(luck.draw(visit * 3 + 3, 6) / 2).unwrap_or(0);
            submission.active(self.profile(id), AppIndex::new(app), day);
        }
    }

    fn profile(&self, id: u32) -> ProfileKey {
        ProfileKey::of(&self.secret, IdentityKind::ExternalId, &format!("person-{id}")).expect("a short name")
    }
}

impl Person {
    fn draw(id: u32) -> Self {
        let luck = Luck::of(id, 0);
        let days = i64::from(HISTORY_DAYS);
        // A third were there before; the others join over the year, later months bringing more.
        let joined = match luck.draw(0, 3) {
            0 => -luck.signed(1, 400),
            _ => luck.signed(1, 366).max(luck.signed(2, 366)).min(days),
        };
        let (eagerness, patience) = match luck.draw(3, 100) {
            0..45 => (120_000, 9),
            45..75 => (260_000, 60),
            75..93 => (480_000, 220),
            _ => (880_000, 900),
        };
        let weekend = [45, 80, 130][usize::try_from(luck.draw(4, 3)).unwrap_or(0)];
        let apps = match luck.draw(5, 100) {
            0..46 => 0b001,
            46..66 => 0b010,
            66..84 => 0b100,
            84..92 => 0b011,
            92..98 => 0b101,
            _ => 0b111,
        };
        Self { joined, eagerness, patience, weekend, apps }
    }

    /// In millionths. The first day is certain; then interest fades, to a rest that never quite goes.
    fn chance(&self, age: i64, day: ActiveDay) -> u64 {
        if age == 0 {
            return 1_000_000;
        }
        let fading = self.patience * 1000 / (self.patience + age.max(0));
        let faded = self.eagerness * u64::try_from(fading).unwrap_or(0) / 1000 + self.eagerness / 60;
        // 1970-01-01 was a Thursday.
        let is_weekend = (day.day().number() + 3).rem_euclid(7) >= 5;
        if is_weekend { faded * self.weekend / 100 } else { faded }
    }
}

/// Numbers that look random and follow from two others (`SplitMix64`).
#[derive(Clone, Copy)]
struct Luck(u64);

impl Luck {
    fn of(id: u32, day: u64) -> Self {
        Self(mix(u64::from(id) << 32 ^ day.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// The `nth` number, below `below`.
    fn draw(self, nth: u64, below: u64) -> u64 {
        mix(self.0 ^ nth.wrapping_mul(0xd1b5_4a32_d192_ed03)) % below
    }

    fn signed(self, nth: u64, below: u64) -> i64 {
        i64::try_from(self.draw(nth, below)).unwrap_or(0)
    }
}

pub const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
