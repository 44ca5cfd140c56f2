//! Pages by number or offset: what the three kinds share. Requests ahead, and an end that is certain.
//!
//! A page without records is the end only if the page behind it has none either, however many
//! requests are under way. A page that is shorter than asked for is not the end: some APIs cap the
//! size, some leave records out. Whether more follows is asked of the API, never guessed; where its
//! answers say it (`stop`), nothing is asked for behind the end.

use std::collections::VecDeque;

use super::stop::{Follows, Stopping};
use super::{Paginator, Params, Position, Reads, Resumed, Step};
use crate::definition::{ParamName, ParamsIn, Stop};
use crate::source::answer::Answer;
use crate::{Error, Result};

/// What is known of a page's size, and what the places count.
pub(super) enum Size {
    /// The API decides; places count pages.
    Unknown,
    /// The parameter and the size; places count pages.
    Pages(String, u64),
    /// The parameter and the size; places count records.
    Offsets(String, u64),
}

/// What the page before the one in turn was like.
#[derive(Clone, Copy)]
enum Before {
    /// There is none.
    Start,
    /// As long as asked for; or, where the API decides, no shorter than the one before.
    Full,
    /// Of another size.
    Uneven,
}

/// Why a page may be behind the end: the page behind it has to be so, too.
#[derive(Clone, Copy)]
enum Ending {
    /// It has no records.
    Empty,
    /// It is the last page again.
    Again,
}

/// A collection that is asked for by numbers.
pub(super) struct Numbered {
    /// Takes the number, if it is not an expression that does.
    param: Option<String>,
    /// Where the parameters go.
    place: ParamsIn,
    size: Size,
    /// How many requests may be under way at once; at least 1.
    concurrency: usize,
    /// What the answers say of the end.
    stop: Stopping,
    /// The next number that nothing was asked for yet.
    next: u64,
    /// The numbers that were asked for and not answered, in order.
    asked: VecDeque<u64>,
    before: Before,
    /// How many records the page before has.
    usual: u64,
    /// The error to end with, should more records follow.
    unless_end: Option<Error>,
    ending: Option<Ending>,
    /// Whether a page behind all that is counted was asked for.
    makes_sure: bool,
    /// The number behind the last page with records.
    position: u64,
}

impl Numbered {
    pub(super) fn new(
        (param, place): (Option<ParamName>, ParamsIn),
        first: u64,
        size: Size,
        concurrency: usize,
        stop: Stop,
    ) -> Self {
        Self {
            param: param.map(|name| name.0),
            place,
            size,
            concurrency: concurrency.max(1),
            stop: Stopping::new(stop, 0),
            next: first,
            asked: VecDeque::new(),
            before: Before::Start,
            usual: 0,
            unless_end: None,
            ending: None,
            makes_sure: false,
            position: first,
        }
    }

    /// How far the next number is from one whose page holds what was asked for.
    fn stride(&self) -> u64 {
        match self.size {
            Size::Offsets(_, size) => size,
            Size::Pages(..) | Size::Unknown => 1,
        }
    }

    /// Asks for the next number.
    fn ask(&mut self) -> Params {
        let number = self.next;
        self.asked.push_back(number);
        self.next = number.saturating_add(self.stride());
        let size = match &self.size {
            Size::Unknown => None,
            Size::Pages(name, size) | Size::Offsets(name, size) => {
                Some((name.clone(), (*size).into()))
            }
        };
        let param = self.param.clone().map(|name| (name, number.into()));
        Params::sent(self.place, size.into_iter().chain(param)).at(Position::Number(number))
    }

    /// As many requests as are missing from those that may be under way, and not more than pages that
    /// there may be.
    fn ahead(&mut self, most: usize) -> Step {
        let size = match self.size {
            Size::Offsets(_, size) => size,
            Size::Pages(..) | Size::Unknown => self.usual,
        };
        let most = most.min(usize::try_from(self.stop.left(size)).unwrap_or(usize::MAX));
        let missing = most.saturating_sub(self.asked.len());
        Step::Ahead((0..missing).map(|_| self.ask()).collect())
    }

