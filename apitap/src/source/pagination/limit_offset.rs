//! `?limit=100&offset=200`; the end is where no records follow.

use super::numbered::{Numbered, Size};
use crate::definition::LimitOffset;

/// Asks for records from an offset on.
pub(super) fn new(kind: LimitOffset) -> Numbered {
    let size = Size::Offsets(kind.limit_param.0, kind.limit);
    Numbered::new(
        (Some(kind.offset_param), kind.params_in),
        kind.first_offset,
        size,
        kind.concurrency,
        kind.stop,
    )
}
