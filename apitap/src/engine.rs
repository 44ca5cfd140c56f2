//! Runs pipelines: definitions → environment → a task for each → a report, in the definitions' order.
//!
//! ```text
//! prepare   texts resolved, what the pipelines share is made      job.rs, fetch.rs
//! per job   query planned, target opened, rows written, commit    job.rs, query.rs, session.rs
//! report    as many lines as pipelines, whatever came first       ../report.rs
//! ```
//! No pipeline waits for another one: as many as [`limits`] allows are under way, each in a task of
//! its own, so that their queries use all cores, and one that has ended makes room for the next.
//! Each source is fetched once a run, however many queries read it. What goes wrong in one pipeline
//! leaves the others alone.

pub(crate) mod connections;
mod drift;
mod failed;
mod fetch;
mod gone;
mod in_part;
mod job;
pub mod limits;
pub(crate) mod options;
pub(crate) mod pushdown;
pub(crate) mod query;
mod resume;
pub(crate) mod session;
mod skipped;
pub(crate) mod watch;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use apitap_build::definition::Definition;
use apitap_build::engine::Risk;
use chrono::Utc;
use datafusion::arrow::array::RecordBatch;
use futures::{Stream, TryStreamExt as _};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tracing::{Instrument as _, info_span};

use crate::environment::{Environment, Used, used_in};
use crate::report::{Numbers, PipelineReport, Report, Status};
use crate::sink::{self, Difference, Load, Remembered, RunEntry, Session, StateChange, Target};
use crate::source::Fetched;
use crate::{Error, ErrorKind, Pipeline, Result, blocking};
use job::{Job, Prepared, Run, acquaint, prepare};
use limits::{Limits, Memory};
use options::Options;
use query::{Query, Wanted};
use watch::Progress;

/// How long pipelines that are stopped may take to let go of what they hold.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs pipelines once, on the runtime of the caller.
///
/// Reads the process's environment first: where a variable is missing, nothing is requested and
/// nothing is written. The report says what each pipeline has done, errors included.
pub async fn run(pipelines: &[&Pipeline]) -> Report {
    run_in(pipelines, Environment::process()).await
}

/// Runs pipelines once, with these variables in place of the process's environment.
///
/// `APITAP_MEMORY` among them says how much the run may keep in memory: `256MiB` if nothing does.
pub async fn run_in(pipelines: &[&Pipeline], environment: Environment) -> Report {
    run_until(pipelines, environment, Options::default(), std::future::pending()).await
}

/// Runs pipelines once into a target of your own, in place of those that their definitions name: of these, no
/// variable need be set.
///
/// It takes what the pipelines write, in the modes that they have: what was checked against the target of a
/// definition is not checked against this one before it is opened.
pub async fn run_into(
    target: &Arc<dyn Target>,
    pipelines: &[&Pipeline],
    environment: Environment,
) -> Report {
    let options = Options { into: Some(Arc::clone(target)), ..Options::default() };
    run_until(pipelines, environment, options, std::future::pending()).await
}

