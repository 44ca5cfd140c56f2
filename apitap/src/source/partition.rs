//! What a source is requested for → its pages, one partition after the other.
//!
//! ```text
//! for_each → Partition (names of its requests, fields of its records) → fetch of each → Page, Page, …
//! ```
//! Partitions come while the records of a parent arrive; some of them are requested at once, and their
//! pages stay in order. Nothing here knows a query.

mod carried;
mod key;
mod window;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::sync::mpsc;

pub(crate) use carried::Carrier;
pub(in crate::source) use carried::value;
use key::Keys;
use window::{Feed, WindowPlan};

use super::LeftOut;
use super::fetch::{self, Driver, FetchPlan};
use super::filters::Stretch;
use super::incremental::{Asked, Changes, Watermarks};
use super::page::Page;
use super::parts::Reached;
use super::request::expression::Scope;
use super::spool::{Pages, Shared};
use super::task::Task;
use crate::definition::{ForEach, Source};
use crate::environment::Environment;
use crate::schema::Schema;
use crate::{Error, Result};

/// How many partitions are requested at once.
const AT_ONCE: usize = 8;

/// One of the things that a source is requested for.
#[derive(Debug, Clone)]
pub(crate) struct Partition {
    /// A JSON object with the fields that each of its records has: `{"org":{"slug":"a"}}`; `None` where
    /// there is nothing to tell apart.
    carried: Option<Arc<str>>,
    /// Its name in the state of a source.
    key: Arc<str>,
    /// What says that it is in.
    done: Arc<str>,
    /// The values of those fields, by the names that expressions have for them.
    scope: Scope,
    /// Query parameters that say since when and until when.
    params: Vec<(String, String)>,
    /// Until when it is in behind this slice; `None` where nothing of it is left.
    left: Option<DateTime<Utc>>,
    /// The times that its parameters say.
    asked: Asked,
}

impl Partition {
    /// One that is not cut into slices.
    fn new(carried: Option<Arc<str>>, scope: Scope) -> Self {
        // What is remembered of it says the names.
        let (key, done) = (Arc::from(""), Arc::from(""));
        Self { carried, key, done, scope, params: Vec::new(), left: None, asked: Asked::default() }
    }

    /// Its name in the state of a source.
    fn key(&self) -> &str {
        &self.key
    }
}

/// What a source is requested for, before any of it is known.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct PartitionPlan {
    levels: Vec<Level>,
    /// The fields of which requests are made.
    keys: Keys,
    /// The fields that each record gets.
    carried: Schema,
    /// Since when it is requested.
    windows: Option<WindowPlan>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Level {
    Values {
        alias: String,
        values: Vec<String>,
    },
    /// The records that another fetch yields, or those of them that have changed.
    Records {
        alias: String,
        fields: Vec<String>,
        only_changed: bool,
        parent: Arc<FetchPlan>,
    },
}

/// The pages of a parent, and what tells which of its records have changed, where only those count.
pub(crate) struct Parent {
    pub(crate) pages: Shared,
    pub(crate) followed: Option<Arc<Watermarks>>,
}

impl PartitionPlan {
    /// What `for_each` of a source says; `parents` are the plans of the sources that it names, in
    /// order, and `uses` whether its requests use a name.
    pub(crate) fn new(
        source: &Source,
        parents: &[Arc<FetchPlan>],
        uses: impl Fn(&str) -> bool,
        environment: &mut Environment,
    ) -> Self {
        let mut keys = Keys::default();
        for entry in &source.for_each {
            match entry {
                ForEach::Values { alias, .. } => keys.push(alias, None, &uses),
                ForEach::Records { alias, fields, .. } => keys.push(alias, Some(fields), &uses),
            }
        }
        let mut parents = parents.iter();
        let levels = source.for_each.iter().filter_map(|entry| match entry {
            ForEach::Values { alias, values } => {
                Some(Level::Values { alias: alias.clone(), values: values.clone() })
            }
            ForEach::Records { alias, fields, only_changed, .. } => {
                let (alias, fields) = (alias.clone(), fields.clone());
                let parent = Arc::clone(parents.next()?);
                Some(Level::Records { alias, fields, only_changed: *only_changed, parent })
            }
        });
        let carried = Schema { fields: source.carried.clone() };
        let windows = source.incremental.as_ref().map(|incremental| {
            WindowPlan::resolve(incremental, source.schema.as_ref(), environment)
        });
        Self { levels: levels.collect(), keys, carried, windows }
    }

