//! A changed definition of an incremental pipeline: its state is not used for what it is not of, and what is wanted
//! now and lies before it is said.

use apitap_tests::answers::{Answer, Answers};
use apitap_tests::process::{Finished, Project, finish};
use serde_json::{Value, json};

use super::runs::{LIMIT, call, call_well, project, sqlite, sqlite_file};
use super::state::targets;

const APPEND: &str = "mode=\"append\"";
const MERGE: &str = "mode=\"merge\", key=[\"id\"]";

/// Eight orders, changed on the first days of 2026, and created in 2020, of which each second one is open; those of
/// `/others` have other ids.
fn api() -> Answers {
    Answers::serve(|asked| {
        let (since, field) = match (asked.param("since"), asked.param("created_since")) {
            (Some(since), _) => (since, "at"),
            (None, Some(since)) => (since, "created"),
            (None, None) => ("", "at"),
        };
        let more = if asked.path == "/others" { 100 } else { 0 };
        let order = |n: i64| {
            json!({
                "id": n + more,
                "at": format!("2026-01-{n:02}T00:00:00Z"),
                "created": format!("2020-01-{n:02}T00:00:00Z"),
                "status": if n % 2 == 0 { "open" } else { "paid" },
            })
        };
        let all = (1..=8).map(order).filter(|order| order[field].as_str().unwrap() >= since);
        Answer::json(&all.collect())
    })
}

/// A project that loads them; `incremental` has further keys, and `condition` stands behind the query.
fn orders(incremental: &str, sink: &str, condition: &str) -> Project {
    let project = project(&source("/orders", "field: at, param: since", incremental), &[]);
    query(&project, sink, condition);
    project
}

fn source(path: &str, field: &str, incremental: &str) -> String {
    format!(
        "sources:
  - name: orders
    url: \"${{API:-http://127.0.0.1:9}}{path}\"
    incremental: {{{field}{incremental}}}
    schema: {{id: int64!, at: timestamp!, created: timestamp!, status: string!}}"
    )
}

fn query(project: &Project, sink: &str, condition: &str) {
    let sql = format!(
        "{{{{ sink({sink}) }}}}\nSELECT id, at FROM {{{{ use_source(\"orders\") }}}} {condition}"
    );
    project.write("sql/orders.sql", &sql);
}

/// Writes another source, into the same target.
fn change(project: &Project, path: &str, field: &str, incremental: &str) {
    let yaml = project.read("pipelines.yaml");
    let (_, target) = yaml.split_once("targets:").unwrap();
    let source = source(path, field, incremental);
    project.write("pipelines.yaml", &format!("{source}\ntargets:{target}"));
}

/// Gives the source another name.
fn rename(project: &Project, name: &str) {
    let yaml = project.read("pipelines.yaml").replace("name: orders", &format!("name: {name}"));
    project.write("pipelines.yaml", &yaml);
    let sql = project.read("sql/orders.sql").replace("(\"orders\")", &format!("(\"{name}\")"));
    project.write("sql/orders.sql", &sql);
}

fn run(project: &Project, api: &Answers, arguments: &[&str]) -> Finished {
    finish(project.apitap(arguments.iter().copied()).env("API", api.url("")), LIMIT)
}

