use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use dauphin_engine::{App, CatalogEdit, Engine, EngineOptions, Workspace};
use dauphin_model::{AppId, IdentitySecret, WorkspaceIndex, Zone};
use dauphin_store::{Embedded, Store};

use super::world::APPS;
use crate::keys;

/// An open data directory with one workspace, to be measured.
pub struct Stand {
    pub path: PathBuf,
    pub engine: Arc<Engine>,
    pub workspace: Arc<Workspace>,
    pub api_key: String,
}

const WORKSPACE: WorkspaceIndex = WorkspaceIndex(0);

impl Stand {
    /// Makes a data directory whose workspace has every app, and a key that no limit stops.
    pub fn create(path: &Path, thread_count: usize) -> anyhow::Result<Self> {
        Self::with_apps(path, thread_count, &APPS)
    }

    /// As [`Stand::create`], with these apps.
    pub fn with_apps(path: &Path, thread_count: usize, ids: &[impl AsRef<str>]) -> anyhow::Result<Self> {
        let add_workspace = CatalogEdit::AddWorkspace {
            name: "bench".to_owned(),
            zone: Zone::utc(),
            rate_limit_per_hour: u32::MAX,
            api_key_in_query: false,
        };
        let (api_key, key) = keys::new_api_key("bench")?;
        let mut edits = vec![add_workspace, CatalogEdit::AddKey { workspace: WORKSPACE, key }];
        for id in ids.iter().map(AsRef::as_ref) {
            let app = App { id: AppId::new(id)?, name: id.to_owned(), write_key: keys::random_text::<16>()? };
            edits.push(CatalogEdit::AddApp { workspace: WORKSPACE, app });
        }
        let mut store: Box<dyn Store> = Box::new(Embedded::create(path).context("make a data directory")?);
        Engine::initialise(store.as_mut(), &IdentitySecret::new([7; 16]), &edits)
            .context("write the data directory")?;
        let engine = Arc::new(Engine::open(store, EngineOptions::for_cores(thread_count))?);
        let workspace = Arc::clone(engine.catalog().workspace(WORKSPACE).context("find the workspace")?);
        Ok(Self { path: path.to_owned(), engine, workspace, api_key })
    }

    /// Opens it again, after [`Stand::close`].
    pub fn reopen(self, thread_count: usize) -> anyhow::Result<Self> {
        Ok(Self { engine: Arc::new(open(&self.path, thread_count)?), ..self })
    }

    pub fn close(&self) -> anyhow::Result<()> {
        self.engine.close().context("close the data directory")
    }

    /// Closes it and removes its files.
    pub fn remove(self) -> anyhow::Result<()> {
        self.close()?;
        fs::remove_dir_all(&self.path).with_context(|| format!("remove `{}`", self.path.display()))
    }

    /// Bytes on disk.
    pub fn byte_count(&self) -> anyhow::Result<u64> {
        let mut bytes = 0;
        for entry in fs::read_dir(&self.path)? {
            bytes += entry?.metadata()?.len();
        }
        Ok(bytes)
    }

    /// Copies the files as they are, as a crash would leave them.
    pub fn copy_to(&self, path: &Path) -> anyhow::Result<()> {
        fs::create_dir(path)?;
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            fs::copy(entry.path(), path.join(entry.file_name()))?;
        }
        Ok(())
    }
}

/// Opens a data directory.
pub fn open(path: &Path, thread_count: usize) -> anyhow::Result<Engine> {
    let store = Embedded::open(path).context("open the data directory")?;
    Ok(Engine::open(Box::new(store), EngineOptions::for_cores(thread_count))?)
}
