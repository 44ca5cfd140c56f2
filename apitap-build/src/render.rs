//! Findings → text in rustc's form, and JSON for machines.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::codes::{self, Code};
use crate::diagnostic::{Files, Finding, Help, Place, Severity};

/// How many further places of one cause are named.
const PLACES: usize = 5;

/// Findings of which it does not depend on the place what is to be done, but on the source that they name.
const OF_SOURCES: [&Code; 2] = [codes::JOIN_IN_MEMORY, codes::LATER_RECORDS];

/// Warnings and notes that say the same of several places, as one finding each: the first, with notes that say where
/// the others stand. Errors stand alone, since each of them has to be fixed where it is.
pub fn by_cause<'f>(
    files: &Files,
    findings: impl IntoIterator<Item = &'f Finding>,
) -> Vec<Cow<'f, Finding>> {
    let mut causes: Vec<(&Finding, Vec<&Finding>)> = Vec::new();
    for finding in findings {
        match causes.iter_mut().find(|(first, _)| have_one_cause(first, finding)) {
            Some((_, others)) => others.push(finding),
            None => causes.push((finding, Vec::new())),
        }
    }
    let told = causes.into_iter().map(|(first, others)| match others.is_empty() {
        true => Cow::Borrowed(first),
        false => {
            let mut first = first.clone();
            let said = elsewhere(files, &first, &others);
            first.notes.extend(said);
            Cow::Owned(first)
        }
    });
    told.collect()
}

/// Whether two findings differ in their places only, or in the source that they name.
fn have_one_cause(first: &Finding, other: &Finding) -> bool {
    first.severity != Severity::Error
        && first.severity == other.severity
        && first.code == other.code
        && first.place != other.place
        && (first.message == other.message || OF_SOURCES.contains(&first.code))
        && first.label == other.label
        && first.related == other.related
        && first.notes == other.notes
        && sentences(first).eq(sentences(other))
}

fn sentences(finding: &Finding) -> impl Iterator<Item = &str> {
    finding.help.iter().map(|help| help.sentence.as_str())
}

/// Where the others of one cause stand, and what they say if it is something else.
fn elsewhere(files: &Files, first: &Finding, others: &[&Finding]) -> Vec<String> {
    let place = |finding: &Finding| {
        let (file, line, column) = location(files, &finding.place)?;
        Some(format!("{file}:{line}:{column}"))
    };
    let (same, different): (Vec<&Finding>, Vec<&Finding>) =
        others.iter().partition(|other| other.message == first.message);
    let mut said = Vec::new();
    let places: Vec<_> = same.iter().take(PLACES).filter_map(|other| place(other)).collect();
    if !places.is_empty() {
        let more = match same.len().saturating_sub(PLACES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        said.push(format!("the same at {}{more}", places.join(", ")));
    }
    let shown = different
        .iter()
        .take(PLACES)
        .filter_map(|other| Some(format!("also at {}: {}", place(other)?, other.message)));
    said.extend(shown);
    match different.len().saturating_sub(PLACES) {
        0 => {}
        more => said.push(format!("also at {more} more places, for other sources")),
    }
    said
}

/// The finding as rustc would show it, without colours.
pub fn render(files: &Files, finding: &Finding) -> String {
    rendered(&Renderer::plain(), files, finding)
}

/// The finding as rustc would show it on a terminal, with colours; of long lines of files only what has room in so
/// many columns.
pub fn styled(files: &Files, finding: &Finding, width: Option<usize>) -> String {
    let renderer = Renderer::styled();
    let renderer = match width {
        Some(width) => renderer.term_width(width),
        None => renderer,
    };
    rendered(&renderer, files, finding)
}

fn rendered(renderer: &Renderer, files: &Files, finding: &Finding) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(finding.message.as_str()).id(finding.code.number());
    let mut groups = vec![with_snippet(Group::with_title(title), files, &finding.place, |span| {
        let label = (!finding.label.is_empty()).then_some(finding.label.as_str());
        AnnotationKind::Primary.span(span).label(label)
    })];
    // A token of Rust source stands where only rustc could show it.
    let related = finding.related.iter().filter(|(place, _)| matches!(place, Place::Text { .. }));
    for (place, sentence) in related {
        let group = Group::with_title(Level::NOTE.secondary_title(sentence.as_str()));
        groups.push(with_snippet(group, files, place, |span| AnnotationKind::Primary.span(span)));
    }
    for note in &finding.notes {
        groups.push(Group::with_title(Level::NOTE.secondary_title(note.as_str())));
    }
    for help in &finding.help {
        groups.push(Group::with_title(Level::HELP.secondary_title(help.sentence.as_str())));
    }
    // The renderer has no margin where no finding has a line number.
    let rendered = renderer.render(&groups);
    let lines = rendered.split('\n').map(|line| match line.split_once("--> ") {
        Some((before, _)) if before.chars().all(is_style) => Cow::Owned(format!(" {line}")),
        _ => Cow::Borrowed(line),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether a character is of an escape sequence that sets a style.
fn is_style(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, '\u{1b}' | '[' | ';' | 'm')
}

/// Adds the lines of a place; only the file's name where there are none to show.
fn with_snippet<'a>(
    group: Group<'a>,
    files: &'a Files,
    place: &Place,
    annotation: impl FnOnce(Range<usize>) -> annotate_snippets::Annotation<'a>,
) -> Group<'a> {
    let Place::Text { file, start, end } = place else { return group };
    let file = files.get(*file);
    if file.text.is_empty() {
        return group.element(Origin::path(file.name.as_str()));
    }
    let span = within(&file.text, *start..*end);
    group.element(
        Snippet::source(file.text.as_str()).path(file.name.as_str()).annotation(annotation(span)),
    )
}