/// Runs pipelines to their end, or until `stopped`: then the report says which were done by then.
///
/// What those that were stopped have written was not committed, and is gone.
pub(crate) async fn run_until(
    pipelines: &[&Pipeline],
    environment: Environment,
    options: Options,
    stopped: impl Future<Output = ()>,
) -> Report {
    let (began, started) = (Instant::now(), Utc::now());
    let prepared = prepare(pipelines, environment, &options, |definition, environment| {
        match (&options.tried, &options.into) {
            // Its variables need not be set.
            (Some(tried), _) => sink::dry(&definition.target, Arc::clone(tried)),
            (None, Some(into)) => Arc::clone(into),
            (None, None) => sink::resolve(&definition.target, environment),
        }
    });
    let Prepared { mut jobs, run, fetched } = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return Report::not_run(error),
    };
    if let Some(tried) = &options.tried {
        tried.secrets.get_or_init(|| run.secrets.clone());
    }
    acquaint(&mut jobs, &options.known);
    options.watch.begin(jobs.iter().map(|job| Arc::clone(&job.progress)).collect());
    let known = |job: &Job<_>| (Arc::clone(&job.definition), Arc::clone(&job.progress));
    let known: Vec<_> = jobs.iter().map(known).collect();
    let reports: Reports = jobs.iter().map(|_| OnceLock::new()).collect();
    let run = Arc::new(run);
    let ended = {
        let mut tasks = JoinSet::new();
        let ended = tokio::select! {
            ended = all(jobs, &run, &reports, &mut tasks) => ended,
            () = stopped => Ended::Interrupted,
        };
        // Whoever commits right now is done with it before it is looked at.
        drop(tokio::time::timeout(PATIENCE, tasks.shutdown()).await);
        ended
    };
    let reported = known.iter().zip(reports.iter());
    let reported = reported.map(|((definition, progress), report)| match (report.get(), &ended) {
        (Some(report), _) => report.clone(),
        (None, Ended::Complete) => broken_down(definition, progress),
        (None, Ended::Failed | Ended::Interrupted) => PipelineReport::stopped(definition, progress),
    });
    let pipelines: Vec<_> = reported.collect();
    let total = total(began, &pipelines, &fetched);
    let error = matches!(ended, Ended::Interrupted).then(interrupted);
    Report { error, pipelines, total, started: Some(started), ended: Some(Utc::now()) }
}

/// How a run has ended.
enum Ended {
    /// Every pipeline came to its end, good or bad.
    Complete,
    /// One has failed, and that was the end of all.
    Failed,
    /// From outside.
    Interrupted,
}

/// What the pipelines came to, at the places of the pipelines.
type Reports = Arc<[OnceLock<PipelineReport>]>;

/// Runs all jobs, each in a task; the next one begins when one of them ends.
async fn all(
    jobs: Vec<Job<Arc<dyn Target>>>,
    run: &Arc<Run>,
    reports: &Reports,
    tasks: &mut JoinSet<()>,
) -> Ended {
    let failed = Arc::new(Notify::new());
    tokio::select! {
        () = each(jobs, run, reports, tasks, &failed) => Ended::Complete,
        () = failed.notified() => Ended::Failed,
    }
}

async fn each(
    jobs: Vec<Job<Arc<dyn Target>>>,
    run: &Arc<Run>,
    reports: &Reports,
    tasks: &mut JoinSet<()>,
    failed: &Arc<Notify>,
) {
    let places = Arc::new(Semaphore::new(run.limits.at_once));
    for (index, job) in jobs.into_iter().enumerate() {
        // Nobody closes it, so that there is a place in the end.
        let place = Arc::clone(&places).acquire_owned().await;
        let (run, reports) = (Arc::clone(run), Arc::clone(reports));
        let failed = Arc::clone(failed);
        let span = info_span!("run", pipeline = job.definition.name);
        let one = async move {
            let report = job.report(&run).await;
            let ends_all = run.options.fail_fast && report.error.is_some();
            if let Some(empty) = reports.get(index) {
                empty.get_or_init(|| report);
            }
            if ends_all {
                failed.notify_one();
            }
            drop(place);
        };
        tasks.spawn(one.instrument(span));
    }
    // One that has panicked leaves no report: see `broken_down`.
    while tasks.join_next().await.is_some() {}
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
        let Prepared { jobs, run, .. } =
            prepare(&[pipeline], environment, &Options::default(), |_, _| ())?;
        let secrets = run.secrets.clone();
        let mask = move |error: Error| error.masked(|text| secrets.mask(text));
        let mut streams = Vec::new();
        for mut job in jobs {
            streams.push(job.stream(&run).await.map_err(&mask)?);
        }
        Ok(futures::StreamExt::flatten(futures::stream::iter(streams)).map_err(mask))
    })
    .try_flatten()
    .map_err(|error| error.in_pipeline(name))
}

