//! A project and a seed → an edit of it.

use std::fmt;
use std::ops::Range;

use apitap_tests::random::Random;

/// A project: its files, the YAML file first.
#[derive(Debug, Clone)]
pub(super) struct Project {
    pub(super) name: &'static str,
    pub(super) files: Vec<Text>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) name: String,
    pub(super) text: String,
}

/// What an edit is meant to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It changes a character or two.
    Characters,
    /// It changes a word, a type, a name, or a line.
    Meaning,
    /// It changes nothing that matters.
    Harmless,
}

/// Bytes of a file, and what stands there instead.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    project: &'static str,
    pub(super) file: usize,
    pub(super) file_name: String,
    range: Range<usize>,
    replacement: String,
    was: String,
    /// The first line that it changes, from 1, in the text with the edit.
    pub(super) line: usize,
    /// How many lines it changes.
    pub(super) lines: usize,
    /// The words that it changes, as they were and as they are.
    pub(super) words: Vec<String>,
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { project, file_name, line, was, replacement, .. } = self;
        write!(f, "{project}/{file_name}:{line}: {was:?} is now {replacement:?}")
    }
}

impl Edit {
    pub(super) fn apply(&self, project: &Project) -> Project {
        let mut project = project.clone();
        project.files[self.file].text.replace_range(self.range.clone(), &self.replacement);
        project
    }
}

/// A random edit; `None` where the place that was drawn cannot be edited so.
pub(super) fn edit(project: &Project, kind: Kind, random: &mut Random) -> Option<Edit> {
    let file = random.below(project.files.len());
    let text = &project.files[file].text;
    let is_yaml = file == 0;
    let (range, replacement) = match kind {
        Kind::Characters => characters(text, random)?,
        Kind::Meaning => meaning(text, is_yaml, random)?,
        Kind::Harmless => harmless(text, is_yaml, random)?,
    };
    finish(project, file, range, replacement)
}

/// A word with a slip of the finger.
pub(super) fn typo(project: &Project, random: &mut Random) -> Option<Edit> {
    let file = random.below(project.files.len());
    let text = &project.files[file].text;
    let word = random.one(&words(text)).clone();
    let slipped = slip(&text[word.clone()], random)?;
    finish(project, file, word, slipped)
}

