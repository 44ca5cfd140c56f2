//! A value as it is written in the files → its literal parts, and those that are known later.
//!
//! `${NAME}`, `${NAME:-default}` and `$${` in any text; in the texts of a request also `{expression}`
//! and `{{`. The compiler's checks and the runtime both read templates here. Nothing here knows the
//! value of a variable or of an expression.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::expression::{self, Expression, ExpressionError};

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

/// A piece of a [`Template`] of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestPart {
    /// What is known when the program starts.
    Start(Part),
    /// What is known when the request is made.
    Expression(Expression),
}

/// What is wrong in a [`Template`] of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestTextError {
    /// In a `${…}`.
    Variable(TemplateError),
    /// In a `{…}`.
    Expression(ExpressionError),
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

impl AsRef<str> for Template {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

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

impl Template {
    /// Its parts in order, as [`Template::parts`], where it is the text of a request: its URL, a header, a
    /// parameter, a body.
    ///
    /// An expression begins with a brace and a letter, as in `{start}`; a brace before anything else
    /// stands for itself, as in JSON. `{{` is a literal `{`.
    ///
    /// # Errors
    /// The first `${…}` or `{…}` that is not well-formed.
    pub fn request_parts(&self) -> Result<Vec<RequestPart>, RequestTextError> {
        let mut parts = Vec::new();
        let mut from = 0;
        for hole in holes(&self.0) {
            let Hole { at, expression } = hole.map_err(RequestTextError::Expression)?;
            self.start_parts(from..at.start, &mut parts)?;
            match expression {
                Some(expression) => parts.push(RequestPart::Expression(expression)),
                None => parts.push(RequestPart::Start(Part::Literal("{".to_owned()))),
            }
            from = at.end;
        }
        self.start_parts(from..self.0.len(), &mut parts)?;
        Ok(parts)
    }

    /// The parts of a stretch without expressions.
    fn start_parts(
        &self,
        range: Range<usize>,
        parts: &mut Vec<RequestPart>,
    ) -> Result<(), RequestTextError> {
        let start = range.start;
        let text = self.0.get(range).unwrap_or_default();
        let found = Self(text.to_owned()).parts().map_err(|error| {
            let at = start + error.at.start..start + error.at.end;
            RequestTextError::Variable(TemplateError { at, ..error })
        })?;
        parts.extend(found.into_iter().map(RequestPart::Start));
        Ok(())
    }
}

/// An expression of a text, with its braces; `{{` where it is none.
struct Hole {
    at: Range<usize>,
    expression: Option<Expression>,
}

/// The expressions of a text, up to the first that is not well-formed.
fn holes(text: &str) -> impl Iterator<Item = Result<Hole, ExpressionError>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(found) = text.get(at..).and_then(|rest| rest.find('{')) {
            let open = at + found;
            let before = text.get(..open).unwrap_or_default();
            let behind = text.get(open + 1..).unwrap_or_default();
            if before.ends_with('$') {
                // `${NAME}`: what stands in it is no expression.
                at = behind.find('}').map_or(text.len(), |end| open + 1 + end + 1);
            } else if behind.starts_with('{') {
                at = open + 2;
                if let Some(error) = doubled(text, open) {
                    at = text.len();
                    return Some(Err(error));
                }
                return Some(Ok(Hole { at: open..at, expression: None }));
            } else if behind.starts_with(|c: char| c.is_alphabetic() || c == '_') {
                let parsed = expression::parse(text, open);
                at = parsed.as_ref().map_or(text.len(), |parsed| parsed.end);
                return Some(parsed.map(|parsed| Hole {
                    at: open..parsed.end,
                    expression: Some(parsed.expression),
                }));
            } else {
                at = open + 1;
            }
        }
        None
    })
}

/// `{{ start }}`, as other tools write it.
fn doubled(text: &str, open: usize) -> Option<ExpressionError> {
    let behind = text.get(open + 2..)?;
    let inside = behind.get(..behind.find("}}")?)?;
    let name = inside.trim();
    let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    is_name.then(|| ExpressionError {
        at: open..open + 2 + inside.len() + 2,
        message: format!("`{{{{{inside}}}}}` has two braces"),
        help: format!(
            "an expression has one: `{{{name}}}`; the text `{{{name}}}` is `{{{{{name}}}`"
        ),
    })
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
            help: match tail.starts_with('.') {
                true => format!("for a field of what it is requested for, write `{{{inside}}}`"),
                false => format!("write `${{{name}}}`, or `${{{name}:-default}}`"),
            },
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
