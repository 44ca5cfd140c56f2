//! What README.md says is so: its commands are those of CI, its project runs, its Rust compiles.

use std::time::Duration;

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::process::{Project, finish};
use apitap_tests::readme::{Block, blocks, root};
use serde_json::json;

use super::runs::{LIMIT, sqlite_file};

/// The README's Rust, compiled with these tests.
#[allow(dead_code, reason = "it is compiled, not run")]
mod rust {
    include!("readme/paid_orders.rs");
    include!("readme/order_lines.rs");
    include!("readme/only_paid.rs");
    include!("readme/total.rs");
}

/// The block that is said to be the content of this file.
fn file(language: &str, name: &str) -> Block {
    let info = format!("{language} {name}");
    let found = blocks(language).into_iter().find(|block| block.info == info);
    found.unwrap_or_else(|| panic!("README.md has no block `{info}`"))
}

#[test]
fn the_two_commands_are_those_of_ci() {
    let commands: Vec<_> = blocks("sh").into_iter().filter(|block| block.info == "sh").collect();
    let texts: Vec<_> = commands.iter().map(|block| block.text.trim()).collect();
    assert_eq!(texts, ["cargo run -p quickstart", "cargo test --workspace"]);
    let ci = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    for command in texts {
        assert!(ci.contains(&format!("step {command}")), "CI does not run `{command}`");
    }
}

#[test]
fn the_first_rows_come_before_what_takes_longer() {
    let line = |info: &str, text: &str| {
        let found = blocks("sh").into_iter().find(|block| block.info == info);
        let found = found.filter(|block| block.text.contains(text));
        found.unwrap_or_else(|| panic!("README.md has no block `{info}` with `{text}`")).line
    };
    let lines = [
        line("sh clone", "git clone"),
        line("sh", "cargo run -p quickstart"),
        line("sh development", "cargo build -p apitap\n"),
        line("sh install", "cargo install --path apitap\n"),
    ];
    assert!(lines.is_sorted(), "{lines:?}");
}

#[test]
fn the_rust_is_what_is_compiled_here() {
    let block = blocks("rust").into_iter().find(|block| block.info == "rust").unwrap();
    assert_eq!(block.text, include_str!("readme/paid_orders.rs"));
    assert_eq!(file("rust", "only_paid").text, include_str!("readme/only_paid.rs"));
    assert_eq!(file("rust", "total").text, include_str!("readme/total.rs"));
    assert_eq!(rust::paid_orders::PIPELINE.name(), "paid_orders");
    let definition = rust::paid_orders::PIPELINE.definition().unwrap();
    assert_eq!(definition.key, ["id"]);
}

#[test]
fn rust_in_the_pipeline_does_what_it_says() {
    use rust::order_lines::{Domain, Line, Order, transform_domain, transform_line};
    let block = blocks("rust").into_iter().find(|block| block.info == "rust order_lines").unwrap();
    assert_eq!(block.text, include_str!("readme/order_lines.rs"));
    let order = |email: Option<&str>| Order {
        id: 1,
        email: email.map(str::to_owned),
        skus: vec!["a".to_owned(), "b".to_owned()],
    };
    let orders = [order(Some("me@shop.example")), order(Some("nobody")), order(None)];
    let domains = apitap::block_on(transform_domain(orders)).unwrap();
    let domains: Vec<_> = domains.into_iter().map(|Domain { domain, .. }| domain).collect();
    assert_eq!(domains, [Some("shop.example".to_owned()), None, None]);
    let lines = apitap::block_on(transform_line([order(None)])).unwrap();
    let lines: Vec<_> = lines.into_iter().map(|Line { sku, .. }| sku).collect();
    assert_eq!(lines, ["a", "b"]);
}

#[test]
fn its_own_project_loads_what_the_shop_says() {
    let yaml = file("yaml", "pipelines.yaml").text;
    let sql = file("sql", "sql/paid_orders.sql").text;
    let project = Project::new([("pipelines.yaml", &*yaml), ("sql/paid_orders.sql", &*sql)]);
    let checked = finish(&mut project.apitap(["check"]), LIMIT);
    assert_eq!((checked.code, &*checked.stderr), (Some(0), "1 pipeline, nothing wrong\n"));

    let orders = (1..=250).map(|id| {
        json!({
            "id": id,
            "status": if id % 2 == 0 { "paid" } else { "open" },
            "total": format!("{id}.50"),
            "customer": {"id": id, "email": null},
            "placed_at": "2026-11-24T08:00:00Z",
        })
    });
    let orders: Vec<_> = orders.collect();
    let collection =
        Collection::new(orders, Pagination::cursor()).require("authorization", "Bearer s3cret!");
    let api = Api::serve_all([("/api/orders", collection)]);
    let mut command = project.apitap(["run"]);
    command.env("SHOP_URL", api.url_of("")).env("SHOP_TOKEN", "s3cret!");
    let finished = finish(&mut command, Duration::from_secs(60));
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    let rows = sqlite_file(
        &project.path().join("shop.db"),
        "SELECT json_array(count(*), max(total), max(placed_at)) FROM paid_orders",
    );
    assert_eq!(rows, [json!([125, "98.50", "2026-11-24T08:00:00.000000Z"])]);
}
