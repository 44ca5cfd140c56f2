//! YAML text → a [`Node`] tree: every value with its bytes, every key as often as it was written.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

use crate::codes;
use crate::diagnostic::{Edit, FileId, Files, Finding, Findings, Place, Spanned};
use crate::tree::{Node, Value};

/// How deep mappings and lists may be nested.
const MAX_DEPTH: usize = 64;
/// How many values a file may have, aliases written out.
const MAX_NODES: usize = 200_000;
/// The same for a document that somebody else has written, such as an API's description.
const MAX_DOCUMENT_NODES: usize = 4_000_000;

/// Parses a YAML file; an empty one is an empty mapping.
pub fn parse(files: &Files, id: FileId, findings: &mut Findings) -> Option<Node> {
    let whole = 0..files.get(id).text.len();
    parse_up_to(MAX_NODES, files, id, whole, findings)
}

/// Parses a YAML document that may be large, such as an API's description.
pub fn parse_document(files: &Files, id: FileId, findings: &mut Findings) -> Option<Node> {
    let whole = 0..files.get(id).text.len();
    parse_up_to(MAX_DOCUMENT_NODES, files, id, whole, findings)
}

/// Parses the YAML that stands in some bytes of a file of another kind.
pub(crate) fn parse_within(
    files: &Files,
    id: FileId,
    range: Range<usize>,
    findings: &mut Findings,
) -> Option<Node> {
    parse_up_to(MAX_NODES, files, id, range, findings)
}

fn parse_up_to(
    most: usize,
    files: &Files,
    id: FileId,
    range: Range<usize>,
    findings: &mut Findings,
) -> Option<Node> {
    let start = range.start;
    let text = files.get(id).text.get(range).unwrap_or_default();
    let mut tree = Tree {
        events: Parser::new_from_str(text),
        bytes: Bytes::new(text),
        text,
        start,
        file: id,
        anchors: HashMap::new(),
        nodes: 0,
        most,
    };
    match tree.document() {
        Ok(node) => Some(node),
        Err(finding) => {
            findings.push(*finding);
            None
        }
    }
}

type Result<T> = std::result::Result<T, Box<Finding>>;

struct Tree<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    bytes: Bytes,
    text: &'a str,
    /// Where the text begins in the file.
    start: usize,
    file: FileId,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    /// How many there may be.
    most: usize,
}

