use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context;
use dauphin_engine::{Inspection, WorkspaceInspection};
use dauphin_store::Embedded;

use super::arguments::InspectArguments;
use super::{data, print, print_json};

/// Shows what a data directory holds, and changes nothing.
pub fn run(arguments: &InspectArguments) -> anyhow::Result<ExitCode> {
    let path = &arguments.data;
    let store = Embedded::open_read_only(path).context("open the data directory")?;
    let inspection = Inspection::of(&store, data::cores(), arguments.memory.state_bytes_max())
        .with_context(|| format!("read the data directory `{}`", path.display()))?;
    if arguments.json {
        print_json(&json(&inspection))?;
    } else {
        print(text(&inspection).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn json(inspection: &Inspection) -> serde_json::Value {
    let workspace = |of: &WorkspaceInspection| {
        let rows: serde_json::Map<_, _> =
            of.rows.iter().map(|(measure, count)| ((*measure).to_owned(), (*count).into())).collect();
        let workspace = &of.workspace;
        serde_json::json!({
            "workspace": workspace.name,
            "zone": workspace.zone.name(),
            "apps": workspace.apps().iter().map(|app| serde_json::json!({
                "name": app.name, "app_id": app.id.as_str(),
            })).collect::<Vec<_>>(),
            "keys": workspace.keys().iter().map(|key| serde_json::json!({
                "name": key.name, "permissions": key.permissions, "allowed_addresses": key.allowed_addresses,
                "revoked": key.revoked,
            })).collect::<Vec<_>>(),
            "profiles": of.profile_count,
            "first_day": of.days.map(|(first, _)| first.to_string()),
            "last_day": of.days.map(|(_, last)| last.to_string()),
            "rows": rows,
        })
    };
    serde_json::json!({
        "workspaces": inspection.workspaces.iter().map(workspace).collect::<Vec<_>>(),
        "log_records": inspection.log_record_count,
        "log_bytes": inspection.log_byte_count,
        "tables": inspection.tables.iter().map(|table| serde_json::json!({
            "name": table.name, "records": table.record_count, "bytes": table.byte_count,
        })).collect::<Vec<_>>(),
        "file_bytes": inspection.file_byte_count,
    })
}

fn text(inspection: &Inspection) -> String {
    let mut text = String::new();
    for of in &inspection.workspaces {
        let workspace = &of.workspace;
        line(&mut text, &format!("workspace {}, days cut in {}", workspace.name, workspace.zone.name()));
        for app in workspace.apps() {
            line(&mut text, &format!("  app {} = {}", app.name, app.id.as_str()));
        }
        for key in workspace.keys() {
            let from = match key.allowed_addresses.as_slice() {
                [] => String::new(),
                addresses => format!(" from {}", addresses.join(", ")),
            };
            let revoked = if key.revoked { ", revoked" } else { "" };
            line(&mut text, &format!("  key {}: {}{from}{revoked}", key.name, key.permissions.join(", ")));
        }
        line(&mut text, &format!("  profiles {}", of.profile_count));
        match of.days {
            Some((first, last)) => line(&mut text, &format!("  activity from {first} to {last}")),
            None => line(&mut text, "  no activity"),
        }
        for (measure, count) in &of.rows {
            line(&mut text, &format!("  rows of {measure}: {count}"));
        }
    }
    let (count, bytes) = (inspection.log_record_count, inspection.log_byte_count);
    line(&mut text, &format!("log: {count} records, {bytes} bytes"));
    for table in &inspection.tables {
        line(&mut text, &format!("table {}: {} records, {} bytes", table.name, table.record_count, table.byte_count));
    }
    line(&mut text, &format!("file: {} bytes", inspection.file_byte_count));
    text
}

fn line(text: &mut String, content: &str) {
    writeln!(text, "{content}").expect("writing to memory does not fail");
}
