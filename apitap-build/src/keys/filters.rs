//! `filters`: which query parameters answer conditions of a query's WHERE.

use serde::{Deserialize, Serialize};

use super::declare::{choices, keys};
use crate::definition::{ParamName, TimeFormat};

choices! {
    /// What a parameter asks for.
    pub enum FilterOp {
        /// The records with this value.
        Equal = "=", also ["==", "eq", "equals"];
        /// Those with a lesser one.
        Less = "<", also ["lt", "before"];
        /// Those with this value or a lesser one.
        AtMost = "<=", also ["lte", "le", "=<"];
        /// Those with a greater one.
        Greater = ">", also ["gt", "after"];
        /// Those with this value or a greater one.
        AtLeast = ">=", also ["gte", "ge", "=>"];
    }
}

/// A parameter that answers conditions on one field.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Filter {
    /// The field, with what stands behind its dots.
    pub field: String,
    /// The parameter, and what it asks for.
    #[serde(flatten)]
    pub answer: FilterKeys,
}

keys! {
    /// A query parameter that answers a condition of the query's WHERE.
    #[derive(Eq, Hash, serde::Serialize, serde::Deserialize)]
    pub struct FilterKeys, spec FilterKeysSpec {
        /// The parameter that takes the value.
        param: ParamName = required("since"),
        /// Which records the API sends for it.
        op: FilterOp = default(FilterOp::Equal).brief().example("\">=\""),
        /// How a time is written in it: `rfc3339`, `epoch_s`, `epoch_ms`, or a pattern; a date as in `2026-01-31` if absent.
        format: Option<TimeFormat> =
            optional().rule(crate::keys::rules::time_format).example("epoch_s"),
        /// Whether the API sends no other records: then what it sends is not looked at again.
        exact: bool = default(false).brief().example("true"),
    }
}

#[cfg(feature = "compiler")]
pub(crate) use read::Filters;

#[cfg(feature = "compiler")]
mod read {
    use super::{Filter, FilterKeys, FilterKeysSpec};
    use crate::definition::ParamName;
    use crate::diagnostic::{Findings, Place, Spanned};
    use crate::keys::group::{Group as _, read};
    use crate::keys::key::{Facts, Info, KeyType};
    use crate::keys::mapping::{written_twice, wrong_kind};
    use crate::keys::printed::Printed;
    use crate::keys::shape::Shape;
    use crate::tree::{Node, Value};

    /// All filters of a source: fields, and the parameters of each.
    #[derive(Debug, Clone, Default, PartialEq)]
    pub struct Filters(pub Vec<Filter>);

    impl KeyType for Filters {
        type Spec = Vec<(Spanned<String>, Spanned<FilterKeysSpec>)>;

        fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self::Spec> {
            let Value::Map(entries) = &node.value else {
                let what = format!("`{}`", info.name);
                findings.push(wrong_kind(&what, "a mapping of fields to parameters", node));
                return None;
            };
            let before = findings.errors();
            let mut all = Vec::new();
            for (index, (field, node)) in entries.iter().enumerate() {
                let mut others = entries.iter().take(index);
                if let Some((first, _)) = others.find(|(other, _)| other.value == field.value) {
                    findings.push(written_twice(field, first));
                }
                let nodes = match &node.value {
                    Value::List(nodes) => nodes.iter().collect(),
                    _ => vec![node],
                };
                for node in nodes {
                    let answer = one(info, field, node, findings);
                    let answer = answer.map(|answer| Spanned::new(answer, node.place.clone()));
                    all.extend(answer.map(|answer| (field.clone(), answer)));
                }
            }
            (findings.errors() == before).then_some(all)
        }

        fn plain(spec: &Self::Spec) -> Self {
            let plain = |(field, answer): &(Spanned<String>, Spanned<FilterKeysSpec>)| Filter {
                field: field.value.clone(),
                answer: FilterKeys::plain(&answer.value),
            };
            Self(spec.iter().map(plain).collect())
        }

        fn at(self, place: &Place) -> Self::Spec {
            let at = |filter: Filter| {
                let answer = Spanned::new(filter.answer.at(place), place.clone());
                (Spanned::new(filter.field, place.clone()), answer)
            };
            self.0.into_iter().map(at).collect()
        }

        fn print(&self, info: &Info) -> Printed {
            let mut fields: Vec<(String, Vec<Printed>)> = Vec::new();
            for filter in &self.0 {
                let answer = short(&filter.answer, info);
                match fields.iter_mut().find(|(field, _)| *field == filter.field) {
                    Some((_, answers)) => answers.push(answer),
                    None => fields.push((filter.field.clone(), vec![answer])),
                }
            }
            let one = |(field, mut answers): (String, Vec<Printed>)| match answers.len() {
                1 => (field, answers.remove(0)),
                _ => (field, Printed::List(answers)),
            };
            match fields.is_empty() {
                true => Printed::Nothing,
                false => Printed::Map(fields.into_iter().map(one).collect()),
            }
        }

        fn shape(info: &Info) -> Shape {
            let param = ParamName::shape(info);
            let group = || Shape::Group(FilterKeys::group());
            let list = Shape::List(Box::new(group()));
            Shape::Named(Box::new(Shape::Either(vec![param, group(), list])))
        }

        fn facts(name: &'static str, spec: &Spanned<Self::Spec>, facts: &mut Facts) {
            spec.value.iter().for_each(|(_, answer)| FilterKeys::facts(name, answer, facts));
        }
    }

    /// A parameter alone, or with what it asks for.
    fn one(
        info: &Info,
        field: &Spanned<String>,
        node: &Node,
        findings: &mut Findings,
    ) -> Option<FilterKeysSpec> {
        if let Value::Map(_) = node.value {
            let owner = format!("`{}` of `{}`", field.value, info.name);
            return read::<FilterKeys>(owner, node, findings);
        }
        let param = Info { name: "param", ..Info::default() };
        let param = ParamName::read(&param, node, findings)?;
        Some(FilterKeys { param, ..defaults() }.at(&node.place))
    }

    fn defaults() -> FilterKeys {
        let (param, op) = (ParamName(String::new()), super::FilterOp::Equal);
        FilterKeys { param, op, format: None, exact: false }
    }

    /// The parameter alone, where nothing else is said.
    fn short(answer: &FilterKeys, info: &Info) -> Printed {
        let alone = FilterKeys { param: answer.param.clone(), ..defaults() };
        if *answer == alone { answer.param.print(info) } else { answer.print(info) }
    }
}