/// A run that goes well; what it warns of.
fn warnings(project: &Project, api: &Answers) -> Vec<(String, String)> {
    let finished = run(project, api, &["run", "--format", "json"]);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    let warnings = report["pipelines"][0]["warnings"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    warnings.iter().map(|one| (text(&one["message"]), text(&one["help"]))).collect()
}

fn ids(project: &Project) -> Vec<i64> {
    let rows = sqlite(project, "id) FROM orders ORDER BY id");
    rows.iter().filter_map(|row| row[0].as_i64()).collect()
}

const NOTHING: [(String, String); 0] = [];

#[test]
fn a_state_is_not_used_for_another_field() {
    let api = api();
    let project = orders("", APPEND, "");
    assert_eq!(warnings(&project, &api), NOTHING);
    change(&project, "/orders", "field: created, param: created_since", "");
    let asked = api.asked().len();
    let finished = run(&project, &api, &["run"]);
    assert_eq!(finished.code, Some(1), "{}", finished.stdout);
    let expected = "the state of `orders` is of another definition of `orders`: `incremental.field` was `at`, and \
                    is `created` now";
    assert!(finished.stdout.contains(expected), "{}", finished.stdout);
    let help = "to load all of it again: delete its rows, and `state reset orders --yes`; to load what is new from \
                a time on: `state set orders TIME --yes`, and what lies before it with `backfill orders --from TIME \
                --to TIME --yes`";
    assert!(
        finished.stdout.split_whitespace().collect::<Vec<_>>().join(" ").contains(help),
        "{}",
        finished.stdout
    );
    assert_eq!(api.asked().len(), asked);
    call_well(&project, &["state", "set", "orders", "2020-01-09", "--yes"]);
    assert_eq!(warnings(&project, &api), NOTHING);
    assert_eq!(api.asked()[asked].param("created_since"), Some("2020-01-09T00:00:00Z"));
    assert_eq!(ids(&project), (1..=8).collect::<Vec<_>>());
}

#[test]
fn a_state_is_not_used_for_another_collection() {
    let api = api();
    for target in targets() {
        let project = orders("", MERGE, "");
        super::runs::with_target(&project, &target);
        assert_eq!(warnings(&project, &api), NOTHING);
        change(&project, "/others?token=abc", "field: at, param: since", "");
        let finished = run(&project, &api, &["run"]);
        assert_eq!(finished.code, Some(1), "{}", finished.stdout);
        let expected = "is of another definition of `orders`: `url` was `${API:-http://127.0.0.1:9}/orders`, and is \
                        `${API:-http://127.0.0.1:9}/others?token=***` now";
        let said = finished.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(expected), "{target}: {said}");
        assert!(said.contains("to load all of it again: `state reset orders`"), "{said}");
        // A time that is loaded again does not go by the state.
        let backfill = ["backfill", "orders", "--from", "2026-01-01", "--to", "2026-01-02"];
        assert_eq!(run(&project, &api, &backfill).code, Some(0));
        assert_eq!(run(&project, &api, &["run"]).code, Some(1));
        call_well(&project, &["state", "reset", "orders"]);
        assert_eq!(warnings(&project, &api), NOTHING);
    }
}

#[test]
fn records_that_a_wider_query_wants_are_said_to_be_left_out() {
    let api = api();
    let project = orders("", APPEND, "WHERE status = 'open' AND id > 0");
    assert_eq!(warnings(&project, &api), NOTHING);
    // Narrower, and the same in other words.
    query(&project, APPEND, "WHERE id>0 AND (status = 'open') AND id < 1000");
    assert_eq!(warnings(&project, &api), NOTHING);
    query(&project, APPEND, "WHERE id < 1000");
    let expected = (
        "records of `orders` up to 2026-01-08T00:00:00Z that the query of the last run has left out are not loaded: \
         its WHERE no longer says `id > 0`, `status = 'open'`"
            .to_owned(),
        "delete the rows of that time, and load them with `backfill orders --from TIME --to 2026-01-08T00:00:01Z \
         --yes`"
            .to_owned(),
    );
    assert_eq!(warnings(&project, &api), [expected]);
    assert_eq!(ids(&project), [2, 4, 6, 8]);
    // It was said.
    assert_eq!(warnings(&project, &api), NOTHING);
}

