//! What can go wrong while a pipeline runs, saying where and what to do.
//!
//! An [`Error`] starts where it happens (a request, a record, a statement) and gathers context
//! on its way up. Whatever makes one keeps secrets out: URLs come masked from [`crate::source`].
//! Whatever it is made of, it shows without effects on a terminal (`shown`).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use apitap_build::shown::{shown, shown_lines};
use serde::ser::{Serialize, SerializeStruct as _, Serializer};

/// How many requests are named of an error that several have.
const REQUESTS_SHOWN: usize = 2;

/// The result of everything that runs.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of error: decides the exit code and whether trying again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The environment or the definition: nothing was requested yet.
    Config,
    /// A request failed, after all its retries.
    Request,
    /// A response is not what it should be: truncated, wrong path, a value that does not fit.
    Data,
    /// The query failed while it ran.
    Query,
    /// The target refused.
    Target,
    /// Another run of the pipeline is under way.
    Busy,
    /// The run was stopped from outside.
    Interrupted,
}

/// Why a run failed.
#[derive(Clone)]
pub struct Error(Box<Parts>);

/// All that is known of an error; boxed, so that a `Result` stays small.
#[derive(Clone)]
struct Parts {
    kind: ErrorKind,
    message: String,
    /// What belongs to the message in lines of its own.
    details: Option<String>,
    pipeline: Option<String>,
    request: Option<String>,
    /// 1-based, within the page.
    record: Option<u64>,
    /// JSON Pointer from the record, or from the body where `record` is not set.
    path: Option<String>,
    /// The environment's variables that what is wrong comes from, and where they are written.
    variable: Option<String>,
    help: Option<String>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of that kind; the message is lower case, without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            kind,
            message: line(message),
            details: None,
            pipeline: None,
            request: None,
            record: None,
            path: None,
            variable: None,
            help: None,
            source: None,
        }))
    }

    /// Something in the environment or the definition.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    /// A request that failed.
    pub fn request(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Request, message)
    }

    /// A response that is not what it should be.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Data, message)
    }

    /// A query that failed while it ran.
    pub fn query(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Query, message)
    }

    /// A target that refused.
    pub fn target(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Target, message)
    }

    /// Names the pipeline, unless it is named already.
    #[must_use]
    pub fn in_pipeline(mut self, name: &str) -> Self {
        self.0.pipeline.get_or_insert_with(|| name.to_owned());
        self
    }

    /// Names the request (method and masked URL), unless it is named already.
    #[must_use]
    pub fn in_request(mut self, request: &str) -> Self {
        self.0.request.get_or_insert_with(|| line(request));
        self
    }

    /// Names the record, counted from 1 within its page.
    #[must_use]
    pub fn at_record(mut self, record: u64) -> Self {
        self.0.record = Some(record);
        self
    }

    /// Names the JSON path, as a JSON Pointer.
    #[must_use]
    pub fn at_path(mut self, path: impl Into<String>) -> Self {
        self.0.path = Some(line(path));
        self
    }

    /// Names the variables of the environment that what is wrong comes from, unless they are named already.
    #[must_use]
    pub(crate) fn with_variables(mut self, variables: Option<String>) -> Self {
        if self.0.variable.is_none() {
            self.0.variable = variables.map(line);
        }
        self
    }

    /// Whether its message or its help names a key, such as `` `url` ``.
    pub(crate) fn names(&self, key: &str) -> bool {
        self.0.message.contains(key) || self.0.help.as_ref().is_some_and(|help| help.contains(key))
    }

    /// Says at the begin of the message what it is about: `record 3 of \`orders\``.
    #[must_use]
    pub(crate) fn about(mut self, subject: impl fmt::Display) -> Self {
        self.0.message = format!("{}: {}", line(subject.to_string()), self.0.message);
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(line(help));
        self
    }

    /// Adds lines that stand below the message, as they are.
    #[must_use]
    pub(crate) fn details(mut self, details: &str) -> Self {
        self.0.details = Some(shown_lines(details).into_owned());
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(cause.into()));
        self
    }

    /// The same with every text passed through `mask`, the causes' too.
    #[must_use]
    pub(crate) fn masked(mut self, mask: impl Fn(&str) -> String) -> Self {
        let parts = &mut self.0;
        parts.message = mask(&parts.message);
        let texts = [
            &mut parts.details,
            &mut parts.request,
            &mut parts.path,
            &mut parts.variable,
            &mut parts.help,
        ];
        for text in texts.into_iter().flatten() {
            *text = mask(text);
        }
        let mut causes = Vec::new();
        let mut cause = parts.source.as_deref().map(|cause| cause as &dyn std::error::Error);
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        if causes.iter().any(|text| mask(text) != *text) {
            let text: Box<dyn std::error::Error + Send + Sync> = mask(&causes.join(": ")).into();
            parts.source = Some(Arc::from(text));
        }
        self
    }

    /// The errors without repetition: those that differ in pipeline or request only become one, which names
    /// all pipelines and the first requests.
    pub(crate) fn merged<'e>(errors: impl IntoIterator<Item = &'e Self>) -> Vec<Self> {
        let (mut places, mut groups) = (HashMap::new(), Vec::<Vec<&Self>>::new());
        for error in errors {
            let mut alone = error.clone();
            (alone.0.pipeline, alone.0.request) = (None, None);
            let place = *places.entry(alone.to_string()).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.push(error),
                None => groups.push(vec![error]),
            }
        }
        groups.iter().filter_map(|group| Self::of_group(group)).collect()
    }

    /// Errors that differ in pipeline and request only, as one.
    fn of_group(group: &[&Self]) -> Option<Self> {
        let mut one = (*group.first()?).clone();
        let distinct = |part: fn(&Parts) -> Option<&String>| {
            let mut found: Vec<&str> = Vec::new();
            for text in group.iter().filter_map(|error| part(&error.0)) {
                if !found.contains(&text.as_str()) {
                    found.push(text);
                }
            }
            found
        };
        let pipelines = distinct(|parts| parts.pipeline.as_ref());
        let requests = distinct(|parts| parts.request.as_ref());
        one.0.pipeline = (!pipelines.is_empty()).then(|| pipelines.join(", "));
        one.0.request = match requests.split_at_checked(REQUESTS_SHOWN) {
            Some((shown, others @ [_, ..])) => {
                Some(format!("{} and {} more", shown.join(", "), others.len()))
            }
            _ if requests.is_empty() => None,
            _ => Some(requests.join(", ")),
        };
        Some(one)
    }

    /// The message alone, without what is known about it.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The JSON Pointer to what is wrong, where there is one.
    pub fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// What kind of error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The pipeline that failed.
    pub fn pipeline(&self) -> Option<&str> {
        self.0.pipeline.as_deref()
    }
}

