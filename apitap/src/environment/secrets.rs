//! Values that must never show → their names in their place.
//!
//! A value is also found in the forms that it takes on its way: percent-encoded, in a JSON string,
//! in `Authorization: Basic`; behind escapes ([`spellings`]); and cut off, where a text was shortened.
//! Nothing here knows where the texts to be masked come from.

mod spellings;

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

/// Shorter values are not masked: they would be found all over an ordinary text.
const SHORTEST: usize = 4;

/// What stands where a text was shortened.
const CUT: &[u8] = "…".as_bytes();

/// A value that must not show, and what to show in its place.
pub(super) struct Known {
    value: String,
    shown: String,
}

impl Known {
    /// A variable's value shows as `${NAME}`.
    pub(super) fn variable(name: &str, value: &str) -> Self {
        Self { value: value.to_owned(), shown: format!("${{{name}}}") }
    }

    /// A secret that is written out shows as `***`.
    pub(super) fn literal(value: &str) -> Self {
        Self { value: value.to_owned(), shown: "***".to_owned() }
    }
}

/// The password in `scheme://user:password@host`, if the text is such a URL.
pub(super) fn password_in_url(text: &str) -> Vec<Known> {
    let Ok(url) = Url::parse(text) else { return Vec::new() };
    let Some(password) = url.password().filter(|password| !password.is_empty()) else {
        return Vec::new();
    };
    let plain = percent_decode_str(password).decode_utf8_lossy().into_owned();
    let pair = format!("{}:{plain}", percent_decode_str(url.username()).decode_utf8_lossy());
    let basic = base64::engine::general_purpose::STANDARD.encode(pair);
    [password, &plain, &basic].into_iter().map(Known::literal).collect()
}

/// What must never show. Cheap to clone; shared by all that makes messages.
#[derive(Clone, Default)]
pub struct Secrets {
    masks: Arc<Masks>,
    learned: Arc<RwLock<Learned>>,
}

/// Values that came up during the run, such as tokens that were requested.
#[derive(Default)]
struct Learned {
    values: BTreeSet<String>,
    masks: Arc<Masks>,
}

#[derive(Default)]
struct Masks {
    /// Finds the longest value that starts leftmost; `None` where there is nothing to mask, or
    /// where the finder could not be built: then `all` is set.
    finder: Option<AhoCorasick>,
    /// What the finder looks for, and what to show in its place.
    patterns: Vec<String>,
    shown: Vec<String>,
    /// Nothing at all may be shown.
    all: bool,
    /// What else must never show.
    others: Option<Secrets>,
}

impl Secrets {
    pub(super) fn new(known: &[Known]) -> Self {
        let (mut patterns, mut shown) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        // Variables first: their name says more than `***`, where a value is both.
        let (literals, variables): (Vec<_>, Vec<_>) =
            known.iter().partition(|known| known.shown == "***");
        for known in variables.into_iter().chain(literals) {
            if known.value.chars().count() < SHORTEST {
                continue;
            }
            for form in forms(&known.value) {
                if seen.insert(form.clone()) {
                    patterns.push(form);
                    shown.push(known.shown.clone());
                }
            }
        }
        Self { masks: Arc::new(Masks::of(patterns, shown, None)), learned: Arc::default() }
    }

    /// These, and values that came up for one request; those show as `***`.
    pub(crate) fn and(&self, values: &[String]) -> Self {
        let masks = Masks::literal(values, Some(self.clone()));
        Self { masks: Arc::new(masks), learned: Arc::default() }
    }

    /// Keeps values from showing that came up during the run: in all that shares these, from now on.
    pub(crate) fn learn(&self, values: &[String]) {
        // It is whole between any two statements, so a panic elsewhere does not spoil it.
        let known = |learned: &Learned| values.iter().all(|value| learned.values.contains(value));
        if known(&self.learned.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut learned = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        learned.values.extend(values.iter().cloned());
        let all: Vec<_> = learned.values.iter().cloned().collect();
        learned.masks = Arc::new(Masks::literal(&all, None));
    }

    /// The text, with `${NAME}` or `***` in place of each secret.
    pub fn mask(&self, text: &str) -> String {
        let learned =
            Arc::clone(&self.learned.read().unwrap_or_else(PoisonError::into_inner).masks);
        learned.mask(&self.masks.mask(text))
    }
}

/// A secret in a text: where it stands, and which of the patterns it is.
struct Place {
    start: usize,
    end: usize,
    pattern: usize,
}

impl Masks {
    fn of(patterns: Vec<String>, shown: Vec<String>, others: Option<Secrets>) -> Self {
        let finder = match patterns.is_empty() {
            true => None,
            false => {
                AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&patterns).ok()
            }
        };
        let all = finder.is_none() && !patterns.is_empty();
        Self { finder, patterns, shown, all, others }
    }

