//! One fetch for many readers: pages as they arrive → each reader's own stream of them.
//!
//! A single reader gets the pages straight from the fetch, which waits for it. Several readers
//! follow a temporary file, each at its own pace and from the start, so memory stays bounded. An
//! error comes to every reader, behind the pages before it. Nothing here knows where pages come
//! from.

pub(super) mod file;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::page::Page;
use super::task::Task;
use crate::engine::limits::Limits;
use crate::{Error, ErrorKind, Result};
use file::File;

/// A stream of pages that ends after the first error.
pub type Pages = BoxStream<'static, Result<Page>>;

/// How many pages may wait for a single reader, however small.
const WAITING_PAGES: usize = 256;

/// Pages that are fetched once, whoever reads them. Clones share the fetch.
///
/// The fetch starts when the first reader is polled. While there is no reader it requests nothing,
/// and with this value, its clones and its readers it is gone.
#[derive(Clone)]
pub struct Shared(Arc<Inner>);

/// Who reads pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// One reader: some pages wait for it.
    One,
    /// One reader that may stop before the end: no page is requested before it is asked for.
    InStep,
    /// Several readers, now or later.
    Several,
}

struct Inner {
    readers_are: Readers,
    limits: Limits,
    state: Mutex<State>,
    /// How many readers there are now.
    readers: watch::Sender<usize>,
}

struct State {
    /// What starts the fetch; taken by the first reader.
    start: Option<Box<dyn FnOnce() -> Pages + Send>>,
    /// What several readers follow, and the task that writes it.
    spool: Option<(Spool, Task<()>)>,
}

/// A file that readers follow while it grows.
#[derive(Clone)]
struct Spool {
    file: Arc<File>,
    progress: watch::Receiver<Progress>,
}

/// How far a file is.
#[derive(Clone)]
struct Progress {
    /// Bytes that can be read.
    written: u64,
    /// How the fetch ended, once it has.
    end: Option<Result<()>>,
}

impl Shared {
    /// Pages for such readers; those for one of them are not kept.
    ///
    /// `start` makes the stream; it is called once, on the runtime, when the first reader begins.
    pub fn new(
        readers_are: Readers,
        limits: &Limits,
        start: impl FnOnce() -> Pages + Send + 'static,
    ) -> Self {
        let state = State { start: Some(Box::new(start)), spool: None };
        let readers = watch::Sender::new(0);
        Self(Arc::new(Inner { readers_are, limits: *limits, state: Mutex::new(state), readers }))
    }

    /// A reader of all pages, from the first one; must be polled on a tokio runtime.
    ///
    /// Where there is one reader only, a second one gets an error.
    pub fn reader(&self) -> Pages {
        self.0.readers.send_modify(|readers| *readers += 1);
        let presence = Presence(Arc::clone(&self.0));
        if self.0.readers_are == Readers::Several {
            let follower = Follower { presence, spool: None, position: 0, ended: false };
            return stream::unfold(follower, |mut follower| async move {
                follower.next().await.map(|page| (page, follower))
            })
            .fuse()
            .boxed();
        }
        let direct = Direct { presence, fetch: None, ended: false };
        stream::unfold(direct, |mut direct| async move {
            direct.next().await.map(|page| (page, direct))
        })
        .fuse()
        .boxed()
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What starts the fetch, for the first that asks.
    fn start(&self, state: &mut State) -> Result<Pages> {
        let start = state.start.take().ok_or_else(|| {
            Error::query("the source is read more often than was planned")
                .help("this is a bug in apitap: please report the query")
        })?;
        Ok(start())
    }

    /// The file to follow; starts the fetch for the first that asks.
    fn spool(&self) -> Result<Spool> {
        let mut state = self.lock();
        if let Some((spool, _)) = &state.spool {
            return Ok(spool.clone());
        }
        let pages = self.start(&mut state)?;
        let (sender, progress) = watch::channel(Progress { written: 0, end: None });
        let spool = Spool { file: Arc::new(File::new(self.limits.kept)), progress };
        let writing = write(pages, Arc::clone(&spool.file), sender, self.readers.subscribe());
        state.spool = Some((spool.clone(), Task::spawn(writing)));
        Ok(spool)
    }
}

fn stopped() -> Error {
    Error::new(ErrorKind::Interrupted, "the fetch was stopped before its end")
}

/// Appends the pages to the file until they end, and says how far it is. Rests while nobody reads.
async fn write(
    mut pages: Pages,
    file: Arc<File>,
    progress: watch::Sender<Progress>,
    mut readers: watch::Receiver<usize>,
) {
    let mut written = 0;
    let end = loop {
        if readers.wait_for(|readers| *readers > 0).await.is_err() {
            break Err(stopped());
        }
        match pages.next().await {
            None => break Ok(()),
            Some(Err(error)) => break Err(error),
            Some(Ok(page)) => match file.append_page(page, written).await {
                Ok(end) => written = end,
                Err(error) => break Err(error),
            },
        }
        progress.send_modify(|progress| progress.written = written);
    };
    progress.send_modify(|progress| progress.end = Some(end));
}

/// Is counted as a reader for as long as it lives.
struct Presence(Arc<Inner>);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.readers.send_modify(|readers| *readers -= 1);
    }
}

