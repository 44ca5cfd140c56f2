//! `${NAME}` in a definition → values, when the program starts, and which of them never to show.
//!
//! Names that are missing are gathered and reported at once. Nothing here knows what a text is for.

mod address;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use apitap_build::definition::{Part, Template};
use apitap_build::secret_names::is_secret_variable;
use chrono::{DateTime, SubsecRound as _, Utc};

pub(crate) use address::Address;
pub use secrets::Secrets;

use crate::{Error, Result};
use secrets::Known;

/// The variables that a run may use, and those that it asked for in vain; and when it is.
pub struct Environment {
    now: DateTime<Utc>,
    variables: BTreeMap<String, Value>,
    /// Those that are not set, and what needs them.
    missing: BTreeMap<String, BTreeSet<String>>,
    /// Those that are empty, where a credential was to be.
    empty: BTreeMap<String, BTreeSet<String>>,
    unreadable: BTreeMap<String, BTreeSet<String>>,
    /// What the texts are of: `` source `orders` ``.
    reader: Option<String>,
    /// Texts whose `${…}` is not spelled right.
    malformed: Vec<Error>,
    known: Vec<Known>,
    /// What was asked for, in order.
    used: Vec<Used>,
}

/// A variable that a text takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Used {
    name: String,
    /// Whether its default stands in for it.
    is_default: bool,
}

impl Default for Environment {
    /// No variables, now.
    fn default() -> Self {
        Self {
            // What databases and APIs take: some refuse nanoseconds.
            now: Utc::now().trunc_subsecs(6),
            variables: BTreeMap::new(),
            missing: BTreeMap::new(),
            empty: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            reader: None,
            malformed: Vec::new(),
            known: Vec::new(),
            used: Vec::new(),
        }
    }
}

/// A variable's value, as the process got it.
enum Value {
    Text(String),
    /// Not UTF-8.
    Unreadable,
}

