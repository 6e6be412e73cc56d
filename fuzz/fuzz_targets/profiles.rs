//! Any bytes as a body of each profile route: read or refused, and never more entries than a body may have.
#![no_main]

use dauphin_dialects::{ProfileRequest, read_profiles};
use libfuzzer_sys::fuzz_target;

const ENTRIES_MAX: usize = 50;

fuzz_target!(|body: &[u8]| {
    for request in [
        ProfileRequest::Delete,
        ProfileRequest::NewAliases,
        ProfileRequest::UpdateAliases,
        ProfileRequest::Identify,
        ProfileRequest::Merge,
        ProfileRequest::RenameIds,
        ProfileRequest::RemoveIds,
    ] {
        if let Ok(entries) = read_profiles(request, body) {
            assert!((1..=ENTRIES_MAX).contains(&entries.len()));
        }
    }
});
