//! What is known of an expression that has failed: which, where in the query, on which values.

use std::fmt;

use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::Operator;

use super::guard::{Operation, Written};
use crate::shown::shown as safe;

/// An expression that could not be computed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What was to be computed.
    pub operation: Operation,
    /// Where it was written.
    pub written: Written,
    /// The operands, each with its name where it is a column.
    pub values: Vec<(Option<String>, String)>,
    /// Why, in a few words.
    pub why: String,
}

/// Characters of a value that are shown.
const SHOWN: usize = 60;

impl Failure {
    /// What an operation as written has met.
    pub(super) fn new(
        operation: &Operation,
        written: &Written,
        values: Vec<Option<ScalarValue>>,
        error: &DataFusionError,
    ) -> Self {
        let names = written.operands.iter().cloned().chain(std::iter::repeat(None));
        let named = names.zip(values).filter_map(|(name, value)| Some((name, shown(&value?))));
        Self {
            operation: operation.clone(),
            written: written.clone(),
            values: named.collect(),
            why: why(operation, error),
        }
    }

    /// Whether it is the same expression of a query that has failed, on whatever values.
    pub fn is_of_same(&self, other: &Self) -> bool {
        self.operation == other.operation && self.written == other.written
    }

    /// `` `qty` is 0 ``: the values of the columns that it was computed from, or else all of them.
    pub fn values(&self) -> String {
        let of_columns = self
            .values
            .iter()
            .filter_map(|(name, value)| name.as_ref().map(|name| format!("`{name}` is {value}")));
        let of_columns: Vec<_> = of_columns.collect();
        if !of_columns.is_empty() {
            return of_columns.join(", ");
        }
        let values: Vec<_> = self.values.iter().map(|(_, value)| value.as_str()).collect();
        if values.is_empty() {
            String::new()
        } else {
            format!("computed from {}", values.join(", "))
        }
    }
}

/// A value, if it is short.
fn shown(value: &ScalarValue) -> String {
    if value.is_null() {
        return "null".to_owned();
    }
    let text = match value.try_as_str() {
        Some(Some(text)) => format!("'{}'", safe(&begin(text))),
        _ => safe(&value.to_string()).into_owned(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// As much of a text as may be shown.
fn begin(text: &str) -> String {
    text.chars().take(SHOWN + 1).collect()
}

/// The engine's sentence in ours, as far as it is known what it means.
fn why(operation: &Operation, error: &DataFusionError) -> String {
    let text = error.find_root().strip_backtrace();
    let lower = text.to_lowercase();
    if lower.contains("divide by zero") {
        return "division by zero".to_owned();
    }
    match operation {
        Operation::Binary(Operator::Plus | Operator::Minus | Operator::Multiply)
        | Operation::Negate
            if lower.contains("overflow") || lower.contains("too large to store") =>
        {
            "the result does not fit its type".to_owned()
        }
        _ => sentence(&text),
    }
}

/// The engine's sentence without the names of its stages, on one line.
pub fn sentence(text: &str) -> String {
    const PREFIXES: [&str; 11] = [
        "Execution error: ",
        "Arrow error: ",
        "Optimizer rule 'simplify_expressions' failed",
        "Error during planning: ",
        "Internal error: ",
        "Cast error: ",
        "Compute error: ",
        "Parser error: ",
        "Invalid argument error: ",
        "Arithmetic overflow: ",
        "This feature is not implemented: ",
    ];
    let mut text = text.trim();
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix)) {
        text = rest.trim_start();
    }
    let line = text.lines().next().unwrap_or_default();
    let line = line.split(". This issue was likely").next().unwrap_or(line);
    // The rest of a report of several lines.
    line.trim_end_matches(": Syntax(").trim_end_matches('.').to_owned()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` cannot be computed: {}", self.operation, self.why)?;
        match self.values() {
            values if values.is_empty() => Ok(()),
            values => write!(f, "; {values}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for DataFusionError {
    fn from(failure: Failure) -> Self {
        Self::External(Box::new(failure))
    }
}
