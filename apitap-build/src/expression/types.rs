//! An expression and the names of its place → its type; or what is wrong with it, and where.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{DateTime, NaiveDate};

use super::time_format::problem;
use super::{Expression, ExpressionError, Function, Node, Operator, TRUNCATED_TO, TimeFormat};
use crate::nearest::{did_you_mean, nearest};
use crate::pointer::Pointer;
use crate::schema::Type;
use crate::schema::scalar::Domain;

/// A day in milliseconds.
const DAY: i64 = 24 * 3_600_000;

/// A kind of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A number that may have a fraction.
    Number,
    /// True or false.
    Boolean,
    /// A moment, in UTC.
    Timestamp,
    /// A day.
    Date,
    /// A time between two moments.
    Duration,
    /// Whatever stands at a place of a body: a text, a number, true or false, a list or an object.
    Json,
}

impl Kind {
    /// As messages name it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Timestamp => "a timestamp",
            Self::Date => "a date",
            Self::Duration => "a duration",
            Self::Json => "a value of the body",
        }
    }

    /// The kind of a field's values; `None` for lists, records and the like, which no request holds.
    pub fn of(ty: &Type) -> Option<Self> {
        Some(match ty.domain()? {
            Domain::Bool => Self::Boolean,
            Domain::Whole(..) => Self::Integer,
            Domain::Float(_) | Domain::Decimal => Self::Number,
            Domain::Text { .. } | Domain::Time => Self::Text,
            Domain::Date => Self::Date,
            Domain::Timestamp => Self::Timestamp,
            Domain::Bytes | Domain::Document => return None,
        })
    }
}

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpressionType {
    /// The kind of its values.
    pub kind: Kind,
    /// Whether there may be none.
    pub nullable: bool,
}

impl ExpressionType {
    /// One whose value is always there.
    pub fn of(kind: Kind) -> Self {
        Self { kind, nullable: false }
    }
}

/// What a place offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    types: BTreeMap<String, ExpressionType>,
    /// Whether there is an answer to look at.
    answer: bool,
}

impl Names {
    /// The names where there is an answer: `status`, and what `header(…)` and `body(…)` find.
    pub fn of_answer() -> Self {
        let status = ("status".to_owned(), ExpressionType::of(Kind::Integer));
        Self { types: BTreeMap::from([status]), answer: true }
    }

    /// Adds a name.
    pub fn insert(&mut self, name: String, ty: ExpressionType) {
        self.types.insert(name, ty);
    }
}

impl FromIterator<(String, ExpressionType)> for Names {
    fn from_iter<I: IntoIterator<Item = (String, ExpressionType)>>(names: I) -> Self {
        Self { types: names.into_iter().collect(), answer: false }
    }
}

/// What is wrong, as findings tell it apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeError {
    /// A name that the place does not offer.
    Name(ExpressionError),
    /// Everything else.
    Type(ExpressionError),
}

fn mismatch(at: &Range<usize>, message: impl Into<String>, help: impl Into<String>) -> TypeError {
    TypeError::Type(ExpressionError::new(at.clone(), message, help))
}

impl Expression {
    /// Its type where these names are offered.
    ///
    /// # Errors
    /// The first thing that is wrong: a name, a type, a format.
    pub fn check(&self, names: &Names) -> Result<ExpressionType, TypeError> {
        Ok(ExpressionType::of(match &self.node {
            Node::Text(_) => Kind::Text,
            Node::Integer(_) => Kind::Integer,
            Node::Boolean(_) => Kind::Boolean,
            Node::Duration(_) => Kind::Duration,
            Node::Name(name) => return offered(name, &self.at, names),
            Node::Call(function, arguments) => {
                return Call { function: *function, arguments, at: &self.at, names }.check();
            }
            Node::Not(inner) => {
                inner.exactly(Kind::Boolean, names)?;
                Kind::Boolean
            }
            Node::Binary(operator, left, right) => {
                let kinds = (left.operand(*operator, names)?, right.operand(*operator, names)?);
                let kind = self.binary(*operator, kinds.0, kinds.1)?;
                if kind == Kind::Date {
                    whole_days(right)?;
                }
                kind
            }
        }))
    }

    /// Its kind as an operand: null equals nothing but null, and is no value to anything else.
    fn operand(&self, operator: Operator, names: &Names) -> Result<Kind, TypeError> {
        let ty = self.check(names)?;
        let may_be_null = matches!(operator, Operator::Equal | Operator::NotEqual)
            || operator.compares() && ty.kind == Kind::Json;
        if may_be_null { Ok(ty.kind) } else { self.present(names) }
    }

