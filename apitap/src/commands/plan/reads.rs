//! What a pipeline requests of a source → lines of its plan, and the same as JSON: the request, how often it is
//! made, how it goes on, and what is read of the answers. No value of a secret is in it.

use std::time::Duration;

use apitap_build::duration;
use serde_json::{Value, json};

use crate::definition::{ForEach, Incremental, IncrementalMode, Method, Source};

/// Query parameters that the conditions of the query set, with their values.
type Asked = Vec<(String, String)>;

/// The name of the source, and a line for each thing that is known.
pub(super) fn text(source: &Source, asked: Option<&Asked>) -> String {
    let mut lines = vec![source.name.clone()];
    lines
        .extend(facts(source, asked).into_iter().map(|(name, fact)| format!("  {name:<12}{fact}")));
    lines.join("\n")
}

fn facts(source: &Source, asked: Option<&Asked>) -> Vec<(&'static str, String)> {
    let method = (source.method != Method::Get).then(|| source.method.name().to_owned());
    let data_path = (!source.data_path.0.is_empty()).then(|| source.data_path.0.clone());
    let asked = asked.filter(|asked| !asked.is_empty()).map(|asked| {
        let asked: Vec<_> = asked.iter().map(|(param, value)| format!("{param}={value}")).collect();
        asked.join("&")
    });
    let all = [
        ("method", method),
        ("url", Some(url(source).to_owned())),
        ("for each", (!source.for_each.is_empty()).then(|| times(&source.for_each))),
        ("since", source.incremental.as_ref().map(since)),
        ("asked for", asked),
        ("data_path", data_path),
        ("pagination", Some(kind(&source.pagination))),
        ("auth", source.auth.as_ref().map(kind)),
        ("fields", Some(fields(source))),
    ];
    all.into_iter().filter_map(|(name, fact)| fact.map(|fact| (name, fact))).collect()
}

pub(super) fn machine(source: &Source, asked: Option<&Asked>) -> Value {
    let named = |asked: &Asked| {
        let named = asked.iter().map(|(param, value)| (param.clone(), json!(value)));
        Value::Object(named.collect())
    };
    let read = source.read_schema();
    let fields = read.iter().flat_map(|schema| &schema.fields);
    json!({
        "name": source.name,
        "method": source.method.name(),
        "url": url(source),
        "for_each": source.for_each,
        "incremental": source.incremental.as_ref().map(since),
        "data_path": source.data_path,
        "pagination": kind(&source.pagination),
        "asked_for": asked.map(named),
        "auth": source.auth.as_ref().map(kind),
        "fields": fields.map(|field| field.name.as_str()).collect::<Vec<_>>(),
    })
}

/// What it is requested for: several make the product of all.
fn times(all: &[ForEach]) -> String {
    let each = |one: &ForEach| match one {
        ForEach::Values { alias, values } => format!("{alias} of {}", values.join(", ")),
        ForEach::Records { source, alias, fields, only_changed } => {
            let changed = if *only_changed { " that has changed" } else { "" };
            format!("{alias} of `{source}`{changed} ({})", fields.join(", "))
        }
    };
    all.iter().map(each).collect::<Vec<_>>().join(" × ")
}

/// From where each run goes on.
fn since(incremental: &Incremental) -> String {
    let Incremental { field, start, param, end_param, window, lookback, mode, .. } = incremental;
    let shown = |length: &Duration| duration::shown(*length);
    let mut parts = vec![format!("the last `{field}` that was loaded")];
    parts.extend(lookback.as_ref().map(|lookback| format!("less {}", shown(lookback))));
    parts.extend(start.as_ref().map(|start| format!("at first {}", start.0)));
    parts.extend(window.as_ref().map(|window| format!("in slices of {}", shown(window))));
    parts.extend(param.as_ref().map(|param| match end_param {
        Some(end) => format!("as `{}` and `{}`", param.0, end.0),
        None => format!("as `{}`", param.0),
    }));
    parts.extend(match mode {
        IncrementalMode::Server => None,
        IncrementalMode::Client => Some("the API sends everything each time".to_owned()),
        IncrementalMode::Feed => Some("the newest first, until one is known".to_owned()),
    });
    parts.join(", ")
}

fn fields(source: &Source) -> String {
    match (&source.schema, source.read_schema()) {
        (Some(all), Some(read)) => {
            let names: Vec<_> = read.fields.iter().map(|field| field.name.as_str()).collect();
            format!("{} of {}: {}", names.len(), all.fields.len(), names.join(", "))
        }
        _ => "those that the records have".to_owned(),
    }
}

/// The name of a kind of pagination, or of a way to authenticate: none of its values.
fn kind(value: &impl serde::Serialize) -> String {
    let named = match serde_json::to_value(value) {
        Ok(Value::String(name)) => Some(name),
        Ok(Value::Object(keys)) => match keys.get("kind") {
            Some(kind) => kind.as_str().map(str::to_owned),
            None => keys.keys().next().cloned(),
        },
        _ => None,
    };
    match named.unwrap_or_default() {
        // As it is written: `kind: none`.
        single if single == "single" => "none".to_owned(),
        kind => kind,
    }
}

/// The address as it is written, without what may be a secret in it.
fn url(source: &Source) -> &str {
    source.url.0.split('?').next().unwrap_or_default()
}
