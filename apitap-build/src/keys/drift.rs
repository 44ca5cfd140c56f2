//! `on_unknown_field`: what to do where an API's records are not what the schema says.

use super::declare::choices;

choices! {
    /// What to do about fields that the API sends and the schema does not declare.
    pub enum OnUnknownField {
        /// Skip them.
        Ignore = "ignore", also ["skip", "allow"];
        /// Skip them, and name them at the end of the run.
        Warn = "warn", also ["report"];
        /// Gather them in the field `_unknown` of each record, as JSON.
        Keep = "keep", also ["collect", "gather"];
        /// The first one ends the run.
        Error = "error", also ["fail", "deny", "forbid"];
    }
}

impl OnUnknownField {
    /// Where nothing is said.
    pub const DEFAULT: Self = Self::Warn;
}

impl Default for OnUnknownField {
    fn default() -> Self {
        Self::DEFAULT
    }
}
