//! Earthquakes into SQLite.
fn main() {}
