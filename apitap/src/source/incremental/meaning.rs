//! What a state is of: the definition that has loaded up to it, and whether the one of this run means the same.
//!
//! ```text
//! definition → Meaning → kept beside the state → compared with that of the next run
//! ```
//! A state is a moment of a field of one collection. By another field, or of another collection, the same moment
//! says nothing: what lies before it would never be loaded. A definition that wants more of the same records, or
//! asks for them otherwise, goes on with its state, and says what it does not load.

use std::collections::{BTreeMap, BTreeSet};

use crate::hashed::hashed;
use crate::report::Warning;
use crate::source::request::expression::rfc3339;
use crate::{Error, Result};
use apitap_build::definition::{ForEach, Part, Pointer, RequestPart, Source, Template};
use apitap_build::expression::{Expression, Node};
use apitap_build::secret_names::{is_secret, may_be_secret};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What follows the name of a source where its definition stands in the state.
pub(super) const BEHIND: &str = " (definition)";

/// What the state of an incremental source is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Meaning {
    /// The field that says when a record was changed.
    field: String,
    method: String,
    /// As it is written, without secrets that are written out.
    url: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    for_each: Vec<Entry>,
    /// The table that has the rows; `None` where the run that has written it did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    /// Since when records are loaded; all of them where that is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<DateTime<Utc>>,
    /// The conditions of the query's WHERE, but for those that say since when and until when.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    conditions: BTreeSet<String>,
    /// What else may say which records those are: its key, and the hash of what is written there. `None` where the run
    /// that has written it did not keep them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<BTreeMap<String, String>>,
}

/// Headers that say how an answer is written, and not what it is about.
const OF_FORM: [&str; 5] =
    ["accept", "accept-encoding", "accept-language", "content-type", "user-agent"];

/// How much one definition is like another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    /// It is of another field, or of another collection.
    Other,
    /// Its requests are made otherwise.
    AskedOtherwise,
    Same,
}

/// An entry of `for_each`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    #[serde(rename = "as")]
    alias: String,
    /// Those of which requests are made; none of a value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fields: Vec<String>,
}

/// Whose state it is, for messages.
#[derive(Debug)]
pub(super) struct Owner<'a> {
    pub(super) pipeline: &'a str,
    pub(super) source: &'a str,
    /// Whether a record that comes again is stored again.
    pub(super) appends: bool,
    /// How far it has come.
    pub(super) until: DateTime<Utc>,
}

impl Meaning {
    /// What the state of a source is of, whose requests are made of those fields of its parents, whose records
    /// are loaded since then, and whose query has those conditions.
    pub(crate) fn new(
        source: &Source,
        requested_for: Vec<Vec<String>>,
        since: Option<DateTime<Utc>>,
        conditions: BTreeSet<String>,
    ) -> Self {
        let aliases = source.for_each.iter().map(ForEach::alias);
        let entry = |(alias, fields): (&str, _)| Entry { alias: alias.to_owned(), fields };
        let method = serde_json::json!(source.method);
        let field = source.incremental.as_ref().map(|incremental| incremental.field.clone());
        let meaning = Self {
            field: field.unwrap_or_default(),
            method: method.as_str().unwrap_or_default().to_uppercase(),
            url: without_secrets(&source.url.0),
            for_each: aliases.zip(requested_for).map(entry).collect(),
            table: None,
            since,
            conditions,
            asked: None,
        };
        let asked = meaning.asked_by(source);
        Self { asked: Some(asked), ..meaning }
    }

    /// The same of rows in a table.
    pub(super) fn in_table(self, table: &str) -> Self {
        Self { table: Some(table.to_owned()), ..self }
    }

