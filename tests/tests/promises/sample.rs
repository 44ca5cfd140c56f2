//! `apitap sample`: a page of the live API becomes a file, and the file becomes the schema.

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::process::{Finished, Project, finish};
use serde_json::{Value, json};

use super::runs::{LIMIT, sqlite};

const TOKEN: &str = "tok-3c5d\"9e";

/// Records, in each of which the API repeats the token that it was sent.
fn records() -> Vec<Value> {
    (1..=250)
        .map(|id| {
            let amount = if id % 2 == 0 { json!(id) } else { json!(id as f64 + 0.5) };
            json!({
                "id": id, "placed_at": "2026-11-24T08:00:00Z", "amount": amount,
                "trace": format!("Bearer {TOKEN}"), "customer": {"name": "Ü"},
            })
        })
        .collect()
}

fn project(api: &Api) -> Project {
    let yaml = format!(
        "
sources:
  - name: orders
    url: {url}
    auth: {{bearer: \"${{TOKEN}}\"}}
    data_path: /data
    pagination: {{kind: cursor, cursor_param: after, cursor_path: /meta/next, page_size_param: limit}}
    schema:
      sample: samples/orders.json
      fields: {{id: int64!}}
targets: [{{name: out, type: sqlite, path: out.db}}]
",
        url = api.url(),
    );
    let sql = "{{ sink(name=\"out\", key=[\"id\"]) }}\nSELECT id, placed_at, amount, customer.name \
               AS name FROM {{ use_source(\"orders\") }}\n";
    Project::new([("config/p.yaml", yaml.as_str()), ("sql/orders.sql", sql)])
}

fn apitap(project: &Project, arguments: &[&str]) -> Finished {
    let all = arguments.iter().copied().chain(["-y", "config/p.yaml"]);
    finish(project.apitap(all).env("TOKEN", TOKEN), LIMIT)
}

#[test]
fn a_sample_of_the_live_api_is_the_schema_of_the_pipeline() {
    let collection = Collection::new(records(), Pagination::cursor());
    let api = Api::serve(collection.require("authorization", "Bearer tok-3c5d\"9e"));
    let project = project(&api);
    let before = apitap(&project, &["check"]);
    assert_eq!(before.code, Some(1), "{}", before.stderr);
    assert!(
        before.stderr.contains("cannot read `config/samples/orders.json`"),
        "{}",
        before.stderr
    );

    let taken = apitap(&project, &["sample", "orders", "--limit", "3"]);
    assert_eq!(taken.code, Some(0), "{}", taken.stderr);
    assert_eq!(api.pages(), [1]);
    let expected = "schema:\n  id: int64\n  placed_at: timestamp\n  amount: float64\n  trace: \
                    string\n  customer: {name: string}\n";
    // serde_json sorts the keys of what the API sends.
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&taken.stdout), sorted(expected));
    assert!(taken.stderr.contains("{sample: samples/orders.json}"), "{}", taken.stderr);

    let text = project.read("config/samples/orders.json");
    assert!(!text.contains("tok-3c5d"), "{text}");
    let page: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(page["data"].as_array().map(Vec::len), Some(3));
    assert_eq!(page["data"][2]["trace"], "Bearer ${TOKEN}");
    assert!(page["meta"]["next"].is_string(), "{text}");

    let again = apitap(&project, &["sample", "orders"]);
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    assert_eq!(project.read("config/samples/orders.json"), text);
    let forced = apitap(&project, &["sample", "orders", "--force", "--format", "json"]);
    assert_eq!(forced.code, Some(0), "{}", forced.stderr);
    let report: Value = serde_json::from_str(&forced.stdout).expect("it is JSON");
    assert_eq!(report["records"], 20);

    let run = apitap(&project, &["run"]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    let rows = sqlite(&project, "count(*), sum(amount), min(placed_at), max(name)) FROM orders");
    assert_eq!(rows, [json!([250, 31437.5, "2026-11-24T08:00:00.000000Z", "Ü"])]);
}

#[test]
fn a_run_infers_what_a_sample_shows() {
    let records: Vec<_> = (1..=30)
        .map(|id| {
            json!({
                "id": id, "day": "2026-11-24", "at": "2026-11-24T08:00:00Z", "price": format!("{id}.01"),
                "late": if id < 30 { "1.5" } else { "none" },
                "who": "7f0c1d9e-6a55-4a0e-9d2e-0a1b2c3d4e5f",
            })
        })
        .collect();
    let api = Api::serve(Collection::new(records, Pagination::None));
    let yaml = format!(
        "sources: [{{name: orders, url: \"{}\", pagination: {{kind: none}}}}]\ntargets: [{{name: out, type: \
         sqlite, path: out.db}}]\n",
        api.url()
    );
    let sql = "{{ sink(key=[\"id\"]) }} SELECT * FROM {{ use_source(\"orders\") }}";
    let project = Project::new([("pipelines.yaml", yaml.as_str()), ("sql/orders.sql", sql)]);
    let call = |arguments: &[&str]| {
        let finished = finish(&mut project.apitap(arguments.iter().copied()), LIMIT);
        assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
        finished
    };
    // serde_json sorts the keys of what the API sends.
    let expected = [
        "at: timestamp",
        "day: date",
        "id: int64",
        "late: string",
        "price: string  # each is a number: decimal(18,2) reads it, too",
        "who: uuid",
    ];
    let sampled = call(&["sample", "orders"]).stdout;
    assert_eq!(sampled, format!("schema:\n  {}\n", expected.join("\n  ")));
    let inferred = call(&["run"]).stderr;
    assert!(
        inferred.contains(&format!("schema:\n      {}\n", expected.join("\n      "))),
        "{inferred}"
    );
    let rows = sqlite(&project, "count(*), max(at), max(day), max(price)) FROM orders");
    assert_eq!(rows, [json!([30, "2026-11-24T08:00:00.000000Z", "2026-11-24", "9.01"])]);
}

#[test]
fn a_field_that_begins_late_in_the_page_is_in_the_sample() {
    let mut all = records();
    all[30]["note"] = json!("late");
    all[40]["id"] = json!("forty-one");
    let api = Api::serve(Collection::new(all, Pagination::cursor()));
    let project = project(&api);
    let taken = apitap(&project, &["sample", "orders"]);
    assert_eq!(taken.code, Some(0), "{}", taken.stderr);
    for field in ["note: string", "id: json"] {
        assert!(taken.stdout.contains(field), "{}", taken.stdout);
    }
    assert!(taken.stderr.contains("22 of the page's 100 records in"), "{}", taken.stderr);
    let page: Value = serde_json::from_str(&project.read("config/samples/orders.json")).unwrap();
    let ids: Vec<_> = page["data"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ids[20..], [&json!(31), &json!("forty-one")]);
}

#[test]
fn a_sample_is_taken_before_it_is_known_how_pages_follow_each_other() {
    let api = Api::serve(Collection::new(records(), Pagination::cursor()));
    let project = project(&api);
    let yaml = project.read("config/p.yaml");
    let lines = yaml.lines().filter(|line| !line.contains("pagination:"));
    project.write("config/p.yaml", &lines.collect::<Vec<_>>().join("\n"));
    let taken = apitap(&project, &["sample", "orders"]);
    assert_eq!(taken.code, Some(0), "{}", taken.stderr);
    assert!(
        taken.stderr.contains("the answer has more pages (`/meta/next` is "),
        "{}",
        taken.stderr
    );
    let live = apitap(&project, &["check", "--live"]);
    assert_eq!(live.code, Some(1), "{}", live.stdout);
    assert!(live.stdout.contains("the answer has more pages"), "{}", live.stdout);
}

#[test]
fn a_page_taken_for_one_record_says_where_the_records_are() {
    let collection = Collection::new(records(), Pagination::cursor());
    let api = Api::serve(collection);
    let project = project(&api);
    let yaml = project.read("config/p.yaml").replace("    data_path: /data\n", "");
    project.write("config/p.yaml", &yaml);
    let taken = apitap(&project, &["sample", "orders", "--limit", "3"]);
    assert_eq!(taken.code, Some(0), "{}", taken.stderr);
    let hint = "help: `/data` holds a list of 100 objects: if those are the records, write `data_path: \
                /data`, and take the sample again";
    assert!(taken.stderr.contains(hint), "{}", taken.stderr);
    assert!(taken.stderr.contains("1 record in"), "{}", taken.stderr);

    // A run finds it out, too, where the fields are declared.
    let fields = "{id: int64!, placed_at: timestamp, amount: float64, customer: {name: string}}";
    let (before, _) = yaml.split_once("    schema:").expect("it has one");
    let (_, targets) = yaml.split_once("targets:").expect("it has some");
    let yaml = format!("{before}    schema: {fields}\ntargets:{targets}");
    project.write("config/p.yaml", &yaml);
    let run = apitap(&project, &["run"]);
    assert_eq!(run.code, Some(1), "{}{}", run.stdout, run.stderr);
    let (hint, _) = hint.split_once(", and").expect("what comes behind it");
    assert!(run.stdout.contains(hint.trim_start_matches("help: ")), "{}", run.stdout);
}

#[test]
fn a_source_that_is_not_there_is_named_with_those_that_are() {
    let api = Api::serve(Collection::new(records(), Pagination::cursor()));
    let finished = apitap(&project(&api), &["sample", "order"]);
    assert_eq!(finished.code, Some(2));
    assert!(
        finished
            .stderr
            .contains("there is no source `order`\nhelp: a similar source exists: `orders`")
    );
    assert_eq!(api.requests().len(), 0);
}
