use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use dauphin_engine::{Catalog, Engine, EngineOptions, Workspace};
use dauphin_store::{Embedded, Store};

/// Opens a data directory for work, in which profiles, calendars and rows may take `state_bytes_max` bytes of memory.
pub fn open(path: &Path, state_bytes_max: usize) -> anyhow::Result<Engine> {
    let store = Embedded::open(path).context("open the data directory")?;
    open_store(Box::new(store), path, state_bytes_max)
}

/// Restores what the store of a data directory holds, and goes to work.
pub fn open_store(store: Box<dyn Store>, path: &Path, state_bytes_max: usize) -> anyhow::Result<Engine> {
    let options = EngineOptions { state_bytes_max, ..EngineOptions::for_cores(cores()) };
    Engine::open(store, options).with_context(|| format!("read the data directory `{}`", path.display()))
}

/// Processors that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The workspace with this name, or the only one.
pub fn workspace(catalog: &Catalog, name: Option<&str>) -> anyhow::Result<Arc<Workspace>> {
    let names =
        || catalog.workspaces().iter().map(|workspace| workspace.name.as_str()).collect::<Vec<_>>().join("`, `");
    match (name, catalog.workspaces()) {
        (Some(name), _) => match catalog.workspace_named(name) {
            Some(workspace) => Ok(Arc::clone(workspace)),
            None => bail!("there is no workspace `{name}`; there is `{}`", names()),
        },
        (None, [only]) => Ok(Arc::clone(only)),
        (None, _) => bail!("say which workspace with --workspace: `{}`", names()),
    }
}
