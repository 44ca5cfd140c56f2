//! What a key makes apitap put on a request, by name: so that nothing is sent twice.

/// A name that is on each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// A header.
    Header(String),
    /// A query parameter.
    Param(String),
    /// A cookie, which goes behind those of a header.
    Cookie(String),
}
