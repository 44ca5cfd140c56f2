//! `${NAME}` in a query, where nothing takes its place.

use std::ops::Range;

/// Where variables are written as in YAML, `${NAME}` or `${NAME:-default}`; comments are passed over.
pub(super) fn find(sql: &str) -> Vec<Range<usize>> {
    // There, `${name}` is what a group of the pattern has matched.
    let groups = sql.to_ascii_lowercase().contains("regexp_replace");
    let mut found = Vec::new();
    let mut at = 0;
    let mut quote = None;
    while let Some(rest) = sql.get(at..).filter(|rest| !rest.is_empty()) {
        let skipped = match quote {
            None if rest.starts_with("--") => rest.find('\n'),
            None if rest.starts_with("/*") => rest.find("*/"),
            _ => Some(0),
        };
        match skipped {
            None => break,
            Some(0) => {}
            Some(length) => {
                at += length + 1;
                continue;
            }
        }
        if let Some((name, length)) = variable(rest)
            && !(groups && name.contains(|c: char| c.is_ascii_lowercase()))
        {
            found.push(at..at + length);
            at += length;
            continue;
        }
        let character = rest.chars().next().unwrap_or_default();
        quote = match (quote, character) {
            (None, '\'' | '"') => Some(character),
            (Some(open), _) if open == character => None,
            (quote, _) => quote,
        };
        at += character.len_utf8();
    }
    found
}

/// The name of a variable that a text begins with, and the length of all of it.
fn variable(text: &str) -> Option<(&str, usize)> {
    let rest = text.strip_prefix("${")?;
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let (name, rest) = rest.split_at(length);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let default = rest.strip_prefix(":-").and_then(|rest| Some(2 + rest.find('}')?));
    let end = if rest.starts_with('}') { 0 } else { default? };
    Some((name, "${".len() + length + end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: &[&str]) {
        let found: Vec<_> = find(sql).into_iter().map(|range| &sql[range]).collect();
        assert_eq!(found, expected, "{sql}");
    }

    #[test]
    fn variables_are_found_wherever_they_would_be_taken_for_text() {
        check("SELECT '${HOME}' AS h", &["${HOME}"]);
        check("SELECT '${A}x${b_2:-no {}' AS h, ${C}", &["${A}", "${b_2:-no {}", "${C}"]);
        check("SELECT 'it''s -- ${A}'", &["${A}"]);
        check("SELECT 1 -- ${A}\n/* ${B} */, '${C}'", &["${C}"]);
        check("SELECT 1 -- ${A}", &[]);
        check("SELECT '$A ${1} ${} ${a b} ${A' AS x", &[]);
    }

    #[test]
    fn groups_of_a_pattern_are_no_variables() {
        check("SELECT regexp_replace(a, '(?<y>\\d+)', '${y}')", &[]);
        check("SELECT regexp_replace(a, 'x', '${HOME}')", &["${HOME}"]);
    }
}
