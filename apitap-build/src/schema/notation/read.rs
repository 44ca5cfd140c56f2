//! A schema as written → [`Schema`], with the place of every field.

use std::collections::{BTreeMap, BTreeSet};

use crate::codes;
use crate::diagnostic::{Edit, Finding, Findings, Place};
use crate::nearest::{Suggestion, nearest};
use crate::schema::scalar::{DECIMAL, SCALARS, named, plain};
use crate::schema::{Field, Item, Schema, Type};
use crate::tree::{Node, Value};

/// Where each field was declared, by dotted path.
type Places = BTreeMap<String, Place>;

/// Reads the fields of a schema; `None` where anything is wrong with it.
pub fn schema(node: &Node, findings: &mut Findings) -> Option<(Schema, Places)> {
    let before = findings.errors();
    let mut reader = Reader::new(findings);
    let fields = reader.fields("", node)?;
    let places = reader.places;
    (findings.errors() == before).then_some((Schema { fields }, places))
}

/// What is known of a schema that has findings.
#[derive(Debug)]
pub struct Known {
    /// All fields that are declared; the types of some are not known.
    pub schema: Schema,
    /// Where each is declared.
    pub places: Places,
    /// The names of those whose type is not known.
    pub untyped: BTreeSet<String>,
}

/// The fields of a schema that has findings; `None` where it is no mapping of fields.
pub fn known(node: &Node) -> Option<Known> {
    // What is wrong has been said when it was read.
    let mut findings = Findings::default();
    let mut reader = Reader::new(&mut findings);
    let fields = reader.fields("", node)?;
    Some(Known { schema: Schema { fields }, places: reader.places, untyped: reader.untyped })
}

struct Reader<'f> {
    places: Places,
    untyped: BTreeSet<String>,
    findings: &'f mut Findings,
}

impl<'f> Reader<'f> {
    fn new(findings: &'f mut Findings) -> Self {
        Self { places: Places::new(), untyped: BTreeSet::new(), findings }
    }

    /// All fields that are declared, each once.
    fn fields(&mut self, prefix: &str, node: &Node) -> Option<Vec<Field>> {
        let wrong = |what: &str| {
            Finding::error(codes::INVALID_SCHEMA, what, &node.place)
                .help("write one field a line, as in `id: int64!`")
        };
        let Value::Map(entries) = &node.value else {
            self.findings.push(wrong("a schema is a mapping of fields to types"));
            return None;
        };
        if entries.is_empty() {
            self.findings.push(wrong("a record needs at least one field"));
            return None;
        }
        let mut fields: Vec<Field> = Vec::new();
        let mut entries = entries.iter().peekable();
        while let Some((key, value)) = entries.next() {
            let cut = is_cut_decimal(value).then(|| {
                // What follows the comma, `2)`, is the rest of the same mistake.
                let rest = entries.next_if(|(next, _)| next.value.ends_with([')', '!']));
                cut_decimal(value, rest.map(|(rest, _)| (rest.value.as_str(), &rest.place)))
            });
            let (name, marked) = match key.value.strip_suffix('!') {
                Some(name) => (name, true),
                None => (key.value.as_str(), false),
            };
            let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
            if let Some(first) = self.places.insert(path.clone(), key.place.clone()) {
                self.findings.push(declared_twice(&path, &key.place, &first));
                continue;
            }
            let typed = match cut {
                Some(finding) => {
                    self.findings.push(finding);
                    None
                }
                None => self.ty(&path, value),
            };
            let (ty, nullable) = typed.unwrap_or_else(|| {
                self.untyped.insert(name.to_owned());
                (Type::String, true)
            });
            fields.push(Field::new(name, ty, nullable && !marked));
        }
        Some(fields)
    }

    fn ty(&mut self, path: &str, node: &Node) -> Option<(Type, bool)> {
        let finding = match &node.value {
            Value::String(text) => return scalar(text, &node.place, self.findings),
            Value::Map(_) => return Some((Type::Record(self.fields(path, node)?), true)),
            Value::List(items) => match &items[..] {
                [item] => {
                    let (ty, nullable) = self.ty(path, item)?;
                    return Some((Type::List(Box::new(Item { ty, nullable })), true));
                }
                items => match items.iter().position(is_cut_decimal) {
                    Some(place) => {
                        let rest = items.get(place + 1).and_then(|rest| match &rest.value {
                            Value::String(text) => Some((text.as_str(), &rest.place)),
                            _ => None,
                        });
                        cut_decimal(&items[place], rest)
                    }
                    None => {
                        let message = "a list has one type of elements";
                        Finding::error(codes::INVALID_SCHEMA, message, &node.place)
                            .help("write it in brackets, as in `tags: [string]`")
                    }
                },
            },
            other => {
                let message = match other {
                    Value::Null => "the type is missing".to_owned(),
                    other => {
                        format!("a type is a name such as `string`, not {}", other.describe())
                    }
                };
                Finding::error(codes::INVALID_SCHEMA, message, &node.place)
                    .help("write `int64`, `string`, `[string]` or `{name: string}`")
            }
        };
        self.findings.push(finding);
        None
    }
}