/// A range that surely lies within the text, on the borders of characters.
fn within(text: &str, range: Range<usize>) -> Range<usize> {
    let border = |mut index: usize| {
        index = index.min(text.len());
        while !text.is_char_boundary(index) {
            index -= 1;
        }
        index
    };
    let start = border(range.start);
    start..border(range.end).max(start)
}

/// File, line and column (both from 1, the column in characters) of a place in a file.
pub fn location(files: &Files, place: &Place) -> Option<(String, usize, usize)> {
    let Place::Text { file, start, .. } = place else { return None };
    let file = files.get(*file);
    let before = &file.text[..within(&file.text, *start..*start).start];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = 1 + before.matches('\n').count();
    Some((file.name.clone(), line, 1 + before[line_start..].chars().count()))
}

/// The finding for machines.
pub fn json(files: &Files, finding: &Finding) -> serde_json::Value {
    let (file, line, column) = location(files, &finding.place).unwrap_or_default();
    let related: Vec<_> = finding
        .related
        .iter()
        .map(|(place, message)| {
            let (file, line, column) = location(files, place).unwrap_or_default();
            serde_json::json!({"file": file, "line": line, "column": column, "message": message})
        })
        .collect();
    serde_json::json!({
        "code": finding.code.number(),
        "severity": match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        },
        "file": file,
        "line": line,
        "column": column,
        "message": finding.message,
        "related": related,
        "notes": finding.notes,
        "help": finding.help.iter().map(|help| help.sentence.as_str()).collect::<Vec<_>>(),
        "fixes": fixes(files, finding),
    })
}

/// The changes that do what helps say: an editor makes them, `apitap check --fix` the sure ones.
fn fixes(files: &Files, finding: &Finding) -> Vec<serde_json::Value> {
    let fix = |help: &Help| {
        let edit = help.edit.as_ref()?;
        let Place::Text { file, start, end } = edit.place else { return None };
        let (name, line, column) = location(files, &edit.place)?;
        let end_place = Place::text(file, end..end);
        let (_, end_line, end_column) = location(files, &end_place)?;
        Some(serde_json::json!({
            "message": help.sentence,
            "file": name,
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
            "start_byte": start,
            "end_byte": end,
            "replacement": edit.replacement,
            "sure": edit.sure,
        }))
    };
    finding.help.iter().filter_map(fix).collect()
}
