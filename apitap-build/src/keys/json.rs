//! A value of YAML or of an attribute → JSON that is sent: types are kept, texts are templates.

use serde_json::{Map, Number, Value as Plain};

use super::key::{Info, KeyType};
use super::mapping::written_twice;
use super::printed::Printed;
use super::rules;
use super::shape::Shape;
use crate::codes;
use crate::definition::{Json, Template};
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::spec::secrets;
use crate::tree::{Node, Value};

/// [`Json`] as it was written.
#[derive(Debug, Clone)]
pub struct JsonSpec {
    json: Json,
    /// The texts in it.
    pub texts: Vec<Spanned<Template>>,
}

impl KeyType for Json {
    type Spec = JsonSpec;

    fn read(_: &Info, node: &Node, findings: &mut Findings) -> Option<JsonSpec> {
        let mut texts = Vec::new();
        let json = value(node, &mut texts, findings).map(Self)?;
        Some(JsonSpec { json, texts })
    }

    fn plain(spec: &JsonSpec) -> Self {
        spec.json.clone()
    }

    /// Where its texts were written is not known any more: they were checked.
    fn at(self, _: &Place) -> JsonSpec {
        JsonSpec { json: self, texts: Vec::new() }
    }

    fn print(&self, _: &Info) -> Printed {
        printed(&self.0)
    }

    fn shape(_: &Info) -> Shape {
        Shape::Json
    }
}

/// All that is wrong in it is reported, so that no value is left out before the end.
fn value(
    node: &Node,
    texts: &mut Vec<Spanned<Template>>,
    findings: &mut Findings,
) -> Option<Plain> {
    Some(match &node.value {
        Value::Null => Plain::Null,
        Value::Bool(value) => Plain::Bool(*value),
        Value::Integer(number) => Plain::Number((*number).into()),
        Value::Float(number) => Plain::Number(fraction(*number, node, findings)?),
        Value::String(text) => {
            let text = Spanned::new(text.clone(), node.place.clone());
            let template = rules::request_text(text, findings)?;
            texts.push(Spanned::new(template.clone(), node.place.clone()));
            Plain::String(template.0)
        }
        Value::List(items) => {
            let items: Vec<_> = items.iter().map(|item| value(item, texts, findings)).collect();
            Plain::Array(items.into_iter().collect::<Option<_>>()?)
        }
        Value::Map(entries) => Plain::Object(object(entries, texts, findings)?),
    })
}

fn object(
    entries: &[(Spanned<String>, Node)],
    texts: &mut Vec<Spanned<Template>>,
    findings: &mut Findings,
) -> Option<Map<String, Plain>> {
    let (mut object, before) = (Map::new(), findings.errors());
    for (index, (name, node)) in entries.iter().enumerate() {
        let mut earlier = entries.iter().take(index);
        if let Some((first, _)) = earlier.find(|(other, _)| other.value == name.value) {
            findings.push(written_twice(name, first));
        }
        if let Some(text) = node.text() {
            let text = Spanned::new(text.to_owned(), node.place.clone());
            secrets::named(&name.value, &text, findings);
        }
        object.extend(value(node, texts, findings).map(|value| (name.value.clone(), value)));
    }
    (findings.errors() == before).then_some(object)
}

/// A number that is not one of 64 bits with a sign: sent as it was written, or not at all.
fn fraction(number: f64, node: &Node, findings: &mut Findings) -> Option<Number> {
    let written = node.written().unwrap_or_default();
    if let Ok(whole) = written.parse::<u64>() {
        return Some(whole.into());
    }
    let digits = written.trim_start_matches(['-', '+']);
    let is_whole = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let sent = Number::from_f64(number).filter(|_| !is_whole);
    if sent.is_none() {
        let message = format!("`{written}` cannot be sent as a JSON number");
        findings.push(
            Finding::error(codes::INVALID_VALUE, message, &node.place)
                .help("put it into quotes: then it is sent as a string"),
        );
    }
    sent
}

fn printed(value: &Plain) -> Printed {
    match value {
        Plain::Null => Printed::Null,
        Plain::Bool(value) => Printed::Flag(*value),
        Plain::Number(number) => Printed::Number(number.to_string()),
        Plain::String(text) => Printed::Text(text.clone()),
        Plain::Array(items) => Printed::List(items.iter().map(printed).collect()),
        Plain::Object(entries) => Printed::Map(
            entries.iter().map(|(name, value)| (name.clone(), printed(value))).collect(),
        ),
    }
}
