//! What a request is, besides its URL, its headers and its parameters.

use super::declare::choices;

choices! {
    /// The method of a request: those that can read.
    pub enum Method {
        /// `GET`.
        Get = "GET", also ["get"];
        /// `POST`, for searches, reports and GraphQL.
        Post = "POST", also ["post"];
        /// `PUT`.
        Put = "PUT", also ["put"];
        /// `PATCH`.
        Patch = "PATCH", also ["patch"];
    }
}
