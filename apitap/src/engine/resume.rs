//! A run that commits before its end: part by part, each with where the next run goes on if this one is killed.
//!
//! ```text
//! state → Reached → ( pages of a part → query → target → commit with Reached )* → end
//! ```
//! Only a query that makes the rows of each record alone can be run so; whether it does was checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::Utc;
use futures::TryStreamExt as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::fetch::Fetch;
use super::gone;
use super::job::{Job, Run, given_up};
use super::options;
use super::query::Query;
use super::skipped;
use crate::definition::{Checkpoint, Definition, Mode};
use crate::sink::{self, Load, RunStatus, Session, State, StateChange, Target};
use crate::source::incremental::Watermarks;
use crate::source::partition::Resume;
use crate::source::parts::{Parts, Reached};
use crate::source::table::Input;
use crate::{Error, ErrorKind, Result};

/// How often the state is tried to be changed behind a session that has just ended, and after how long again.
const TRIES: usize = 20;
const AGAIN: Duration = Duration::from_millis(100);

impl Job<Arc<dyn Target>> {
    /// Fetches, computes, stores and commits, part by part.
    pub(super) async fn load_in_parts(&mut self, run: &Run, checkpoint: Checkpoint) -> Result<()> {
        let query = Arc::new(self.planned(run).await?);
        if !query.is_by_record() {
            // The engine has found a shorter way, such as for a condition that never holds.
            return self.load_whole(run).await;
        }
        let [fetch] = self.fetches.as_slice() else {
            return Err(Error::config("a run in parts reads one source"));
        };
        let fetch = fetch.clone();
        let load = self.what_is_loaded()?;
        let connections = run.servers.connections(&self.destination.address());
        let _connection = connections.one().await;
        let mut session = self.open(load, run).await?;
        let begun = Begun::of(&mut *session, &self.definition, &fetch, run).await;
        let mut state = match begun {
            Ok(state) => state,
            Err(error) => return Err(given_up(session, error, run).await),
        };
        if state.reached.records > 0 {
            self.progress.went_on_behind(state.reached.records);
        }
        let refused = Arc::new(AtomicBool::new(false));
        let resume = Resume { reached: state.reached.clone(), refused: Arc::clone(&refused) };
        let cuts = fetch.cuts(checkpoint, self.definition.mode);
        let pages = fetch.pages_behind(run, resume);
        let parts = Parts::new(pages, cuts, state.reached.clone());
        self.read_in(&query, &parts, &fetch)?;
        let mut first = 1;
        while !parts.has_ended() {
            let stored = self.part(&mut *session, &query, &parts, &mut state, first, run).await;
            match stored {
                Ok(next) => first = next,
                Err(error) => {
                    let error = given_up(session, error, run).await;
                    let is_refused = refused.load(Ordering::Relaxed);
                    return Err(if is_refused { self.forget(&state, error).await } else { error });
                }
            }
        }
        self.progress.commit(session.finish().await?, false);
        Ok(())
    }

    /// Has the query read a part of the pages each time that it is run.
    fn read_in(&self, query: &Query, parts: &Arc<Parts>, fetch: &Fetch) -> Result<()> {
        let Some(source) = self.definition.sources.first() else { return Ok(()) };
        let decoder = self.linked.decoder(source)?;
        // All parts are one pass.
        let pass = fetch.watermarks.as_ref().map(Watermarks::pass);
        let parts = Arc::clone(parts);
        let begin = move || Ok(Input::Pages(parts.next(), decoder(), pass.clone()));
        query.reading.set(&source.name, Box::new(begin));
        Ok(())
    }

    /// Stores and commits the next part, whose first row is of that number; gives that of the row behind it.
    async fn part(
        &mut self,
        session: &mut dyn Session,
        query: &Arc<Query>,
        parts: &Parts,
        state: &mut Begun,
        first: u64,
        run: &Run,
    ) -> Result<u64> {
        query.reading.goes_on(&state.source);
        let query = Arc::clone(query);
        let rows = futures::stream::once(async move { query.stream() }).try_flatten();
        let rows = options::counted(rows, None, Arc::clone(&self.progress));
        let connections = run.servers.connections(&self.destination.address());
        let next = sink::feed(session, rows, first, run.limits.copy, &connections).await?;
        if parts.has_ended() {
            skipped::check(&self.definition, &self.fetches)?;
        }
        skipped::hold(&self.definition, &self.fetches)?;
        self.progress.commits();
        let status = if parts.has_ended() { RunStatus::Ok } else { RunStatus::Running };
        let change = StateChange { entry: self.entry(run, status), ..state.change(parts) };
        let written = session.commit(&change).await?;
        self.progress.commit(written, !parts.has_ended());
        state.known.apply(&change);
        if !parts.has_ended() {
            tracing::info!(rows = written.received, "committed a part");
            self.progress.goes_on();
        }
        Ok(next)
    }

    /// Forgets where a run goes on at which the API refuses to, where nothing is lost by that.
    async fn forget(&self, state: &Begun, error: Error) -> Error {
        self.progress.forget();
        if !self.definition.mode.needs_key() {
            return error.help(
                "the API no longer knows the place where the last run was: delete the rows that it has \
                 appended, then forget it with `state reset --yes`",
            );
        }
        let partitions = [(state.name(), Value::Null)].into();
        let change = StateChange { run: state.run.clone(), partitions, ..StateChange::default() };
        match self.correct(&change).await {
            Ok(()) => error.help(
                "the API no longer knows the place where the last run was, which is forgotten now: run it \
                 again, and it begins anew",
            ),
            Err(left) => error.help(format!(
                "the API no longer knows the place where the last run was: forget it with `state reset` \
                 ({})",
                left.message()
            )),
        }
    }
}

