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
    /// As much has come as is counted: nothing should follow.
    Enough,
    /// Nothing follows.
    Nothing,
}

/// What was said so far, and what has come.
pub(super) struct Stopping {
    rules: definition::Stop,
    /// Where the values of the rules begin among those that are read of a body.
    first: usize,
    pages: u64,
    elements: u64,
    /// What the last answer said.
    more: Option<bool>,
    total: Option<Count>,
    total_pages: Option<Count>,
}

/// What the answers count.
#[derive(Debug, Clone, Copy)]
struct Count {
    newest: u64,
    /// A count may shrink while pages are read, as records are deleted that have come already.
    largest: u64,
}

impl Count {
    /// The count behind an answer that says `number`.
    fn told(before: Option<Self>, number: u64) -> Option<Self> {
        let largest = before.map_or(number, |before| before.largest.max(number));
        Some(Self { newest: number, largest })
    }
}

impl Stopping {
    /// `first` is how many values of a body are read before those of the rules.
    pub(super) fn new(rules: definition::Stop, first: usize) -> Self {
        Self { rules, first, pages: 0, elements: 0, more: None, total: None, total_pages: None }
    }

    /// What an earlier run had come to counts, too.
    pub(super) fn go_on(&mut self, from: &Resumed) {
        (self.pages, self.elements) = (from.pages, from.records);
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
    /// A path leads to something else than what it should, or nowhere on a page with records; the page
    /// is said to be the last one, and records are missing; or more have come than there are.
    pub(super) fn judge(&mut self, answer: &Answer<'_>) -> Result<Follows> {
        self.pages += 1;
        if !answer.repeats() {
            self.elements += answer.elements();
        }
        self.read(answer)?;
        if answer.has_new() {
            self.check_counts()?;
        }
        if self.rules.max_pages.is_some_and(|most| self.pages >= most) {
            return Ok(Follows::Nothing);
        }
        Ok(match (self.more, self.total_pages, self.total) {
            (Some(true), ..) => Follows::Said,
            (None, Some(pages), _) if self.pages < pages.largest => Follows::Counted,
            (None, None, Some(total)) if self.elements < total.largest => Follows::Counted,
            (None, None, None) => Follows::Unknown,
            (more, ..) => {
                self.check_end()?;
                if more.is_some() { Follows::Nothing } else { Follows::Enough }
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
            self.total = Count::told(self.total, count(answer, path, text)?);
        }
        if let (Some(path), Some(text)) = (&rules.total_pages_path, total_pages) {
            self.total_pages = Count::told(self.total_pages, count(answer, path, text)?);
        }
        Ok(())
    }

    /// How many records there are in all, as far as is said.
    pub(super) fn total(&self) -> Option<u64> {
        self.total.map(|total| total.newest)
    }

    /// How many more pages of this size there may be, as far as is said; at least 1.
    pub(super) fn left(&self, size: u64) -> u64 {
        let of_pages = self.total_pages.map(|pages| pages.newest.saturating_sub(self.pages));
        let of_records = self.total.map(|total| {
            let left = total.newest.saturating_sub(self.elements);
            left.div_ceil(size.max(1))
        });
        let most = self.rules.max_pages.map(|most| most.saturating_sub(self.pages));
        [of_pages, of_records, most].into_iter().flatten().min().unwrap_or(u64::MAX).max(1)
    }

    /// Makes sure that no more has come than the API counts.
    ///
    /// # Errors
    /// More has come, so that the count does not say where the end is.
    fn check_counts(&self) -> Result<()> {
        let Self { rules, pages, elements, .. } = self;
        let help = "the key does not say how much there is in all: correct it, or leave it out";
        let lie = |path: &Pointer, message: String| {
            Err(Error::data(message).at_path(path.0.clone()).help(help))
        };
        match (&rules.total_path, self.total, &rules.total_pages_path, self.total_pages) {
            (Some(path), Some(Count { largest, .. }), ..) if *elements > largest => {
                let message =
                    format!("the API counts {largest} records (`{}`), and {elements} came", path.0);
                lie(path, message)
            }
            (.., Some(path), Some(Count { largest, .. })) if *pages > largest => {
                let message = format!(
                    "the API counts {largest} pages (`{}`), and page {pages} has records, too",
                    path.0
                );
                lie(path, message)
            }
            _ => Ok(()),
        }
    }

    /// Makes sure that the pages may end behind the answers so far.
    ///
    /// # Errors
    /// The API has said that there is more.
    pub(super) fn check_end(&self) -> Result<()> {
        let Self { rules, pages, elements, .. } = self;
        let again = "run it again; if it stays so, the key does not mean what the API says there";
        if let (Some(path), Some(total)) = (&rules.total_path, self.total())
            && *elements < total
        {
            let message = format!(
                "the API counts {total} records (`{}`), and its pages hold {elements}",
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
        let counted = (&rules.total_pages_path, self.total_pages);
        if let (Some(path), Some(Count { newest: total, .. })) = counted
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
        Some(Value::Missing(absent)) if answer.elements() > 0 => Err(absent.error(key)),
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

/// A pagination whose answers say where the next page is.
pub(super) trait Follow: Paginator {
    /// Whether an answer leaves out where it says that, rather than that there is none.
    fn is_left_out(&self, answer: &Answer<'_>) -> bool;
}

/// A pagination whose answers may say more of the end than where the next page is.
pub(super) struct Stops<P> {
    inner: P,
    stopping: Stopping,
    /// Whether the page behind all that is counted was asked for, which an answer has named.
    makes_sure: bool,
}

impl<P: Follow> Stops<P> {
    pub(super) fn new(inner: P, rules: definition::Stop) -> Self {
        let first = match inner.reads() {
            Reads::Body => 0,
            Reads::Values(values) | Reads::ValuesAndLast(values, _) => values.len(),
        };
        Self { inner, stopping: Stopping::new(rules, first), makes_sure: false }
    }

    /// Whether it ends with an answer.
    fn ends_at(&mut self, answer: &Answer<'_>) -> Result<bool> {
        let follows = self.stopping.judge(answer)?;
        self.makes_sure = follows == Follows::Enough;
        Ok(match follows {
            Follows::Nothing => true,
            Follows::Enough => !answer.has_new() || self.inner.is_left_out(answer),
            Follows::Unknown | Follows::Counted | Follows::Said => false,
        })
    }
}

impl<P: Follow> Paginator for Stops<P> {
    fn step(&mut self, last: Option<&Answer<'_>>) -> Result<Step> {
        if let Some(answer) = last
            && self.ends_at(answer)?
        {
            return Ok(Step::End);
        }
        let step = self.inner.step(last)?;
        if step == Step::End {
            self.stopping.check_end()?;
        }
        Ok(step)
    }

    fn skip(&mut self, answer: &Answer<'_>) -> Result<Option<Step>> {
        self.makes_sure = false;
        if matches!(self.stopping.judge(answer)?, Follows::Nothing | Follows::Enough) {
            return Ok(Some(Step::End));
        }
        let step = self.inner.skip(answer)?;
        if matches!(step, None | Some(Step::End)) {
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
        let is_none = self.makes_sure && super::says_that_there_is_none(status);
        is_none || self.inner.ends_with(status)
    }

    fn makes_sure(&self) -> bool {
        self.makes_sure
    }

    fn asks_by(&self) -> Option<String> {
        self.inner.asks_by()
    }

    fn may_repeat_the_last(&self) -> bool {
        self.inner.may_repeat_the_last()
    }
}
