//! A value as it is written in the files → its literal parts, and those that are known later.
//!
//! `${NAME}`, `${NAME:-default}` and `$${`. The compiler's checks and the runtime both read templates
//! here. Nothing here knows a variable's value.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A string in which `${NAME}` and `${NAME:-default}` stand for environment variables at run time.
///
/// `$${` is a literal `${`. Its `Debug` shows what was written, which never is the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template(pub String);

/// A piece of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Stands for itself.
    Literal(String),
    /// Stands for an environment variable's value.
    Variable {
        /// The variable's name: a letter or `_`, then letters, digits and `_`.
        name: String,
        /// What to take where the variable is not set or empty.
        default: Option<String>,
    },
}

/// What is wrong in a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// Where, in bytes of the text.
    pub at: Range<usize>,
    /// What, in the user's words.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TemplateError {}

impl Template {
    /// Its parts in order, neighbouring literals as one; an empty text has none.
    ///
    /// # Errors
    /// The first `${…}` that is not closed, has no proper name, or has something other than
    /// `:-default` after its name.
    pub fn parts(&self) -> Result<Vec<Part>, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = self.0.as_str();
        while let Some(dollar) = rest.find('$') {
            let (before, from) = rest.split_at(dollar);
            literal.push_str(before);
            if let Some(after) = from.strip_prefix("$${") {
                literal.push_str("${");
                rest = after;
            } else if let Some(after) = from.strip_prefix("${") {
                let start = self.0.len() - from.len();
                let (inside, after) = after.split_once('}').ok_or_else(|| TemplateError {
                    at: start..self.0.len(),
                    message: "`${` is not closed".to_owned(),
                    help: "write `${NAME}`, or `$${` for a literal `${`".to_owned(),
                })?;
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(variable(inside, start)?);
                rest = after;
            } else {
                literal.push('$');
                rest = from.strip_prefix('$').unwrap_or(from);
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(parts)
    }
}

/// What stands between `${` and `}`; `start` is where the `$` is.
fn variable(inside: &str, start: usize) -> Result<Part, TemplateError> {
    let whole = start..start + inside.len() + "${}".len();
    let name_length = inside
        .find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
        .unwrap_or(inside.len());
    let (name, tail) = inside.split_at(name_length);
    let name_at = start + "${".len();
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(TemplateError {
            at: whole,
            message: if inside.is_empty() {
                "`${}` names no variable".to_owned()
            } else {
                format!("`{inside}` is not a variable's name")
            },
            help: "a name has ASCII letters, digits and `_`, and does not start with a digit"
                .to_owned(),
        });
    }
    if tail.is_empty() {
        return Ok(Part::Variable { name: name.to_owned(), default: None });
    }
    let Some(default) = tail.strip_prefix(":-") else {
        return Err(TemplateError {
            at: name_at + name_length..name_at + inside.len(),
            message: format!("`{tail}` cannot follow the name `{name}`"),
            help: format!("write `${{{name}}}`, or `${{{name}:-default}}`"),
        });
    };
    if let Some(inner) = default.find("${") {
        let inner_at = name_at + name_length + ":-".len() + inner;
        return Err(TemplateError {
            at: inner_at..name_at + inside.len(),
            message: "a default cannot hold another `${`".to_owned(),
            help: "write the default out".to_owned(),
        });
    }
    Ok(Part::Variable { name: name.to_owned(), default: Some(default.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts as `literal` and `<NAME>` or `<NAME|default>`, or the error's place and message.
    fn check(text: &str, expected: &str) {
        let shown = match Template(text.to_owned()).parts() {
            Ok(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Literal(literal) => literal.clone(),
                    Part::Variable { name, default: None } => format!("<{name}>"),
                    Part::Variable { name, default: Some(default) } => {
                        format!("<{name}|{default}>")
                    }
                })
                .collect::<Vec<_>>()
                .join("+"),
            Err(error) => format!("{} @ {:?}", error.message, &text[error.at.clone()]),
        };
        assert_eq!(shown, expected, "{text:?}");
    }

    #[test]
    fn literals_stand_for_themselves() {
        check("", "");
        check("plain", "plain");
        check("costs 5$ or $x, }", "costs 5$ or $x, }");
        check("$", "$");
        check("é$é", "é$é");
    }

    #[test]
    fn variables_are_found_in_their_places() {
        check("${A}", "<A>");
        check("https://${HOST_1}/v1?k=${_k}", "https://+<HOST_1>+/v1?k=+<_k>");
        check("${A:-}", "<A|>");
        check("${A:-http://x:80/-y}", "<A|http://x:80/-y>");
        check("${A}${B}", "<A>+<B>");
    }

    #[test]
    fn an_escaped_dollar_is_a_literal() {
        check("$${A}", "${A}");
        check("a $${A} ${B}", "a ${A} +<B>");
        check("$$", "$$");
    }

    #[test]
    fn mistakes_are_named_where_they_are() {
        check("x ${A", "`${` is not closed @ \"${A\"");
        check("x ${} y", "`${}` names no variable @ \"${}\"");
        check("${1A}", "`1A` is not a variable's name @ \"${1A}\"");
        check("${ A }", "` A ` is not a variable's name @ \"${ A }\"");
        check("é ${A-b}", "`-b` cannot follow the name `A` @ \"-b\"");
        check("${A:b}", "`:b` cannot follow the name `A` @ \":b\"");
        check("${A:-${B}}", "a default cannot hold another `${` @ \"${B\"");
    }
}
