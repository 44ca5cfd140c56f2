//! Secrets that stand in the file as they are: warnings that show the `${NAME}` form.
//!
//! A value with a `${NAME}` in it is none, and neither is one whose name says nothing of a secret.

use std::ops::Range;

use crate::codes;
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::schema::notation;
use crate::secret_names::is_secret;

/// What looks like a secret in YAML that has errors, whose lines are shown because of that: better
/// too much than too little.
pub(crate) fn in_text(text: &str) -> Vec<Range<usize>> {
    let is_name = |c: char| c.is_alphanumeric() || "_-".contains(c);
    let of_words = text.match_indices(':').filter_map(|(colon, _)| {
        let before = text.get(..colon)?.trim_end_matches(['"', '\'']);
        let name = before.rsplit(|c| !is_name(c)).next()?;
        let after = text.get(colon + 1..)?;
        let skipped = after.len() - after.trim_start_matches([' ', '"', '\'', '[']).len();
        let start = colon + 1 + skipped;
        let value = text.get(start..)?;
        let end = value.find(['\n', '"', '\'', ',', '}']).unwrap_or(value.len());
        let value = value.get(..end)?;
        let is_scalar = skipped > 0 && !value.starts_with('{');
        // An address without its scheme: `user:password@host`.
        let is_address = skipped == 0 && !value.starts_with("//") && value.contains('@');
        let end = if is_address { value.rfind('@')? } else { end };
        let value = value.get(..end)?;
        let is_secret = is_scalar && is_secret(name) && !is_type(value) || is_address;
        (is_secret && is_literal(value)).then_some(start..start + end)
    });
    let of_addresses = text.match_indices("://").filter_map(|(at, _)| {
        let start = at + "://".len();
        let rest = text.get(start..)?;
        let rest = rest.get(..rest.find(char::is_whitespace).unwrap_or(rest.len()))?;
        let user = rest.get(..rest.rfind('@')?)?;
        let (name, password) = user.split_once(':')?;
        let start = start + name.len() + 1;
        is_literal(password).then_some(start..start + password.len())
    });
    let mut found: Vec<_> = of_words.chain(of_addresses).collect();
    found.sort_by_key(|range| range.start);
    found.dedup();
    found
}

/// Warns of a value that is a secret wherever it stands; `what` names it, `form` shows what to
/// write instead.
pub(crate) fn secret(what: &str, form: &str, value: &Spanned<String>, findings: &mut Findings) {
    if is_literal(&value.value) {
        findings.push(warning(what, form, &value.place));
    }
}

/// Warns where the name of a header or parameter says that its value is a secret.
pub(crate) fn named(name: &str, value: &Spanned<String>, findings: &mut Findings) {
    if !is_secret(name) {
        return;
    }
    let variable = name.to_ascii_uppercase().replace('-', "_");
    let scheme = value.value.split_once(' ').map(|(scheme, _)| scheme);
    let form = match scheme
        .filter(|scheme| ["bearer", "basic", "token"].contains(&&*scheme.to_lowercase()))
    {
        Some(scheme) => format!("{name}: \"{scheme} ${{API_TOKEN}}\""),
        None => format!("{name}: \"${{{variable}}}\""),
    };
    secret(&format!("the value of `{name}`"), &form, value, findings);
}

/// Warns of a password or a parameter within an address that is a secret.
pub(crate) fn in_address(url: &Spanned<String>, findings: &mut Findings) {
    let text = url.value.as_str();
    let Some(start) = text.find("://").map(|at| at + "://".len()) else { return };
    let rest = text.get(start..).unwrap_or_default();
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let user = rest.get(..host_end).and_then(|host| host.rfind('@'));
    if let Some(end) = user
        && let Some(colon) = rest.get(..end).and_then(|user| user.find(':'))
    {
        let range = start + colon + 1..start + end;
        part("the password of the address", "…:${PASSWORD}@…", url, range, findings);
    }
    let Some((before, query)) = text.split_once('?') else { return };
    let mut at = before.len() + 1;
    for pair in query.split('&') {
        if let Some((name, value)) = pair.split_once('=').filter(|(name, _)| is_secret(name)) {
            let end = value.find('#').unwrap_or(value.len());
            let start = at + name.len() + 1;
            let form = format!("{name}=${{{}}}", name.to_ascii_uppercase().replace('-', "_"));
            part(&format!("the value of `{name}`"), &form, url, start..start + end, findings);
        }
        at += pair.len() + 1;
    }
}