    /// Since when the first run of an incremental source loads; `None` where that is from the beginning.
    ///
    /// # Errors
    /// A config error: it is not a time.
    pub(crate) fn start(&self) -> Result<Option<DateTime<Utc>>> {
        self.windows.as_ref().map_or(Ok(None), WindowPlan::start)
    }

    /// Records of an incremental source are wanted of that time only.
    pub(crate) fn narrow(&mut self, wanted: Stretch) {
        if let Some(windows) = &mut self.windows {
            windows.narrow(wanted);
        }
    }

    /// Whether it is requested once only, for nothing in particular.
    pub(crate) fn is_whole(&self) -> bool {
        self.levels.is_empty() && self.windows.is_none()
    }

    /// The paths of the fields of which requests are made, entry by entry of `for_each`.
    pub(crate) fn requested_for(&self) -> Vec<Vec<String>> {
        self.keys.paths()
    }

    /// Until when an incremental source is loaded; `None` for others.
    pub(crate) fn until(&self) -> Option<DateTime<Utc>> {
        self.windows.as_ref().map(WindowPlan::now)
    }

    /// Whether a partition may be requested in several slices.
    pub(crate) fn is_sliced(&self) -> bool {
        self.windows.as_ref().is_some_and(WindowPlan::is_sliced)
    }

    /// Names with values of their types, to try out what is requested with them.
    pub(crate) fn probe(&self, scope: &Scope) -> Scope {
        let scope = carried::probe(&self.carried, scope);
        match &self.windows {
            Some(_) => window::probe(scope),
            None => scope,
        }
    }

    /// The partitions, in order, each once and slice by slice; `parents` are the pages of the parents,
    /// in order.
    fn partitions(
        self,
        scope: Scope,
        parents: Vec<Parent>,
        watermarks: Option<Arc<Watermarks>>,
        reached: Reached,
    ) -> BoxStream<'static, Result<Partition>> {
        let (windows, keys) = (self.windows.clone(), self.keys.clone());
        let all = self.without_windows(scope, parents);
        let reached = Arc::new(reached);
        let all = key::claimed(all, keys, watermarks.clone(), Arc::clone(&reached));
        let Some(windows) = windows else { return all };
        all.map(move |partition| {
            let partition = partition?;
            let watermarks = watermarks.as_ref();
            let since = watermarks.and_then(|watermarks| watermarks.since(partition.key()));
            let until = watermarks.and_then(|watermarks| watermarks.until());
            let begun = reached.within(partition.key());
            let until = begun.and_then(|within| within.until).or(until);
            Ok(stream::iter(windows.of(partition, since, until).map(Ok::<_, Error>)))
        })
        .try_flatten()
        .boxed()
    }

    fn without_windows(
        self,
        scope: Scope,
        parents: Vec<Parent>,
    ) -> BoxStream<'static, Result<Partition>> {
        if self.levels.is_empty() {
            let whole = Partition::new(None, scope);
            return stream::once(async { Ok(whole) }).boxed();
        }
        let mut parents = parents.into_iter();
        let mut all = stream::once(async { Ok(String::new()) }).boxed();
        for level in self.levels {
            all = match level {
                Level::Values { alias, values } => of_values(all, alias, values),
                Level::Records { alias, fields, .. } => match parents.next() {
                    Some(parent) => of_records(all, Arc::from(alias), fields.into(), parent),
                    None => stream::once(async { Err(no_parent()) }).boxed(),
                },
            };
        }
        let mut seen = HashSet::new();
        let mut reader = carried::Reader::new(&self.carried);
        all.try_filter_map(move |members| {
            let partition = match seen.insert(members.clone()) {
                true => reader.partition(&members, &scope).map(Some),
                false => Ok(None),
            };
            async move { partition }
        })
        .boxed()
    }
}

