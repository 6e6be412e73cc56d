use serde_json::{Value, json};

use super::access::Access;
use super::operation::{Group, Operation};
use super::refusals::Standing;
use super::schema::{Named, count, list, object, open_object, reference, success, words};
use super::users::{alias_part, errors, external_id, identifier, identifiers, of_person};

/// Most entries of one request.
const ENTRIES_MAX: usize = 50;

/// What can be done to profiles.
pub fn operations() -> Vec<Operation> {
    let alias = json!({"alias_name": "ada-on-the-web", "alias_label": "web"});
    let new_alias = json!({"external_id": "ada", "alias_name": "ada-on-the-web", "alias_label": "web"});
    let renamed = json!({"alias_label": "web", "old_alias_name": "ada-on-the-web", "new_alias_name": "ada"});
    let merged =
        json!({"identifier_to_merge": {"external_id": "ada-old"}, "identifier_to_keep": {"external_id": "ada"}});
    let rename = json!({"current_external_id": "ada-old", "new_external_id": "ada"});
    let processed = json!({"aliases_processed": 1, "message": "success"});
    vec![
        profile("/users/delete", "users.delete", "deleteUsers")
            .says(
                "Delete users",
                "By identifiers of one kind. The people are counted no more, on any day: counts of the past fall.",
            )
            .reads_json("UsersDelete", &json!({"external_ids": ["ada"]}))
            .answers_json(201, "Deleted.", "UsersDeleted", &json!({"deleted": 1, "message": "success"}))
            .refuses_with("ElementsRefused"),
        profile("/users/alias/new", "users.alias.new", "newAliases")
            .says("Add aliases", "An alias with an `external_id` is that user's from now on, its past included.")
            .reads_json("AliasesNew", &json!({"user_aliases": [new_alias]}))
            .answers_json(201, "Added.", "AliasesProcessed", &processed)
            .refuses_with("ElementsRefused"),
        profile("/users/alias/update", "users.alias.update", "updateAliases")
            .says("Rename aliases", "The new name is the user's, the old one nobody's.")
            .reads_json("AliasesUpdate", &json!({"alias_updates": [renamed]}))
            .answers_json(201, "Renamed.", "AliasesProcessed", &processed)
            .refuses_with("ElementsRefused"),
        profile("/users/identify", "users.identify", "identifyUsers")
            .says(
                "Identify users",
                "Who was known by an alias, an email address or a phone number is the user of that id: one person, \
                 past included.",
            )
            .reads_json(
                "UsersIdentify",
                &json!({"aliases_to_identify": [{"external_id": "ada", "user_alias": alias}], "merge_behavior": "merge"}),
            )
            .answers_json(201, "Identified.", "AliasesProcessed", &processed)
            .refuses_with("ElementsRefused"),
        profile("/users/merge", "users.merge", "mergeUsers")
            .says("Merge users", "Two profiles are one person from now on, past included. One wrong entry, and none is merged.")
            .reads_json("UsersMerge", &json!({"merge_updates": [merged]}))
            .answers_json(202, "Merged.", "Success", &json!({"message": "success"})),
        profile("/users/external_ids/rename", "users.external_ids.rename", "renameExternalIds")
            .says("Rename external ids", "The old id stays a second name of the user until it is removed.")
            .reads_json("ExternalIdsRename", &json!({"external_id_renames": [rename]}))
            .answers_json(
                201,
                "Renamed, but for those in `rename_errors`.",
                "ExternalIdsRenamed",
                &json!({"external_ids": [rename], "rename_errors": [], "message": "success"}),
            ),
        profile("/users/external_ids/remove", "users.external_ids.remove", "removeExternalIds")
            .says("Remove renamed external ids", "Only a name that a rename put out of use can be removed.")
            .reads_json("ExternalIdsRemove", &json!({"external_ids": ["ada-old"]}))
            .answers_json(
                201,
                "Removed, but for those in `removal_errors`.",
                "ExternalIdsRemoved",
                &json!({"removed_ids": ["ada-old"], "removal_errors": [], "message": "success"}),
            ),
    ]
}

fn profile(path: &'static str, permission: &'static str, id: &str) -> Operation {
    Operation::post(Group::Users, path, id).for_whom(Access::Key(permission), Standing::Told)
}

