//! The command loads through a driver, as the page says.

use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::process::{Finished, Project, finish};
use apitap_tests::readme::blocks_of;

use super::super::runs::LIMIT;
use super::*;

const SOURCES: &str = "sources:
  - name: orders
    url: ${API_URL}
    schema: {id: int64!, total: \"decimal(12,2)!\", tags: [string]}
";

/// The target of the page.
fn page() -> String {
    let blocks = blocks_of("docs/adbc.md", "yaml");
    blocks.into_iter().find(|block| block.info == "yaml pipelines.yaml").unwrap().text
}

fn orders() -> Vec<Value> {
    (1..=250)
        .map(|id| json!({ "id": id, "total": format!("{id}.50"), "tags": ["a", "b"] }))
        .collect()
}

fn run(project: &Project, api: &str, driver: &str) -> Finished {
    let mut command = project.apitap(["run"]);
    finish(command.env("API_URL", api).env("DUCKDB_DRIVER", driver), LIMIT)
}

#[test]
fn the_example_of_the_page_loads_into_duckdb_again_and_again() {
    let query = "{{ sink(key=[\"id\"]) }} SELECT id, total, tags FROM {{ use_source(\"orders\") }}";
    let yaml = format!("{SOURCES}{}", page());
    let project = Project::new([("pipelines.yaml", yaml.as_str()), ("sql/orders.sql", query)]);
    let api = apitap_tests::api::Api::serve_all([(
        "/orders",
        Collection::new(orders(), Pagination::None),
    )]);
    let driver = driver(AdbcDialect::Duckdb);
    for _ in 0..2 {
        let finished = run(&project, &api.url_of("/orders"), driver.to_str().unwrap());
        assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    }
    let file = project.path().join("shop.duckdb");
    let sums = "SELECT CAST(count(*) AS text), CAST(sum(total) AS text), CAST(any_value(tags) AS text) FROM orders";
    let found = ask(AdbcDialect::Duckdb, file.to_str().unwrap(), sums, false);
    assert_eq!(texts(&found), [r#"250|31500.00|["a","b"]"#]);
}

#[test]
fn a_driver_that_is_not_there_is_an_error_before_the_first_request() {
    let query = "{{ sink(mode=\"append\") }} SELECT id FROM {{ use_source(\"orders\") }}";
    let yaml = format!("{SOURCES}{}", page());
    let project = Project::new([("pipelines.yaml", yaml.as_str()), ("sql/orders.sql", query)]);
    let finished = run(&project, "http://127.0.0.1:1/orders", "/nowhere/libduckdb.so");
    assert_ne!(finished.code, Some(0));
    let said = finished.stderr + &finished.stdout;
    assert!(said.contains("cannot load the ADBC driver `${DUCKDB_DRIVER}`: "), "{said}");
    assert!(said.contains("pipeline: orders") && !said.contains("127.0.0.1"), "{said}");
}
