//! The text of a CSV body (RFC 4180), piece by piece → its rows, each written as a JSON record.
//!
//! ```text
//! id,paid,note            {"id":1,"paid":true,"note":null}
//! 1,true,            →    {"id":2,"paid":false,"note":""}
//! 2,false,""
//! ```
//! The header says the names. What a text becomes follows from the declared type of its field; what
//! does not fit it is handed on as a string, so that the decoder says so as it does of any record. A
//! row that has not the columns of the header ends the body with an error that names its line.

use std::fmt::Write as _;

use apitap_build::nearest::nearest;
use serde::de::IgnoredAny;

use super::layout::{Cell, Layout};
use super::store::Store;
use crate::Error;
use crate::source::json::Fault;

/// The most names that a message lists.
const SHOWN: usize = 20;

/// Reads the rows of one body.
#[derive(Debug)]
pub(super) struct Csv {
    /// The fields that are declared.
    declared: Vec<(String, Cell)>,
    /// The most bytes of a row.
    longest: usize,
    /// Whether there may be no header, and so no rows.
    allow_empty: bool,
    header: Option<Vec<Column>>,
    state: State,
    /// The texts of the row that has begun, one behind the other, and where each ends.
    row: String,
    fields: Vec<Text>,
    /// Whether the field that has begun is quoted.
    quoted: bool,
    /// Lines that have ended, and the line on which the row begins, from 1.
    lines: u64,
    row_line: u64,
    /// Rows that have ended, the header aside.
    ended: u64,
    /// A row as it is handed on.
    record: String,
    /// Why nothing more is read.
    error: Option<Error>,
    begun: bool,
}

/// A column of the body.
#[derive(Debug)]
struct Column {
    /// Its name as the key of a JSON object, with quotes and colon.
    key: String,
    cell: Cell,
}

/// A field of a row.
#[derive(Debug, Clone, Copy)]
struct Text {
    end: usize,
    quoted: bool,
}

/// Where in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the start of a field.
    Start,
    /// In a field without quotes.
    Plain,
    /// Between the quotes of a field.
    Quoted,
    /// Behind a quote in a quoted field: its end, or the half of a doubled one.
    Quote,
    /// Behind the carriage return that has ended a row.
    Return,
}

impl Csv {
    pub(super) fn new(layout: &Layout, longest: usize) -> Self {
        Self {
            declared: layout.cells.clone(),
            longest,
            allow_empty: layout.allow_empty,
            header: None,
            state: State::Start,
            row: String::new(),
            fields: Vec::new(),
            quoted: false,
            lines: 0,
            row_line: 1,
            ended: 0,
            record: String::new(),
            error: None,
            begun: false,
        }
    }

    /// Reads on; hands the rows that end to `store`.
    pub(super) fn split(&mut self, piece: &str, store: &mut Store) -> Result<(), Fault> {
        let mut rest = piece;
        if !std::mem::replace(&mut self.begun, true) {
            rest = piece.get(super::mark(piece)..).unwrap_or_default();
            if let Some(first @ ('<' | '{' | '[')) = rest.trim_start().chars().next() {
                return Err(Fault::malformed(
                    "is not CSV",
                    0,
                    format!(": it begins with `{first}`"),
                ));
            }
        }
        while !rest.is_empty() && self.error.is_none() {
            let taken = self.step(rest, store);
            rest = rest.get(taken..).unwrap_or_default();
            if self.row.len() > self.longest {
                let message = format!("a row is longer than {} MiB", self.longest >> 20);
                self.fail(Error::data(message).help("look for a quote that is not closed"));
            }
        }
        Ok(())
    }

