//! `stop`: what the answers say of the end → whether more pages follow, in any kind of pagination.
//!
//! What is said is held against what has come: pages that end before the API's own count are an error,
//! and not the end.

use super::{Paginator, Position, Reads, Resumed, Step};
use crate::definition::{self, Pointer};
use crate::source::answer::Answer;
use crate::source::body::Value;
use crate::{Error, Result};

/// What is said of the pages behind an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    /// Nothing is said.
    Unknown,
    /// A count says that more follow: there should be records.
    Counted,
    /// It is said that more follow, whatever is in the page.
    Said,
    /// Nothing follows.
    Nothing,
}

/// What was said so far, and what has come.
pub(super) struct Stopping {
    rules: definition::Stop,
    /// Where the values of the rules begin among those that are read of a body.
    first: usize,
    pages: u64,
    records: u64,
    /// What the last answer said.
    more: Option<bool>,
    /// The newest counts.
    total: Option<u64>,
    total_pages: Option<u64>,
}

impl Stopping {
    /// `first` is how many values of a body are read before those of the rules.
    pub(super) fn new(rules: definition::Stop, first: usize) -> Self {
        Self { rules, first, pages: 0, records: 0, more: None, total: None, total_pages: None }
    }

    /// What an earlier run had come to counts, too.
    pub(super) fn go_on(&mut self, from: &Resumed) {
        (self.pages, self.records) = (from.pages, from.records);
    }

    /// Where the body says it.
    pub(super) fn reads(&self) -> Vec<Pointer> {
        let definition::Stop {
            has_more_path,
            is_last_path,
            total_path,
            total_pages_path,
            max_pages: _,
        } = &self.rules;
        let paths = [has_more_path, is_last_path, total_path, total_pages_path];
        paths.into_iter().flatten().cloned().collect()
    }

    /// Takes the next answer: what follows it.
    ///
    /// # Errors
    /// A path leads to something else than what it should, or nowhere on a page with records; or the
    /// page is said to be the last one, and records are missing.
    pub(super) fn judge(&mut self, answer: &Answer<'_>) -> Result<Follows> {
        self.pages += 1;
        if !answer.repeats() {
            self.records += answer.records() as u64;
        }
        self.read(answer)?;
        if self.rules.max_pages.is_some_and(|most| self.pages >= most) {
            return Ok(Follows::Nothing);
        }
        Ok(match (self.more, self.total_pages, self.total) {
            (Some(true), ..) => Follows::Said,
            (None, Some(pages), _) if self.pages < pages => Follows::Counted,
            (None, None, Some(total)) if self.records < total => Follows::Counted,
            (None, None, None) => Follows::Unknown,
            _ => {
                self.check_end()?;
                Follows::Nothing
            }
        })
    }

    fn read(&mut self, answer: &Answer<'_>) -> Result<()> {
        let rules = &self.rules;
        let mut found = self.first..;
        let mut value = |key: &str, path: &Option<Pointer>| {
            let Some(path) = path else { return Ok(None) };
            let value = found.next().and_then(|index| answer.found(index));
            told(answer, key, path, value)
        };
        let more = value("stop.has_more_path", &rules.has_more_path)?;
        let is_last = value("stop.is_last_path", &rules.is_last_path)?;
        let total = value("stop.total_path", &rules.total_path)?;
        let total_pages = value("stop.total_pages_path", &rules.total_pages_path)?;
        self.more = match (&rules.has_more_path, more, &rules.is_last_path, is_last) {
            (Some(path), Some(text), ..) => Some(flag(answer, path, text)?),
            (.., Some(path), Some(text)) => Some(!flag(answer, path, text)?),
            _ => None,
        };
        if let (Some(path), Some(text)) = (&rules.total_path, total) {
            self.total = Some(count(answer, path, text)?);
        }
        if let (Some(path), Some(text)) = (&rules.total_pages_path, total_pages) {
            self.total_pages = Some(count(answer, path, text)?);
        }
        Ok(())
    }

    /// How many records there are in all, as far as is said.
    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    /// How many more pages of this size there may be, as far as is said; at least 1.
    pub(super) fn left(&self, size: u64) -> u64 {
        let of_pages = self.total_pages.map(|pages| pages.saturating_sub(self.pages));
        let of_records = self.total.map(|total| {
            let left = total.saturating_sub(self.records);
            left.div_ceil(size.max(1))
        });
        let most = self.rules.max_pages.map(|most| most.saturating_sub(self.pages));
        [of_pages, of_records, most].into_iter().flatten().min().unwrap_or(u64::MAX).max(1)
    }

