//! Any bytes as a body of Braze's SDK: read or refused, and what each event says comes in the order of the events.
#![no_main]

use dauphin_dialects::SdkBody;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(body) = SdkBody::parse(body) else { return };
    let mut index_last = 0;
    let said = body.messages("app", &mut |index, _| {
        assert!(index >= index_last);
        index_last = index;
    });
    said.expect("an array that was read once can be read again");
});