fn declared_twice(path: &str, place: &Place, first: &Place) -> Finding {
    let message = format!("field `{path}` is declared twice");
    Finding::error(codes::DUPLICATE_KEY, message, place)
        .related(first, "it was declared here first")
        .help("remove one of them")
}

/// Inside `{…}` and `[…]` a comma ends the value: `decimal(12,2)` arrives as `decimal(12`.
fn is_cut_decimal(node: &Node) -> bool {
    let Value::String(text) = &node.value else { return false };
    text.starts_with("decimal(") && !text.contains(')')
}

/// What is wrong with it; `rest` is what has come behind the comma, and where.
fn cut_decimal(node: &Node, rest: Option<(&str, &Place)>) -> Finding {
    let message = "the comma of this decimal ends the value";
    let finding = Finding::error(codes::UNQUOTED_DECIMAL, message, &node.place)
        .note("inside `{…}` and `[…]` a comma separates what is in them");
    let help = |ty: &str| format!("put the type into quotes: `\"{ty}\"`");
    match rest.and_then(|rest| whole_decimal(node, rest)) {
        Some((ty, place)) => {
            let replacement = format!("\"{ty}\"");
            finding.fix(help(&ty), Edit { place, replacement, sure: true })
        }
        None => finding.help(help("decimal(12,2)")),
    }
}

/// The type that a comma has cut, and where both of its parts stand.
fn whole_decimal(node: &Node, (rest, behind): (&str, &Place)) -> Option<(String, Place)> {
    let Value::String(begin) = &node.value else { return None };
    let ty = format!("{},{}", begin.trim_end(), rest.trim());
    decimal(ty.trim_end_matches('!').strip_prefix("decimal")?)?;
    match (&node.place, behind) {
        (Place::Text { file, start, .. }, Place::Text { file: other, end, .. })
            if file == other && start < end =>
        {
            Some((ty, Place::text(*file, *start..*end)))
        }
        _ => None,
    }
}

/// A scalar's name, a list with one type, or a record's fields; and whether it may be null.
pub fn ty(node: &Node, findings: &mut Findings) -> Option<(Type, bool)> {
    let before = findings.errors();
    let typed = Reader::new(findings).ty("", node);
    typed.filter(|_| findings.errors() == before)
}

fn scalar(text: &str, place: &Place, findings: &mut Findings) -> Option<(Type, bool)> {
    let name = text.trim_end_matches('!');
    let nullable = match text.len() - name.len() {
        0 => true,
        1 => false,
        _ => {
            findings.push(
                Finding::error(
                    codes::UNKNOWN_TYPE,
                    format!("`{text}` has more than one `!`"),
                    place,
                )
                .help(format!("write `{name}!`")),
            );
            return None;
        }
    };
    let name = name.trim();
    let ty = match name.strip_prefix("decimal") {
        Some(digits) => decimal(digits),
        None => named(name).map(|scalar| scalar.ty.clone()),
    };
    if ty.is_none() {
        findings.push(unknown(name, place));
    }
    ty.map(|ty| (ty, nullable))
}

/// `(12,2)`: 1 to 38 digits, at most all of them after the point.
fn decimal(digits: &str) -> Option<Type> {
    let (precision, scale) = digits.trim().strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
    let (precision, scale) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
    ((1..=38).contains(&precision) && scale <= precision)
        .then_some(Type::Decimal { precision, scale })
}

fn unknown(name: &str, place: &Place) -> Finding {
    if name.starts_with("decimal") {
        return Finding::error(
            codes::UNKNOWN_TYPE,
            format!("`{name}` is not a decimal type"),
            place,
        )
        .note("1 to 38 digits in all, then how many of them stand after the point")
        .help("write `decimal(12,2)`");
    }
    let finding = Finding::error(codes::UNKNOWN_TYPE, format!("`{name}` is not a type"), place);
    let edit = |by: &str, sure| Edit {
        place: place.within(0..name.len()),
        replacement: by.to_owned(),
        sure,
    };
    if let Some(meant) = meant(name) {
        let sentence = format!("write `{meant}`");
        // Of two types only the user knows which.
        return match meant.contains('`') {
            true => finding.help(sentence),
            false => finding.fix(sentence, edit(meant, true)),
        };
    }
    if let Some((called, digits)) = name.split_once('(')
        && nearest(called, ["decimal"]).is_some()
        && decimal(&format!("({digits}")).is_some()
    {
        let meant = format!("decimal({digits}");
        return finding.fix(format!("a similar type exists: `{meant}`"), edit(&meant, true));
    }
    let names = plain().map(|scalar| scalar.name);
    match Suggestion::of(name, names.clone()) {
        Some(near) => {
            let sentence = format!("a similar type exists: `{}`", near.name);
            finding.fix(sentence, edit(near.name, near.sure))
        }
        None => {
            let all: Vec<_> = names.map(|name| format!("`{name}`")).collect();
            finding.help(format!(
                "choose one of {}, `decimal(p,s)`, `[type]` or `{{field: type}}`",
                all.join(", ")
            ))
        }
    }
}

/// What other tools call these types.
fn meant(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    if name == "number" {
        return Some("int64` or `float64");
    }
    let scalar = SCALARS.iter().find(|scalar| scalar.aliases.contains(&name.as_str()))?;
    Some(if scalar.ty == DECIMAL { "decimal(12,2)" } else { scalar.name })
}