impl Environment {
    /// The variables of this process.
    #[expect(clippy::disallowed_methods, reason = "this is where it is read")]
    pub fn process() -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let value = value.into_string().map_or(Value::Unreadable, Value::Text);
            // A name that is not UTF-8 cannot be spelled in a definition.
            name.into_string().ok().map(|name| (name, value))
        });
        Self { variables: variables.collect(), ..Self::default() }
    }

    /// The same with one variable more, or with another value.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), Value::Text(value.into()));
        self
    }

    /// The same with one variable more, where it is not set yet.
    #[must_use]
    pub(crate) fn or(mut self, name: String, value: String) -> Self {
        self.variables.entry(name).or_insert(Value::Text(value));
        self
    }

    /// The value of a variable that apitap itself reads; `None` where it is not set or empty.
    ///
    /// # Errors
    /// A config error: the value is not UTF-8.
    pub(crate) fn get(&self, name: &str) -> Result<Option<&str>> {
        match self.variables.get(name) {
            Some(Value::Text(value)) => Ok(Some(value.as_str()).filter(|value| !value.is_empty())),
            Some(Value::Unreadable) => Err(Error::config(format!("`{name}` is not valid UTF-8"))),
            None => Ok(None),
        }
    }

    /// The variables whose names begin so and that are not empty, as other tools read them, too. Those that
    /// are secrets by their names never show.
    pub(crate) fn beginning_with(&mut self, prefix: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (name, value) in self.variables.range(prefix.to_owned()..) {
            let Value::Text(value) = value else { continue };
            if !name.starts_with(prefix) {
                break;
            }
            if value.is_empty() {
                continue;
            }
            if is_secret_variable(name) {
                self.known.push(Known::variable(name, value));
            }
            found.push((name.clone(), value.clone()));
        }
        found
    }

    /// When the run began, for `{now}`.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Takes note of a text that is not spelled right, for [`Environment::check`].
    pub(crate) fn is_malformed(&mut self, message: &str, help: &str, text: &Template) {
        let written = self.secrets().mask(&text.0);
        self.malformed.push(Error::config(format!("{message} in `{written}`")).help(help));
    }

    /// The text with the variables' values in place of their names.
    ///
    /// A variable that is not set leaves nothing in its place and is reported by
    /// [`Environment::check`], as is a text that is not spelled right.
    pub fn text(&mut self, text: &Template) -> String {
        let parts = self.parts(text);
        let resolved: String = parts.into_iter().map(|part| self.part(part)).collect();
        self.hide_password(&resolved);
        resolved
    }

    /// As [`Environment::text`], for the URL of a request: its server and its path may show.
    pub(crate) fn address(&mut self, text: &Template) -> String {
        let mut address = Address::default();
        for part in self.parts(text) {
            self.part_of_address(part, &mut address);
        }
        self.hide_in(&address);
        address.text
    }

    fn parts(&mut self, text: &Template) -> Vec<Part> {
        text.parts().unwrap_or_else(|error| {
            self.is_malformed(&error.message, &error.help, text);
            Vec::new()
        })
    }

    /// Keeps the password from showing that stands in a URL.
    pub(crate) fn hide_password(&mut self, url: &str) {
        self.known.extend(secrets::password_in_url(url));
    }

    /// As [`Environment::text`], for a text that is a secret even where it is written out.
    pub fn secret(&mut self, text: &Template) -> String {
        let resolved = self.text(text);
        self.hide(&resolved);
        resolved
    }

    /// As [`Environment::secret`], for a credential: where it is nothing but empty variables, those are
    /// reported by [`Environment::check`].
    pub(crate) fn credential(&mut self, text: &Template) -> String {
        let resolved = self.secret(text);
        if resolved.is_empty() {
            for part in text.parts().unwrap_or_default() {
                if let Part::Variable { name, default: None } = part
                    && !self.missing.contains_key(&name)
                    && !self.unreadable.contains_key(&name)
                {
                    note(&mut self.empty, name, self.reader.as_deref());
                }
            }
        }
        resolved
    }

    /// Says what the texts are of that come now, as in `` source `orders` ``.
    pub(crate) fn now_for(&mut self, reader: String) {
        self.reader = Some(reader);
    }

    /// Keeps a value from showing that is made of secrets, such as a token derived from them.
    pub fn hide(&mut self, value: &str) {
        self.known.push(Known::literal(value));
    }

    /// The value of a part; see [`Environment::text`].
    pub(crate) fn part(&mut self, part: Part) -> String {
        let (value, variable) = self.value(part);
        if let Some(name) = variable {
            self.known.push(Known::variable(&name, &value));
        }
        value
    }

    /// The value of a part of an address, which it is added to.
    pub(crate) fn part_of_address(&mut self, part: Part, address: &mut Address) -> String {
        let (value, variable) = self.value(part);
        match variable {
            Some(name) => address.push_variable(&name, &value),
            None => address.push(&value),
        }
        value
    }

    /// Keeps from showing what of an address is no server and no path; see [`address`].
    pub(crate) fn hide_in(&mut self, address: &Address) {
        self.known.extend(address.known());
        self.hide_password(&address.text);
    }

    /// Takes texts from the environment, and says which variables they name, each once.
    pub(crate) fn reading<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> (T, Vec<Used>) {
        let before = self.used.len();
        let value = read(self);
        let mut used: Vec<Used> = Vec::new();
        for one in self.used.iter().skip(before) {
            if !used.contains(one) {
                used.push(one.clone());
            }
        }
        (value, used)
    }

    /// The value of a part, and the variable that it is of.
    fn value(&mut self, part: Part) -> (String, Option<String>) {
        let variable = match &part {
            Part::Literal(_) => None,
            Part::Variable { name, .. } => Some(name.clone()),
        };
        let (value, taken) = self.value_of(part);
        if let Some(name) = variable {
            self.used.push(Used { name, is_default: taken.is_none() });
        }
        (value, taken)
    }

    fn value_of(&mut self, part: Part) -> (String, Option<String>) {
        let (name, default) = match part {
            Part::Literal(literal) => return (literal, None),
            Part::Variable { name, default } => (name, default),
        };
        match (self.variables.get(&name), default) {
            (Some(Value::Text(value)), default) if !value.is_empty() || default.is_none() => {
                (value.clone(), Some(name))
            }
            (Some(Value::Unreadable), _) => {
                note(&mut self.unreadable, name, self.reader.as_deref());
                (String::new(), None)
            }
            (_, Some(default)) => (default, None),
            (_, None) => {
                note(&mut self.missing, name, self.reader.as_deref());
                (String::new(), None)
            }
        }
    }

    /// What the texts resolved so far must never show.
    pub fn secrets(&self) -> Secrets {
        Secrets::new(&self.known)
    }

    /// Whether every text so far could be resolved.
    ///
    /// # Errors
    /// A config error that names every variable that is missing or not UTF-8, or the first text
    /// that is not spelled right.
    pub fn check(&self) -> Result<()> {
        if let Some(error) = self.malformed.first() {
            return Err(error.clone());
        }
        let troubles = [
            (&self.missing, "is not set", "are not set"),
            (&self.empty, "is empty", "are empty"),
            (&self.unreadable, "is not valid UTF-8", "are not valid UTF-8"),
        ];
        let message: Vec<String> = troubles
            .iter()
            .filter(|(names, ..)| !names.is_empty())
            .map(|(names, one, many)| {
                format!("{} {}", listed(names.keys()), if names.len() == 1 { one } else { many })
            })
            .collect();
        if message.is_empty() {
            return Ok(());
        }
        let all: Vec<_> = troubles.iter().flat_map(|(names, ..)| *names).collect();
        let exports: Vec<String> = all.iter().map(|(name, _)| format!("export {name}=…")).collect();
        let them = if exports.len() == 1 { "it" } else { "them" };
        let needed: Vec<String> = all.into_iter().filter_map(needed).collect();
        let error = Error::config(message.join(", and ")).help(format!(
            "set {them} before the run: `{}`; or in a file: `.env` where `apitap` is started, or \
             `--env-file FILE`",
            exports.join(" ; ")
        ));
        Err(if needed.is_empty() { error } else { error.details(&needed.join("\n")) })
    }
}