    /// What a source asks for besides its URL, each as a hash: it may be a secret under any name.
    fn asked_by(&self, source: &Source) -> BTreeMap<String, String> {
        let digest = |value: Value| hashed(&self.with_numbers_in(value).to_string());
        let params = source.query_params.iter();
        let params = params.filter(|(name, value)| !is_written_out(name, &value.0));
        let params = params.map(|(name, value)| (format!("query_params.{name}"), value));
        let says_which =
            |name: &str| !is_secret(name) && !OF_FORM.contains(&name.to_ascii_lowercase().as_str());
        let headers = source.headers.iter().filter(|(name, _)| says_which(name));
        let headers =
            headers.map(|(name, value)| (format!("headers.{}", name.to_ascii_lowercase()), value));
        // One of a name may come several times.
        let mut pairs: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (key, value) in params.chain(headers) {
            pairs.entry(key).or_default().push(value);
        }
        let pairs = pairs.into_iter().map(|(key, values)| (key, digest(serde_json::json!(values))));
        let body = source.body.as_ref().map(|body| serde_json::json!(body));
        let job = source.job.as_ref().map(|job| serde_json::json!(job.create));
        let Pointer(path) = &source.data_path;
        let path = Some(path.as_str()).filter(|path| !path.is_empty());
        let path = path.map(|path| serde_json::json!(path));
        let others = [("body", body), ("job.create", job), ("data_path", path)];
        let others = others.into_iter();
        let others = others.filter_map(|(key, value)| Some((key.to_owned(), digest(value?))));
        others.chain(pairs).collect()
    }

    /// The name under which that of a source stands in the state.
    pub(super) fn name(source: &str) -> String {
        format!("{source}{BEHIND}")
    }

    /// One that a run has written; `None` where it is of another version.
    pub(super) fn of(value: &Value) -> Option<Self> {
        Self::deserialize(value).ok()
    }

    pub(super) fn value(&self) -> Value {
        serde_json::json!(self)
    }

    /// The same behind a run that went on with the state of `before`: what was loaded since an earlier time is in.
    pub(super) fn behind(self, before: &Self) -> Self {
        Self { since: self.since.min(before.since), ..self }
    }

    /// Whether the state of `before` is one of this.
    ///
    /// # Errors
    /// It is of another field, or of another collection.
    pub(super) fn check(&self, before: &Self, owner: &Owner<'_>) -> Result<()> {
        let mut changes = self.changes(before);
        if let (Some(old), Some(new)) = (&before.table, &self.table)
            && old != new
        {
            changes.push(changed("table", old, new));
        }
        if changes.is_empty() {
            return Ok(());
        }
        let Owner { pipeline, source, .. } = owner;
        let message = format!(
            "the state of `{pipeline}` is of another definition of `{source}`: {}",
            changes.join("; ")
        );
        let (all, yes) = (owner.all_again(), owner.yes());
        Err(Error::target(message).help(format!(
            "to load all of it again: {all}; to load what is new from a time on: `state set {pipeline} \
             TIME{yes}`, and what lies before it with `backfill {pipeline} --from TIME --to TIME{yes}`"
        )))
    }

    /// How much the state of another one, whatever its source is called, may be one of this.
    pub(super) fn likeness(&self, other: &Self) -> Likeness {
        if !self.changes(other).is_empty() {
            Likeness::Other
        } else if !self.asked_otherwise(other).is_empty() {
            Likeness::AskedOtherwise
        } else {
            Likeness::Same
        }
    }

    /// How it is of another field, or of another collection.
    fn changes(&self, before: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        if self.field != before.field {
            changes.push(changed("incremental.field", &before.field, &self.field));
        }
        if self.method != before.method {
            changes.push(changed("method", &before.method, &self.method));
        }
        if self.place() != before.place() {
            changes.push(changed("url", &before.url, &self.url));
        } else if self.paths() != before.paths() {
            changes.push(changed("for_each", &before.requested_for(), &self.requested_for()));
        }
        changes
    }

    /// What of its requests is not as before, but for the URL: `` `body` is another one ``.
    fn asked_otherwise(&self, before: &Self) -> Vec<String> {
        let (Some(now), Some(before)) = (&self.asked, &before.asked) else { return Vec::new() };
        let keys: BTreeSet<_> = now.keys().chain(before.keys()).collect();
        let change = |key: &String| match (before.get(key), now.get(key)) {
            (before, now) if before == now => None,
            (Some(_), Some(_)) => Some(format!("`{key}` is another one")),
            (None, _) => Some(format!("`{key}` is new")),
            (_, None) => Some(format!("`{key}` is gone")),
        };
        keys.into_iter().filter_map(change).collect()
    }

