//! Sources that make the same requests → one fetch, which all queries that read them share.
//!
//! Whether pages go straight to their reader, or into a file that several readers follow, is decided
//! when the first query begins to read: by how many sources are known to make these requests, and by
//! how often that query reads its own. So no query waits until the others are planned.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use apitap_build::definition::Source;
use apitap_build::schema::Schema;
use tokio::sync::OnceCell;

use super::job::Run;
use crate::environment::Environment;
use crate::source::Fetched;
use crate::source::custom::RustType;
use crate::source::fetch::{self, FetchPlan};
use crate::source::spool::Shared;
use crate::{Result, infer};

/// One fetch of a run.
#[derive(Clone)]
pub(super) struct Fetch {
    plan: Arc<FetchPlan>,
    pub(super) fetched: Arc<Fetched>,
    /// The sources that make these requests, of all pipelines of the run.
    sources: Arc<AtomicUsize>,
    pages: Arc<OnceLock<Shared>>,
    /// What its records show, where no schema was declared.
    schema: Arc<OnceCell<Schema>>,
}

/// All fetches of a run, by what they request.
#[derive(Default)]
pub(super) struct Fetches(HashMap<Arc<FetchPlan>, Fetch>);

impl Fetches {
    /// The fetch of a source. All are asked for before any of them begins.
    pub(super) fn of(
        &mut self,
        source: &Source,
        types: &[RustType],
        environment: &mut Environment,
    ) -> Fetch {
        let plan = Arc::new(FetchPlan::resolve(source, types, environment));
        let new = || Fetch {
            plan: Arc::clone(&plan),
            fetched: Arc::default(),
            sources: Arc::default(),
            pages: Arc::default(),
            schema: Arc::default(),
        };
        let fetch = self.0.entry(Arc::clone(&plan)).or_insert_with(new);
        fetch.sources.fetch_add(1, Ordering::Relaxed);
        fetch.clone()
    }

    /// Whether all of them can be requested.
    ///
    /// # Errors
    /// A config error that names the source.
    pub(super) fn check(&self) -> Result<()> {
        self.0.values().try_for_each(|fetch| fetch.plan.check())
    }

    /// What each will have counted.
    pub(super) fn fetched(&self) -> Vec<Arc<Fetched>> {
        self.0.values().map(|fetch| Arc::clone(&fetch.fetched)).collect()
    }
}

impl Fetch {
    /// The pages for a query that reads them so many times, requested when the first reader begins.
    pub(super) fn pages(&self, run: &Run, scans: usize) -> Shared {
        let several = scans > 1 || self.sources.load(Ordering::Relaxed) > 1;
        self.pages.get_or_init(|| self.begin(run, several)).clone()
    }

    /// The schema that the records show, found out once.
    ///
    /// Pages are kept in a temporary file, so that they are requested once and read again.
    pub(super) async fn schema(&self, source: &str, run: &Run) -> Result<Schema> {
        let pages = self.pages.get_or_init(|| self.begin(run, true)).clone();
        let schema = self.schema.get_or_try_init(|| infer::schema(source, pages.reader()));
        schema.await.cloned()
    }

    fn begin(&self, run: &Run, several: bool) -> Shared {
        let (client, plan) = (run.client.clone(), Arc::clone(&self.plan));
        let (secrets, fetched) = (run.secrets.clone(), Arc::clone(&self.fetched));
        let limits = run.limits;
        Shared::new(several, &limits, move || {
            fetch::pages(&client, &plan, secrets, fetched, &limits)
        })
    }
}