/// Whether all that pipelines take from the environment is there.
///
/// # Errors
/// A config error that names all variables that are missing.
pub(crate) fn check_environment(pipelines: &[&Pipeline], environment: Environment) -> Result<()> {
    let resolve = |definition: &Definition, environment: &mut Environment| {
        sink::resolve(&definition.target, environment);
    };
    prepare(pipelines, environment, &Options::default(), resolve).map(drop)
}

/// Whether the target of a pipeline takes its rows, and has those that its state tells of: it is connected to,
/// tries out the load, and takes it back. `false` where the columns are not known before a run.
///
/// # Errors
/// Whatever stands between the rows and the table.
pub(crate) async fn try_target(pipeline: &Pipeline, environment: Environment) -> Result<bool> {
    at_target(pipeline, environment, async |definition, target, limits| {
        let Some(row) = &definition.row else { return Ok(false) };
        let mut session = target.open(Load::of(definition, row)?.tried(), &limits).await?;
        let is_there = async {
            if !gone::concerns(definition) {
                return Ok(());
            }
            let state = session.state().await?;
            gone::check(&mut *session, definition, &state, false).await
        };
        let is_there = is_there.await;
        taken_back(session, is_there).await.map(|()| true)
    })
    .await
}

/// Takes back a load that was tried; where both fail, the first error says why.
async fn taken_back(session: Box<dyn Session>, tried: Result<()>) -> Result<()> {
    let ended = session.abort().await;
    tried.and(ended)
}

/// All ways in which the table of a pipeline is not what its rows need; `None` where its columns are only known in a
/// run.
///
/// # Errors
/// The target cannot be reached, or does not take such a table at all.
pub(crate) async fn differences(
    pipeline: &Pipeline,
    environment: Environment,
) -> Result<Option<Vec<Difference>>> {
    at_target(pipeline, environment, async |definition, target, _| match &definition.row {
        Some(row) => target.differences(&Load::of(definition, row)?).await.map(Some),
        None => Ok(None),
    })
    .await
}

/// What a pipeline remembers from run to run.
///
/// # Errors
/// The target cannot be reached, or does not show it.
pub(crate) async fn remembered(
    pipeline: &Pipeline,
    environment: Environment,
) -> Result<Vec<Remembered>> {
    at_target(pipeline, environment, async |definition, target, _| {
        target.remembered(&Load::of_state(definition)?).await
    })
    .await
}

/// The runs of a pipeline that its target keeps, the latest first.
///
/// # Errors
/// The target cannot be reached, or does not show them.
pub(crate) async fn runs(pipeline: &Pipeline, environment: Environment) -> Result<Vec<RunEntry>> {
    at_target(pipeline, environment, async |definition, target, _| {
        target.runs(&Load::of_state(definition)?).await
    })
    .await
}

/// Changes what a pipeline remembers, and nothing else.
///
/// # Errors
/// A run of it is under way; the target cannot be reached.
pub(crate) async fn correct(
    pipeline: &Pipeline,
    environment: Environment,
    change: &StateChange,
) -> Result<()> {
    at_target(pipeline, environment, async |definition, target, _| {
        target.correct(&Load::of_state(definition)?, change).await
    })
    .await
}

/// The variables that a target is reached by, as its errors name them.
fn target_variables(definition: &Definition, used: &[Used]) -> Option<String> {
    used_in(&format!("target `{}`", definition.target.name), used)
}

/// Does something with the target of a pipeline; of the environment nothing else is needed.
async fn at_target<T>(
    pipeline: &Pipeline,
    mut environment: Environment,
    work: impl AsyncFnOnce(&Definition, &dyn Target, Limits) -> Result<T>,
) -> Result<T> {
    let definition = pipeline.definition()?;
    let limits = Limits::of(Memory::of(&environment)?, 1);
    let resolve = |environment: &mut Environment| sink::resolve(&definition.target, environment);
    let (target, used) = environment.reading(resolve);
    environment.check()?;
    let secrets = environment.secrets();
    let done = work(definition, target.as_ref(), limits).await;
    let done = done.map_err(|error| error.with_variables(target_variables(definition, &used)));
    done.map_err(|error| error.in_pipeline(&definition.name).masked(|text| secrets.mask(text)))
}

