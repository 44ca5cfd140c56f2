//! `Link: <…>; rel="next"` (RFC 8288); the end is where there is none.

use super::link::{self, Next};
use super::more::More;
use super::stop::Follow;
use super::{Paginator, Params, Position, Reads, Resumed, Step, leads_to_itself};
use crate::definition::Pointer;
use crate::source::answer::Answer;
use crate::{Error, Result};

/// Follows the links of the answers' headers.
#[derive(Default)]
pub(super) struct LinkHeader {
    next: Option<String>,
    /// What a first answer without a link may say of other pages.
    more: More,
}

impl LinkHeader {
    /// For bodies whose records are there.
    pub(super) fn beside(records: &Pointer) -> Self {
        Self { more: More::beside(records), ..Self::default() }
    }

    /// The request for the page that a link leads to.
    fn to(&mut self, reference: String) -> Step {
        self.next = Some(reference.clone());
        Step::Ask(Params::url(reference))
    }

    /// Whether a first answer is the only one.
    ///
    /// # Errors
    /// It says of others in its body, and has no link to them.
    fn only(&self, answer: &Answer<'_>) -> Result<Step> {
        match self.more.said(answer).filter(|_| answer.number() == 1) {
            None => Ok(Step::End),
            Some(said) => Err(Error::data(format!(
                "the answer has no `Link` header with `rel=\"next\"`, and more pages ({said})"
            ))
            .help(
                "try another kind of `pagination`: docs/pagination.md shows how to recognise them",
            )),
        }
    }
}

impl Follow for LinkHeader {
    /// An answer without a link may say of other pages in its body.
    fn is_left_out(&self, _: &Answer<'_>) -> bool {
        false
    }
}

impl Paginator for LinkHeader {
    fn step(&mut self, last: Option<&Answer<'_>>) -> Result<Step> {
        let Some(answer) = last else { return Ok(Step::Ask(Params::default())) };
        match link::next(answer) {
            Next::Page(reference) if !leads_to_itself(answer, &reference) => Ok(self.to(reference)),
            Next::Page(_) => Ok(Step::End),
            Next::None => self.only(answer),
            Next::Unclear(value) => {
                let shown = answer.shown(&value);
                Err(Error::data(format!("the `Link` header is not a list of links: `{shown}`"))
                    .help("without it the next page is not known; try another `pagination`"))
            }
        }
    }

    fn skip(&mut self, answer: &Answer<'_>) -> Result<Option<Step>> {
        Ok(match link::next(answer) {
            Next::Page(reference) if !leads_to_itself(answer, &reference) => {
                Some(self.to(reference))
            }
            // Links to other pages, and none to a next one.
            Next::None if answer.header("link").is_some() => Some(Step::End),
            Next::None | Next::Page(_) | Next::Unclear(_) => None,
        })
    }

    fn resume(&mut self, from: &Resumed) -> Result<Option<Step>> {
        let Position::Url(url) = &from.position else { return Ok(None) };
        self.next = Some(url.clone());
        Ok(Some(Step::Ask(Params::url(url))))
    }

    fn position(&self) -> Option<Position> {
        self.next.clone().map(Position::Url)
    }

    fn reads(&self) -> Reads {
        self.more.reads()
    }
}
