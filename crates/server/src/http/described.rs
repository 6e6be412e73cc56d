//! The description of the interface is held against the table that requests go through.

use dauphin_api::openapi::{self, Access};
use http::Method;

use super::Endpoint;

/// Begin the paths that are described and not served yet.
const AWAITED: [&str; 9] =
    ["/users/", "/api/v3/", "/v1/", "/admin/", "/audit", "/metrics", "/kpi/uninstalls/", "/kpi/overlap/", "/sessions/"];

#[test]
fn what_is_described_is_what_is_served() {
    for operation in openapi::operations() {
        let path = operation.path;
        let Some(endpoint) = Endpoint::of_path(path) else {
            assert!(AWAITED.iter().any(|awaited| path.starts_with(awaited)), "{path} is not served");
            continue;
        };
        let method = Method::from_bytes(operation.method.name().as_bytes()).unwrap();
        assert!(endpoint.takes(&method), "{path} does not take {method}");
        if let Access::Key(permission) = operation.access {
            assert_eq!(endpoint.permission(), Some(permission), "{path}");
        }
    }
}
