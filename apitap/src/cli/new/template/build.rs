//! Checks `pipelines.yaml` and `sql/`, and compiles them into typed pipelines.

fn main() {
    apitap_build::compile("pipelines.yaml", "sql");
}