    /// What this wants that lies before the state of `before`, and is not loaded.
    pub(super) fn left_out(&self, before: &Self, owner: &Owner<'_>) -> Vec<Warning> {
        let Owner { pipeline, source, .. } = owner;
        let (yes, until) = (owner.yes(), rfc3339(&owner.until));
        let mut warnings = Vec::new();
        let otherwise = self.asked_otherwise(before);
        if !otherwise.is_empty() {
            warnings.push(Warning {
                message: format!(
                    "the requests of `{source}` are not those of the last run: {}; what they lead to up to \
                     {until} counts as loaded",
                    otherwise.join("; ")
                ),
                help: format!(
                    "nothing is to be done if those are the same records; to load all of them: {}",
                    owner.all_again()
                ),
            });
        }
        if let Some(first) = before.since.filter(|_| self.since < before.since) {
            let first = rfc3339(&first);
            let (which, from) = match self.since.as_ref().map(rfc3339) {
                Some(since) => (format!("from {since} to {first}"), since),
                None => (format!("before {first}"), "TIME".to_owned()),
            };
            warnings.push(Warning {
                message: format!(
                    "records of `{source}` {which} are not loaded: the first run began with {first}, and the \
                     state lies behind it"
                ),
                help: format!(
                    "load them with `backfill {pipeline} --from {from} --to {first}{yes}`"
                ),
            });
        }
        let gone: Vec<_> = before.conditions.difference(&self.conditions).collect();
        if !gone.is_empty() {
            let conditions: Vec<_> = gone.iter().map(|gone| format!("`{gone}`")).collect();
            let from = self.since.as_ref().map_or("TIME".to_owned(), rfc3339);
            // With the records of that very moment, which the next run takes for known.
            let to = owner.until.checked_add_signed(TimeDelta::seconds(1)).unwrap_or(owner.until);
            let to = rfc3339(&to);
            let delete = if owner.appends { "delete the rows of that time, and " } else { "" };
            warnings.push(Warning {
                message: format!(
                    "records of `{source}` up to {until} that the query of the last run has left out are not \
                     loaded: its WHERE no longer says {}",
                    conditions.join(", ")
                ),
                help: format!(
                    "{delete}load them with `backfill {pipeline} --from {from} --to {to}{yes}`"
                ),
            });
        }
        warnings
    }

    /// The URL, whatever the entries of `for_each` are called.
    fn place(&self) -> String {
        self.with_numbers_of(&self.url)
    }

    /// A text of the request, whatever the entries of `for_each` are called.
    fn with_numbers_of(&self, text: &str) -> String {
        let Ok(parts) = Template(text.to_owned()).request_parts() else {
            return text.to_owned();
        };
        let text = |part| match part {
            RequestPart::Start(Part::Literal(text)) => text,
            RequestPart::Start(Part::Variable { name, default }) => {
                default.map_or(format!("${{{name}}}"), |default| format!("${{{name}:-{default}}}"))
            }
            RequestPart::Expression(expression) => {
                format!("{{{}}}", self.with_numbers(expression))
            }
        };
        parts.into_iter().map(text).collect()
    }

    /// The same of all texts in a value.
    fn with_numbers_in(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.with_numbers_of(&text)),
            Value::Array(all) => all.into_iter().map(|one| self.with_numbers_in(one)).collect(),
            Value::Object(all) => {
                all.into_iter().map(|(name, one)| (name, self.with_numbers_in(one))).collect()
            }
            other => other,
        }
    }

    /// An expression with the numbers of the entries of `for_each` in place of their names.
    fn with_numbers(&self, expression: Expression) -> Expression {
        let all = |arguments: Vec<Expression>| {
            arguments.into_iter().map(|argument| self.with_numbers(argument)).collect()
        };
        let boxed = |inner: Box<Expression>| Box::new(self.with_numbers(*inner));
        let node = match expression.node {
            Node::Name(name) => Node::Name(self.with_number(name)),
            Node::Call(function, arguments) => Node::Call(function, all(arguments)),
            Node::Not(inner) => Node::Not(boxed(inner)),
            Node::Binary(operator, left, right) => {
                Node::Binary(operator, boxed(left), boxed(right))
            }
            other => other,
        };
        Expression { node, ..expression }
    }

    fn with_number(&self, name: String) -> String {
        let (first, rest) = name.split_at(name.find('.').unwrap_or(name.len()));
        match self.for_each.iter().position(|entry| entry.alias == first) {
            Some(index) => format!("{index}{rest}"),
            None => name,
        }
    }

    fn paths(&self) -> Vec<&[String]> {
        self.for_each.iter().map(|entry| entry.fields.as_slice()).collect()
    }

    /// `{org.id}{state}`
    fn requested_for(&self) -> String {
        let names =
            self.for_each.iter().flat_map(|Entry { alias, fields }| match fields.as_slice() {
                [] => vec![format!("{{{alias}}}")],
                fields => fields.iter().map(|field| format!("{{{alias}.{field}}}")).collect(),
            });
        names.collect()
    }
}

