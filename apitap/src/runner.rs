//! Runs pipelines: definitions → environment → plans → fetches and sinks → a report.
//!
//! Each source is fetched once a run, however many queries read it; each pipeline is one transaction
//! of its target. What goes wrong in one pipeline leaves the others alone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use apitap_build::definition::{Definition, Source};
#[cfg(feature = "cli")]
use apitap_build::schema::{Schema, inference::Inference, notation};
use datafusion::arrow::array::RecordBatch;
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use tokio::sync::Semaphore;
use tracing::{Instrument as _, info_span};

use crate::engine::limits::{Limits, Memory};
use crate::environment::{Environment, Secrets};
use crate::report::{Numbers, PipelineReport, Report};
use crate::sink::{self, Load, StateChange, Target, Written};
use crate::source::Fetched;
use crate::source::custom::RustType;
use crate::source::fetch::{self, FetchPlan};
use crate::source::request::client::Client;
#[cfg(feature = "cli")]
use crate::source::spool::Pages;
use crate::source::spool::Shared;
use crate::source::table::Input;
use crate::sql::{self, Query};
use crate::{Error, Pipeline, Result, blocking};

/// Runs pipelines once, on the runtime of the caller.
///
/// Reads the process's environment first: where a variable is missing, nothing is requested and
/// nothing is written. The report says what each pipeline has done, errors included.
pub async fn run(pipelines: &[&Pipeline]) -> Report {
    run_in(pipelines, Environment::process()).await
}

/// Runs pipelines once, with these variables in place of the process's environment.
pub async fn run_in(pipelines: &[&Pipeline], environment: Environment) -> Report {
    match prepare(pipelines, environment, |definition, environment| {
        sink::resolve(&definition.target, environment)
    }) {
        Ok((jobs, run)) => run.all(jobs).await,
        Err(error) => Report::not_run(error),
    }
}

/// A pipeline with its texts resolved; `D` is where its rows go.
struct Job<'a, D> {
    pipeline: &'a Pipeline,
    definition: Definition,
    sources: Vec<Fetch>,
    destination: D,
}

/// What the pipelines of a run share.
struct Run {
    began: Instant,
    client: Client,
    secrets: Secrets,
    runtime: Arc<RuntimeEnv>,
    limits: Limits,
    /// What is left of the connections that writers beyond the first may take.
    connections: Arc<Semaphore>,
}

/// One fetch of a run, which several pipelines may read.
#[derive(Clone)]
struct Fetch {
    plan: Arc<FetchPlan>,
    fetched: Arc<Fetched>,
    /// How often it is read in the whole run.
    readers: Arc<AtomicUsize>,
    shared: Arc<OnceLock<Shared>>,
}

/// The rows of a pipeline in batches, without a target: `()` is where they go.
///
/// The fetch begins when the stream is polled, on a tokio runtime, and ends with the stream. Errors
/// name the pipeline and hold no secret.
pub(crate) fn batches(
    pipeline: &'static Pipeline,
    environment: Environment,
) -> impl Stream<Item = Result<RecordBatch>> + Send + 'static {
    let name = pipeline.name();
    futures::stream::once(async move {
        blocking::check_runtime()?;
        let (jobs, run) = prepare(&[pipeline], environment, |_, _| ())?;
        let secrets = run.secrets.clone();
        let mask = move |error: Error| error.masked(|text| secrets.mask(text));
        let planned = run.plan_all(jobs).await;
        let streams = planned.into_iter().map(|Planned { job, query }| run.stream(&job, &query?));
        let streams = streams.collect::<Result<Vec<_>>>().map_err(&mask)?;
        Ok(futures::stream::iter(streams).flatten().map_err(mask))
    })
    .try_flatten()
    .map_err(|error| error.in_pipeline(name))
}

fn prepare<'a, D>(
    pipelines: &[&'a Pipeline],
    mut environment: Environment,
    destination: impl Fn(&Definition, &mut Environment) -> D,
) -> Result<(Vec<Job<'a, D>>, Run)> {
    let began = Instant::now();
    let limits = Limits::of(Memory::of(&environment)?, pipelines.len());
    let mut fetches = HashMap::new();
    let mut jobs = Vec::new();
    for &pipeline in pipelines {
        pipeline.check_linked()?;
        let definition = pipeline.definition()?.clone();
        let sources = definition
            .sources
            .iter()
            .map(|source| fetch(source, pipeline.rust_types(), &mut fetches, &mut environment))
            .collect();
        let destination = destination(&definition, &mut environment);
        jobs.push(Job { pipeline, definition, sources, destination });
    }
    environment.check()?;
    jobs.iter().flat_map(|job| &job.sources).try_for_each(|fetch| fetch.plan.check())?;
    let run = Run {
        connections: Arc::new(Semaphore::new(limits.connections)),
        began,
        client: Client::new()?,
        secrets: environment.secrets(),
        runtime: sql::runtime(&limits)?,
        limits,
    };
    Ok((jobs, run))
}

