//! `kind: next_url`.

use crate::definition::Pointer;
use crate::keys::declare::keys;

keys! {
    /// Each body holds the next page's URL, until there is none.
    #[derive(Eq, Hash, serde::Serialize, serde::Deserialize)]
    pub struct NextUrl, spec NextUrlSpec, kind "next_url" {
        /// Where the body holds the URL.
        path: Pointer = required("/links/next").filled().means("next"),
    }
}