fn finish(
    project: &Project,
    file: usize,
    range: Range<usize>,
    replacement: String,
) -> Option<Edit> {
    let text = &project.files[file].text;
    let was = text.get(range.clone())?.to_owned();
    // What stands for the address of the API and for the folder stays.
    let near = text.get(range.start.saturating_sub(10)..(range.end + 10).min(text.len()))?;
    if was == replacement || near.contains('@') || replacement.contains('@') {
        return None;
    }
    let line = 1 + text[..range.start].matches('\n').count();
    let lines = 1 + replacement.matches('\n').count().max(was.matches('\n').count());
    let around = |text: &str, range: Range<usize>| {
        let start = text[..range.start].rfind(|c: char| !is_part(c)).map_or(0, |at| at + 1);
        let rest = &text[range.end..];
        let end = range.end + rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        text[start..end].to_owned()
    };
    let mut after = text.clone();
    after.replace_range(range.clone(), &replacement);
    let mut changed = vec![
        around(text, range.clone()),
        around(&after, range.start..range.start + replacement.len()),
    ];
    // What a line said that is gone, other lines disagree with.
    changed.extend(words(&was).into_iter().map(|word| was[word].to_owned()));
    let name = &project.files[file].name;
    Some(Edit {
        project: project.name,
        file,
        file_name: name.clone(),
        range,
        replacement,
        was,
        line,
        lines,
        words: changed,
    })
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The words of a text.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (is_part(c), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                let is_word = text[from..at].starts_with(|c: char| c.is_alphabetic());
                if at - from > 2 && is_word {
                    words.push(from..at);
                }
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// A letter that is missing, doubled, another one, or the next one.
fn slip(word: &str, random: &mut Random) -> Option<String> {
    let mut letters: Vec<char> = word.chars().collect();
    let at = random.below(letters.len());
    match random.below(4) {
        0 => {
            letters.remove(at);
        }
        1 => letters.insert(at, letters[at]),
        2 => letters[at] = *random.one(&['a', 'e', 'i', 'n', 'r', 's', 't', 'x']),
        _ => {
            let next = (at + 1) % letters.len();
            letters.swap(at, next);
        }
    }
    let slipped: String = letters.into_iter().collect();
    (slipped != word).then_some(slipped)
}

fn characters(text: &str, random: &mut Random) -> Option<(Range<usize>, String)> {
    const SIGNS: [&str; 18] =
        [",", ":", "(", ")", "{", "}", "'", "\"", " ", "a", "e", "1", "-", "=", "!", "#", "[", "."];
    let at = random.below(text.len());
    let one = at..at + 1;
    text.get(one.clone())?;
    Some(match random.below(5) {
        0 => (one, String::new()),
        1 => (at..at, (*random.one(&SIGNS)).to_owned()),
        2 => (one, (*random.one(&SIGNS)).to_owned()),
        3 => (one.clone(), text[one].repeat(2)),
        _ => {
            let two = at..at + 2;
            let swapped = text.get(two.clone())?.chars().rev().collect();
            (two, swapped)
        }
    })
}

/// The line around a byte, with its end.
fn line_of(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1);
    start..end
}

fn meaning(text: &str, is_yaml: bool, random: &mut Random) -> Option<(Range<usize>, String)> {
    const TYPES: [&str; 9] = [
        "int64",
        "int32",
        "string",
        "timestamp",
        "date",
        "bool",
        "float64",
        "json",
        "decimal(9,2)",
    ];
    let words = words(text);
    let word = random.one(&words).clone();
    let other = random.one(&words).clone();
    Some(match random.below(8) {
        0..=2 => (word.clone(), slip(&text[word], random)?),
        3 => (word, text[other].to_owned()),
        4 => (line_of(text, word.start), String::new()),
        5 => {
            let line = line_of(text, word.start);
            (line.clone(), text[line].repeat(2))
        }
        6 if is_yaml => {
            let types: Vec<_> =
                words.iter().filter(|w| TYPES.contains(&&text[(*w).clone()])).collect();
            let ty = (*types.get(random.below(types.len().max(1)))?).clone();
            (ty, (*random.one(&TYPES)).to_owned())
        }
        6 => {
            let signs: Vec<_> = text.match_indices([',', '(', ')', '\'', '=', '.']).collect();
            let (at, sign) = *random.one(&signs);
            (at..at + sign.len(), String::new())
        }
        _ if is_yaml => {
            let marks: Vec<_> = text.match_indices('!').collect();
            let (at, _) = *marks.get(random.below(marks.len().max(1)))?;
            (at..at + 1, String::new())
        }
        _ => {
            (word, (*random.one(&["SELECT", "NULL", "'text'", "42", "count(*)", "id"])).to_owned())
        }
    })
}

fn harmless(text: &str, is_yaml: bool, random: &mut Random) -> Option<(Range<usize>, String)> {
    let at = random.below(text.len());
    let line = line_of(text, text.get(at..).map(|_| at)?);
    let end = line.end.checked_sub(1)?;
    Some(match random.below(5) {
        0 if is_yaml => (end..end, "  # a comment".to_owned()),
        0 => (end..end, "  -- a comment".to_owned()),
        1 => (line.start..line.start, "\n".to_owned()),
        2 => (end..end, "   ".to_owned()),
        3 if is_yaml => (line.start..line.start, "# a comment: with a colon\n".to_owned()),
        3 => (line.start..line.start, "-- a comment, with a comma\n".to_owned()),
        _ if is_yaml => (0..text.len(), text.replace('\n', "\r\n")),
        _ => (line.start..line.start, "  ".to_owned()),
    })
}
