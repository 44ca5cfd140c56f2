//! Sampled pages → their records, found as a run finds them, and whether a next page shows.

use super::{Found, next_path};
use crate::codes;
use crate::diagnostic::{FileId, Finding, Findings, Place, Spanned};
use crate::nearest::{did_you_mean, nearest};
use crate::parse::json;
use crate::pointer::Pointer;
use crate::schema::sample::Sample;
use crate::spec::SourceSpec;
use crate::tree::{Node, Step, Value};

/// The pages of a source that have been sampled.
pub(super) struct Pages<'a> {
    source: &'a SourceSpec,
    sample: Sample,
    /// Whether a page has a value at the path to the next one.
    has_next: bool,
    /// A page that has none: the keys that are there instead.
    without_next: Option<(Place, Vec<String>)>,
}

type Result<T> = std::result::Result<T, Box<Finding>>;

impl<'a> Pages<'a> {
    pub(super) fn new(source: &'a SourceSpec) -> Self {
        Self { source, sample: Sample::default(), has_next: false, without_next: None }
    }

    /// Reads a file: a page, or in a `.jsonl` file one record a line.
    pub(super) fn read(
        &mut self,
        file: FileId,
        text: &str,
        name: &Spanned<String>,
        shown: &str,
    ) -> Result<()> {
        if [".jsonl", ".ndjson"].iter().any(|ending| shown.ends_with(ending)) {
            return self.lines(file, text, name);
        }
        let page = json::parse(text, file, 0..text.len()).map_err(|finding| {
            let is_lines = finding.label == "trailing characters";
            let finding = finding.related(&name.place, "the file is named here");
            Box::new(match is_lines {
                true => {
                    finding.help("a file with one record a line has a name that ends in `.jsonl`")
                }
                false => finding.help("correct the file, or take the sample again"),
            })
        })?;
        self.next(&page)?;
        self.records(&page, text, name)
    }

