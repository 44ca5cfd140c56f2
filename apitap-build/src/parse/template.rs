//! A SQL file (a minijinja template) → the query, what `sink(…)`, `use_source(…)` and `map(…)` say, and where
//! each byte of the query was written.
//!
//! Every literal stretch of the template gets a marker before it is rendered, so that the origin of
//! what comes out is known exactly, in loops and conditions too.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Kwargs, Rest, Value as Any, ValueKind};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};

use crate::codes;
use crate::diagnostic::{Edit, FileId, Files, Finding, Findings, Place, Spanned};
use crate::nearest::nearest;
use crate::tree::{Node, Value};
use crate::unclosed;

mod calls;
mod origin;
mod variables;

use calls::Call;
use origin::{Marked, Origins};

/// A query, rendered.
#[derive(Debug)]
pub struct QueryText {
    /// The SQL, without a semicolon at its end.
    pub sql: String,
    /// What `sink(…)` was called with.
    pub sink: Option<Node>,
    /// What `map(…)` was called with: then there is no query.
    pub map: Option<Node>,
    /// What `use_source(…)` was called with, in order, and the source that is mapped.
    pub uses: Vec<Spanned<String>>,
    origins: Origins,
    file: FileId,
}

impl QueryText {
    /// Where bytes of [`QueryText::sql`] were written.
    pub fn place(&self, range: Range<usize>) -> Place {
        Place::text(self.file, self.origins.of(range))
    }
}

/// More steps than any query needs: a template that never ends is stopped.
const FUEL: u64 = 1_000_000;

/// Renders a SQL file.
pub fn render_query(files: &Files, file: FileId, findings: &mut Findings) -> Option<QueryText> {
    let text = &files.get(file).text;
    let marked = origin::mark(text);
    let calls =
        Arc::new(Mutex::new(Calls { written: calls::find(text), file, ..Calls::default() }));
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    let heard = Arc::clone(&calls);
    environment.add_function("use_source", move |arguments: Rest<Any>| {
        lock(&heard).use_source(&arguments)
    });
    let heard = Arc::clone(&calls);
    environment.add_function("sink", move |arguments: Rest<Any>, named: Kwargs| {
        lock(&heard).sink(&arguments, &named)
    });
    let heard = Arc::clone(&calls);
    environment.add_function("map", move |arguments: Rest<Any>, named: Kwargs| {
        lock(&heard).map(&arguments, &named)
    });
    let rendered = environment.render_str(&marked.text, ());
    drop(environment);
    let mut calls = std::mem::take(&mut *lock(&calls));
    let found = std::mem::take(&mut calls.findings);
    match rendered {
        _ if !found.is_empty() => {
            found.into_iter().for_each(|finding| findings.push(finding));
            None
        }
        Err(error) => {
            findings.push(template_error(file, text, &marked, &error));
            None
        }
        Ok(rendered) => {
            let (sql, origins) = marked.unmark(text, &rendered);
            let sql = without_semicolon(sql);
            if calls.map.is_some() {
                if let Some(start) = first_word(&sql) {
                    let place = Place::text(file, origins.of(start..sql.trim_end().len()));
                    findings.push(
                        Finding::error(
                            codes::QUERY_AND_MAP,
                            "the file holds a query and a map",
                            &place,
                        )
                        .help("keep one: rows come from a query or from a map"),
                    );
                    return None;
                }
            } else if sql.trim().is_empty() {
                findings.push(
                    Finding::error(
                        codes::EMPTY_QUERY,
                        "the file holds no query",
                        &Place::text(file, 0..0),
                    )
                    .help("write `SELECT … FROM {{ use_source(\"…\") }}`"),
                );
                return None;
            }
            let written = variables::find(&sql);
            for range in &written {
                let name = sql.get(range.clone()).unwrap_or_default();
                let place = Place::text(file, origins.of(range.clone()));
                findings.push(
                    Finding::error(
                        codes::VARIABLE_IN_SQL,
                        format!("`{name}` has no value in an SQL file"),
                        &place,
                    )
                    .help(
                        "variables stand in the YAML file: send it as a parameter of the source, \
                         `query_params`, or write the value here",
                    ),
                );
            }
            if !written.is_empty() {
                return None;
            }
            findings.extend(calls::unused(text).into_iter().map(|range| {
                let message = format!("`{}` is set and never read", &text[range.clone()]);
                Finding::warning(codes::UNUSED_NAME, message, &Place::text(file, range))
                    .help("read it in `{{ … }}`, or remove it")
            }));
            let Calls { sink, map, uses, .. } = calls;
            Some(QueryText { sql, sink, map, uses, origins, file })
        }
    }
}

/// Where the first thing stands that is neither blank nor a comment.
fn first_word(sql: &str) -> Option<usize> {
    let mut rest = sql.trim_start();
    while !rest.is_empty() {
        let end = if rest.starts_with("--") {
            rest.find('\n')
        } else if let Some(inside) = rest.strip_prefix("/*") {
            inside.find("*/").map(|end| end + "/**/".len())
        } else {
            return Some(sql.len() - rest.len());
        };
        rest = rest.get(end?..).unwrap_or_default().trim_start();
    }
    None
}

