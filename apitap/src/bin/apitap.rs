//! The `apitap` command.
fn main() {}
