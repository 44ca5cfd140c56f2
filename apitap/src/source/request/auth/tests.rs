//! Credentials that expire are renewed once, for all requests that had them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use reqwest::header::HeaderMap;

use super::*;
use crate::environment::Secrets;

/// Counts up, as often as it may.
struct Counting {
    now: AtomicU64,
    most: u64,
    asked: AtomicU64,
}

impl Authenticator for Arc<Counting> {
    async fn apply(&self, request: &mut Request) -> Result<()> {
        request.set_header("x-token", &self.now.load(Relaxed).to_string())
    }

    async fn refused(&self, answer: &Answer<'_>) -> Result<Again> {
        assert_eq!(answer.status(), 401);
        self.asked.fetch_add(1, Relaxed);
        tokio::task::yield_now().await;
        if self.now.load(Relaxed) == self.most {
            return Ok(Again::No);
        }
        self.now.fetch_add(1, Relaxed);
        Ok(Again::Yes)
    }
}

/// What becomes of requests that carry credentials of these generations and are all refused at once;
/// how often the authenticator is asked, and what the next request carries.
async fn check(most: u64, generations: &[u64], expected: &[Renewal], asked: u64, token: &str) {
    let counting = Arc::new(Counting { now: AtomicU64::new(0), most, asked: AtomicU64::new(0) });
    let signer = Signer {
        authenticator: Arc::new(Arc::clone(&counting)),
        query_param: None,
        requests_tokens: false,
        taken: AtomicU64::new(0),
        state: Mutex::default(),
    };
    let url = Url::parse("https://h/items").unwrap();
    let answer = Answer {
        requested: &url,
        url: &url,
        status: 401,
        headers: &HeaderMap::new(),
        body: b"",
        values: &[],
        of_last: &[],
        number: 1,
        records: 0,
        elements: 0,
        repeats: false,
        secrets: &Secrets::default(),
    };
    let refused = generations.iter().map(|generation| signer.refused(*generation, &answer));
    let found: Result<Vec<_>> = futures::future::join_all(refused).await.into_iter().collect();
    assert_eq!(found.unwrap(), expected);
    assert_eq!(counting.asked.load(Relaxed), asked);
    let mut request = Request::new(reqwest::Request::new(reqwest::Method::GET, url.clone()));
    signer.apply(&mut request).await.unwrap();
    assert_eq!(request.header("x-token"), Some(token));
}

#[tokio::test]
async fn what_has_expired_is_renewed_once_for_all() {
    use Renewal::{None, Others, Own};
    check(9, &[0], &[Own], 1, "1").await;
    check(9, &[0, 0, 0], &[Own, Others, Others], 1, "1").await;
    check(9, &[0, 1], &[Own, Own], 2, "2").await;
    check(0, &[0, 0], &[None, None], 1, "0").await;
    check(1, &[0, 1, 1], &[Own, None, None], 2, "1").await;
}
