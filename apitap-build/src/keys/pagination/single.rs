//! `kind: none`.

use crate::keys::declare::keys;

keys! {
    /// One request holds everything. An answer that says that there is more is an error.
    #[derive(Default, Eq, Hash, serde::Serialize, serde::Deserialize)]
    pub struct Single, spec SingleSpec, kind "none" {
        /// Whether the first page is all that is wanted, whatever an answer says of others.
        first_page_only: bool = default(false).brief().example("true"),
        /// Whether an answer holds all records, whatever it says that looks like more of them.
        complete: bool = default(false).brief().example("true"),
    }
}
