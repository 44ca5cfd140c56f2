//! A REST collection → pages, in order.
//!
//! ```text
//! Source → FetchPlan (values for ${NAME}) → what the pagination asks for → answers → Page, Page, …
//! ```
//! [`pages`] is the whole of it, and the only place that sends what a [`Paginator`] asks for: requests
//! ahead, within bounds; answers in the order of the requests; an end where the pages loop. Nothing
//! here knows what the records mean.

mod loops;
pub(super) mod pace;
mod plan;
mod sieve;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use apitap_build::secret_names;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use serde::de::IgnoredAny;
use tokio::time::{Instant, timeout_at};
use url::Url;

pub(crate) use plan::FetchPlan;

use super::body::{self, Body, Shape};
use super::job;
use super::page::{Behind, Page};
use super::pagination::{Paginator, Params, Position, Reads, Resumed, Step};
use super::request::client::Client;
use super::request::shown::shortened;
use super::request::{Answered, Ask, Endpoint, GivenUp};
use super::task::Task;
use super::{Fetched, LeftOut};
use crate::definition::{Action, Pointer};
use crate::engine::limits::Limits;
use crate::environment::Secrets;
use crate::schema::Schema;
use crate::{Error, Result};
use loops::{LoopGuard, Seen};
use sieve::Sieve;

/// The most keys of an object that a message shows.
const KEYS: usize = 5;

/// The most characters of a cursor that a message shows.
const SHOWN: usize = 100;

/// How long the end waits for pages that were asked for ahead.
const BEYOND: Duration = Duration::from_secs(5);

/// What every fetch of a run needs.
#[derive(Clone)]
pub(crate) struct Driver {
    pub(crate) client: Client,
    pub(crate) secrets: Secrets,
    /// Counts the pages as they are passed on.
    pub(crate) fetched: Arc<Fetched>,
    /// What is missing from the pages.
    pub(crate) left_out: LeftOut,
    pub(crate) limits: Limits,
    /// Whether a page is requested only when it is asked for.
    pub(crate) in_step: bool,
}

impl Driver {
    /// Whether an answer is skipped; notes one that may stand for records.
    pub(super) fn skips(&self, answered: &Answered) -> bool {
        note_left_out(&self.fetched, &self.left_out, answered);
        answered.skipped.is_some()
    }
}

fn note_left_out(fetched: &Fetched, left_out: &LeftOut, answered: &Answered) {
    if answered.is_left_out() {
        fetched.pass_over(answered.status(), &answered.page.request, left_out);
    }
}

/// Where a fetch goes on.
#[derive(Debug, Clone)]
pub(crate) struct From {
    pub(crate) at: Resumed,
    /// Whether the API has refused to go on there.
    pub(crate) refused: Arc<AtomicBool>,
}

/// Requests the collection page by page, in order, and ends after the first error; it begins where an earlier
/// run was if that is given, but for a source with a job, which is another one each time.
///
/// Pages without records are not passed on. The first request is made when the stream is first
/// polled, on a tokio runtime; dropping the stream stops what is under way.
pub(crate) fn pages(
    driver: &Driver,
    plan: &FetchPlan,
    from: Option<From>,
) -> BoxStream<'static, Result<Page>> {
    match plan.job() {
        Some(job) => job::pages(driver, plan, job),
        None => collection(driver, plan, from),
    }
}

/// The same of a source whose job is done, if it has one.
pub(super) fn collection(
    driver: &Driver,
    plan: &FetchPlan,
    from: Option<From>,
) -> BoxStream<'static, Result<Page>> {
    let fetch = Fetch::new(driver, plan, from);
    stream::try_unfold(fetch, |fetch| async move {
        let mut fetch = fetch?;
        Ok(fetch.next().await?.map(|page| (page, Ok(fetch))))
    })
    .boxed()
}

