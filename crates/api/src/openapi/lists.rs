use serde_json::{Value, json};

use super::access::Access;
use super::operation::{Group, Operation};
use super::refusals::Standing;
use super::schema::{Named, success};
use crate::ListRoute;

/// The lists that are always empty.
pub fn operations() -> Vec<Operation> {
    ListRoute::ALL
        .into_iter()
        .map(|route| {
            Operation::get(Group::Lists, route.path(), format!("list{route:?}"))
                .says(&format!("List {}", key(route)), "")
                .for_whom(Access::Key(route.permission()), Standing::Told)
                .answers_json(200, "None: this server has no such thing.", &schema_name(route), &body(route))
        })
        .collect()
}

/// Their answers.
pub fn schemas() -> Vec<Named> {
    let none = json!({"type": "array", "maxItems": 0});
    ListRoute::ALL
        .into_iter()
        .map(|route| (schema_name(route), success(&[(&*key(route), none.clone())], &[])))
        .collect()
}

fn schema_name(route: ListRoute) -> String {
    format!("{route:?}List")
}

fn body(route: ListRoute) -> Value {
    serde_json::from_str(route.body()).expect("the answer is JSON")
}

/// The member that holds the list.
fn key(route: ListRoute) -> String {
    let body = body(route);
    let mut keys = body.as_object().into_iter().flat_map(|members| members.keys());
    keys.find(|key| *key != "message").cloned().expect("the answer holds a list")
}
