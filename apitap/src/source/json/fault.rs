//! Why a text is not what it should be, before it is known which request and record it belongs to.

use std::str::Utf8Error;

use crate::Error;

/// Why a value could not be read: one pointer wide, as the way it never takes is a hot one.
#[derive(Debug)]
pub struct Fault(Box<Detail>);

#[derive(Debug)]
struct Detail {
    /// Whether the message is a clause that lacks its subject.
    malformed: bool,
    message: String,
    /// JSON Pointer, from the value that was asked for.
    path: String,
    help: Option<String>,
}

impl Fault {
    /// A value that does not fit; the message is a whole one.
    #[cold]
    pub fn misfit(message: impl Into<String>) -> Self {
        Self::new(false, message.into())
    }

    /// Text that is not JSON; the clause lacks its subject: `ends in the middle of a string`.
    #[cold]
    pub(crate) fn malformed(clause: impl Into<String>) -> Self {
        Self::new(true, clause.into())
    }

    /// Text that ends too early.
    #[cold]
    pub(super) fn ends(inside: &str) -> Self {
        Self::malformed(format!("ends in the middle of {inside}"))
    }

    #[cold]
    pub(super) fn not_utf8(bytes: &[u8], error: Utf8Error) -> Self {
        let at = error.valid_up_to();
        match (error.error_len(), bytes.get(at)) {
            (Some(_), Some(byte)) => {
                Self::malformed(format!("is not UTF-8: found the byte 0x{byte:02x} at byte {at}"))
            }
            _ => Self::ends("a character"),
        }
    }

    fn new(malformed: bool, message: String) -> Self {
        Self(Box::new(Detail { malformed, message, path: String::new(), help: None }))
    }

    /// Names the key or index that leads to the value; the innermost comes first.
    #[must_use]
    #[cold]
    pub fn within(mut self, token: &str) -> Self {
        let token = token.replace('~', "~0").replace('/', "~1");
        self.0.path = format!("/{token}{}", self.0.path);
        self
    }

    /// Says what to do.
    #[must_use]
    #[cold]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// The error, with what the text is: `the record`, `the body`.
    #[cold]
    pub(crate) fn into_error(self, subject: &str) -> Error {
        let Detail { malformed, message, path, help } = *self.0;
        let error = match malformed {
            true => Error::data(format!("{subject} {message}")),
            false => Error::data(message),
        };
        let error = if path.is_empty() { error } else { error.at_path(path) };
        match help {
            Some(help) => error.help(help),
            None => error,
        }
    }
}
