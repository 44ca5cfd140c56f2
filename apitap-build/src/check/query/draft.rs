//! A finding whose places are bytes of the query, before they become places of the user's file.

use std::ops::Range;

use crate::codes::{self, Code};
use crate::diagnostic::{Edit, Finding, Help, Place, Severity};
use crate::nearest::{Suggestion, did_you_mean};

/// A finding about a query.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    code: &'static Code,
    severity: Severity,
    message: String,
    /// Where the caret goes, in bytes of the query.
    pub(super) range: Range<usize>,
    label: String,
    related: Vec<(Site, String)>,
    notes: Vec<String>,
    help: Vec<(String, Option<Fix>)>,
}

/// A change to the query.
#[derive(Debug, Clone)]
pub(super) struct Fix {
    /// What is replaced; nothing where something is put in.
    pub(super) range: Range<usize>,
    /// What stands there then.
    pub(super) replacement: String,
    /// Whether nothing else can be meant.
    pub(super) sure: bool,
}

/// A place that matters.
#[derive(Debug, Clone)]
pub(super) enum Site {
    /// Bytes of the query.
    Query(Range<usize>),
    /// Somewhere else.
    Elsewhere(Place),
}

impl Draft {
    /// An error at these bytes.
    pub(super) fn error(
        code: &'static Code,
        message: impl Into<String>,
        range: Range<usize>,
    ) -> Self {
        let message = message.into();
        let (label, related, notes, help) = Default::default();
        let severity = Severity::Error;
        Self { code, severity, message, range, label, related, notes, help }
    }

    /// A warning at these bytes.
    pub(super) fn warning(code: &'static Code, message: &str, range: Range<usize>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message, range) }
    }

    /// A note at these bytes.
    pub(super) fn note_at(
        code: &'static Code,
        message: impl Into<String>,
        range: Range<usize>,
    ) -> Self {
        Self { severity: Severity::Note, ..Self::error(code, message, range) }
    }

    /// Whether it has one of these codes.
    pub(super) fn is_of(&self, codes: &[&'static Code]) -> bool {
        codes.contains(&self.code)
    }

    /// Whether that is its message.
    pub(super) fn says(&self, message: &str) -> bool {
        self.message == message
    }

    /// Whether it only repeats what the planner says. After other findings that may well be about
    /// what has been fixed because of them.
    pub(super) fn is_vague(&self) -> bool {
        self.code == codes::UNSUPPORTED_QUERY
    }

    /// Words beside the caret.
    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Another place that matters.
    pub(super) fn related(mut self, site: Site, sentence: impl Into<String>) -> Self {
        self.related.push((site, sentence.into()));
        self
    }

    /// A fact that explains.
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// What to do.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push((help.into(), None));
        self
    }

    /// What was probably meant by the name at its place, and the change that writes it.
    pub(super) fn suggest<'n>(
        self,
        kind: &str,
        name: &str,
        candidates: impl IntoIterator<Item = &'n str> + Clone,
    ) -> Self {
        let sentence = did_you_mean(kind, name, candidates.clone());
        match Suggestion::of(name, candidates) {
            Some(Suggestion { name, sure }) => {
                let replacement = if is_plain(name) { name.to_owned() } else { quoted(name) };
                let range = self.range.clone();
                self.fix(sentence, Fix { range, replacement, sure })
            }
            None => self.help(sentence),
        }
    }

    /// What to do, and the change that does it.
    pub(super) fn fix(mut self, help: impl Into<String>, fix: Fix) -> Self {
        self.help.push((help.into(), Some(fix)));
        self
    }

    /// The same, where a person has to look at each change.
    pub(super) fn unsure(mut self) -> Self {
        for fix in self.help.iter_mut().filter_map(|(_, fix)| fix.as_mut()) {
            fix.sure = false;
        }
        self
    }

    /// The finding, its places those of the user's file.
    pub(super) fn finding(self, place: &dyn Fn(Range<usize>) -> Place) -> Finding {
        let mut finding = Finding::error(self.code, self.message, &place(self.range));
        finding.severity = self.severity;
        finding.label = self.label;
        finding.notes = self.notes;
        for (sentence, fix) in self.help {
            let edit = fix.and_then(|fix| {
                let length = fix.range.len();
                let place = place(fix.range);
                // What a template has made stands nowhere, and cannot be changed.
                let stands =
                    matches!(place, Place::Text { start, end, .. } if end - start == length);
                stands.then_some(Edit { place, replacement: fix.replacement, sure: fix.sure })
            });
            finding.help.push(Help { sentence, edit });
        }
        for (site, sentence) in self.related {
            let place = match site {
                Site::Query(range) => place(range),
                Site::Elsewhere(place) => place,
            };
            finding.related.push((place, sentence));
        }
        finding
    }
}

/// Whether a name is one without quotes.
fn is_plain(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A name in the quotes of SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
