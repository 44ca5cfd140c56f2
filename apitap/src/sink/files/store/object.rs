//! A table in an object store: Amazon S3, Google Cloud Storage, Azure Blob Storage.
//!
//! A staged file is a multipart upload that is not completed: no reader finds it, and completing it
//! shows it as a whole. The log names the upload, so that whoever comes next can complete it. A commit is
//! an object that is created only where there is none of that name, which one of several can do.
//!
//! ```text
//! s3://bucket/folder/orders/_apitap/staged/SESSION/alive     written again and again: `lease`
//! s3://bucket/folder/orders/_apitap/staged/SESSION/0001      the upload of the session's first file
//! s3://bucket/folder/orders/_apitap/staged/SESSION/dead      it is being taken away: `leftovers`
//! s3://bucket/folder/orders/_apitap/runs/PIPELINE/0001       the last run of a pipeline: `claim`
//! ```

mod answer;
mod claim;
mod connect;
mod lease;
mod leftovers;
mod upload;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectMeta, ObjectStoreExt as _, PutMode};
use serde::{Deserialize, Serialize};
use tokio::task::AbortHandle;

use super::{Added, Leftovers, OWN, Published, Staged, Store, Upload, is_ours, session_name};
use crate::sink::files::bucket::Bucket;
use crate::sink::sql::Holder;
use crate::{Error, Result};
use answer::{failed, is_gone, is_unknown};
use connect::Objects;
use lease::{BEAT, Lease};
use upload::PartUpload;

/// The object that a session writes while it lives.
const ALIVE: &str = "alive";
/// The object by which others say that they have given a session up.
const DEAD: &str = "dead";

/// The folder of a table, and this session's own in it.
pub(in crate::sink::files) struct Object {
    inner: Arc<Inner>,
    file_size: u64,
    beat: AbortHandle,
}

/// What uploads and the session share.
struct Inner {
    client: Arc<dyn Objects>,
    /// `s3://bucket`.
    url: String,
    /// The table's folder in it.
    table: String,
    log: &'static str,
    session: String,
    /// The uploads that are not known to be published, by their numbers.
    marks: Mutex<BTreeMap<u32, Mark>>,
    /// Whether a commit may name them that is not known to be published.
    unclear: AtomicBool,
    ended: AtomicBool,
    lease: Option<Lease>,
}

/// An upload that a session has begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Mark {
    /// The file that it becomes.
    file: String,
    upload: String,
}

/// An object in a folder.
struct Listed {
    /// Below that folder.
    name: String,
    at: DateTime<Utc>,
}

impl Object {
    /// Begins a session, and finds out whether one can write there and whether the store keeps what
    /// commits need of it.
    ///
    /// # Errors
    /// It cannot be reached or written, or overwrites what is to be created.
    pub(in crate::sink::files) async fn begin(
        bucket: &Bucket,
        table: &str,
        log: &'static str,
        file_size: u64,
    ) -> Result<Self> {
        bucket.check()?;
        let session = session_name();
        let slash = if bucket.folder.is_empty() { "" } else { "/" };
        let inner = Arc::new(Inner {
            client: connect::connect(bucket)?,
            url: bucket.url.clone(),
            table: format!("{}{slash}{table}", bucket.folder),
            log,
            marks: Mutex::default(),
            unclear: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            lease: Lease::take(&session),
            session,
        });
        let beat = tokio::spawn(beat(inner.clone())).abort_handle();
        let begun = Self { inner, file_size, beat };
        match begun.inner.begin().await {
            Ok(()) => Ok(begun),
            Err(error) => {
                begun.inner.forget();
                Err(error)
            }
        }
    }
}

/// Says every now and then that the session is alive.
async fn beat(inner: Arc<Inner>) {
    loop {
        tokio::time::sleep(BEAT).await;
        if let Err(error) = inner.write(&inner.session, ALIVE, Vec::new()).await {
            // Whoever takes it for dead marks it, and it finds that out.
            tracing::debug!("{error}");
        }
    }
}

impl Inner {
    /// Creates the object that says that the session is alive, and tries to do so again.
    async fn begin(&self) -> Result<()> {
        let alive = self.own(&self.session, ALIVE)?;
        let at = self.shown(&alive);
        for created in [true, false] {
            let put = self.client.put_opts(&alive, Vec::new().into(), PutMode::Create.into());
            match (put.await, created) {
                // Nobody else has that name: at the first time it is ours, whose answer was lost.
                (Ok(_), true) | (Err(StoreError::AlreadyExists { .. }), _) => {}
                (Ok(_), false) => {
                    // Whether that goes well says nothing of what is wrong.
                    let removed = self.remove(vec![alive]).await;
                    tracing::debug!("took back what proved it: {removed:?}");
                    return Err(self.unconditional());
                }
                (Err(error), _) if is_unknown(&error) => return Err(self.unconditional()),
                (Err(error), _) => return Err(failed("write", &at, &error)),
            }
        }
        Ok(())
    }

