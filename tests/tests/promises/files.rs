//! What targets of files promise, in folders and in object stores: shown by the `apitap` command, and by
//! programs that are killed.

mod claims;
mod delta;
mod kills;
mod object_store;
mod parquet;
mod place;
mod values;

use std::path::Path;

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::process::{Project, finish};
use serde_json::{Value, json};

use super::runs::LIMIT;

/// The lines of all files below a folder that end so, as `**/*` finds them; those without a name yet
/// are where no reader looks.
fn lines(folder: &Path, extension: &str) -> Vec<String> {
    let (mut folders, mut lines) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(extension) {
                let text = std::fs::read_to_string(&path).unwrap();
                lines.extend(text.lines().map(str::to_owned));
            }
        }
    }
    lines.sort();
    lines
}

fn project(api: &Api, target: &str, sink: &str) -> Project {
    let project = Project::new([]);
    let yaml = format!(
        "sources:
  - name: orders
    url: {}
    data_path: /data
    pagination: {{kind: page_number, page_param: page, per_page_param: per_page}}
    schema: {{id: int64!, status: string, amount: \"decimal(12,2)\"}}
targets:
  - {{name: lake, {target}}}
",
        api.url()
    );
    project.write("pipelines.yaml", &yaml);
    let sql = format!("{{{{ sink({sink}) }}}} SELECT * FROM {{{{ use_source(\"orders\") }}}}");
    project.write("sql/orders.sql", &sql);
    project
}

fn api() -> Api {
    let status = |id| if id % 2 == 0 { "paid" } else { "new, \"open\"" };
    let orders = (1..=250).map(|id| json!({"id": id, "status": status(id), "amount": "12.50"}));
    let orders: Vec<_> = orders.collect();
    Api::serve(Collection::new(orders, Pagination::page_number()).data_path("/data"))
}

fn run(project: &Project) {
    let finished = finish(&mut project.apitap(["run", "--format", "json"]), LIMIT);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(report["pipelines"][0]["stored"], 250, "{report:#}");
}

#[test]
fn csv_is_written_by_the_command() {
    let api = api();
    let project = project(&api, "type: csv, path: data", "mode=\"replace\"");
    for _ in 0..2 {
        run(&project);
        let lines = lines(&project.path().join("data/orders"), ".csv");
        assert_eq!(lines.len(), 251);
        assert_eq!(lines.last().map(String::as_str), Some("id,status,amount"));
        assert!(lines.contains(&"7,\"new, \"\"open\"\"\",12.50".to_owned()));
    }
}

#[test]
fn json_lines_are_written_by_the_command_into_a_folder_for_each_value() {
    let api = api();
    let project =
        project(&api, "type: jsonl, path: data", "mode=\"append\", partition_by=[\"status\"]");
    run(&project);
    let folder = project.path().join("data/orders/status=paid");
    let lines = lines(&folder, ".jsonl");
    assert_eq!(lines.len(), 125);
    assert!(lines.contains(&r#"{"id":8,"amount":12.50}"#.to_owned()));
    assert!(project.path().join("data/orders/status=new%2C%20%22open%22").is_dir());
}