#[test]
fn requests_that_are_made_otherwise_are_said_once() {
    let api = api();
    let project = orders("", APPEND, "");
    let account = |written: &str| {
        let yaml = project.read("pipelines.yaml");
        let (before, _) = yaml.split_once("    incremental:").unwrap();
        let before = before.split("    query_params:").next().unwrap();
        let (_, behind) = yaml.split_once("    incremental:").unwrap();
        project.write(
            "pipelines.yaml",
            &format!("{before}    query_params: {written}\n    incremental:{behind}"),
        );
    };
    account("{account: 1, api_key: abc}");
    assert_eq!(warnings(&project, &api), NOTHING);
    account("{account: 1, api_key: def}");
    assert_eq!(warnings(&project, &api), NOTHING);
    account("{account: 2, api_key: def}");
    let expected = (
        "the requests of `orders` are not those of the last run: `query_params.account` is another one; what \
         they lead to up to 2026-01-08T00:00:00Z counts as loaded"
            .to_owned(),
        "nothing is to be done if those are the same records; to load all of them: delete its rows, and `state \
         reset orders --yes`"
            .to_owned(),
    );
    assert_eq!(warnings(&project, &api), [expected]);
    assert_eq!(warnings(&project, &api), NOTHING);
}

/// The command of the help loads what was left out, and nothing of it is missing or twice from then on.
#[test]
fn what_a_wider_query_has_left_out_is_loaded_by_what_the_help_says() {
    let api = api();
    let project = orders("", APPEND, "WHERE id % 2 = 1");
    assert_eq!(warnings(&project, &api), NOTHING);
    assert_eq!(ids(&project), [1, 3, 5, 7]);
    query(&project, APPEND, "");
    let said = warnings(&project, &api);
    let [(_, help)] = said.as_slice() else { panic!("{said:?}") };
    let (_, told) = help.split_once("load them with `backfill orders ").unwrap();
    let told = told.trim_end_matches('`').replace("TIME", "2026-01-01");
    sqlite_file(&project.path().join("out.db"), "DELETE FROM orders RETURNING json(id)");
    let backfill: Vec<_> = ["backfill", "orders"].into_iter().chain(told.split(' ')).collect();
    assert_eq!(run(&project, &api, &backfill).code, Some(0));
    for _ in 0..2 {
        assert_eq!(ids(&project), (1..=8).collect::<Vec<_>>());
        assert_eq!(warnings(&project, &api), NOTHING);
    }
}

#[test]
fn records_before_the_first_of_all_are_said_to_be_left_out() {
    let api = api();
    let behind = "the first run began with 2026-01-05T00:00:00Z, and the state lies behind it";
    let expected = |from: &str| {
        (
            format!(
                "records of `orders` from {from} to 2026-01-05T00:00:00Z are not loaded: {behind}"
            ),
            format!("load them with `backfill orders --from {from} --to 2026-01-05T00:00:00Z`"),
        )
    };
    let project = orders(", start: 2026-01-05", MERGE, "");
    assert_eq!(warnings(&project, &api), NOTHING);
    change(&project, "/orders", "field: at, param: since", ", start: 2026-01-03");
    assert_eq!(warnings(&project, &api), [expected("2026-01-03T00:00:00Z")]);
    let span = ["--from", "2026-01-03T00:00:00Z", "--to", "2026-01-05T00:00:00Z"];
    assert_eq!(run(&project, &api, &[&["backfill", "orders"], &span[..]].concat()).code, Some(0));
    assert_eq!(ids(&project), [3, 4, 5, 6, 7, 8]);
    assert_eq!(warnings(&project, &api), NOTHING);

    // A bound of the query is a beginning, too; one that moves on leaves out nothing that was wanted.
    let project = orders("", MERGE, "WHERE at >= '2026-01-05'");
    assert_eq!(warnings(&project, &api), NOTHING);
    query(&project, MERGE, "WHERE at >= '2026-01-07'");
    assert_eq!(warnings(&project, &api), NOTHING);
    query(&project, MERGE, "WHERE at >= '2026-01-05' AND at < now()");
    assert_eq!(warnings(&project, &api), NOTHING);
    query(&project, MERGE, "WHERE at >= '2026-01-04'");
    assert_eq!(warnings(&project, &api), [expected("2026-01-04T00:00:00Z")]);
}

