//! Any bytes as a body of `/users/track`: read or refused, and never more said than was sent.
#![no_main]

use dauphin_dialects::read_users_track;
use dauphin_model::Zone;
use libfuzzer_sys::fuzz_target;

const ELEMENTS_MAX: usize = 75;

fuzz_target!(|body: &[u8]| {
    let Ok(track) = read_users_track(body, &Zone::utc(), ELEMENTS_MAX) else { return };
    let sent: usize = track.sent.iter().flatten().sum();
    assert!(sent <= ELEMENTS_MAX);
    assert!(track.refused.len() <= sent);
    assert!(track.said.len() <= 2 * sent);
});
