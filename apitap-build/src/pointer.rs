//! JSON Pointer (RFC 6901), once: a text → its tokens, and a token → the key or index that it means.
//!
//! What is walked (a body, a sampled page, a described schema) is not known here.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A JSON Pointer; the empty one is the root.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pointer(pub String);

impl Pointer {
    /// Its unescaped reference tokens, from the root down.
    pub fn tokens(&self) -> impl Iterator<Item = String> + '_ {
        self.0.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"))
    }

    /// The pointer to a member of what this one leads to.
    #[must_use]
    pub fn child(&self, key: &str) -> Self {
        Self(format!("{}/{}", self.0, escape(key)))
    }

    /// What keeps it from being a pointer; `None` where it is one.
    pub fn problem(&self) -> Option<Problem> {
        if !self.0.is_empty() && !self.0.starts_with('/') {
            return Some(Problem::NoSlash);
        }
        let is_escape = |rest: &str| rest.starts_with(['0', '1']);
        let escapes = self.0.split('~').skip(1).all(is_escape);
        (!escapes).then_some(Problem::Escape)
    }
}

impl<S: AsRef<str>> FromIterator<S> for Pointer {
    /// The pointer of these tokens.
    fn from_iter<I: IntoIterator<Item = S>>(tokens: I) -> Self {
        tokens.into_iter().fold(Self::default(), |pointer, token| pointer.child(token.as_ref()))
    }
}

/// Why a text is not a JSON Pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// It does not begin with `/`.
    NoSlash,
    /// It has a `~` that is neither `~0` nor `~1`.
    Escape,
}

/// A key as a token of a pointer.
pub fn escape(key: &str) -> Cow<'_, str> {
    match key.contains(['~', '/']) {
        true => key.replace('~', "~0").replace('/', "~1").into(),
        false => key.into(),
    }
}

/// The index that a token means where it meets a list: digits without leading zeros.
pub fn index(token: &str) -> Option<usize> {
    let digits = token.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (token == "0" || !token.starts_with('0'))).then(|| token.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens of a pointer, which are that pointer again.
    fn check(text: &str, tokens: &[&str]) {
        let pointer = Pointer(text.to_owned());
        assert_eq!(pointer.tokens().collect::<Vec<_>>(), tokens, "{text}");
        assert_eq!(tokens.iter().collect::<Pointer>(), pointer, "{text}");
        assert_eq!(pointer.problem(), None, "{text}");
    }

    #[test]
    fn the_examples_of_rfc_6901_are_read_and_written() {
        check("", &[]);
        check("/foo", &["foo"]);
        check("/foo/0", &["foo", "0"]);
        check("/", &[""]);
        check("/a~1b", &["a/b"]);
        check("/m~0n", &["m~n"]);
        check("/~01", &["~1"]);
        check("/c%d/ /k\"l", &["c%d", " ", "k\"l"]);
    }

    #[test]
    fn a_text_that_is_not_a_pointer_says_why() {
        let problem = |text: &str| Pointer(text.to_owned()).problem();
        assert_eq!(problem("data"), Some(Problem::NoSlash));
        assert_eq!(problem("$.data"), Some(Problem::NoSlash));
        assert_eq!(problem("/a~2"), Some(Problem::Escape));
        assert_eq!(problem("/a~"), Some(Problem::Escape));
    }

    #[test]
    fn an_index_has_no_sign_and_no_leading_zero() {
        for (token, expected) in
            [("0", Some(0)), ("10", Some(10)), ("01", None), ("+1", None), ("-", None), ("", None)]
        {
            assert_eq!(index(token), expected, "{token}");
        }
        assert_eq!(index("99999999999999999999999"), None);
    }
}