/// The fetch of a source; sources that make the same requests have one.
fn fetch(
    source: &Source,
    types: &[RustType],
    fetches: &mut HashMap<FetchPlan, Fetch>,
    environment: &mut Environment,
) -> Fetch {
    let plan = FetchPlan::resolve(source, types, environment);
    let new = || Fetch {
        plan: Arc::new(plan.clone()),
        fetched: Arc::default(),
        readers: Arc::default(),
        shared: Arc::default(),
    };
    fetches.entry(plan.clone()).or_insert_with(new).clone()
}

/// A job whose query is planned, or why it is not.
struct Planned<'a, D> {
    job: Job<'a, D>,
    query: Result<Query>,
}

impl Run {
    async fn all(self, jobs: Vec<Job<'_, Arc<dyn Target>>>) -> Report {
        let planned = self.plan_all(jobs).await;
        let fetches: Vec<_> = planned.iter().flat_map(|p| p.job.sources.clone()).collect();
        let pipelines: Vec<_> = futures::stream::iter(planned)
            .map(|planned| self.report(planned))
            .buffered(self.limits.at_once)
            .collect()
            .await;
        let total = self.total(&pipelines, &fetches);
        Report { error: None, pipelines, total }
    }

    /// How often each fetch is read must be known before any begins: all queries are planned first.
    async fn plan_all<'a, D>(&self, jobs: Vec<Job<'a, D>>) -> Vec<Planned<'a, D>> {
        let mut planned = Vec::with_capacity(jobs.len());
        for job in jobs {
            planned.push(self.plan(job).await);
        }
        planned
    }

    async fn plan<'a, D>(&self, mut job: Job<'a, D>) -> Planned<'a, D> {
        let query = self.query(&mut job).await;
        if let Ok(query) = &query {
            for (source, fetch) in job.definition.sources.iter().zip(&job.sources) {
                fetch.readers.fetch_add(query.reading.scans(&source.name), Ordering::Relaxed);
            }
        }
        Planned { job, query }
    }

    async fn query<D>(&self, job: &mut Job<'_, D>) -> Result<Query> {
        if job.definition.row.is_none() {
            self.infer(job).await?;
        }
        Query::plan(job.pipeline, &job.definition, &self.runtime, &self.limits).await
    }

    /// Runs one pipeline to its end, good or bad.
    async fn report(&self, Planned { job, query }: Planned<'_, Arc<dyn Target>>) -> PipelineReport {
        let began = Instant::now();
        let name = job.pipeline.name().to_owned();
        let outcome = match query {
            Ok(query) => {
                self.one(&job, &query).instrument(info_span!("run", pipeline = name)).await
            }
            Err(error) => Err(error),
        };
        let mut numbers = Numbers { seconds: began.elapsed(), ..Numbers::default() };
        job.sources.iter().for_each(|fetch| numbers.add_fetched(&fetch.fetched));
        let error = match outcome {
            Ok(Written { received, stored }) => {
                (numbers.rows, numbers.stored) = (received, stored);
                tracing::info!(pipeline = name, rows = received, stored, "committed");
                None
            }
            Err(error) => {
                let error = error.in_pipeline(&name).masked(|text| self.secrets.mask(text));
                // All of it is in the report.
                tracing::error!(pipeline = name, "failed: {}", error.message());
                Some(error)
            }
        };
        PipelineReport { name, table: job.definition.table, error, numbers }
    }

    /// Fetches, computes, stores, commits.
    async fn one(&self, job: &Job<'_, Arc<dyn Target>>, query: &Query) -> Result<Written> {
        let Definition { table, mode, key, row, .. } = &job.definition;
        let row = row.as_ref().ok_or_else(|| Error::config("the columns are not known"))?;
        let load = Load::new(job.pipeline.name(), table, *mode, key, row)?;
        let target = &job.destination;
        // The target is the first to be asked: what it refuses costs no request.
        let mut session = target.open(load, &self.limits).await?;
        let batches = self.stream(job, query)?;
        let done = async {
            let block = self.limits.copy;
            sink::feed(&mut *session, batches, block, &self.connections).await?;
            session.commit(&StateChange::default()).await
        };
        if let Err(error) = done.await {
            if let Err(left) = session.abort().await {
                tracing::warn!("cleaning up failed: {}", left.message());
            }
            return Err(error);
        }
        session.finish().await
    }

    /// Fetches and computes: each source is requested when the query begins to read it.
    fn stream<D>(
        &self,
        job: &Job<'_, D>,
        query: &Query,
    ) -> Result<impl Stream<Item = Result<RecordBatch>> + use<D>> {
        for (source, fetch) in job.definition.sources.iter().zip(&job.sources) {
            let pages = fetch.shared(self);
            let decoder = job.pipeline.decoder(source)?;
            let begin = move || Ok(Input::Pages(pages.reader(), decoder()));
            query.reading.set(&source.name, Box::new(begin));
        }
        query.stream()
    }

    fn total(&self, pipelines: &[PipelineReport], fetches: &[Fetch]) -> Numbers {
        let mut total = Numbers { seconds: self.began.elapsed(), ..Numbers::default() };
        let mut counted = Vec::new();
        for fetch in fetches {
            if !counted.iter().any(|known| Arc::ptr_eq(known, &fetch.fetched)) {
                counted.push(Arc::clone(&fetch.fetched));
                total.add_fetched(&fetch.fetched);
            }
        }
        for pipeline in pipelines {
            total.rows += pipeline.numbers.rows;
            total.stored += pipeline.numbers.stored;
        }
        total
    }
}

