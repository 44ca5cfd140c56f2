//! A body that is not JSON → what it is, where that can be seen.

use super::Unread;
use crate::source::json::Fault;

/// What a body that is not JSON looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// HTML.
    Html,
    /// XML that is not HTML.
    Xml,
    /// JSON behind what keeps browsers from running it as a script.
    Guarded,
    /// JSON within a call of a function.
    Jsonp,
    /// JSON values, one after the other.
    JsonLines,
    /// Lines of values with separators between them.
    Csv,
    /// JSON with a mistake in it, or anything else.
    Other,
}

/// How many bytes of the start of a body are looked at.
pub(super) const HEAD: usize = 256;

/// The error of a fault in a body.
///
/// `head` is how the body begins, `record` the number of the record that holds the fault, and `after`
/// what comes after the end of the value, where that is the fault.
pub(super) fn unread<E>(
    fault: Fault,
    head: &str,
    record: Option<u64>,
    after: Option<char>,
) -> Unread<E> {
    let is_cut = fault.is_cut();
    let look = Look::of(head, after);
    let fault = match look.help() {
        Some(help) if !is_cut => fault.help(help),
        _ => fault,
    };
    let error = fault.into_error("the body");
    let error = match record {
        Some(record) => error.at_record(record),
        None => error,
    };
    if is_cut { Unread::Cut(error) } else { Unread::NotJson(look, error) }
}

/// A byte that does not occur in UTF-8.
pub(super) fn not_utf8(bytes: &[u8], at: usize) -> Fault {
    let byte = bytes.get(at).copied().unwrap_or_default();
    Fault::malformed(format!("is not UTF-8: found the byte 0x{byte:02x}"), at, "")
}

/// What to do about an answer in XML.
pub const XML_HELP: &str = "apitap does not read XML: ask the API for JSON, often with the header \
                            `Accept: application/json`, a parameter such as `format=json`, or a path that \
                            ends in `.json`";

/// Whether a text that begins with `<` is XML and not HTML.
pub fn is_xml(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    let Some(rest) = text.strip_prefix('<') else { return false };
    if text.contains("<html") || text.contains("<!doctype html") {
        return false;
    }
    let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && !"?!:_-".contains(c)).next();
    let name = name.unwrap_or_default();
    // Elements that a page may begin with which leaves out `<html>`.
    let of_pages = [
        "head", "body", "title", "meta", "script", "style", "div", "p", "h1", "h2", "center",
        "table", "pre", "span", "a", "br", "b",
    ];
    !name.is_empty() && !name.starts_with('!') && !of_pages.contains(&name)
}

impl Look {
    fn of(head: &str, after: Option<char>) -> Self {
        let head = head.trim_start_matches('\u{feff}').trim_start();
        match head.chars().next() {
            Some('<') => {
                if is_xml(head) {
                    Self::Xml
                } else {
                    Self::Html
                }
            }
            Some('{' | '[') if matches!(after, Some('{' | '[')) => Self::JsonLines,
            Some('{' | '[') | None => Self::Other,
            Some(_) if is_guarded(head) => Self::Guarded,
            Some(_) if is_call(head) => Self::Jsonp,
            Some(_) if is_csv(head) => Self::Csv,
            Some(_) => Self::Other,
        }
    }

    fn help(self) -> Option<&'static str> {
        Some(match self {
            Self::Html => "it looks like HTML: does the URL lead to the API?",
            Self::Xml => XML_HELP,
            Self::Guarded => {
                "it begins with what keeps browsers from running it as a script: ask the API for \
                 plain JSON"
            }
            Self::Jsonp => {
                "it looks like JSONP: leave out the parameter that names the function, such as \
                 `callback`"
            }
            Self::JsonLines => {
                "it looks like JSON Lines, one value after the other: write `format: jsonl`"
            }
            Self::Csv => "it looks like CSV: write `format: csv`",
            Self::Other => return None,
        })
    }
}

/// Whether it begins as answers do that no script may include.
fn is_guarded(head: &str) -> bool {
    [")]}'", "while(1)", "while (1)", "for(;;)", "for (;;)"]
        .iter()
        .any(|start| head.starts_with(start))
}

/// Whether it begins with the call of a function.
fn is_call(head: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || "_$.".contains(c);
    let head = head.strip_prefix("/**/").unwrap_or(head);
    let rest = head.trim_start_matches(is_name);
    rest.len() < head.len() && rest.starts_with('(')
}

/// Whether its first two lines have the same number of separators.
fn is_csv(head: &str) -> bool {
    let mut lines = head.lines();
    let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let count = |line: &str, separator| line.matches(separator).count();
    [',', ';', '\t'].iter().any(|separator| {
        count(first, *separator) > 0 && count(first, *separator) == count(second, *separator)
    })
}
