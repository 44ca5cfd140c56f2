//! `on_response`: what becomes of answers, before the defaults.

use apitap_build::definition::{
    Action, Auth, Body, Condition, Json, Login, PageNumber, ResponseRule,
};

use super::*;

fn rule(status: Option<u16>, contains: Option<&str>, action: Action) -> ResponseRule {
    let contains = contains.map(str::to_owned);
    ResponseRule { status, contains, when: None, action, wait: None }
}

/// What comes of a source with these rules; how many requests that took.
async fn check(
    rules: &[ResponseRule],
    answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    expected: &str,
    requests: usize,
) -> Outcome {
    let server = Server::start(answer).await;
    let source = Source { on_response: rules.to_vec(), ..source(&server, Pagination::default()) };
    let outcome = fetch(&source).await;
    assert_eq!(outcome.shown(), expected);
    assert_eq!(server.requests().len(), requests);
    outcome
}

const LIMITED: &str = r#"{"ok":false,"error":"ratelimited"}"#;

#[tokio::test]
async fn a_success_that_is_none_is_asked_for_again_or_is_an_error() {
    let rules = [
        rule(Some(200), Some("ratelimited"), Action::Retry),
        rule(None, Some("\"ok\":false"), Action::Fail),
    ];
    let twice = |request: &Request| match request.before {
        0 | 1 => Reply::json(LIMITED),
        _ => records(0..2),
    };
    let outcome = check(&rules, twice, &shown(0..2), 3).await;
    assert_eq!(outcome.fetched.retries.load(Relaxed), 2);
    let expected = format!("error: the API answered `200 OK`: {LIMITED} (3 attempts)");
    check(&rules, |_| Reply::json(LIMITED), &expected, 3).await;
    let other = r#"{"ok":false,"error":"account_inactive"}"#;
    let expected = format!("error: the API answered `200 OK`: {other}");
    let outcome = check(&rules, move |_| Reply::json(other), &expected, 1).await;
    let error = outcome.error.unwrap().to_string();
    assert!(error.contains("a rule of `on_response` takes this answer for an error"), "{error}");
    // A page that is one is read whole, however long it is.
    check(&rules, |_| records(0..20_000), &shown(0..20_000), 1).await;
}

#[tokio::test]
async fn a_rule_says_more_than_the_defaults() {
    check(
        &[rule(Some(503), None, Action::Fail)],
        |_| Reply::status(503),
        "error: the API answered `503 Service Unavailable`",
        1,
    )
    .await;
    let once = |request: &Request| match request.before {
        0 => Reply::status(404),
        _ => records(0..1),
    };
    check(&[rule(Some(404), None, Action::Retry)], once, &shown(0..1), 2).await;
    // The first that fits.
    let rules = [rule(Some(404), None, Action::Skip), rule(Some(404), None, Action::Fail)];
    check(&rules, |_| Reply::status(404), "", 1).await;
}

#[tokio::test]
async fn what_is_skipped_is_a_page_without_records() {
    let answer = |request: &Request| match request.number("page") {
        page @ 1..=2 => records(page..page + 1),
        _ => Reply::json("gone").with_status(410),
    };
    let server = Server::start(answer).await;
    let pagination = numbered(Stop::default());
    let rules = vec![rule(Some(410), None, Action::Skip)];
    let outcome = fetch(&Source { on_response: rules, ..source(&server, pagination) }).await;
    assert_eq!(outcome.shown(), format!("{} {}", shown(1..2), shown(2..3)));
    assert_eq!(outcome.fetched.pages.load(Relaxed), 2);
    // The page behind it makes sure of the end.
    assert_eq!(server.requests().len(), 4);
}

