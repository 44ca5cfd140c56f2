//! Limits on the rate of requests: the source's own, shared by all of its scope, and the server's.

use std::time::Instant;

use apitap_build::definition::RateLimit;

use super::*;

fn limit(requests: u32, millis: u64, scope: &str) -> Option<RateLimit> {
    let per = Duration::from_millis(millis);
    Some(RateLimit { requests, per, scope: Some(scope.to_owned()) })
}

#[tokio::test(flavor = "multi_thread")]
async fn all_sources_of_a_scope_share_the_limit() {
    let times = Arc::new(std::sync::Mutex::new(Vec::new()));
    let arrived = Arc::clone(&times);
    let server = Server::start(move |request| {
        arrived.lock().unwrap().push(Instant::now());
        let page = request.number("page");
        let next = (page < 2).then(|| format!("<?page={}>; rel=next", page + 1));
        next.into_iter().fold(records(page..page + 1), |reply, link| reply.header("link", link))
    })
    .await;
    let sources: Vec<_> = (0..3)
        .map(|number| {
            let url = Template(format!("{}/items/{number}", server.url()));
            let pagination = Pagination::LinkHeader(LinkHeader::default());
            let rate_limit = limit(3, 1500, "rates");
            Source { url, rate_limit, ..source(&server, pagination) }
        })
        .collect();
    let outcomes = futures::future::join_all(sources.iter().map(fetch)).await;
    assert!(outcomes.iter().all(|outcome| outcome.pages.len() == 3));
    let mut times = times.lock().unwrap().clone();
    times.sort();
    assert_eq!(times.len(), 9);
    // Arrivals shift a little against departures.
    let least = Duration::from_millis(1400);
    for window in times.windows(4) {
        assert!(window[3] - window[0] >= least, "{times:?}");
    }
    let waited: u64 = outcomes.iter().map(|outcome| outcome.fetched.waited.load(Relaxed)).sum();
    assert!(waited >= 500, "{waited}");
}

#[tokio::test]
async fn what_the_server_says_of_its_limit_is_obeyed_before_it_is_hit() {
    let page = |request: &Request| match request.number("page") {
        0 => records(0..1)
            .header("link", "<?page=2>; rel=next")
            .header("x-ratelimit-remaining", "0")
            .header("x-ratelimit-reset", "0.6"),
        _ => records(1..2),
    };
    let server = Server::start(page).await;
    let source = Source {
        rate_limit: limit(100, 1, "obeyed"),
        ..source(&server, Pagination::LinkHeader(LinkHeader::default()))
    };
    let began = Instant::now();
    let outcome = fetch(&source).await;
    assert_eq!(outcome.shown(), format!("{} {}", shown(0..1), shown(1..2)));
    assert!(began.elapsed() >= Duration::from_millis(600), "{:?}", began.elapsed());
    assert_eq!(server.requests().len(), 2);
    assert!(outcome.fetched.waited.load(Relaxed) >= 500);
}

#[tokio::test]
async fn a_refusal_says_when_to_come_again_in_many_ways() {
    for (name, value) in [("retry-after", "0.3"), ("ratelimit", "\"a\";r=0;t=0.3")] {
        let answer = move |request: &Request| match request.before {
            0 => Reply::status(429).header(name, value),
            _ => records(0..1),
        };
        let server = Server::start(answer).await;
        let source = Source {
            rate_limit: limit(100, 1, &format!("refusal {name}")),
            ..source(&server, Pagination::default())
        };
        let began = Instant::now();
        let outcome = fetch(&source).await;
        assert_eq!(outcome.shown(), shown(0..1));
        assert!(began.elapsed() >= Duration::from_millis(300), "{name} {:?}", began.elapsed());
        assert!(outcome.fetched.waited.load(Relaxed) >= 250, "{name}");
    }
}