impl Job<Arc<dyn Target>> {
    /// Changes the state behind a session that has ended, which its server may learn a little later.
    async fn correct(&self, change: &StateChange) -> Result<()> {
        let load = Load::of_state(&self.definition)?;
        for _ in 0..TRIES {
            match self.destination.correct(&load, change).await {
                Err(error) if error.kind() == ErrorKind::Busy => {}
                done => return done,
            }
            tokio::time::sleep(AGAIN).await;
        }
        self.destination.correct(&load, change).await
    }
}

/// The state of a run that commits in parts.
struct Begun {
    run: String,
    source: String,
    watermarks: Option<Arc<Watermarks>>,
    /// What is in the target's state.
    known: State,
    /// Where an earlier run was.
    reached: Reached,
}

impl Begun {
    /// Reads the target's state, and tells the source of it.
    async fn of(
        session: &mut dyn Session,
        definition: &Definition,
        fetch: &Fetch,
        run: &Run,
    ) -> Result<Self> {
        let source = definition.sources.first().map(|source| source.name.clone());
        let source = source.ok_or_else(|| Error::config("the query reads no source"))?;
        let known = session.state().await?;
        let fingerprint = fingerprint(definition, &fetch.place(run));
        let reached = reached(definition, &source, &known, &fingerprint)?;
        gone::check(session, definition, &known, reached.records > 0).await?;
        let watermarks = fetch.watermarks.clone();
        if let Some(watermarks) = &watermarks {
            watermarks.know(&known)?;
            if let Some(within) = reached.partition()
                && let Some(seen) = &within.seen
            {
                watermarks.go_on(&within.partition, seen)?;
            }
        }
        Ok(Self { run: run.id.clone(), source, watermarks, known, reached })
    }

    /// The name of what is not finished in the state.
    fn name(&self) -> String {
        Reached::name(&self.source)
    }

    /// What the parts so far change.
    fn change(&self, parts: &Parts) -> StateChange {
        let watermarks = self.watermarks.as_ref();
        let seen = |key: &str| watermarks.and_then(|watermarks| watermarks.seen(key));
        let reached = parts.reached().seen(seen);
        let has_ended = parts.has_ended();
        let begun = reached.partition().map(|within| within.partition.as_str());
        let until = reached.until.as_ref();
        let mut partitions =
            watermarks.map(|watermarks| watermarks.change(begun, until)).unwrap_or_default();
        let name = self.name();
        match has_ended {
            false => drop(partitions.insert(name, json!(reached))),
            true if self.known.partitions.contains_key(&name) => {
                partitions.insert(name, Value::Null);
            }
            true => {}
        }
        let known = Some(self.known.clone());
        StateChange { run: self.run.clone(), partitions, known, entry: None }
    }
}

/// What decides whether a place that an earlier run has kept means the same in this one.
fn fingerprint(definition: &Definition, place: &str) -> String {
    let Definition { sources, parents, transform, functions, row, table, mode, key, .. } =
        definition;
    let all = json!([sources, parents, transform, functions, row, table, mode, key, place]);
    let hash = Sha256::digest(all.to_string().as_bytes());
    let start = hash.first_chunk().copied().unwrap_or_default();
    format!("{:032x}", u128::from_be_bytes(start))
}

/// Where the last run was, if it did not come to its end and this one can go on there; else nowhere.
///
/// # Errors
/// Its rows were appended, so that beginning anew would store them twice.
fn reached(
    definition: &Definition,
    source: &str,
    state: &State,
    fingerprint: &str,
) -> Result<Reached> {
    let nowhere = Reached::nothing(fingerprint);
    let Some(value) = state.partitions.get(&Reached::name(source)) else { return Ok(nowhere) };
    let appends = definition.mode == Mode::Append;
    let why = match serde_json::from_value::<Reached>(value.clone()) {
        Err(_) => "it was written by another version",
        Ok(reached) if reached.fingerprint != fingerprint => "the definition has changed since",
        Ok(reached) if !appends && !reached.is_fresh(Utc::now()) => "that was too long ago",
        Ok(reached) => {
            let records = reached.records;
            tracing::warn!(
                records,
                "goes on where the last run was, which did not come to its end"
            );
            return Ok(reached);
        }
    };
    match appends {
        true => Err(unfinished(definition, why)),
        false => {
            tracing::warn!("begins anew, not where the last run was: {why}");
            Ok(nowhere)
        }
    }
}

/// Whether the last run of a pipeline that appends came to its end, so that this one can begin anew.
///
/// # Errors
/// It did not, and has appended rows that this one would append again.
pub(super) fn check_finished(definition: &Definition, state: &State) -> Result<()> {
    let mut names = definition.sources.iter().map(|source| Reached::name(&source.name));
    match names.any(|name| state.partitions.contains_key(&name)) {
        true => Err(unfinished(definition, "this one commits once, at its end")),
        false => Ok(()),
    }
}

fn unfinished(definition: &Definition, why: &str) -> Error {
    let (pipeline, table) = (&definition.name, &definition.table);
    let message = format!(
        "the last run of `{pipeline}` was not finished, and this one cannot go on there: {why}"
    );
    Error::target(message).help(format!(
        "beginning anew would append its rows to `{table}` once more: delete them, then forget the place \
         with `state reset {pipeline} --yes`; or run the definition as it was"
    ))
}