/// A collection that is being read.
struct Fetch {
    endpoint: Arc<Endpoint>,
    left_out: LeftOut,
    /// Whether one page is under way at a time, when it is asked for.
    in_step: bool,
    paginator: Box<dyn Paginator>,
    reads: Arc<Reads>,
    /// What was asked for, in order, and is not sent yet.
    waiting: VecDeque<Ask>,
    /// What was sent, in order.
    under_way: VecDeque<UnderWay>,
    /// What was sent, and is behind the end.
    beyond: VecDeque<UnderWay>,
    /// Whether no page behind the end may have records: of a type of the user's that is not known.
    ends_for_sure: bool,
    /// How many pages fit into memory.
    fit: usize,
    /// How many answers were taken.
    taken: u64,
    /// How many records were in them, or elements that lead to records.
    elements: u64,
    /// Where it goes on, until it has.
    from: Option<From>,
    begun: bool,
    /// Whether a page has held a list.
    lists: bool,
    guard: LoopGuard,
    /// Takes out what does not fit the schema, where the source says so.
    sieve: Option<Sieve>,
    /// What a record is declared to be; `None` where that is inferred.
    schema: Option<Schema>,
    /// Whether the page itself is wanted, whatever follows it.
    is_sample: bool,
}

struct UnderWay {
    ask: Ask,
    task: Task<Result<Answered, GivenUp>>,
}

impl Fetch {
    fn new(driver: &Driver, plan: &FetchPlan, from: Option<From>) -> Result<Self> {
        let paginator = plan.pagination().paginator(&plan.layout().data_path)?;
        Ok(Self {
            endpoint: Arc::new(Endpoint::new(driver, plan)?),
            left_out: Arc::clone(&driver.left_out),
            in_step: driver.in_step,
            reads: Arc::new(paginator.reads()),
            paginator,
            waiting: VecDeque::new(),
            under_way: VecDeque::new(),
            beyond: VecDeque::new(),
            ends_for_sure: plan.pagination().is_kind(),
            fit: 1,
            taken: from.as_ref().map_or(0, |from| from.at.pages),
            elements: from.as_ref().map_or(0, |from| from.at.records),
            begun: false,
            lists: false,
            guard: LoopGuard::behind(from.as_ref().map(|from| &from.at)),
            from,
            sieve: plan.dead_letters().map(|(file, schema)| Sieve::new(plan.name(), file, schema)),
            schema: plan.schema().cloned(),
            is_sample: plan.is_sample(),
        })
    }

    /// The next page with records.
    async fn next(&mut self) -> Result<Option<Page>> {
        if !std::mem::replace(&mut self.begun, true) {
            let step = self.first()?;
            self.go_on(step, None)?;
        }
        loop {
            self.send();
            let Some(mut first) = self.under_way.pop_front() else {
                return self.check_beyond().await.map(|()| None);
            };
            self.taken += 1;
            let outcome = first.task.join().await?;
            self.guard.asked(&first.ask);
            let answered = self.answered(outcome)?;
            self.from = None;
            let named = |error: Error| error.in_request(&answered.page.request);
            if let Some(schema) = &self.schema {
                let lone = check_lone(&answered, schema, &self.endpoint.layout.data_path);
                lone.await.map_err(named)?;
            }
            let page = match self.take(&answered) {
                Ok(page) => page,
                Err(error) => {
                    self.check_records(&answered.page).await.map_err(named)?;
                    return Err(named(error));
                }
            };
            let page = match (page, &mut self.sieve) {
                (Some(page), Some(sieve)) => sieve.sift(page, &self.endpoint.fetched).await?,
                (page, _) => page,
            };
            if page.is_some() {
                return Ok(page);
            }
        }
    }

    /// What is asked for first.
    fn first(&mut self) -> Result<Step> {
        let Some(from) = &self.from else { return self.paginator.step(None) };
        self.paginator.resume(&from.at)?.ok_or_else(|| {
            Error::config("the pagination cannot go on where the last run was")
                .help("forget it with `state reset`: then the next run begins anew")
        })
    }

