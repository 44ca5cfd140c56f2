//! Any database that speaks standard SQL.

use super::words::{STANDARD, Speech, Words};
use crate::definition::AdbcDialect;

#[derive(Debug, Clone, Copy)]
pub(in crate::sink::adbc) struct Ansi;

impl Speech for Ansi {
    const DIALECT: AdbcDialect = AdbcDialect::Standard;
    const WORDS: Words = STANDARD;
}