/// Which variables are in a place, as an error says it: `` `SHOP_URL`, in `url` ``. `None` where there are none.
pub(crate) fn used_in(place: &str, used: &[Used]) -> Option<String> {
    let said = used.iter().map(|Used { name, is_default }| match is_default {
        true => format!("`{name}`, in {place}: it is not set, and its default is taken"),
        false => format!("`{name}`, in {place}"),
    });
    let said: Vec<_> = said.collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// Takes note of a variable, and of what needs it.
fn note(names: &mut BTreeMap<String, BTreeSet<String>>, name: String, reader: Option<&str>) {
    names.entry(name).or_default().extend(reader.map(str::to_owned));
}

/// How many of those that need a variable are named.
const NEEDED: usize = 3;

/// ``   `TOKEN` is for the source `orders` ``.
fn needed((name, readers): (&String, &BTreeSet<String>)) -> Option<String> {
    let shown: Vec<&str> = readers.iter().take(NEEDED).map(String::as_str).collect();
    let more = match readers.len().saturating_sub(NEEDED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    (!shown.is_empty()).then(|| format!("  `{name}` is for {}{more}", shown.join(", ")))
}

/// `` `A`, `B` and `C` ``.
fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let quoted: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    /// These variables and no others.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), Value::Text(value.into())))
            .collect();
        Self { variables, ..Self::default() }
    }
}