    /// A page that is not behind the end.
    fn page(&mut self, number: u64, answer: &Answer<'_>, follows: Follows) -> Result<Step> {
        if let Some(error) = self.unless_end.take() {
            return Err(error);
        }
        let got = answer.elements();
        let full = self.is_full(got);
        self.usual = got;
        self.before = if full { Before::Full } else { Before::Uneven };
        self.position = self.behind_page(number, answer);
        let (param, asked) = match &self.size {
            Size::Pages(param, asked) | Size::Offsets(param, asked) if !full => (param, *asked),
            Size::Unknown | Size::Pages(..) | Size::Offsets(..) => {
                return Ok(self.ahead(self.concurrency));
            }
        };
        if got < asked && !self.counts_records() {
            // Numbers stay right whatever the size, so going on is safe. Nothing is requested ahead,
            // though, if the first page may have it all.
            let alone = answer.number() == 1 && follows == Follows::Unknown;
            let most = if alone { 1 } else { self.concurrency };
            return Ok(self.ahead(most));
        }
        self.unless_end = Some(uneven(answer.number(), param, asked, got));
        // What was requested ahead has the wrong places; ask right behind this page.
        self.asked.clear();
        self.next = self.position;
        Ok(Step::Ask(self.ask()))
    }

    /// The end, with a page that may have records.
    fn ends_with_page(&mut self, number: u64, answer: &Answer<'_>) -> Step {
        if answer.has_new() {
            self.position = self.behind_page(number, answer);
        }
        Step::End
    }

    /// A page with which all has come that is counted. A full one is the last only if none follows: what
    /// counts a page, or at most so many, may be taken for the count of all.
    fn enough(&mut self, number: u64, answer: &Answer<'_>) -> Step {
        let got = answer.elements();
        if !answer.has_new() || !self.is_full(got) {
            return self.ends_with_page(number, answer);
        }
        self.makes_sure = true;
        (self.usual, self.before) = (got, Before::Full);
        self.position = self.behind_page(number, answer);
        self.ahead(1)
    }

    /// The end, unless the API says that there is more.
    fn end(&self) -> Result<Step> {
        self.stop.check_end().map(|()| Step::End)
    }

    /// Whether a page is as long as asked for; or, where the API decides, no shorter than the one before.
    fn is_full(&self, got: u64) -> bool {
        match self.size {
            Size::Unknown => got >= self.usual,
            Size::Pages(_, asked) | Size::Offsets(_, asked) => got == asked,
        }
    }

    /// Whether the numbers are those of records.
    fn counts_records(&self) -> bool {
        matches!(self.size, Size::Offsets(..))
    }

    /// The number behind a page.
    fn behind_page(&self, number: u64, answer: &Answer<'_>) -> u64 {
        number.saturating_add(match self.size {
            Size::Offsets(..) => answer.elements(),
            Size::Pages(..) | Size::Unknown => 1,
        })
    }

    /// The page behind one that may be behind the end.
    fn behind(&self, ending: Ending, answer: &Answer<'_>) -> Result<Step> {
        let number = answer.number();
        let before = number.saturating_sub(1);
        let message = match ending {
            Ending::Empty if answer.elements() == 0 => return self.end(),
            Ending::Again if answer.repeats() => return self.end(),
            Ending::Empty => format!(
                "a page before page {number} is empty or missing, but page {number} has records"
            ),
            Ending::Again if answer.elements() == 0 => format!(
                "page {before} repeats the page before it, and page {number} is empty: the end is \
                 not certain"
            ),
            Ending::Again => format!(
                "page {before} repeats the page before it, but page {number} has other records"
            ),
        };
        Err(Error::data(message).help("run it again; if it stays so, the API's pages have holes"))
    }
}

