//! The description of the interface is held against the table that requests go through.

use dauphin_api::openapi::{self, Access};
use http::Method;

use super::Endpoint;

#[test]
fn what_is_described_is_what_is_served() {
    for operation in openapi::operations() {
        let path = operation.path;
        let endpoint = Endpoint::of_path(path).unwrap_or_else(|| panic!("{path} is not served"));
        let method = Method::from_bytes(operation.method.name().as_bytes()).unwrap();
        assert!(endpoint.methods().contain(&method), "{path} does not take {method}");
        if let Access::Key(permission) = operation.access {
            let Endpoint::Keyed(route) = endpoint else { panic!("{path} needs no key") };
            assert_eq!(route.permission(), Some(permission), "{path}");
        }
    }
}