    /// Values that show as `***`.
    fn literal(values: &[String], others: Option<Secrets>) -> Self {
        let long = values.iter().filter(|value| value.chars().count() >= SHORTEST);
        let patterns: Vec<_> = long.flat_map(|value| forms(value)).collect();
        let shown = vec!["***".to_owned(); patterns.len()];
        Self::of(patterns, shown, others)
    }

    fn mask(&self, text: &str) -> String {
        let text = &match &self.others {
            Some(others) => others.mask(text),
            None => text.to_owned(),
        };
        match &self.finder {
            Some(finder) => self.replaced(text, self.places(text, finder)),
            None if self.all => "***".to_owned(),
            None => text.to_owned(),
        }
    }

    /// Where secrets stand in a text, in any order: they may overlap.
    fn places(&self, text: &str, finder: &AhoCorasick) -> Vec<Place> {
        let mut places = self.found(text.as_bytes(), finder);
        spellings::each_reading(text, &mut |reading| {
            let found = self.found(&reading.bytes, finder).into_iter();
            places.extend(found.filter_map(|Place { start, end, pattern }| {
                let (start, end) = reading.written(start, end)?;
                Some(Place { start, end, pattern })
            }));
        });
        places
    }

    /// Those that stand there as they are, whole or cut off.
    fn found(&self, bytes: &[u8], finder: &AhoCorasick) -> Vec<Place> {
        let whole = finder.find_iter(bytes).map(|found| Place {
            start: found.start(),
            end: found.end(),
            pattern: found.pattern().as_usize(),
        });
        let cuts = memchr::memmem::find_iter(bytes, CUT).filter_map(|cut| {
            let (length, pattern) = self.begun(bytes.get(..cut)?)?;
            Some(Place { start: cut - length, end: cut, pattern })
        });
        whole.chain(cuts).collect()
    }

    /// The longest begin of a secret that a text ends with.
    fn begun(&self, text: &[u8]) -> Option<(usize, usize)> {
        let begun = self.patterns.iter().enumerate().filter_map(|(index, pattern)| {
            let longest = pattern.len().min(text.len());
            let begins = |length: &usize| {
                pattern.as_bytes().get(..*length).is_some_and(|begin| text.ends_with(begin))
            };
            let length = (SHORTEST..=longest).rev().find(begins)?;
            // Not within a character.
            pattern.is_char_boundary(length).then_some((length, index))
        });
        // Of several of one length, the first: variables, whose names say more.
        begun.min_by_key(|(length, _)| std::cmp::Reverse(*length))
    }

    /// The text with what is shown in the place of each secret.
    fn replaced(&self, text: &str, mut places: Vec<Place>) -> String {
        // Of several that begin at one place, the longest one.
        places.sort_by_key(|place| (place.start, std::cmp::Reverse(place.end)));
        let (mut masked, mut done) = (String::with_capacity(text.len()), 0);
        for Place { start, end, pattern } in places {
            if start >= done {
                masked.push_str(text.get(done..start).unwrap_or_default());
                masked.push_str(self.shown.get(pattern).map_or("***", String::as_str));
            }
            // Of two that overlap, the first is told, and both are hidden.
            done = done.max(end);
        }
        masked.push_str(text.get(done..).unwrap_or_default());
        masked
    }
}

