//! `job`: an API prepares what it sends, is asked until it is done, and what it has prepared is loaded
//! whole, or not at all.

use std::time::Duration;

use apitap_tests::answers::{Answer, Answers, Asked, gzip};
use apitap_tests::process::Project;
use serde_json::{Value, json};

use super::runs::{has_table, project, run_badly, run_well, sqlite};

const SELECT: &str = "SELECT id, name FROM {{ use_source(\"accounts\") }}";

/// A project with one source, whose keys may name the server as `HOST`.
fn accounts(api: &Answers, keys: &str) -> Project {
    let keys = keys.replace("HOST", &api.url(""));
    let lines = keys.trim().lines().map(|line| format!("    {line}\n"));
    let retry = "    retry: {max_attempts: 3, min_delay_secs: 0.01, max_delay_secs: 0.02}\n";
    let sources = format!("sources:\n  - name: accounts\n{retry}{}", lines.collect::<String>());
    let project = project(&sources, &[("accounts", SELECT)]);
    project.write(".env", "CLIENT=c\nSECRET=hush-hush\n");
    project
}

/// Salesforce's Bulk API 2.0: five accounts in pages of two, by `Sforce-Locator`. Its tokens end after
/// four requests.
fn salesforce(asked: &Asked) -> Answer {
    if asked.path == "/token" {
        let token = format!("token-{}", asked.before_here);
        return Answer::json(&json!({"access_token": token, "token_type": "Bearer"}));
    }
    // The second token comes with the request behind the fourth.
    let valid = if asked.before < 5 { "Bearer token-0" } else { "Bearer token-1" };
    if asked.header("authorization") != valid {
        return Answer::json(&json!([{"errorCode": "INVALID_SESSION_ID"}])).with_status(401);
    }
    const JOBS: &str = "/services/data/v60.0/jobs/query";
    match asked.path.strip_prefix(JOBS).unwrap_or("?") {
        "" => {
            assert_eq!(
                asked.json(),
                json!({"operation": "query", "query": "SELECT Id FROM Account"})
            );
            Answer::json(&json!({"id": "750x", "state": "UploadComplete"}))
        }
        "/750x" => {
            let state = if asked.before_here < 4 { "InProgress" } else { "JobComplete" };
            Answer::json(&json!({"id": "750x", "state": state}))
        }
        "/750x/results" => {
            assert_eq!(asked.param("maxRecords"), Some("2"));
            let (rows, next) = match asked.param("locator") {
                None => ("1,Äpfel\n2,\"a, b\"\n", "MTAw"),
                Some("MTAw") => ("3,c\n4,\n", "MjAw"),
                Some(_) => ("5,e\n", "null"),
            };
            Answer::bytes(format!("id,name\n{rows}")).header("sforce-locator", next)
        }
        _ => Answer::status(404),
    }
}

