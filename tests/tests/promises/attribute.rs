//! The keys of a source in Rust: those of YAML, with the same meaning.

use apitap::Environment;
use apitap_tests::answers::{Answer, Answers};
use serde_json::json;

use self::exports::AccountRow;

#[apitap::pipeline]
mod exports {
    use apitap::types::Value;

    #[derive(Debug, Clone)]
    #[source(
        name = "accounts",
        url = "${API_URL}/result?job={job}",
        data_path = "/data",
        on_unknown_field = "keep",
        on_response = [(when = "body(\"/ok\") == false", action = "skip")],
        filters(kind = "kind", id(param = "min_id", op = ">=", exact = true)),
        job(
            create(url = "/jobs", body(json(what = "accounts"))),
            poll(url = "/jobs/{job}"),
            every = "5ms",
            done_when = "body(\"/state\") == \"done\""
        )
    )]
    pub(super) struct Account {
        pub(super) id: i64,
        pub(super) kind: String,
        pub(super) _unknown: Option<Value>,
    }

    #[derive(Debug, PartialEq)]
    #[target(type = "postgres", url = "${DATABASE_URL}", table = "accounts", mode = "append")]
    #[sql("SELECT id, _unknown AS more FROM accounts WHERE kind = 'a' AND id >= 2")]
    pub(super) struct AccountRow {
        pub(super) id: i64,
        pub(super) more: Option<Value>,
    }
}

#[test]
fn conditions_filters_jobs_and_kept_fields_are_those_of_yaml() {
    let api = Answers::serve(|asked| match asked.path.as_str() {
        "/jobs" => Answer::json(&json!({"id": "x"})),
        "/jobs/x" => Answer::json(&json!({"state": "done"})),
        _ => Answer::json(&json!({"data": [
            {"id": 1, "kind": "a", "vip": true}, {"id": 2, "kind": "A"}, {"id": 3, "kind": "a", "vip": false},
        ]})),
    });
    let environment = || Environment::from_iter([("API_URL", api.url(""))]);
    let rows = apitap::block_on(exports::rows_in(environment()).all()).unwrap();
    // The first one is of an API that calls itself exact, and is not.
    let row = |id, vip: bool| AccountRow { id, more: Some(json!({ "vip": vip })) };
    assert_eq!(rows, [row(1, true), row(3, false)]);
    let expected = ["POST /jobs", "GET /jobs/x", "GET /result?job=x&kind=a&min_id=2"];
    assert_eq!(api.targets(), expected);
    assert_eq!(api.asked()[0].json(), json!({"what": "accounts"}));

    let refused = Answers::serve(|asked| match asked.path.as_str() {
        "/jobs" => Answer::json(&json!({"id": "x"})),
        "/jobs/x" => Answer::json(&json!({"state": "done"})),
        _ => Answer::json(&json!({"ok": false})),
    });
    let environment = Environment::from_iter([("API_URL", refused.url(""))]);
    let rows = apitap::block_on(exports::rows_in(environment).all()).unwrap();
    assert_eq!(rows, []);
}
