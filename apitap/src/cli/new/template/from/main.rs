//! Records of an API into SQLite.

apitap::main!();