impl<'a> Tree<'a> {
    fn document(&mut self) -> Result<Node> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(Box::new(
                        Finding::error(
                            codes::SECOND_DOCUMENT,
                            "a second YAML document begins here",
                            &self.at(span),
                        )
                        .help("put everything into one document: remove the `---` line"),
                    ));
                }
                Event::DocumentStart(_) => {}
                Event::StreamEnd => break,
                event => root = Some(self.node(event, span, 0)?),
            }
        }
        let start = self.place(0..0);
        Ok(root.unwrap_or(Node::new(Value::Map(Vec::new()), start)))
    }

    fn next(&mut self) -> Result<(Event<'a>, Span)> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(Box::new(self.syntax(&error))),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node> {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > self.most {
            return Err(Box::new(self.too_large(span)));
        }
        let (node, anchor) = match event {
            Event::Alias(id) => return self.alias(id, span),
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = |tag: &Tag| tag.is_yaml_core_schema() && tag.suffix == "str";
                let place = self.scalar_place(span, style);
                let node = match tag.as_deref().is_some_and(is_text) {
                    true => Node::new(Value::String(text.into_owned()), place),
                    false => scalar(text, style, place),
                };
                (node, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                (Node::new(self.list(depth)?, self.at(span)), anchor)
            }
            Event::MappingStart(anchor, _) => (Node::new(self.map(depth)?, self.at(span)), anchor),
            _ => (Node::new(Value::Null, self.at(span)), 0),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd | Event::StreamEnd, _) => return Ok(Value::List(items)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value> {
        let mut entries = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd | Event::StreamEnd) {
                return Ok(Value::Map(entries));
            }
            let key = self.key(event, span, depth)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            entries.push((key, value));
        }
    }

    fn key(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Spanned<String>> {
        match event {
            Event::Scalar(text, style, ..) => {
                if text == "<<" && style == ScalarStyle::Plain {
                    return Err(Box::new(
                        Finding::error(
                            codes::MERGE_KEY,
                            "merge keys (`<<`) are not supported",
                            &self.at(span),
                        )
                        .help("write the keys out, or use an alias for a whole value"),
                    ));
                }
                Ok(Spanned::new(text.into_owned(), self.scalar_place(span, style)))
            }
            event => {
                let node = self.node(event, span, depth + 1)?;
                let message = format!("a key must be a string, not {}", node.value.describe());
                Err(Box::new(
                    Finding::error(codes::KEY_NOT_STRING, message, &node.place)
                        .help("write a key before the `:`, as in `amount: float64`"),
                ))
            }
        }
    }

    /// What an anchor holds, counted as if it were written here.
    fn alias(&mut self, id: usize, span: Span) -> Result<Node> {
        let Some(node) = self.anchors.get(&id).cloned() else {
            return Err(Box::new(
                Finding::error(codes::INVALID_YAML, "this alias has no anchor", &self.at(span))
                    .help("an anchor (`&name`) must be complete before `*name` can stand for it"),
            ));
        };
        self.nodes += count(&node);
        if self.nodes > self.most {
            return Err(Box::new(self.too_large(span)));
        }
        Ok(node)
    }

    fn too_large(&self, span: Span) -> Finding {
        Finding::error(codes::YAML_TOO_LARGE, "the YAML is too large or too deep", &self.at(span))
            .note(format!("{} values, nested {MAX_DEPTH} deep, are the most", self.most))
    }

    /// The scanner says where it gave up: what people get wrong stands there, or just after.
    fn syntax(&self, error: &ScanError) -> Finding {
        let at = self.bytes.of(error.marker()).min(self.text.len());
        let rest = &self.text[at..];
        let is_text = rest.starts_with(['"', '\'']);
        let line_start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        if let Some(finding) = self.missing_space(at) {
            return finding;
        }
        let finding = |message: &str, range: Range<usize>| {
            Finding::error(
                codes::INVALID_YAML,
                format!("this is not YAML: {message}"),
                &self.place(range),
            )
        };
        if let Some(tab) =
            self.tab_in_indentation(line_start).filter(|_| error.info().contains("tab"))
        {
            finding("a tab in the indentation", tab..tab + 1).help("indent with spaces")
        } else if let Some(name) = rest.strip_prefix('*') {
            let end = name.find(|c: char| c.is_whitespace() || ",]}".contains(c));
            let name = &name[..end.unwrap_or(name.len())];
            finding(&format!("`*{name}` stands for nothing"), at..at + 1 + name.len())
                .help(format!("name the value that it stands for: write `&{name}` before it"))
        } else if let Some(bare) = bare_variable(line) {
            let written = line.get(bare.clone()).unwrap_or_default();
            let range = line_start + bare.start..line_start + bare.end;
            finding("`{` begins a mapping here", range).help(format!("quote it: `\"{written}\"`"))
        } else if let Some(mark) = line.find("}!") {
            finding("`!` cannot follow `}`", line_start + mark..line_start + mark + 2)
                .help("leave it out: a record that is an element of a list may always be null")
        } else if let Some(open) = self.open_bracket(line_start) {
            let close = if self.text[open..].starts_with('[') { ']' } else { '}' };
            finding("this bracket is not closed", open..open + 1)
                .help(format!("close it with `{close}`, or put the value into quotes"))
        } else if is_text {
            let end = at + rest.lines().next().unwrap_or_default().len();
            finding("this text is not closed", at..end).help("end it with the quote it begins with")
        } else if line.matches(": ").count() > 1 {
            finding(error.info(), at..at).help("quote a value that contains `: `")
        } else {
            finding(error.info(), at..at)
                .help("check the indentation, the brackets and the quotes up to here")
        }
    }

    /// A key without the space after its colon, in the line where the scanner gave up or in the one
    /// before it: such a key is a text to YAML, and it wonders at what comes next.
    fn missing_space(&self, at: usize) -> Option<Finding> {
        let end = self.text[at..].find('\n').map_or(self.text.len(), |newline| at + newline);
        let mut start = end + 1;
        let lines = self.text[..end].rsplit('\n').map(|line| {
            start -= line.len() + 1;
            (start, line)
        });
        let written = lines.filter(|(_, line)| {
            let line = line.trim_start();
            !line.is_empty() && !line.starts_with('#')
        });
        let (start, line) = written.take(2).find(|(_, line)| glued(line).is_some())?;
        let (key, value) = glued(line)?;
        let from = start + line.find(key)?;
        let value = value.split(" #").next().unwrap_or(value).trim_end();
        let place = self.place(from..from + key.len() + 1 + value.len());
        let instead = format!("{key}: {value}");
        let edit = Edit { place: place.clone(), replacement: instead.clone(), sure: true };
        let message = "this is not YAML: a space is missing after the colon";
        Some(
            Finding::error(codes::INVALID_YAML, message, &place)
                .fix(format!("write `{instead}`"), edit),
        )
    }

    /// The last bracket before a line that is not closed.
    fn open_bracket(&self, line_start: usize) -> Option<usize> {
        let (mut open, mut quote, mut before) = (Vec::new(), None, ' ');
        for (at, char) in self.text[..line_start].char_indices() {
            match (char, quote) {
                (c, Some(q)) if c == q => quote = None,
                (_, Some('#')) if char == '\n' => quote = None,
                (_, Some(_)) => {}
                ('#', None) if before.is_whitespace() => quote = Some('#'),
                ('"' | '\'', None) if !before.is_alphanumeric() => quote = Some(char),
                ('[' | '{', None) if !before.is_alphanumeric() && before != '$' => open.push(at),
                (']' | '}', None) => {
                    open.pop();
                }
                _ => {}
            }
            before = char;
        }
        open.pop()
    }

    /// The first tab that indents a line, from a line's start on.
    fn tab_in_indentation(&self, start: usize) -> Option<usize> {
        let mut at = start;
        self.text[start..].split_inclusive('\n').find_map(|line| {
            let indent = line.len() - line.trim_start().len();
            let tab = line[..indent].trim_end_matches(['\r', '\n']).find('\t').map(|tab| at + tab);
            at += line.len();
            tab
        })
    }

    /// The place of bytes of the text.
    fn place(&self, range: Range<usize>) -> Place {
        Place::text(self.file, self.start + range.start..self.start + range.end)
    }

    fn at(&self, span: Span) -> Place {
        self.place(self.trimmed(span))
    }

    /// The scalar without its quotes.
    fn scalar_place(&self, span: Span, style: ScalarStyle) -> Place {
        let range = self.trimmed(span);
        let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted)
            && range.len() >= 2;
        let range = if quoted { range.start + 1..range.end - 1 } else { range };
        self.place(range)
    }

    fn trimmed(&self, span: Span) -> Range<usize> {
        let start = self.bytes.of(&span.start).min(self.text.len());
        let end = self.bytes.of(&span.end).clamp(start, self.text.len());
        start..start + self.text[start..end].trim_end().len()
    }
}