/// How the engine computes the rows of a pipeline whose sources all have a schema.
pub(crate) struct Explained {
    /// A step a line, the last one first.
    pub(crate) steps: String,
    /// The expressions that can fail in a run.
    pub(crate) risks: Vec<Risk>,
    /// What its sources are asked for by the conditions of the query, by their names: parameters and values.
    pub(crate) asked: BTreeMap<String, Vec<(String, String)>>,
}

/// Explains the query of a pipeline whose sources all have a schema.
///
/// # Errors
/// A part of it is not in this program.
pub(crate) async fn explain(pipeline: &Pipeline) -> Result<Explained> {
    let limits = Limits::of(Memory::default(), 1);
    let memory = session::memory(&limits)?;
    let (linked, definition) = (pipeline.linked()?, pipeline.definition()?);
    let explained = async {
        let now = Utc::now();
        let narrowed = pushdown::of(&linked, definition, &limits, now);
        let (memory, limits, narrowed) = (&memory, &limits, narrowed);
        let wanted = Wanted { memory, limits, narrowed: &narrowed, now, limited: false };
        let query = Query::plan(&linked, definition, &wanted, &Arc::default()).await?;
        let risks = query::risks(&linked, definition).await?;
        let asked = narrowed.into_iter().map(|(source, narrowed)| (source, narrowed.params()));
        Ok(Explained { steps: query.explained(), risks, asked: asked.collect() })
    };
    explained.await.map_err(|error: Error| error.in_pipeline(pipeline.name()))
}

/// The sums of the pipelines' rows, and of what was fetched, each page once.
fn total(began: Instant, pipelines: &[PipelineReport], fetched: &[Arc<Fetched>]) -> Numbers {
    let mut total = Numbers { seconds: began.elapsed(), ..Numbers::default() };
    fetched.iter().for_each(|fetched| total.add_fetched(fetched));
    for pipeline in pipelines {
        total.rows += pipeline.numbers.rows;
        total.stored += pipeline.numbers.stored;
        total.unchanged += pipeline.numbers.unchanged;
    }
    total
}

/// What was committed stays; what was under way has changed nothing.
fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted before all pipelines were done")
        .help("what was not committed has changed nothing: run it again")
}

/// The report of a pipeline whose task has panicked.
fn broken_down(definition: &Definition, progress: &Progress) -> PipelineReport {
    let error = Error::query("the pipeline broke down: this is a bug in apitap")
        .in_pipeline(&definition.name)
        .help("please report it with what stands above on standard error");
    PipelineReport {
        status: Status::Failed,
        error: Some(error),
        ..PipelineReport::stopped(definition, progress)
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::sink::{State, Writer, Written};

    fn lost<T>() -> Result<T> {
        Err(Error::target("the connection is lost"))
    }

    /// A session whose server no longer answers.
    struct Lost;

    #[async_trait]
    impl Session for Lost {
        async fn state(&mut self) -> Result<State> {
            lost()
        }

        fn writers(&self) -> usize {
            1
        }

        async fn writer(&mut self) -> Result<Box<dyn Writer>> {
            lost()
        }

        async fn commit(&mut self, _state: &StateChange) -> Result<Written> {
            lost()
        }

        async fn finish(self: Box<Self>) -> Result<Written> {
            lost()
        }

        async fn abort(self: Box<Self>) -> Result<()> {
            lost()
        }
    }

    #[tokio::test]
    async fn why_a_target_is_not_ready_comes_before_what_taking_it_back_says() {
        let gone = Err(Error::target("the table is gone"));
        let message = |done: Result<()>| done.unwrap_err().message().to_owned();
        assert_eq!(message(taken_back(Box::new(Lost), gone).await), "the table is gone");
        assert_eq!(message(taken_back(Box::new(Lost), Ok(())).await), "the connection is lost");
    }
}
