//! The body holds the next page's URL, absolute or relative; the end is null, "" or none.

use super::stop::Follow;
use super::{
    Paginator, Params, Position, Reads, Resumed, Step, finds_no_next, leads_to_itself, next_value,
};
use crate::Result;
use crate::definition::{self, Pointer};
use crate::source::answer::Answer;

/// Follows the URLs in the bodies.
pub(super) struct NextUrl {
    path: Pointer,
    may_be_absent: bool,
    next: Option<String>,
}

impl NextUrl {
    pub(super) fn new(kind: definition::NextUrl) -> Self {
        Self { path: kind.path, may_be_absent: kind.may_be_absent, next: None }
    }

    /// The request for the page at that URL.
    fn to(&mut self, reference: String) -> Step {
        self.next = Some(reference.clone());
        Step::Ask(Params::url(reference).said_at(Some(&self.path), None))
    }
}

impl Follow for NextUrl {
    fn is_left_out(&self, answer: &Answer<'_>) -> bool {
        finds_no_next(answer)
    }
}

impl Paginator for NextUrl {
    fn step(&mut self, last: Option<&Answer<'_>>) -> Result<Step> {
        let Some(answer) = last else { return Ok(Step::Ask(Params::default())) };
        let next = next_value(answer, "path", &self.path, self.may_be_absent)?;
        let next = next.filter(|next| !leads_to_itself(answer, next));
        let Some(reference) = next else { return Ok(Step::End) };
        Ok(self.to(reference))
    }

    fn skip(&mut self, answer: &Answer<'_>) -> Result<Option<Step>> {
        if finds_no_next(answer) {
            return Ok(None);
        }
        Ok(match next_value(answer, "path", &self.path, true)? {
            None => Some(Step::End),
            // It says nothing of others.
            Some(next) if leads_to_itself(answer, &next) => None,
            Some(next) => Some(self.to(next)),
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
        Reads::Values(vec![self.path.clone()])
    }
}
