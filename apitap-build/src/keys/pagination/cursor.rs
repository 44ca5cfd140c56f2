//! `kind: cursor`.

use crate::definition::{ParamName, Pointer};
use crate::keys::declare::keys;

keys! {
    /// `?after=abc`, where each body holds the next cursor, until there is none.
    #[derive(Eq, Hash, serde::Serialize, serde::Deserialize)]
    pub struct Cursor, spec CursorSpec, kind "cursor" {
        /// The parameter that takes the cursor.
        cursor_param: ParamName = required("after"),
        /// Where the body holds the next cursor.
        cursor_path: Pointer = required("/meta/next").filled().means("next"),
        /// The parameter that takes the page's size.
        page_size_param: Option<ParamName> = optional().example("limit").means("size_param"),
        /// Records per page.
        page_size: u64 = super::page_size().needs("page_size_param"),
    }
}
