//! Any bytes as a body of each of Segment's calls: read or refused, and what each message says comes in the order of the
//! messages.
#![no_main]

use dauphin_dialects::{SegmentBody, SegmentCall, SegmentContext};
use dauphin_model::{Instant, Zone};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let zone = Zone::utc();
    let arrival = Instant::new(1_530_187_200, 0).expect("a time of this century");
    let context = SegmentContext { app_id: "app", arrival, zone: &zone };
    for name in ["batch", "identify", "track", "page", "screen", "group", "alias"] {
        let call = SegmentCall::of_path(name).expect("a call of the contract");
        let Ok(body) = SegmentBody::parse(call, body) else { continue };
        let mut index_last = 0;
        let said = body.messages(&context, &mut |index, _| {
            assert!(index >= index_last);
            index_last = index;
        });
        said.expect("an array that was read once can be read again");
    }
});