    /// Sends what may be under way.
    fn send(&mut self) {
        let most = if self.in_step { 1 } else { self.fit.min(self.endpoint.pace.at_once()) };
        while self.under_way.len() < most {
            let Some(ask) = self.waiting.pop_front() else { return };
            let number = self.taken + self.under_way.len() as u64 + 1;
            let endpoint = Arc::clone(&self.endpoint);
            let task = Task::spawn(endpoint.fetch(ask.clone(), number, Arc::clone(&self.reads)));
            self.under_way.push_back(UnderWay { ask, task });
        }
    }

    /// The answer in turn; one that says that there is no such page has no records.
    fn answered(&self, outcome: Result<Answered, GivenUp>) -> Result<Answered> {
        match outcome {
            Ok(answered) if answered.skipped.is_some() => Ok(answered),
            Ok(answered) => {
                self.endpoint.fetched.count(&answered.body);
                self.log_pages();
                Ok(answered)
            }
            Err(GivenUp { answered: Some(answered), .. })
                if self.paginator.ends_with(answered.status()) =>
            {
                Ok(*answered)
            }
            Err(given_up) => {
                let status = given_up.answered.as_ref().map(|answered| answered.status());
                if let Some(from) = &self.from
                    && matches!(status, Some(400 | 404 | 410 | 422))
                {
                    from.refused.store(true, Relaxed);
                }
                Err(given_up.error)
            }
        }
    }

    /// Logs the progress at `info`, at intervals of pages or of time.
    fn log_pages(&self) {
        let fetched = &self.endpoint.fetched;
        let pages = fetched.pages.load(Relaxed);
        if fetched.is_to_be_logged(pages) {
            let (records, bytes) = (fetched.records.load(Relaxed), fetched.bytes.load(Relaxed));
            tracing::info!(source = self.endpoint.name, pages, records, bytes, "fetched");
        }
    }

    /// Decides what comes next; gives the page, if it has records that are new.
    fn take(&mut self, answered: &Answered) -> Result<Option<Page>> {
        if answered.skipped.is_some() {
            return self.skip(answered).map(|()| None);
        }
        self.check_shape(answered)?;
        let repeats = self.guard.check_page(&Seen {
            number: answered.page.number,
            fingerprint: answered.fingerprint(),
            asks_by: self.paginator.asks_by(),
            may_repeat_the_last: self.paginator.may_repeat_the_last(),
            makes_sure: self.paginator.makes_sure(),
        })?;
        let step = match self.paginator.step(Some(&answered.view(repeats, &self.endpoint.secrets)))
        {
            // What is to be corrected then is better seen on the page.
            Err(error) if self.is_sample => {
                tracing::warn!("{error}");
                Step::End
            }
            step => step?,
        };
        // Those of elements are not those of records.
        let total = self.paginator.total().filter(|_| !self.endpoint.layout.has_elements());
        self.endpoint.fetched.expected.store(total.unwrap_or(0), Relaxed);
        let has_ended = step == Step::End;
        self.go_on(step, Some(&answered.url))?;
        self.elements += answered.body.elements();
        if answered.body.records() == 0 || repeats {
            return Ok(None);
        }
        // Pages of one collection are of about one size.
        let fit = self.endpoint.limits.ahead as u64 / answered.body.bytes().max(1);
        self.fit = usize::try_from(fit).unwrap_or(usize::MAX).max(1);
        let behind = self.behind(answered, has_ended);
        Ok(Some(Page { behind: Some(Arc::new(behind)), ..answered.page.clone() }))
    }

    /// Whether all records of the first page fit: what is wrong with them is told before what is wrong with its paging.
    async fn check_records(&mut self, page: &Page) -> Result<()> {
        match &self.schema {
            Some(schema) if page.number == 1 && self.sieve.is_none() => {
                sieve::check(page, schema).await
            }
            _ => Ok(()),
        }
    }

