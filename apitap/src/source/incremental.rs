//! Which records of an incremental source are new, and how far they lead.
//!
//! ```text
//! state of the last run → Watermarks → Sieve (batches without what is known) → state of this run
//! ```
//! The state is how far the field has come in each partition; where rows are appended, also which
//! records stand at that very moment, since an API that is asked since then sends them again.

mod ahead;
mod boundary;
mod conditions;
mod held;
mod meaning;
mod moment;
mod pass;
mod slices;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::definition::{Definition, Incremental, IncrementalMode, Mode};
use crate::report::Warning;
use crate::sink::State;
use crate::source::request::expression::rfc3339;
use crate::{Error, Result};
use ahead::Ahead;
use boundary::{Boundary, Mark};
pub(crate) use conditions::conditions;
use held::Held;
pub(crate) use meaning::Meaning;
use meaning::{Likeness, Owner};
pub(crate) use moment::{Moment, MomentReader};
use pass::Edges;
pub(crate) use pass::{Changes, Pass, Sieve};
use slices::Answers;
pub(crate) use slices::{Alike, Asked};

/// The most records of one moment that are told apart.
const BOUNDARY: u64 = 10_000;

/// How far a partition has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Position {
    /// The latest value of the field.
    cursor: DateTime<Utc>,
    /// The records with that value, where rows are appended.
    #[serde(default, skip_serializing_if = "Boundary::is_empty")]
    boundary: Boundary,
    /// Whether a person has set it, and no run has loaded anything since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    set: bool,
    /// The hash of all that the partition carries, where that is not its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<String>,
}

/// What a partition of this run has of earlier ones.
#[derive(Debug, Default)]
struct Claim {
    /// The hash of all that it carries, where that is not its name.
    of: Option<String>,
    /// What it was called before, where that is something else.
    before: Option<String>,
}

/// The source of whose states this name of a state has the definition; `None` where it is that of a partition.
pub(crate) fn defined(name: &str) -> Option<&str> {
    name.strip_suffix(meaning::BEHIND)
}

/// A time that is loaded whatever is known: from, and up to but not with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
}

impl Span {
    fn has(self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.to
    }
}

/// The moment that a text says: a date, or a timestamp as in RFC 3339.
pub(crate) fn moment(text: &str) -> Option<DateTime<Utc>> {
    let instant = DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc)).ok();
    let day = || text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    instant.or_else(day)
}

/// The state of a partition that a person has set to a moment.
pub(crate) fn set_to(moment: DateTime<Utc>) -> Value {
    Position { set: true, ..Position::at(moment) }.value()
}

/// Whether a state lies before another one, so that a run which goes on there loads again what is in.
pub(crate) fn is_before(state: &Value, other: &Value) -> bool {
    let position = |state: &Value| Position::of(state).ok();
    // A value that cannot be read as a position counts as earlier: nothing rules it out.
    position(state).zip(position(other)).is_none_or(|(state, other)| {
        let forgets = state.boundary.is_empty() && !other.boundary.is_empty();
        state.cursor < other.cursor || state.cursor == other.cursor && forgets
    })
}

/// The earliest and the latest time that the partitions of a state have come to; `None` where it has none.
pub(crate) fn loaded(state: &State) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let positions = state.partitions.values().filter_map(|state| {
        let position = Position::of(state).ok()?;
        (!position.set).then_some(position.cursor)
    });
    positions.fold(None, |found, cursor| match found {
        None => Some((cursor, cursor)),
        Some((first, last)) => Some((cursor.min(first), cursor.max(last))),
    })
}

/// A state in words: how far it has come.
pub(crate) fn described(state: &Value) -> String {
    let Ok(Position { cursor, boundary, .. }) = Position::of(state) else {
        return state.to_string();
    };
    let cursor = rfc3339(&cursor);
    match boundary.records() {
        0 => cursor,
        1 => format!("{cursor} (1 record of that moment)"),
        many => format!("{cursor} ({many} records of that moment)"),
    }
}

/// The partition of a source that a name of the state stands for.
fn key_of<'n>(source: &str, name: &'n str) -> Option<&'n str> {
    let rest = name.strip_prefix(source)?;
    match rest {
        "" => Some(rest),
        rest => rest.strip_prefix(' ').filter(|key| key.starts_with('{')),
    }
}

