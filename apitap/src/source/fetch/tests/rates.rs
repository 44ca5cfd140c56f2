//! Limits on the rate of requests: the source's own, shared by all of its scope, and the server's.

use std::time::Instant;

use apitap_build::definition::{LimitOffset, RateLimit};

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

/// A server that takes ten requests in a stretch of time, each of which takes a while, and says how many
/// are left; 30 records, one a page.
async fn counting(stretch: Duration) -> Server {
    let state = std::sync::Mutex::new((Instant::now(), 0_u64));
    Server::start(move |request| {
        let mut state = state.lock().unwrap();
        if state.0.elapsed() >= stretch {
            *state = (Instant::now(), 0);
        }
        state.1 += 1;
        let Some(left) = 10_u64.checked_sub(state.1) else { return Reply::status(429) };
        let reset = stretch.saturating_sub(state.0.elapsed()).as_secs_f64();
        let offset = request.number("offset");
        let page = if offset < 30 { records(offset..offset + 1) } else { records([]) };
        page.header("x-ratelimit-remaining", left.to_string())
            .header("x-ratelimit-reset", format!("{reset:.3}"))
            .after(Duration::from_millis(20))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_under_way_count_against_what_the_server_has_left() {
    let server = counting(Duration::from_millis(500)).await;
    let pagination = Pagination::LimitOffset(LimitOffset {
        limit_param: "limit".into(),
        offset_param: "offset".into(),
        limit: 1,
        first_offset: 0,
        concurrency: 8,
        params_in: ParamsIn::Query,
        stop: Stop::default(),
    });
    let rate_limit = limit(1000, 1, "under way");
    let outcome = fetch(&Source { rate_limit, ..source(&server, pagination) }).await;
    assert_eq!(outcome.pages.len(), 30, "{}", outcome.shown());
    assert_eq!(outcome.fetched.retries.load(Relaxed), 0);
}

#[tokio::test]
async fn a_limit_that_holds_for_longer_than_a_run_waits_is_an_error() {
    let answer = |request: &Request| {
        let page = records(request.number("page")..request.number("page") + 1);
        page.header("link", "<?page=2>; rel=next")
            .header("x-ratelimit-remaining", "0")
            .header("x-ratelimit-reset", "1000")
    };
    let server = Server::start(answer).await;
    let pagination = Pagination::LinkHeader(LinkHeader::default());
    let rate_limit = limit(100, 1, "far");
    let outcome = fetch(&Source { rate_limit, ..source(&server, pagination) }).await;
    let error = outcome.error.as_ref().unwrap().to_string();
    let said = "the API wants no more requests, and asks to wait 999 s: longer than the 300 s that a run \
                waits";
    assert!(error.starts_with(said), "{error}");
    assert_eq!((outcome.pages.len(), server.requests().len()), (1, 1));
}

#[tokio::test]
async fn a_page_may_say_how_long_to_wait_for_the_next_one() {
    let answer = |request: &Request| match request.number("page") {
        0 => records(0..1).header("link", "<?page=2>; rel=next").header("retry-after", "0.5"),
        _ => records(1..2),
    };
    let server = Server::start(answer).await;
    let pagination = Pagination::LinkHeader(LinkHeader::default());
    let rate_limit = limit(100, 1, "of a page");
    let began = Instant::now();
    let outcome = fetch(&Source { rate_limit, ..source(&server, pagination) }).await;
    assert_eq!(outcome.pages.len(), 2);
    assert!(began.elapsed() >= Duration::from_millis(500), "{:?}", began.elapsed());
    assert_eq!(outcome.fetched.retries.load(Relaxed), 0);
}
