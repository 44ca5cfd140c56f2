//! One pipeline of a run, from its definition to its report.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use apitap_build::definition::shared::Table;
use apitap_build::definition::{Definition, Mode};
use chrono::{DateTime, SecondsFormat, Utc};
use datafusion::arrow::array::RecordBatch;
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::stream::Peekable;
use futures::{Stream, StreamExt as _, TryStreamExt as _};

use super::connections::{Connection, Connections, Servers};
use super::drift;
use super::fetch::{Fetch, Fetches};
use super::gone;
use super::limits::{Limits, Memory};
use super::options::{self, Options};
use super::pushdown::{self, Narrowed};
use super::query::{Query, Wanted};
use super::resume::check_finished;
use super::session;
use super::skipped;
use super::watch::{self, Progress};
use crate::environment::{Environment, Secrets};
use crate::pipeline::Linked;
use crate::report::{PipelineReport, Status};
use crate::sink::{self, Load, RunEntry, RunStatus, Session, State, StateChange, Target, Written};
use crate::source::incremental::Watermarks;
use crate::source::request::client::Client;
use crate::source::table::{Drift, Input};
use crate::source::{Fetched, Trouble};
use crate::{Error, ErrorKind, Pipeline, Result, infer};

/// After how long it is looked again whether another run has ended.
const AGAIN: Duration = Duration::from_millis(500);
/// How long a target may take to keep that a run has failed.
const SOON: Duration = Duration::from_secs(5);

/// A pipeline with its texts resolved; `D` is where its rows go.
pub(super) struct Job<D> {
    pub(super) definition: Arc<Definition>,
    pub(super) linked: Linked,
    /// One for each source.
    pub(super) fetches: Vec<Fetch>,
    /// What the query makes its sources be asked for.
    narrowed: BTreeMap<String, Narrowed>,
    pub(super) destination: D,
    /// The variables that the target is reached by.
    target_variables: Option<String>,
    /// The other pipelines of the run, or of the program, that write the same table.
    beside: Vec<Arc<Definition>>,
    /// What the sources send and their schemas do not declare.
    drift: Arc<Drift>,
    /// How far it is.
    pub(super) progress: Arc<Progress>,
    /// Whether its target has let it in.
    entered: bool,
}

/// What the pipelines of a run share.
pub(super) struct Run {
    /// Its name in the state.
    pub(super) id: String,
    pub(super) client: Client,
    pub(super) secrets: Secrets,
    pub(super) limits: Limits,
    pub(super) options: Options,
    /// When it began: `now()` of its queries.
    now: DateTime<Utc>,
    /// What all queries may keep in memory, beyond which they spill to temporary files.
    memory: Arc<RuntimeEnv>,
    pub(super) servers: Servers,
}

/// A run that can begin.
pub(super) struct Prepared<D> {
    pub(super) jobs: Vec<Job<D>>,
    pub(super) run: Run,
    /// What each fetch will have counted.
    pub(super) fetched: Vec<Arc<Fetched>>,
}

/// Takes the texts of all pipelines from the environment; nothing is requested or opened yet.
///
/// # Errors
/// A config error: all variables that are missing, or something that could never be requested.
pub(super) fn prepare<D>(
    pipelines: &[&Pipeline],
    mut environment: Environment,
    options: &Options,
    destination: impl Fn(&Definition, &mut Environment) -> D,
) -> Result<Prepared<D>> {
    let limits = Limits::of(Memory::of(&environment)?, pipelines.len());
    let mut fetches = Fetches::default();
    let mut jobs = Vec::with_capacity(pipelines.len());
    for pipeline in pipelines {
        let (definition, linked) = (pipeline.shared_definition()?, pipeline.linked()?);
        let narrowed = pushdown::of(&linked, &definition, &limits, environment.now());
        let sources = definition.sources.iter();
        let (types, span) = (linked.types, options.span);
        let sources = sources.map(|source| {
            let narrowed = narrowed.get(&source.name);
            fetches.of(source, narrowed, &definition, types, span, &mut environment)
        });
        let fetches: Vec<Fetch> = sources.collect();
        environment.now_for(format!("the target of `{}`", definition.name));
        let (destination, used) =
            environment.reading(|environment| destination(&definition, environment));
        let target_variables = super::target_variables(&definition, &used);
        let fetched = fetches.iter().map(|fetch| Arc::clone(&fetch.fetched)).collect();
        let progress = Arc::new(Progress::new(&definition.name, fetched));
        jobs.push(Job {
            definition,
            linked,
            fetches,
            narrowed,
            target_variables,
            destination,
            beside: Vec::new(),
            drift: Arc::default(),
            progress,
            entered: false,
        });
    }
    environment.check()?;
    fetches.check()?;
    let run = Run {
        id: format!(
            "{} {}",
            environment.now().to_rfc3339_opts(SecondsFormat::Millis, true),
            std::process::id()
        ),
        client: Client::of_process()?,
        secrets: environment.secrets(),
        memory: session::memory(&limits)?,
        now: environment.now(),
        servers: Servers::new(limits.connections),
        options: options.clone(),
        limits,
    };
    Ok(Prepared { jobs, run, fetched: fetches.fetched() })
}