fn no_parent() -> Error {
    Error::config("the parent of a source is not fetched")
        .help("this is a bug in apitap: please report it")
}

/// The members of JSON objects, each with a further one for each value.
fn of_values(
    outer: BoxStream<'static, Result<String>>,
    alias: String,
    values: Vec<String>,
) -> BoxStream<'static, Result<String>> {
    let alias = carried::quoted(&alias);
    let members: Vec<_> =
        values.iter().map(|value| format!("{alias}:{}", carried::quoted(value))).collect();
    outer
        .map_ok(move |outer| {
            let joined: Vec<_> =
                members.iter().map(|member| Ok(carried::join(&outer, member))).collect();
            stream::iter(joined)
        })
        .try_flatten()
        .boxed()
}

/// The members of JSON objects, each with a further one for each record of the parent.
fn of_records(
    outer: BoxStream<'static, Result<String>>,
    alias: Arc<str>,
    fields: Arc<[String]>,
    parent: Parent,
) -> BoxStream<'static, Result<String>> {
    outer
        .map_ok(move |outer| {
            let (alias, fields) = (Arc::clone(&alias), Arc::clone(&fields));
            members(parent.pages.reader(), alias, fields, parent.followed.clone())
                .map_ok(move |member| carried::join(&outer, &member))
        })
        .try_flatten()
        .boxed()
}

/// `"org":{"slug":"a"}` for each record of the pages, or for those that have changed.
fn members(
    pages: Pages,
    alias: Arc<str>,
    fields: Arc<[String]>,
    followed: Option<Arc<Watermarks>>,
) -> impl futures::Stream<Item = Result<String>> + Send {
    let pass = followed.as_ref().map(Watermarks::pass);
    pages
        .and_then(move |page| {
            let (alias, fields) = (Arc::clone(&alias), Arc::clone(&fields));
            let mut changes = pass.clone().map(Changes::of);
            async move {
                let mut members: Vec<Result<String>> = Vec::new();
                let mut segments = page.segments();
                let mut number = 0;
                while let Some(segment) = segments.next().await? {
                    for (record, _) in segment.records() {
                        number += 1;
                        let carried = page.carried.as_deref();
                        let named =
                            |error: Error| error.at_record(number).in_request(&page.request);
                        let member = carried::member(&alias, &fields, record, carried);
                        let member = member.map_err(named)?;
                        let (key, from) = (page.key.as_deref(), (&page.request, number));
                        let has = |changes: &mut Changes| changes.has(key, record, &member, from);
                        if changes.as_mut().map_or(Ok(true), has).map_err(named)? {
                            members.push(Ok(member));
                        }
                    }
                }
                Ok(stream::iter(members))
            }
        })
        .try_flatten()
}

/// Where a run that was killed had come to, and the next one goes on.
#[derive(Debug, Clone)]
pub(crate) struct Resume {
    pub(crate) reached: Reached,
    /// Whether the API has refused to go on there.
    pub(crate) refused: Arc<AtomicBool>,
}

impl Resume {
    /// Where the requests of a partition go on, if they do.
    fn from(&self, key: &str) -> Option<fetch::From> {
        let at = self.reached.within(key)?.from.clone();
        Some(fetch::From { at, refused: Arc::clone(&self.refused) })
    }
}

