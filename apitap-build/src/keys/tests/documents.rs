//! Random values of all keys, made from what is declared: for tests of this crate, and of the macros.

use apitap_build::definition::Template;
use apitap_build::keys::Printed;
use apitap_build::keys::shape::{GroupShape, KeyShape, Presence, Rule, Shape};
use proptest::prelude::*;
use proptest::sample::select;

type Entries = Vec<(String, Printed)>;

/// A mapping with the keys of a group, those that go together.
pub(crate) fn group(shape: &GroupShape) -> BoxedStrategy<Entries> {
    let keys: Vec<_> = shape.keys.iter().map(entry).collect();
    let (names, rules, open) = (names(shape), shape.rules.clone(), shape.open);
    let settings = if open { settings() } else { Just(Vec::new()).boxed() };
    let alternative = any::<prop::sample::Index>();
    (keys, alternative, settings)
        .prop_map(move |(values, alternative, settings)| {
            let entries = names.iter().zip(values);
            let mut entries: Vec<_> = entries.map(|(name, value)| (*name, value)).collect();
            for rule in &rules {
                obey(rule, alternative, &mut entries);
            }
            let written = entries.into_iter().filter(|(_, (is_written, _))| *is_written);
            let mut written: Entries =
                written.map(|(name, (_, value))| (name.to_owned(), value)).collect();
            written.extend(settings);
            written
        })
        .prop_map({
            let needs: Vec<_> = shape
                .keys
                .iter()
                .filter_map(|key| Some((key.info.name, key.info.needs?)))
                .collect();
            move |mut entries| {
                for (name, needed) in &needs {
                    if !entries.iter().any(|(key, _)| key == needed) {
                        entries.retain(|(key, _)| key != name);
                    }
                }
                entries
            }
        })
        .boxed()
}

fn names(shape: &GroupShape) -> Vec<&'static str> {
    shape.keys.iter().map(|key| key.info.name).collect()
}