impl<D> Job<D> {
    /// The rows, computed while their sources are fetched: each when the query begins to read it.
    pub(super) async fn stream(
        &mut self,
        run: &Run,
    ) -> Result<impl Stream<Item = Result<RecordBatch>> + use<D>> {
        if self.definition.row.is_none() {
            self.infer(run).await?;
        }
        let definition = &self.definition;
        let query = self.planned(run).await?;
        for (source, fetch) in definition.sources.iter().zip(&self.fetches) {
            let readers = query.reading.readers(&source.name);
            let pages = fetch.pages(run, readers);
            let decoder = self.linked.decoder(source)?;
            let watermarks = fetch.watermarks.clone();
            let pass = move || watermarks.as_ref().map(Watermarks::pass);
            let begin = move || Ok(Input::Pages(pages.reader(), decoder(), pass()));
            query.reading.set(&source.name, Box::new(begin));
        }
        let progress = Arc::clone(&self.progress);
        // Executed when it is polled: a plan that is executed begins to fetch.
        let rows = futures::stream::once(async move { query.stream() }).try_flatten();
        Ok(options::counted(rows, run.options.limit, progress))
    }

    pub(super) async fn planned(&self, run: &Run) -> Result<Query> {
        let Self { linked, definition, drift, narrowed, .. } = self;
        let limited = run.options.limit.is_some();
        let (memory, limits) = (&run.memory, &run.limits);
        let wanted = Wanted { memory, limits, narrowed, now: run.now, limited };
        Query::plan(linked, definition, &wanted, drift).await
    }

    /// Looks at all records of the sources without a schema, then checks the query against them.
    async fn infer(&mut self, run: &Run) -> Result<()> {
        let definition = Arc::make_mut(&mut self.definition);
        for (source, fetch) in definition.sources.iter_mut().zip(&self.fetches) {
            if source.schema.is_none() {
                let mut schema = fetch.schema(&source.name, run).await?;
                schema.fields.extend(source.carried.iter().cloned());
                source.schema = Some(schema);
            }
        }
        infer::complete(definition)
    }
}

/// Tells the pipelines that write one table of each other, and of those among `known` that do not run this time.
pub(super) fn acquaint(jobs: &mut [Job<Arc<dyn Target>>], known: &[Arc<Definition>]) {
    let mut tables: HashMap<(String, String), Vec<Arc<Definition>>> = HashMap::new();
    let table =
        |job: &Job<Arc<dyn Target>>| (job.destination.address(), job.definition.table.clone());
    for job in &*jobs {
        tables.entry(table(job)).or_default().push(Arc::clone(&job.definition));
    }
    let definitions = jobs.iter().map(|job| Arc::clone(&job.definition));
    let all: Vec<_> = definitions.chain(known.iter().cloned()).collect();
    for job in jobs {
        let here = tables.get(&table(job)).into_iter().flatten();
        // The variables of those that do not run need not be set: their tables are compared as they are written.
        let ours = Table::of(&job.definition);
        let there = all.iter().filter(|other| ours.is_some() && Table::of(other) == ours);
        let mut seen = HashSet::from([job.definition.name.as_str()]);
        let others = here.chain(there).filter(|other| seen.insert(&other.name));
        let others = others.cloned().collect();
        job.beside = others;
    }
}