fn lock(calls: &Mutex<Calls>) -> std::sync::MutexGuard<'_, Calls> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One semicolon may end the query, as in any SQL file; what stands before it is not touched.
fn without_semicolon(mut sql: String) -> String {
    sql.truncate(sql.trim_end().len());
    if sql.ends_with(';') {
        sql.pop();
        sql.truncate(sql.trim_end().len());
    }
    sql
}

/// What the three functions have heard while the template was rendered.
#[derive(Default)]
struct Calls {
    written: Vec<Call>,
    file: FileId,
    uses: Vec<Spanned<String>>,
    sink: Option<Node>,
    map: Option<Node>,
    findings: Vec<Finding>,
}

impl Calls {
    fn use_source(&mut self, arguments: &[Any]) -> Result<Any, Error> {
        let only = match arguments {
            [only] => only.as_str(),
            _ => None,
        };
        let Some(name) = only.map(origin::without_markers) else {
            let place = self.place_of("use_source", |_| true);
            self.findings.push(
                Finding::error(
                    codes::INVALID_CALL,
                    "`use_source` takes the name of one source",
                    &place,
                )
                .help("write `{{ use_source(\"orders\") }}`"),
            );
            return Ok(Any::from(""));
        };
        let place = self.place_of("use_source", |call| {
            call.arguments.iter().any(|argument| argument.text.as_deref() == Some(&name))
        });
        self.uses.push(Spanned::new(name.clone(), place));
        Ok(Any::from_safe_string(format!("\"{}\"", name.replace('"', "\"\""))))
    }

    fn sink(&mut self, arguments: &[Any], named: &Kwargs) -> Result<Any, Error> {
        // The original also took the name alone: `sink("warehouse")`.
        let heard = self.sink.is_some();
        let node = self.arguments_of("sink", "name", heard, arguments, named)?;
        self.sink = node.or(self.sink.take());
        Ok(Any::from(""))
    }

    fn map(&mut self, arguments: &[Any], named: &Kwargs) -> Result<Any, Error> {
        let heard = self.map.is_some();
        let node = self.arguments_of("map", "path", heard, arguments, named)?;
        if let Some(Node { value: Value::Map(entries), .. }) = &node {
            let source = entries.iter().find(|(key, _)| key.value == "source");
            if let Some((_, Node { value: Value::String(name), place, .. })) = source {
                self.uses.push(Spanned::new(name.clone(), place.clone()));
            }
        }
        self.map = node.or(self.map.take());
        Ok(Any::from(""))
    }

    /// The arguments of a call that can be made once; `first` is what stands there without a name.
    fn arguments_of(
        &mut self,
        name: &str,
        first: &str,
        heard: bool,
        arguments: &[Any],
        named: &Kwargs,
    ) -> Result<Option<Node>, Error> {
        let place = self.place_of(name, |_| true);
        if heard {
            let second = self.written.iter().filter(|call| call.name == name).nth(1);
            let place = second.map_or(place, |call| Place::text(self.file, call.range.clone()));
            self.findings.push(
                Finding::error(codes::DUPLICATE_SINK, format!("`{name}` is called twice"), &place)
                    .help("a file is one query into one table: write a file for each"),
            );
            return Ok(None);
        }
        let written = self.written.iter().find(|call| call.name == name).cloned();
        let mut entries = Vec::new();
        for value in arguments.iter().take(1) {
            let argument = written.as_ref().and_then(|call| call.arguments.first());
            let node = self.node(value, argument.map(|argument| &argument.value), &place);
            entries.push((Spanned::new(first.to_owned(), node.place.clone()), node));
        }
        if let Some(extra) = arguments.get(1) {
            self.findings.push(
                Finding::error(
                    codes::INVALID_CALL,
                    format!("`{name}` takes one unnamed argument, not `{extra}`"),
                    &place,
                )
                .help(match name {
                    "sink" => "name the others, as in `sink(name=\"…\", table=\"…\")`",
                    _ => "name the others, as in `map(\"…\", source=\"…\", row=\"…\")`",
                }),
            );
        }
        let keys: Vec<String> = named.args().map(str::to_owned).collect();
        for key in keys {
            let argument = written.as_ref().and_then(|call| call.argument(&key));
            let key_place = argument
                .and_then(|argument| argument.key.clone())
                .map_or_else(|| place.clone(), |(_, range)| Place::text(self.file, range));
            let value: Any = named.get(&key)?;
            let node = self.node(&value, argument.map(|argument| &argument.value), &place);
            entries.push((Spanned::new(key, key_place), node));
        }
        named.assert_all_used()?;
        Ok(Some(Node::new(Value::Map(entries), place)))
    }

