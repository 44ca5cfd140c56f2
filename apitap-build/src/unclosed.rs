//! A text in quotes that is not closed → where it begins.
//!
//! What reads such a text takes all that follows for a part of it, up to the next quote of the same kind, and from
//! there on takes texts for what is between them: it gives up far behind the mistake, mostly at the last quote.

use std::ops::Range;

/// The first text in such quotes in SQL that goes on behind the end of its line.
pub(crate) fn in_sql(sql: &str, quote: char) -> Option<Range<usize>> {
    let mut at = 0;
    while let Some(rest) = sql.get(at..).filter(|rest| !rest.is_empty()) {
        let next = rest.chars().next()?;
        let length = match next {
            '\'' | '"' => {
                let (inner, length) = text(rest, next);
                if next == quote && inner.contains('\n') {
                    return Some(line_of(sql, at));
                }
                length
            }
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            other => other.len_utf8(),
        };
        at += length;
    }
    None
}

/// The first text in the tags of a template that swallows the end of its tag; the first comment that has none.
pub(crate) fn in_template(template: &str) -> Option<Range<usize>> {
    let mut at = 0;
    while let Some(start) = template.get(at..)?.find('{').map(|found| at + found) {
        let rest = template.get(start..)?;
        if rest.starts_with("{#") {
            let Some(end) = rest.find("#}") else { return Some(start..start + 2) };
            at = start + end + 2;
        } else if let Some(close) = [("{{", "}}"), ("{%", "%}")]
            .into_iter()
            .find_map(|(open, close)| rest.starts_with(open).then_some(close))
        {
            at = match tag(rest, close) {
                Ok(length) => start + length,
                Err(quote) => return Some(line_of(template, start + quote)),
            };
        } else {
            at = start + 1;
        }
    }
    None
}

/// How long a tag is, or where a text in it begins that swallows its end.
fn tag(rest: &str, close: &str) -> Result<usize, usize> {
    let mut at = 2;
    while let Some(here) = rest.get(at..) {
        if here.starts_with(close) {
            return Ok(at + close.len());
        }
        let Some(next) = here.chars().next() else { break };
        at += match next {
            '\'' | '"' => {
                let (inner, length) = text(here, next);
                // One that ends on its line may have such characters in it.
                if inner.find(close).is_some_and(|end| inner[end..].contains('\n'))
                    || length == here.len()
                {
                    return Err(at);
                }
                length
            }
            other => other.len_utf8(),
        };
    }
    Ok(rest.len())
}

/// What is within the quotes that a text begins with, and how long it is with them; a quote in it is written twice.
fn text(rest: &str, quote: char) -> (&str, usize) {
    let mut quotes =
        rest.char_indices().skip(1).filter(|(_, c)| *c == quote).map(|(at, _)| at).peekable();
    while let Some(end) = quotes.next() {
        if quotes.next_if_eq(&(end + 1)).is_none() {
            return (rest.get(1..end).unwrap_or_default(), end + 1);
        }
    }
    (rest.get(1..).unwrap_or_default(), rest.len())
}

/// From a byte to the end of its line.
fn line_of(text: &str, start: usize) -> Range<usize> {
    let rest = text.get(start..).unwrap_or_default();
    start..start + rest.lines().next().unwrap_or_default().trim_end().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_text_that_goes_on_behind_its_line_is_found() {
        let check = |sql: &str, quote: char, expected: Option<&str>| {
            assert_eq!(in_sql(sql, quote).map(|range| &sql[range]), expected, "{sql}");
        };
        let sql = "SELECT 'a' AS a, -- it's\n 'b AS b,\n 'c' AS c FROM t";
        check(sql, '\'', Some("'b AS b,"));
        check(sql, '"', None);
        check("SELECT 'it''s', /* ' */ \"o'r\" FROM t WHERE a = 'x", '\'', None);
        check("SELECT \"a FROM t\nWHERE \"b\" = 1", '"', Some("\"a FROM t"));
        check("SELECT 'é\n", '\'', Some("'é"));
    }

    #[test]
    fn the_first_text_that_swallows_the_end_of_its_tag_is_found() {
        let check = |template: &str, expected: Option<&str>| {
            let found = in_template(template).map(|range| &template[range]);
            assert_eq!(found, expected, "{template}");
        };
        check("{{ sink(name=\"db) }}\nSELECT a FROM {{ use_source(\"t\") }}", Some("\"db) }}"));
        check("{{ sink(name='{{a}}') }} SELECT '{{ use_source(\"t\") }}'", None);
        check("{{ map(\"f\", row=\"{\n a: int64}\") }} SELECT {{ x }", None);
        check("{% set a = 'b %}\nSELECT 'c'", Some("'b %}"));
        check("{# a #} SELECT {# b", Some("{#"));
        check("SELECT '{' || \"{{", None);
    }
}