impl Paginator for Numbered {
    fn step(&mut self, last: Option<&Answer<'_>>) -> Result<Step> {
        // The first page goes alone: it tells whether there is more to ask for ahead.
        let Some(answer) = last else { return Ok(Step::Ask(self.ask())) };
        let number = self.asked.pop_front().unwrap_or(self.next);
        let follows = self.stop.judge(answer)?;
        self.makes_sure &= follows == Follows::Enough;
        if let Some(ending) = self.ending {
            return self.behind(ending, answer);
        }
        self.ending = match answer.elements() {
            _ if follows == Follows::Nothing => return Ok(self.ends_with_page(number, answer)),
            _ if follows == Follows::Enough => return Ok(self.enough(number, answer)),
            // Some APIs filter what they have paged: an empty page, and more behind it.
            0 if follows == Follows::Said && !self.counts_records() => {
                return Ok(self.ahead(self.concurrency));
            }
            0 => Some(Ending::Empty),
            _ if answer.repeats() => Some(Ending::Again),
            _ => return self.page(number, answer, follows),
        };
        Ok(self.ahead(1))
    }

    /// That there is no such page is an empty one; where more are counted, they have numbers.
    fn skip(&mut self, answer: &Answer<'_>) -> Result<Option<Step>> {
        let status = answer.status();
        let is_none = matches!(status, 404 | 410 | 416) || self.ends_with(status);
        if is_none && answer.number() > 1 {
            return self.step(Some(answer)).map(Some);
        }
        self.asked.pop_front();
        Ok(match self.stop.judge(answer)? {
            Follows::Nothing | Follows::Enough => Some(Step::End),
            Follows::Unknown => None,
            Follows::Said | Follows::Counted if self.counts_records() => Some(self.end()?),
            Follows::Said | Follows::Counted => Some(self.ahead(self.concurrency)),
        })
    }

    /// The page before was one of many: an answer that there is no such page is the end.
    fn resume(&mut self, from: &Resumed) -> Result<Option<Step>> {
        let Position::Number(number) = from.position else { return Ok(None) };
        self.stop.go_on(from);
        (self.next, self.position, self.before) = (number, number, Before::Full);
        Ok(Some(Step::Ask(self.ask())))
    }

    fn position(&self) -> Option<Position> {
        Some(Position::Number(self.position))
    }

    fn total(&self) -> Option<u64> {
        self.stop.total()
    }

    fn reads(&self) -> Reads {
        Reads::Values(self.stop.reads())
    }

    /// "There is no such page" is the end. "This request is wrong" is the end only where the page
    /// before was short or missing: after a full one it may be a cap on how deep one may page.
    fn ends_with(&self, status: u16) -> bool {
        match self.before {
            _ if self.ending.is_some() || self.makes_sure => super::says_that_there_is_none(status),
            Before::Start => false,
            Before::Full => matches!(status, 404 | 416),
            Before::Uneven => matches!(status, 400 | 404 | 416 | 422),
        }
    }

    fn asks_by(&self) -> Option<String> {
        Some(format!("`{}`", self.param.as_deref().unwrap_or("{page}")))
    }

    fn makes_sure(&self) -> bool {
        self.makes_sure
    }

    fn may_repeat_the_last(&self) -> bool {
        true
    }
}

/// What a page of the wrong size means, should it turn out that it is not the last one.
fn uneven(number: u64, param: &str, asked: u64, got: u64) -> Error {
    if got > asked {
        return Error::data(format!(
            "asked for {asked} records, got {got}, and there are more: the API ignores `{param}`"
        ))
        .help(format!("ask for as many as the API returns: {got}"));
    }
    if number == 1 {
        return Error::data(format!(
            "asked for {asked} records, got {got}, and there are more: the API caps `{param}`"
        ))
        .help(format!("set `limit: {got}`"));
    }
    Error::data(format!(
        "page {number} has {got} of {asked} records, and there are more: with records left out, or \
         added during the run, offsets are not reliable"
    ))
    .help("run it again; if it stays so, use `page_number` or `cursor`")
}
