//! What is wrong, where, and how to fix it: the findings that every stage reports.
//!
//! A [`Finding`] is data; [`crate::render`] turns it into text. Places are offsets into a file of
//! [`Files`], or a token of the Rust source that a macro was put on.

use crate::codes::{self, Code};
use crate::nearest::{Suggestion, did_you_mean};
use std::ops::Range;

/// A file that findings can point into.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// As the user knows it: relative to the crate, `sql/paid_orders.sql`.
    pub name: String,
    /// Its whole text.
    pub text: String,
    /// For text inside a Rust string literal (`#[sql("…")]`): the literal's token.
    pub token: Option<usize>,
}

/// The files of one build.
#[derive(Debug, Clone, Default)]
pub struct Files {
    files: Vec<SourceFile>,
}

/// A file of [`Files`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(usize);

impl Files {
    /// Adds a file.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        self.insert(SourceFile { name: name.into(), text: text.into(), token: None })
    }

    /// Adds a text that stands in a literal of the Rust source.
    pub fn insert(&mut self, file: SourceFile) -> FileId {
        self.files.push(file);
        FileId(self.files.len() - 1)
    }

    /// The names of all files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// All files and their names.
    pub fn named(&self) -> impl Iterator<Item = (FileId, &str)> {
        self.files.iter().enumerate().map(|(index, file)| (FileId(index), file.name.as_str()))
    }

    /// Makes the text of every secret that a finding is about unreadable: what shows a line of a
    /// file ends up in the logs of builds. Its bytes stay as many, so that places stay right.
    pub(crate) fn mask_secrets(&mut self, findings: &[Finding]) {
        let secrets = findings.iter().filter(|finding| finding.code == codes::LITERAL_SECRET);
        for finding in secrets {
            if let Place::Text { file, start, end } = finding.place {
                self.mask(file, start..end);
            }
        }
    }

    /// Makes a part of a file unreadable.
    pub(crate) fn mask(&mut self, file: FileId, range: Range<usize>) {
        let Some(file) = self.files.get_mut(file.0) else { return };
        let Some(secret) = file.text.get(range.clone()) else { return };
        let mask = |byte: u8| if byte == b'\n' { '\n' } else { '*' };
        let masked: String = secret.bytes().map(mask).collect();
        file.text.replace_range(range, &masked);
    }

    /// The file.
    pub fn get(&self, id: FileId) -> &SourceFile {
        &self.files[id.0]
    }

    /// The file of that name.
    pub fn find(&self, name: &str) -> Option<FileId> {
        self.files.iter().position(|file| file.name == name).map(FileId)
    }

    /// The name of a file whose path is written in another one: paths are relative to that one.
    pub fn beside(&self, file: FileId, written: &str) -> String {
        let folder = self.get(file).name.rsplit_once('/').map(|(folder, _)| folder);
        let path = match folder {
            Some(folder) if !written.starts_with('/') => format!("{folder}/{written}"),
            _ => written.to_owned(),
        };
        let mut parts: Vec<&str> = Vec::new();
        for part in path.split('/') {
            match part {
                "." => {}
                "" if !parts.is_empty() => {}
                ".." if parts.last().is_some_and(|last| !matches!(*last, ".." | "")) => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        parts.join("/")
    }
}

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Bytes of a file.
    Text {
        /// The file.
        file: FileId,
        /// Bytes from the start of the file, end exclusive.
        start: usize,
        /// End, exclusive.
        end: usize,
    },
    /// A token of the Rust source: an index into the macro's own list of spans.
    Token(usize),
}

impl Place {
    /// Bytes of a file.
    pub fn text(file: FileId, range: Range<usize>) -> Self {
        Self::Text { file, start: range.start, end: range.end }
    }

    /// A part of what stands there, in bytes from its start; of a token, the whole.
    #[must_use]
    pub fn within(&self, range: Range<usize>) -> Self {
        match self {
            Self::Text { file, start, end } => Self::Text {
                file: *file,
                start: (start + range.start).min(*end),
                end: (start + range.end).min(*end),
            },
            Self::Token(token) => Self::Token(*token),
        }
    }
}

