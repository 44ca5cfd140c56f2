//! `body`: what a request sends besides its headers. Each form is declared in a file of its own.

use super::declare::ways;
use crate::definition::{Json, Pairs, Template};
#[cfg(feature = "compiler")]
use crate::diagnostic::Spanned;

#[cfg(feature = "compiler")]
mod form;
#[cfg(feature = "compiler")]
mod json;
#[cfg(feature = "compiler")]
mod text;

#[cfg(feature = "compiler")]
impl BodySpec {
    /// The texts in it, in which expressions may stand.
    pub(crate) fn texts(&self) -> Vec<Spanned<Template>> {
        match self {
            Self::Json(json) => json.value.texts.clone(),
            Self::Form(pairs) => pairs.value.iter().map(|(_, value)| value.clone()).collect(),
            Self::Text(text) => vec![text.clone()],
        }
    }
}

ways! {
    /// What a request sends: exactly one form.
    pub enum Body, spec BodySpec {
        /// JSON, as `application/json`.
        Json(Json) in json,
        /// Names and values, as `application/x-www-form-urlencoded`.
        Form(Pairs) in form,
        /// A text, as `text/plain` unless a header says otherwise.
        Text(Template) in text,
    }
}