/// The name of a partition of a source in the state.
fn name_of(source: &str, key: &str) -> String {
    if key.is_empty() { source.to_owned() } else { format!("{source} {key}") }
}

/// How far the partitions of a source have come: before a run, and in it.
#[derive(Debug)]
pub(crate) struct Watermarks {
    source: String,
    field: Moment,
    mode: IncrementalMode,
    /// Since when the first run loads.
    start: Option<DateTime<Utc>>,
    /// What is loaded in place of what is new.
    span: Option<Span>,
    /// From when on the query leaves out what comes: the next run goes on there.
    end: Option<DateTime<Utc>>,
    lookback: TimeDelta,
    /// Whether a record that comes again is stored again.
    appends: bool,
    before: OnceLock<BTreeMap<String, Position>>,
    /// The partitions that are not called as they were, or carry more than their names say.
    claims: Mutex<BTreeMap<String, Claim>>,
    /// The pipeline, and what its states are of.
    meaning: Option<(String, Meaning)>,
    /// The names that its sources have in the state.
    beside: BTreeSet<String>,
    /// What the source was called before this run, where that is another name.
    called: OnceLock<String>,
    /// What they were of before this run.
    meant: OnceLock<Meaning>,
    ahead: Ahead,
    seen: Mutex<BTreeMap<String, Position>>,
    /// Where the reading of each partition has begun.
    begun: Mutex<BTreeMap<String, Position>>,
    answers: Answers,
    /// The partitions of which an answer was left out.
    held: Held,
}

impl Watermarks {
    /// Nothing is known yet of earlier runs of a source whose field that is; the first one loads since
    /// `start`.
    pub(crate) fn new(
        source: &str,
        field: Moment,
        incremental: &Incremental,
        mode: Mode,
        start: Option<DateTime<Utc>>,
    ) -> Self {
        let lookback = incremental.lookback.unwrap_or_default();
        Self {
            source: source.to_owned(),
            field,
            mode: incremental.mode,
            start,
            span: None,
            end: None,
            lookback: TimeDelta::from_std(lookback).unwrap_or(TimeDelta::MAX),
            appends: mode == Mode::Append,
            before: OnceLock::new(),
            claims: Mutex::default(),
            meaning: None,
            beside: BTreeSet::new(),
            called: OnceLock::new(),
            meant: OnceLock::new(),
            ahead: Ahead::default(),
            seen: Mutex::default(),
            begun: Mutex::default(),
            answers: Answers::new(incremental),
            held: Held::default(),
        }
    }

    /// The same for a time that is loaded in place of what is new, if one is given.
    pub(crate) fn within(self, span: Option<Span>) -> Self {
        Self { span, ..self }
    }

    /// The same for a query that leaves out what is of that moment or later, if it does.
    pub(crate) fn before(self, end: Option<DateTime<Utc>>) -> Self {
        Self { end, ..self }
    }

    /// The same of a pipeline, in whose state the definition is kept.
    pub(crate) fn meaning(self, of: &Definition, meaning: Meaning) -> Self {
        let sources = of.requested();
        let names = sources.flat_map(|source| source.followed().chain([source.name.clone()]));
        let meaning = meaning.in_table(&of.table);
        Self { meaning: Some((of.name.clone(), meaning)), beside: names.collect(), ..self }
    }

    /// The same for a run that has begun then.
    pub(crate) fn of_run(self, begun: Option<DateTime<Utc>>) -> Self {
        Self { ahead: begun.map(Ahead::of_run).unwrap_or_default(), ..self }
    }

    /// Takes what earlier runs have committed.
    ///
    /// # Errors
    /// It is not what a run has written, or that of another definition.
    pub(crate) fn know(&self, state: &State) -> Result<()> {
        let mut before = BTreeMap::new();
        let called = self.called_in(state);
        for (name, value) in &state.partitions {
            let Some(key) = key_of(called, name) else { continue };
            before.insert(key.to_owned(), Position::written(name, value)?);
        }
        *self.lock() = before.clone();
        *lock(&self.begun) = before.clone();
        // Known once, before anything is requested.
        drop(self.before.set(before));
        if called != self.source {
            drop(self.called.set(called.to_owned()));
        }
        self.compare(state, called)?;
        for position in self.before.get().into_iter().flat_map(BTreeMap::values) {
            // A person who sets it knows where it is.
            if !position.set && self.span.is_none() {
                self.ahead.look(position.cursor, self.lookback, || None);
            }
        }
        Ok(())
    }