impl Fetch {
    /// The pages, requested when the first reader begins.
    fn shared(&self, run: &Run) -> Shared {
        let several = self.readers.load(Ordering::Relaxed) > 1;
        self.shared.get_or_init(|| self.begin(run, several)).clone()
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

#[cfg(not(feature = "cli"))]
impl Run {
    #[allow(clippy::unused_async)] // The same shape as with the compiler.
    async fn infer<D>(&self, job: &mut Job<'_, D>) -> Result<()> {
        let name = job.pipeline.name();
        Err(Error::config(format!("`{name}` reads a source without a schema"))
            .help("declare `schema:`, or build apitap with the feature `cli`"))
    }
}

#[cfg(feature = "cli")]
impl Run {
    /// Looks at all records of the sources without a schema, then checks the query against them.
    ///
    /// Pages are kept in a temporary file, so that they are requested once and read again.
    async fn infer<D>(&self, job: &mut Job<'_, D>) -> Result<()> {
        for (source, fetch) in job.definition.sources.iter_mut().zip(&job.sources) {
            if source.schema.is_none() {
                let pages = fetch.shared.get_or_init(|| fetch.begin(self, true));
                source.schema = Some(infer(&source.name, pages.reader()).await?);
            }
        }
        crate::cli::complete(&mut job.definition)
    }
}

/// The schema of all records; tells the user how to write it down.
#[cfg(feature = "cli")]
async fn infer(source: &str, mut pages: Pages) -> Result<Schema> {
    let mut inference = Inference::default();
    while let Some(page) = pages.next().await {
        let page = page?;
        let mut number = 0;
        let mut segments = page.segments();
        while let Some(segment) = segments.next().await? {
            for (record, _) in segment.records() {
                number += 1;
                inference.observe(record.as_bytes()).map_err(|cause| {
                    Error::data("this record cannot be read")
                        .caused_by(cause)
                        .in_request(&page.request)
                        .at_record(number)
                })?;
            }
        }
    }
    let schema = inference.schema();
    if schema.fields.is_empty() {
        return Err(Error::data(format!("`{source}` has no records to infer a schema from"))
            .help("declare its fields in the YAML file: `schema: {id: int64!, …}`"));
    }
    for path in inference.mixed() {
        tracing::warn!("`{path}` of `{source}` has values of several kinds: it is kept as json");
    }
    let yaml = notation::yaml(&schema).replace('\n', "\n      ");
    tracing::warn!(
        "the schema of `{source}` is inferred from this run's records; to have it checked before \
         a run, write it down:\n    schema:\n      {yaml}"
    );
    Ok(schema)
}