fn part(
    what: &str,
    form: &str,
    text: &Spanned<String>,
    range: Range<usize>,
    findings: &mut Findings,
) {
    if !text.value.get(range.clone()).is_some_and(is_literal) {
        return;
    }
    findings.push(warning(what, form, &text.part(range)));
}

/// Whether it is the type of a field that is called like a secret: `token: string!`.
fn is_type(value: &str) -> bool {
    notation::is_type_name(value.trim_matches(['!', ']', ' ']))
}

fn is_literal(value: &str) -> bool {
    !value.trim().is_empty() && !value.contains("${")
}

fn warning(what: &str, form: &str, place: &Place) -> Finding {
    Finding::warning(codes::LITERAL_SECRET, format!("{what} is written into the file"), place)
        .label("whoever can read the file has it")
        .help(format!("write `{form}`, and set that variable where the program runs"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Files;

    /// The parts of a text that are found to be secrets.
    fn check(find: impl Fn(&Spanned<String>, &mut Findings), text: &str, expected: &[&str]) {
        let file = Files::default().add("pipelines.yaml", text);
        let written = Spanned::new(text.to_owned(), Place::text(file, 0..text.len()));
        let mut findings = Findings::default();
        find(&written, &mut findings);
        let found = findings.0.iter().map(|finding| match finding.place {
            Place::Text { start, end, .. } => &text[start..end],
            Place::Token(_) => "",
        });
        assert_eq!(found.collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn a_secret_in_an_address_is_found_and_a_variable_is_none() {
        let check = |text, expected| check(in_address, text, expected);
        check("https://shop.example.com/api", &[]);
        check("https://app:hunter2@shop.example.com/api", &["hunter2"]);
        check("postgres://app:hun@ter2@host:5432/db?sslmode=require", &["hun@ter2"]);
        check("postgres://app:${PGPASSWORD}@host/db", &[]);
        check("postgres://app@host:5432/db", &[]);
        check("postgres://app:@host/db", &[]);
        check("postgres://host/db?user=a&password=hunter2", &["hunter2"]);
        check("https://host/?page=2&api_key=abc#x", &["abc"]);
        check("https://host/?api_key=${KEY}&page_token=abc", &[]);
        check("https://host/a:b@c", &[]);
        check("warehouse.db", &[]);
    }

    #[test]
    fn what_cannot_be_read_hides_what_looks_like_a_secret() {
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<_> = in_text(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("auth: {bearer: \"abc\", x: [", &["abc"]);
        check("  password: 'hunter2", &["hunter2"]);
        check("  password: ${PASSWORD}\n  token: abc\n", &["abc"]);
        check("url: \"postgres://app:hunter2@host/db", &["hunter2"]);
        check("url: https://host:8080/a\nname: token\n", &[]);
        check("é: ü\npassword:\n", &[]);
        check("schema: {token: string!, secret: [uuid], id: int64!}", &[]);
        check("  X-Api-Key: [abc]\n", &["abc]"]);
        check("url: \"me:hunter2@localhost/db\"\n", &["hunter2"]);
    }

    #[test]
    fn a_name_says_whether_its_value_is_a_secret() {
        let check = |name: &str, expected| check(|v, f| named(name, v, f), "abc", expected);
        for name in [
            "Authorization",
            "X-Api-Key",
            "x-auth-token",
            "Cookie",
            "api_key",
            "apikey",
            "client_secret",
            "PRIVATE-ACCESS-TOKEN",
            "token",
            "password",
            "X-Shop-Api-Key",
        ] {
            check(name, &["abc"]);
        }
        for name in [
            "Accept",
            "page_token",
            "key",
            "sort",
            "X-Request-Id",
            "author",
            "User-Agent",
            "next_token",
            "passenger",
            "signature_version",
        ] {
            check(name, &[]);
        }
    }
}