    /// Makes sure that the pages may end behind the answers so far.
    ///
    /// # Errors
    /// The API has said that there is more.
    pub(super) fn check_end(&self) -> Result<()> {
        let Self { rules, pages, records, .. } = self;
        let again = "run it again; if it stays so, the key does not mean what the API says there";
        if let (Some(path), Some(total)) = (&rules.total_path, self.total)
            && *records < total
        {
            let message = format!(
                "the API counts {total} records (`{}`), and its pages hold {records}",
                path.0
            );
            return Err(Error::data(message).at_path(path.0.clone()).help(again));
        }
        let flag = rules.has_more_path.as_ref().or(rules.is_last_path.as_ref());
        if let (Some(path), Some(true)) = (flag, self.more) {
            let message =
                format!("page {pages} says that more follows (`{}`), and not where it is", path.0);
            return Err(Error::data(message)
                .at_path(path.0.clone())
                .help("correct what says where the next page is, or the path in `stop`"));
        }
        if let (Some(path), Some(total)) = (&rules.total_pages_path, self.total_pages)
            && *pages < total
        {
            let message = format!(
                "the API counts {total} pages (`{}`), and ends behind page {pages}",
                path.0
            );
            return Err(Error::data(message).at_path(path.0.clone()).help(again));
        }
        Ok(())
    }
}

/// What stands where an answer says it, as text; `None` where it says nothing: an answer without a body
/// or without records may.
fn told<'a>(
    answer: &Answer<'_>,
    key: &str,
    path: &Pointer,
    value: Option<&'a Value>,
) -> Result<Option<&'a str>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Missing(absent)) if answer.records() > 0 => Err(absent.error(key)),
        Some(Value::Missing(_)) => Ok(None),
        Some(Value::Bool(true)) => Ok(Some("true")),
        Some(Value::Bool(false)) => Ok(Some("false")),
        Some(value) => value.text(path),
    }
}

fn flag(answer: &Answer<'_>, path: &Pointer, text: &str) -> Result<bool> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(unlike(answer, path, "`true` or `false`", text)),
    }
}

fn count(answer: &Answer<'_>, path: &Pointer, text: &str) -> Result<u64> {
    text.parse().map_err(|_| unlike(answer, path, "a whole number", text))
}

fn unlike(answer: &Answer<'_>, path: &Pointer, expected: &str, text: &str) -> Error {
    Error::data(format!("expected {expected}, found `{}`", answer.shown(text)))
        .at_path(path.0.clone())
        .help("correct `stop`")
}

/// A pagination whose answers may say more of the end than where the next page is.
pub(super) struct Stops<P> {
    inner: P,
    stopping: Stopping,
}

impl<P: Paginator> Stops<P> {
    pub(super) fn new(inner: P, rules: definition::Stop) -> Self {
        let first = match inner.reads() {
            Reads::Body => 0,
            Reads::Values(values) | Reads::ValuesAndLast(values, _) => values.len(),
        };
        Self { inner, stopping: Stopping::new(rules, first) }
    }
}

impl<P: Paginator> Paginator for Stops<P> {
    fn step(&mut self, last: Option<&Answer<'_>>) -> Result<Step> {
        if let Some(answer) = last
            && self.stopping.judge(answer)? == Follows::Nothing
        {
            return Ok(Step::End);
        }
        let step = self.inner.step(last)?;
        if step == Step::End {
            self.stopping.check_end()?;
        }
        Ok(step)
    }

    fn resume(&mut self, from: &Resumed) -> Result<Option<Step>> {
        self.stopping.go_on(from);
        self.inner.resume(from)
    }

    fn position(&self) -> Option<Position> {
        self.inner.position()
    }

    fn total(&self) -> Option<u64> {
        self.stopping.total()
    }

    fn reads(&self) -> Reads {
        let rules = self.stopping.reads();
        match self.inner.reads() {
            Reads::Body => Reads::Body,
            Reads::Values(values) => Reads::Values(values.into_iter().chain(rules).collect()),
            Reads::ValuesAndLast(values, last) => {
                Reads::ValuesAndLast(values.into_iter().chain(rules).collect(), last)
            }
        }
    }

    fn ends_with(&self, status: u16) -> bool {
        self.inner.ends_with(status)
    }

    fn asks_by(&self) -> Option<String> {
        self.inner.asks_by()
    }

    fn may_repeat_the_last(&self) -> bool {
        self.inner.may_repeat_the_last()
    }
}