impl Owner<'_> {
    /// What a command needs that makes rows be appended once more.
    fn yes(&self) -> &'static str {
        if self.appends { " --yes" } else { "" }
    }

    /// How all of its records are loaded again.
    fn all_again(&self) -> String {
        let pipeline = self.pipeline;
        match self.appends {
            true => format!("delete its rows, and `state reset {pipeline} --yes`"),
            false => format!("`state reset {pipeline}`"),
        }
    }
}

fn changed(key: &str, old: &str, new: &str) -> String {
    format!("`{key}` was `{old}`, and is `{new}` now")
}

/// Whether a value of that name is a secret that is written out: a variable is not its value.
fn is_written_out(name: &str, value: &str) -> bool {
    may_be_secret(name) && !value.starts_with("${")
}

/// A URL as it is written, without its password, and without the values of parameters that are secrets.
fn without_secrets(url: &str) -> String {
    let (address, query) = match url.split_once('?') {
        Some((address, query)) => (address, Some(query)),
        None => (url, None),
    };
    let address = match address.split_once("://").and_then(|(scheme, rest)| {
        let end = rest.find('/').unwrap_or(rest.len());
        let at = rest.get(..end)?.rfind('@')?;
        Some(format!("{scheme}://***{}", rest.get(at..)?))
    }) {
        Some(masked) => masked,
        None => address.to_owned(),
    };
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, value)) if is_written_out(name, value) => format!("{name}=***"),
        _ => pair.to_owned(),
    };
    match query {
        Some(query) => {
            let pairs: Vec<_> = query.split('&').map(pair).collect();
            format!("{address}?{}", pairs.join("&"))
        }
        None => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(url: &str, alias: &str) -> Meaning {
        let fields = vec!["id".to_owned()];
        Meaning {
            field: "at".to_owned(),
            method: "GET".to_owned(),
            url: without_secrets(url),
            for_each: vec![Entry { alias: alias.to_owned(), fields }],
            table: None,
            since: None,
            conditions: BTreeSet::new(),
            asked: None,
        }
    }

    fn owner() -> Owner<'static> {
        let until = "2026-01-08T00:00:00Z".parse().unwrap();
        Owner { pipeline: "p", source: "o", appends: false, until }
    }

    #[track_caller]
    fn refused(before: &Meaning, now: &Meaning, expected: &str) {
        let error = now.check(before, &owner()).unwrap_err();
        let message = error.message().to_owned();
        let (_, changes) = message.split_once("`o`: ").unwrap();
        assert_eq!(changes, expected);
    }

    #[test]
    fn another_field_or_collection_is_refused() {
        let before = meaning("https://${HOST:-x}/orgs/{org.id}?a=1", "org");
        assert!(before.check(&before, &owner()).is_ok());
        let renamed = meaning("https://${HOST:-x}/orgs/{o.id}?a=1", "o");
        assert!(renamed.check(&before, &owner()).is_ok());
        let other = meaning("https://${HOST:-x}/teams/{org.id}?a=1", "org");
        let expected = "`url` was `https://${HOST:-x}/orgs/{org.id}?a=1`, and is \
                        `https://${HOST:-x}/teams/{org.id}?a=1` now";
        refused(&before, &other, expected);
        let field = Meaning { field: "created".to_owned(), ..before.clone() };
        refused(&before, &field, "`incremental.field` was `at`, and is `created` now");
        let posted = Meaning { method: "POST".to_owned(), ..before.clone() };
        refused(&before, &posted, "`method` was `GET`, and is `POST` now");
        let (one, another) = (before.clone().in_table("a"), before.clone().in_table("b"));
        refused(&one, &another, "`table` was `a`, and is `b` now");
        assert!(another.check(&before, &owner()).is_ok());
        let fields = vec!["id".to_owned(), "k".to_owned()];
        let for_each = vec![Entry { alias: "org".to_owned(), fields }];
        let other = Meaning { for_each, ..before.clone() };
        refused(&before, &other, "`for_each` was `{org.id}`, and is `{org.id}{org.k}` now");
    }

    #[test]
    fn a_url_is_kept_without_its_secrets() {
        let check = |url: &str, expected: &str| assert_eq!(without_secrets(url), expected);
        check("https://a.com/x?limit=5&key=abc", "https://a.com/x?limit=5&key=***");
        check("https://a.com/x?token=${TOKEN}", "https://a.com/x?token=${TOKEN}");
        check("https://me:pw@a.com/x", "https://***@a.com/x");
        check("${API}/x/{org.id}", "${API}/x/{org.id}");
        check("https://a.com/users/a@b", "https://a.com/users/a@b");
    }

    #[test]
    fn what_is_wanted_and_not_loaded_is_said() {
        let at = |day: u32| Some(format!("2026-01-{day:02}T00:00:00Z").parse().unwrap());
        let of = |since, conditions: &[&str]| {
            let conditions = conditions.iter().map(|text| (*text).to_owned()).collect();
            Meaning { since, conditions, ..meaning("https://a.com", "org") }
        };
        let check = |before: &Meaning, now: &Meaning, expected: &[(&str, &str)]| {
            let found = now.left_out(before, &owner());
            let found: Vec<_> = found.iter().map(|w| (&*w.message, &*w.help)).collect();
            assert_eq!(found, expected);
        };
        let behind = "the first run began with 2026-01-05T00:00:00Z, and the state lies behind it";
        let stretch = format!(
            "records of `o` from 2026-01-03T00:00:00Z to 2026-01-05T00:00:00Z are not loaded: {behind}"
        );
        let help =
            "load them with `backfill p --from 2026-01-03T00:00:00Z --to 2026-01-05T00:00:00Z`";
        check(&of(at(5), &[]), &of(at(3), &[]), &[(&stretch, help)]);
        let all = format!("records of `o` before 2026-01-05T00:00:00Z are not loaded: {behind}");
        let help = "load them with `backfill p --from TIME --to 2026-01-05T00:00:00Z`";
        check(&of(at(5), &[]), &of(None, &[]), &[(&all, help)]);
        check(&of(at(3), &[]), &of(at(5), &[]), &[]);
        check(&of(None, &[]), &of(at(5), &["a"]), &[]);
        assert_eq!(of(at(5), &[]).behind(&of(at(3), &[])), of(at(3), &[]));
        let gone = "records of `o` up to 2026-01-08T00:00:00Z that the query of the last run has left out are \
                    not loaded: its WHERE no longer says `a`";
        let help = "load them with `backfill p --from TIME --to 2026-01-08T00:00:01Z`";
        check(&of(None, &["a", "b"]), &of(None, &["b", "c"]), &[(gone, help)]);
    }

    #[test]
    fn requests_that_are_made_otherwise_are_said() {
        let of = |asked: &[(&str, &str)]| {
            let asked = asked.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
            Meaning { asked: Some(asked.collect()), ..meaning("https://a.com", "org") }
        };
        let before = of(&[("body", "1"), ("data_path", "/a"), ("query_params.a", "1")]);
        let now = of(&[("body", "2"), ("headers.x-of", "1"), ("query_params.a", "1")]);
        let warnings = now.left_out(&before, &owner());
        let found: Vec<_> = warnings.iter().map(|w| (&*w.message, &*w.help)).collect();
        let message = "the requests of `o` are not those of the last run: `body` is another one; `data_path` is \
                       gone; `headers.x-of` is new; what they lead to up to 2026-01-08T00:00:00Z counts as loaded";
        let help = "nothing is to be done if those are the same records; to load all of them: `state reset p`";
        assert_eq!(found, [(message, help)]);
        assert_eq!(now.likeness(&before), Likeness::AskedOtherwise);
        // What an older run has not kept is not known.
        let unknown = meaning("https://a.com", "org");
        assert_eq!(now.left_out(&unknown, &owner()).len(), 0);
        assert_eq!(now.likeness(&unknown), Likeness::Same);
        assert_eq!(now.likeness(&meaning("https://b.com", "org")), Likeness::Other);
    }
}
