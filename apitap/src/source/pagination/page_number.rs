//! `?page=3&per_page=100`; the end is where no records follow.

use super::numbered::{Numbered, Size};
use crate::definition::PageNumber;

/// Asks for pages of a size.
pub(super) fn new(kind: PageNumber) -> Numbered {
    let size = Size::Pages(kind.per_page_param.0, kind.per_page);
    Numbered::new(
        (kind.page_param, kind.params_in),
        kind.first_page,
        size,
        kind.concurrency,
        kind.stop,
    )
}
