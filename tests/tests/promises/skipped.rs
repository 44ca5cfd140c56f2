//! What was left out of a run deletes nothing, and a run that has left out all of it has not gone well.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use apitap_tests::answers::{Answer, Answers};
use apitap_tests::process::Project;
use serde_json::{Value, json};

use super::runs::{call, project, run_badly, run_well, sqlite};

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