    /// Reads the text of a field up to what ends it, or that: how much was read.
    fn step(&mut self, rest: &str, store: &mut Store) -> usize {
        let bytes = rest.as_bytes();
        let first = bytes.first().copied().unwrap_or_default();
        match (self.state, first) {
            (State::Return, b'\n') => self.state = State::Start,
            (State::Return, _) => {
                self.state = State::Start;
                return 0;
            }
            (State::Start, b'"') => (self.state, self.quoted) = (State::Quoted, true),
            (State::Quote, b'"') => {
                self.row.push('"');
                self.state = State::Quoted;
            }
            (State::Start | State::Plain | State::Quote, b',') => self.end_field(),
            (State::Start | State::Plain | State::Quote, b'\n' | b'\r') => {
                self.end_field();
                self.end_row(store);
                self.lines += 1;
                self.row_line = self.lines + 1;
                self.state = if first == b'\r' { State::Return } else { State::Start };
            }
            (State::Quote, _) => {
                let message =
                    format!("line {} has text behind the closing quote of a field", self.lines + 1);
                self.fail(Error::data(message).help(
                    "a quote in a quoted field is written twice: the API's CSV is not valid",
                ));
            }
            (State::Quoted, b'"') => self.state = State::Quote,
            (State::Quoted, _) => {
                let end = memchr::memchr(b'"', bytes).unwrap_or(bytes.len());
                let text = rest.get(..end).unwrap_or_default();
                self.lines += memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64;
                self.row.push_str(text);
                return end;
            }
            (State::Start | State::Plain, _) => {
                let end = memchr::memchr3(b',', b'\n', b'\r', bytes).unwrap_or(bytes.len());
                self.row.push_str(rest.get(..end).unwrap_or_default());
                self.state = State::Plain;
                return end;
            }
        }
        1
    }

    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    fn end_field(&mut self) {
        let quoted = std::mem::take(&mut self.quoted);
        self.fields.push(Text { end: self.row.len(), quoted });
        self.state = State::Start;
    }

    fn end_row(&mut self, store: &mut Store) {
        let is_blank = matches!(self.fields[..], [Text { end: 0, quoted: false }]);
        match self.header.take() {
            None if is_blank => {}
            None => self.header = self.read_header(),
            // Of a single column, an empty line is a row whose field is null.
            Some(header) if is_blank && header.len() > 1 => self.header = Some(header),
            Some(header) => {
                self.write_row(&header, store);
                self.header = Some(header);
            }
        }
        self.row.clear();
        self.fields.clear();
    }

    /// The columns, which must have all declared fields; `None` where they have not.
    fn read_header(&mut self) -> Option<Vec<Column>> {
        let names: Vec<_> = texts(&self.row, &self.fields).map(|(name, _)| name.trim()).collect();
        let error = self.wrong_header(&names);
        let column = |name: &&str| {
            let mut key = String::new();
            push_string(&mut key, name);
            key.push(':');
            let declared = self.declared.iter().find(|(field, _)| field == name);
            Column { key, cell: declared.map_or(Cell::Text, |(_, cell)| *cell) }
        };
        let columns = names.iter().map(column).collect();
        match error {
            Some(error) => {
                self.fail(error);
                None
            }
            None => Some(columns),
        }
    }

    fn wrong_header(&self, names: &[&str]) -> Option<Error> {
        let line = self.row_line;
        for (index, name) in names.iter().enumerate() {
            if name.is_empty() {
                let message = format!("column {} has no name in the header", index + 1);
                return Some(
                    Error::data(message).help(format!("line {line} must name each column")),
                );
            }
            if names.get(..index).is_some_and(|before| before.contains(name)) {
                let message = format!("two columns of the header are named `{name}`");
                return Some(Error::data(message).help(format!(
                    "line {line} must name each column once: which of the two is meant is not known"
                )));
            }
        }
        let (missing, _) = self.declared.iter().find(|(field, _)| !names.contains(&&**field))?;
        let known: Vec<_> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
        let help = match nearest(missing, names.iter().copied()) {
            Some(near) => format!("a similar column exists: `{near}`"),
            None => format!("line {line} has {}", known.join(", ")),
        };
        Some(Error::data(format!("the header has no column `{missing}`")).help(help))
    }

    fn write_row(&mut self, header: &[Column], store: &mut Store) {
        if self.fields.len() != header.len() {
            let message = format!(
                "line {} has {} fields, where the header has {} columns",
                self.row_line,
                self.fields.len(),
                header.len()
            );
            let error = Error::data(message).at_record(self.ended + 1);
            self.fail(error.help("a field with a comma, a quote or a line break must be quoted"));
            return;
        }
        let record = &mut self.record;
        record.clear();
        for (column, (text, quoted)) in header.iter().zip(texts(&self.row, &self.fields)) {
            record.push(if record.is_empty() { '{' } else { ',' });
            record.push_str(&column.key);
            match text.is_empty() && !quoted {
                true => record.push_str("null"),
                false => column.cell.push(record, text),
            }
        }
        record.push('}');
        let start = store.bytes();
        store.push(record);
        let end = store.bytes();
        store.ranges().push(start..end);
        store.push("\n");
        self.ended += 1;
    }

    /// The number of the row that is being read, from 1.
    pub(super) fn record(&self) -> u64 {
        self.ended + 1
    }

