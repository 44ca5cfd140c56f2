//! Definitions → the words of an attribute: the inverse of [`crate::spec`].

use std::fmt::Write as _;

use super::text;
use crate::definition::{
    ApiKey, ApiKeyPlace, Auth, Basic, Connection, Cursor, Custom, Definition, LimitOffset, Mode,
    NextUrl, PageNumber, PageOnly, Pagination, Pointer, Retry, Source, TargetKind, default_timeout,
};

/// A word of an attribute.
#[derive(Clone)]
pub(super) enum Word {
    /// `key = value`.
    Value(String),
    /// `key(words)`.
    Group(String, Vec<Word>),
}

/// The longest line within a module.
const WIDTH: usize = 96;

impl Word {
    fn line(&self) -> String {
        match self {
            Self::Value(text) => text.clone(),
            Self::Group(key, words) => {
                let words: Vec<_> = words.iter().map(Self::line).collect();
                format!("{key}({})", words.join(", "))
            }
        }
    }

    /// Writes the word on one line where it fits, else what is in it one a line; as rustfmt does.
    fn write(&self, out: &mut String, depth: usize, end: &str) {
        let (pad, line) = ("    ".repeat(depth), self.line());
        match self {
            Self::Group(key, words) if pad.len() + line.len() + end.len() > WIDTH => {
                let _ = writeln!(out, "{pad}{key}(");
                for (index, word) in words.iter().enumerate() {
                    let comma = if index + 1 < words.len() { "," } else { "" };
                    word.write(out, depth + 1, comma);
                }
                let _ = writeln!(out, "{pad}){end}");
            }
            _ => {
                let _ = writeln!(out, "{pad}{line}{end}");
            }
        }
    }
}

/// Writes `#[name(words)]`.
pub(super) fn write(out: &mut String, name: &str, words: Vec<Word>) {
    Word::Group(format!("#[{name}"), words).write(out, 0, "]");
}

fn word(key: &str, value: &str) -> Word {
    Word::Value(format!("{key} = {}", text(value)))
}

fn group(key: &str, words: impl Into<Vec<Word>>) -> Word {
    Word::Group(key.to_owned(), words.into())
}

fn number(key: &str, value: impl std::fmt::Display) -> Word {
    Word::Value(format!("{key} = {value}"))
}

/// The words of `#[source(…)]`.
pub(super) fn source(source: &Source) -> Vec<Word> {
    let mut words = vec![word("name", &source.name), word("url", &source.url.0)];
    for (key, pairs) in [("headers", &source.headers), ("query_params", &source.query_params)] {
        if !pairs.is_empty() {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| pair(name, &value.0)).collect();
            words.push(group(key, pairs));
        }
    }
    words.extend(source.auth.as_ref().map(auth));
    if source.data_path != Pointer::default() {
        words.push(word("data_path", &source.data_path.0));
    }
    words.extend(pagination(&source.pagination));
    words.extend(retry(&source.retry));
    if source.timeout != default_timeout() {
        let timeout = match source.timeout.subsec_nanos() {
            0 => format!("{}s", source.timeout.as_secs()),
            _ => format!("{}ms", source.timeout.as_millis()),
        };
        words.push(word("timeout", &timeout));
    }
    words
}

/// A header or parameter: a name that is no Rust identifier is quoted.
fn pair(name: &str, value: &str) -> Word {
    if syn::parse_str::<syn::Ident>(name).is_ok() {
        word(name, value)
    } else {
        Word::Value(format!("{} = {}", text(name), text(value)))
    }
}

fn auth(auth: &Auth) -> Word {
    let words = match auth {
        Auth::Bearer(token) => vec![word("bearer", &token.0)],
        Auth::Basic(Basic { username, password }) => {
            vec![group("basic", [word("username", &username.0), word("password", &password.0)])]
        }
        Auth::ApiKey(ApiKey { place, name, value }) => {
            let place = match place {
                ApiKeyPlace::Header => "header",
                ApiKeyPlace::Query => "query",
                ApiKeyPlace::Cookie => "cookie",
            };
            let words = [word("r#in", place), word("name", name), word("value", &value.0)];
            vec![group("api_key", words)]
        }
        Auth::Custom(custom) if custom.settings.is_empty() => vec![word("custom", &custom.path)],
        Auth::Custom(custom) => vec![group("custom", self::custom(custom))],
    };
    group("auth", words)
}

