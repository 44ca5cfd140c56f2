//! `?page=3`, where the API decides how many records a page has; the end is where none follow.

use super::numbered::{Numbered, Size};
use crate::definition::PageOnly;

/// Asks for pages.
pub(super) fn new(kind: PageOnly) -> Numbered {
    Numbered::new(
        (kind.page_param, kind.params_in),
        kind.first_page,
        Size::Unknown,
        kind.concurrency,
        kind.stop,
    )
}
