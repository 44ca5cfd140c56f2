//! Sources that make the same requests → one fetch, which all queries that read them share.
//!
//! Whether pages go straight to their reader, or into a file that several readers follow, is decided
//! when the first query begins to read: by how many sources are known to make these requests, and by
//! how often that query reads its own. So no query waits until the others are planned.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use apitap_build::definition::{Definition, Source};
use apitap_build::schema::{Schema, Type};
use futures::StreamExt as _;
use tokio::sync::OnceCell;

use super::job::Run;
use super::pushdown::Narrowed;
use crate::environment::Environment;
use crate::source::Fetched;
use crate::source::custom::RustType;
use crate::source::fetch::{Driver, FetchPlan};
use crate::source::incremental::Watermarks;
use crate::source::partition;
use crate::source::spool::{Readers, Shared};
use crate::{Result, infer};

/// One fetch of a run.
#[derive(Clone)]
pub(super) struct Fetch {
    plan: Arc<FetchPlan>,
    /// What yields the records for which it is made, in order.
    parents: Vec<Fetch>,
    /// How far an incremental source has come.
    pub(super) watermarks: Option<Arc<Watermarks>>,
    pub(super) fetched: Arc<Fetched>,
    /// The sources that make these requests, of all pipelines of the run.
    sources: Arc<AtomicUsize>,
    pages: Arc<OnceLock<Shared>>,
    /// What its records show, where no schema was declared.
    schema: Arc<OnceCell<Schema>>,
}

/// All fetches of a run, by what they request.
#[derive(Default)]
pub(super) struct Fetches {
    shared: HashMap<Arc<FetchPlan>, Fetch>,
    /// Those of incremental sources: each pipeline has come as far as its own rows.
    own: Vec<Fetch>,
}

impl Fetches {
    /// The fetch of a source of a pipeline, which is asked for no more than its query wants. All are asked
    /// for before any of them begins.
    pub(super) fn of(
        &mut self,
        source: &Source,
        narrowed: Option<&Narrowed>,
        definition: &Definition,
        types: &[RustType],
        environment: &mut Environment,
    ) -> Fetch {
        // A source cannot be its own ancestor: that was checked.
        let declared = |name: &str| definition.parents.iter().find(|parent| parent.name == name);
        let named = source.parents().filter_map(declared);
        let parents: Vec<_> =
            named.map(|parent| self.of(parent, None, definition, types, environment)).collect();
        let plans: Vec<_> = parents.iter().map(|parent| Arc::clone(&parent.plan)).collect();
        let plan = FetchPlan::resolve(source, types, environment);
        let plan = plan.for_each(source, &plans, environment);
        let plan = match narrowed {
            Some(narrowed) => Arc::new(plan.narrowed(&narrowed.sent, narrowed.since)),
            None => Arc::new(plan),
        };
        // What cannot be read is said by `check`.
        let start = plan.partitions().start().ok().flatten();
        let watermarks = source.incremental.as_ref().map(|incremental| {
            let field = source.schema.as_ref().and_then(|schema| schema.field(&incremental.field));
            let ty = field.map_or(Type::Timestamp, |field| field.ty.clone());
            Arc::new(Watermarks::new(&source.name, ty, incremental, definition.mode, start))
        });
        // What stands behind another entry is read again for each of that one's values.
        let first = source.for_each.first().is_some_and(|entry| entry.source().is_some());
        for parent in parents.iter().skip(usize::from(first)) {
            parent.sources.fetch_add(1, Ordering::Relaxed);
        }
        let new = || Fetch {
            plan: Arc::clone(&plan),
            parents,
            watermarks,
            fetched: Arc::default(),
            sources: Arc::default(),
            pages: Arc::default(),
            schema: Arc::default(),
        };
        if source.incremental.is_some() {
            let fetch = new();
            self.own.push(fetch.clone());
            return fetch;
        }
        let fetch = self.shared.entry(Arc::clone(&plan)).or_insert_with(new);
        fetch.sources.fetch_add(1, Ordering::Relaxed);
        fetch.clone()
    }

    fn all(&self) -> impl Iterator<Item = &Fetch> {
        self.shared.values().chain(&self.own)
    }

    /// Whether all of them can be requested.
    ///
    /// # Errors
    /// A config error that names the source.
    pub(super) fn check(&self) -> Result<()> {
        self.all().try_for_each(|fetch| fetch.plan.check())
    }

    /// What each will have counted.
    pub(super) fn fetched(&self) -> Vec<Arc<Fetched>> {
        self.all().map(|fetch| Arc::clone(&fetch.fetched)).collect()
    }
}

impl Fetch {
    /// The pages for a query with such readers of them, requested when the first of those begins.
    pub(super) fn pages(&self, run: &Run, readers: Readers) -> Shared {
        let several = self.sources.load(Ordering::Relaxed) > 1;
        let readers = if several { Readers::Several } else { readers };
        self.pages.get_or_init(|| self.begin(run, readers)).clone()
    }

    /// The schema that the records show, found out once.
    ///
    /// Pages are kept in a temporary file, so that they are requested once and read again.
    pub(super) async fn schema(&self, source: &str, run: &Run) -> Result<Schema> {
        let pages = self.pages.get_or_init(|| self.begin(run, Readers::Several)).clone();
        let schema = self.schema.get_or_try_init(|| infer::schema(source, pages.reader()));
        schema.await.cloned()
    }

    fn begin(&self, run: &Run, readers: Readers) -> Shared {
        let (client, plan) = (run.client.clone(), Arc::clone(&self.plan));
        let (secrets, fetched) = (run.secrets.clone(), Arc::clone(&self.fetched));
        let (limits, watermarks) = (run.limits, self.watermarks.clone());
        let most = run.options.pages;
        let plan = if most.is_some() { Arc::new(plan.once()) } else { plan };
        let in_step = readers == Readers::InStep;
        let of_parent = if in_step { Readers::InStep } else { Readers::One };
        let parents: Vec<_> =
            self.parents.iter().map(|parent| parent.pages(run, of_parent)).collect();
        Shared::new(readers, &limits, move || {
            let driver = Driver { client, secrets, fetched, limits, in_step };
            let pages = partition::pages(driver, &plan, parents, watermarks);
            match most {
                Some(most) => pages.take(most).boxed(),
                None => pages,
            }
        })
    }
}