/// A Rust type and its settings.
fn custom(custom: &Custom) -> Vec<Word> {
    let settings = custom.settings.iter().map(|(name, value)| pair(name, &value.0));
    std::iter::once(word("type", &custom.path)).chain(settings).collect()
}

fn pagination(pagination: &Pagination) -> Option<Word> {
    let workers = |value: usize| number("concurrency", value);
    let words = match pagination {
        Pagination::None => return None,
        Pagination::LimitOffset(LimitOffset {
            limit_param,
            offset_param,
            limit,
            first_offset,
            concurrency,
        }) => {
            vec![
                word("kind", "limit_offset"),
                word("limit_param", &limit_param.0),
                word("offset_param", &offset_param.0),
                number("limit", *limit),
                number("first_offset", *first_offset),
                workers(*concurrency),
            ]
        }
        Pagination::PageNumber(PageNumber {
            page_param,
            per_page_param,
            per_page,
            first_page,
            concurrency,
        }) => vec![
            word("kind", "page_number"),
            word("page_param", &page_param.0),
            word("per_page_param", &per_page_param.0),
            number("per_page", *per_page),
            number("first_page", *first_page),
            workers(*concurrency),
        ],
        Pagination::PageOnly(PageOnly { page_param, first_page, concurrency }) => vec![
            word("kind", "page_only"),
            word("page_param", &page_param.0),
            number("first_page", *first_page),
            workers(*concurrency),
        ],
        Pagination::Cursor(Cursor { cursor_param, cursor_path, page_size_param, page_size }) => {
            let mut words = vec![
                word("kind", "cursor"),
                word("cursor_param", &cursor_param.0),
                word("cursor_path", &cursor_path.0),
            ];
            if let Some(param) = page_size_param {
                words.extend([word("page_size_param", &param.0), number("page_size", *page_size)]);
            }
            words
        }
        Pagination::LinkHeader => vec![word("kind", "link_header")],
        Pagination::NextUrl(NextUrl { path }) => {
            vec![word("kind", "next_url"), word("path", &path.0)]
        }
        Pagination::Custom(custom) => {
            let kind = word("kind", "custom");
            std::iter::once(kind).chain(self::custom(custom)).collect()
        }
    };
    Some(group("pagination", words))
}

fn retry(retry: &Retry) -> Option<Word> {
    (*retry != Retry::default()).then(|| {
        group(
            "retry",
            [
                number("max_attempts", retry.max_attempts),
                number("min_delay_secs", seconds(retry.min_delay)),
                number("max_delay_secs", seconds(retry.max_delay)),
            ],
        )
    })
}

/// A whole number where it is one.
fn seconds(duration: std::time::Duration) -> String {
    if duration.subsec_nanos() == 0 {
        duration.as_secs().to_string()
    } else {
        format!("{:?}", duration.as_secs_f64())
    }
}

/// The words of `#[target(…)]`.
pub(super) fn target(definition: &Definition) -> Vec<Word> {
    let target = &definition.target;
    let kind = match target.kind {
        TargetKind::Postgres => "postgres",
        TargetKind::Sqlite => "sqlite",
    };
    let mut words = vec![word("name", &target.name), word("type", kind)];
    match &target.connection {
        Connection::Url(url) => {
            let is_path = target.kind == TargetKind::Sqlite && !url.0.starts_with("sqlite:");
            words.push(word(if is_path { "path" } else { "url" }, &url.0));
        }
        Connection::Parts { host, port, database, username, password } => {
            words.push(word("host", &host.0));
            words.push(number("port", port));
            words.push(word("database", &database.0));
            let auth = [word("username", &username.0), word("password", &password.0)];
            words.push(group("auth", auth));
        }
    }
    words.push(word("table", &definition.table));
    let mode = match definition.mode {
        Mode::Append => "append",
        Mode::Replace => "replace",
        Mode::Merge => "merge",
    };
    words.push(word("mode", mode));
    if !definition.key.is_empty() {
        let key: Vec<_> = definition.key.iter().map(|column| text(column)).collect();
        words.push(Word::Value(format!("key = [{}]", key.join(", "))));
    }
    words
}
