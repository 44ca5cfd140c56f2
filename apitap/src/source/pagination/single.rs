//! One request holds everything: the source's own, or that for a file which the API has named.

use super::link::{self, Next};
use super::more::More;
use super::{Paginator, Params, Reads, Step};
use crate::definition::{self, Pointer};
use crate::source::answer::Answer;
use crate::{Error, Result};

/// Asks once; an answer that says that there is more is an error, unless it is not wanted.
#[derive(Default)]
pub(super) struct Single {
    more: More,
    /// Whether nothing that an answer says is asked for.
    is_sure: bool,
}

impl Single {
    /// For bodies whose records are there.
    pub(super) fn new(kind: &definition::Single, records: &Pointer) -> Self {
        let is_sure = kind.first_page_only || kind.complete;
        let more = if is_sure { More::default() } else { More::beside(records) };
        Self { more, is_sure }
    }

    /// What an answer says of another page.
    fn next(&self, answer: &Answer<'_>) -> Option<(String, &'static str)> {
        if self.is_sure {
            return None;
        }
        match link::next(answer) {
            Next::Page(_) => Some((
                "the answer has a next page (`Link: …; rel=\"next\"`)".to_owned(),
                "write `pagination: {kind: link_header}` to read all pages",
            )),
            Next::Unclear(value) if value.to_ascii_lowercase().contains("next") => Some((
                format!(
                    "the answer has a `Link` header that is not understood (`{}`)",
                    answer.shown(&value)
                ),
                "write `pagination: {kind: link_header}` to see why",
            )),
            // A header that cannot be read is not asked for here.
            Next::None | Next::Unclear(_) => self.more.said(answer).map(|said| {
                let help = "say how to get to the next page: docs/pagination.md shows how to \
                            recognise the kinds";
                (format!("the answer has more pages ({said})"), help)
            }),
        }
    }
}

/// Asks for a file at an address of the API's, wherever that is.
pub(super) struct File(pub(super) String);

impl Paginator for File {
    fn step(&mut self, last: Option<&Answer<'_>>) -> Result<Step> {
        Ok(match last {
            None => Step::Ask(Params { anywhere: true, ..Params::url(self.0.clone()) }),
            Some(_) => Step::End,
        })
    }

    fn reads(&self) -> Reads {
        Reads::nothing()
    }
}

impl Paginator for Single {
    fn step(&mut self, last: Option<&Answer<'_>>) -> Result<Step> {
        let Some(answer) = last else { return Ok(Step::Ask(Params::default())) };
        match self.next(answer) {
            None => Ok(Step::End),
            Some((said, help)) => Err(Error::data(format!(
                "{said}, and the source has no `pagination`"
            ))
            .help(format!(
                "{help}; if these are all records: `pagination: {{kind: none, complete: true}}`; if this page is \
                 all that you want: `pagination: {{kind: none, first_page_only: true}}`"
            ))),
        }
    }

    fn reads(&self) -> Reads {
        self.more.reads()
    }
}