impl fmt::Debug for Environment {
    /// What is missing; never a value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("missing", &self.missing).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts, resolved with `A=1`, `EMPTY=` and `TOKEN=s3cr3t`, one after the other.
    fn check(texts: &[&str], expected: std::result::Result<&[&str], &str>) {
        let mut environment =
            Environment::from_iter([("A", "1"), ("EMPTY", ""), ("TOKEN", "s3cr3t")]);
        let resolved: Vec<String> =
            texts.iter().map(|text| environment.text(&Template((*text).to_owned()))).collect();
        let outcome = environment.check().map(|()| resolved).map_err(|error| error.to_string());
        let expected = expected
            .map(|texts| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
            .map_err(str::to_owned);
        assert_eq!(outcome, expected, "{texts:?}");
    }

    #[test]
    fn values_take_the_place_of_names() {
        check(&["${A}-${TOKEN}", "plain"], Ok(&["1-s3cr3t", "plain"]));
    }

    #[test]
    fn a_default_stands_in_for_what_is_not_set_or_empty() {
        check(&["${NONE:-d}", "${EMPTY:-d}", "${A:-d}", "[${EMPTY}]"], Ok(&["d", "d", "1", "[]"]));
    }

    #[test]
    fn everything_missing_is_told_at_once() {
        check(
            &["${X}"],
            Err("`X` is not set\n  help:     set it before the run: `export X=…`; or in a file: \
                 `.env` where `apitap` is started, or `--env-file FILE`"),
        );
        check(
            &["${Z} ${A}", "${X}${Y}", "${X}"],
            Err("`X`, `Y` and `Z` are not set\n  help:     set them before the run: \
                 `export X=… ; export Y=… ; export Z=…`; or in a file: `.env` where `apitap` is \
                 started, or `--env-file FILE`"),
        );
    }

    #[test]
    fn who_needs_a_variable_is_told_with_it() {
        let mut environment = Environment::from_iter([("EMPTY", "")]);
        for number in 1..=5 {
            environment.now_for(format!("source `s{number}`"));
            environment.text(&Template("${X}".to_owned()));
        }
        environment.credential(&Template("${EMPTY}".to_owned()));
        environment.credential(&Template("x${EMPTY}".to_owned()));
        environment.credential(&Template("${Y}".to_owned()));
        let error = environment.check().unwrap_err().to_string();
        let expected = "`X` and `Y` are not set, and `EMPTY` is empty\n  `X` is for source `s1`, source \
                        `s2`, source `s3`, and 2 more\n  `Y` is for source `s5`\n  `EMPTY` is for source \
                        `s5`\n  help:     set them before the run: ";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn a_malformed_text_is_an_error() {
        check(
            &["a ${A"],
            Err("`${` is not closed in `a ${A`\n  \
                 help:     write `${NAME}`, or `$${` for a literal `${`"),
        );
    }

    #[test]
    fn which_variables_a_text_takes_is_known_and_their_values_are_not_said() {
        let mut environment = Environment::from_iter([("USER", "me"), ("TOKEN", "s3cr3t")]);
        let text = Template("${USER}:${TOKEN}:${USER}@${HOST:-here}".to_owned());
        let (_, used) = environment.reading(|environment| environment.text(&text));
        let said = used_in("`url` of target `warehouse`", &used);
        let expected = "`USER`, in `url` of target `warehouse`; `TOKEN`, in `url` of target `warehouse`; \
                        `HOST`, in `url` of target `warehouse`: it is not set, and its default is taken";
        assert_eq!(said.as_deref(), Some(expected));
        let (_, none) = environment.reading(|environment| environment.text(&Template("x".into())));
        assert_eq!(used_in("`url`", &none), None);
    }

    #[test]
    fn debug_shows_no_value() {
        let mut environment = Environment::from_iter([("TOKEN", "s3cr3t")]);
        environment.secret(&Template("${TOKEN}".to_owned()));
        let shown = format!("{environment:?} {:?}", environment.secrets());
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }
}