/// A value and the place where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub place: Place,
}

impl<T> Spanned<T> {
    /// A value and its place.
    pub fn new(value: T, place: Place) -> Self {
        Self { value, place }
    }

    /// Another value at the same place.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: f(self.value), place: self.place }
    }
}

impl<T: AsRef<str>> Spanned<T> {
    /// The place of a part of the text; of the whole where the file spells the text in another way
    /// (escapes, several lines).
    pub fn part(&self, range: Range<usize>) -> Place {
        match &self.place {
            Place::Text { start, end, .. } if end - start == self.value.as_ref().len() => {
                self.place.within(range)
            }
            whole => whole.clone(),
        }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The build fails.
    Error,
    /// It works, but probably not as meant.
    Warning,
    /// It works as meant, and costs something that is good to know. Builds do not show it.
    Note,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What kind of mistake: a section of `docs/errors.md`.
    pub code: &'static Code,
    /// How bad it is.
    pub severity: Severity,
    /// Lower case, no full stop, the user's words in backticks.
    pub message: String,
    /// Where the caret goes.
    pub place: Place,
    /// A few words beside the caret; may be empty.
    pub label: String,
    /// Other places that matter, each with a sentence.
    pub related: Vec<(Place, String)>,
    /// Facts that explain.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Vec<Help>,
}

/// What to do about a finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Help {
    /// One sentence.
    pub sentence: String,
    /// The same as a change to a file, where there is one.
    pub edit: Option<Edit>,
}

/// A change to a file that does what a help says.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// What is replaced.
    pub place: Place,
    /// What stands there then.
    pub replacement: String,
    /// Whether nothing else can be meant: only then it is made without asking.
    pub sure: bool,
}

impl<T: Into<String>> From<T> for Help {
    fn from(sentence: T) -> Self {
        Self { sentence: sentence.into(), edit: None }
    }
}

impl Finding {
    /// An error at a place.
    pub fn error(code: &'static Code, message: impl Into<String>, place: &Place) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            place: place.clone(),
            label: String::new(),
            related: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// A warning at a place.
    pub fn warning(code: &'static Code, message: impl Into<String>, place: &Place) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message, place) }
    }

    /// Words beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Another place that matters.
    #[must_use]
    pub fn related(mut self, place: &Place, sentence: impl Into<String>) -> Self {
        self.related.push((place.clone(), sentence.into()));
        self
    }

    /// A fact that explains.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// What to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<Help>) -> Self {
        self.help.push(help.into());
        self
    }

    /// What was probably meant by the name at its place, and the change that writes it.
    #[must_use]
    pub fn suggest<'a>(
        self,
        kind: &str,
        name: &str,
        candidates: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Self {
        let sentence = did_you_mean(kind, name, candidates.clone());
        let place = self.place.clone();
        let edit = Suggestion::of(name, candidates).map(|suggestion| Edit {
            place,
            replacement: suggestion.name.to_owned(),
            sure: suggestion.sure,
        });
        self.help(Help { sentence, edit })
    }

    /// What to do, and the change that does it.
    #[must_use]
    pub fn fix(self, sentence: impl Into<String>, edit: Edit) -> Self {
        self.help(Help { sentence: sentence.into(), edit: Some(edit) })
    }
}

/// The findings of one build, in order of discovery.
#[derive(Debug, Clone, Default)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// Adds one.
    pub fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Adds several.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.0.extend(findings);
    }

    /// All of them in the order of the files and of the places in them, each once.
    pub fn sorted(mut self) -> Vec<Finding> {
        self.0.sort_by(|a, b| a.place.cmp(&b.place));
        self.0.dedup();
        self.0
    }

    /// Whether anything makes the build fail.
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// How many make the build fail. That it has not grown says that a thing is well.
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|finding| finding.severity == Severity::Error).count()
    }
}