    fn lines(&mut self, file: FileId, text: &str, name: &Spanned<String>) -> Result<()> {
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let range = start..start + line.len();
            start = range.end;
            if line.trim().is_empty() {
                continue;
            }
            let named = |finding: Box<Finding>| {
                Box::new(finding.related(&name.place, "the file is named here"))
            };
            let record = json::parse(text, file, range).map_err(named)?;
            self.record(&record, text).map_err(named)?;
        }
        Ok(())
    }

    fn record(&mut self, record: &Node, text: &str) -> Result<()> {
        if !matches!(record.value, Value::Map(_)) {
            let message = format!("a record must be an object, not {}", record.value.describe());
            return Err(Box::new(
                Finding::error(codes::DATA_PATH_NOT_RECORDS, message, &record.place)
                    .help("`data_path` must lead to a list of objects, or to one object"),
            ));
        }
        self.sample.observe(record, text)
    }

    fn records(&mut self, page: &Node, text: &str, name: &Spanned<String>) -> Result<()> {
        let (data_path, place) = super::data_path(self.source, name);
        let every = data_path.tokens().any(|token| token == "*");
        let (mut there, mut missing) = (Vec::new(), None);
        for step in page.follow_all(data_path) {
            match step {
                Step::There(node) => there.push(node),
                Step::Missing { token, within } => missing = missing.or(Some((token, within))),
            }
        }
        if let (true, Some((token, within))) = (there.is_empty(), missing) {
            let message = format!("`data_path` finds no `{token}` in the sample");
            let keys = within.entries().iter().map(|(key, _)| key.value.as_str());
            let finding = Finding::error(codes::DATA_PATH_NOT_FOUND, message, place)
                .related(&within.begin(), format!("this is {}", found(within)));
            let finding = match within.entries() {
                [] => finding,
                _ => finding.help(did_you_mean("key", &token, keys.take(20))),
            };
            return Err(Box::new(finding.help(lists(page))));
        }
        let keyed = self.source.request.key_as.value.is_some();
        there.into_iter().try_for_each(|records| match &records.value {
            Value::Map(members) if keyed => {
                members.iter().try_for_each(|(_, member)| self.record(member, text))
            }
            Value::List(elements) if !keyed => {
                elements.iter().try_for_each(|element| self.record(element, text))
            }
            Value::Map(_) if !keyed => self.record(records, text),
            Value::Null if every => Ok(()),
            _ => {
                let message = match keyed {
                    true => "`data_path` is not an object whose members are records",
                    false => "`data_path` is neither a list of records nor a record",
                };
                Err(Box::new(
                    Finding::error(codes::DATA_PATH_NOT_RECORDS, message, place)
                        .related(&records.place, format!("this is {}", found(records)))
                        .help(lists(page)),
                ))
            }
        })
    }

    /// Whether the path to the next page leads to what a run can follow.
    fn next(&mut self, page: &Node) -> Result<()> {
        let Some((key, path, place)) = next_path(self.source) else { return Ok(()) };
        let wrong = |node: &Node| {
            let message = format!("`{key}` leads to {}", found(node));
            Err(Box::new(
                Finding::error(codes::INVALID_NEXT_PATH, message, place)
                    .related(&node.begin(), "it is this in the sample")
                    .help("it must lead to a string or a number, null on the last page"),
            ))
        };
        match page.follow(path) {
            Step::There(node) => match &node.value {
                Value::List(_) | Value::Map(_) | Value::Bool(true) => wrong(node),
                _ => {
                    self.has_next = true;
                    Ok(())
                }
            },
            Step::Missing { within, .. } => match &within.value {
                Value::Map(entries) => {
                    let keys = entries.iter().map(|(key, _)| key.value.clone()).collect();
                    self.without_next = Some((within.begin(), keys));
                    Ok(())
                }
                Value::Null => Ok(()),
                _ => wrong(within),
            },
        }
    }

    /// The schema of all records; conflicts and a next page that never shows are warnings.
    pub(super) fn finish(self, place: &Place, findings: &mut Findings) -> Option<Found> {
        let Some(declared) = self.sample.first.clone() else {
            findings.push(
                Finding::error(codes::EMPTY_SAMPLE, "the sample has no records", place)
                    .help("take a sample of a page that has some; more are better"),
            );
            return None;
        };
        if let (false, Some((within, keys)), Some((key, path, place))) =
            (self.has_next, &self.without_next, next_path(self.source))
        {
            let message = format!("the sample has nothing at `{key}`");
            let last = path.tokens().last().unwrap_or_default();
            let finding = Finding::warning(codes::NO_NEXT_PAGE, message, place)
                .related(within, "it is missing here")
                .note("a run fails where a page has no such key, unless the pagination says that it may be absent");
            findings.push(match nearest(&last, keys.iter().map(String::as_str)) {
                Some(near) => finding.help(format!("a similar key exists: `{near}`")),
                None => finding
                    .help("correct it; or take the sample of a page that is not the last one"),
            });
        }
        findings.extend(self.sample.conflicts());
        let (schema, places) = self.sample.schema();
        Some(Found { schema, places, declared })
    }
}

/// What a message calls a value of JSON.
fn found(node: &Node) -> &'static str {
    match &node.value {
        Value::Null => "null",
        Value::Map(_) => "an object",
        other => other.describe(),
    }
}

/// Says where lists of records are in a page.
fn lists(page: &Node) -> String {
    let mut found = Vec::new();
    let mut level = vec![(Pointer::default(), page)];
    for _ in 0..4 {
        let mut next = Vec::new();
        for (path, node) in level {
            let is_list = !node.elements().is_empty()
                && node.elements().iter().all(|element| matches!(element.value, Value::Map(_)));
            if is_list {
                let shown = if path.0.is_empty() { "the root" } else { &path.0 };
                found.push(format!("`{shown}`"));
            }
            let members = node.entries().iter();
            next.extend(members.map(|(key, node)| (path.child(&key.value), node)));
        }
        level = next;
    }
    match &found[..] {
        [] => "the sample has no list of objects".to_owned(),
        [only] => format!("there is a list of objects at {only}"),
        found => format!("there are lists of objects at {}", found.join(", ")),
    }
}
