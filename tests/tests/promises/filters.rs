//! `filters`: conditions of WHERE become parameters of the request, and the rows are those that the query
//! asks for, whatever the API makes of them.

use std::time::Duration;

use apitap_tests::answers::{Answer, Answers, Asked};
use apitap_tests::process::{Project, finish};
use serde_json::{Value, json};

use super::runs::{LIMIT, project, run_well, sqlite};

/// Orders 1 to 6: `paid` in capitals for one of them, without a status for another, a day apart.
fn orders() -> Vec<Value> {
    let statuses = [Some("paid"), Some("open"), Some("PAID"), None, Some("paid"), Some("it's")];
    let order = |(index, status): (usize, &Option<&str>)| {
        let day = index + 1;
        json!({"id": day, "status": status, "updated_at": format!("2026-01-0{day}T00:00:00Z"),
               "vip": index % 2 == 0, "customer": {"id": 10 + index}})
    };
    statuses.iter().enumerate().map(order).collect()
}

/// An API that filters in its own way: case does not matter to it, and `min_id` is ignored.
fn answer(asked: &Asked) -> Answer {
    let fits = |order: &&Value| {
        let status = asked.param("status").is_none_or(|wanted| {
            order["status"].as_str().is_some_and(|status| status.eq_ignore_ascii_case(wanted))
        });
        let since =
            asked.param("since").is_none_or(|since| order["updated_at"].as_str() >= Some(since));
        let is = |text: &str, value: &Value| text.parse::<Value>().is_ok_and(|one| one == *value);
        let vip = asked.param("vip").is_none_or(|vip| is(vip, &order["vip"]));
        let customer = asked.param("customer").is_none_or(|id| is(id, &order["customer"]["id"]));
        status && since && vip && customer
    };
    Answer::json(&orders().into_iter().filter(|order| fits(&order)).collect())
}

const FILTERS: &str = "{status: status, vip: {param: vip, exact: true}, id: {param: min_id, op: \">=\"}, \
                       updated_at: {param: since, op: \">=\"}, customer.id: customer}";

fn orders_project(api: &Answers, filters: &str, queries: &[(&str, &str)]) -> Project {
    let sources = format!(
        "sources:
  - name: orders
    url: {}
    filters: {filters}
    schema: {{id: int64!, status: string, updated_at: timestamp!, vip: bool!, customer!: {{id: int64!}}}}",
        api.url("/orders")
    );
    let queries: Vec<_> = queries
        .iter()
        .map(|(name, sql)| (*name, sql.replace("orders", "{{ use_source(\"orders\") }}")))
        .collect();
    let queries: Vec<_> = queries.iter().map(|(name, sql)| (*name, sql.as_str())).collect();
    project(&sources, &queries)
}

/// The ids that a query loads, and the requests that it makes.
#[track_caller]
fn check(sql: &str, ids: &[u64], targets: &[&str]) {
    let api = Answers::serve(answer);
    let project = orders_project(&api, FILTERS, &[("t", sql)]);
    run_well(&project);
    let found = sqlite(&project, "id) FROM t ORDER BY id");
    assert_eq!(found, ids.iter().map(|id| json!([id])).collect::<Vec<_>>(), "{sql}");
    let targets: Vec<_> = targets.iter().map(|target| format!("GET {target}")).collect();
    assert_eq!(api.targets(), targets, "{sql}");
}

#[test]
fn a_condition_becomes_a_parameter_and_is_applied_again() {
    check("SELECT id FROM orders", &[1, 2, 3, 4, 5, 6], &["/orders"]);
    // The API takes `PAID` for the same; the query does not.
    check("SELECT id FROM orders WHERE status = 'paid'", &[1, 5], &["/orders?status=paid"]);
    check("SELECT id FROM orders WHERE 'it''s' = status", &[6], &["/orders?status=it%27s"]);
    check("SELECT id FROM orders WHERE id >= 5", &[5, 6], &["/orders?min_id=5"]);
    check("SELECT id FROM orders WHERE id > 5", &[6], &["/orders?min_id=5"]);
    check("SELECT id FROM orders WHERE id <= 2", &[1, 2], &["/orders"]);
    check("SELECT id FROM orders WHERE vip AND id > 1", &[3, 5], &["/orders?vip=true&min_id=1"]);
    check("SELECT id FROM orders WHERE NOT vip", &[2, 4, 6], &["/orders?vip=false"]);
    check("SELECT id FROM orders WHERE customer.id = 12", &[3], &["/orders?customer=12"]);
    // What is no conjunct, or no constant, is for the query alone.
    check("SELECT id FROM orders WHERE status = 'paid' OR id = 2", &[1, 2, 5], &["/orders"]);
    check("SELECT id FROM orders WHERE status IS NULL", &[4], &["/orders"]);
    check("SELECT id FROM orders WHERE upper(status) = 'PAID'", &[1, 3, 5], &["/orders"]);
}