impl fmt::Display for Error {
    /// The message, then one indented line for each thing known about it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(details) = &self.0.details {
            write!(f, "\n{details}")?;
        }
        let mut cause = self.0.source.as_deref().map(|cause| cause as &dyn std::error::Error);
        while let Some(error) = cause {
            write!(f, "\n  cause:    {}", shown(&error.to_string()))?;
            cause = error.source();
        }
        for (name, value) in
            [("pipeline", &self.0.pipeline), ("request", &self.0.request), ("path", &self.0.path)]
        {
            if let Some(value) = value {
                // The pointer to all of it is empty.
                let value = match (value.is_empty(), self.0.record) {
                    (true, Some(_)) => "the whole record",
                    (true, None) => "the whole body",
                    (false, _) => value.as_str(),
                };
                write!(f, "\n  {name}:{:1$}{value}", "", 9 - name.len())?;
            }
            if let (true, Some(record)) = (name == "request", self.0.record) {
                write!(f, "\n  record:   {record} of the page")?;
            }
        }
        if let Some(variable) = &self.0.variable {
            write!(f, "\n  variable: {variable}")?;
        }
        match &self.0.help {
            Some(help) => write!(f, "\n  help:     {help}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    /// What [`fmt::Display`] shows: `fn main() -> apitap::Result<()>` ends with it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text on one line.
fn line(text: impl Into<String>) -> String {
    let text = text.into();
    match shown(&text) {
        std::borrow::Cow::Borrowed(_) => text,
        std::borrow::Cow::Owned(shown) => shown,
    }
}

impl Serialize for Error {
    /// The parts of it by name; `causes` from the nearest to the root.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut causes = Vec::new();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            causes.push(line(error.to_string()));
            cause = error.source();
        }
        let mut fields = serializer.serialize_struct("Error", 10)?;
        fields.serialize_field("kind", &self.0.kind)?;
        fields.serialize_field("message", &self.0.message)?;
        fields.serialize_field("details", &self.0.details)?;
        fields.serialize_field("causes", &causes)?;
        fields.serialize_field("pipeline", &self.0.pipeline)?;
        fields.serialize_field("request", &self.0.request)?;
        fields.serialize_field("record", &self.0.record)?;
        fields.serialize_field("path", &self.0.path)?;
        fields.serialize_field("variable", &self.0.variable)?;
        fields.serialize_field("help", &self.0.help)?;
        fields.end()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_forges_a_line_or_moves_the_cursor() {
        let error = Error::data("value `a\nerror: b`")
            .in_request("GET http://h/\u{1b}[2J")
            .at_path("/a\u{202e}b")
            .caused_by("cut\r\noff")
            .help("look\u{7}")
            .about("record 3 of `\u{1b}x`");
        let expected = "record 3 of `\\u{1b}x`: value `a\\nerror: b`\n  cause:    cut\\r\\noff\n  \
                        request:  GET http://h/\\u{1b}[2J\n  path:     /a\\u{202e}b\n  \
                        help:     look\\u{7}";
        assert_eq!(error.to_string(), expected);
        assert_eq!(format!("{error:?}"), expected);
        let json = serde_json::to_string(&error).unwrap();
        assert!(!json.contains('\u{202e}') && json.contains(r"cut\\r\\noff"), "{json}");
    }

    #[test]
    fn what_several_pipelines_fail_of_is_said_once_with_all_of_them() {
        let down = |pipeline: &str, path: &str| {
            Error::request("cannot connect to the server")
                .in_request(&format!("GET http://h/{path}"))
                .in_pipeline(pipeline)
                .help("check the host and port in `url`")
        };
        let check = |errors: &[Error], expected: &[&str]| {
            let found: Vec<_> = Error::merged(errors).iter().map(Error::to_string).collect();
            assert_eq!(found, expected);
        };
        let help = "help:     check the host and port in `url`";
        check(
            &[down("a", "x"), down("b", "x"), Error::query("no").in_pipeline("c"), down("d", "y")],
            &[
                &format!(
                    "cannot connect to the server\n  pipeline: a, b, d\n  request:  GET http://h/x, GET \
                     http://h/y\n  {help}"
                ),
                "no\n  pipeline: c",
            ],
        );
        check(
            &[down("a", "1"), down("b", "2"), down("c", "3"), down("d", "4")],
            &[&format!(
                "cannot connect to the server\n  pipeline: a, b, c, d\n  request:  GET http://h/1, GET \
                 http://h/2 and 2 more\n  {help}"
            )],
        );
        check(
            &[down("a", "1").at_record(1), down("b", "1").at_record(2)],
            &[
                &format!(
                    "cannot connect to the server\n  pipeline: a\n  request:  GET http://h/1\n  record:   1 of the \
                 page\n  {help}"
                ),
                &format!(
                    "cannot connect to the server\n  pipeline: b\n  request:  GET http://h/1\n  record:   2 of the \
                 page\n  {help}"
                ),
            ],
        );
    }

    #[test]
    fn details_are_lines_of_their_own() {
        let error = Error::data("no list").at_path("");
        assert_eq!(error.to_string(), "no list\n  path:     the whole body");
        let error = Error::config("it does not fit").details("a\n  b\u{1b}").help("c");
        assert_eq!(error.to_string(), "it does not fit\na\n  b\\u{1b}\n  help:     c");
    }
}