impl Job<Arc<dyn Target>> {
    /// Runs it to its end, good or bad.
    pub(super) async fn report(mut self, run: &Run) -> PipelineReport {
        self.progress.begin();
        tracing::info!("started");
        let outcome = watch::working(Arc::clone(&self.progress), self.load(run)).await;
        // Before its end: how long it took is told while it is under way.
        let so_far = PipelineReport::stopped(&self.definition, &self.progress);
        self.progress.end(outcome.is_ok());
        self.tell_troubles(run);
        let Written { received, stored, unchanged } = self.progress.kept().written;
        let error = match outcome {
            Ok(()) => {
                tracing::info!(rows = received, stored, unchanged, "committed");
                None
            }
            Err(error) => {
                let error =
                    error.in_pipeline(&self.definition.name).masked(|text| run.secrets.mask(text));
                // All of it is in the report, once.
                tracing::info!("failed: {}", error.message());
                self.keep_failure(run, &error).await;
                Some(error)
            }
        };
        let warnings = self.fetches.iter().flat_map(Fetch::warnings).collect();
        let found = drift::Found(std::mem::take(
            &mut *self.drift.lock().unwrap_or_else(PoisonError::into_inner),
        ));
        // What would have come behind a failure may have them.
        let absent_fields = match error {
            None => found.absent_fields(&self.definition),
            Some(_) => BTreeMap::new(),
        };
        PipelineReport {
            status: if error.is_some() { Status::Failed } else { Status::Ok },
            ended: Some(Utc::now()),
            error,
            unknown_fields: found.unknown_fields(&run.secrets),
            absent_fields,
            warnings,
            ..so_far
        }
    }

    /// Says what requests were repeated for, where the first warning has not said it all.
    fn tell_troubles(&self, run: &Run) {
        for fetch in self.fetches.iter().flat_map(Fetch::with_parents) {
            for (cause, Trouble { requests, repeats }) in fetch.fetched.take_troubles() {
                if repeats > 1 {
                    let (name, cause) = (fetch.name(), run.secrets.mask(&cause));
                    // One whose first repeats another pipeline has told is not counted again.
                    let requests = match requests {
                        0 | 1 => "1 request was".to_owned(),
                        many => format!("{many} requests were"),
                    };
                    tracing::warn!(
                        "`{name}`: {requests} repeated, {repeats} times in all: {cause}"
                    );
                }
            }
        }
    }

    /// Fetches, computes, stores, commits; what of it has been committed is noted, also where it fails.
    async fn load(&mut self, run: &Run) -> Result<()> {
        let checkpoint = self.definition.checkpoint.clone().filter(|_| run.options.is_whole());
        match checkpoint {
            Some(checkpoint) => self.load_in_parts(run, checkpoint).await,
            None => self.load_whole(run).await,
        }
    }

    /// All rows, in one commit.
    pub(super) async fn load_whole(&mut self, run: &Run) -> Result<()> {
        let mut rows = pin!(self.stream(run).await?.peekable());
        let load = self.what_is_loaded()?;
        let connections = run.servers.connections(&self.destination.address());
        // The target is the first to be asked: what it refuses costs no request.
        let incremental: Vec<_> = self.fetches.iter().flat_map(Fetch::remembered).collect();
        let _connection = match incremental.is_empty() {
            true => connection(&connections, rows.as_mut()).await,
            // Since when to ask is known to the target only.
            false => connections.one().await,
        };
        let mut session = self.open(load, run).await?;
        let begun = async {
            let appends = self.definition.mode == Mode::Append;
            let state = match appends || !incremental.is_empty() {
                true => session.state().await?,
                false => State::default(),
            };
            gone::check(&mut *session, &self.definition, &state, false).await?;
            if appends {
                check_finished(&self.definition, &state)?;
            }
            Remembered::of(state, incremental, &run.id)
        };
        let remembered = match begun.await {
            Ok(remembered) => remembered,
            Err(error) => return Err(given_up(session, error, run).await),
        };
        let stored = async {
            sink::feed(&mut *session, rows, 1, run.limits.copy, &connections).await?;
            skipped::check(&self.definition, &self.fetches)?;
            self.progress.commits();
            let state = match run.options.limit {
                // What was left out is still to come.
                Some(_) => StateChange::default(),
                None => {
                    skipped::hold(&self.definition, &self.fetches)?;
                    remembered.change()
                }
            };
            let entry = self.entry(run, RunStatus::Ok);
            session.commit(&StateChange { entry, ..state }).await.map(drop)
        };
        match stored.await {
            Ok(()) => self.progress.commit(session.finish().await?, false),
            Err(error) => return Err(given_up(session, error, run).await),
        }
        Ok(())
    }

