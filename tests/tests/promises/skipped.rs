//! What was left out of a run deletes nothing and is asked for again, and a run that has left out all of it has
//! not gone well.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use apitap_tests::answers::{Answer, Answers};
use apitap_tests::process::Project;
use serde_json::{Value, json};

use super::runs::{call, project, run_badly, run_well, sqlite};
use super::state::shown;

/// Items of three shops, of which the second one answers with this status.
fn shops(status: &Arc<AtomicU16>) -> Answers {
    let status = Arc::clone(status);
    Answers::serve(move |asked| {
        let status = match asked.path.as_str() {
            "/b" => status.load(Ordering::Relaxed),
            _ => 200,
        };
        let id = asked.path.bytes().last().map_or(0, u64::from);
        Answer::json(&json!([{"id": id, "shop": asked.path}])).with_status(status)
    })
}

fn items(api: &Answers, rule: &str, sink: &str) -> Project {
    let sources = format!(
        "sources:
  - name: items
    url: \"{}/{{shop}}\"
    for_each: {{values: [a, b, c], as: shop}}
    on_response: [{rule}]
    schema: {{id: int64!}}",
        api.url("")
    );
    let sql = format!("{{{{ sink({sink}) }}}} SELECT id FROM {{{{ use_source(\"items\") }}}}");
    project(&sources, &[("items", &sql)])
}

const FULL: &str = "key=[\"id\"], delete_missing=true";

fn stored(project: &Project) -> Vec<Value> {
    sqlite(project, "count(*)) FROM items")
}

#[test]
fn an_answer_that_is_skipped_deletes_no_rows() {
    for (sink, deletes) in [(FULL, "`delete_missing`"), ("mode=\"replace\"", "`replace`")] {
        let status = Arc::new(AtomicU16::new(200));
        let api = shops(&status);
        let project = items(&api, "{status: 403, action: skip}", sink);
        run_well(&project);
        assert_eq!(stored(&project), [json!([3])]);
        status.store(403, Ordering::Relaxed);
        let error = run_badly(&project);
        let said = format!(
            "an answer of `items` with the status 403 was skipped, and {deletes} would delete the rows that \
             it stands for"
        );
        for part in [said.as_str(), "/b\n", "write `action: empty` in that rule of `on_response`"] {
            assert!(error.contains(part), "no `{part}` in:\n{error}");
        }
        assert_eq!(stored(&project), [json!([3])]);
    }
}

#[test]
fn where_nothing_is_there_its_rows_go() {
    for (code, rule) in
        [(404, "{status: 404, action: skip}"), (403, "{status: 403, action: empty}")]
    {
        let status = Arc::new(AtomicU16::new(200));
        let api = shops(&status);
        let project = items(&api, rule, FULL);
        run_well(&project);
        status.store(code, Ordering::Relaxed);
        run_well(&project);
        assert_eq!(stored(&project), [json!([2])], "{code}");
    }
    // A merge keeps the rows of what was skipped.
    let status = Arc::new(AtomicU16::new(200));
    let api = shops(&status);
    let project = items(&api, "{status: 403, action: skip}", "key=[\"id\"]");
    run_well(&project);
    status.store(403, Ordering::Relaxed);
    run_well(&project);
    assert_eq!(stored(&project), [json!([3])]);
}

#[test]
fn a_run_of_which_no_record_fits_is_an_error() {
    let api = Answers::serve(|_| Answer::json(&json!([{"id": "one"}, {"id": "two"}])));
    let sources = format!(
        "sources:
  - name: items
    url: \"{}\"
    on_bad_record: skip
    schema: {{id: int64!}}",
        api.url("/")
    );
    let sql = "{{ sink(key=[\"id\"]) }} SELECT id FROM {{ use_source(\"items\") }}";
    let project = project(&sources, &[("items", sql)]);
    let error = run_badly(&project);
    for part in [
        "all 2 records of `items` were skipped: none fits its schema",
        "see why in `dead_letters/items.jsonl`, and correct the schema",
    ] {
        assert!(error.contains(part), "no `{part}` in:\n{error}");
    }
    assert_eq!(project.read("dead_letters/items.jsonl").lines().count(), 2);
}

#[test]
fn the_parents_of_a_source_count_as_well() {
    let sources = "sources:
  - name: shops
    url: http://127.0.0.1:9/shops
    on_bad_record: skip
    schema: {id: int64!}
  - name: items
    url: \"http://127.0.0.1:9/{shop.id}\"
    for_each: {source: shops, as: shop, fields: [id]}
    schema: {id: int64!}";
    let sql = format!("{{{{ sink({FULL}) }}}} SELECT id FROM {{{{ use_source(\"items\") }}}}");
    let project = project(sources, &[("items", &sql)]);
    let finished = call(&project, &["check"]);
    assert_ne!(finished.code, Some(0));
    let said = finished.stdout + &finished.stderr;
    assert!(said.contains("error[E0330]: `delete_missing` would delete the rows"), "{said}");
    assert!(said.contains("`shops` skips records that do not fit"), "{said}");
}

