//! The subcommands, called as people call them: which pipelines, how much of them, and what is shown
//! of them without a run.

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::faults::{Fault, On};
use apitap_tests::process::{Project, finish};
use serde_json::{Value, json};

use super::runs::{LIMIT, call, call_well, has_table, project, sqlite};

const QUERY: &str = "{{ sink(mode=\"append\") }} SELECT id FROM {{ use_source(\"orders\") }}";

fn orders() -> Collection {
    let orders: Vec<_> = (1..=300).map(|id| json!({"id": id, "secret": "s3cret!"})).collect();
    Collection::new(orders, Pagination::page_number()).data_path("/data")
}

fn sources(api: &Api) -> String {
    format!(
        "sources:\n  - name: orders\n    url: {}\n    data_path: /data\n    pagination: {{kind: \
         page_number, page_param: page, per_page_param: per_page, per_page: 100}}\n    schema: \
         {{id: int64!}}",
        api.url()
    )
}

/// Three pipelines over one source.
fn shop() -> (Api, Project) {
    let api = Api::serve(orders());
    let queries = [("shop_a", QUERY), ("shop_b", QUERY), ("billing", QUERY)];
    let project = project(&sources(&api), &queries);
    (api, project)
}

#[test]
fn patterns_and_exclusions_choose_what_runs() {
    let check = |arguments: &[&str], expected: [bool; 3]| {
        let (_api, project) = shop();
        call_well(&project, arguments);
        let there = ["shop_a", "shop_b", "billing"].map(|table| has_table(&project, table));
        assert_eq!(there, expected, "{arguments:?}");
    };
    check(&["run"], [true, true, true]);
    check(&["run", "shop_*"], [true, true, false]);
    check(&["run", "--exclude", "shop_*"], [false, false, true]);
    check(&["run", "shop_*", "--exclude", "shop_b"], [true, false, false]);
    let (_api, project) = shop();
    let finished = call(&project, &["run", "shop"]);
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.stderr.contains("help: a similar pipeline exists: `shop_"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_limit_stores_so_many_rows() {
    let (_api, project) = shop();
    call_well(&project, &["run", "billing", "--limit", "3"]);
    assert_eq!(sqlite(&project, "count(*)) FROM billing"), [json!([3])]);
}

#[test]
fn a_limit_never_leaves_a_replaced_table_with_a_few_rows() {
    let api = Api::serve(orders());
    let replace = QUERY.replace("append", "replace");
    let project = project(&sources(&api), &[("all", &replace)]);
    let finished = call(&project, &["run", "--limit", "3"]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("would leave `all` with 3 rows"), "{}", finished.stderr);
    assert!(api.requests().is_empty());
    call_well(&project, &["run", "--limit", "3", "--dry-run"]);
}

#[test]
fn a_dry_run_shows_tables_and_rows_and_writes_nothing() {
    let (_api, project) = shop();
    let finished = call(&project, &["run", "--dry-run"]);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    assert!(finished.stdout.contains("CREATE TABLE \"shop_a\" (\n  \"id\""), "{}", finished.stdout);
    assert!(finished.stdout.contains("\n  1\n  2\n"), "{}", finished.stdout);
    assert!(finished.stdout.contains("300"), "{}", finished.stdout);
    assert!(finished.stderr.contains("nothing was written"), "{}", finished.stderr);
    assert!(!project.path().join("out.db").exists());
}

#[test]
fn the_first_failure_can_end_them_all() {
    let api = Api::serve(orders());
    let hangs = Api::serve(orders().fault(On::page(1), Fault::Hang));
    let another = |name, url: String, ty| {
        format!("\n  - {{name: {name}, url: {url}, data_path: /data, schema: {{id: {ty}!}}}}")
    };
    let sources = sources(&api)
        + &another("slow", hangs.url(), "int64")
        + &another("wrong", api.url(), "bool");
    let (bad, slow) = (QUERY.replace("orders", "wrong"), QUERY.replace("orders", "slow"));
    let project = project(&sources, &[("bad", &bad), ("slow", &slow)]);
    let finished = call(&project, &["run", "--fail-fast", "--format", "json"]);
    assert_eq!(finished.code, Some(1), "{}{}", finished.stdout, finished.stderr);
    let report: Value = serde_json::from_str(&finished.stdout).expect("the report is JSON");
    let statuses: Vec<_> =
        report["pipelines"].as_array().unwrap().iter().map(|p| &p["status"]).collect();
    assert_eq!(statuses, ["failed", "stopped"]);
    assert!(report["started"].as_str() <= report["ended"].as_str(), "{report}");
}

#[test]
fn a_preview_is_a_table_and_writes_nothing() {
    let (_api, project) = shop();
    let shown = call_well(&project, &["preview", "billing", "--limit", "2"]);
    assert_eq!(shown, " id\n────\n  1\n  2\n");
    let json = call_well(&project, &["preview", "billing", "--limit", "2", "--format", "json"]);
    let rows: Value = serde_json::from_str(&json).expect("rows are JSON");
    assert_eq!(rows, json!([{"id": 1}, {"id": 2}]));
    assert!(!project.path().join("out.db").exists());
}

#[test]
fn what_will_be_done_is_shown_without_doing_it() {
    let (api, project) = shop();
    let listed = call_well(&project, &["list"]);
    assert!(listed.contains("shop_a   orders → shop_a\n"), "{listed}");
    let listed: Value =
        serde_json::from_str(&call_well(&project, &["list", "--format", "json"])).unwrap();
    assert_eq!(listed[0]["sources"], json!(["orders"]));
    let plan = call_well(&project, &["plan", "billing"]);
    for expected in
        ["pagination  page_number", "fields      1 of 1: id", "billing in `here`: append"]
    {
        assert!(plan.contains(expected), "{plan}");
    }
    let schema = call_well(&project, &["schema", "billing"]);
    assert_eq!(
        schema,
        "-- billing → here\nCREATE TABLE \"billing\" (\n  \"id\" INTEGER NOT NULL\n);\n"
    );
    assert!(api.requests().is_empty());
}

#[test]
fn what_would_change_a_table_that_is_there_is_shown_without_changing_it() {
    let (_api, project) = shop();
    let diff = |code: i32| {
        let finished = call(&project, &["schema", "--diff", "billing"]);
        assert_eq!(finished.code, Some(code), "{}{}", finished.stdout, finished.stderr);
        finished.stdout
    };
    let expected = "-- billing\n-- the table `billing` does not exist: a run does that\nCREATE TABLE main.\"billing\" (\n  \"id\" \
                    INTEGER NOT NULL\n);\n";
    assert_eq!(diff(0), expected);
    assert!(!project.path().join("out.db").exists());
    call_well(&project, &["run", "billing"]);
    assert_eq!(diff(0), "-- billing\n-- the table is as the rows need it\n");
    let sql = project.read("sql/billing.sql").replacen("SELECT id", "SELECT id, 'x' AS note", 1);
    project.write("sql/billing.sql", &sql);
    let expected = "-- billing\n-- the table `billing` has no column `note`: a run does that\nALTER TABLE \
                    main.\"billing\" ADD COLUMN \"note\" TEXT;\n";
    assert_eq!(diff(0), expected);
    let sql = project.read("sql/billing.sql").replacen(
        "SELECT id,",
        "SELECT CAST(id AS VARCHAR) AS id,",
        1,
    );
    project.write("sql/billing.sql", &sql);
    let shown = diff(1);
    assert!(shown.contains("-- column `id` of the table `billing` is `INTEGER`"), "{shown}");
    assert!(shown.contains(": a run does not do that"), "{shown}");
}

#[test]
fn a_plan_shows_for_what_and_since_when_a_source_is_requested() {
    let sources = "sources:
  - name: organizations
    url: https://api.example.com/organizations
    schema: {slug: string!, changed: timestamp!}
    incremental: {field: changed, start: 2026-01-31, param: since, lookback: 1h}
  - name: issues
    url: https://api.example.com/organizations/{org.slug}/issues
    query_params: {state: \"{state}\"}
    for_each:
      - {source: organizations, as: org, fields: [slug], only_changed: true}
      - {values: [open, closed], as: state}
    schema: {id: int64!}";
    let query = "{{ sink(key=[\"id\"]) }}\nSELECT id FROM {{ use_source(\"issues\") }}";
    let project = project(sources, &[("issues", query)]);
    let plan = call_well(&project, &["plan"]);
    for expected in [
        "  for each    org of `organizations` that has changed (slug) × state of open, closed\n",
        "  since       the last `changed` that was loaded, less 1h, at first 2026-01-31, as `since`\n",
    ] {
        assert!(plan.contains(expected), "{plan}");
    }
    let plan: Value =
        serde_json::from_str(&call_well(&project, &["plan", "--format", "json"])).unwrap();
    assert_eq!(plan[0]["sources"][0]["for_each"][1]["values"]["as"], "state", "{plan}");
    assert_eq!(plan[0]["sources"][1]["name"], "organizations", "{plan}");
}

#[test]
fn what_can_fail_is_told_before_a_run() {
    let api = Api::serve(orders());
    let sources = sources(&api).replace("{id: int64!}", "{id: int64!, code: string}");
    let query =
        "SELECT id, CAST(code AS INT) AS code, id + 1 AS next FROM {{ use_source(\"orders\") }}";
    let project = project(&sources, &[("codes", query)]);
    let plan = call_well(&project, &["plan"]);
    let expected = "  can fail
    1:12: `CAST(code AS INT)` fails on a text that cannot be parsed as `int32`
      `TRY_CAST(code AS INT)` yields null instead
    1:39: `id + 1` fails where the result does not fit `int64`, which is far from what APIs send
      compute with a wider type: `CAST(id AS DECIMAL(20, 0)) + 1`
";
    assert!(plan.contains(expected), "{plan}");
    let plan: Value =
        serde_json::from_str(&call_well(&project, &["plan", "--format", "json"])).unwrap();
    let risks = plan[0]["can_fail"].as_array().unwrap();
    assert_eq!(risks.len(), 2, "{plan}");
    assert_eq!((&risks[0]["column"], &risks[0]["remote"]), (&json!(12), &json!(false)), "{plan}");
}

#[test]
fn a_finding_is_explained() {
    let project = Project::new([]);
    let explained = call_well(&project, &["explain", "e0204"]);
    assert!(explained.starts_with("E0204: an unknown column\n"), "{explained}");
    assert!(explained.contains("**The fix.**"), "{explained}");
    let finished = call(&project, &["explain", "E0240"]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("there is no finding `E0240`"), "{}", finished.stderr);
}

#[test]
fn without_a_command_help_is_shown_and_nothing_runs() {
    let (api, project) = shop();
    let shown = call_well(&project, &[]);
    assert!(shown.contains("Usage: apitap") && shown.contains("preview"), "{shown}");
    assert!(api.requests().is_empty());
    let script = call_well(&project, &["completions", "bash"]);
    assert!(script.contains("apitap") && script.contains("--fail-fast"), "{script}");
}

#[test]
fn variables_come_from_a_file_and_the_environment_comes_first() {
    let api = Api::serve(orders().require("authorization", "Bearer right"));
    let sources =
        sources(&api).replace("    schema", "    auth: {bearer: \"${TOKEN}\"}\n    schema");
    let project = project(&sources, &[("good", QUERY)]);
    let run = |arguments: &[&str], token: Option<&str>| {
        let mut command = project.apitap(arguments.iter().copied());
        command.env_remove("TOKEN");
        if let Some(token) = token {
            command.env("TOKEN", token);
        }
        finish(&mut command, LIMIT)
    };
    let without = run(&["run"], None);
    assert_eq!(without.code, Some(2), "{}", without.stdout);
    assert!(without.stdout.contains("`TOKEN` is not set"), "{}", without.stdout);
    project.write("right.env", "# the shop's\nTOKEN=right\n");
    assert_eq!(run(&["run", "--env-file", "right.env"], None).code, Some(0));
    assert_eq!(run(&["run", "--env-file", "right.env"], Some("wrong")).code, Some(1));
    project.write(".env", "TOKEN=right\n");
    assert_eq!(run(&["run"], None).code, Some(0));
    let none = run(&["run", "--env-file", "none.env"], None);
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("cannot read the variables in `none.env`"), "{}", none.stderr);
    let endless = run(&["run", "--env-file", "/dev/zero"], None);
    let expected = "cannot read the variables in `/dev/zero`: it has more than 1 MiB";
    assert!(endless.stderr.contains(expected), "{}", endless.stderr);
    assert_eq!(endless.code, Some(2));
}

#[test]
fn the_folder_of_queries_is_beside_the_yaml_file() {
    let api = Api::serve(orders());
    let yaml =
        format!("{}\ntargets:\n  - {{name: here, type: sqlite, path: out.db}}\n", sources(&api));
    let project = Project::new([("conf/pipelines.yaml", &*yaml), ("conf/sql/good.sql", QUERY)]);
    call_well(&project, &["-y", "conf/pipelines.yaml"]);
    assert_eq!(sqlite(&project, "count(*)) FROM good"), [json!([300])]);
}

#[test]
fn a_live_check_asks_everybody_once_and_changes_nothing() {
    let (api, project) = shop();
    let checked = call_well(&project, &["check", "--live", "billing"]);
    assert!(
        checked.contains("✓ billing  first page: 100 records, 100 rows; table `billing` is ready"),
        "{checked}"
    );
    assert!(checked.contains("`secret`"), "a field that nobody has declared: {checked}");
    assert_eq!(api.requests().len(), 1);
    assert!(!has_table(&project, "billing"));

    let down = Api::serve(orders().fault(On::page(1), Fault::Status(503)));
    let project = super::runs::project(&sources(&down), &[("billing", QUERY)]);
    let yaml = project.read("pipelines.yaml").replace("/out.db", "/none/out.db");
    project.write("pipelines.yaml", &yaml);
    let finished = call(&project, &["check", "--live"]);
    assert_eq!(finished.code, Some(1), "{}{}", finished.stdout, finished.stderr);
    let line = "✗ billing  the API does not answer with a page; table `billing` is not ready";
    for expected in [line, "503", "there is no folder"] {
        assert!(finished.stdout.contains(expected), "{}", finished.stdout);
    }
    assert_eq!(down.requests().len(), 1, "a check does not try again");
}

/// The names in a project's folder.
fn names(project: &Project) -> Vec<String> {
    let entries = std::fs::read_dir(project.path()).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> =
        entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn who_only_looks_leaves_no_file_and_no_folder_behind() {
    for target in ["type: sqlite, path: out.db", "type: csv, path: out/of/it"] {
        let api = Api::serve(orders());
        let yaml = format!("{}\ntargets:\n  - {{name: here, {target}}}\n", sources(&api));
        let project = Project::new([("pipelines.yaml", &*yaml), ("sql/good.sql", QUERY)]);
        let before = names(&project);
        let looks: [&[&str]; 5] = [
            &["check", "--live"],
            &["state", "show"],
            &["run", "--dry-run"],
            &["plan"],
            &["preview", "good"],
        ];
        for look in looks {
            call_well(&project, look);
            assert_eq!(names(&project), before, "{target} {look:?}");
        }
        call_well(&project, &["run"]);
        assert_ne!(names(&project), before, "{target}");
    }
}

#[test]
fn a_check_of_some_pipelines_leaves_the_others_out() {
    let api = Api::serve(orders());
    let wrong = QUERY.replace("SELECT id", "SELECT idd");
    let project = project(&sources(&api), &[("good", QUERY), ("bad", &wrong)]);
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let finished = call(&project, arguments);
        assert_eq!(finished.code, Some(code), "{}", finished.stderr);
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
        finished.stderr.contains("E0204")
    };
    assert!(check(&["check"], 1, "1 error, 0 warnings"));
    assert!(check(&["check", "bad"], 1, "1 error, 0 warnings"));
    assert!(!check(&["check", "good"], 0, "1 pipeline, nothing wrong"));
    assert!(!check(&["check", "--exclude", "b*"], 0, "1 pipeline, nothing wrong"));
    assert!(!check(&["check", "god"], 2, "there is no pipeline `god`"));
    assert!(!check(&["check", "good", "--fix"], 2, "leave the names out"));
}
