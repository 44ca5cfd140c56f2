//! Sources that make the same requests → one fetch, which all queries that read them share.
//!
//! Whether pages go straight to their reader, or into a file that several readers follow, is decided
//! when the first query begins to read: by how many sources are known to make these requests, and by
//! how often that query reads its own. So no query waits until the others are planned.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use apitap_build::definition::{Checkpoint, Definition, Mode, Source, Transform};
use apitap_build::schema::Schema;
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use tokio::sync::OnceCell;

use super::job::Run;
use super::pushdown::Narrowed;
use super::skipped::Come;
use crate::environment::Environment;
use crate::report::Warning;
use crate::source::custom::RustType;
use crate::source::fetch::{Driver, FetchPlan};
use crate::source::incremental::{Meaning, Moment, Span, Watermarks, conditions};
use crate::source::partition::{self, Parent, Resume};
use crate::source::parts::Cuts;
use crate::source::spool::{Pages, Readers, Shared};
use crate::source::{Fetched, LeftOut};
use crate::{Result, infer};

/// One fetch of a run.
#[derive(Clone)]
pub(super) struct Fetch {
    plan: Arc<FetchPlan>,
    /// The fetches of the sources for whose records it is made, in order. The watermarks of one that [is
    /// followed](Self::is_followed) are kept under the name of this source.
    parents: Vec<Fetch>,
    /// Whether only what has changed of it counts, where it is a parent.
    is_followed: bool,
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
    /// Those of incremental sources, and of pipelines that commit before their end: each pipeline has come as
    /// far as its own rows.
    own: Vec<Fetch>,
}

impl Fetches {
    /// The fetch of a source of a pipeline, which is asked for no more than its query wants, where it is
    /// incremental of that time only. All are asked for before any of them begins.
    pub(super) fn of(
        &mut self,
        source: &Source,
        narrowed: Option<&Narrowed>,
        definition: &Definition,
        types: &[RustType],
        span: Option<Span>,
        environment: &mut Environment,
    ) -> Fetch {
        // A source cannot be its own ancestor: that was checked.
        let declared = |name: &str| definition.parents.iter().find(|parent| parent.name == name);
        let named = source.parents().filter_map(declared);
        let mut parents: Vec<_> = named
            .map(|parent| self.of(parent, None, definition, types, None, environment))
            .collect();
        let entries = source.for_each.iter().filter(|entry| entry.source().is_some());
        for (entry, fetch) in entries.zip(&mut parents) {
            // All parents may have records of a time that is loaded again.
            let followed = entry.followed().filter(|_| span.is_none());
            if let Some(parent) = followed.and_then(declared) {
                fetch.is_followed = true;
                let state = source.state_behind(&parent.name);
                // The state of the parent does not depend on what the query leaves out of the children.
                let loaded = Loaded { state: &state, since: None, conditions: BTreeSet::new() };
                let parent = watermarks(parent, &fetch.plan, definition, loaded);
                fetch.watermarks = parent.map(Arc::new);
            }
        }
        let follows =
            parents.iter().any(|parent| parent.is_followed || !parent.followed().is_empty());
        let plans: Vec<_> = parents.iter().map(|parent| Arc::clone(&parent.plan)).collect();
        environment.now_for(format!("source `{}`", source.name));
        let plan = FetchPlan::resolve(source, types, environment);
        let plan = plan.for_each(source, &plans, environment);
        let plan = match narrowed {
            Some(narrowed) => Arc::new(plan.narrowed(&narrowed.sent, narrowed.wanted)),
            None => Arc::new(plan),
        };
        let wanted = narrowed.map(|narrowed| narrowed.wanted).unwrap_or_default();
        let conditions = match (&definition.transform, &source.incremental) {
            (Transform::Sql(sql), Some(incremental)) => conditions(sql, &incremental.field),
            _ => BTreeSet::new(),
        };
        let loaded = Loaded { state: &source.name, since: wanted.since, conditions };
        let watermarks = watermarks(source, &plan, definition, loaded)
            .map(|watermarks| Arc::new(watermarks.within(span).before(wanted.until)));
        // What stands behind another entry is read again for each of that one's values.
        let first = source.for_each.first().is_some_and(|entry| entry.source().is_some());
        for parent in parents.iter().skip(usize::from(first)) {
            parent.sources.fetch_add(1, Ordering::Relaxed);
        }
        let new = || Fetch {
            plan: Arc::clone(&plan),
            parents,
            is_followed: false,
            watermarks,
            fetched: Arc::default(),
            sources: Arc::default(),
            pages: Arc::default(),
            schema: Arc::default(),
        };
        let goes_on = definition.checkpoint.is_some() && definition.sources.contains(source);
        if source.incremental.is_some() || goes_on || follows {
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

/// What is loaded of an incremental source.
struct Loaded<'a> {
    /// The name of its state.
    state: &'a str,
    /// Since when the query wants records.
    since: Option<DateTime<Utc>>,
    /// Which of them it wants.
    conditions: BTreeSet<String>,
}

/// How far an incremental source of a pipeline has come.
fn watermarks(
    source: &Source,
    plan: &FetchPlan,
    definition: &Definition,
    loaded: Loaded<'_>,
) -> Option<Watermarks> {
    let incremental = source.incremental.as_ref()?;
    let field = Moment::of(source.schema.as_ref(), &incremental.field);
    // What cannot be read is said by `check`.
    let start = plan.partitions().start().ok().flatten();
    let Loaded { state, since, conditions } = loaded;
    let requested_for = plan.partitions().requested_for();
    let meaning = Meaning::new(source, requested_for, start.max(since), conditions);
    let watermarks = Watermarks::new(state, field, incremental, definition.mode, start);
    let begun = plan.partitions().until();
    Some(watermarks.meaning(definition, meaning).of_run(begun))
}

impl Fetch {
    /// What the target remembers of it, and of those parents that feed only what has changed.
    pub(super) fn remembered(&self) -> Vec<Arc<Watermarks>> {
        self.watermarks.iter().cloned().chain(self.followed()).collect()
    }

    /// What it remembers of the parents, and of theirs.
    fn followed(&self) -> Vec<Arc<Watermarks>> {
        let mut all = Vec::new();
        for parent in &self.parents {
            all.extend(parent.watermarks.clone().filter(|_| parent.is_followed));
            all.extend(parent.followed());
        }
        all
    }

    /// The name of its source; where several make these requests, that of the first.
    pub(super) fn name(&self) -> &str {
        self.plan.name()
    }

    /// It, and those for whose records it is made.
    pub(super) fn with_parents(&self) -> Vec<&Self> {
        let parents = self.parents.iter().flat_map(Self::with_parents);
        std::iter::once(self).chain(parents).collect()
    }

    /// What has come of it and of its parents.
    pub(super) fn come(&self) -> Vec<Come<'_>> {
        let own = Come {
            source: self.plan.name(),
            fetched: &self.fetched,
            dead_letters: self.plan.dead_letters_file(),
        };
        self.parents.iter().flat_map(Self::come).chain([own]).collect()
    }

    /// What does not look right in what its API has sent.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let pages = self.fetched.pages.load(Ordering::Relaxed);
        let own = self.watermarks.iter().flat_map(|watermarks| watermarks.warnings(pages));
        let remembered = self.remembered();
        let left_out = remembered.iter().flat_map(|watermarks| watermarks.left_out());
        let held = remembered.iter().filter_map(|watermarks| watermarks.held_back());
        own.chain(left_out).chain(held).collect()
    }

