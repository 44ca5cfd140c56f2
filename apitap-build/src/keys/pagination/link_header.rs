//! `kind: link_header`.

use super::Stop;
use crate::keys::declare::keys;

keys! {
    /// `Link: <…>; rel="next"` of each answer, until there is none.
    #[derive(Default, Eq, Hash, serde::Serialize, serde::Deserialize)]
    pub struct LinkHeader, spec LinkHeaderSpec, kind "link_header", also ["link"] {
        /// What each answer says of the end.
        stop: Stop = super::stop(),
    }
}