/// What becomes of an answer that is skipped, and of the rest of a run.
struct Case {
    rule: &'static str,
    sink: &'static str,
    /// The ids behind the run with the skipped answer, if it goes well, and how many states there are then.
    first: Option<(&'static [i64], usize)>,
    /// The ids behind a run in which the API has everything.
    then: &'static [i64],
}

const MERGE: &str = "mode=\"merge\", key=[\"id\"]";
const APPEND: &str = "mode=\"append\"";

fn check(case: &Case, what: &str, api: &Answers, status: &AtomicU16, source: &str) {
    check_with("", case, what, api, status, source);
    // What a checkpoint has committed before a run fails is not loaded again.
    if case.first.is_none() {
        check_with(", checkpoint: {rows: 1}", case, what, api, status, source);
    }
}

fn check_with(
    checkpoint: &str,
    case: &Case,
    what: &str,
    api: &Answers,
    status: &AtomicU16,
    source: &str,
) {
    let Case { rule, sink, first, then } = case;
    let sources = format!(
        "sources:
  - name: items
    url: \"{}\"
    data_path: /data
    {source}
    on_response: [{rule}]
    schema: {{id: int64!, at: timestamp!}}",
        api.url("/items")
    );
    let sql = format!("{{{{ sink({sink}) }}}} SELECT id, at FROM {{{{ use_source(\"items\") }}}}");
    let project = project(&sources, &[("items", &sql)]);
    let yaml = project.read("pipelines.yaml");
    project.write("pipelines.yaml", &yaml.replace("out.db\"", &format!("out.db\"{checkpoint}")));
    let ids = || {
        let rows = sqlite(&project, "id) FROM items ORDER BY id");
        rows.iter().filter_map(|row| row[0].as_i64()).collect::<Vec<_>>()
    };
    let of = rule.split(',').next().unwrap_or_default().trim_start_matches("{status: ");
    status.store(of.parse().unwrap(), Ordering::Relaxed);
    match first {
        None => {
            let error = run_badly(&project);
            let said = format!(
                "an answer with the status {of} was skipped, and the next run would append the rows of `items` \
                 again that came beside it"
            );
            assert!(error.contains(&said), "{what}: {error}");
            assert!(error.contains("write `action: empty` in that rule"), "{what}: {error}");
        }
        Some((expected, states)) => {
            let report = run_well(&project);
            assert_eq!(ids(), *expected, "{what}, {rule}, {sink}");
            let state = shown(&project);
            let count = state.as_array().map(Vec::len);
            assert_eq!(count, Some(*states), "{what}, {rule}, {sink}: {state}");
            let warnings = report["pipelines"][0]["warnings"].to_string();
            let held = format!(
                "an answer with the status {of} was skipped: the state of `items` stays where it was"
            );
            let is_left_out = of == "403" && rule.contains("action: skip");
            assert_eq!(warnings.contains(&held), is_left_out, "{what}, {rule}: {warnings}");
        }
    }
    status.store(200, Ordering::Relaxed);
    run_well(&project);
    assert_eq!(ids(), *then, "{what}, {rule}, {sink}");
    run_well(&project);
    assert_eq!(ids(), *then, "{what}, {rule}, {sink}");
}

/// A record of the tenth day of a month of 2026.
fn record(id: u64) -> Value {
    json!({"id": id, "at": format!("2026-{id:02}-10T00:00:00Z")})
}

#[test]
fn the_state_does_not_move_past_a_skipped_slice() {
    let status = Arc::new(AtomicU16::new(200));
    let second = Arc::clone(&status);
    let api = Answers::serve(move |asked| {
        let param = |name| asked.param(name).unwrap_or_default().to_owned();
        let (since, until) = (param("since"), param("until"));
        if since.starts_with("2026-01-31") {
            let status = second.load(Ordering::Relaxed);
            if status != 200 {
                return Answer::json(&json!({"error": status})).with_status(status);
            }
        }
        let is_in = |record: &Value| {
            let at = record["at"].as_str().unwrap_or_default();
            since.as_str() <= at && at < until.as_str()
        };
        Answer::json(&json!({"data": (1..=4).map(record).filter(is_in).collect::<Vec<_>>()}))
    });
    let source =
        "incremental: {field: at, param: since, end_param: until, window: 30d, start: 2026-01-01}";
    let (skip, gone) = ("{status: 403, action: skip}", "{status: 404, action: skip}");
    let empty = "{status: 403, action: empty}";
    let (some, all): (&[i64], &[i64]) = (&[1, 3, 4], &[1, 2, 3, 4]);
    for (rule, sink, first, then) in [
        (skip, MERGE, Some((some, 0)), all),
        (skip, APPEND, None, all),
        // There is nothing, and it is said that there is nothing.
        (gone, APPEND, Some((some, 1)), some),
        (empty, APPEND, Some((some, 1)), some),
    ] {
        let case = Case { rule, sink, first, then };
        check(&case, "window", &api, &status, source);
    }
}

#[test]
fn the_state_does_not_move_past_a_skipped_page() {
    let status = Arc::new(AtomicU16::new(200));
    let second = Arc::clone(&status);
    // The newest first, a record a page; what is skipped names the page behind it.
    let api = Answers::serve(move |asked| {
        let page: u64 = asked.param("after").map_or(1, |after| after.parse().unwrap());
        let next = if page < 4 { json!((page + 1).to_string()) } else { Value::Null };
        let status = second.load(Ordering::Relaxed);
        if page == 2 && status != 200 {
            return Answer::json(&json!({"next": next})).with_status(status);
        }
        let since = asked.param("since").unwrap_or_default();
        let found = Some(record(5 - page)).filter(|one| one["at"].as_str() >= Some(since));
        Answer::json(&json!({"data": found.as_slice(), "next": next}))
    });
    let (skip, empty) = ("{status: 403, action: skip}", "{status: 403, action: empty}");
    let (some, all): (&[i64], &[i64]) = (&[1, 2, 4], &[1, 2, 3, 4]);
    for mode in ["param: since", "mode: client", "mode: feed"] {
        let source = format!(
            "incremental: {{field: at, {mode}}}
    pagination: {{kind: cursor, cursor_param: after, cursor_path: /next}}"
        );
        for (rule, sink, first, then) in [
            (skip, MERGE, Some((some, 0)), all),
            (skip, APPEND, None, all),
            (empty, APPEND, Some((some, 1)), some),
        ] {
            let case = Case { rule, sink, first, then };
            check(&case, mode, &api, &status, &source);
        }
    }
}

/// Of a partition that is skipped as a whole nothing is in: the next run asks for it from its beginning.
#[test]
fn the_states_of_other_partitions_move() {
    let status = Arc::new(AtomicU16::new(200));
    let second = Arc::clone(&status);
    let api = Answers::serve(move |asked| {
        let shop: u64 = asked.param("shop").map_or(1, |shop| shop.parse().unwrap());
        let status = if shop == 2 { second.load(Ordering::Relaxed) } else { 200 };
        let since = asked.param("since").unwrap_or_default();
        let found = Some(record(shop)).filter(|one| one["at"].as_str() >= Some(since));
        Answer::json(&json!({"data": found.as_slice()})).with_status(status)
    });
    let source = "incremental: {field: at, param: since}
    for_each: {values: [\"1\", \"2\", \"3\"], as: shop}
    query_params: {shop: \"{shop}\"}";
    let rule = "{status: 403, action: skip}";
    for sink in [MERGE, APPEND] {
        let case = Case { rule, sink, first: Some((&[1, 3], 2)), then: &[1, 2, 3] };
        check(&case, "for_each", &api, &status, source);
    }
}

#[test]
fn a_skipped_page_that_does_not_say_what_follows_ends_the_run() {
    let api = Answers::serve(|asked| match asked.param("page") {
        Some("1") => Answer::json(&json!([{"id": 1}])),
        Some("2") => Answer::json(&json!({"error": "busy"})).with_status(500),
        Some("3") => Answer::json(&json!([{"id": 3}])),
        _ => Answer::json(&json!([])),
    });
    let sources = |action: &str| {
        format!(
            "sources:
  - name: items
    url: \"{}\"
    pagination: {{kind: page_only, page_param: page, concurrency: 1}}
    on_response: [{{status: 500, action: {action}}}]
    schema: {{id: int64!}}",
            api.url("/")
        )
    };
    let sql = "{{ sink(key=[\"id\"]) }} SELECT id FROM {{ use_source(\"items\") }}";
    let skips = project(&sources("skip"), &[("items", sql)]);
    let error = run_badly(&skips);
    for part in [
        "page 2 is skipped, as `on_response` says, and does not say whether other pages follow it",
        "write `action: empty` in that rule if such an answer says that there are no further pages",
    ] {
        assert!(error.contains(part), "no `{part}` in:\n{error}");
    }
    let empty = project(&sources("empty"), &[("items", sql)]);
    run_well(&empty);
    assert_eq!(stored(&empty), [json!([1])]);
}