impl fmt::Debug for Secrets {
    /// Shows nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// The value as it is, and as a URL, a form and a JSON string spell it.
fn forms(value: &str) -> Vec<String> {
    let component = utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
    let form: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let mut forms = vec![
        value.to_owned(),
        lower_escapes(&component),
        lower_escapes(&form),
        component,
        form.replace('+', "%20"),
        form,
    ];
    // As the URL parser spells it in a path, in a query and in the user's part.
    if let Ok(mut url) = Url::parse("http://h/") {
        url.set_path(value);
        forms.push(url.path().trim_start_matches('/').to_owned());
        url.set_query(Some(value));
        forms.extend(url.query().map(str::to_owned));
        if url.set_password(Some(value)).is_ok() {
            forms.extend(url.password().map(str::to_owned));
        }
    }
    if let Ok(quoted) = serde_json::to_string(value) {
        forms.extend(quoted.get(1..quoted.len() - 1).map(str::to_owned));
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

/// `%2F` → `%2f`.
fn lower_escapes(encoded: &str) -> String {
    let mut since_percent = usize::MAX;
    encoded
        .chars()
        .map(|character| {
            since_percent = if character == '%' { 0 } else { since_percent.saturating_add(1) };
            if (1..=2).contains(&since_percent) {
                character.to_ascii_lowercase()
            } else {
                character
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Masks a text with `TOKEN`, `LONG`, a written `p@ss/w"rd` and a short `PIN` known.
    fn check(text: &str, expected: &str) {
        let secrets = Secrets::new(&[
            Known::literal("p@ss/w\"rd"),
            Known::variable("TOKEN", "abc+/123"),
            Known::variable("LONG", "abc+/123456"),
            Known::variable("PIN", "42"),
            Known::literal("abc+/123"),
        ]);
        assert_eq!(secrets.mask(text), expected);
    }

    #[test]
    fn values_show_as_their_names() {
        check("t=abc+/123, 42", "t=${TOKEN}, 42");
        check("abc+/123456", "${LONG}");
        check("got p@ss/w\"rd!", "got ***!");
        check("nothing here", "nothing here");
    }

    #[test]
    fn encoded_values_are_found_too() {
        check("?k=abc%2B%2F123&x", "?k=${TOKEN}&x");
        check("?k=abc%2b%2f123&x", "?k=${TOKEN}&x");
        check("?k=p%40ss%2Fw%22rd", "?k=***");
        check("https://h/p@ss/w%22rd/x", "https://h/***/x");
        check(r#"{"password":"p@ss/w\"rd"}"#, r#"{"password":"***"}"#);
    }

    #[test]
    fn a_secret_is_found_behind_the_escapes_of_any_language() {
        check(r#"{"key":"abc+\/123"}"#, r#"{"key":"${TOKEN}"}"#);
        check(r#"{"key":"abc\u002b/123"}"#, r#"{"key":"${TOKEN}"}"#);
        check(r#"{"key":"abc\u002B\u002F123"}"#, r#"{"key":"${TOKEN}"}"#);
        check(r#""p@ss\/w\u0022rd""#, r#""***""#);
        check(r#""p\u0040ss\/w\"rd""#, r#""***""#);
        check("?k=%61%62c%2b%2F123", "?k=${TOKEN}");
        check(r#""http:\/\/h\/?k=abc%2B\/123&n=1""#, r#""http:\/\/h\/?k=${TOKEN}&n=1""#);
        check(r#"{"e":"{\"t\":\"abc+\\/123\"}"}"#, r#"{"e":"{\"t\":\"${TOKEN}\"}"}"#);
        check(r#"{"e":"{\"t\":\"p@ss\\/w\\\"rd\"}"}"#, r#"{"e":"{\"t\":\"***\"}"}"#);
        check("<p>abc+&#x2F;123, p@ss&#47;w&quot;rd</p>", "<p>${TOKEN}, ***</p>");
        check("path: /data/abc+~1123", "path: /data/${TOKEN}");
        check(r"b'abc\x2b/123'", "b'${TOKEN}'");
    }

    #[test]
    fn what_a_shortened_text_still_shows_of_a_secret_is_hidden() {
        check("got `abc+…`", "got `${TOKEN}…`");
        check("got `abc+/12345…`", "got `${LONG}…`");
        check("got `xabc+/1…` and `ab…`", "got `x${TOKEN}…` and `ab…`");
        check(r#"got "abc\u002b/…"#, r#"got "${TOKEN}…"#);
        check(r#"got "\u0061\u0062\u0063\u002b\u00…"#, r#"got "${TOKEN}\u00…"#);
    }

    #[test]
    fn what_is_learned_during_a_run_is_hidden_from_then_on_wherever_it_is_shared() {
        let secrets = Secrets::new(&[Known::variable("TOKEN", "abc+/123")]);
        let (shared, with) = (secrets.clone(), secrets.and(&["for-one".to_owned()]));
        assert_eq!(shared.mask("abc+/123 first-token"), "${TOKEN} first-token");
        secrets.learn(&["first-token".to_owned()]);
        secrets.learn(&["second-token".to_owned(), "abc".to_owned()]);
        for secrets in [secrets, shared, with] {
            let text = "abc+/123 first-token second%2Dtoken abc";
            assert_eq!(secrets.mask(text), "${TOKEN} *** *** abc");
        }
    }

    #[test]
    fn passwords_in_urls_are_secrets() {
        let secrets = Secrets::new(&password_in_url("postgres://me:hunt%40r2@db:5432/shop"));
        assert_eq!(
            secrets.mask("hunt@r2 at postgres://me:hunt%40r2@db, Basic bWU6aHVudEByMg=="),
            "*** at postgres://me:***@db, Basic ***"
        );
        assert!(password_in_url("postgres://me@db/shop").is_empty());
    }
}
