//! The types of single values: texts, templates, numbers, durations, pointers, names and values.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::group::{self, Group};
use super::key::{Facts, Info, KeyType};
use super::mapping::{string, strings, wrong_kind};
use super::printed::Printed;
use super::rules;
use super::shape::Shape;
use crate::codes;
pub use crate::definition::Texts;
use crate::definition::{Condition, ParamName, Pointer, Template};
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::duration;
use crate::expression::TimeFormat;
use crate::spec::secrets;
use crate::tree::{Node, Value};

/// What a value has that is the same with and without its place.
macro_rules! single {
    () => {
        type Spec = Self;

        fn plain(spec: &Self) -> Self {
            spec.clone()
        }

        fn at(self, _: &Place) -> Self {
            self
        }
    };
}

/// A text as it was written, checked as the key says.
fn text(info: &Info, node: &Node, findings: &mut Findings) -> Option<Spanned<String>> {
    let text = string(info.name, node, findings)?;
    if info.filled && text.value.trim().is_empty() {
        findings.push(
            Finding::error(codes::EMPTY_VALUE, format!("`{}` is empty", info.name), &text.place)
                .help("write a value, or `${NAME}` for one that is known when the program starts"),
        );
        return None;
    }
    info.rule.is_none_or(|rule| rule(&text, findings)).then_some(text)
}

impl KeyType for String {
    single!();

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self> {
        Some(text(info, node, findings)?.value)
    }

    fn print(&self, _: &Info) -> Printed {
        Printed::Text(self.clone())
    }

    fn shape(info: &Info) -> Shape {
        if info.file { Shape::File } else { Shape::Text }
    }
}

impl KeyType for ParamName {
    single!();

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self> {
        let info = Info { filled: true, ..info.clone() };
        Some(Self(text(&info, node, findings)?.value))
    }

    fn print(&self, _: &Info) -> Printed {
        Printed::Text(self.0.clone())
    }

    fn shape(_: &Info) -> Shape {
        Shape::Text
    }

    fn facts(_: &'static str, spec: &Spanned<Self>, facts: &mut Facts) {
        facts.params.push(Spanned::new(spec.value.0.clone(), spec.place.clone()));
    }
}

impl KeyType for Condition {
    single!();

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self> {
        let info = Info { filled: true, rule: Some(rules::condition), ..info.clone() };
        Some(Self(text(&info, node, findings)?.value))
    }

    fn print(&self, _: &Info) -> Printed {
        Printed::Text(self.0.clone())
    }

    fn shape(_: &Info) -> Shape {
        Shape::Condition
    }
}

impl KeyType for Template {
    single!();

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self> {
        if let Some((what, variable)) = info.secret
            && let Some(text) = node.written()
        {
            let text = Spanned::new(text.into_owned(), node.place.clone());
            let form = format!("{}: \"{variable}\"", info.name);
            secrets::secret(what, &form, &text, findings);
        }
        let text = text(info, node, findings)?;
        let read = if info.expressions { rules::request_text } else { rules::template };
        read(text, findings)
    }

    fn print(&self, _: &Info) -> Printed {
        Printed::Text(self.0.clone())
    }

    fn shape(_: &Info) -> Shape {
        Shape::Template
    }
}

impl KeyType for TimeFormat {
    single!();

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self> {
        Self::parse(&text(info, node, findings)?.value)
    }

    fn print(&self, _: &Info) -> Printed {
        Printed::Text(self.to_string())
    }

    fn shape(_: &Info) -> Shape {
        Shape::Text
    }
}

impl KeyType for Pointer {
    single!();

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self> {
        let text = string(info.name, node, findings)?;
        if info.filled && text.value.is_empty() {
            let example = info.examples.first().copied().unwrap_or_default();
            let name = info.name;
            findings.push(
                Finding::error(
                    codes::INVALID_POINTER,
                    format!("`{name}` cannot be empty: the whole body is no such value"),
                    &text.place,
                )
                .help(format!("write `{name}: {example}`")),
            );
            return None;
        }
        rules::pointer(&text, findings)
    }