    /// A value with its place, where it was written as a literal.
    fn node(&self, value: &Any, written: Option<&calls::Written>, call: &Place) -> Node {
        let place =
            written.map_or_else(|| call.clone(), |w| Place::text(self.file, w.range.clone()));
        let items = written.map_or(&[][..], |written| &written.items);
        let value = match value.kind() {
            ValueKind::Undefined | ValueKind::None => Value::Null,
            ValueKind::Bool => Value::Bool(value.is_true()),
            ValueKind::Number => match i64::try_from(value.clone()) {
                Ok(number) if value.is_integer() => Value::Integer(number),
                _ => f64::try_from(value.clone()).map_or(Value::Null, Value::Float),
            },
            ValueKind::Seq | ValueKind::Iterable => Value::List(
                value
                    .try_iter()
                    .into_iter()
                    .flatten()
                    .enumerate()
                    .map(|(index, item)| self.node(&item, items.get(index), &place))
                    .collect(),
            ),
            _ => Value::String(origin::without_markers(&value.to_string())),
        };
        // A number that is written out keeps its digits.
        let literal = written.map(|w| w.text.as_str()).filter(|text| text.parse::<f64>().is_ok());
        match (&value, literal) {
            (Value::Integer(_) | Value::Float(_), Some(text)) => Node::plain(value, place, text),
            _ => Node::new(value, place),
        }
    }

    /// The first call of that name for which something holds, else the first of that name.
    fn place_of(&self, name: &str, holds: impl Fn(&Call) -> bool) -> Place {
        let mut all = self.written.iter().filter(|call| call.name == name);
        let first = all.clone().next();
        let range = match all.find(|call| holds(call)).or(first) {
            None => 0..0,
            // The name within the quotes is what a person looks at.
            Some(call) if name == "use_source" && holds(call) => {
                call.arguments.first().map_or(call.range.clone(), |a| a.value.range.clone())
            }
            Some(call) => call.range.clone(),
        };
        Place::text(self.file, range)
    }
}

/// A name in `{{ … }}` that nothing has set.
fn not_set(file: FileId, text: &str, range: &Range<usize>) -> Finding {
    let written = text.get(range.clone()).unwrap_or_default();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let start = written.find(is_part).unwrap_or_default();
    let name = written.get(start..).unwrap_or_default();
    let name = name.get(..name.find(|c| !is_part(c)).unwrap_or(name.len())).unwrap_or_default();
    let start = range.start + start;
    let place = Place::text(file, start..start + name.len());
    let set = calls::set(text);
    let finding = Finding::error(codes::UNKNOWN_VARIABLE, format!("`{name}` is not set"), &place);
    match set.is_empty() {
        true => finding.help(format!("set it above: `{{% set {name} = … %}}`")),
        false => finding.suggest("name", name, set),
    }
}

fn template_error(file: FileId, text: &str, marked: &Marked, error: &Error) -> Finding {
    let range = error.range().map(|range| marked.original(range)).unwrap_or_else(|| {
        let line = error.line().unwrap_or(1).saturating_sub(1);
        let start = text.split_inclusive('\n').take(line).map(str::len).sum();
        start..start
    });
    let place = Place::text(file, range.clone());
    let detail = error.detail().map(origin::without_markers).unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownFunction | ErrorKind::UndefinedError | ErrorKind::UnknownFilter => {
            let name = detail.split_whitespace().next().unwrap_or_default().trim_matches('`');
            if name.is_empty() || error.kind() == ErrorKind::UndefinedError {
                return not_set(file, text, &range);
            }
            // Of a call, its name.
            let name_at = text.get(range.clone()).and_then(|text| text.find(name));
            let place = match name_at.map(|at| range.start + at) {
                Some(start) => Place::text(file, start..start + name.len()),
                None => place,
            };
            let message = format!("`{name}` is not known to the template");
            let finding = Finding::error(codes::UNKNOWN_VARIABLE, message, &place);
            match nearest(name, ["sink", "use_source", "map"]) {
                Some(near) => {
                    let edit = Edit { place, replacement: near.to_owned(), sure: true };
                    finding.fix(format!("write `{near}(…)`"), edit)
                }
                None => finding
                    .note("a template knows `sink`, `use_source`, `map` and what it sets itself")
                    .help("a literal `{{` is written `{{ \"{{\" }}`"),
            }
        }
        ErrorKind::OutOfFuel => {
            Finding::error(codes::ENDLESS_TEMPLATE, "the template does not come to an end", &place)
                .help("loop over less")
        }
        _ => Finding::error(
            codes::INVALID_TEMPLATE,
            format!("the template cannot be read: {detail}"),
            &match unclosed::in_template(text).filter(|unclosed| unclosed.start < range.end) {
                Some(unclosed) => Place::text(file, unclosed),
                None => place,
            },
        )
        .help("`{{ … }}` holds a call, `{% … %}` a statement, `{# … #}` a comment"),
    }
}
