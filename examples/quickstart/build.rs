//! Compiles the pipelines.
fn main() {}