    /// What the target keeps of the run as it is now, once it has let it in.
    pub(super) fn entry(&self, run: &Run, status: RunStatus) -> Option<RunEntry> {
        let started_at = self.progress.started().filter(|_| self.entered)?;
        Some(RunEntry {
            run: run.id.clone(),
            status,
            started_at,
            ended_at: (status != RunStatus::Running).then(Utc::now),
            records: self.progress.numbers().records,
            written: self.progress.kept().written,
            error: None,
        })
    }

    /// Has the target keep that the run has failed, and why, if it can be had soon.
    async fn keep_failure(&self, run: &Run, error: &Error) {
        let Some(entry) = self.entry(run, RunStatus::Failed) else { return };
        let entry = entry.failed(error.message());
        let kept =
            async { self.destination.keep_run(&Load::of_state(&self.definition)?, &entry).await };
        match tokio::time::timeout(SOON, kept).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error = error.masked(|text| run.secrets.mask(text));
                tracing::debug!("that the run has failed is not kept: {}", error.message());
            }
            Err(_) => {
                tracing::debug!("that the run has failed is not kept: the target does not answer")
            }
        }
    }

    /// What goes into the table.
    pub(super) fn what_is_loaded(&self) -> Result<Load> {
        let row = self.definition.row.as_ref();
        let row = row.ok_or_else(|| Error::config("the columns are not known"))?;
        let others = self.beside.iter().filter_map(|other| other.row.as_ref());
        Ok(others.fold(Load::of(&self.definition, row)?, Load::beside).exclusive())
    }

    /// The target, once no other run of the pipeline is at it, if this one is told to wait.
    pub(super) async fn open(&mut self, load: Load, run: &Run) -> Result<Box<dyn Session>> {
        let session = self.let_in(load, run).await?;
        self.entered = true;
        Ok(session)
    }

    async fn let_in(&self, load: Load, run: &Run) -> Result<Box<dyn Session>> {
        let began = Instant::now();
        let mut told = false;
        loop {
            let busy = match self.destination.open(load.clone(), &run.limits).await {
                Err(error) if error.kind() == ErrorKind::Busy => error,
                opened => {
                    let variables = || self.target_variables.clone();
                    return opened.map_err(|error| error.with_variables(variables()));
                }
            };
            if run.options.wait.is_none_or(|wait| began.elapsed() >= wait) {
                return Err(busy);
            }
            if !std::mem::replace(&mut told, true) {
                tracing::info!("waiting: {}", busy.message());
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Ends a load that has failed; its error.
pub(super) async fn given_up(session: Box<dyn Session>, error: Error, run: &Run) -> Error {
    if let Err(left) = session.abort().await {
        let left = left.masked(|text| run.secrets.mask(text));
        tracing::warn!("cleaning up failed: {}", left.message());
    }
    error
}

/// How far the incremental sources of a pipeline have come.
struct Remembered {
    run: String,
    watermarks: Vec<Arc<Watermarks>>,
    /// What the target says of them, where there are any.
    known: Option<State>,
}

impl Remembered {
    /// Tells the sources what earlier runs have committed.
    fn of(state: State, watermarks: Vec<Arc<Watermarks>>, run: &str) -> Result<Self> {
        watermarks.iter().try_for_each(|watermarks| watermarks.know(&state))?;
        let known = (!watermarks.is_empty()).then_some(state);
        Ok(Self { run: run.to_owned(), watermarks, known })
    }

    /// What the rows so far change.
    fn change(&self) -> StateChange {
        let partitions =
            self.watermarks.iter().flat_map(|watermarks| watermarks.change(None, None));
        let (run, known) = (self.run.clone(), self.known.clone());
        StateChange { run, partitions: partitions.collect(), known, entry: None }
    }
}

/// A connection to the target, at once where one is free. While others hold them all, the first rows
/// are fetched and computed, so that the connection is then held for a short time.
async fn connection<S: Stream>(
    connections: &Connections,
    rows: Pin<&mut Peekable<S>>,
) -> Connection {
    if let Some(free) = connections.free() {
        return free;
    }
    let ahead = async {
        rows.peek().await;
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        connection = connections.one() => connection,
        never = ahead => match never {},
    }
}