/// What comes of a source of pages of one record each, where the answer to this request is another one, and a rule
/// takes it for a page without records.
async fn check_left_out(
    pagination: Pagination,
    action: Action,
    page: u64,
    other: impl Fn() -> Reply + Send + Sync + 'static,
    expected: &str,
) {
    let answer = move |request: &Request| {
        let number = [request.number("page"), request.number("after")].into_iter().max();
        let number = number.unwrap_or_default().max(1);
        if number == page {
            return other();
        }
        let next = match number {
            4 => "null".to_owned(),
            _ => format!("\"{}\"", number + 1),
        };
        let records = if number > 4 { 0..0 } else { number..number + 1 };
        Reply::json(body(records, &format!("\"next\":{next},\"total\":4,\"pages\":4,")))
    };
    let server = Server::start(answer).await;
    let rules = vec![
        rule(Some(403), None, action),
        rule(Some(404), None, action),
        rule(None, Some("left out"), action),
    ];
    let source = Source { on_response: rules, ..source(&server, pagination) };
    assert_eq!(fetch(&source).await.shown(), expected);
}

fn numbered(stop: Stop) -> Pagination {
    Pagination::PageNumber(PageNumber {
        page_param: Some("page".into()),
        per_page_param: "per_page".into(),
        per_page: 1,
        first_page: 1,
        concurrency: 1,
        params_in: ParamsIn::Query,
        stop,
    })
}

#[tokio::test]
async fn a_skipped_page_that_names_the_next_one_is_not_the_end() {
    let named = || Reply::json("{\"next\":\"4\",\"why\":\"left out\"}");
    let with_status = || Reply::json("{\"next\":\"4\"}").with_status(403);
    let expected = [1..2, 2..3, 4..5].map(shown).join(" ");
    for action in [Action::Skip, Action::Empty] {
        let cursor = || Pagination::Cursor(cursor("/next"));
        check_left_out(cursor(), action, 3, named, &expected).await;
        check_left_out(cursor(), action, 3, with_status, &expected).await;
        // That there is none is said.
        let last = || Reply::json("{\"next\":null}").with_status(403);
        check_left_out(cursor(), action, 3, last, &[1..2, 2..3].map(shown).join(" ")).await;
        // Also where the first is skipped.
        let first = || Reply::json("{\"next\":\"4\"}").with_status(403);
        check_left_out(cursor(), action, 1, first, &shown(4..5)).await;
    }
}

#[tokio::test]
async fn a_skipped_page_behind_which_nothing_is_known_is_an_error_unless_it_is_empty() {
    let error = "error: page 3 is skipped, as `on_response` says, and does not say whether other pages follow it";
    let two = [1..2, 2..3].map(shown).join(" ");
    let cursor = || Pagination::Cursor(cursor("/next"));
    let none = Stop::default;
    for (pagination, status, skipped) in
        [(cursor(), 403, error), (cursor(), 404, error), (numbered(none()), 403, error)]
    {
        let other = move || Reply::json("{\"code\":7}").with_status(status);
        let expected = format!("{two} {skipped}");
        check_left_out(pagination.clone(), Action::Skip, 3, other, expected.trim_end()).await;
        check_left_out(pagination.clone(), Action::Empty, 3, other, &two).await;
        // Where it is the first, all of it is left out.
        check_left_out(pagination, Action::Skip, 1, other, "").await;
    }
    // That there is no such page is the end of pages by number, if there is none behind it either.
    for action in [Action::Skip, Action::Empty] {
        let gone = || Reply::status(404);
        let hole = "error: a page before page 4 is empty or missing, but page 4 has records";
        check_left_out(numbered(none()), action, 3, gone, &format!("{two} {hole}")).await;
        check_left_out(
            numbered(none()),
            action,
            5,
            gone,
            &[1..2, 2..3, 3..4, 4..5].map(shown).join(" "),
        )
        .await;
        check_left_out(numbered(none()), action, 1, gone, "").await;
    }
    let html = || Reply::json("<html>").with_status(403);
    check_left_out(cursor(), Action::Skip, 3, html, &format!("{two} {error}")).await;
}

