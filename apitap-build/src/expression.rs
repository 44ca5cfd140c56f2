//! What stands between `{` and `}` in a text of a request, and the conditions of answers: a small typed
//! language.
//!
//! ```text
//! format(start - 1d, "%Y-%m-%d") → parse (syntax tree, with places) → types (checked at build time)
//! ```
//! The runtime evaluates the same tree (`apitap`, `source/request/expression.rs`). Nothing here knows a
//! value, or which names a place offers.

use std::fmt;
use std::ops::Range;

use crate::duration;

mod parse;
mod time_format;
#[cfg(feature = "compiler")]
pub mod types;

pub(crate) use parse::{parse, parse_alone};
pub use time_format::TimeFormat;

/// What is wrong with a text as a format of timestamps, and what to write instead.
#[cfg(feature = "compiler")]
pub(crate) fn time_format_problem(text: &str) -> Option<(String, String)> {
    time_format::problem(text, false)
}

/// The same for a format of dates.
#[cfg(feature = "compiler")]
pub(crate) fn date_format_problem(text: &str) -> Option<(String, String)> {
    time_format::problem(text, true)
}

/// Why what a text writes as a format of times does not tell later times from earlier ones, and the help.
#[cfg(feature = "compiler")]
pub(crate) fn time_format_gap(text: &str) -> Option<(String, String)> {
    time_format::gap(text)
}

/// An expression, and where it stands in its text. Two are equal where they say the same.
#[derive(Debug, Clone)]
pub struct Expression {
    /// Bytes of the text.
    pub at: Range<usize>,
    /// What it is.
    pub node: Node,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Node {
    /// `"paid"`
    Text(String),
    /// `100`
    Integer(i64),
    /// `true`
    Boolean(bool),
    /// `1d`, in milliseconds.
    Duration(i64),
    /// `org.slug`: a name that the place offers, with what stands behind its dots.
    Name(String),
    /// `lower(org.slug)`
    Call(Function, Vec<Expression>),
    /// `not done`
    Not(Box<Expression>),
    /// `start - 1d`
    Binary(Operator, Box<Expression>, Box<Expression>),
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

impl Eq for Expression {}

impl std::hash::Hash for Expression {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.node.hash(state);
    }
}

/// Declares an enum whose variants are written as texts.
macro_rules! spelled {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident { $( $(#[doc = $variant_doc:literal])* $variant:ident = $text:literal, )* }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $( $(#[doc = $variant_doc])* $variant, )* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];

            /// As it is written.
            pub fn text(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }
        }
    };
}

spelled! {
    /// What can be called.
    pub enum Function {
        /// `default(x, y)`: `y` where `x` is null.
        Default = "default",
        /// `if(condition, x, y)`
        If = "if",
        /// `format(time, "%Y-%m-%d")`
        Format = "format",
        /// `date(time)`, `date("2026-01-31")`
        Date = "date",
        /// `timestamp(date)`, `timestamp("2026-01-31T00:00:00Z")`
        Timestamp = "timestamp",
        /// `date_trunc("month", time)`
        DateTrunc = "date_trunc",
        /// `lower(text)`
        Lower = "lower",
        /// `upper(text)`
        Upper = "upper",
        /// `trim(text)`
        Trim = "trim",
        /// `replace(text, from, to)`
        Replace = "replace",
        /// `split_part(text, separator, n)`, counted from 1.
        SplitPart = "split_part",
        /// `base64(text)`
        Base64 = "base64",
        /// `header("X-Next")`, of an answer; null where it has none.
        Header = "header",
        /// `body("/error/code")`, of an answer; null where there is nothing.
        Body = "body",
        /// `exists(x)`: whether `x` is not null.
        Exists = "exists",
    }
}

spelled! {
    /// What stands between two expressions.
    pub enum Operator {
        /// `or`
        Or = "or",
        /// `and`
        And = "and",
        /// `==`
        Equal = "==",
        /// `!=`
        NotEqual = "!=",
        /// `<=`
        AtMost = "<=",
        /// `>=`
        AtLeast = ">=",
        /// `<`
        Less = "<",
        /// `>`
        Greater = ">",
        /// `+`
        Plus = "+",
        /// `-`
        Minus = "-",
    }
}

impl Operator {
    /// How closely it holds what stands beside it.
    fn strength(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Plus | Self::Minus => 5,
            _ => 4,
        }
    }

    /// Whether it compares.
    pub fn compares(self) -> bool {
        self.strength() == 4
    }
}

/// `not` holds more closely than `and`, and less than a comparison.
const NOT: u8 = 3;

/// The units of `date_trunc`.
pub const TRUNCATED_TO: [&str; 6] = ["year", "month", "week", "day", "hour", "minute"];

impl Expression {
    /// All names in it.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.visit(&mut |expression| {
            if let Node::Name(name) = &expression.node {
                names.push(name.as_str());
            }
        });
        names
    }

    /// The pointers into a body in it, as they are written.
    pub fn pointers(&self) -> Vec<&str> {
        let mut pointers = Vec::new();
        self.visit(&mut |expression| {
            if let Node::Call(Function::Body, arguments) = &expression.node
                && let Some(Node::Text(pointer)) = arguments.first().map(|argument| &argument.node)
                && !pointers.contains(&pointer.as_str())
            {
                pointers.push(pointer.as_str());
            }
        });
        pointers
    }

    /// Shows it and all that is in it to `see`, the outermost first.
    fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Self)) {
        see(self);
        match &self.node {
            Node::Call(_, arguments) => arguments.iter().for_each(|inner| inner.visit(see)),
            Node::Not(inner) => inner.visit(see),
            Node::Binary(_, left, right) => {
                left.visit(see);
                right.visit(see);
            }
            _ => {}
        }
    }

    /// Writes it where something stands beside it that holds so closely.
    fn write(&self, f: &mut fmt::Formatter<'_>, beside: u8) -> fmt::Result {
        let strength = match &self.node {
            Node::Not(_) => NOT,
            Node::Binary(operator, ..) => operator.strength(),
            _ => u8::MAX,
        };
        if strength < beside {
            f.write_str("(")?;
            self.write(f, 0)?;
            return f.write_str(")");
        }
        match &self.node {
            Node::Text(text) => {
                write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            }
            Node::Integer(number) => write!(f, "{number}"),
            Node::Boolean(value) => write!(f, "{value}"),
            Node::Duration(millis) => write!(f, "{}", duration::of_millis(*millis)),
            Node::Name(name) => f.write_str(name),
            Node::Call(function, arguments) => {
                write!(f, "{}(", function.text())?;
                for (index, argument) in arguments.iter().enumerate() {
                    f.write_str(if index > 0 { ", " } else { "" })?;
                    argument.write(f, 0)?;
                }
                f.write_str(")")
            }
            Node::Not(inner) => {
                f.write_str("not ")?;
                inner.write(f, NOT)
            }
            Node::Binary(operator, left, right) => {
                // A comparison has no other one beside it.
                let of_left = if operator.compares() { strength + 1 } else { strength };
                left.write(f, of_left)?;
                write!(f, " {} ", operator.text())?;
                right.write(f, strength + 1)
            }
        }
    }
}

impl fmt::Display for Expression {
    /// As it is written, with as few brackets as that takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

/// What is wrong in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionError {
    /// Where, in bytes of the text.
    pub at: Range<usize>,
    /// What, in the user's words.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl ExpressionError {
    fn new(at: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { at, message: message.into(), help: help.into() }
    }
}

#[cfg(test)]
mod tests;