/// What is sent and answered.
pub fn schemas() -> Vec<Named> {
    let texts = || list(&json!({"type": "string"}), ENTRIES_MAX);
    let named = |name: &str, schema: Value| (name.to_owned(), schema);
    let only = |list: &'static str, entry: &Value| open_object(&[(list, entries(entry))], &[]);
    let renames = list(&reference("ExternalIdRename"), ENTRIES_MAX);
    let errors = || [("errors", errors())];
    vec![
        named("Success", success(&[], &[])),
        named("UsersDelete", delete()),
        named("UsersDeleted", success(&[("deleted", count())], &errors())),
        named("AliasesNew", only("user_aliases", &new_alias())),
        named("AliasesUpdate", only("alias_updates", &alias_update())),
        named("AliasesProcessed", success(&[("aliases_processed", count())], &errors())),
        named("UsersIdentify", identify()),
        named("UsersMerge", only("merge_updates", &merge())),
        named("ProfileIdentifier", profile_identifier()),
        named("ExternalIdRename", rename()),
        named("ExternalIdsRename", only("external_id_renames", &reference("ExternalIdRename"))),
        named("ExternalIdsRenamed", success(&[("external_ids", renames), ("rename_errors", texts())], &[])),
        named("ExternalIdsRemove", only("external_ids", &external_id())),
        named("ExternalIdsRemoved", success(&[("removed_ids", texts()), ("removal_errors", texts())], &[])),
    ]
}

fn entries(of: &Value) -> Value {
    let mut entries = list(of, ENTRIES_MAX);
    entries["minItems"] = json!(1);
    entries
}

/// An identifier as it is, or with what to do when several profiles have it.
fn contact(name: &'static str, of: &str) -> Value {
    let chosen = open_object(&[(name, identifier(of))], &[("prioritization", reference("Prioritization"))]);
    json!({"oneOf": [identifier(of), chosen]})
}

fn delete() -> Value {
    let lists = [
        ("external_ids", entries(&external_id())),
        ("user_aliases", entries(&reference("UserAlias"))),
        ("braze_ids", entries(&identifier("5f0c7b1d2e3a4b5c6d7e8f90"))),
        ("email_addresses", entries(&contact("email", "ada@example.com"))),
        ("phone_numbers", entries(&contact("phone", "+15555550100"))),
    ];
    let mut schema = open_object(&[], &lists);
    schema["oneOf"] = lists.iter().map(|(name, _)| json!({"required": [name]})).collect();
    schema
}

fn new_alias() -> Value {
    let alias = [("alias_name", alias_part("ada-on-the-web")), ("alias_label", alias_part("web"))];
    open_object(&alias, &[("external_id", external_id())])
}

fn alias_update() -> Value {
    let members = [("alias_label", "web"), ("old_alias_name", "ada-on-the-web"), ("new_alias_name", "ada")];
    open_object(&members.map(|(name, of)| (name, alias_part(of))), &[])
}

fn identify() -> Value {
    let to_identify = |name: &'static str, schema: Value, optional: &[(&str, Value)]| {
        entries(&open_object(&[("external_id", external_id()), (name, schema)], optional))
    };
    let priority = [("prioritization", reference("Prioritization"))];
    let lists = [
        ("aliases_to_identify", to_identify("user_alias", reference("UserAlias"), &[])),
        ("emails_to_identify", to_identify("email", identifier("ada@example.com"), &priority)),
        ("phone_numbers_to_identify", to_identify("phone", identifier("+15555550100"), &priority)),
    ];
    let behavior = ("merge_behavior", words(&["none", "merge"]));
    let mut schema = open_object(&[], &[&lists[..], &[behavior]].concat());
    schema["anyOf"] = lists.iter().map(|(name, _)| json!({"required": [name]})).collect();
    schema
}

fn profile_identifier() -> Value {
    let identifiers: Vec<_> = identifiers().into_iter().filter(|(name, _)| *name != "braze_id").collect();
    let names: Vec<_> = identifiers.iter().map(|(name, _)| *name).collect();
    let priority = ("prioritization", reference("Prioritization"));
    of_person(open_object(&[], &[&identifiers[..], &[priority]].concat()), &names)
}

fn merge() -> Value {
    let one = || reference("ProfileIdentifier");
    object(&[("identifier_to_merge", one()), ("identifier_to_keep", one())], &[])
}

fn rename() -> Value {
    object(&[("current_external_id", external_id()), ("new_external_id", external_id())], &[])
}