    /// Its kind, where it cannot be null.
    fn present(&self, names: &Names) -> Result<Kind, TypeError> {
        let ty = self.check(names)?;
        if !ty.nullable {
            return Ok(ty.kind);
        }
        let message = format!("`{self}` may be null");
        Err(mismatch(&self.at, message, format!("say what it is then: `default({self}, …)`")))
    }

    fn exactly(&self, kind: Kind, names: &Names) -> Result<(), TypeError> {
        let found = self.present(names)?;
        if found == kind {
            return Ok(());
        }
        let message = format!("`{self}` is {}, not {}", found.text(), kind.text());
        let help = match (found, kind) {
            (Kind::Integer | Kind::Number, Kind::Text) => {
                "numbers need no function: they are sent as they are"
            }
            (Kind::Timestamp | Kind::Date, Kind::Text) => "write it with `format(…)`",
            _ => "functions of texts take texts, those of times take times",
        };
        Err(mismatch(&self.at, message, help))
    }

    fn binary(&self, operator: Operator, left: Kind, right: Kind) -> Result<Kind, TypeError> {
        use Kind::{Boolean, Date, Duration, Integer, Json, Number, Text, Timestamp};
        let is_number = |kind| matches!(kind, Integer | Number);
        let is_json = |kind| matches!(kind, Integer | Number | Text | Boolean | Json);
        Ok(match (operator, left, right) {
            (Operator::And | Operator::Or, Boolean, Boolean) => Boolean,
            (Operator::Plus | Operator::Minus, Integer, Integer) => Integer,
            (Operator::Plus | Operator::Minus, Duration, Duration) => Duration,
            (Operator::Plus | Operator::Minus, Timestamp, Duration) => Timestamp,
            (Operator::Plus | Operator::Minus, Date, Duration) => Date,
            (Operator::Equal | Operator::NotEqual, left, right) if left == right => Boolean,
            (operator, Json, other) | (operator, other, Json)
                if operator.compares() && is_json(other) =>
            {
                Boolean
            }
            (operator, left, right)
                if operator.compares()
                    && (left == right && left != Boolean
                        || is_number(left) && is_number(right)) =>
            {
                Boolean
            }
            _ => return Err(self.no_such_operation(operator, left, right)),
        })
    }

    fn no_such_operation(&self, operator: Operator, left: Kind, right: Kind) -> TypeError {
        let text = operator.text();
        let message = match operator {
            Operator::And | Operator::Or => {
                format!("`{text}` joins conditions, not {} and {}", left.text(), right.text())
            }
            _ if operator.compares() => {
                format!("{} cannot be compared with {}", left.text(), right.text())
            }
            Operator::Plus => format!("{} cannot be added to {}", right.text(), left.text()),
            _ => format!("{} cannot be subtracted from {}", right.text(), left.text()),
        };
        let is_time = matches!(left, Kind::Timestamp | Kind::Date);
        let help = match (operator, left, right) {
            (Operator::Plus, Kind::Text, _) => "texts are written one behind the other: `{a}{b}`",
            (Operator::Plus | Operator::Minus, _, Kind::Integer) if is_time => {
                "write a unit behind the number: `1d`, `12h`, `30m`"
            }
            (_, Kind::Timestamp, Kind::Text) if operator.compares() => {
                "write `timestamp(\"2026-01-31T00:00:00Z\")`"
            }
            (_, Kind::Date, Kind::Text) if operator.compares() => "write `date(\"2026-01-31\")`",
            (Operator::Plus | Operator::Minus, ..) => {
                "a duration is added to a time, a whole number to a whole number"
            }
            (Operator::And | Operator::Or, ..) => "compare with something: `status == \"paid\"`",
            _ => "both sides of a comparison are of one type",
        };
        mismatch(&self.at, message, help)
    }
}

/// Whether a duration can be added to a date.
fn whole_days(duration: &Expression) -> Result<(), TypeError> {
    match duration.node {
        Node::Duration(millis) if millis % DAY != 0 => {
            let message = format!("`{duration}` is not a number of days");
            let help = "a date has no hours: write `timestamp(…)` around it, or whole days";
            Err(mismatch(&duration.at, message, help))
        }
        _ => Ok(()),
    }
}

