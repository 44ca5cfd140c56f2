//! Compiles `pipelines.yaml` and `sql/` into typed pipelines.

fn main() {
    apitap_build::compile("pipelines.yaml", "sql");
}