#[test]
fn times_are_sent_as_the_api_writes_them() {
    check(
        "SELECT id FROM orders WHERE updated_at >= '2026-01-05'",
        &[5, 6],
        &["/orders?since=2026-01-05T00%3A00%3A00Z"],
    );
    check(
        "SELECT id FROM orders WHERE updated_at BETWEEN '2026-01-02' AND '2026-01-03T12:00:00Z'",
        &[2, 3],
        &["/orders?since=2026-01-02T00%3A00%3A00Z"],
    );
    let api = Answers::serve(|_| Answer::json(&json!(orders())));
    let filters = "{updated_at: [{param: from, op: \">=\", format: epoch_s}, {param: to, op: \"<\", format: \"%Y-%m-%d\"}]}";
    let sql = "SELECT id FROM orders WHERE updated_at >= now() - INTERVAL '30 days' AND updated_at < '2026-01-04'";
    let project = orders_project(&api, filters, &[("t", sql)]);
    run_well(&project);
    let asked = api.asked();
    let from: i64 = asked[0].param("from").expect("it is sent").parse().expect("seconds");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time");
    let expected = now - Duration::from_secs(30 * 86_400);
    assert!((expected.as_secs() as i64 - from).abs() < 60, "{from}");
    assert_eq!(asked[0].param("to"), Some("2026-01-04"));
}

#[test]
fn a_filter_that_is_exact_is_not_applied_again() {
    // An API that lies shows it.
    let api = Answers::serve(|_| Answer::json(&json!(orders())));
    let project =
        orders_project(&api, FILTERS, &[("t", "SELECT id FROM orders WHERE vip AND id > 1")]);
    run_well(&project);
    let ids = (2..=6).map(|id| json!([id])).collect::<Vec<_>>();
    assert_eq!(sqlite(&project, "id) FROM t ORDER BY id"), ids);
}

#[test]
fn queries_with_other_conditions_fetch_for_themselves() {
    let api = Answers::serve(answer);
    let queries = [
        ("a", "SELECT id FROM orders WHERE status = 'paid'"),
        ("b", "SELECT id FROM orders WHERE status = 'open'"),
        ("c", "SELECT id + 1 AS id FROM orders WHERE status = 'open'"),
    ];
    let project = orders_project(&api, FILTERS, &queries);
    run_well(&project);
    let ids = |table: &str| sqlite(&project, &format!("id) FROM {table} ORDER BY id"));
    assert_eq!(
        (ids("a"), ids("b"), ids("c")),
        (vec![json!([1]), json!([5])], vec![json!([2])], vec![json!([3])])
    );
    let mut targets = api.targets();
    targets.sort();
    assert_eq!(targets, ["GET /orders?status=open", "GET /orders?status=paid"]);
}

#[test]
fn readings_of_one_source_share_only_what_all_of_them_want() {
    let both = "SELECT id FROM orders WHERE status = 'paid' AND id >= 2 \
                UNION ALL SELECT id FROM orders WHERE status = 'paid' AND id >= 5";
    check(both, &[5, 5], &["/orders?status=paid"]);
    let other = "SELECT id FROM orders WHERE vip UNION ALL SELECT id FROM orders WHERE NOT vip";
    check(other, &[1, 2, 3, 4, 5, 6], &["/orders"]);
    let joined = "SELECT a.id FROM orders AS a LEFT JOIN orders AS b ON a.id = b.id AND b.vip WHERE a.id < 3";
    check(joined, &[1, 2], &["/orders"]);
}

