//! Files in object stores, by URL: `s3://BUCKET/KEY`, `gs://BUCKET/KEY`, `az://CONTAINER/KEY`.
//!
//! Credentials and endpoints come from the environment as these stores' own tools name them (`AWS_…`, `GOOGLE_…`,
//! `AZURE_…`). Whatever the size of a file, a bounded part of it is in memory.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use bytes::Bytes;
use dauphin_dialects::ReadAt;
use futures_util::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::object_client::Connector;

/// Bytes of one request when a file is read from its beginning to its end. The next part is asked for meanwhile.
const STREAM_BYTES: u64 = 8 << 20;
/// Bytes of one request when parts of a file are read, and how many such parts are kept: three columns of a few row
/// groups are read side by side.
const PART_BYTES: u64 = 2 << 20;
const PARTS_KEPT: usize = 24;

/// Most files that one pattern may name.
const FILES_MAX: usize = 1_000_000;

/// A file in an object store, as it was when it was found: a file that has changed since is not read.
pub struct ObjectFile {
    store: Arc<dyn ObjectStore>,
    runtime: Arc<Runtime>,
    meta: ObjectMeta,
    url: String,
    parts: Mutex<VecDeque<(u64, Bytes)>>,
}

/// Whether a text is the URL of a file in an object store.
pub fn is_object_url(text: &str) -> bool {
    ["s3://", "gs://", "az://"].iter().any(|scheme| text.starts_with(scheme))
}

/// Every file that a URL names; its path may be a pattern, as those of files may.
pub fn expand(url: &str) -> anyhow::Result<Vec<Arc<ObjectFile>>> {
    let (scheme, rest) = url.split_once("://").context("the URL has no scheme")?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() || key.is_empty() {
        bail!("`{url}` names no file; write it like `{scheme}://BUCKET/KEY`");
    }
    let store = open(scheme, bucket).with_context(|| format!("open `{scheme}://{bucket}`"))?;
    let mut building = tokio::runtime::Builder::new_multi_thread();
    let runtime =
        Arc::new(building.worker_threads(1).enable_time().build().context("start the object store's thread")?);
    let found = runtime.block_on(find(&*store, key)).with_context(|| format!("look for `{url}`"))?;
    let file = |meta: ObjectMeta| {
        let url = format!("{scheme}://{bucket}/{}", meta.location);
        let (store, runtime) = (Arc::clone(&store), Arc::clone(&runtime));
        Arc::new(ObjectFile { store, runtime, meta, url, parts: Mutex::default() })
    };
    Ok(found.into_iter().map(file).collect())
}

fn open(scheme: &str, bucket: &str) -> object_store::Result<Arc<dyn ObjectStore>> {
    Ok(match scheme {
        "s3" => {
            let builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
            Arc::new(builder.with_http_connector(Connector).build()?)
        }
        "gs" => {
            let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
            Arc::new(builder.with_http_connector(Connector).build()?)
        }
        _ => {
            let builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket);
            Arc::new(builder.with_http_connector(Connector).build()?)
        }
    })
}

async fn find(store: &dyn ObjectStore, key: &str) -> anyhow::Result<Vec<ObjectMeta>> {
    let Some(first) = key.find(['*', '?', '[']) else {
        return Ok(vec![store.head(&Path::parse(key)?).await?]);
    };
    let pattern = glob::Pattern::new(key).context("it is no pattern of file names")?;
    let options = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
    let folder = key[..first].rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut listed = store.list(Some(&Path::parse(folder)?));
    let mut found = Vec::new();
    while let Some(meta) = listed.try_next().await? {
        if pattern.matches_with(meta.location.as_ref(), options) {
            found.push(meta);
        }
        if found.len() > FILES_MAX {
            bail!("it names more than {FILES_MAX} files");
        }
    }
    found.sort_unstable_by(|one, other| one.location.cmp(&other.location));
    Ok(found)
}

impl ObjectFile {
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn byte_count(&self) -> u64 {
        self.meta.size
    }

    /// What changes when the file does.
    pub fn version(&self) -> String {
        let ObjectMeta { size, e_tag, last_modified, .. } = &self.meta;
        format!("{size}\0{}\0{}", e_tag.as_deref().unwrap_or_default(), last_modified.timestamp_millis())
    }

    /// The file from its beginning to its end.
    pub fn stream(self: &Arc<Self>) -> ObjectStream {
        ObjectStream { file: Arc::clone(self), offset: 0, chunk: Bytes::new(), next: None }
    }

    fn fetch(&self, range: Range<u64>) -> JoinHandle<io::Result<Bytes>> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: self.meta.e_tag.clone(),
            ..GetOptions::default()
        };
        let (store, location) = (Arc::clone(&self.store), self.meta.location.clone());
        self.runtime.spawn(async move {
            let bytes = store.get_opts(&location, options).await?.bytes().await?;
            if bytes.len() as u64 == range.end - range.start {
                Ok(bytes)
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        })
    }

    fn wait(&self, fetched: JoinHandle<io::Result<Bytes>>) -> io::Result<Bytes> {
        self.runtime.block_on(fetched).map_err(io::Error::other)?
    }

    /// The part of the file that lies at `index` parts from its beginning.
    fn part(&self, index: u64) -> io::Result<Bytes> {
        // Whoever panicked with the lock held left whole parts.
        let parts = || self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, part)) = parts().iter().find(|(other, _)| *other == index) {
            return Ok(part.clone());
        }
        let start = index * PART_BYTES;
        let part = self.wait(self.fetch(start..self.meta.size.min(start + PART_BYTES)))?;
        let mut parts = parts();
        if parts.len() == PARTS_KEPT {
            parts.pop_front();
        }
        parts.push_back((index, part.clone()));
        Ok(part)
    }
}

impl ReadAt for ObjectFile {
    fn byte_count(&self) -> u64 {
        self.meta.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if offset >= self.meta.size {
            return Ok(0);
        }
        let part = self.part(offset / PART_BYTES)?;
        let start = usize::try_from(offset % PART_BYTES).map_err(io::Error::other)?;
        part.get(start..).unwrap_or_default().read(buffer)
    }
}

/// See [`ObjectFile::stream`].
pub struct ObjectStream {
    file: Arc<ObjectFile>,
    offset: u64,
    chunk: Bytes,
    next: Option<JoinHandle<io::Result<Bytes>>>,
}

impl ObjectStream {
    fn ask(&mut self) -> Option<JoinHandle<io::Result<Bytes>>> {
        let end = self.file.meta.size.min(self.offset + STREAM_BYTES);
        let range = self.offset..end;
        self.offset = end;
        (!range.is_empty()).then(|| self.file.fetch(range))
    }
}

impl Read for ObjectStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() {
            let Some(asked) = self.next.take().or_else(|| self.ask()) else { return Ok(0) };
            self.next = self.ask();
            self.chunk = self.file.wait(asked)?;
        }
        let count = self.chunk.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.chunk.split_to(count));
        Ok(count)
    }
}
