//! One request holds everything: the source's own, or that for a file which the API has named.

use super::link::{self, Next};
use super::{Paginator, Params, Reads, Step};
use crate::source::answer::Answer;
use crate::{Error, Result};

/// Asks once; an answer that says that there is more is an error.
pub(super) struct Single;

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
        match link::next(answer) {
            // A header that cannot be read is not asked for here.
            Next::None | Next::Unclear(_) => Ok(Step::End),
            Next::Page(_) => {
                let message = "the answer has a next page (`Link: …; rel=\"next\"`), and the source \
                               has no `pagination`";
                Err(Error::data(message)
                    .help("write `pagination: {kind: link_header}` to read all pages"))
            }
        }
    }

    fn reads(&self) -> Reads {
        Reads::nothing()
    }
}
