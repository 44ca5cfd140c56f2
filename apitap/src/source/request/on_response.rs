//! What becomes of answers that the definition names, before the defaults are asked.
//!
//! A rule may look at the status and the headers, at the begin of the body, and at single values of the
//! body, wherever in it they stand: then the whole of it passes by before anything is decided.

use std::sync::Arc;
use std::time::Duration;

use apitap_build::expression::Expression;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, stream};
use reqwest::header::HeaderMap;
use tokio::sync::Mutex;

use super::content::Chunks;
use super::expression::{Said, Scope, Value, evaluate, of_body};
use super::failure::Failure;
use crate::definition::{Pointer, ResponseRule};
use crate::source::body::{self, Values};
use crate::{Error, Result};

/// How much of a body `contains` looks at: what an API says of an error is short.
const LOOKED_AT: usize = 16 << 10;

/// What is looked at of the errors that a GraphQL server tells: whether there are any, and what the first
/// ones say.
const GRAPHQL_ERRORS: [&str; 3] = ["/errors/0", "/errors/0/message", "/errors/1/message"];

/// The rules of a source, in order.
pub(super) struct Rules {
    rules: Vec<Rule>,
    /// Whether what is asked is GraphQL, whose answers tell errors beside the data.
    graphql: bool,
}

/// A rule, and what its `when` means.
struct Rule {
    rule: ResponseRule,
    when: Option<Expression>,
}

/// What is known of an answer.
pub(super) struct Seen<'a> {
    pub(super) status: u16,
    pub(super) headers: &'a HeaderMap,
    /// The begin of its body, where that was looked at.
    pub(super) begin: &'a [u8],
    /// What stands at [`Rules::pointers`], in their order, where that was looked for.
    pub(super) values: Vec<body::Value>,
}

impl Seen<'_> {
    /// What stands at one of these places.
    fn value(&self, pointers: &[Pointer], wanted: &str) -> Option<&body::Value> {
        self.values.get(pointers.iter().position(|pointer| pointer.0 == wanted)?)
    }
}

impl Rules {
    /// # Errors
    /// A `when` is not well-formed, which was checked before.
    pub(super) fn new(rules: &[ResponseRule], graphql: bool) -> Result<Self> {
        let rule = |rule: &ResponseRule| {
            let when = rule.when.as_ref().map(|when| when.expression()).transpose();
            let when = when.map_err(|error| Error::config(error.message).help(error.help))?;
            Ok(Rule { rule: rule.clone(), when })
        };
        Ok(Self { rules: rules.iter().map(rule).collect::<Result<_>>()?, graphql })
    }

    fn for_status(&self, status: u16) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.rule.status.is_none_or(|wanted| wanted == status))
    }

    /// Whether the begin of the body decides about an answer with this status.
    pub(super) fn look_at(&self, status: u16) -> bool {
        self.for_status(status).any(|rule| rule.rule.contains.is_some())
    }

    /// The places of the body that decide about an answer with this status.
    pub(super) fn pointers(&self, status: u16) -> Vec<Pointer> {
        let mut found: Vec<Pointer> = Vec::new();
        let when = self.for_status(status).filter_map(|rule| rule.when.as_ref());
        let of_graphql = GRAPHQL_ERRORS.iter().copied().filter(|_| self.graphql && status < 300);
        for pointer in when.flat_map(Expression::pointers).chain(of_graphql) {
            if !found.iter().any(|known| known.0 == pointer) {
                found.push(Pointer(pointer.to_owned()));
            }
        }
        found
    }

    /// The first that fits.
    ///
    /// # Errors
    /// An expression has no value, which was checked before.
    pub(super) fn of(&self, seen: &Seen<'_>) -> Result<Option<&ResponseRule>> {
        let pointers = self.pointers(seen.status);
        let values = pointers.into_iter().zip(&seen.values);
        let body = values.map(|(pointer, value)| (pointer.0, of_body(value))).collect();
        let said = Said { headers: seen.headers.clone(), body };
        let scope = Scope::of_answer(seen.status, said);
        for rule in self.for_status(seen.status) {
            if rule.fits(seen.begin, &scope)? {
                return Ok(Some(&rule.rule));
            }
        }
        Ok(None)
    }

    /// What the errors say that a GraphQL server tells in its answer, as far as they are looked at; `None`
    /// where there are none.
    pub(super) fn graphql_errors(&self, seen: &Seen<'_>) -> Option<Vec<String>> {
        if !self.graphql {
            return None;
        }
        let pointers = self.pointers(seen.status);
        let [first, messages @ ..] = GRAPHQL_ERRORS;
        seen.value(&pointers, first).and_then(of_body)?;
        let said = |pointer| match seen.value(&pointers, pointer) {
            Some(body::Value::String(message)) => Some(message.clone()),
            _ => None,
        };
        Some(messages.into_iter().filter_map(said).collect())
    }
}

