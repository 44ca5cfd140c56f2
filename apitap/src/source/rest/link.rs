//! `Link` headers (RFC 8288) → the URL of the next page.

/// The target of the first link with `rel="next"`, as it is written; `None` where there is none.
///
/// # Errors
/// The value that is not a list of links: then it cannot be known whether there is a next page.
pub(super) fn next(values: &[String]) -> Result<Option<String>, String> {
    for value in values {
        for link in links(value).ok_or_else(|| value.clone())? {
            if link.is_next {
                return Ok(Some(link.target));
            }
        }
    }
    Ok(None)
}

struct Link {
    target: String,
    is_next: bool,
}

/// All links of one header value; `None` where it is malformed.
fn links(value: &str) -> Option<Vec<Link>> {
    let mut links = Vec::new();
    let mut rest = value.trim_start_matches(separates);
    while !rest.is_empty() {
        let (target, after) = rest.strip_prefix('<')?.split_once('>')?;
        let (is_next, after) = is_next(after)?;
        links.push(Link { target: target.trim().to_owned(), is_next });
        rest = after.trim_start_matches(separates);
    }
    Some(links)
}

/// Empty list elements are allowed between commas.
fn separates(character: char) -> bool {
    character == ',' || is_space(character)
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

/// Reads a link's parameters up to the comma or the end: whether its relation is `next`, and what
/// follows. Only the first `rel` counts, and a link whose context is another page (`anchor`) says
/// nothing about ours.
fn is_next(parameters: &str) -> Option<(bool, &str)> {
    let mut rest = parameters.trim_start_matches(is_space);
    let (mut relation, mut elsewhere) = (None, false);
    loop {
        if rest.is_empty() || rest.starts_with(',') {
            let next = relation.is_some_and(|relation: String| {
                relation.split_ascii_whitespace().any(|one| one.eq_ignore_ascii_case("next"))
            });
            return Some((next && !elsewhere, rest));
        }
        rest = rest.strip_prefix(';')?.trim_start_matches(is_space);
        let end = rest.find(['=', ';', ',']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => parameter_value(after.trim_start_matches(is_space))?,
            None => (String::new(), after),
        };
        match name.trim_end_matches(is_space).to_ascii_lowercase().as_str() {
            "rel" if relation.is_none() => relation = Some(value),
            "anchor" => elsewhere = true,
            _ => {}
        }
        rest = after.trim_start_matches(is_space);
    }
}

/// A token, or a quoted string with its escapes undone, and what follows.
fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        let (token, after) = text.split_at(end);
        return Some((token.trim_end_matches(is_space).to_owned(), after));
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => value.push(characters.next()?),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Result<Option<&str>, ()>) {
        let found = next(&[value.to_owned()]);
        assert_eq!(found.as_ref().map(Option::as_deref).map_err(|_| ()), expected, "{value}");
    }

    #[test]
    fn the_next_link_is_found() {
        check("<https://h/?page=2>; rel=\"next\"", Ok(Some("https://h/?page=2")));
        check("</a?x=1,2>; rel=prev, </b?x=1,2>;rel=next", Ok(Some("/b?x=1,2")));
        check("<b>; title=\"a, \\\"b\\\"; rel=prev\"; rel=\"next last\"", Ok(Some("b")));
        check("<b>; REL = \"prev NEXT\" ; title*=UTF-8''x", Ok(Some("b")));
        check(", <a>; rel=first,, <b>; rel=next ,", Ok(Some("b")));
        check("<a>;rel=next,<b>;rel=next", Ok(Some("a")));
    }

    #[test]
    fn without_a_next_link_there_is_none() {
        check("", Ok(None));
        check("<a>", Ok(None));
        check("<a>; rel=\"nextish\"", Ok(None));
        check("<a>; rel=prev; rel=next", Ok(None));
        check("<a>; title=\"rel=next\"; crossorigin", Ok(None));
        check("<a>; rel=next; anchor=\"/other\"", Ok(None));
    }

    #[test]
    fn a_malformed_value_is_not_taken_for_none() {
        check("https://h/?page=2; rel=next", Err(()));
        check("<https://h/?page=2; rel=next", Err(()));
        check("<a>; rel=\"next", Err(()));
        check("<a> rel=next", Err(()));
    }
}
