//! What a driver says that it could not do, as the error of a database: in one line, with its code.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use adbc_core::error::{Error as AdbcError, Status};
use sqlx::error::{DatabaseError, ErrorKind};

/// The longest message that is shown whole, in characters: some drivers repeat the statement.
const LONGEST: usize = 600;
/// Under this name an error keeps where a driver was looked for.
const TRACE: &str = "adbc.drivermanager.driver_load_trace";

/// A driver's own words.
#[derive(Debug)]
pub(super) struct Refusal {
    said: String,
    /// The SQLSTATE, where there is one.
    code: Option<String>,
    status: Status,
}

/// A driver's error, as that of a database.
pub(super) fn refused(error: AdbcError) -> sqlx::Error {
    sqlx::Error::Database(Box::new(Refusal::of(&error)))
}

/// What a database does not do as it must, found out by asking it.
pub(super) fn own(said: &str) -> sqlx::Error {
    let said = said.to_owned();
    sqlx::Error::Database(Box::new(Refusal { said, code: None, status: Status::Unknown }))
}

/// What an error says, in one line.
pub(super) fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => match error.code() {
            Some(code) => format!("{} (SQLSTATE {code})", error.message()),
            None => error.message().to_owned(),
        },
        other => other.to_string(),
    }
}

/// What went wrong at each place where a driver was looked for.
pub(super) fn looked_for(error: &AdbcError) -> Vec<String> {
    let details = error.details.iter().flatten().filter(|(name, _)| name == TRACE);
    let lines = details.flat_map(|(_, text)| {
        let text = String::from_utf8_lossy(text).into_owned();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    // `Internal: Error with dynamic library: … (sqlstate: 00000, vendor_code: 0)`
    let words = lines.map(|line| {
        let line = line.rsplit_once(" (sqlstate:").map_or(line.as_str(), |(line, _)| line);
        words(line.split_once(": ").map_or(line, |(_, said)| said))
    });
    words.collect()
}

impl Refusal {
    pub(super) fn of(error: &AdbcError) -> Self {
        let code: String = error.sqlstate.iter().map(|c| char::from(c.unsigned_abs())).collect();
        let code = code.trim_matches('\0').to_owned();
        let has_code = !code.is_empty() && code != "00000";
        let mut said = words(&error.message);
        if error.vendor_code != 0 && error.vendor_code != i32::MIN {
            said.push_str(&format!(" (code {})", error.vendor_code));
        }
        Self { said, code: has_code.then_some(code), status: error.status }
    }
}

/// A driver's message without what is around it: `[libpq] Failed to execute query '…': ERROR:  …`.
fn words(message: &str) -> String {
    let said = message.rsplit_once(". SQLSTATE:").map_or(message, |(said, _)| said);
    let said =
        said.find("ERROR:  ").and_then(|at| said.get(at + "ERROR:  ".len()..)).unwrap_or(said);
    let said = said.strip_prefix("[libpq] ").unwrap_or(said);
    let words: Vec<_> = said.split_whitespace().collect();
    let said = words.join(" ");
    match said.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", said.get(..end).unwrap_or_default()),
        None => said,
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

impl StdError for Refusal {}

impl DatabaseError for Refusal {
    fn message(&self) -> &str {
        &self.said
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        self.code.as_deref().map(Cow::Borrowed)
    }

    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
        self
    }

    /// Which constraint it was, few drivers tell.
    fn kind(&self) -> ErrorKind {
        let said = self.said.to_ascii_lowercase();
        let is_unique = ["unique constraint", "primary key constraint", "duplicate key"];
        match self.status {
            _ if is_unique.iter().any(|words| said.contains(words)) => ErrorKind::UniqueViolation,
            Status::Integrity => ErrorKind::CheckViolation,
            _ => ErrorKind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, state: &[u8; 5], expected: &str) {
        let sqlstate = state.map(|c| std::os::raw::c_char::try_from(c).unwrap());
        let error =
            AdbcError { sqlstate, ..AdbcError::with_message_and_status(message, Status::Unknown) };
        assert_eq!(said(&refused(error)), expected);
    }

    #[test]
    fn a_message_is_one_line_without_the_statement_and_with_its_code() {
        check(
            "[libpq] Failed to execute query 'SELECT 1': ERROR:  division by zero\nLINE 1: x\n. SQLSTATE: 22012",
            b"22012",
            "division by zero LINE 1: x (SQLSTATE 22012)",
        );
        check(
            "Constraint Error: Duplicate key \"id: 90\"",
            &[0; 5],
            "Constraint Error: Duplicate key \"id: 90\"",
        );
        check(&"x".repeat(700), b"00000", &format!("{}…", "x".repeat(600)));
    }
}
