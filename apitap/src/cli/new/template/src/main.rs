//! Earthquakes into SQLite.

apitap::main!();

#[cfg(test)]
mod tests;