    /// What the source was called when its states were written, where there is no state under its own name: that of the
    /// one definition which loads the same, if need be with other requests, and whose source the pipeline has no more.
    /// Where rows are appended, also that of another collection, if there is one only: to load all of this one is for
    /// the user to say.
    fn called_in<'s>(&'s self, state: &'s State) -> &'s str {
        let own = &self.source;
        let Some((_, meaning)) = &self.meaning else { return own };
        if state.partitions.keys().any(|name| key_of(own, name).is_some()) {
            return own;
        }
        // That of a parent is of its children, too, of which its definition says nothing.
        let is_of_parent = |name: &str| name.contains(" for each ");
        let others = state.partitions.iter().filter_map(|(name, value)| {
            let other = defined(name).filter(|other| !self.beside.contains(*other))?;
            if is_of_parent(own) || is_of_parent(other) {
                return None;
            }
            Some((meaning.likeness(&Meaning::of(value)?), other))
        });
        let others: Vec<_> = others.collect();
        let most = others.iter().map(|(likeness, _)| *likeness).max();
        let wanted = most.filter(|most| self.appends || *most > Likeness::Other);
        let mut alike = others.iter().filter(|(likeness, _)| Some(*likeness) == wanted);
        match (alike.next(), alike.next()) {
            (Some((_, other)), None) => other,
            _ => own,
        }
    }

    /// Compares the definition that the states are of with this one. A state without one is taken as it is, and
    /// so is a time that is loaded whatever is known.
    fn compare(&self, state: &State, called: &str) -> Result<()> {
        let Some(meant) = state.partitions.get(&Meaning::name(called)) else { return Ok(()) };
        let (Some((_, meaning)), Some(meant)) = (&self.meaning, Meaning::of(meant)) else {
            return Ok(());
        };
        if let (Some(owner), None) = (self.owner(), self.span) {
            meaning.check(&meant, &owner)?;
        }
        // Known once, as the states.
        drop(self.meant.set(meant));
        Ok(())
    }