    fn facts(name: &'static str, spec: &Spanned<Self>, facts: &mut Facts) {
        facts.pointers.push((name, spec.place.clone()));
    }

    fn print(&self, _: &Info) -> Printed {
        Printed::Text(self.0.clone())
    }

    fn shape(_: &Info) -> Shape {
        Shape::Pointer
    }
}

impl KeyType for bool {
    single!();

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self> {
        let Value::Bool(value) = node.value else {
            findings.push(wrong_kind(&format!("`{}`", info.name), "`true` or `false`", node));
            return None;
        };
        Some(value)
    }

    fn print(&self, _: &Info) -> Printed {
        Printed::Flag(*self)
    }

    fn shape(_: &Info) -> Shape {
        Shape::Flag
    }
}

/// A whole number within bounds.
fn number(info: &Info, node: &Node, findings: &mut Findings) -> Option<u64> {
    let Value::Integer(number) = node.value else {
        findings.push(wrong_kind(&format!("`{}`", info.name), "a whole number", node));
        return None;
    };
    let bounds = bounds(info);
    let problem = match u64::try_from(number) {
        Ok(number) if bounds.contains(&number) => return Some(number),
        Ok(number) if number > *bounds.end() => {
            format!("`{}` can be at most {}", info.name, bounds.end())
        }
        _ => format!("`{}` must be at least {}", info.name, bounds.start()),
    };
    let finding = Finding::error(codes::INVALID_VALUE, problem, &node.place);
    findings.push(match &info.default {
        Some(default) => finding.help(format!("the default is {default}")),
        None => finding.help(format!("write a number from {} to {}", bounds.start(), bounds.end())),
    });
    None
}

/// What a number can be.
pub(super) fn bounds(info: &Info) -> RangeInclusive<u64> {
    // YAML's whole numbers are those of 64 bits with a sign.
    info.bounds.clone().unwrap_or(0..=i64::MAX as u64)
}

macro_rules! numbers {
    ($($number:ty),*) => { $(
        impl KeyType for $number {
            single!();

            fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self> {
                let number = number(info, node, findings)?;
                Some(Self::try_from(number).unwrap_or(Self::MAX))
            }

            fn print(&self, _: &Info) -> Printed {
                Printed::Number(self.to_string())
            }

            fn shape(_: &Info) -> Shape {
                Shape::Number
            }
        }
    )* };
}

numbers!(u16, u32, u64, usize);

/// The longest that anybody waits for.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl KeyType for Duration {
    single!();

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self> {
        let name = info.name;
        let found = match &node.value {
            Value::Integer(seconds) => u64::try_from(*seconds).ok().map(Self::from_secs),
            Value::Float(seconds) => Self::try_from_secs_f64(*seconds).ok(),
            Value::String(text) => duration::parse(text),
            _ => {
                findings.push(wrong_kind(&format!("`{name}`"), "a duration such as `30s`", node));
                return None;
            }
        };
        let (problem, help) = match found {
            Some(duration) if duration > info.longest.unwrap_or(LONGEST) => (
                match info.longest {
                    Some(longest) => {
                        format!("`{name}` is longer than {} days", longest.as_secs() / 86_400)
                    }
                    None => format!("`{name}` is longer than a day"),
                },
                "write a duration such as `500ms`, `30s` or `5m`; a bare number is seconds",
            ),
            Some(duration) if !duration.is_zero() => return Some(duration),
            _ => (
                format!("`{name}` cannot be `{}`", node.written().unwrap_or_default()),
                "write a duration such as `500ms`, `30s` or `5m`",
            ),
        };
        findings.push(Finding::error(codes::INVALID_DURATION, problem, &node.place).help(help));
        None
    }

    /// `60s`; a number of seconds where the key's name says the unit.
    fn print(&self, info: &Info) -> Printed {
        match (info.in_seconds, self.subsec_nanos()) {
            (true, 0) => Printed::Number(self.as_secs().to_string()),
            (true, _) => Printed::Number(format!("{:?}", self.as_secs_f64())),
            (false, 0) => Printed::Text(format!("{}s", self.as_secs())),
            (false, nanos) if nanos % 1_000_000 == 0 => {
                Printed::Text(format!("{}ms", self.as_millis()))
            }
            (false, _) => Printed::Number(format!("{:?}", self.as_secs_f64())),
        }
    }

    fn shape(_: &Info) -> Shape {
        Shape::Duration
    }
}

