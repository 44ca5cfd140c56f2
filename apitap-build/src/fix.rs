//! Findings and the text of a file → the text with the changes that are sure.
//!
//! Knows nothing of files on disk: whoever asks writes what comes out.

use std::ops::Range;

use crate::diagnostic::{FileId, Finding, Place};

/// A change that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The bytes of the text before.
    pub range: Range<usize>,
    /// What stands there now.
    pub replacement: String,
    /// The sentence of the help that it follows.
    pub help: String,
}

/// The sure changes in a file, from its start to its end; of those that touch each other, the first.
pub fn changes(file: FileId, findings: &[Finding]) -> Vec<Change> {
    let helps = findings.iter().filter_map(|finding| {
        // Of several ways out of one finding none is sure.
        let mut sure =
            finding.help.iter().filter(|help| help.edit.as_ref().is_some_and(|edit| edit.sure));
        sure.next().filter(|_| sure.next().is_none())
    });
    let mut changes: Vec<Change> = helps
        .filter_map(|help| {
            let edit = help.edit.as_ref()?;
            let Place::Text { file: of, start, end } = edit.place else { return None };
            let replacement = edit.replacement.clone();
            let help = help.sentence.clone();
            (of == file).then_some(Change { range: start..end, replacement, help })
        })
        .collect();
    changes.sort_by_key(|change| (change.range.start, change.range.end));
    let mut end = 0;
    changes.retain(|change| {
        let is_free = change.range.start >= end;
        end = if is_free { change.range.end.max(end + 1) } else { end };
        is_free
    });
    changes
}

/// The text with these changes, which do not touch each other; `None` where they are of another text.
pub fn apply(text: &str, changes: &[Change]) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for change in changes {
        out.push_str(text.get(at..change.range.start)?);
        out.push_str(&change.replacement);
        at = change.range.end;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;
    use crate::diagnostic::{Edit, Files};

    fn check(text: &str, edits: &[(Range<usize>, &str, bool)], expected: &str) {
        let file = Files::default().add("sql/orders.sql", text);
        let finding = |(range, replacement, sure): &(Range<usize>, &str, bool)| {
            let place = Place::text(file, range.clone());
            let edit =
                Edit { place: place.clone(), replacement: (*replacement).to_owned(), sure: *sure };
            Finding::error(codes::INVALID_SQL, "wrong", &place).fix("right", edit)
        };
        let findings: Vec<_> = edits.iter().map(finding).collect();
        assert_eq!(apply(text, &changes(file, &findings)).as_deref(), Some(expected));
    }

    #[test]
    fn sure_changes_are_made_and_others_are_not() {
        check("a b c", &[(0..1, "x", true), (4..5, "z", true)], "x b z");
        check("a b c", &[(4..5, "z", true), (0..1, "x", false)], "a b z");
        check("a b c", &[(0..3, "x", true), (2..5, "z", true)], "x c");
        check("a b c", &[(2..2, "x ", true)], "a x b c");
        check("a b c", &[], "a b c");
    }
}