#[test]
fn a_query_job_is_created_polled_and_read_page_by_page() {
    let api = Answers::serve(salesforce);
    let project = accounts(
        &api,
        "
url: HOST/services/data/v60.0/jobs/query/{job}/results
format: csv
auth: {oauth2: {grant: client_credentials, token_url: HOST/token, client_id: \"${CLIENT}\", client_secret: \"${SECRET}\"}}
job:
  create: {url: /services/data/v60.0/jobs/query, body: {json: {operation: query, query: \"SELECT Id FROM Account\"}}}
  poll: {url: \"/services/data/v60.0/jobs/query/{job}\"}
  every: 10ms
  done_when: body(\"/state\") == \"JobComplete\"
  failed_when: body(\"/state\") == \"Failed\" or body(\"/state\") == \"Aborted\"
pagination: {kind: cursor, cursor_param: locator, cursor_header: Sforce-Locator, page_size_param: maxRecords, page_size: 2}
schema: {id: int64!, name: string}",
    );
    run_well(&project);
    let rows = json!([[1, "Äpfel"], [2, "a, b"], [3, "c"], [4, null], [5, "e"]]);
    assert_eq!(Value::from(sqlite(&project, "id, name) FROM accounts ORDER BY id")), rows);
    let targets = api.targets();
    let count = |start: &str| targets.iter().filter(|target| target.starts_with(start)).count();
    // Created once, and its token renewed once, in the middle.
    assert_eq!(count("POST /services"), 1, "{targets:?}");
    assert_eq!(count("POST /token"), 2, "{targets:?}");
    assert_eq!(count("GET /services/data/v60.0/jobs/query/750x/results"), 3, "{targets:?}");
}

/// The keys of a source whose job ends as `poll` says; its result is at `/result`.
fn keys(more: &str) -> String {
    format!(
        "
url: HOST/result?job={{job}}
job:
  create: {{url: /jobs, body: {{json: {{}}}}}}
  poll: {{url: \"/jobs/{{job}}\"}}
  every: 5ms
  done_when: body(\"/state\") == \"done\"
  failed_when: body(\"/state\") == \"failed\"
{more}
schema: {{id: int64!, name: string}}"
    )
}

fn job_api(poll: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Answers {
    Answers::serve(move |asked| match asked.path.as_str() {
        "/jobs" => Answer::json(&json!({"id": 7})).with_status(202),
        "/jobs/7" => poll(asked),
        "/result" if asked.param("job") == Some("7") => {
            Answer::json(&json!([{"id": 1, "name": "a"}]))
        }
        _ => Answer::status(404),
    })
}

#[test]
fn a_job_that_fails_is_an_error_with_the_words_of_the_api() {
    let failed = json!({"state": "failed", "message": "the object \"Acount\" is not known"});
    let api = job_api(move |asked| match asked.before_here {
        0 => Answer::json(&json!({"state": "working"})).with_status(202),
        _ => Answer::json(&failed),
    });
    let project = accounts(&api, &keys(""));
    let error = run_badly(&project);
    assert!(error.contains("the job has failed: "), "{error}");
    assert!(error.contains("the object \\\"Acount\\\" is not known"), "{error}");
    assert!(error.contains(&format!("request:  GET {}", api.url("/jobs/7"))), "{error}");
    assert!(!has_table(&project, "accounts"));
    assert_eq!(api.targets(), ["POST /jobs", "GET /jobs/7", "GET /jobs/7"]);
}

#[test]
fn a_job_that_is_never_done_ends_at_its_deadline() {
    let api = job_api(|_| Answer::json(&json!({"state": "working"})));
    let project = accounts(&api, &keys("  deadline: 300ms"));
    let began = std::time::Instant::now();
    let error = run_badly(&project);
    assert!(error.contains("the job was not done within 300ms"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(20));
    // The waits grow.
    let polls = api.asked().len();
    assert!((4..=12).contains(&polls), "{polls}");
    assert!(!has_table(&project, "accounts"));
}

#[test]
fn what_goes_wrong_on_the_way_is_retried_and_told() {
    let api = job_api(|asked| match asked.before_here {
        0 => Answer::status(503),
        1 => Answer::json(&json!({"state": "working"})),
        2 => Answer::status(429).header("retry-after", "0.01"),
        _ => Answer::json(&json!({"state": "done"})),
    });
    let project = accounts(&api, &keys(""));
    run_well(&project);
    assert_eq!(sqlite(&project, "id, name) FROM accounts"), [json!([1, "a"])]);
    let created = api.targets().iter().filter(|target| *target == "POST /jobs").count();
    assert_eq!(created, 1);

    let api = Answers::serve(|_| Answer::json(&json!({"job": {"id": 7}})));
    let error = run_badly(&accounts(&api, &keys("")));
    assert!(error.contains("the job has no id: {\"job\":{\"id\":7}}"), "{error}");
    assert!(error.contains("let `job.id_path` lead to the id"), "{error}");
}

/// The files of a job, two of them packed.
fn files(asked: &Asked) -> Answer {
    let line = |id: u64| format!("{}\n", json!({"id": id, "name": format!("n{id}")}));
    match asked.path.as_str() {
        "/one.jsonl.gz" => Answer::bytes(gzip(&(line(1) + &line(2)))),
        "/two.jsonl" => Answer::bytes(line(3)),
        "/three.gz" => Answer::bytes(gzip(&line(4))).header("content-encoding", "gzip"),
        _ => Answer::status(404),
    }
}

#[test]
fn files_on_another_server_are_read_in_order_and_get_no_credentials() {
    for named in [false, true] {
        let other = Answers::serve(files);
        let urls: Vec<_> = ["/one.jsonl.gz?X-Amz-Signature=s1gned", "/two.jsonl", "/three.gz"]
            .iter()
            .map(|file| json!({"url": other.url(file)}))
            .collect();
        let api = job_api(move |_| Answer::json(&json!({"state": "done", "files": urls})));
        let allow =
            if named { format!("allow_hosts: [\"{}\"]", other.host()) } else { String::new() };
        let more = format!(
            "  download: /files/*/url\nformat: jsonl\nauth: {{bearer: \"${{SECRET}}\"}}\n{allow}"
        );
        let project = accounts(&api, &keys(&more));
        run_well(&project);
        let rows: Vec<_> = (1..=4).map(|id| json!([id, format!("n{id}")])).collect();
        assert_eq!(sqlite(&project, "id, name) FROM accounts ORDER BY rowid"), rows);
        let asked = other.asked();
        assert_eq!(asked.len(), 3);
        for request in asked {
            let sent = request.header("authorization");
            assert_eq!(sent, if named { "Bearer hush-hush" } else { "" });
        }
        let all = api.asked();
        assert!(all.iter().all(|asked| asked.header("authorization") == "Bearer hush-hush"));
        assert!(all.iter().all(|asked| asked.path != "/result"));
    }
}

#[test]
fn one_file_that_is_missing_leaves_nothing_behind() {
    let other = Answers::serve(files);
    let urls = [other.url("/two.jsonl"), other.url("/gone.jsonl?sig=s1gned")];
    let api = job_api(move |_| Answer::json(&json!({"state": "done", "files": urls})));
    let project = accounts(&api, &keys("  download: /files\nformat: jsonl"));
    let error = run_badly(&project);
    assert!(error.contains("the API answered `404 Not Found`"), "{error}");
    assert!(error.contains("/gone.jsonl?sig=***") && !error.contains("s1gned"), "{error}");
    assert!(!has_table(&project, "accounts"));

    let api = job_api(|_| Answer::json(&json!({"state": "done", "files": [{"href": "/a"}]})));
    let error = run_badly(&accounts(&api, &keys("  download: /files\nformat: jsonl")));
    assert!(error.contains("`job.download` finds no address of a file in the answer"), "{error}");

    // One that has no address is not passed over, and neither is a place that there is not.
    for (files, download) in [
        (json!([{"url": other.url("/two.jsonl")}, {"state": "late"}]), "/files/*/url"),
        (json!([other.url("/two.jsonl")]), "/result/*"),
    ] {
        let api = job_api(move |_| Answer::json(&json!({"state": "done", "files": files})));
        let project = accounts(&api, &keys(&format!("  download: {download}\nformat: jsonl")));
        let error = run_badly(&project);
        assert!(
            error.contains("`job.download` finds no address of a file in the answer"),
            "{error}"
        );
        assert!(!has_table(&project, "accounts"));
    }

    // A job without a result has no records.
    let api = job_api(|_| Answer::json(&json!({"state": "done", "files": []})));
    let project = accounts(&api, &keys("  download: /files/*\nformat: jsonl"));
    run_well(&project);
    assert_eq!(sqlite(&project, "count(*)) FROM accounts"), [json!([0])]);
}

#[test]
fn each_part_of_a_source_has_a_job_of_its_own() {
    let api = Answers::serve(|asked| match asked.path.as_str() {
        "/jobs" if asked.json()["kind"] == "none" => Answer::status(404),
        "/jobs" => Answer::json(&json!({"id": asked.json()["kind"]})),
        "/jobs/a" | "/jobs/b" => Answer::json(&json!({"state": "done"})),
        "/result" => Answer::json(&json!([{"id": 1, "name": asked.param("job")}])),
        _ => Answer::status(404),
    });
    let keys = keys(
        "for_each: {values: [a, none, b], as: kind}\non_response: [{status: 404, action: skip}]",
    )
    .replace("{json: {}}", "{json: {kind: \"{kind}\"}}");
    let project = accounts(&api, &keys);
    run_well(&project);
    let rows = sqlite(&project, "name) FROM accounts ORDER BY rowid");
    assert_eq!(rows, [json!(["a"]), json!(["b"])]);
}

#[test]
fn a_file_that_is_named_twice_is_read_once() {
    let other = Answers::serve(files);
    let urls = [other.url("/two.jsonl"), other.url("/three.gz"), other.url("/two.jsonl")];
    let api = job_api(move |_| Answer::json(&json!({"state": "done", "files": urls})));
    let project = accounts(&api, &keys("  download: /files\nformat: jsonl"));
    run_well(&project);
    let rows = sqlite(&project, "id) FROM accounts ORDER BY rowid");
    assert_eq!(rows, [json!([3]), json!([4])]);
    assert_eq!(other.asked().len(), 2);
}