    /// Whose states they are; `None` where there are none.
    fn owner(&self) -> Option<Owner<'_>> {
        let (pipeline, _) = self.meaning.as_ref()?;
        let until = self.before.get()?.values().map(|position| position.cursor).max()?;
        Some(Owner { pipeline, source: &self.source, appends: self.appends, until })
    }

    /// The partitions of earlier runs: their names, the hashes of what they carry, and how far they had come.
    pub(crate) fn known(&self) -> Vec<(String, Option<String>, DateTime<Utc>)> {
        let known = self.before.get().into_iter().flatten();
        known.map(|(name, at)| (name.clone(), at.of.clone(), at.cursor)).collect()
    }

    /// A partition goes by this name from now on, and has what there is under the one before; `of` is the hash of all
    /// that it carries, where that is more than its name.
    pub(crate) fn claim(&self, name: &str, of: Option<String>, before: Option<String>) {
        let before = before.filter(|before| before != name);
        let known = || self.before.get()?.get(name)?.of.as_ref();
        if before.is_none() && known() == of.as_ref() {
            return;
        }
        if let Some(position) = before.as_ref().and_then(|name| self.before.get()?.get(name)) {
            // What a part of it has led to counts more.
            self.lock().entry(name.to_owned()).or_insert_with(|| position.clone());
            lock(&self.begun).entry(name.to_owned()).or_insert_with(|| position.clone());
        }
        self.claims().insert(name.to_owned(), Claim { of, before });
    }

    /// How far a partition had come before this run.
    fn before_of(&self, key: &str) -> Option<&Position> {
        let claims = self.claims();
        let claim = claims.get(key).and_then(|claim| claim.before.as_deref());
        self.before.get()?.get(claim.unwrap_or(key))
    }

    /// Since when a partition is to be loaded; `None` where that is from its beginning.
    pub(crate) fn since(&self, key: &str) -> Option<DateTime<Utc>> {
        if let Some(span) = self.span {
            return Some(span.from);
        }
        let Some(position) = self.before_of(key) else { return self.start };
        Some(position.cursor.checked_sub_signed(self.lookback).unwrap_or(position.cursor))
    }

    /// Until when it is to be loaded; `None` where that is until now.
    pub(crate) fn until(&self) -> Option<DateTime<Utc>> {
        self.span.map(|span| span.to)
    }

    /// The field by which a feed ends; `None` where the source is no feed.
    pub(crate) fn feed(&self) -> Option<&Moment> {
        (self.mode == IncrementalMode::Feed).then_some(&self.field)
    }

    /// What it does not load although the definition says so, or will not.
    pub(crate) fn left_out(&self) -> Vec<Warning> {
        let Some((pipeline, meaning)) = &self.meaning else { return Vec::new() };
        let changed = self.meant.get().zip(self.owner()).filter(|_| self.span.is_none());
        let changed = changed.map(|(meant, owner)| meaning.left_out(meant, &owner));
        let yes = if self.appends { " --yes" } else { "" };
        let ahead = self.ahead.warning(pipeline, &self.source, &self.field.name(), yes);
        changed.into_iter().flatten().chain(ahead).collect()
    }

    /// The state moves behind a record of that moment; `record` is where that comes from.
    fn look_ahead(&self, at: DateTime<Utc>, record: impl FnOnce() -> Option<(Arc<str>, u64)>) {
        self.ahead.look(at, self.lookback, record);
    }

    /// What looks wrong in the `pages` pages that the API has sent.
    pub(crate) fn warnings(&self, pages: u64) -> Vec<Warning> {
        self.answers.warnings(&self.source, pages)
    }

    /// How far the records of a partition have come.
    pub(crate) fn seen(&self, key: &str) -> Option<Value> {
        self.lock().get(key).map(Position::value)
    }

    /// Goes on in a partition whose records had come so far.
    ///
    /// # Errors
    /// That is not what a run has written.
    pub(crate) fn go_on(&self, key: &str, seen: &Value) -> Result<()> {
        let seen = Position::written(&self.source, seen)?;
        lock(&self.begun).insert(key.to_owned(), seen.clone());
        self.lock().insert(key.to_owned(), seen);
        Ok(())
    }

    /// What the records that were seen add to the state, but for those of a partition of which only a part is
    /// in. Of one whose later slices are left, what the API has sent of those times does not count.
    pub(crate) fn change(
        &self,
        begun: Option<&str>,
        until: Option<&(String, DateTime<Utc>)>,
    ) -> BTreeMap<String, Value> {
        let seen = self.lock();
        let (renamed, mut changes) = self.renamed();
        let taken: BTreeSet<_> =
            self.claims().values().filter_map(|claim| claim.before.clone()).collect();
        for (key, position) in seen.iter().filter(|(key, _)| !taken.contains(*key)) {
            let before = self.before_of(key);
            let old = self.claims().get(key).and_then(|claim| claim.before.clone());
            let is_left = begun == Some(key.as_str()) || !self.joins(before) || self.held.has(key);
            let position = match before.filter(|_| is_left) {
                // As it was, under the new name of the source.
                Some(before) if renamed => before.clone(),
                _ if is_left => continue,
                _ => Position { of: self.of(key), ..position.clone() },
            };
            if before == Some(&position) && !renamed && old.is_none() {
                continue;
            }
            let left = until.filter(|(of, until)| of == key && position.cursor > *until);
            let position = match left.filter(|_| !is_left) {
                Some((_, until)) => {
                    let cursor = before.map_or(*until, |known| known.cursor.max(*until));
                    Position { of: position.of, ..Position::at(cursor) }
                }
                None => position,
            };
            // Under its new name only.
            changes.extend(old.map(|old| (name_of(&self.source, &old), Value::Null)));
            changes.insert(name_of(&self.source, key), position.value());
        }
        drop(seen);
        let has_states =
            !changes.is_empty() || self.before.get().is_some_and(|all| !all.is_empty());
        changes.extend(self.changed_meaning(renamed).filter(|_| has_states));
        changes
    }

    /// Whether the source was called otherwise in the last run, and what is forgotten then.
    fn renamed(&self) -> (bool, BTreeMap<String, Value>) {
        let Some(called) = self.called.get() else { return (false, BTreeMap::new()) };
        let states = self.before.get().into_iter().flat_map(BTreeMap::keys);
        let states = states.map(|key| name_of(called, key));
        let forgotten = states.chain([Meaning::name(called)]).map(|name| (name, Value::Null));
        (true, forgotten.collect())
    }

    /// The definition that the states are of from this run on, where it is another one.
    fn changed_meaning(&self, renamed: bool) -> Option<(String, Value)> {
        let meant = self.meant.get();
        let meaning = self.meaning.as_ref().map(|(_, meaning)| meaning)?;
        // A time that was loaded again says nothing of the rest.
        let meaning = if self.span.is_some() { meant? } else { meaning };
        let meaning = match meant.filter(|_| self.owner().is_some()) {
            Some(meant) => meaning.clone().behind(meant),
            None => meaning.clone(),
        };
        let is_new = renamed || meant != Some(&meaning);
        is_new.then(|| (Meaning::name(&self.source), meaning.value()))
    }

    /// The hash of all that a partition carries, where that is not its name; as it was, where this run has not
    /// requested it.
    fn of(&self, key: &str) -> Option<String> {
        match self.claims().get(key) {
            Some(claim) => claim.of.clone(),
            None => self.before.get()?.get(key)?.of.clone(),
        }
    }

    /// Whether what is loaded goes on from what is known, so that nothing between them is left out.
    fn joins(&self, before: Option<&Position>) -> bool {
        let Some(span) = self.span else { return true };
        let known = before.map(|before| before.cursor).or(self.start);
        known.is_some_and(|known| span.from <= known)
    }

    /// For one pass over the records, whole or in parts.
    pub(crate) fn pass(self: &Arc<Self>) -> Pass {
        Pass { watermarks: Arc::clone(self), edges: Arc::default() }
    }

    fn claims(&self) -> MutexGuard<'_, BTreeMap<String, Claim>> {
        lock(&self.claims)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Position>> {
        lock(&self.seen)
    }

    /// Whether a record of that moment is loaded, if it is new.
    fn wants(&self, at: DateTime<Utc>) -> bool {
        self.end.is_none_or(|end| at < end) && self.span.is_none_or(|span| span.has(at))
    }

    /// Notes a record, and says whether it is new; `mark` tells it from others, where rows are appended.
    fn is_new(
        &self,
        key: &str,
        at: DateTime<Utc>,
        mark: Option<Mark>,
        edges: &mut Edges,
    ) -> Result<bool> {
        if !self.wants(at) {
            return Ok(false);
        }
        if self.span.is_some() {
            return self.note(key, at, mark, edges).map(|()| true);
        }
        let before = self.before_of(key);
        let is_old = match self.mode {
            // What the API sends of its own accord, `merge` takes.
            IncrementalMode::Server => {
                self.appends && before.is_some_and(|before| at < before.cursor)
            }
            IncrementalMode::Client | IncrementalMode::Feed => {
                self.since(key).is_some_and(|since| at < since)
            }
        };
        let known = before
            .filter(|before| at == before.cursor)
            .zip(mark)
            .and_then(|(before, mark)| Some((edges.left(key, before).take(mark)?, mark)));
        if let Some((known, mark)) = known {
            self.renew(key, at, known, mark);
        }
        if is_old || known.is_some() {
            return Ok(false);
        }
        self.note(key, at, mark, edges)?;
        Ok(true)
    }

    /// A record that was known by its bytes is known by what the query reads of it now, too.
    fn renew(&self, key: &str, at: DateTime<Utc>, known: Mark, mark: Mark) {
        if known.read != mark.read
            && let Some(position) = self.lock().get_mut(key)
            && position.cursor == at
        {
            position.boundary.renew(known, mark);
        }
    }

    fn note(
        &self,
        key: &str,
        at: DateTime<Utc>,
        mark: Option<Mark>,
        edges: &mut Edges,
    ) -> Result<()> {
        let mut seen = self.lock();
        let new = || Position::at(at);
        if !seen.contains_key(key) {
            seen.insert(key.to_owned(), new());
        }
        let Some(position) = seen.get_mut(key) else { return Ok(()) };
        position.set = false;
        if at > position.cursor {
            *position = new();
        }
        if at == position.cursor
            && let Some(mark) = mark
        {
            let begun = lock(&self.begun);
            let begun = begun.get(key).filter(|begun| begun.cursor == at);
            let begun = begun.map_or(0, |begun| begun.boundary.count(mark));
            // Another pass counts the same records.
            position.boundary.reach(mark, begun + edges.count(key, at, mark));
            if position.boundary.records() > BOUNDARY {
                let field = self.field.name();
                let message = format!("more than {BOUNDARY} records have the same `{field}`: {at}");
                return Err(Error::data(message).help(
                    "`append` cannot tell which of them are known: write `mode=\"merge\"` with a key",
                ));
            }
        }
        Ok(())
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each use leaves it whole.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Position {
    fn at(cursor: DateTime<Utc>) -> Self {
        Self { cursor, boundary: Boundary::default(), set: false, of: None }
    }

    fn value(&self) -> Value {
        serde_json::json!(self)
    }

    /// What a run, or a person, has written.
    fn of(state: &Value) -> serde_json::Result<Self> {
        Self::deserialize(state)
    }

    /// The same, of a state of that name.
    ///
    /// # Errors
    /// It is something else.
    fn written(name: &str, state: &Value) -> Result<Self> {
        Self::of(state).map_err(|cause| {
            Error::target(format!("the state of `{name}` is not one of an incremental source"))
                .caused_by(cause)
                .help("forget it with `state reset`: then all of it is loaded again")
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::definition::TimeFormat;
    use crate::schema::{Field, Type};
    use crate::source::decode::dynamic;
    use datafusion::arrow::array::AsArray as _;

    fn incremental(mode: IncrementalMode, lookback: Option<Duration>) -> Incremental {
        Incremental {
            field: "at".to_owned(),
            start: None,
            param: None,
            end_param: None,
            format: TimeFormat::Rfc3339,
            window: None,
            lookback,
            mode,
        }
    }

    /// The ids that are new of records `(id, second)`, and the state behind them.
    fn check(
        incremental: &Incremental,
        mode: Mode,
        state: &State,
        records: &[(i64, u32)],
        expected: &[i64],
    ) -> State {
        let written = |(id, second): &(i64, u32)| {
            format!("{{\"id\":{id},\"at\":\"2026-01-01T00:00:{second:02}Z\"}}")
        };
        let records: Vec<_> = records.iter().map(written).collect();
        check_written(incremental, mode, &[], state, &records, expected)
    }

    /// The same of records as they are written, of which `more` fields are read.
    fn check_written(
        incremental: &Incremental,
        mode: Mode,
        more: &[Field],
        state: &State,
        records: &[impl AsRef<str>],
        expected: &[i64],
    ) -> State {
        let watermarks =
            Arc::new(Watermarks::new("items", Moment::of(None, "at"), incremental, mode, None));
        watermarks.know(state).unwrap();
        let mut sieve = Sieve::new(watermarks.pass(), Vec::new());
        let own = [Field::new("id", Type::Int64, false), Field::new("at", Type::Timestamp, false)];
        let schema = own.into_iter().chain(more.iter().cloned()).collect();
        let mut decoder = dynamic::decoder(&schema);
        for record in records {
            decoder.append(record.as_ref()).unwrap();
            sieve.append(None, Asked::default(), record.as_ref());
        }
        let batch = sieve.keep(&decoder.finish().unwrap(), |_| None).unwrap();
        let ids = batch.column(0).as_primitive::<datafusion::arrow::datatypes::Int64Type>();
        assert_eq!(ids.values(), expected);
        let mut state = state.clone();
        state.partitions.extend(watermarks.change(None, None));
        state
    }

    #[test]
    fn a_record_is_known_however_it_is_written_and_as_often_as_it_came() {
        let server = incremental(IncrementalMode::Server, None);
        let check = |state: &State, records: &[&str], expected: &[i64]| {
            check_written(&server, Mode::Append, &[], state, records, expected)
        };
        let first = [
            r#"{"id":1,"at":"2026-01-01T00:00:03Z","views":7}"#,
            r#"{"id":1,"at":"2026-01-01T00:00:03Z","views":8}"#,
            r#"{"id":2,"at":"2026-01-01T00:00:03Z","views":7}"#,
        ];
        let state = check(&State::default(), &first, &[1, 1, 2]);
        let again = [
            r#"{"views":9,"at":"2026-01-01T00:00:03.000Z","id":2}"#,
            r#"{ "id": 1, "at": "2026-01-01T00:00:03+00:00" }"#,
            r#"{"id":1,"at":"2026-01-01T00:00:03Z","views":10}"#,
        ];
        let state = check(&state, &again, &[]);
        // One more is a new one, and known from then on.
        let [first, ..] = first;
        let more = [again.as_slice(), &[first]].concat();
        let state = check(&state, &more, &[1]);
        check(&state, &more, &[]);
    }

    #[test]
    fn appended_records_of_the_boundary_are_not_stored_again() {
        let server = incremental(IncrementalMode::Server, None);
        let state = State::default();
        let state =
            check(&server, Mode::Append, &state, &[(1, 1), (2, 3), (3, 3), (4, 2)], &[1, 2, 3, 4]);
        let state = check(&server, Mode::Append, &state, &[(2, 3), (3, 3), (5, 3)], &[5]);
        let state = check(&server, Mode::Append, &state, &[(2, 3), (5, 3), (6, 4), (1, 1)], &[6]);
        check(&server, Mode::Append, &state, &[(6, 4)], &[]);
    }

    #[test]
    fn a_record_is_known_by_a_query_that_reads_more_of_it() {
        let server = incremental(IncrementalMode::Server, None);
        let check = |more: &[Field], state: &State, record: &str, expected: &[i64]| {
            check_written(&server, Mode::Append, more, state, &[record], expected)
        };
        let views = [Field::new("views", Type::Json, true)];
        let record = r#"{"id":1,"at":"2026-01-01T00:00:03Z","views":{"a":1,"b":2}}"#;
        let state = check(&[], &State::default(), record, &[1]);
        let state = check(&views, &state, record, &[]);
        // It is known by that from then on.
        let other =
            r#"{"views": {"b": 2, "a": 1}, "id": 1, "at": "2026-01-01T00:00:03Z", "new": 1}"#;
        check(&views, &state, other, &[]);
        check(&views, &state, &other.replace("\"b\": 2", "\"b\": 3"), &[1]);
    }

    #[test]
    fn a_client_leaves_out_what_is_older() {
        let client = incremental(IncrementalMode::Client, Some(Duration::from_secs(1)));
        let state = check(&client, Mode::Merge, &State::default(), &[(1, 1), (2, 5)], &[1, 2]);
        assert_eq!(
            state.partitions.get("items"),
            Some(&serde_json::json!({"cursor": "2026-01-01T00:00:05Z"}))
        );
        let state =
            check(&client, Mode::Merge, &state, &[(1, 1), (3, 4), (2, 5), (4, 9)], &[3, 2, 4]);
        check(&client, Mode::Merge, &state, &[(3, 4), (2, 5), (4, 9)], &[4]);
    }

    #[test]
    fn merge_takes_what_the_server_sends() {
        let server = incremental(IncrementalMode::Server, None);
        let state = check(&server, Mode::Merge, &State::default(), &[(1, 5)], &[1]);
        check(&server, Mode::Merge, &state, &[(1, 5), (2, 3)], &[1, 2]);
    }

    #[test]
    fn a_state_of_something_else_is_refused() {
        let server = incremental(IncrementalMode::Server, None);
        let watermarks =
            Watermarks::new("items", Moment::of(None, "at"), &server, Mode::Merge, None);
        let state = |name: &str| State {
            partitions: BTreeMap::from([(name.to_owned(), serde_json::json!(1))]),
        };
        assert!(watermarks.know(&state("items_of_others")).is_ok());
        let error = watermarks.know(&state("items {\"a\":1}")).unwrap_err();
        assert!(error.message().contains("is not one of an incremental source"), "{error}");
    }
}
