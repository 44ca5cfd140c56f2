//! A template of a definition → what is sent.
//!
//! `${NAME}` is resolved once, when a run begins.

use crate::definition::Template;
use crate::environment::Environment;

/// A template with the environment's values in it; equal ones send the same.
///
/// It has no `Debug`: it may hold a secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Resolved(String);

impl Resolved {
    /// Puts the values in. What is missing is in the environment's [`check`](Environment::check).
    pub(crate) fn text_of(template: &Template, environment: &mut Environment) -> Self {
        Self(environment.text(template))
    }

    /// As [`text_of`](Self::text_of), for one that is a secret even where it is written out.
    pub(crate) fn secret_of(template: &Template, environment: &mut Environment) -> Self {
        Self(environment.secret(template))
    }

    /// What is sent.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}