#[test]
fn a_condition_on_the_incremental_field_narrows_the_request() {
    let api = Answers::serve(answer);
    let sources = format!(
        "sources:
  - name: orders
    url: {}
    incremental: {{field: updated_at, param: since}}
    schema: {{id: int64!, updated_at: timestamp!}}",
        api.url("/orders")
    );
    let sql = "{{ sink(mode=\"merge\", key=\"id\") }}\nSELECT id FROM {{ use_source(\"orders\") }} \
               WHERE updated_at >= '2026-01-04'";
    let project = project(&sources, &[("t", sql)]);
    run_well(&project);
    run_well(&project);
    assert_eq!(sqlite(&project, "id) FROM t ORDER BY id"), [json!([4]), json!([5]), json!([6])]);
    // The second run goes on where the first has ended, behind what the query wants.
    let since = |day: &str| format!("GET /orders?since=2026-01-{day}T00%3A00%3A00Z");
    assert_eq!(api.targets(), [since("04"), since("06")]);
}

#[test]
fn an_upper_bound_of_the_incremental_field_ends_what_is_requested() {
    let check = |incremental: &str, condition: &str, ids: &[u64], target: &str| {
        let api = Answers::serve(|asked| {
            // Up to that time, but not with it.
            let is_before = |order: &Value| {
                asked.param("until").is_none_or(|until| order["meta"]["at"].as_str() < Some(until))
            };
            let at =
                |order: &Value| json!({"id": order["id"], "meta": {"at": order["updated_at"]}});
            Answer::json(&orders().iter().map(at).filter(is_before).collect())
        });
        let sources = format!(
            "sources:
  - name: orders
    url: {}
    incremental: {{field: meta.at, start: 2026-01-01, param: since, {incremental}}}
    schema: {{id: int64!, meta!: {{at: timestamp!}}}}",
            api.url("/orders")
        );
        let sql = format!(
            "{{{{ sink(mode=\"merge\", key=\"id\") }}}}\nSELECT id FROM {{{{ use_source(\"orders\") }}}} \
             WHERE meta.at {condition}"
        );
        let project = project(&sources, &[("t", &sql)]);
        run_well(&project);
        let expected: Vec<_> = ids.iter().map(|id| json!([id])).collect();
        assert_eq!(sqlite(&project, "id) FROM t ORDER BY id"), expected, "{condition}");
        // The last of several slices, which are requested at once.
        assert_eq!(api.targets().iter().max().map(String::as_str), Some(target), "{condition}");
    };
    let day = "end_param: until, format: \"%Y-%m-%d\"";
    check(day, "< '2026-01-03'", &[1, 2], "GET /orders?since=2026-01-01&until=2026-01-03");
    check(day, "<= '2026-01-03'", &[1, 2, 3], "GET /orders?since=2026-01-01&until=2026-01-04");
    let between = "BETWEEN '2026-01-02' AND '2026-01-04T12:00:00Z'";
    check(day, between, &[2, 3, 4], "GET /orders?since=2026-01-02&until=2026-01-05");
    // The slices end there, too.
    let sliced = "end_param: until, format: \"%Y-%m-%d\", window: 1d";
    check(sliced, "< '2026-01-03'", &[1, 2], "GET /orders?since=2026-01-02&until=2026-01-03");
    // Nobody tells the API where the time ends.
    check("format: \"%Y-%m-%d\"", "< '2026-01-03'", &[1, 2], "GET /orders?since=2026-01-01");
}

#[test]
fn a_plan_shows_what_a_source_is_asked_for() {
    let api = Answers::serve(answer);
    let sql = "SELECT id FROM orders WHERE status = 'paid' AND updated_at >= '2026-01-02'";
    let project = orders_project(&api, FILTERS, &[("t", sql)]);
    let text = finish(&mut project.apitap(["plan"]), LIMIT).stdout;
    assert!(text.contains("asked for   status=paid&since=2026-01-02T00:00:00Z"), "{text}");
    let json = finish(&mut project.apitap(["plan", "--format", "json"]), LIMIT).stdout;
    let plan: Value = serde_json::from_str(&json).expect("it is JSON");
    let expected = json!({"status": "paid", "since": "2026-01-02T00:00:00Z"});
    assert_eq!(plan[0]["sources"][0]["asked_for"], expected, "{plan:#}");
    assert!(api.targets().is_empty());
}
