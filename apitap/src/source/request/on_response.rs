//! What becomes of answers that the definition names, before the defaults are asked.

use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, stream};

use super::content::Chunks;
use super::failure::Failure;
use crate::definition::ResponseRule;

/// How much of a body is looked at: what an API says of an error is short.
const LOOKED_AT: usize = 16 << 10;

/// The rules of a source, in order.
pub(super) struct Rules(pub(super) Vec<ResponseRule>);

impl Rules {
    /// Whether the body decides about an answer with this status.
    pub(super) fn look_at(&self, status: u16) -> bool {
        let mut rules = self.0.iter().filter(|rule| rule.is_for(status));
        rules.any(|rule| rule.contains.is_some())
    }

    /// The first that fits; `begin` is that of the body.
    pub(super) fn of(&self, status: u16, begin: &[u8]) -> Option<&ResponseRule> {
        let says = |text: &String| memchr::memmem::find(begin, text.as_bytes()).is_some();
        let mut rules = self.0.iter().filter(|rule| rule.is_for(status));
        rules.find(|rule| rule.contains.as_ref().is_none_or(says))
    }
}

trait IsFor {
    fn is_for(&self, status: u16) -> bool;
}

impl IsFor for ResponseRule {
    fn is_for(&self, status: u16) -> bool {
        self.status.is_none_or(|wanted| wanted == status)
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
            wait: None,
        };
        Rules(vec![
            rule(Some(200), Some("ratelimited"), Action::Retry),
            rule(Some(404), None, Action::Skip),
            rule(None, Some("\"ok\":false"), Action::Fail),
        ])
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let check = |status, body: &str, expected: Option<Action>| {
            let rules = rules();
            let found = rules.of(status, body.as_bytes()).map(|rule| rule.action);
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
        let only = Rules(rules().0.into_iter().filter(|rule| rule.status.is_some()).collect());
        assert!(only.look_at(200) && !only.look_at(404) && !only.look_at(500));
        assert!(rules().look_at(500));
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
