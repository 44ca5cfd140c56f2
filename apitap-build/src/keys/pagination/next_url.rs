//! `kind: next_url`.

use super::Stop;
use crate::definition::Pointer;
use crate::keys::declare::keys;

keys! {
    /// Each body holds the next page's URL, until there is none.
    #[derive(Eq, Hash, serde::Serialize, serde::Deserialize)]
    pub struct NextUrl, spec NextUrlSpec, kind "next_url" {
        /// Where the body holds the URL.
        path: Pointer = required("/links/next").filled().means("next"),
        /// Whether a first page without a URL there may be the last.
        may_be_absent: bool = super::may_be_absent(),
        /// What each answer says of the end.
        stop: Stop = super::stop(),
    }
}