    fn unconditional(&self) -> Error {
        Error::target(format!(
            "the server of `{}` does not honour `If-None-Match: *`: two runs at once could overwrite \
             each other's commits",
            self.url
        ))
        .help("use a newer version of the server, or another one")
    }

    /// Where something is below the table's folder.
    fn path(&self, below: &str) -> Result<Path> {
        let path = format!("{}/{below}", self.table);
        Path::parse(&path).map_err(|cause| {
            Error::config(format!("`{}/{path}` is not the name of an object: {cause}", self.url))
                .help("correct `path`: it has empty parts, `.` or `..` in it")
        })
    }

    /// Where something of a session is.
    fn own(&self, session: &str, name: &str) -> Result<Path> {
        self.path(&format!("{OWN}/staged/{session}/{name}"))
    }

    /// A place as people write it.
    fn shown(&self, path: &Path) -> String {
        format!("{}/{path}", self.url)
    }

    /// What is below a folder of the table, at any depth.
    async fn list(&self, folder: &str) -> Result<Vec<(String, ObjectMeta)>> {
        let folder = self.path(folder)?;
        let found: Vec<_> = self
            .client
            .list(Some(&folder))
            .try_collect()
            .await
            .map_err(|error| failed("list", &self.shown(&folder), &error))?;
        let below = |object: ObjectMeta| {
            let name = object.location.as_ref().strip_prefix(folder.as_ref())?;
            Some((name.trim_start_matches('/').to_owned(), object))
        };
        Ok(found.into_iter().filter_map(below).collect())
    }

    /// What sessions have in the store, or one of them.
    async fn staged(&self, session: &str) -> Result<Vec<Listed>> {
        let found = self.list(&format!("{OWN}/staged/{session}")).await?;
        Ok(found
            .into_iter()
            .map(|(name, object)| Listed { name, at: object.last_modified })
            .collect())
    }