    /// Ends the body, which must be whole; its last line may be without a line break.
    ///
    /// # Errors
    /// The outer one where it ends too early; the inner one where it is not what it should be.
    pub(super) fn end(&mut self, store: &mut Store) -> Result<Result<(), Error>, Fault> {
        let begun = self.state != State::Start && self.state != State::Return;
        if self.error.is_none() && (begun || !self.fields.is_empty()) {
            if self.state == State::Quoted {
                return Err(Fault::ends("a quoted field"));
            }
            self.end_field();
            let columns = self.header.as_ref().map_or(0, Vec::len);
            if self.fields.len() < columns {
                return Err(Fault::ends("a row"));
            }
            self.end_row(store);
        }
        match self.error.take() {
            Some(error) => Ok(Err(error)),
            None if self.header.is_none() && !self.allow_empty => Err(Fault::ends("its header")),
            None => Ok(Ok(())),
        }
    }
}

/// The texts of a row, and whether each is quoted.
fn texts<'r>(row: &'r str, fields: &'r [Text]) -> impl Iterator<Item = (&'r str, bool)> {
    let mut start = 0;
    fields.iter().map(move |field| {
        let text = row.get(start..field.end).unwrap_or_default();
        start = field.end;
        (text, field.quoted)
    })
}

impl Cell {
    /// Writes a text as a value of JSON.
    fn push(self, record: &mut String, text: &str) {
        let trimmed = text.trim();
        let fits = match self {
            Self::Text => false,
            Self::Number => push_number(record, trimmed),
            Self::Bool => flag(trimmed).is_some_and(|flag| write!(record, "{flag}").is_ok()),
            Self::Json => {
                let is_json = serde_json::from_str::<IgnoredAny>(trimmed).is_ok();
                if is_json {
                    record.push_str(trimmed);
                }
                is_json
            }
        };
        if !fits {
            push_string(record, text);
        }
    }
}

fn flag(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    match text {
        _ if is(&["true", "t", "yes", "y", "1"]) => Some(true),
        _ if is(&["false", "f", "no", "n", "0"]) => Some(false),
        _ => None,
    }
}

/// Writes a number as JSON has it: without a plus, without leading zeros, with digits on both sides of
/// the point. Anything else is not written.
fn push_number(record: &mut String, text: &str) -> bool {
    let (sign, digits) = match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(digits), _) => ("-", digits),
        (None, Some(digits)) => ("", digits),
        (None, None) => ("", text),
    };
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let power = exponent.map(|power| power.strip_prefix(['+', '-']).unwrap_or(power));
    let is_number = all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && power.is_none_or(|power| !power.is_empty() && all_digits(power));
    if !is_number {
        return false;
    }
    record.push_str(sign);
    let whole = whole.trim_start_matches('0');
    record.push_str(if whole.is_empty() { "0" } else { whole });
    if !fraction.is_empty() {
        record.push('.');
        record.push_str(fraction);
    }
    if let Some(exponent) = exponent {
        record.push('e');
        record.push_str(exponent);
    }
    true
}

/// Writes a JSON string.
pub(in crate::source) fn push_string(record: &mut String, text: &str) {
    record.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        record.push_str(plain);
        let mut characters = special.chars();
        match characters.next() {
            Some(quoted @ ('"' | '\\')) => record.extend(['\\', quoted]),
            // Writing into a string does not fail.
            Some(control) => drop(write!(record, "\\u{:04x}", u32::from(control))),
            None => {}
        }
        rest = characters.as_str();
    }
    record.push_str(rest);
    record.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cell: Cell, text: &str, expected: &str) {
        let mut record = String::new();
        cell.push(&mut record, text);
        assert_eq!(record, expected, "{text}");
    }

    #[test]
    fn texts_are_written_as_their_types_are_in_json() {
        for (text, expected) in [
            ("12", "12"),
            ("-007", "-7"),
            ("+5", "5"),
            ("0", "0"),
            ("00", "0"),
            (" 1.50 ", "1.50"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1E+3", "1e+3"),
            ("1,5", "\"1,5\""),
            (".", "\".\""),
            ("1e", "\"1e\""),
            ("NaN", "\"NaN\""),
            ("0x1f", "\"0x1f\""),
        ] {
            check(Cell::Number, text, expected);
        }
        for (text, expected) in [("TRUE", "true"), ("0", "false"), ("maybe", "\"maybe\"")] {
            check(Cell::Bool, text, expected);
        }
        check(Cell::Json, "{\"a\": [1]}", "{\"a\": [1]}");
        check(Cell::Json, "free text", "\"free text\"");
        check(Cell::Text, "a \"b\" \\ \u{1}\né", "\"a \\\"b\\\" \\\\ \\u0001\\u000aé\"");
    }
}