    /// Has the state of the parents stay where it was that feed only what has changed, if an answer was left out
    /// behind them: the records for which it was requested are to come again.
    pub(super) fn hold_parents(&self) {
        self.hold_followed(None);
    }

    fn hold_followed(&self, left_out: Option<&(u16, String)>) {
        let left_out = left_out.or_else(|| self.fetched.passed_over());
        for parent in &self.parents {
            if let (Some(answer), true, Some(watermarks)) =
                (left_out, parent.is_followed, &parent.watermarks)
            {
                watermarks.hold(None, answer);
            }
            parent.hold_followed(left_out);
        }
    }

    /// The answer whose absence has the next run load what came in this one; `None` where it knows that again.
    pub(super) fn loads_again(&self) -> Option<(u16, String)> {
        match &self.watermarks {
            // Each partition of an incremental source knows what is in, whatever its parents feed.
            Some(own) => own.loads_again(),
            None => self.followed().iter().find_map(|parent| parent.loads_again()),
        }
    }

    /// The pages for a query with such readers of them, requested when the first of those begins.
    pub(super) fn pages(&self, run: &Run, readers: Readers) -> Shared {
        let several = self.sources.load(Ordering::Relaxed) > 1;
        let readers = if several { Readers::Several } else { readers };
        self.pages.get_or_init(|| self.begin(run, readers)).clone()
    }

    /// What decides where the pages of a run that is made in parts can be cut.
    pub(super) fn cuts(&self, checkpoint: Checkpoint, mode: Mode) -> Cuts {
        let partitions = self.plan.partitions();
        Cuts {
            checkpoint,
            mode,
            sliced: partitions.is_sliced() || self.plan.is_prepared(),
            until: partitions.until(),
        }
    }

    /// What its requests begin with, without secrets: where they are sent.
    pub(super) fn place(&self, run: &Run) -> String {
        run.secrets.mask(&self.plan.place())
    }

    /// The pages for a run that is made in parts, behind what an earlier one has reached.
    pub(super) fn pages_behind(&self, run: &Run, resume: Resume) -> Pages {
        let (driver, plan) = (self.driver(run, Readers::One), Arc::clone(&self.plan));
        let (watermarks, parents) = (self.watermarks.clone(), self.parent_pages(run, Readers::One));
        let start = move || partition::pages(driver, &plan, parents, watermarks, Some(resume));
        Shared::new(Readers::One, &run.limits, start).reader()
    }

    fn driver(&self, run: &Run, readers: Readers) -> Driver {
        Driver {
            client: run.client.clone(),
            secrets: run.secrets.clone(),
            fetched: Arc::clone(&self.fetched),
            left_out: LeftOut::default(),
            limits: run.limits,
            in_step: readers == Readers::InStep,
        }
    }

    fn parent_pages(&self, run: &Run, readers: Readers) -> Vec<Parent> {
        let in_step = readers == Readers::InStep;
        let of_parent = if in_step { Readers::InStep } else { Readers::One };
        let parent = |parent: &Self| Parent {
            pages: parent.pages(run, of_parent),
            followed: parent.watermarks.clone().filter(|_| parent.is_followed),
        };
        self.parents.iter().map(parent).collect()
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
        let (driver, plan) = (self.driver(run, readers), Arc::clone(&self.plan));
        let watermarks = self.watermarks.clone();
        let most = run.options.pages;
        let plan = if most.is_some() { Arc::new(plan.once()) } else { plan };
        let parents = self.parent_pages(run, readers);
        Shared::new(readers, &run.limits, move || {
            let pages = partition::pages(driver, &plan, parents, watermarks, None);
            match most {
                Some(most) => pages.take(most).boxed(),
                None => pages,
            }
        })
    }
}
