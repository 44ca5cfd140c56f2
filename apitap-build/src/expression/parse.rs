//! A text → the expression that begins in it.
//!
//! Recursive descent; the depth of brackets is bounded. Says what was expected where it stops.

use std::ops::Range;

use super::{Expression, ExpressionError, Function, NOT, Node, Operator};
use crate::duration::UNITS;
use crate::nearest::nearest;

/// How deeply brackets, calls and `not` may stand in each other.
const DEPTH: usize = 40;

/// What a condition looks like.
const ALONE: &str = "write it as in `status == 200 and body(\"/ok\") == false`, without braces";

/// The words that are no names.
const WORDS: [&str; 5] = ["and", "or", "not", "true", "false"];

/// An expression, and where the brace behind it ends.
pub(crate) struct Parsed {
    pub(crate) expression: Expression,
    pub(crate) end: usize,
}

/// A text that is nothing but an expression.
pub(crate) fn parse_alone(text: &str) -> Result<Expression, ExpressionError> {
    let mut parser = Parser { text, at: 0, open: 0, depth: 0, alone: true };
    let expression = parser.expression(0)?;
    parser.skip_space();
    if !parser.rest().is_empty() {
        return Err(parser.unexpected("an operator"));
    }
    Ok(expression)
}

/// The expression whose brace opens at `open`.
pub(crate) fn parse(text: &str, open: usize) -> Result<Parsed, ExpressionError> {
    let mut parser = Parser { text, at: open + 1, open, depth: 0, alone: false };
    let expression = parser.expression(0)?;
    parser.skip_space();
    if !parser.take("}") {
        return Err(parser.unexpected("an operator or `}`"));
    }
    Ok(Parsed { expression, end: parser.at })
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    open: usize,
    depth: usize,
    /// Whether there are no braces around it.
    alone: bool,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, token: &str) -> bool {
        let taken = self.rest().starts_with(token);
        self.at += if taken { token.len() } else { 0 };
        taken
    }

    /// Letters, digits and `_`.
    fn word(&self) -> &str {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    /// An expression whose operators hold at least so closely.
    fn expression(&mut self, least: u8) -> Result<Expression, ExpressionError> {
        self.skip_space();
        self.deeper()?;
        let mut left = match self.word() {
            "not" => self.not(least)?,
            _ => self.operand()?,
        };
        let mut compared = false;
        while let Some(operator) = self.operator(least)? {
            if operator.compares() && std::mem::replace(&mut compared, true) {
                let at = self.at - operator.text().len()..self.at;
                let message = "a comparison cannot be compared";
                return Err(ExpressionError::new(at, message, "join two comparisons with `and`"));
            }
            let right = self.expression(operator.strength() + 1)?;
            let at = left.at.start..right.at.end;
            let node = Node::Binary(operator, Box::new(left), Box::new(right));
            left = Expression { at, node };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn deeper(&mut self) -> Result<(), ExpressionError> {
        self.depth += 1;
        if self.depth <= DEPTH {
            return Ok(());
        }
        let message = format!("the expression is nested more than {DEPTH} levels deep");
        Err(ExpressionError::new(self.open..self.at, message, "write a simpler one"))
    }

    fn not(&mut self, least: u8) -> Result<Expression, ExpressionError> {
        let start = self.at;
        if least > NOT {
            let help = "write brackets around it: `(not …)`";
            return Err(ExpressionError::new(start..start + 3, "`not` cannot stand here", help));
        }
        self.at += "not".len();
        let inner = self.expression(NOT)?;
        Ok(Expression { at: start..inner.at.end, node: Node::Not(Box::new(inner)) })
    }

    /// The operator that comes next, if it holds closely enough to belong to this expression.
    fn operator(&mut self, least: u8) -> Result<Option<Operator>, ExpressionError> {
        self.skip_space();
        let word = self.word();
        let found = Operator::ALL.iter().find(|operator| {
            let text = operator.text();
            if word.is_empty() { self.rest().starts_with(text) } else { word == text }
        });
        let Some(operator) = found else { return self.no_operator() };
        if operator.strength() < least {
            return Ok(None);
        }
        self.at += operator.text().len();
        Ok(Some(*operator))
    }

    /// Operators of other languages.
    fn no_operator(&self) -> Result<Option<Operator>, ExpressionError> {
        let others = [
            ("=", "two values are compared with `==`"),
            ("||", "texts are written one behind the other: `{a}{b}`; of conditions, it is `or`"),
            ("|", "a function is called with its argument: `lower(name)`"),
            ("&&", "write `and`"),
            ("?", "write `if(condition, then, else)`"),
            ("*", "times and whole numbers can be added and subtracted, and nothing else"),
            ("/", "times and whole numbers can be added and subtracted, and nothing else"),
            ("[", "what stands in a record is reached with a dot: `customer.id`"),
        ];
        match others.into_iter().find(|(token, _)| self.rest().starts_with(token)) {
            Some((token, help)) => {
                let message = format!("`{token}` is not an operator");
                Err(ExpressionError::new(self.at..self.at + token.len(), message, help))
            }
            None => Ok(None),
        }
    }

    fn operand(&mut self) -> Result<Expression, ExpressionError> {
        let start = self.at;
        let node = match self.rest().chars().next() {
            Some('(') => {
                self.at += 1;
                let inner = self.expression(0)?;
                self.close(start)?;
                inner.node
            }
            Some(quote @ ('"' | '\'')) => self.string(quote)?,
            Some(first) if first.is_ascii_digit() || first == '-' => self.number()?,
            Some(first) if first.is_alphabetic() || first == '_' => self.named()?,
            _ => return Err(self.unexpected("a name, a value or a call")),
        };
        Ok(Expression { at: start..self.at, node })
    }

    /// The bracket that closes the one at `open`.
    fn close(&mut self, open: usize) -> Result<(), ExpressionError> {
        self.skip_space();
        if self.take(")") {
            return Ok(());
        }
        if self.rest().is_empty() || self.rest().starts_with('}') {
            let message = "this bracket is not closed";
            return Err(ExpressionError::new(open..open + 1, message, "add a `)`"));
        }
        Err(self.unexpected("`,` or `)`"))
    }

    fn string(&mut self, quote: char) -> Result<Node, ExpressionError> {
        let start = self.at;
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((offset, character)) = characters.next() {
            match character {
                '\\' => match characters.next() {
                    Some((_, escaped @ ('\\' | '"' | '\''))) => text.push(escaped),
                    _ => {
                        let at = start + offset..start + offset + 1;
                        let help = "a `\\` stands before a quote or another `\\`: write `\\\\`";
                        return Err(ExpressionError::new(at, "`\\` stands alone", help));
                    }
                },
                _ if character == quote => {
                    self.at = start + offset + 1;
                    return Ok(Node::Text(text));
                }
                _ => text.push(character),
            }
        }
        let help = format!("end it with `{quote}`");
        Err(ExpressionError::new(start..self.text.len(), "the text is not closed", help))
    }

    /// `100`, `-1`, `1d`
    fn number(&mut self) -> Result<Node, ExpressionError> {
        let start = self.at;
        self.take("-");
        let word = self.word().to_owned();
        self.at += word.len();
        let at = start..self.at;
        let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
        let (digits, unit) = word.split_at(digits);
        let sign = if self.text.get(at.clone()).is_some_and(|text| text.starts_with('-')) {
            "-"
        } else {
            ""
        };
        let written = format!("{sign}{digits}");
        if digits.is_empty() {
            return Err(ExpressionError::new(at, "`-` is followed by no number", "write `-1`"));
        }
        if self.rest().starts_with('.') {
            let help = "numbers are whole here";
            let at = start..self.at + 1;
            return Err(ExpressionError::new(
                at,
                "a number with a fraction cannot stand here",
                help,
            ));
        }
        let too_large = || {
            let message = format!("`{written}{unit}` is too large");
            ExpressionError::new(start..start + written.len(), message, "write a smaller number")
        };
        let number: i64 = written.parse().map_err(|_| too_large())?;
        if unit.is_empty() {
            return Ok(Node::Integer(number));
        }
        let Some((_, millis)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            let message = format!("`{unit}` is not a unit of time");
            let help = "write `ms`, `s`, `m`, `h`, `d` or `w`: `1d` is a day";
            return Err(ExpressionError::new(at, message, help));
        };
        number.checked_mul((*millis).into()).map(Node::Duration).ok_or_else(too_large)
    }

    /// A name with what stands behind its dots, or a call.
    fn named(&mut self) -> Result<Node, ExpressionError> {
        let start = self.at;
        let word = self.word().to_owned();
        self.at += word.len();
        match word.as_str() {
            "true" => return Ok(Node::Boolean(true)),
            "false" => return Ok(Node::Boolean(false)),
            _ => self.check_name(start, &word)?,
        }
        let mut name = word;
        while self.rest().starts_with('.') {
            self.at += 1;
            let part = self.word().to_owned();
            if part.is_empty() {
                return Err(self.unexpected("a name behind the dot"));
            }
            self.at += part.len();
            name = format!("{name}.{part}");
        }
        self.check_hyphen(start, &name)?;
        if !self.rest().trim_start().starts_with('(') {
            return Ok(Node::Name(name));
        }
        let function = function(&name, start..self.at)?;
        self.skip_space();
        Ok(Node::Call(function, self.arguments()?))
    }

    fn check_name(&self, start: usize, word: &str) -> Result<(), ExpressionError> {
        if !WORDS.contains(&word) {
            return Ok(());
        }
        let message = format!("`{word}` cannot be a name");
        let help = format!("a name, a value or a call stands on each side of `{word}`");
        Err(ExpressionError::new(start..self.at, message, help))
    }

    /// `page-size`, which is a subtraction to the parser, and a name to whoever wrote it.
    fn check_hyphen(&self, start: usize, name: &str) -> Result<(), ExpressionError> {
        let behind = self.rest().strip_prefix('-').and_then(|rest| rest.chars().next());
        if behind.is_none_or(|c| !c.is_alphabetic()) {
            return Ok(());
        }
        let message = format!("`{name}-…` is not a name");
        let help = "a name has letters, digits and `_`; a subtraction has spaces: `start - 1d`";
        Err(ExpressionError::new(start..self.at + 1, message, help))
    }

    fn arguments(&mut self) -> Result<Vec<Expression>, ExpressionError> {
        let open = self.at;
        self.at += 1;
        self.skip_space();
        let mut arguments = Vec::new();
        if self.take(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression(0)?);
            self.skip_space();
            if !self.take(",") {
                self.close(open)?;
                return Ok(arguments);
            }
        }
    }

    fn unexpected(&self, expected: &str) -> ExpressionError {
        let Some(next) = self.rest().chars().next() else {
            if self.alone {
                let at = self.text.trim_end().len();
                let last = self.text.get(..at).and_then(|text| text.chars().next_back());
                let start = at - last.map_or(0, char::len_utf8);
                let message = format!("expected {expected} behind the end");
                return ExpressionError::new(start..at, message, ALONE);
            }
            let message = "`{` is not closed";
            let help = "end the expression with `}`; a literal `{` before a name is written `{{`";
            return ExpressionError::new(self.open..self.text.len(), message, help);
        };
        let word = self.word();
        let found = if word.is_empty() { next.to_string() } else { word.to_owned() };
        let at: Range<usize> = self.at..self.at + found.len();
        let help = if self.alone { ALONE } else { "a literal `{` before a name is written `{{`" };
        ExpressionError::new(at, format!("expected {expected}, found `{found}`"), help)
    }
}

fn function(name: &str, at: Range<usize>) -> Result<Function, ExpressionError> {
    let mut all = Function::ALL.iter();
    all.find(|function| function.text() == name).copied().ok_or_else(|| {
        let names: Vec<_> = Function::ALL.iter().map(|function| function.text()).collect();
        let help = match nearest(name, names.iter().copied()) {
            Some(near) => format!("a similar function exists: `{near}`"),
            None => format!("the functions are `{}`", names.join("`, `")),
        };
        ExpressionError::new(at, format!("function `{name}` not found"), help)
    })
}
