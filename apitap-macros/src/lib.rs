//! `#[pipeline]`: REST API pipelines in Rust source.