/// `id:int64!` of `  - id:int64!`: the key and the value.
fn glued(line: &str) -> Option<(&str, &str)> {
    let entry = line.trim_start().trim_start_matches("- ");
    let (key, value) = entry.split_once(':')?;
    let is_key =
        !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '!'));
    let is_glued = value.starts_with(|c: char| !c.is_whitespace() && c != '/');
    (is_key && is_glued).then_some((key, value))
}

/// `${NAME}` within brackets and not in quotes, where YAML takes its `{` for the begin of a mapping.
fn bare_variable(line: &str) -> Option<Range<usize>> {
    let (mut quote, mut depth, mut before) = (None, 0_usize, ' ');
    for (at, char) in line.char_indices() {
        match (char, quote) {
            (c, Some(q)) if c == q => quote = None,
            (_, Some(_)) => {}
            ('#', None) if before.is_whitespace() => return None,
            ('"' | '\'', None) if !before.is_alphanumeric() => quote = Some(char),
            ('$', None) if depth > 0 && line.get(at + 1..)?.starts_with('{') => {
                let end = line.get(at..)?.find('}')?;
                return Some(at..at + end + 1);
            }
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth = depth.saturating_sub(1),
            _ => {}
        }
        before = char;
    }
    None
}

fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(count).sum(),
        Value::Map(entries) => entries.iter().map(|(_, node)| count(node)).sum(),
        _ => 0,
    }
}

/// YAML 1.2's core schema: only plain scalars are anything but text; what they were written as is
/// kept.
fn scalar(text: Cow<'_, str>, style: ScalarStyle, place: Place) -> Node {
    if style != ScalarStyle::Plain {
        return Node::new(Value::String(text.into_owned()), place);
    }
    match meaning(&text) {
        Some(value) => Node::plain(value, place, &*text),
        None => Node::new(Value::String(text.into_owned()), place),
    }
}

/// What a plain scalar stands for besides its text.
fn meaning(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let starts_as_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let whole = starts_as_number && digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole && let Ok(number) = text.parse() {
        return Some(Value::Integer(number));
    }
    let numeric = digits.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    if starts_as_number
        && numeric
        && let Ok(number) = text.parse()
    {
        return Some(Value::Float(number));
    }
    None
}

/// Positions in characters → in bytes.
struct Bytes(Option<Vec<usize>>);

impl Bytes {
    /// Nothing to convert where every character is one byte.
    fn new(text: &str) -> Self {
        Self((!text.is_ascii()).then(|| text.char_indices().map(|(byte, _)| byte).collect()))
    }

    fn of(&self, marker: &Marker) -> usize {
        match &self.0 {
            None => marker.index(),
            Some(bytes) => bytes.get(marker.index()).copied().unwrap_or(usize::MAX),
        }
    }
}
