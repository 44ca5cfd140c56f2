//! A source whose API prepares what it sends → the pages of the result, once it is there.
//!
//! ```text
//! create → id → poll, poll, … (waits that grow, up to a deadline) → done → the source's own pages,
//!                                                                         or those of files
//! ```
//! A job that fails is an error with what the API says of it. All of it happens for each partition of
//! a source. Nothing here knows a query.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use apitap_build::expression::Expression;
use futures::stream;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::Value as Json;
use tokio::time::Instant;

use super::body::Values;
use super::fetch::{self, Driver, FetchPlan};
use super::pagination::{Params, Reads};
use super::request::expression::{Said, Scope, Value, evaluate, of_body};
use super::request::plan::JobRequestPlan;
use super::request::shown::shortened;
use super::request::{Answered, Endpoint};
use super::spool::Pages;
use crate::definition::{Job, Pointer};
use crate::environment::Environment;
use crate::{Error, ErrorKind, Result};

/// The longest wait between two questions, where the first is not longer.
const LONGEST: Duration = Duration::from_secs(60);

/// The most characters of an answer that a message shows.
const SHOWN: usize = 400;

/// What `job` says, with the environment's values in it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::source) struct JobPlan {
    create: JobRequestPlan,
    id_path: Pointer,
    poll: JobRequestPlan,
    every: Duration,
    done_when: crate::definition::Condition,
    failed_when: Option<crate::definition::Condition>,
    deadline: Duration,
    download: Option<Pointer>,
}

impl JobPlan {
    /// Puts the environment's values in.
    pub(in crate::source) fn resolve(job: &Job, environment: &mut Environment) -> Self {
        Self {
            create: JobRequestPlan::resolve(&job.create, environment),
            id_path: job.id_path.clone(),
            poll: JobRequestPlan::resolve(&job.poll, environment),
            every: job.every,
            done_when: job.done_when.clone(),
            failed_when: job.failed_when.clone(),
            deadline: job.deadline,
            download: job.download.clone(),
        }
    }

    /// Whether an expression of its requests uses a name.
    pub(in crate::source) fn uses(&self, name: &str) -> bool {
        [&self.create, &self.poll].into_iter().any(|request| request.uses(name))
    }

    /// Whether its requests can be made; `probe` has values of all names.
    ///
    /// # Errors
    /// A config error that names the source.
    pub(in crate::source) fn check(&self, plan: &FetchPlan, probe: &Scope) -> Result<()> {
        let probe = with_id(probe, "1");
        for request in [&self.create, &self.poll] {
            plan.of_job(request, &probe)?.check_target()?;
        }
        self.conditions().map(drop)
    }

    fn conditions(&self) -> Result<Conditions> {
        let parsed = |condition: &crate::definition::Condition| {
            condition.expression().map_err(|error| Error::config(error.message).help(error.help))
        };
        let failed = self.failed_when.as_ref().map(parsed).transpose()?;
        Ok(Conditions { done: parsed(&self.done_when)?, failed })
    }
}

/// The names of a place, with the id of a job.
pub(in crate::source) fn with_id(scope: &Scope, id: &str) -> Scope {
    scope.clone().with("job", Some(Value::Text(id.to_owned())))
}

/// When a job is done, and when it has failed.
struct Conditions {
    done: Expression,
    failed: Option<Expression>,
}

/// The pages of a source that begins with a job.
pub(in crate::source) fn pages(driver: &Driver, plan: &FetchPlan, job: &JobPlan) -> Pages {
    let (driver, plan, job) = (driver.clone(), plan.clone(), job.clone());
    stream::once(async move { Running { driver, plan, job }.result().await }).try_flatten().boxed()
}

/// A job that is under way.
struct Running {
    driver: Driver,
    plan: FetchPlan,
    job: JobPlan,
}

/// What became of a question about a job.
enum Told {
    /// It is not done yet.
    Waiting,
    /// It is, and this was the answer.
    Done(Box<Answered>),
    /// A rule of `on_response` says that there are no records.
    Nothing,
}

impl Running {
    /// The pages of its result.
    async fn result(self) -> Result<Pages> {
        let Some(id) = self.create().await? else { return Ok(stream::empty().boxed()) };
        let scope = with_id(self.plan.scope(), &id);
        let Some(done) = self.wait(&scope).await? else { return Ok(stream::empty().boxed()) };
        let plan = self.plan.with_scope(scope);
        let Some(pointer) = &self.job.download else {
            return Ok(fetch::collection(&self.driver, &plan, None));
        };
        let files = addresses(&done, pointer)?;
        let driver = self.driver.clone();
        let pages = stream::iter(files).then(move |file| {
            let (driver, plan) = (driver.clone(), plan.clone());
            async move {
                let endpoint = Endpoint::new(&driver, &plan)?;
                let address = endpoint.file(&file).await?;
                Ok(fetch::collection(&driver, &plan.of_file(&address), None))
            }
        });
        Ok(pages.try_flatten().boxed())
    }

    /// Creates it; its id.
    async fn create(&self) -> Result<Option<String>> {
        let plan = self.plan.of_job(&self.job.create, self.plan.scope())?;
        let answered = self.ask(&plan).await?;
        if self.driver.skips(&answered) {
            return Ok(None);
        }
        let body = answered.text();
        let json: Json = serde_json::from_str(body).unwrap_or_default();
        let found = json.pointer(&self.job.id_path.0);
        let id = match found {
            Some(Json::String(id)) if !id.is_empty() => id.clone(),
            Some(Json::Number(id)) => id.to_string(),
            _ => {
                let shown = shortened(&self.driver.secrets.mask(body), SHOWN);
                return Err(Error::data(format!("the job has no id: {shown}"))
                    .at_path(self.job.id_path.0.clone())
                    .in_request(&answered.page.request)
                    .help("let `job.id_path` lead to the id in the answer of `job.create`"));
            }
        };
        tracing::info!(source = self.plan.name(), job = %shortened(&id, 100), "created a job");
        Ok(Some(id))
    }