/// Writes what a rule wants, and leaves out what it forbids.
fn obey(
    rule: &Rule,
    alternative: prop::sample::Index,
    entries: &mut [(&'static str, (bool, Printed))],
) {
    let mut set = |name: &str, written: bool| {
        for (_, (is_written, _)) in entries.iter_mut().filter(|(key, _)| *key == name) {
            *is_written = written;
        }
    };
    match rule {
        Rule::OneOf(alternatives) => {
            let chosen = alternative.get(alternatives);
            let all = alternatives.iter().flat_map(|other| &other.with);
            all.for_each(|name| set(name, false));
            chosen.without.iter().for_each(|name| set(name, false));
            chosen.with.iter().for_each(|name| set(name, true));
        }
        Rule::NotBoth(_, second) => set(second, false),
        Rule::AnyOf(names) => {
            let name: &&str = alternative.get(names);
            set(name, true);
        }
    }
}

/// Whether a key is written, and its value.
fn entry(key: &KeyShape) -> BoxedStrategy<(bool, Printed)> {
    let required = matches!(key.presence, Presence::Required);
    (any::<bool>().prop_map(move |written| required || written), value(&key.shape, key)).boxed()
}

fn settings() -> BoxedStrategy<Entries> {
    let name =
        "[a-z]{4,8}".prop_filter("a key of its own", |name| name != "type" && name != "kind");
    prop::collection::btree_map(name, template(), 0..3)
        .prop_map(|map| map.into_iter().map(|(k, v)| (k, Printed::Text(v))).collect())
        .boxed()
}

/// Text with all that a spelling may take for its own, and variables.
pub(crate) fn template() -> BoxedStrategy<String> {
    let plain = "[a-zA-Z0-9_-]{1,8}".boxed();
    let odd = "[ -#%-~éß€\\u{1F600}\\u{0}-\\u{1F}\\u{7F}-\\u{A0}\\u{2028}\\u{FEFF}]{1,8}".boxed();
    let variable = "\\$\\{[A-Z_][A-Z0-9_]{0,4}(:-[a-z0-9:/ ]{0,5})?\\}".boxed();
    let number = "[-+]?[0-9]{1,20}(\\.[0-9]{1,3})?(e[0-9])?".boxed();
    let word =
        select(vec!["yes", "no", "null", "~", "true", "0x1F", "1_000", ".5", "- a", "a: b", ""]);
    let part = prop_oneof![4 => plain, 2 => odd, 2 => variable, 1 => number, 1 => word.prop_map(str::to_owned)];
    prop::collection::vec(part, 1..3).prop_map(|parts| parts.concat()).boxed()
}

fn name() -> BoxedStrategy<String> {
    "[a-zA-Z][a-zA-Z0-9_-]{0,8}".boxed()
}

/// An example of a text, or of a list of texts.
fn example(yaml: &str) -> Printed {
    let text = |text: &str| Printed::Text(text.trim().trim_matches('"').to_owned());
    match yaml.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
        Some(list) => Printed::List(list.split(',').map(text).collect()),
        None => text(yaml),
    }
}

fn value(shape: &Shape, key: &KeyShape) -> BoxedStrategy<Printed> {
    let text = |strategy: BoxedStrategy<String>| strategy.prop_map(Printed::Text).boxed();
    // What only a rule knows is shown by the examples.
    if key.info.rule.is_some() || matches!(shape, Shape::RustPath | Shape::File | Shape::Files) {
        return select(key.info.examples.clone()).prop_map(example).boxed();
    }
    match shape {
        Shape::Template => text(template()),
        Shape::Text => text(prop_oneof![3 => name(), 1 => template()].boxed()),
        Shape::Texts => prop_oneof![
            text(name()),
            prop::collection::vec(text(name()), 1..3).prop_map(Printed::List),
        ]
        .boxed(),
        Shape::Condition => {
            let operator = select(vec!["==", "!=", "<", "<=", ">", ">="]);
            let condition = (operator, 100..600_u16, "[a-z]{1,5}")
                .prop_map(|(op, n, key)| format!("status {op} {n} and exists(body(\"/{key}\"))"));
            text(condition.boxed())
        }
        Shape::Pointer => text("(/([a-z0-9é ]|~0|~1){0,5}){1,3}".boxed()),
        Shape::Duration => prop_oneof![
            (1..86_400_u64).prop_map(|n| Printed::Number(n.to_string())),
            (1..86_400_000_u32).prop_map(|n| Printed::Number(format!("{}", f64::from(n) / 1000.0))),
            text("[1-9][0-9]{0,2}(ms|s|m)".boxed()),
        ]
        .boxed(),
        Shape::Size => prop_oneof![
            (1..1_u64 << 40).prop_map(|n| Printed::Number(n.to_string())),
            text("[1-9][0-9]{0,3} ?(B|K|KiB|MB|MiB|GiB)".boxed()),
        ]
        .boxed(),
        Shape::Flag => any::<bool>().prop_map(Printed::Flag).boxed(),
        Shape::Number => {
            let (least, most) = key.info.bounds.clone().unwrap_or(0..=i64::MAX as u64).into_inner();
            (least..=most).prop_map(|number| Printed::Number(number.to_string())).boxed()
        }
        Shape::Choice(choices) => {
            let names: Vec<_> = choices.iter().map(|choice| choice.name.to_owned()).collect();
            select(names).prop_map(Printed::Text).boxed()
        }
        Shape::Pairs => pairs(),
        Shape::Json => json(),
        Shape::Fields | Shape::Arguments => fields(),
        Shape::ValueType => {
            select(vec!["int64", "string!"]).prop_map(|t| Printed::Text(t.to_owned())).boxed()
        }
        Shape::Group(shape) => group(shape).prop_map(Printed::Map).boxed(),
        Shape::Kinds(kinds) => {
            let each = kinds.kinds.iter().map(|kind| {
                let name = (kinds.key.to_owned(), Printed::Text(kind.name.to_owned()));
                let with_kind = move |keys: Entries| {
                    Printed::Map(std::iter::once(name.clone()).chain(keys).collect())
                };
                group(kind).prop_map(with_kind).boxed()
            });
            proptest::strategy::Union::new(each.collect::<Vec<_>>()).boxed()
        }
        Shape::Either(shapes) => {
            let each: Vec<_> = shapes.iter().map(|shape| value(shape, key)).collect();
            proptest::strategy::Union::new(each).boxed()
        }
        Shape::List(item) => {
            prop::collection::vec(value(item, key), 1..3).prop_map(Printed::List).boxed()
        }
        Shape::Named(item) => prop::collection::btree_map("[a-z]{1,6}", value(item, key), 1..3)
            .prop_map(|map| Printed::Map(map.into_iter().collect()))
            .boxed(),
        Shape::RustPath | Shape::File | Shape::Files => Just(Printed::Nothing).boxed(),
    }
}

/// Names and values, as a mapping and as a list.
fn pairs() -> BoxedStrategy<Printed> {
    let no_breaks = template().prop_filter("one line, and no half of an expression", |text| {
        let is_text = Template(text.clone()).request_parts().is_ok();
        is_text && !text.chars().any(char::is_control)
    });
    let pairs = prop::collection::vec((name(), no_breaks), 1..4);
    (any::<bool>(), pairs)
        .prop_map(|(list, pairs)| match list {
            true => {
                let pair = |(key, value)| {
                    let key = ("key".to_owned(), Printed::Text(key));
                    Printed::Map(vec![key, ("value".to_owned(), Printed::Text(value))])
                };
                Printed::List(pairs.into_iter().map(pair).collect())
            }
            false => {
                let map: std::collections::BTreeMap<_, _> = pairs.into_iter().collect();
                let pair = |(key, value)| (key, Printed::Text(value));
                Printed::Map(map.into_iter().map(pair).collect())
            }
        })
        .boxed()
}

/// Any JSON.
fn json() -> BoxedStrategy<Printed> {
    let single = prop_oneof![
        template().prop_map(Printed::Text),
        any::<i64>().prop_map(|number| Printed::Number(number.to_string())),
        (-1e9..1e9_f64).prop_map(|number| Printed::Number(format!("{number:?}"))),
        any::<bool>().prop_map(Printed::Flag),
        Just(Printed::Null),
    ];
    let json = single.prop_recursive(3, 12, 3, |inner| {
        let names = prop_oneof![name(), template()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Printed::List),
            prop::collection::btree_map(names, inner, 0..3)
                .prop_map(|map| Printed::Map(map.into_iter().collect())),
        ]
    });
    json.boxed()
}

/// Fields of all types.
fn fields() -> BoxedStrategy<Printed> {
    let scalar = select(vec![
        "bool",
        "int16!",
        "int64",
        "float64!",
        "decimal(12,2)",
        "string",
        "timestamp!",
        "uuid",
        "json",
    ]);
    let scalar = scalar.prop_map(|ty| Printed::Text(ty.to_owned())).boxed();
    let ty = scalar.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|item| Printed::List(vec![item])),
            prop::collection::btree_map("[a-z_]{1,6}", inner, 1..3)
                .prop_map(|map| Printed::Map(map.into_iter().collect())),
        ]
    });
    // `name!` is never null.
    prop::collection::btree_map("[a-zA-Z_]{1,6}!?", ty, 1..4)
        .prop_map(|map| Printed::Map(map.into_iter().collect()))
        .boxed()
}
