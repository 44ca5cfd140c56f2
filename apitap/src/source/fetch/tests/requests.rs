//! What is sent besides URL, headers and parameters: methods and bodies.

use apitap_build::definition::{Body, Json, Pairs, Single};
use serde_json::{Value, json};

use super::*;

fn posting(server: &Server, body: Body) -> Source {
    Source { method: Method::Post, body: Some(body), ..source(server, Pagination::default()) }
}

/// What a body is sent as: its `Content-Type` and its bytes.
async fn check(body: Body, headers: &[(&str, &str)], kind: &str, expected: &str) {
    let server = Server::start(|_| records(0..1)).await;
    let mut source = posting(&server, body);
    let header = |(name, value): &(&str, &str)| ((*name).to_owned(), Template((*value).to_owned()));
    source.headers = headers.iter().map(header).collect();
    let outcome = fetch(&source).await;
    assert_eq!(outcome.shown(), shown(0..1));
    let sent = &server.requests()[0];
    assert_eq!((sent.method.as_str(), sent.header("content-type")), ("POST", kind));
    assert_eq!(sent.body, expected);
}

#[tokio::test]
async fn a_body_is_sent_in_its_form_with_the_values_of_variables() {
    let text = |text: &str| Template(text.to_owned());
    let json = json!({
        "key": "${TOKEN}", "n": 1.5, "big": 18446744073709551615_u64, "on": true, "none": null,
        "in": [{"a": "x${NONE:-y}"}, "$${plain}"], "odd": "\"}, {\"admin\": true",
    });
    let sent = json!({
        "key": TOKEN, "n": 1.5, "big": 18446744073709551615_u64, "on": true, "none": null,
        "in": [{"a": "xy"}, "${plain}"], "odd": "\"}, {\"admin\": true",
    });
    check(Body::Json(Json(json)), &[], "application/json", &sent.to_string()).await;
    let pair = |name: &str, value: &str| (name.to_owned(), text(value));
    let form = Pairs(vec![pair("status", "paid & sent"), pair("id", "007"), pair("id", "1.10")]);
    check(
        Body::Form(form),
        &[],
        "application/x-www-form-urlencoded",
        "status=paid+%26+sent&id=007&id=1.10",
    )
    .await;
    let xml = || Body::Text(text("<of>${TOKEN}</of>\r\n"));
    let expected = format!("<of>{TOKEN}</of>\r\n");
    check(xml(), &[], "text/plain; charset=utf-8", &expected).await;
    check(xml(), &[("Content-Type", "application/xml")], "application/xml", &expected).await;
}

#[tokio::test]
async fn an_expression_in_a_body_keeps_its_type_where_it_stands_alone() {
    let json = json!({"n": "{if(true, 7, 8)}", "t": "y{if(true, 7, 8)}", "of": ["{lower('A')}"]});
    let sent = json!({"n": 7, "t": "y7", "of": ["a"]}).to_string();
    check(Body::Json(Json(json)), &[], "application/json", &sent).await;
    let form = Pairs(vec![("n".to_owned(), Template("{if(true, 7, 8)}".to_owned()))]);
    check(Body::Form(form), &[], "application/x-www-form-urlencoded", "n=7").await;
}

#[tokio::test]
async fn the_method_is_the_one_that_is_said() {
    for (method, name) in [(Method::Get, "GET"), (Method::Put, "PUT"), (Method::Patch, "PATCH")] {
        let server = Server::start(|_| records(0..1)).await;
        let body = Some(Body::Json(Json(json!({"a": 1}))));
        let source = Source { method, body, ..source(&server, Pagination::default()) };
        assert_eq!(fetch(&source).await.shown(), shown(0..1));
        let sent = &server.requests()[0];
        assert_eq!((sent.method.as_str(), sent.body.as_str()), (name, r#"{"a":1}"#));
    }
}

#[tokio::test]
async fn graphql_is_a_body_with_a_query_and_its_variables() {
    let query = "query($first: Int) { orders(first: $first) { nodes { id } } }";
    let server = Server::start(move |request| {
        let sent: Value = serde_json::from_str(&request.body).unwrap();
        if sent["query"] != query || sent["variables"]["first"] != 2 {
            return Reply::json(r#"{"errors":[{"message":"no such query"}]}"#).with_status(400);
        }
        let after = sent["variables"]["after"].as_str().map_or(0, |after| after.parse().unwrap());
        let next = if after < 4 { json!((after + 2).to_string()) } else { Value::Null };
        Reply::json(
            json!({"data": {"orders": {
                "nodes": [{"id": after}, {"id": after + 1}], "next": next,
            }}})
            .to_string(),
        )
    })
    .await;
    let mut source =
        posting(&server, Body::Json(Json(json!({"query": query, "variables": {"first": 2}}))));
    source.data_path = Pointer("/data/orders/nodes".to_owned());
    source.pagination = Pagination::Single(Single { first_page_only: true, ..Default::default() });
    assert_eq!(fetch(&source).await.shown(), shown(0..2));
}

#[tokio::test]
async fn a_question_that_was_not_answered_is_asked_again_with_its_body() {
    let server = Server::start(|request| match request.before {
        0 => Reply::status(503),
        _ => records(0..1),
    })
    .await;
    let body = Body::Form(Pairs(vec![("a".to_owned(), Template("b".to_owned()))]));
    assert_eq!(fetch(&posting(&server, body)).await.shown(), shown(0..1));
    let bodies: Vec<_> = server.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies, ["a=b", "a=b"]);
}

#[tokio::test]
async fn no_value_of_a_variable_makes_a_header_or_another_parameter() {
    for value in ["a\r\nX-Admin: 1", "a\nX-Admin: 1", "a\0b"] {
        let server = Server::start(|_| records(0..1)).await;
        let mut source = source(&server, Pagination::default());
        source.headers = vec![("X-Name".to_owned(), Template("${NAME}".to_owned()))];
        let mut environment = Environment::from_iter([("NAME", value)]);
        let plan = FetchPlan::resolve(&source, &[], &mut environment);
        assert_eq!(
            first_line(&plan.check().unwrap_err()),
            "the value of header `X-Name` in source `items` does not fit a header"
        );
        assert!(server.requests().is_empty());
    }
    let server = Server::start(|_| records(0..1)).await;
    let mut source = source(&server, Pagination::default());
    let value = Template("1&admin=1#x${TOKEN}".to_owned());
    source.query_params = vec![("id".to_owned(), value)];
    source.auth = Some(apitap_build::definition::Auth::ApiKey(apitap_build::definition::ApiKey {
        place: apitap_build::definition::ApiKeyPlace::Query,
        name: "key".to_owned(),
        value: Template("k&admin=1".to_owned()),
    }));
    assert_eq!(fetch(&source).await.shown(), shown(0..1));
    let sent = &server.requests()[0];
    assert_eq!(sent.param("id"), format!("1&admin=1#x{TOKEN}"));
    assert_eq!((sent.param("key").as_str(), sent.param("admin").as_str()), ("k&admin=1", ""));
}