    /// Decides what comes behind an answer that is skipped: what it says follows; else nothing, if that is known.
    ///
    /// # Errors
    /// Whether anything follows is not known, and pages came before it.
    fn skip(&mut self, answered: &Answered) -> Result<()> {
        note_left_out(&self.endpoint.fetched, &self.left_out, answered);
        let number = answered.page.number;
        let step = match self.paginator.skip(&answered.view(false, &self.endpoint.secrets))? {
            Some(step) => step,
            // Where it is the first, all of it is left out.
            None if number == 1 || answered.skipped == Some(Action::Empty) => Step::End,
            None => return Err(without_an_end(number)),
        };
        if step != Step::End {
            self.guard.check_page(&Seen {
                number,
                fingerprint: None,
                asks_by: self.paginator.asks_by(),
                may_repeat_the_last: false,
                makes_sure: false,
            })?;
        }
        self.go_on(step, Some(&answered.url))
    }

    /// What is in with an answer; a place that holds a secret is not to be kept.
    fn behind(&self, answered: &Answered, has_ended: bool) -> Behind {
        let records = answered.body.records();
        let position = self.paginator.position().filter(|_| !has_ended);
        let position = position.and_then(|position| match position {
            Position::Url(reference) => {
                Some(Position::Url(answered.url.join(&reference).ok()?.into()))
            }
            other => Some(other),
        });
        let names_one = |text: &str| {
            let url = Url::parse(text).ok();
            url.is_some_and(|url| url.query_pairs().any(|(name, _)| secret_names::is_secret(&name)))
        };
        let is_secret = |text: &str| self.endpoint.secrets.mask(text) != text || names_one(text);
        match position {
            Some(Position::Url(text) | Position::Cursor(text)) if is_secret(&text) => {
                Behind::Unknown { records }
            }
            None => Behind::Unknown { records },
            Some(position) => {
                let (pages, last) = (self.taken, answered.fingerprint());
                let at = Resumed { position, pages, records: self.elements, last };
                Behind::Within { records, at }
            }
        }
    }

    /// Whether a page holds records as the pages before it do.
    ///
    /// Where lists have come, `null` is an empty one, and one object is no record but an error of the
    /// API's.
    fn check_shape(&mut self, answered: &Answered) -> Result<()> {
        let number = answered.page.number;
        match answered.body.shape() {
            Shape::List => self.lists = true,
            Shape::Record if self.lists => {
                let message = format!(
                    "page {number} holds one object, where the pages before it hold lists of records"
                );
                return Err(Error::data(message)
                    .at_path(self.endpoint.layout.data_path.0.clone())
                    .help(
                        "the API seems to answer with an error: request the page by hand to see it",
                    ));
            }
            Shape::Null if number == 1 && !self.endpoint.layout.allow_empty => {
                return Err(Error::data("expected the records, found null")
                    .at_path(self.endpoint.layout.data_path.0.clone())
                    .help(
                        "`data_path` must lead to a list of records, or to one record; where null \
                         means that there are none, write `allow_empty: true`",
                    ));
            }
            Shape::Record | Shape::Null | Shape::Nothing => {}
        }
        Ok(())
    }

    /// Notes what is asked for; relative URLs refer to `base`.
    fn go_on(&mut self, step: Step, base: Option<&Url>) -> Result<()> {
        let asked = match step {
            Step::Ahead(params) => params,
            Step::Ask(params) => {
                self.drop_ahead();
                vec![params]
            }
            Step::End => {
                self.end();
                Vec::new()
            }
        };
        for params in &asked {
            let ask = self.ask(params, base)?;
            self.waiting.extend(ask);
        }
        Ok(())
    }

    /// Nothing more is asked for.
    fn end(&mut self) {
        if self.ends_for_sure {
            self.beyond.append(&mut self.under_way);
        }
        self.drop_ahead();
    }

    /// Makes sure that no page which was asked for ahead, and has come, has records behind the end.
    ///
    /// # Errors
    /// One has records that were not there before.
    async fn check_beyond(&mut self) -> Result<()> {
        let until = Instant::now() + BEYOND;
        for mut beyond in std::mem::take(&mut self.beyond) {
            // What fails, or is late, shows nothing.
            let Ok(Ok(Ok(answered))) = timeout_at(until, beyond.task.join()).await else {
                continue;
            };
            let fingerprint = answered.fingerprint().filter(|_| answered.skipped.is_none());
            if fingerprint.is_some_and(|fingerprint| !self.guard.knows(fingerprint)) {
                return Err(behind_the_end(self.taken, answered.page.number)
                    .in_request(&answered.page.request));
            }
        }
        Ok(())
    }

