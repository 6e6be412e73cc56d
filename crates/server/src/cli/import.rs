use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use dauphin_dialects::Columns;

use super::arguments::{ImportArguments, Place};
use super::{data, print_json};
use crate::clock;
use crate::import::{self, ImportOptions, Local, Remote, Target, expand};

pub fn run(arguments: &ImportArguments) -> anyhow::Result<ExitCode> {
    let mut columns = Columns::default();
    for mapping in &arguments.map {
        columns = columns.map(mapping)?;
    }
    let options = ImportOptions {
        files: expand(&arguments.files)?,
        columns,
        strict: arguments.strict,
        rejects: arguments.rejects.clone(),
        thread_count: data::cores(),
    };
    let target = open_target(arguments)?;
    let imported = import::run(&target, &options);
    if let Target::Local(local) = &target {
        if imported.is_ok() {
            local.engine.sweep().context("write the pages")?;
        }
        local.engine.close().context("close the data directory")?;
    }
    print_json(&imported?)?;
    Ok(ExitCode::SUCCESS)
}

fn open_target(arguments: &ImportArguments) -> anyhow::Result<Target> {
    let ImportArguments { target, memory, create_apps, .. } = arguments;
    let (workspace, create_apps) = (target.workspace.as_deref(), *create_apps);
    let path = match target.place() {
        Place::Url { url, key } => {
            return Ok(Target::Remote(Remote::connect(url, key, workspace, create_apps)?));
        }
        Place::Data(path) => path,
    };
    let engine = Arc::new(data::open(path, memory.state_bytes_max())?);
    let workspace = data::workspace(&engine.catalog(), workspace)?;
    Ok(Target::Local(Local::new(engine, workspace, create_apps, clock::now())))
}
