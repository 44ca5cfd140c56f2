//! `Link` headers (RFC 8288) → the URL of the next page.

use url::Url;

use crate::source::answer::Answer;

/// What the `Link` headers of an answer say about the next page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Its URL, as it is written.
    Page(String),
    /// There is none.
    None,
    /// The value that is not understood: whether there is a next page is not known.
    Unclear(String),
}

/// The target of the first link with `rel="next"`.
pub(super) fn next(answer: &Answer<'_>) -> Next {
    let values: Vec<String> = answer.header_values("link").collect();
    next_of(&values, answer.url())
}

/// As [`next`]; relative references refer to `url`.
fn next_of(values: &[String], url: &Url) -> Next {
    let mut elsewhere = None;
    for value in values {
        let Some(links) = links(value) else { return Next::Unclear(value.clone()) };
        for link in links.into_iter().filter(Link::is_next) {
            if link.is_about(url) {
                return Next::Page(link.target);
            }
            elsewhere = Some(value.clone());
        }
    }
    // The next page of another page: which one is ours is not said.
    elsewhere.map_or(Next::None, Next::Unclear)
}

#[derive(Default)]
struct Link {
    target: String,
    relation: Option<String>,
    anchor: Option<String>,
    /// Sentry names a next page behind its last one, and says here that it has no records.
    without_results: bool,
}

impl Link {
    fn is_next(&self) -> bool {
        let mut relations = self.relation.iter().flat_map(|text| text.split_ascii_whitespace());
        !self.without_results && relations.any(|one| one.eq_ignore_ascii_case("next"))
    }

    /// Whether the link's context is the page itself; an `anchor` may say another one.
    fn is_about(&self, url: &Url) -> bool {
        let Some(anchor) = &self.anchor else { return true };
        let without_fragment = |mut url: Url| {
            url.set_fragment(None);
            url
        };
        let named = url.join(anchor).ok().map(without_fragment);
        named == Some(without_fragment(url.clone()))
    }

    /// Only the first `rel` counts, as the RFC has it; some write it as `rel*=UTF-8''next`.
    fn set(&mut self, name: &str, value: String) {
        match name.to_ascii_lowercase().as_str() {
            "rel" if self.relation.is_none() => self.relation = Some(value),
            "rel*" if self.relation.is_none() => {
                self.relation = value.rsplit('\'').next().map(str::to_owned);
            }
            "anchor" => self.anchor = Some(value),
            "results" => self.without_results = value.eq_ignore_ascii_case("false"),
            _ => {}
        }
    }
}

/// All links of one header value; `None` where it is malformed.
fn links(value: &str) -> Option<Vec<Link>> {
    let mut links = Vec::new();
    let mut rest = value.trim_start_matches(separates);
    while !rest.is_empty() {
        let (target, after) = rest.strip_prefix('<')?.split_once('>')?;
        let mut link = Link { target: target.trim().to_owned(), ..Link::default() };
        rest = parameters(after, &mut link)?.trim_start_matches(separates);
        links.push(link);
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

/// Reads a link's parameters up to the comma or the end; gives what follows.
fn parameters<'a>(text: &'a str, link: &mut Link) -> Option<&'a str> {
    let mut rest = text.trim_start_matches(is_space);
    while !rest.is_empty() && !rest.starts_with(',') {
        rest = rest.strip_prefix(';')?.trim_start_matches(is_space);
        let end = rest.find(['=', ';', ',']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => parameter_value(after.trim_start_matches(is_space))?,
            None => (String::new(), after),
        };
        link.set(name.trim_end_matches(is_space), value);
        rest = after.trim_start_matches(is_space);
    }
    Some(rest)
}

/// A token, or a quoted string with its escapes undone, and what follows.
///
/// Some servers quote with `'`, or with the curly quotes of a word processor.
fn parameter_value(text: &str) -> Option<(String, &str)> {
    let closing = match text.chars().next() {
        Some('"') => return quoted(text.strip_prefix('"')?),
        Some(open @ ('\'' | '‘' | '’' | '“' | '”' | '„' | '‚')) => {
            text.strip_prefix(open)?.split_once(closes(open))
        }
        _ => None,
    };
    if let Some((value, after)) = closing {
        return Some((value.to_owned(), after));
    }
    let end = text.find([';', ',']).unwrap_or(text.len());
    let (token, after) = text.split_at(end);
    Some((token.trim_end_matches(is_space).to_owned(), after))
}

/// The quotes that end what a quote has begun.
fn closes(open: char) -> &'static [char] {
    match open {
        '\'' => &['\''],
        '‘' | '’' | '‚' => &['‘', '’'],
        _ => &['“', '”'],
    }
}

/// The text up to the closing quote, behind the opening one.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.chars();
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

    /// The link found on `https://h/items?page=1`; `Err` where it is not clear.
    fn check(value: &str, expected: Result<Option<&str>, ()>) {
        let url = Url::parse("https://h/items?page=1").unwrap();
        let found = match next_of(&[value.to_owned()], &url) {
            Next::Page(url) => Ok(Some(url)),
            Next::None => Ok(None),
            Next::Unclear(_) => Err(()),
        };
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
        check("<b>; rel*=UTF-8''next", Ok(Some("b")));
    }

    #[test]
    fn other_quotes_than_the_rfc_has_are_understood() {
        check("<b>; rel='next'", Ok(Some("b")));
        check("<b>; title='more, please'; rel='prev next'; x=1", Ok(Some("b")));
        check("<b>; rel='next', <c>; rel='last'", Ok(Some("b")));
        check("<b>; rel=“next”", Ok(Some("b")));
        check("<b>; rel=”next”", Ok(Some("b")));
        check("<b>; rel=‘next’; title=„a“", Ok(Some("b")));
        check("<b>; title=it's; rel=next", Ok(Some("b")));
        check("<b>; title='open; rel=next", Ok(Some("b")));
    }

    #[test]
    fn a_link_about_the_page_itself_counts_and_one_about_another_is_unclear() {
        check("<b>; rel=next; anchor=\"\"", Ok(Some("b")));
        check("<b>; rel=next; anchor=\"#top\"", Ok(Some("b")));
        check("<b>; rel=next; anchor=\"https://h/items?page=1\"", Ok(Some("b")));
        check("<a>; rel=next; anchor=\"/other\"", Err(()));
        check("<a>; rel=next; anchor=\"/other\", <b>; rel=next", Ok(Some("b")));
        check("<a>; rel=prev; anchor=\"/other\"", Ok(None));
    }

    #[test]
    fn without_a_next_link_there_is_none() {
        check("", Ok(None));
        check("<a>", Ok(None));
        check("<a>; rel=\"nextish\"", Ok(None));
        check("<a>; rel=prev; rel=next", Ok(None));
        check("<a>; title=\"rel=next\"; crossorigin", Ok(None));
        check("<a>; rel=\"next\"; results=\"false\"; cursor=\"0:300:0\"", Ok(None));
        check("<a>; rel=\"next\"; results=\"true\"", Ok(Some("a")));
    }

    #[test]
    fn a_malformed_value_is_not_taken_for_none() {
        check("https://h/?page=2; rel=next", Err(()));
        check("<https://h/?page=2; rel=next", Err(()));
        check("<a>; rel=\"next", Err(()));
        check("<a> rel=next", Err(()));
    }
}
