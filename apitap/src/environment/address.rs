//! The address of a request, as far as the environment gives it → which parts of it never show.
//!
//! Scheme, host and path of a URL that a variable holds may show: without them nobody knows which server
//! an error is about. The user, a query's values, and a variable that is a piece of a path alone, which
//! may be a token, do not.

use std::ops::Range;

use apitap_build::secret_names::is_secret_variable;
use percent_encoding::percent_decode_str;
use url::Url;

use super::secrets::Known;

/// A resolved text, and where the values of variables stand in it.
#[derive(Default)]
pub(crate) struct Address {
    pub(super) text: String,
    variables: Vec<(String, Range<usize>)>,
}

impl Address {
    /// Adds what is written out, or stands for something that is known later.
    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds a variable's value.
    pub(super) fn push_variable(&mut self, name: &str, value: &str) {
        let start = self.text.len();
        self.text.push_str(value);
        self.variables.push((name.to_owned(), start..self.text.len()));
    }

    /// What of its variables must not show.
    pub(super) fn known(&self) -> Vec<Known> {
        let parts = Parts::of(&self.text);
        let variables = self.variables.iter();
        variables.flat_map(|(name, at)| self.known_of(name, at, parts.as_ref())).collect()
    }

    fn known_of(&self, name: &str, at: &Range<usize>, parts: Option<&Parts>) -> Vec<Known> {
        let known = |text: &str| Known::variable(name, text);
        let whole = self.text.get(at.clone()).unwrap_or_default();
        let Some(parts) = parts.filter(|_| !is_secret_variable(name)) else {
            return vec![known(whole)];
        };
        if at.start >= parts.host.end {
            return vec![known(whole)];
        }
        let within = |part: &Range<usize>| {
            let (start, end) = (at.start.max(part.start), at.end.min(part.end));
            self.text.get(start..end).filter(|text| !text.is_empty())
        };
        let user = within(&parts.user).into_iter();
        let user = user.flat_map(|user| [user].into_iter().chain(user.split(':')));
        let behind = within(&parts.behind).into_iter();
        let behind = behind.flat_map(|behind| behind.split(['?', '&', '#']));
        let behind = behind.map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
        let pieces = user.chain(behind);
        pieces.flat_map(|piece| [known(piece), known(&decoded(piece))]).collect()
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Where the parts of a URL stand in its text.
struct Parts {
    /// `user:password`.
    user: Range<usize>,
    host: Range<usize>,
    /// The query and the fragment.
    behind: Range<usize>,
}

impl Parts {
    /// `None` unless the text is an HTTP URL whose parts can be told apart with certainty.
    fn of(text: &str) -> Option<Self> {
        let start = ["http://", "https://"].iter().find_map(|scheme| {
            let begin = text.get(..scheme.len())?;
            begin.eq_ignore_ascii_case(scheme).then_some(scheme.len())
        })?;
        Url::parse(text).ok()?;
        if text.contains(|c: char| c == '\\' || c.is_control() || c.is_whitespace()) {
            return None;
        }
        let rest = text.get(start..)?;
        let host_end = start + rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let at = text.get(start..host_end)?.rfind('@');
        let user = start..start + at.unwrap_or_default();
        let host = start + at.map_or(0, |at| at + 1)..host_end;
        let behind = text.get(host_end..)?.find(['?', '#']).map_or(text.len(), |at| host_end + at);
        Some(Self { user, host, behind: behind..text.len() })
    }
}

#[cfg(test)]
mod tests {
    use crate::definition::Template;
    use crate::environment::Environment;

    /// What messages show of an address whose variables have these values.
    fn check(url: &str, variables: &[(&str, &str)], expected: &str) {
        let mut environment = Environment::from_iter(variables.iter().copied());
        environment.address(&Template(url.to_owned()));
        let resolved = variables
            .iter()
            .fold(url.to_owned(), |url, (name, value)| url.replace(&format!("${{{name}}}"), value));
        assert_eq!(environment.secrets().mask(&resolved), expected, "{url}");
    }

    #[test]
    fn the_server_shows_that_a_variable_names() {
        let url = "${SHOP_URL}/v1/orders";
        check(
            url,
            &[("SHOP_URL", "https://api.example.com/eu")],
            "https://api.example.com/eu/v1/orders",
        );
        check("https://${SHOP}.example.com/v1", &[("SHOP", "acme")], "https://acme.example.com/v1");
        check(
            "http://${HOST}:${PORT}/v1",
            &[("HOST", "desk"), ("PORT", "8080")],
            "http://desk:8080/v1",
        );
    }

    #[test]
    fn users_and_values_of_queries_stay_secret() {
        check(
            "${SHOP_URL}",
            &[("SHOP_URL", "https://hidden:p%40ss@api.example.com/v1?sig=abcdef&n=1234")],
            "https://${SHOP_URL}@api.example.com/v1?sig=${SHOP_URL}&n=${SHOP_URL}",
        );
        check(
            "${SHOP_URL}/v1",
            &[("SHOP_URL", "https://sk_live_1@example.com")],
            "https://${SHOP_URL}@example.com/v1",
        );
        check("https://${ME}:x@example.com", &[("ME", "somebody")], "https://${ME}:x@example.com");
        check(
            "https://example.com?org=${ORG}",
            &[("ORG", "acme")],
            "https://example.com?org=${ORG}",
        );
    }

    #[test]
    fn what_may_be_a_token_stays_secret() {
        check(
            "https://example.com/bot${BOT}/x",
            &[("BOT", "1234:abcd")],
            "https://example.com/bot${BOT}/x",
        );
        check(
            "${API_TOKEN_URL}/v1",
            &[("API_TOKEN_URL", "https://a.example/b")],
            "${API_TOKEN_URL}/v1",
        );
        check("${ODD}", &[("ODD", "https:/\\s3cret@example.com")], "${ODD}");
        check("${ODD}/v1", &[("ODD", "example.com")], "${ODD}/v1");
    }

    #[test]
    fn what_is_a_secret_elsewhere_shows_nowhere() {
        let mut environment = Environment::from_iter([("A", "https://tokens.example")]);
        environment.address(&Template("${A}/v1".to_owned()));
        environment.secret(&Template("${A}".to_owned()));
        assert_eq!(environment.secrets().mask("GET https://tokens.example/v1"), "GET ${A}/v1");
    }
}