    /// What an object holds; `None` where there is none.
    async fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        let read = |error: StoreError| failed("read", &self.shown(path), &error);
        let found = match self.client.get(path).await {
            Ok(found) => found,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(read(error)),
        };
        Ok(Some(found.bytes().await.map_err(read)?.into()))
    }

    /// Creates an object; `false` where there is one of that name already.
    async fn create(&self, what: &str, path: &Path, bytes: Vec<u8>) -> Result<bool> {
        let put = self.client.put_opts(path, bytes.clone().into(), PutMode::Create.into());
        let error = match put.await {
            Ok(_) => return Ok(true),
            Err(error) => error,
        };
        // It may be ours all the same: where only the answer was lost.
        let exists = matches!(error, StoreError::AlreadyExists { .. });
        match self.read(path).await {
            Ok(Some(there)) if there == bytes => Ok(true),
            Ok(there) if exists || there.is_some() => Ok(false),
            _ => Err(failed(what, &self.shown(path), &error)),
        }
    }

    /// What an object holds, in a file without a name.
    #[cfg(feature = "delta")]
    async fn download(&self, path: &Path) -> Result<Option<std::fs::File>> {
        use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};

        let read = |error: StoreError| failed("read", &self.shown(path), &error);
        let mut bytes = match self.client.get(path).await {
            Ok(found) => found.into_stream(),
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(read(error)),
        };
        let write = |cause: std::io::Error| {
            Error::target(format!("`{}` has no place here: {cause}", self.shown(path)))
                .help("make room in the folder of temporary files, or name another one: `TMPDIR`")
                .caused_by(cause)
        };
        let mut file = tokio::fs::File::from_std(tempfile::tempfile().map_err(write)?);
        while let Some(some) = bytes.next().await {
            file.write_all(&some.map_err(read)?).await.map_err(write)?;
        }
        file.flush().await.map_err(write)?;
        file.rewind().await.map_err(write)?;
        Ok(Some(file.into_std().await))
    }

    /// Writes an object of a session.
    async fn write(&self, session: &str, name: &str, bytes: Vec<u8>) -> Result<()> {
        let path = self.own(session, name)?;
        let written = self.client.put(&path, bytes.into()).await;
        written.map(drop).map_err(|error| failed("write", &self.shown(&path), &error))
    }

    /// Removes an object of a session, if it is there.
    async fn remove_own(&self, session: &str, name: &str) -> Result<()> {
        self.remove(vec![self.own(session, name)?]).await
    }

    /// Removes objects, where they are there.
    async fn remove(&self, paths: Vec<Path>) -> Result<()> {
        let paths = futures::stream::iter(paths.into_iter().map(Ok)).boxed();
        let mut removed = self.client.delete_stream(paths);
        while let Some(removed) = removed.next().await {
            match removed {
                Ok(_) | Err(StoreError::NotFound { .. }) => {}
                Err(error) => {
                    let at = format!("{}/{}", self.url, self.table);
                    return Err(failed("remove what is below", &at, &error));
                }
            }
        }
        Ok(())
    }

    /// An upload of a session; `None` where it has gone meanwhile.
    async fn mark(&self, session: &str, name: &str) -> Result<Option<Mark>> {
        let path = self.own(session, name)?;
        let Some(text) = self.read(&path).await? else { return Ok(None) };
        serde_json::from_slice(&text).map(Some).map_err(|cause| {
            Error::target(format!("`{}` cannot be read: {cause}", self.shown(&path)))
                .help("it was not written by apitap, or changed since: remove it")
        })
    }

    /// Takes back an upload, unless it was completed.
    async fn abort(&self, mark: &Mark) -> Result<()> {
        let path = self.path(&mark.file)?;
        match self.client.abort_multipart(&path, &mark.upload).await {
            Err(error) if !is_gone(&error) => {
                Err(failed("take back the upload of", &self.shown(&path), &error))
            }
            _ => Ok(()),
        }
    }

    /// Whether others still wait for this session. They mark it before anything else, and remove the
    /// mark behind everything else: so first for the mark, then for what it says.
    ///
    /// # Errors
    /// They do not: what it has staged is going to be taken away.
    async fn check_not_given_up(&self) -> Result<()> {
        let dead = self.own(&self.session, DEAD)?;
        let marked = match self.client.head(&dead).await {
            Ok(_) => true,
            Err(StoreError::NotFound { .. }) => false,
            Err(error) => return Err(failed("read", &self.shown(&dead), &error)),
        };
        let there = self.staged(&self.session).await?;
        let is_there = |number: &u32| there.iter().any(|object| object.name == mark_name(*number));
        if !marked && self.marks().keys().all(is_there) {
            return Ok(());
        }
        Err(given_up())
    }

    fn marks(&self) -> MutexGuard<'_, BTreeMap<u32, Mark>> {
        // It is whole between any two statements.
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes back what is not committed. What a commit may name is left for the next run, which knows.
    async fn end(&self) -> Result<()> {
        if self.ended.swap(true, Ordering::SeqCst) || self.unclear.load(Ordering::SeqCst) {
            return Ok(());
        }
        let marks = std::mem::take(&mut *self.marks());
        for mark in marks.values() {
            self.abort(mark).await?;
        }
        let names = marks.keys().map(|number| mark_name(*number)).chain([ALIVE.to_owned()]);
        let paths = names.map(|name| self.own(&self.session, &name)).collect::<Result<_>>()?;
        self.remove(paths).await?;
        self.forget();
        Ok(())
    }

    /// Nothing of the session is left.
    fn forget(&self) {
        self.ended.store(true, Ordering::SeqCst);
        if let Some(lease) = &self.lease {
            lease.end();
        }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        self.beat.abort();
        if self.inner.ended.load(Ordering::SeqCst) {
            return;
        }
        // Without a runtime, the next run does it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let inner = self.inner.clone();
        runtime.spawn(async move {
            if let Err(error) = inner.end().await {
                tracing::debug!("{error}");
            }
        });
    }
}

/// Others have taken away what a session has staged.
fn given_up() -> Error {
    Error::target("this run did not answer for so long that another one took it for dead")
        .help("none of its rows since the last commit was stored: run it again")
}

/// The object that says which upload a file is.
fn mark_name(number: u32) -> String {
    format!("{number:04}")
}

#[async_trait]
impl Store for Object {
    fn session(&self) -> &str {
        &self.inner.session
    }

    async fn claim(&self, pipeline: &str) -> Result<Option<Holder>> {
        claim::claim(&self.inner, pipeline).await
    }

