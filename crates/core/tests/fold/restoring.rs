//! Pages and a log that tell of different moments, as a crash leaves them.

use dauphin_core::{Arrival, Change, Identities, IdentityChange, PAGE_PROFILES, RowChanges, Shard, Stamp, Track};
use dauphin_model::{ActiveDay, ProfileKey};

/// All of them in the first shard.
fn key(user: u64) -> ProfileKey {
    ProfileKey::from_u128(u128::from(user) + 1)
}

fn active(user: u64, day: u16) -> Change {
    Change::Active { profile: key(user), app: None, day: ActiveDay::from_code(day) }
}

fn fold(shard: &mut Shard, change: Change) {
    let stamp = Stamp { recorded: ActiveDay::from_code(9), arrival: Arrival::Sent };
    shard.apply_all(&[change], stamp, &mut RowChanges::new());
}

fn erase(shard: &mut Shard, user: u64) {
    let mut others: [Shard; 15] = std::array::from_fn(|_| Shard::default());
    let mut all = std::iter::once(shard).chain(&mut others);
    let mut identities = Identities::new(std::array::from_fn(|_| all.next().unwrap()));
    identities.apply(IdentityChange::Erase { profile: key(user) }, &mut RowChanges::new());
}

fn page(shard: &mut Shard, page: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    shard.write_page(page, &mut bytes);
    bytes
}

/// The active days of everybody, in order.
fn days(shard: &Shard) -> Vec<u16> {
    let mut days: Vec<u16> = shard
        .people()
        .flatten()
        .flat_map(|c| c.tracks().flat_map(Track::days).collect::<Vec<_>>())
        .map(ActiveDay::code)
        .collect();
    days.sort_unstable();
    days
}

/// Two pages of people, each active on day 1.
fn two_pages() -> (Shard, u64) {
    let mut shard = Shard::default();
    let last = u64::try_from(PAGE_PROFILES).unwrap();
    (0..=last).for_each(|user| fold(&mut shard, active(user, 1)));
    (shard, last)
}

#[test]
fn a_profile_that_moved_between_two_pages_is_read_from_the_later_one() {
    let (mut shard, last) = two_pages();
    // User 5 leaves the first page and comes back in the second, on the place of the last user.
    let first_before = page(&mut shard, 0);
    erase(&mut shard, 5);
    erase(&mut shard, last);
    fold(&mut shard, active(5, 7));
    let second_after = page(&mut shard, 1);
    let mut restored = Shard::default();
    restored.load_page(0, &first_before, 4).unwrap();
    restored.load_page(1, &second_after, 7).unwrap();
    restored.restored();
    let expected: Vec<u16> = std::iter::repeat_n(1, PAGE_PROFILES - 1).chain([7]).collect();
    assert_eq!((restored.profile_count(), days(&restored)), (PAGE_PROFILES, expected));
}

#[test]
fn a_profile_that_moved_back_between_two_pages_is_read_from_the_later_one() {
    let (mut shard, last) = two_pages();
    // The last user leaves the second page and comes back in the first, on the place of user 5.
    let second_before = page(&mut shard, 1);
    erase(&mut shard, last);
    erase(&mut shard, 5);
    fold(&mut shard, active(last, 7));
    let first_after = page(&mut shard, 0);
    let mut restored = Shard::default();
    restored.load_page(0, &first_after, 7).unwrap();
    restored.load_page(1, &second_before, 4).unwrap();
    restored.restored();
    let expected: Vec<u16> = std::iter::repeat_n(1, PAGE_PROFILES - 1).chain([7]).collect();
    assert_eq!((restored.profile_count(), days(&restored)), (PAGE_PROFILES, expected));
}

#[test]
fn what_left_and_came_back_is_there_once() {
    let mut shard = Shard::default();
    fold(&mut shard, active(5, 1));
    erase(&mut shard, 5);
    fold(&mut shard, active(5, 7));
    let bytes = page(&mut shard, 0);
    let restore = || {
        let mut restored = Shard::default();
        restored.load_page(0, &bytes, 3).unwrap();
        restored.replay(&active(5, 1), 1);
        restored.replay_left(key(5));
        restored.replay(&active(5, 7), 3);
        restored
    };
    let mut restored = restore();
    restored.restored();
    assert_eq!(days(&restored), [7]);
    let mut restored = restore();
    restored.replay_left(key(5));
    assert_eq!((restored.profile_count(), days(&restored)), (0, vec![]));
    restored.replay(&active(5, 8), 5);
    restored.restored();
    assert_eq!(days(&restored), [8]);
}

#[test]
fn what_happened_before_a_profile_was_forgotten_is_replayed_and_forgotten() {
    let mut shard = Shard::default();
    fold(&mut shard, active(6, 1));
    fold(&mut shard, active(5, 1));
    erase(&mut shard, 5);
    let bytes = page(&mut shard, 0);
    let mut restored = Shard::default();
    restored.load_page(0, &bytes, 3).unwrap();
    restored.replay(&active(6, 1), 1);
    restored.replay(&active(5, 1), 2);
    restored.replay_left(key(5));
    restored.restored();
    assert_eq!((restored.profile_count(), days(&restored)), (1, vec![1]));
    fold(&mut restored, active(7, 2));
    assert_eq!((restored.page_count(), days(&restored)), (1, vec![1, 2]));
}

#[test]
fn a_profile_twice_in_one_page_is_refused() {
    let mut shard = Shard::default();
    fold(&mut shard, active(5, 1));
    let mut bytes = page(&mut shard, 0);
    bytes[0] = 2;
    bytes.extend_from_within(1..);
    assert!(Shard::default().load_page(0, &bytes, 1).is_err());
}