#[test]
fn a_state_without_a_definition_is_gone_on_with() {
    let api = api();
    let project = orders("", MERGE, "");
    assert_eq!(warnings(&project, &api), NOTHING);
    let file = project.path().join("out.db");
    let forget =
        "DELETE FROM _apitap_state WHERE partition = 'orders (definition)' RETURNING json(value)";
    let known = sqlite_file(&file, forget);
    assert_eq!(
        known,
        [
            json!({"field": "at", "method": "GET", "url": "${API:-http://127.0.0.1:9}/orders", "table": "orders", "asked": {}})
        ]
    );
    change(&project, "/orders", "field: created, param: created_since", "");
    assert_eq!(warnings(&project, &api), NOTHING);
    change(&project, "/orders", "field: at, param: since", "");
    assert_eq!(run(&project, &api, &["run"]).code, Some(1));
    // People do not set it.
    let shown: Value =
        serde_json::from_str(&call_well(&project, &["state", "show", "--format", "json"])).unwrap();
    assert_eq!(shown.as_array().map(Vec::len), Some(1), "{shown}");
    let said = call(&project, &["state", "reset", "orders"]);
    assert_eq!(said.stdout, "orders, orders: 2026-01-08T00:00:00Z → nothing\n");
    assert_eq!(sqlite(&project, "partition) FROM _apitap_state"), [] as [Value; 0]);
}

/// A table that is there already has not what the state says.
#[test]
fn a_state_is_not_used_for_another_table() {
    let api = api();
    let project = orders("", MERGE, "");
    assert_eq!(warnings(&project, &api), NOTHING);
    let create = "CREATE TABLE others (id INTEGER PRIMARY KEY, at TEXT)";
    sqlite_file(&project.path().join("out.db"), create);
    query(&project, &format!("{MERGE}, table=\"others\""), "");
    let finished = run(&project, &api, &["run"]);
    assert_eq!(finished.code, Some(1), "{}", finished.stdout);
    let said = finished.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected =
        "is of another definition of `orders`: `table` was `orders`, and is `others` now";
    assert!(said.contains(expected), "{said}");
    call_well(&project, &["state", "reset", "orders"]);
    assert_eq!(warnings(&project, &api), NOTHING);
    assert_eq!(sqlite(&project, "count(*)) FROM others"), [json!([8])]);
}

/// Another name does not hide what else has changed.
#[test]
fn a_source_of_another_name_with_other_requests_goes_on_and_one_of_another_collection_does_not() {
    let api = api();
    let project = orders("", APPEND, "");
    assert_eq!(warnings(&project, &api), NOTHING);
    change(&project, "/orders", "field: at, param: since", "}\n    query_params: {account: 2");
    rename(&project, "sales");
    let said = warnings(&project, &api);
    let [(message, _)] = said.as_slice() else { panic!("{said:?}") };
    assert!(message.contains("`query_params.account` is new; what they lead to"), "{message}");
    assert_eq!(warnings(&project, &api), NOTHING);
    assert_eq!(ids(&project), (1..=8).collect::<Vec<_>>());

    let project = orders("", APPEND, "");
    assert_eq!(warnings(&project, &api), NOTHING);
    change(&project, "/others", "field: at, param: since", "");
    rename(&project, "sales");
    let finished = run(&project, &api, &["run"]);
    assert_eq!(finished.code, Some(1), "{}", finished.stdout);
    assert!(finished.stdout.contains("is of another definition of `sales`: `url` was"));
    call_well(&project, &["state", "reset", "orders", "--yes"]);
    assert_eq!(warnings(&project, &api), NOTHING);
    assert_eq!(ids(&project).len(), 16);
}

#[test]
fn a_source_of_another_name_goes_on_with_its_state() {
    let api = api();
    let project = orders("", APPEND, "");
    assert_eq!(warnings(&project, &api), NOTHING);
    rename(&project, "sales");
    for _ in 0..2 {
        let asked = api.asked().len();
        assert_eq!(warnings(&project, &api), NOTHING);
        assert_eq!(api.asked()[asked].param("since"), Some("2026-01-08T00:00:00Z"));
        assert_eq!(ids(&project), (1..=8).collect::<Vec<_>>());
        let names = sqlite(&project, "partition) FROM _apitap_state ORDER BY 1");
        assert_eq!(names, [json!(["sales (definition)"]), json!(["sales"])]);
    }
}