#[tokio::test]
async fn what_is_counted_is_held_against_the_end_at_a_skipped_page() {
    let stop = |total_path: Option<&str>, total_pages_path: Option<&str>| {
        let pointer = |path: &str| Pointer(path.to_owned());
        Stop {
            total_path: total_path.map(pointer),
            total_pages_path: total_pages_path.map(pointer),
            ..Stop::default()
        }
    };
    let total = || stop(Some("/total"), None);
    let two = [1..2, 2..3].map(shown).join(" ");
    let missing = "error: the API counts 4 records (`/total`), and its pages hold 2";
    for action in [Action::Skip, Action::Empty] {
        let kind = Pagination::Cursor(Cursor { stop: total(), ..cursor("/next") });
        let other = || Reply::json("{}").with_status(403);
        check_left_out(kind, action, 3, other, &format!("{two} {missing}")).await;
        // Pages that are counted have numbers.
        let all = [1..2, 2..3, 4..5].map(shown).join(" ");
        check_left_out(numbered(stop(None, Some("/pages"))), action, 3, other, &all).await;
        let missing = "error: the API counts 4 records (`/total`), and its pages hold 3";
        check_left_out(numbered(total()), action, 3, other, &format!("{all} {missing}")).await;
    }
}

#[tokio::test]
async fn the_wait_of_a_rule_is_kept_whatever_the_server_says() {
    let wait = Duration::from_millis(300);
    let rules = [ResponseRule { wait: Some(wait), ..rule(None, Some("limited"), Action::Retry) }];
    let answer = |request: &Request| match request.before {
        0 => Reply::json(LIMITED).header("retry-after", "3600"),
        _ => records(0..1),
    };
    let began = std::time::Instant::now();
    check(&rules, answer, &shown(0..1), 2).await;
    assert!((wait..wait * 10).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn credentials_are_renewed_where_an_api_does_not_say_401() {
    let server = Server::start(|request| match request.uri.path() {
        "/login" => Reply::json(format!(r#"{{"token":"session-{}"}}"#, request.before)),
        _ if request.header("x-session") == "session-0" => {
            Reply::json(r#"{"ok":false,"error":"expired"}"#)
        }
        _ => records(0..1),
    })
    .await;
    let auth = Auth::Login(Login {
        url: Template(format!("{}/login", server.url())),
        method: Method::Get,
        body: None,
        token_path: Pointer("/token".to_owned()),
        header: "X-Session".to_owned(),
        scheme: None,
    });
    let on_response = vec![rule(Some(200), Some("expired"), Action::RefreshAuth)];
    let source = Source { auth: Some(auth), on_response, ..source(&server, Pagination::default()) };
    assert_eq!(fetch(&source).await.shown(), shown(0..1));
    assert_eq!(server.targets(), ["/login", "/items", "/login", "/items"]);
    // Where there is nothing to renew, it is an error.
    let rules = [rule(Some(403), None, Action::RefreshAuth)];
    check(&rules, |_| Reply::status(403), "error: the API answered `403 Forbidden`", 1).await;
}

fn when(condition: &str, action: Action) -> ResponseRule {
    let when = Some(Condition(condition.to_owned()));
    ResponseRule { when, ..rule(None, None, action) }
}

#[tokio::test]
async fn a_condition_sees_the_whole_body_wherever_its_records_are() {
    let refused = |tail: &str| {
        let records: Vec<_> = (0..5_000).map(|id| format!("{{\"id\":{id}}}")).collect();
        Reply::json(format!("{{\"data\":[{}],{tail}}}", records.join(",")))
    };
    // What decides stands behind the records, and far behind the first 16 KiB.
    let rules = [when("body(\"/error/code\") == 7", Action::Retry)];
    let answer = move |request: &Request| match request.before {
        0 => refused("\"error\":{\"code\":7}"),
        1 => Reply::json("{\"error\":{\"code\":7}}"),
        _ => records(0..2),
    };
    check(&rules, answer, &shown(0..2), 3).await;
    // An answer without records is one where no rule fits.
    let rules = [when("body(\"/ok\") == false", Action::Skip)];
    let outcome = check(
        &rules,
        |_| Reply::json("{\"ok\":true}"),
        "error: `data_path` finds no `data` in the body",
        1,
    );
    assert_eq!(outcome.await.fetched.retries.load(Relaxed), 0);
    check(&rules, |_| Reply::json("{\"ok\":false}"), "", 1).await;
    check(&rules, |_| records(0..3), &shown(0..3), 1).await;
}

#[tokio::test]
async fn a_condition_sees_status_headers_and_the_bodies_of_errors() {
    let rules = [when("status == 400 and body(\"/code\") == \"busy\"", Action::Retry)];
    let answer = |request: &Request| match request.before {
        0 => Reply::json("{\"code\":\"busy\"}").with_status(400),
        _ => records(0..1),
    };
    check(&rules, answer, &shown(0..1), 2).await;
    let other = |_: &Request| Reply::json("{\"code\":\"wrong\"}").with_status(400);
    let expected = "error: the API answered `400 Bad Request`: {\"code\":\"wrong\"}";
    check(&rules, other, expected, 1).await;
    let rules = [when("header(\"X-State\") == \"maintenance\"", Action::Fail)];
    let answer = |_: &Request| records(0..1).header("x-state", "maintenance");
    check(&rules, answer, "error: the API answered `200 OK`: {\"data\":[{\"id\":0}]}", 1).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_reason_for_a_rule() {
    // Its `ok` would come behind the end.
    let rules = [when("body(\"/ok\") != true", Action::Skip)];
    let answer = |request: &Request| match request.before {
        0 => Reply::json("{\"data\":[{\"id\":0}],"),
        _ => Reply::json("{\"data\":[{\"id\":0}],\"ok\":true}"),
    };
    check(&rules, answer, &shown(0..1), 2).await;
}

/// A source that asks in GraphQL, with these rules.
async fn graphql(rules: &[ResponseRule], query: &str, body: &'static str) -> (Server, Outcome) {
    let server = Server::start(move |_| Reply::json(body)).await;
    let mut source = source(&server, Pagination::default());
    source.method = Method::Post;
    source.body = Some(Body::Json(Json(serde_json::json!({"query": query, "variables": {}}))));
    source.headers = vec![("X-Key".to_owned(), Template("${TOKEN}".to_owned()))];
    source.data_path = Pointer("/data/items".to_owned());
    source.on_response = rules.to_vec();
    let outcome = fetch(&source).await;
    (server, outcome)
}

#[tokio::test]
async fn errors_beside_the_data_of_graphql_are_errors() {
    const QUERY: &str = "# all of them\n  query($n: Int) { items { id } }";
    const PARTIAL: &str = r#"{"data":{"items":[{"id":1}]},"errors":[
        {"message":"no access for s3cr3t/+\"t"},{"message":"too deep","path":["items",0]},{"message":"x"}]}"#;
    let said = "error: the API reports `errors` in its answer: no access for ${TOKEN}; too deep";
    let (server, outcome) = graphql(&[], QUERY, PARTIAL).await;
    assert_eq!(outcome.shown(), said);
    assert_eq!(server.requests().len(), 1);
    // Also where there are no data, and in front of them.
    let nothing = r#"{"errors":[{"message":"no such field","x":{}}],"data":null}"#;
    let (_, outcome) = graphql(&[], "{ items { id } }", nothing).await;
    assert_eq!(outcome.shown(), "error: the API reports `errors` in its answer: no such field");
    // None are none.
    for body in [
        r#"{"data":{"items":[{"id":1}]},"errors":[]}"#,
        r#"{"errors":null,"data":{"items":[{"id":1}]}}"#,
        r#"{"data":{"items":[{"id":1}]}}"#,
    ] {
        assert_eq!(graphql(&[], QUERY, body).await.1.shown(), "[{\"id\":1}]");
    }
    // A rule says more, and a search is no GraphQL.
    let rules = [when("exists(body(\"/errors\"))", Action::Empty)];
    assert_eq!(graphql(&rules, QUERY, PARTIAL).await.1.shown(), "");
    assert_eq!(graphql(&[], "query about items", PARTIAL).await.1.shown(), "[{\"id\":1}]");
}

#[tokio::test]
async fn what_is_skipped_is_noted_unless_nothing_is_there() {
    for (status, action, noted) in [
        (403, Action::Skip, true),
        (200, Action::Skip, true),
        (404, Action::Skip, false),
        (410, Action::Skip, false),
        (403, Action::Empty, false),
    ] {
        let answer = move |_: &Request| Reply::json("{}").with_status(status);
        let outcome = check(&[rule(Some(status), None, action)], answer, "", 1).await;
        assert_eq!(outcome.fetched.passed_over().is_some(), noted, "{status}");
    }
}