fn offered(name: &str, at: &Range<usize>, names: &Names) -> Result<ExpressionType, TypeError> {
    if let Some(ty) = names.types.get(name) {
        return Ok(*ty);
    }
    let known = || names.types.keys().map(String::as_str);
    let literal = "a literal `{` before a name is written `{{`";
    let help = if names.answer {
        "an answer has `status`, `header(\"X-Name\")` and `body(\"/path\")`".to_owned()
    } else if is_variable(name) {
        format!("an environment variable is written `${{{name}}}`")
    } else if nearest(name, known()).is_some() {
        did_you_mean("name", name, known())
    } else {
        let known: Vec<_> = known().map(|name| format!("`{name}`")).collect();
        match known.as_slice() {
            [] => format!("no name has a value here; {literal}"),
            known => format!("the names here are {}; {literal}", known.join(", ")),
        }
    };
    let message = format!("name `{name}` not found");
    Err(TypeError::Name(ExpressionError::new(at.clone(), message, help)))
}

/// Whether a name looks like that of an environment variable.
fn is_variable(name: &str) -> bool {
    name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// A call that is looked at.
struct Call<'a> {
    function: Function,
    arguments: &'a [Expression],
    at: &'a Range<usize>,
    names: &'a Names,
}

impl Call<'_> {
    fn check(&self) -> Result<ExpressionType, TypeError> {
        match self.function {
            Function::Default => self.default(),
            Function::If => self.choice(),
            Function::Format => self.format(),
            Function::Date => self.date(),
            Function::Timestamp => self.timestamp(),
            Function::DateTrunc => self.date_trunc(),
            Function::Lower | Function::Upper | Function::Trim | Function::Base64 => {
                let [text] = self.take("(text)")?;
                self.texts([text])
            }
            Function::Replace => {
                let [text, from, to] = self.take("(text, from, to)")?;
                self.texts([text, from, to])
            }
            Function::SplitPart => self.split_part(),
            Function::Header => self.header(),
            Function::Body => self.body(),
            Function::Exists => self.exists(),
        }
    }

    fn take<const N: usize>(&self, form: &str) -> Result<[&Expression; N], TypeError> {
        let all: Vec<_> = self.arguments.iter().collect();
        let count = all.len();
        <[&Expression; N]>::try_from(all).map_err(|_| {
            let name = self.function.text();
            let message = format!("`{name}` takes {N} arguments, not {count}");
            let message = if N == 1 { message.replace("arguments", "argument") } else { message };
            mismatch(self.at, message, format!("write `{name}{form}`"))
        })
    }

    fn texts<const N: usize>(&self, texts: [&Expression; N]) -> Result<ExpressionType, TypeError> {
        texts.into_iter().try_for_each(|text| text.exactly(Kind::Text, self.names))?;
        Ok(ExpressionType::of(Kind::Text))
    }

    fn default(&self) -> Result<ExpressionType, TypeError> {
        let [first, second] = self.take("(x, y)")?;
        let (of_first, of_second) = (first.check(self.names)?, second.check(self.names)?);
        if !of_first.nullable {
            let message = format!("`{first}` is never null");
            return Err(mismatch(self.at, message, format!("write `{first}` alone")));
        }
        self.same(of_first, of_second, second)
    }

    fn choice(&self) -> Result<ExpressionType, TypeError> {
        let [condition, first, second] = self.take("(condition, x, y)")?;
        condition.exactly(Kind::Boolean, self.names)?;
        let (of_first, of_second) = (first.check(self.names)?, second.check(self.names)?);
        let ty = self.same(of_first, of_second, second)?;
        Ok(ExpressionType { nullable: of_first.nullable || of_second.nullable, ..ty })
    }

    /// What two values of which one is taken have in common: the first may be null.
    fn same(
        &self,
        first: ExpressionType,
        second: ExpressionType,
        at: &Expression,
    ) -> Result<ExpressionType, TypeError> {
        if first.kind == second.kind {
            return Ok(second);
        }
        let (first, second) = (first.kind.text(), second.kind.text());
        let message = format!("`{at}` is {second}, and what it stands beside is {first}");
        Err(mismatch(&at.at, message, "both must be of one type"))
    }

    fn format(&self) -> Result<ExpressionType, TypeError> {
        let [time, format] = self.take("(time, \"%Y-%m-%d\")")?;
        let dates = match time.present(self.names)? {
            Kind::Timestamp => false,
            Kind::Date => true,
            other => {
                let message = format!("`{time}` is {}, not a time", other.text());
                return Err(mismatch(&time.at, message, "only times have a format"));
            }
        };
        let text = self.literal(format)?;
        if let Some((message, help)) = problem(text, dates) {
            return Err(mismatch(&format.at, message, help));
        }
        let is_number = TimeFormat::parse(text).is_some_and(|format| format.is_number());
        Ok(ExpressionType::of(if is_number { Kind::Integer } else { Kind::Text }))
    }

    fn date(&self) -> Result<ExpressionType, TypeError> {
        let [time] = self.take("(time)")?;
        match time.present(self.names)? {
            Kind::Timestamp => {}
            Kind::Text => {
                let text = self.literal(time)?;
                NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| {
                    let message = format!("`{text}` is not a date");
                    mismatch(&time.at, message, "write it as in `2026-01-31`")
                })?;
            }
            other => return Err(self.no_time(time, other)),
        }
        Ok(ExpressionType::of(Kind::Date))
    }

    fn timestamp(&self) -> Result<ExpressionType, TypeError> {
        let [time] = self.take("(time)")?;
        match time.present(self.names)? {
            Kind::Date => {}
            Kind::Text => {
                let text = self.literal(time)?;
                DateTime::parse_from_rfc3339(text).map_err(|_| {
                    let message = format!("`{text}` is not a timestamp");
                    mismatch(&time.at, message, "write it as in `2026-01-31T00:00:00Z`")
                })?;
            }
            other => return Err(self.no_time(time, other)),
        }
        Ok(ExpressionType::of(Kind::Timestamp))
    }

    fn no_time(&self, argument: &Expression, found: Kind) -> TypeError {
        let name = self.function.text();
        let message = format!("`{name}` does not take {}", found.text());
        let help = match self.function {
            Function::Date => "it takes a timestamp, or a text such as `date(\"2026-01-31\")`",
            _ => "it takes a date, or a text such as `timestamp(\"2026-01-31T00:00:00Z\")`",
        };
        mismatch(&argument.at, message, help)
    }

    fn date_trunc(&self) -> Result<ExpressionType, TypeError> {
        let [unit, time] = self.take("(\"month\", time)")?;
        let text = self.literal(unit)?;
        if !TRUNCATED_TO.contains(&text) {
            let message = format!("`{text}` is not a unit of time");
            let help = format!("write one of `{}`", TRUNCATED_TO.join("`, `"));
            return Err(mismatch(&unit.at, message, help));
        }
        time.exactly(Kind::Timestamp, self.names)?;
        Ok(ExpressionType::of(Kind::Timestamp))
    }

    fn split_part(&self) -> Result<ExpressionType, TypeError> {
        let [text, separator, number] = self.take("(text, separator, n)")?;
        if !matches!(number.node, Node::Integer(1..)) {
            let message = format!("`{number}` is not the number of a part");
            return Err(mismatch(&number.at, message, "parts are counted from 1"));
        }
        if self.literal(separator)?.is_empty() {
            return Err(mismatch(&separator.at, "the separator is empty", "write what is between"));
        }
        self.texts([text])
    }

    fn header(&self) -> Result<ExpressionType, TypeError> {
        let [name] = self.take("(\"X-Name\")")?;
        self.of_answer()?;
        let text = self.literal(name)?;
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if text.is_empty() || !text.chars().all(is_token) {
            let message = format!("`{text}` is not a header's name");
            return Err(mismatch(&name.at, message, "write it as in `header(\"X-Next\")`"));
        }
        Ok(ExpressionType { kind: Kind::Text, nullable: true })
    }

    fn body(&self) -> Result<ExpressionType, TypeError> {
        let [pointer] = self.take("(\"/error/code\")")?;
        self.of_answer()?;
        let text = self.literal(pointer)?;
        if text.is_empty() || Pointer(text.to_owned()).problem().is_some() {
            let message = format!("`{text}` is not a JSON Pointer to a value of the body");
            return Err(mismatch(&pointer.at, message, "write it as in `body(\"/error/code\")`"));
        }
        Ok(ExpressionType { kind: Kind::Json, nullable: true })
    }

    /// There is an answer to look at.
    fn of_answer(&self) -> Result<(), TypeError> {
        if self.names.answer {
            return Ok(());
        }
        let message =
            format!("`{}` looks at an answer, and here there is none", self.function.text());
        Err(mismatch(self.at, message, "it can stand in `when` of `on_response`"))
    }

    fn exists(&self) -> Result<ExpressionType, TypeError> {
        let [value] = self.take("(x)")?;
        if !value.check(self.names)?.nullable {
            let message = format!("`{value}` is never null");
            return Err(mismatch(self.at, message, "it always exists: leave this out"));
        }
        Ok(ExpressionType::of(Kind::Boolean))
    }

    /// The text of an argument that must be written out, so that it can be checked here.
    fn literal<'a>(&self, argument: &'a Expression) -> Result<&'a str, TypeError> {
        if let Node::Text(text) = &argument.node {
            return Ok(text);
        }
        let message = format!("`{argument}` is not a text in quotes");
        let help = "it is checked before a run: write it out";
        Err(mismatch(&argument.at, message, help))
    }
}