impl<T: KeyType> KeyType for Option<T> {
    type Spec = Option<T::Spec>;

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self::Spec> {
        T::read(info, node, findings).map(Some)
    }

    fn plain(spec: &Self::Spec) -> Self {
        spec.as_ref().map(T::plain)
    }

    fn at(self, place: &Place) -> Self::Spec {
        self.map(|value| value.at(place))
    }

    fn print(&self, info: &Info) -> Printed {
        self.as_ref().map_or(Printed::Nothing, |value| value.print(info))
    }

    fn shape(info: &Info) -> Shape {
        T::shape(info)
    }

    fn facts(name: &'static str, spec: &Spanned<Self::Spec>, facts: &mut Facts) {
        if let Some(value) = &spec.value {
            T::facts(name, &Spanned::new(value.clone(), spec.place.clone()), facts);
        }
    }
}

impl KeyType for Texts {
    type Spec = Vec<Spanned<String>>;

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self::Spec> {
        let before = findings.errors();
        let texts = strings(info.name, node, findings);
        // What is wrong with each is told, not only with the first.
        let wrong = info.rule.map(|rule| texts.iter().filter(|text| !rule(text, findings)).count());
        (wrong.unwrap_or(0) == 0 && findings.errors() == before).then_some(texts)
    }

    fn plain(spec: &Self::Spec) -> Self {
        Self(spec.iter().map(|text| text.value.clone()).collect())
    }

    fn at(self, place: &Place) -> Self::Spec {
        self.0.into_iter().map(|text| Spanned::new(text, place.clone())).collect()
    }

    fn print(&self, _: &Info) -> Printed {
        match self.0.is_empty() {
            true => Printed::Nothing,
            false => Printed::List(self.0.iter().cloned().map(Printed::Text).collect()),
        }
    }

    fn shape(info: &Info) -> Shape {
        if info.file { Shape::Files } else { Shape::Texts }
    }
}

impl<T: Group> KeyType for Vec<T> {
    type Spec = Vec<Spanned<T::Spec>>;

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self::Spec> {
        let Value::List(items) = &node.value else {
            findings.push(wrong_kind(&format!("`{}`", info.name), "a list", node));
            return None;
        };
        let read = |item: &Node, findings: &mut _| {
            let owner = format!("an entry of `{}`", info.name);
            let spec = group::read::<T>(owner, item, findings)?;
            Some(Spanned::new(spec, item.place.clone()))
        };
        // What is wrong with each is told, not only with the first.
        let items: Vec<_> = items.iter().map(|item| read(item, findings)).collect();
        items.into_iter().collect()
    }

    fn plain(spec: &Self::Spec) -> Self {
        spec.iter().map(|item| T::plain(&item.value)).collect()
    }

    fn at(self, place: &Place) -> Self::Spec {
        self.into_iter().map(|item| Spanned::new(item.at(place), place.clone())).collect()
    }

    fn print(&self, info: &Info) -> Printed {
        match self.is_empty() {
            true => Printed::Nothing,
            false => Printed::List(self.iter().map(|item| item.print(info)).collect()),
        }
    }

    fn shape(info: &Info) -> Shape {
        Shape::List(Box::new(T::shape(info)))
    }
}
