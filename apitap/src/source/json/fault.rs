//! Why a text is not what it should be, before it is known which request and record it belongs to.

use std::fmt;

use crate::Error;

/// Why a value could not be read: one pointer wide, as the way it never takes is a hot one.
#[derive(Debug)]
pub struct Fault(Box<Detail>);

#[derive(Debug)]
struct Detail {
    what: What,
    /// JSON Pointer, from the value that was asked for.
    path: String,
    help: Option<String>,
}

#[derive(Debug)]
enum What {
    /// A value that does not fit; a whole message.
    Misfit(String),
    /// Text that is not JSON at a byte of it: what it is there, and what stands behind the place.
    Malformed { is: String, at: u64, why: String },
    /// Text that ends in the middle of something.
    Ends(String),
    /// Text without a value.
    Nothing,
}

impl Fault {
    /// A value that does not fit; the message is a whole one.
    #[cold]
    pub fn misfit(message: impl Into<String>) -> Self {
        Self::new(What::Misfit(message.into()))
    }

    /// Text that is not JSON: `expected a digit, found …`.
    #[cold]
    pub(crate) fn syntax(at: usize, why: impl fmt::Display) -> Self {
        Self::malformed("is not JSON", at, format!(": {why}"))
    }

    /// Text that `is` something that it must not be, at a byte of it.
    #[cold]
    pub(crate) fn malformed(is: impl Into<String>, at: usize, why: impl Into<String>) -> Self {
        Self::new(What::Malformed { is: is.into(), at: at as u64, why: why.into() })
    }

    /// Text that ends too early: in the middle of `a string`.
    #[cold]
    pub(crate) fn ends(inside: impl Into<String>) -> Self {
        Self::new(What::Ends(inside.into()))
    }

    /// Text that has nothing but white space.
    #[cold]
    pub(crate) fn nothing() -> Self {
        Self::new(What::Nothing)
    }

    fn new(what: What) -> Self {
        Self(Box::new(Detail { what, path: String::new(), help: None }))
    }

    /// Whether the text is only too short: more of it might be right.
    pub(crate) fn is_cut(&self) -> bool {
        matches!(self.0.what, What::Ends(_) | What::Nothing)
    }

    /// Names the key or index that leads to the value; the innermost comes first.
    #[must_use]
    #[cold]
    pub fn within(mut self, token: &str) -> Self {
        let token = apitap_build::pointer::escape(token);
        self.0.path = format!("/{token}{}", self.0.path);
        self
    }

    /// Counts its place from `bytes` before the text that was read.
    #[must_use]
    #[cold]
    pub(crate) fn behind(mut self, bytes: u64) -> Self {
        if let What::Malformed { at, .. } = &mut self.0.what {
            *at += bytes;
        }
        self
    }

    /// Says what to do.
    #[must_use]
    #[cold]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// The error of a query whose value does not fit: `argument 1 of …`, `what … gives`.
    #[cold]
    pub(crate) fn into_query_error(self, what: &str) -> Error {
        self.into_kind("the text", |message| Error::query(format!("{what}: {message}")))
    }

    /// The error, with what the text is: `the record`, `the body`.
    #[cold]
    pub(crate) fn into_error(self, subject: &str) -> Error {
        self.into_kind(subject, Error::data)
    }

    fn into_kind(self, subject: &str, kind: impl FnOnce(String) -> Error) -> Error {
        let Detail { what, path, help } = *self.0;
        let error = kind(match what {
            What::Misfit(message) => message,
            What::Malformed { is, at, why } => format!("{subject} {is} at byte {at}{why}"),
            What::Ends(inside) => format!("{subject} ends in the middle of {inside}"),
            What::Nothing => format!("{subject} holds no value"),
        });
        let error = if path.is_empty() { error } else { error.at_path(path) };
        match help {
            Some(help) => error.help(help),
            None => error,
        }
    }
}