impl Rule {
    fn fits(&self, begin: &[u8], scope: &Scope) -> Result<bool> {
        let says = |text: &String| memchr::memmem::find(begin, text.as_bytes()).is_some();
        if !self.rule.contains.as_ref().is_none_or(says) {
            return Ok(false);
        }
        let Some(when) = &self.when else { return Ok(true) };
        Ok(evaluate(when, scope)? == Some(Value::Boolean(true)))
    }
}

/// The begin of a body, and the whole of it, begin included.
pub(super) async fn begin(mut chunks: Chunks) -> Result<(Bytes, Chunks), Failure> {
    let mut begin = BytesMut::new();
    while begin.len() < LOOKED_AT {
        match chunks.next().await {
            Some(chunk) => begin.extend_from_slice(&chunk?),
            None => break,
        }
    }
    let begin = begin.freeze();
    let again = stream::iter((!begin.is_empty()).then(|| Ok(begin.clone())));
    let looked_at = begin.slice(..begin.len().min(LOOKED_AT));
    Ok((looked_at, again.chain(chunks).boxed()))
}

/// A body that somebody reads, and what rules want to know of it.
pub(super) struct Watched(Arc<Mutex<Passing>>);

struct Passing {
    chunks: Chunks,
    values: Values,
    begin: BytesMut,
}

impl Passing {
    async fn next(&mut self) -> Option<Result<Bytes, Failure>> {
        let chunk = self.chunks.next().await?;
        if let Ok(chunk) = &chunk {
            self.values.read(chunk);
            let more = LOOKED_AT.saturating_sub(self.begin.len()).min(chunk.len());
            self.begin.extend_from_slice(chunk.get(..more).unwrap_or_default());
        }
        Some(chunk)
    }
}

impl Watched {
    /// What stands at these places of a body is looked for while its chunks pass by.
    pub(super) fn new(chunks: Chunks, pointers: &[Pointer]) -> Self {
        let (values, begin) = (Values::at(pointers), BytesMut::new());
        Self(Arc::new(Mutex::new(Passing { chunks, values, begin })))
    }

    /// The body, for whoever reads it.
    pub(super) fn chunks(&self) -> Chunks {
        let passing = Arc::clone(&self.0);
        stream::unfold(passing, |passing| async move {
            let next = passing.lock().await.next().await;
            next.map(|chunk| (chunk, passing))
        })
        .boxed()
    }

