//! What is committed at the root is what the code describes.

use std::path::PathBuf;

use dauphin_api::openapi;

/// Compares a committed file with what the code makes, or writes it when told to.
fn check(name: &str, made: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    if std::env::var_os("REWRITE").is_some() {
        std::fs::write(&path, made).expect("the repository can be written to");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(made.lines()).position(|(committed, made)| committed != made);
    let line = differs.unwrap_or_else(|| committed.lines().count().min(made.lines().count())) + 1;
    assert!(
        committed == made,
        "`{name}` differs from what the code describes from line {line} on; rewrite it with\n\n    \
         REWRITE=1 cargo test -p dauphin-api --test openapi\n"
    );
}

#[test]
fn the_committed_openapi_is_what_the_code_describes() {
    check("openapi.json", &openapi::text());
}

#[test]
fn the_committed_postman_collection_is_what_the_code_describes() {
    check("postman_collection.json", &openapi::collection());
}