    fn log(&self) -> &'static str {
        self.inner.log
    }

    fn shown(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.inner.url, self.inner.table)
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let found = self.inner.list(folder).await?;
        let names = found.into_iter().map(|(name, _)| name);
        Ok(names.filter(|name| !name.contains('/')).collect())
    }

    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.inner.read(&self.inner.path(name)?).await
    }

    #[cfg(feature = "delta")]
    async fn create(&self, name: &str, bytes: Vec<u8>) -> Result<bool> {
        self.inner.create("write", &self.inner.path(name)?, bytes).await
    }

    #[cfg(feature = "delta")]
    async fn write(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        let path = self.inner.path(name)?;
        let written = self.inner.client.put(&path, bytes.into()).await;
        written.map(drop).map_err(|error| failed("write", &self.inner.shown(&path), &error))
    }

    #[cfg(feature = "delta")]
    async fn open(&self, name: &str) -> Result<Option<std::fs::File>> {
        self.inner.download(&self.inner.path(name)?).await
    }

    async fn create_commit(&self, number: u64, record: Vec<u8>) -> Result<bool> {
        let inner = &self.inner;
        inner.check_not_given_up().await?;
        let path = inner.path(&self.commit(number))?;
        inner.unclear.store(true, Ordering::SeqCst);
        let created = inner.create("commit", &path, record).await.map_err(|failed| {
            Error::target(format!("{}; it may have arrived all the same", failed.message()))
                .help("whether these rows are in is seen at the next run: it goes on from there")
        })?;
        if !created {
            inner.unclear.store(false, Ordering::SeqCst);
        }
        Ok(created)
    }

    async fn files(&self) -> Result<Vec<String>> {
        let mut files = Vec::new();
        for (name, object) in self.inner.list("").await? {
            if name.split('/').any(|part| part.starts_with(['.', '_'])) {
                continue;
            }
            let last = name.rsplit('/').next().unwrap_or_default();
            if object.size > 0 || is_ours(last) {
                files.push(name);
            }
            // What is empty, and not of apitap, stands for a folder, where people have made one.
        }
        files.sort_unstable();
        Ok(files)
    }

    async fn stage(&self, number: u32, file: &str) -> Result<Box<dyn Upload>> {
        let inner = &self.inner;
        let path = inner.path(file)?;
        let upload = inner.client.create_multipart(&path).await;
        let upload = upload.map_err(|error| failed("write", &inner.shown(&path), &error))?;
        let mark = Mark { file: file.to_owned(), upload: upload.clone() };
        inner.marks().insert(number, mark.clone());
        let text = serde_json::to_vec(&mark);
        let text = text.map_err(|cause| Error::target("the mark has no JSON").caused_by(cause))?;
        inner.write(&inner.session, &mark_name(number), text).await?;
        Ok(Box::new(PartUpload::new(inner.clone(), path, upload, self.file_size)))
    }

    /// Nothing can be renamed there.
    fn publishes_over(&self) -> bool {
        false
    }

    async fn publish(&self, added: &Added) -> Result<Published> {
        let inner = &self.inner;
        let path = inner.path(&added.file)?;
        let is_there = async || match inner.client.head(&path).await {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(failed("read", &inner.shown(&path), &error)),
        };
        // It has been before, as a rule.
        if is_there().await? {
            return Ok(Published::Done);
        }
        let Staged::Upload { id, parts } = &added.staged else { return Ok(Published::Gone) };
        let completed = inner.client.complete_multipart(&path, id, upload::parts(parts)).await;
        let Err(error) = completed else { return Ok(Published::Done) };
        // Somebody else may have been first.
        match is_there().await? {
            true => Ok(Published::Done),
            false if is_gone(&error) => Ok(Published::Gone),
            false => Err(failed("complete the upload of", &inner.shown(&path), &error)),
        }
    }

    async fn remove(&self, files: &[String]) -> Result<()> {
        let paths = files.iter().map(|file| self.inner.path(file)).collect::<Result<_>>()?;
        self.inner.remove(paths).await
    }

    async fn leftovers(&self) -> Result<Box<dyn Leftovers>> {
        Ok(Box::new(leftovers::find(&self.inner).await?))
    }

    #[cfg(feature = "delta")]
    fn unsettled(&self, are_there: bool) {
        self.inner.unclear.store(are_there, Ordering::SeqCst);
    }

    async fn published(&self, files: &[Added]) -> Result<()> {
        let inner = &self.inner;
        inner.unclear.store(false, Ordering::SeqCst);
        let is_published = |mark: &Mark| files.iter().any(|added| added.file == mark.file);
        let numbers: Vec<_> = {
            let marks = inner.marks();
            let published = marks.iter().filter(|(_, mark)| is_published(mark));
            published.map(|(number, _)| *number).collect()
        };
        let path = |number: &u32| inner.own(&inner.session, &mark_name(*number));
        let paths = numbers.iter().map(path).collect::<Result<_>>()?;
        // Some of them may be gone although not all could be removed.
        inner.marks().retain(|number, _| !numbers.contains(number));
        inner.remove(paths).await
    }

    async fn end(&self) -> Result<()> {
        self.beat.abort();
        self.inner.end().await
    }
}