    /// What was found when all of the body has passed by, or as much as did in that time; and the begin
    /// of it again.
    ///
    /// # Errors
    /// It breaks off.
    pub(super) async fn end(
        self,
        patience: Duration,
    ) -> Result<(Vec<body::Value>, Chunks), Failure> {
        let mut passing = self.0.lock().await;
        let rest = async {
            while let Some(chunk) = passing.next().await {
                chunk?;
            }
            Ok(())
        };
        // One that goes on for ever has said by then what it has to say.
        tokio::time::timeout(patience, rest).await.unwrap_or(Ok(()))?;
        let begin = std::mem::take(&mut passing.begin).freeze();
        Ok((passing.values.found(), stream::iter([Ok(begin)]).boxed()))
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;

    use super::*;
    use crate::definition::Action;

    fn rules() -> Rules {
        let rule = |status, contains: Option<&str>, action| ResponseRule {
            status,
            contains: contains.map(str::to_owned),
            action,
            when: None,
            wait: None,
        };
        let rules = [
            rule(Some(200), Some("ratelimited"), Action::Retry),
            rule(Some(404), None, Action::Skip),
            rule(None, Some("\"ok\":false"), Action::Fail),
        ];
        Rules::new(&rules, false).unwrap()
    }

    /// What becomes of an answer.
    fn found(rules: &Rules, status: u16, headers: &HeaderMap, body: &str) -> Option<Action> {
        let mut values = Values::at(&rules.pointers(status));
        values.read(body.as_bytes());
        let (begin, values) = (body.as_bytes(), values.found());
        rules.of(&Seen { status, headers, begin, values }).unwrap().map(|rule| rule.action)
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let check = |status, body: &str, expected: Option<Action>| {
            let found = found(&rules(), status, &HeaderMap::new(), body);
            assert_eq!(found, expected, "{status} {body}");
        };
        check(200, r#"{"ok":false,"error":"ratelimited"}"#, Some(Action::Retry));
        check(200, r#"{"ok":false,"error":"other"}"#, Some(Action::Fail));
        check(200, r#"{"ok":true}"#, None);
        check(404, "", Some(Action::Skip));
        check(404, r#"{"ok":false}"#, Some(Action::Skip));
        check(500, r#"{"ok":false}"#, Some(Action::Fail));
        check(500, "ratelimited", None);
    }

    #[test]
    fn a_body_is_looked_at_only_where_a_rule_needs_it() {
        let with_status = |rule: &Rule| rule.rule.status.is_some();
        let only = rules().rules.into_iter().filter(with_status).collect();
        let only = Rules { rules: only, graphql: false };
        assert!(only.look_at(200) && !only.look_at(404) && !only.look_at(500));
        assert!(rules().look_at(500));
    }

    #[test]
    fn a_condition_looks_at_status_headers_and_body() {
        let check = |when: &str, status, body: &str, expected: bool| {
            let rule = ResponseRule {
                status: None,
                contains: None,
                when: Some(crate::definition::Condition(when.to_owned())),
                action: Action::Fail,
                wait: None,
            };
            let mut headers = HeaderMap::new();
            headers.insert("x-state", "Busy".parse().unwrap());
            let rules = Rules::new(&[rule], false).unwrap();
            let found = found(&rules, status, &headers, body);
            assert_eq!(found.is_some(), expected, "{when}: {status} {body}");
        };
        check("status >= 500", 503, "", true);
        check("status >= 500", 200, "", false);
        check("header(\"X-State\") == \"Busy\"", 200, "", true);
        check("header(\"X-Other\") == \"Busy\"", 200, "", false);
        check("not exists(header(\"X-Other\"))", 200, "", true);
        let refused = r#"{"ok": false, "error": {"code": 42, "name": "limit", "all": []}}"#;
        check("body(\"/ok\") == false", 200, refused, true);
        check("body(\"/ok\") == false", 200, r#"{"ok": true}"#, false);
        // What is not there, or of another kind, equals nothing.
        check("body(\"/ok\") == false", 200, "[]", false);
        check("body(\"/ok\") == false", 200, r#"{"ok": "false"}"#, false);
        check("body(\"/ok\") != true", 200, "<html>", true);
        check("body(\"/error/code\") > 40 and body(\"/error/code\") <= 42", 200, refused, true);
        check("body(\"/error/name\") > 40", 200, refused, false);
        check("lower(default(header(\"X-State\"), \"\")) == \"busy\"", 200, "", true);
        check("exists(body(\"/error/all\")) and body(\"/error/all\") != \"\"", 200, refused, true);
        check("exists(body(\"/error\")) and not exists(body(\"/error/x\"))", 200, refused, true);
    }

    #[tokio::test]
    async fn what_was_looked_at_is_read_all_the_same() {
        for sizes in [vec![], vec![3], vec![10_000, 10_000, 10_000], vec![LOOKED_AT, 1]] {
            let pieces: Vec<_> = sizes.iter().map(|size| Bytes::from(vec![b'x'; *size])).collect();
            let whole: usize = sizes.iter().sum();
            let chunks = stream::iter(pieces.into_iter().map(Ok)).boxed();
            let (begin, chunks) = begin(chunks).await.unwrap();
            assert_eq!(begin.len(), whole.min(LOOKED_AT));
            let read: Vec<Bytes> = chunks.try_collect().await.unwrap();
            assert_eq!(read.iter().map(Bytes::len).sum::<usize>(), whole);
        }
    }
}