    fn drop_ahead(&mut self) {
        self.waiting.clear();
        self.under_way.clear();
    }

    /// The request, which must not have been answered before; `None` where it was, and is behind the end.
    fn ask(&self, params: &Params, base: Option<&Url>) -> Result<Option<Ask>> {
        let path = params.origin.as_ref().and_then(|origin| origin.path.as_ref());
        let ask = self.endpoint.ask(params, base).map_err(|error| match path {
            Some(path) => error.at_path(path.0.clone()),
            None => error,
        })?;
        if self.paginator.makes_sure() && self.guard.has_asked(&ask) {
            return Ok(None);
        }
        let shown = |cursor: &str| shortened(&self.endpoint.secrets.mask(cursor), SHOWN);
        let label = || self.endpoint.label(&ask).to_string();
        self.guard.check_request(&ask, params, label, shown)?;
        Ok(Some(ask))
    }
}

/// The error of a page behind what seemed to be the last one.
fn behind_the_end(last: u64, number: u64) -> Error {
    Error::data(format!(
        "the pages end with page {last}, but page {number}, which was asked for ahead, has other records"
    ))
    .help(
        "run it again; if it stays so, the API's pages have holes, or what says that none follows \
         (`stop`, `skip` in `on_response`) is not so",
    )
}

/// The error of a skipped page that does not say which one follows.
fn without_an_end(number: u64) -> Error {
    Error::data(format!(
        "page {number} is skipped, as `on_response` says, and does not say whether other pages follow it"
    ))
    .help(
        "write `action: empty` in that rule if such an answer says that there are no further pages; else \
         `action: retry`, or leave the rule out",
    )
}

/// Whether an object that is the only record has at least one of the declared fields: what has
/// none is an error of the API's, and would become a row of nulls. In a list a record may leave out what
/// may be null, and is an error where it says so.
async fn check_lone(answered: &Answered, schema: &Schema, data_path: &Pointer) -> Result<()> {
    let is_list = match answered.body.shape() {
        Shape::Record => false,
        Shape::List if answered.page.number == 1 && answered.body.records() == 1 => true,
        Shape::List | Shape::Null | Shape::Nothing => return Ok(()),
    };
    let Some(segment) = answered.page.segments().next().await? else { return Ok(()) };
    let Some((record, _)) = segment.records().next() else { return Ok(()) };
    // What is not valid in it is for the decoder to say.
    let Ok(members) = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(record) else {
        return Ok(());
    };
    let is_record = schema.fields.iter().any(|field| members.contains_key(&field.name));
    if is_record || is_list && !members.keys().any(|name| tells_an_error(name)) {
        return Ok(());
    }
    let what = if is_list { "a list of one object" } else { "one object" };
    let error = Error::data(format!("the answer is {what} without any of the declared fields"))
        .at_path(data_path.0.clone());
    if let Some(hint) = body::hint(data_path, record) {
        return Err(error.help(hint));
    }
    let there: Vec<_> = members.keys().take(KEYS).map(|key| format!("`{key}`")).collect();
    let there = match there.as_slice() {
        [] => "it is empty".to_owned(),
        keys => format!("it has {}", keys.join(", ")),
    };
    Err(error.help(format!("{there}: correct `data_path`, or see what the API says")))
}

/// Whether a field of that name is one of an error: `error`, `errorCode`, `message`.
fn tells_an_error(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("error") || matches!(name.as_str(), "message" | "exception" | "fault")
}

impl Fetched {
    /// Counts a page that arrived in its turn.
    fn count(&self, body: &Body) {
        self.pages.fetch_add(1, Relaxed);
        self.bytes.fetch_add(body.bytes(), Relaxed);
        self.records.fetch_add(body.records(), Relaxed);
    }
}