/// The pages of all partitions, in order; `parents` are the parents, and `watermarks` is how
/// far earlier runs have come with an incremental source. Where a run is made in parts, `resume` is where it
/// begins, and the end of each partition comes as a page without records.
pub(crate) fn pages(
    driver: Driver,
    plan: &Arc<FetchPlan>,
    parents: Vec<Parent>,
    watermarks: Option<Arc<Watermarks>>,
    resume: Option<Resume>,
) -> Pages {
    if plan.partitions().is_whole() {
        let from = resume.and_then(|resume| resume.from(""));
        return fetch::pages(&driver, plan, from);
    }
    let plan = Arc::clone(plan);
    let at_once = if driver.in_step { 1 } else { AT_ONCE };
    let reached = resume.as_ref().map(|resume| resume.reached.clone()).unwrap_or_default();
    let (scope, known) = (plan.scope().clone(), watermarks.clone());
    let partitions = plan.partitions().clone().partitions(scope, parents, known, reached);
    partitions
        .map(move |partition| {
            let (watermarks, resume) = (watermarks.as_ref(), resume.as_ref());
            let under_way =
                partition.map(|partition| begin(&driver, &plan, partition, watermarks, resume));
            async move { under_way }
        })
        .buffered(at_once)
        .try_flatten()
        .boxed()
}

/// Begins to request a partition; its pages wait until it is its turn.
fn begin(
    driver: &Driver,
    plan: &FetchPlan,
    partition: Partition,
    watermarks: Option<&Arc<Watermarks>>,
    resume: Option<&Resume>,
) -> Pages {
    let hold = Hold::new(watermarks, partition.key());
    let driver = &Driver { left_out: Arc::clone(&hold.left_out), ..driver.clone() };
    let feed = watermarks.and_then(|watermarks| Feed::new(watermarks, partition.key()));
    let from = resume.and_then(|resume| resume.from(partition.key()));
    let end = resume.map(|_| Page::end_of(&partition.key, &partition.done, partition.left));
    let Partition { carried, key, scope, params, asked, .. } = partition;
    let key = carried.is_some().then_some(key);
    let plan = plan.in_partition(scope, params);
    let pages = fetch::pages(driver, &plan, from);
    let pages = stream::try_unfold(
        (pages, (carried, key), feed, hold, false),
        move |(mut pages, names, mut feed, hold, last)| async move {
            if last {
                return Ok(None);
            }
            let page = pages.next().await.transpose()?;
            let is_held = hold.note();
            let Some(page) = page else { return Ok(None) };
            let behind = page.behind.clone();
            let behind = if is_held { behind.map(|behind| behind.without_place()) } else { behind };
            let (carried, key) = names.clone();
            let page = Page { carried, key, asked, behind, ..page };
            let last = match &mut feed {
                Some(feed) => feed.is_known(&page).await?,
                None => false,
            };
            Ok(Some((page, (pages, names, feed, hold, last))))
        },
    )
    .boxed();
    let pages = pages.chain(stream::iter(end.map(Ok))).boxed();
    if driver.in_step { pages } else { ahead(pages) }
}

/// Keeps the state of a partition where it is once an answer of it was left out.
struct Hold {
    watermarks: Option<Arc<Watermarks>>,
    key: String,
    left_out: LeftOut,
}

impl Hold {
    fn new(watermarks: Option<&Arc<Watermarks>>, key: &str) -> Self {
        let (watermarks, key) = (watermarks.cloned(), key.to_owned());
        Self { watermarks, key, left_out: LeftOut::default() }
    }

    /// Whether something is missing of an incremental source: no later run may go on behind that.
    fn note(&self) -> bool {
        let (Some(watermarks), Some(answer)) = (&self.watermarks, self.left_out.get()) else {
            return false;
        };
        watermarks.hold(Some(&self.key), answer);
        true
    }
}

/// The same, of which some are requested before they are asked for.
fn ahead(mut pages: Pages) -> Pages {
    let (sender, receiver) = mpsc::channel(1);
    let task = Task::spawn(async move {
        while let Some(page) = pages.next().await {
            if sender.send(page).await.is_err() {
                return;
            }
        }
    });
    stream::unfold((receiver, task, false), |(mut receiver, mut task, ended)| async move {
        if ended {
            return None;
        }
        match receiver.recv().await {
            Some(page) => Some((page, (receiver, task, false))),
            // Ended or broken down: the task knows.
            None => match task.join().await {
                Ok(()) => None,
                Err(error) => Some((Err(error), (receiver, task, true))),
            },
        }
    })
    .boxed()
}
