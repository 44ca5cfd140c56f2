//! What stands at a pointer into a body.

use std::sync::Arc;

use apitap_build::nearest::distance_if_near;

use crate::definition::Pointer;
use crate::{Error, Result};

/// The most keys that a message lists.
const KEYS_SHOWN: usize = 20;

/// The most keys of one object among which a similar one is looked for.
const KEYS_COMPARED: u64 = 1000;

/// The most bytes of a key that is compared.
const LONGEST_COMPARED: usize = 1024;

/// What stands at a pointer.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing: a key or an element on the way is not there, or is null.
    Missing(Absent),
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it is written.
    Number(String),
    /// A string's characters.
    String(String),
    /// `[…]`.
    List,
    /// `{…}`.
    Record,
    /// The pointer leads on through something that has nothing in it, or comes to two values.
    Astray {
        /// The pointer as far as it leads.
        at: String,
        /// What is wrong there.
        why: String,
        /// What to do.
        help: Option<&'static str>,
    },
}

/// Where a pointer leads nowhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Absent {
    /// The pointer to the innermost value that is there.
    pub at: String,
    /// The key or index that leads nowhere from it.
    pub token: String,
    /// What is there.
    pub there: There,
}

/// A value from which a key or index leads nowhere.
#[derive(Debug, Clone, PartialEq)]
pub enum There {
    /// `null`.
    Null,
    /// A list of so many elements.
    List(u64),
    /// An object with these keys.
    Keys(Arc<Keys>),
}

/// The keys of an object, as far as a message needs them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Keys {
    /// Those that are listed, and those among which a similar one is looked for.
    first: Vec<String>,
    count: u64,
}

impl Value {
    /// The string or number there, as text; for cursors and the URLs of next pages.
    ///
    /// `None` where it is missing, null, `""` or `false`.
    ///
    /// # Errors
    /// Anything else stands there, or on the way there.
    pub fn text(&self, path: &Pointer) -> Result<Option<&str>> {
        let found = match self {
            Self::Missing(_) | Self::Null | Self::Bool(false) => return Ok(None),
            Self::Number(text) | Self::String(text) => {
                return Ok((!text.is_empty()).then_some(text));
            }
            Self::Astray { at, why, help } => return Err(astray(at, why, *help)),
            Self::Bool(true) => "`true`",
            Self::List => "a list",
            Self::Record => "a record",
        };
        Err(Error::data(format!("expected a string or a number, found {found}")).at_path(&path.0))
    }
}

/// A pointer that cannot be followed.
pub(super) fn astray(at: &str, why: &str, help: Option<&str>) -> Error {
    let error = Error::data(why).at_path(shown(at));
    match help {
        Some(help) => error.help(help),
        None => error,
    }
}

impl Absent {
    /// The error of a key of the configuration whose pointer leads nowhere: `data_path`.
    pub fn error(&self, key: &str) -> Error {
        let message = match key {
            "cursor_field" => format!("`{key}` finds no `{}` in the last record", self.token),
            _ => format!("`{key}` finds no `{}` in the body", self.token),
        };
        Error::data(message).at_path(shown(&self.at)).help(self.help(key))
    }

    /// What is there instead.
    pub fn help(&self, key: &str) -> String {
        match &self.there {
            There::Null => format!("it is null there: correct `{key}`"),
            There::List(0) => format!("the list there is empty: correct `{key}`"),
            There::List(count) => format!("the list there has {count} elements, counted from 0"),
            There::Keys(keys) => keys.help(key, &self.token),
        }
    }
}

impl Keys {
    /// One more key of the object.
    pub(super) fn add(&mut self, key: &str) {
        self.count += 1;
        let is_compared = self.count <= KEYS_COMPARED && key.len() <= LONGEST_COMPARED;
        if self.first.len() < KEYS_SHOWN || is_compared {
            self.first.push(key.to_owned());
        }
    }

    /// The key that is nearest to the one that is looked for.
    fn similar(&self, token: &str) -> Option<&String> {
        let short = self.first.iter().filter(|key| key.len() <= 2 * token.len() + 8);
        let near = short.filter_map(|key| Some((distance_if_near(token, key)?, key)));
        near.min_by_key(|(distance, _)| *distance).map(|(_, key)| key)
    }

    /// The key nearest to `token`, and those that there are.
    fn help(&self, key: &str, token: &str) -> String {
        let known = self.first.iter().take(KEYS_SHOWN).map(|key| format!("`{key}`"));
        let known: Vec<_> = known.collect();
        let known = match (known.as_slice(), self.count - known.len() as u64) {
            ([], _) => "the object there is empty".to_owned(),
            (known, 0) => format!("there is {}", known.join(", ")),
            (known, more) => format!("there is {} and {more} more", known.join(", ")),
        };
        match self.similar(token) {
            Some(similar) => format!("a similar key exists: `{similar}`; {known}"),
            None => format!("{known}; correct `{key}`"),
        }
    }
}

/// The root has no name of its own.
pub(super) fn shown(path: &str) -> &str {
    if path.is_empty() { "the root of the body" } else { path }
}
