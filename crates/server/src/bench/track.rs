use dauphin_model::Day;

use super::ingest::post;
use super::stand::Stand;
use super::world::{APPS, TimeText, World, user_id};

/// Elements of one body.
pub const ELEMENTS: usize = 75;

/// A body of events as Braze's clients write them.
pub fn request(stand: &Stand, day: Day, users: &[u32]) -> Vec<u8> {
    let mut body = b"{\"events\":[".to_vec();
    let mut time = TimeText::new();
    for (user, second) in users.iter().zip(0..) {
        if second > 0 {
            body.push(b',');
        }
        let app = APPS[usize::from(World::app(*user))].as_bytes();
        let user_id = user_id(*user);
        for part in [
            &b"{\"external_id\":\""[..],
            &user_id,
            b"\",\"app_id\":\"",
            app,
            b"\",\"name\":\"opened_page\",\"time\":\"",
            time.of(day, second),
            b"\",\"properties\":{\"page\":\"start\",\"position\":3}}",
        ] {
            body.extend_from_slice(part);
        }
    }
    body.extend_from_slice(b"]}");
    post(stand, "/users/track", "application/json", &body)
}