    /// Asks until it is done; the last answer.
    async fn wait(&self, scope: &Scope) -> Result<Option<Box<Answered>>> {
        let plan = self.plan.of_job(&self.job.poll, scope)?;
        let conditions = self.job.conditions()?;
        let until = Instant::now() + self.job.deadline;
        let mut delay = self.job.every;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            self.driver.fetched.wait("waits for the job", delay.min(left)).await;
            match self.told(&plan, &conditions).await? {
                Told::Done(answered) => return Ok(Some(answered)),
                Told::Nothing => return Ok(None),
                Told::Waiting if Instant::now() >= until => return Err(self.late()),
                Told::Waiting => delay = longer(delay, self.job.every),
            }
        }
    }

    async fn told(&self, plan: &FetchPlan, conditions: &Conditions) -> Result<Told> {
        let answered = self.ask(plan).await?;
        if self.driver.skips(&answered) {
            return Ok(Told::Nothing);
        }
        let scope = scope_of(&answered, conditions);
        let holds =
            |condition| evaluate(condition, &scope).map(|v| v == Some(Value::Boolean(true)));
        if conditions.failed.as_ref().map_or(Ok(false), holds)? {
            let shown = shortened(&self.driver.secrets.mask(answered.text()), SHOWN);
            return Err(Error::new(ErrorKind::Request, format!("the job has failed: {shown}"))
                .in_request(&answered.page.request)
                .help("the API says why; nothing of the job was loaded"));
        }
        match holds(&conditions.done)? {
            true => Ok(Told::Done(Box::new(answered))),
            false => Ok(Told::Waiting),
        }
    }

    fn late(&self) -> Error {
        let message = format!("the job was not done within {:?}", self.job.deadline);
        Error::new(ErrorKind::Request, message).help(
            "raise `job.deadline`, or see in `done_when` whether the API calls it done otherwise",
        )
    }

    /// Sends one request, as often as `retry` says.
    async fn ask(&self, plan: &FetchPlan) -> Result<Answered> {
        let endpoint = Arc::new(Endpoint::new(&self.driver, plan)?);
        let ask = endpoint.ask(&Params::default(), None)?;
        let answered = endpoint.fetch(ask, 1, Arc::new(Reads::Body)).await;
        answered.map_err(|given_up| given_up.error)
    }
}

/// The wait behind another one.
fn longer(delay: Duration, first: Duration) -> Duration {
    (delay + delay / 2).min(LONGEST.max(first))
}

/// What the conditions see of an answer.
fn scope_of(answered: &Answered, conditions: &Conditions) -> Scope {
    let all = conditions.failed.iter().chain([&conditions.done]);
    let mut pointers: Vec<_> = all.flat_map(Expression::pointers).map(str::to_owned).collect();
    pointers.sort();
    pointers.dedup();
    let places: Vec<_> = pointers.iter().cloned().map(Pointer).collect();
    let mut values = Values::at(&places);
    values.read(answered.text().as_bytes());
    let found = values.found();
    let body = pointers.into_iter().zip(found.iter().map(of_body)).collect();
    Scope::of_answer(answered.status(), Said { headers: answered.headers().clone(), body })
}

/// The addresses of the files in the answer that says that the job is done.
fn addresses(done: &Answered, pointer: &Pointer) -> Result<Vec<String>> {
    let json: Json = serde_json::from_str(done.text()).unwrap_or_default();
    let mut found = vec![&json];
    for token in pointer.tokens() {
        let mut next = Vec::new();
        for value in found {
            let inner = inside(value, &token);
            if inner.is_empty() && !(token == "*" && is_empty(value)) {
                return Err(no_address(done, pointer));
            }
            next.extend(inner);
        }
        found = next;
    }
    let mut files = Vec::new();
    for value in found {
        match value {
            Json::String(file) => files.push(file.clone()),
            Json::Array(all) if all.iter().all(Json::is_string) => {
                files.extend(all.iter().filter_map(Json::as_str).map(str::to_owned));
            }
            _ => return Err(no_address(done, pointer)),
        }
    }
    // What would be requested twice is requested once.
    let mut named = HashSet::new();
    files.retain(|file| named.insert(file.clone()));
    // A list without elements is a job without a result.
    Ok(files)
}

fn is_empty(value: &Json) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
        || value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// What a token leads to; `*` to every element.
fn inside<'j>(value: &'j Json, token: &str) -> Vec<&'j Json> {
    match (value, token) {
        (Json::Array(all), "*") => all.iter().collect(),
        (Json::Object(all), "*") => all.values().collect(),
        (Json::Array(all), index) => apitap_build::pointer::index(index)
            .and_then(|index| all.get(index))
            .into_iter()
            .collect(),
        (Json::Object(all), key) => all.get(key).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn no_address(done: &Answered, pointer: &Pointer) -> Error {
    Error::data("`job.download` finds no address of a file in the answer")
        .at_path(pointer.0.clone())
        .in_request(&done.page.request)
        .help("it must lead to a text, or to a list of texts: correct `job.download`")
}