/// A reader of the file.
struct Follower {
    presence: Presence,
    spool: Option<Spool>,
    position: u64,
    ended: bool,
}

impl Follower {
    async fn next(&mut self) -> Option<Result<Page>> {
        if self.ended {
            return None;
        }
        let next = self.page().await.transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }

    async fn page(&mut self) -> Result<Option<Page>> {
        let spool = match &mut self.spool {
            Some(spool) => spool,
            none => none.insert(self.presence.0.spool()?),
        };
        // A sender that is gone without having said how it ended was stopped.
        let position = self.position;
        let arrived = |progress: &Progress| progress.written > position || progress.end.is_some();
        let progress = spool.progress.wait_for(arrived).await.map_err(|_| stopped())?.clone();
        if progress.written > position {
            let (page, end) = spool.file.read_page(position).await?;
            self.position = end;
            return Ok(Some(page));
        }
        progress.end.unwrap_or_else(|| Err(stopped())).map(|()| None)
    }
}

/// The only reader.
struct Direct {
    presence: Presence,
    fetch: Option<Fetch>,
    ended: bool,
}

/// How the pages come to the only reader.
enum Fetch {
    /// When it asks for them.
    InStep(Pages),
    /// Some before it asks.
    Ahead { pages: mpsc::Receiver<(Result<Page>, OwnedSemaphorePermit)>, task: Task<()> },
}

impl Fetch {
    fn begin(shared: &Inner) -> Result<Self> {
        let pages = shared.start(&mut shared.lock())?;
        if shared.readers_are == Readers::InStep {
            return Ok(Self::InStep(pages));
        }
        let (sender, receiver) = mpsc::channel(WAITING_PAGES);
        let task = Task::spawn(send(pages, sender, shared.limits.waiting));
        Ok(Self::Ahead { pages: receiver, task })
    }
}

impl Direct {
    async fn next(&mut self) -> Option<Result<Page>> {
        if self.ended {
            return None;
        }
        let next = self.page().await.transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }

    async fn page(&mut self) -> Result<Option<Page>> {
        let fetch = match &mut self.fetch {
            Some(fetch) => fetch,
            none => none.insert(Fetch::begin(&self.presence.0)?),
        };
        match fetch {
            Fetch::InStep(pages) => pages.next().await.transpose(),
            Fetch::Ahead { pages, task } => match pages.recv().await {
                Some((page, _room)) => page.map(Some),
                // Ended or broken down: the task knows.
                None => task.join().await.map(|()| None),
            },
        }
    }
}

/// Hands the pages over until they end or nobody wants them; of these bytes may wait, and a larger
/// page alone.
async fn send(
    mut pages: Pages,
    sender: mpsc::Sender<(Result<Page>, OwnedSemaphorePermit)>,
    waiting: usize,
) {
    let kib = (waiting / 1024).max(1);
    let room = Arc::new(Semaphore::new(kib));
    while let Some(page) = pages.next().await {
        let bytes = page.as_ref().map_or(0, Page::size);
        let taken = u32::try_from((bytes / 1024 + 1).min(kib)).unwrap_or(u32::MAX);
        let Ok(permit) = Arc::clone(&room).acquire_many_owned(taken).await else { return };
        if sender.send((page, permit)).await.is_err() {
            return;
        }
    }
}
