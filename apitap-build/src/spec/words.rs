//! A mapping as written → its words, each asked for once: what was not asked for is unknown.
//!
//! The one set of checks for keys: unknown, duplicate, missing, wrong kind of value. What a word
//! means is known to the modules beside this one only.

use std::ops::RangeInclusive;

use crate::codes;
use crate::diagnostic::{Finding, Findings, Place, Spanned, did_you_mean, nearest};
use crate::tree::{Node, Value};

/// What other tools call a choice of ours.
const SYNONYMS: [(&str, &str); 14] = [
    ("insert", "append"),
    ("overwrite", "replace"),
    ("truncate", "replace"),
    ("full_refresh", "replace"),
    ("update", "merge"),
    ("upsert", "merge"),
    ("incremental", "merge"),
    ("pg", "postgres"),
    ("postgresql", "postgres"),
    ("sqlite3", "sqlite"),
    ("offset", "limit_offset"),
    ("page", "page_number"),
    ("link", "link_header"),
    ("params", "query"),
];

/// Reads the words of one mapping.
pub(super) struct Words<'a, 'f> {
    /// What has these words, for messages: ``source `orders` ``, `` `pagination` ``.
    pub(super) owner: String,
    /// The mapping's own place.
    pub(super) place: &'a Place,
    entries: &'a [(Spanned<String>, Node)],
    known: Vec<&'static str>,
    missing: Vec<(&'static str, Finding)>,
    /// Whether all other words have a meaning of their own, too.
    open: bool,
    /// Words of others that mean the same as a word of this: each list has one of each.
    pub(super) twins: &'static [&'static [&'static str]],
    /// Where what is wrong goes.
    pub(super) findings: &'f mut Findings,
    before: usize,
}

impl<'a, 'f> Words<'a, 'f> {
    /// Reads a mapping; anything else is a finding.
    pub(super) fn new(
        owner: impl Into<String>,
        node: &'a Node,
        findings: &'f mut Findings,
    ) -> Option<Self> {
        let (owner, before) = (owner.into(), findings.errors());
        let Value::Map(entries) = &node.value else {
            findings.push(wrong_kind(&owner, "a mapping of words to values", node));
            return None;
        };
        for (index, (key, _)) in entries.iter().enumerate() {
            if let Some((first, _)) = entries[..index].iter().find(|(k, _)| k.value == key.value) {
                findings.push(written_twice(key, first));
            }
        }
        let (known, missing, open, twins) = Default::default();
        let place = &node.place;
        Some(Self { owner, place, entries, known, missing, open, twins, findings, before })
    }

    /// The word's value, if it was written.
    pub(super) fn get(&mut self, word: &'static str) -> Option<&'a Node> {
        self.known(word);
        self.entries.iter().find(|(key, _)| key.value == word).map(|(_, node)| node)
    }

    /// Knows a word without reading it.
    pub(super) fn known(&mut self, word: &'static str) {
        self.known.push(word);
    }

    /// The words that nobody has asked for so far: all of them are known from now on.
    pub(super) fn others(&mut self) -> Vec<&'a (Spanned<String>, Node)> {
        self.open = true;
        let others = self.entries.iter();
        others.filter(|(key, _)| !self.known.contains(&key.value.as_str())).collect()
    }

    /// Whether a word stands here that nobody has asked for so far.
    pub(super) fn has_unknown(&self) -> bool {
        self.unknown().next().is_some()
    }

    /// The place of the key itself.
    pub(super) fn key_place(&self, word: &str) -> Option<&'a Place> {
        self.entries.iter().find(|(key, _)| key.value == word).map(|(key, _)| &key.place)
    }

    /// The word's value; that it is missing is a finding whose help shows how to write it.
    pub(super) fn required(&mut self, word: &'static str, example: &str) -> Option<&'a Node> {
        let node = self.get(word);
        if node.is_none() {
            self.missing(word, example);
        }
        node
    }

    /// Reports that a word is missing, once all is read.
    pub(super) fn missing(&mut self, word: &'static str, example: &str) {
        let finding = Finding::error(
            codes::MISSING_KEY,
            format!("{} has no `{word}`", self.owner),
            self.place,
        )
        .help(format!("add it, as in `{example}`"));
        self.missing.push((word, finding));
    }

    /// The name, read without a word about it: whoever needs it reads it again.
    pub(super) fn name(&self) -> Option<Spanned<String>> {
        self.entries.iter().find_map(|(key, node)| match (&*key.value, &node.value) {
            ("name", Value::String(name)) => Some(Spanned::new(name.clone(), node.place.clone())),
            _ => None,
        })
    }

    /// Text, if it was written.
    pub(super) fn string(&mut self, word: &'static str) -> Option<Spanned<String>> {
        let node = self.get(word)?;
        string(word, node, self.findings)
    }

    /// Text that is not empty, if it was written.
    pub(super) fn text(&mut self, word: &'static str) -> Option<Spanned<String>> {
        let text = self.string(word)?;
        self.filled(word, text)
    }

    fn filled(&mut self, word: &str, text: Spanned<String>) -> Option<Spanned<String>> {
        if !text.value.trim().is_empty() {
            return Some(text);
        }
        self.findings.push(
            Finding::error(codes::EMPTY_VALUE, format!("`{word}` is empty"), &text.place)
                .help("write a value, or `${NAME}` for one that is known when the program starts"),
        );
        None
    }

    /// Text that must be there, and not be empty.
    pub(super) fn required_string(
        &mut self,
        word: &'static str,
        example: &str,
    ) -> Option<Spanned<String>> {
        let node = self.required(word, example)?;
        let text = string(word, node, self.findings)?;
        self.filled(word, text)
    }

    /// A whole number within bounds; `default` where it was not written.
    pub(super) fn number(
        &mut self,
        word: &'static str,
        bounds: RangeInclusive<u64>,
        default: u64,
    ) -> u64 {
        #[cfg(test)]
        super::tests::seen::number(self.place, word, &bounds, default);
        let Some(node) = self.get(word) else { return default };
        let (least, most) = (bounds.start(), bounds.end());
        match &node.value {
            Value::Integer(number) => {
                let problem = match u64::try_from(*number) {
                    Ok(number) if bounds.contains(&number) => return number,
                    Ok(number) if number > *most => format!("`{word}` can be at most {most}"),
                    _ => format!("`{word}` must be at least {least}"),
                };
                let finding = Finding::error(codes::INVALID_VALUE, problem, &node.place);
                self.findings.push(finding.help(format!("the default is {default}")));
            }
            _ => self.findings.push(wrong_kind(&format!("`{word}`"), "a whole number", node)),
        }
        default
    }

    /// `true` or `false`; `false` where it was not written.
    pub(super) fn boolean(&mut self, word: &'static str) -> bool {
        match self.get(word) {
            None => false,
            Some(Node { value: Value::Bool(value), .. }) => *value,
            Some(node) => {
                self.findings.push(wrong_kind(&format!("`{word}`"), "`true` or `false`", node));
                false
            }
        }
    }

    /// One of the choices, with what it stands for.
    pub(super) fn choice<T: Copy>(
        &mut self,
        word: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<Spanned<T>> {
        #[cfg(test)]
        super::tests::seen::choice(self.place, word, choices.iter().map(|(name, _)| *name));
        let text = self.string(word)?;
        match choices.iter().find(|(name, _)| *name == text.value) {
            Some((_, choice)) => Some(Spanned::new(*choice, text.place)),
            None => {
                let names = choices.iter().map(|(name, _)| *name);
                let elsewhere = SYNONYMS.iter().find(|(theirs, ours)| {
                    theirs.eq_ignore_ascii_case(&text.value) && names.clone().any(|n| n == *ours)
                });
                let help = match elsewhere {
                    Some((_, ours)) => format!("here it is `{ours}`"),
                    None => did_you_mean("choice", &text.value, names),
                };
                self.findings.push(
                    Finding::error(
                        codes::INVALID_VALUE,
                        format!("`{word}` cannot be `{}`", text.value),
                        &text.place,
                    )
                    .help(help),
                );
                None
            }
        }
    }

    /// Whether the mapping has this word, whatever its value.
    pub(super) fn has(&self, word: &str) -> bool {
        self.key_place(word).is_some()
    }

    /// Reports the words that nobody asked for, and those that are missing. `true` where nothing is
    /// wrong with the mapping, what stands in it included.
    pub(super) fn finish(self) -> bool {
        #[cfg(test)]
        self.see();
        let unknown = self.unknown().map(|key| self.no_key(key));
        // A word that is only misspelled is not missing, too.
        let missing = self.missing.iter().filter(|(word, _)| self.misspelled(word).is_none());
        let found: Vec<_> = unknown.chain(missing.map(|(_, finding)| finding.clone())).collect();
        self.findings.extend(found);
        self.findings.errors() == self.before
    }

    /// Reports the words that are missing only: which others belong here cannot be said.
    pub(super) fn give_up(self) {
        #[cfg(test)]
        self.see();
        let found = self.missing.iter().map(|(word, finding)| {
            self.misspelled(word).map_or_else(|| finding.clone(), |key| self.no_key(key))
        });
        let found: Vec<_> = found.collect();
        self.findings.extend(found);
    }

    /// Tells the tests which words have been asked for: the JSON Schema has the same.
    #[cfg(test)]
    fn see(&self) {
        let missing = self.missing.iter().map(|(word, _)| *word);
        super::tests::seen::words(self.place, &self.owner, &self.known, missing);
    }

    /// The keys that nobody asked for.
    fn unknown(&self) -> impl Iterator<Item = &'a Spanned<String>> {
        let entries = self.entries.iter().map(|(key, _)| key);
        entries.filter(|key| !self.open && !self.known.contains(&key.value.as_str()))
    }

    /// The unknown key that means this word.
    fn misspelled(&self, word: &str) -> Option<&'a Spanned<String>> {
        self.unknown().find(|key| match self.twin(&key.value) {
            Some(twin) => twin == word,
            None => nearest(&key.value, self.known.iter().copied()) == Some(word),
        })
    }

    /// The word of this that means what a word of another does.
    fn twin(&self, key: &str) -> Option<&'static str> {
        self.known.iter().copied().find(|word| self.means(key, word) && !self.has(word))
    }

    fn means(&self, key: &str, word: &str) -> bool {
        self.twins.iter().any(|twins| twins.contains(&key) && twins.contains(&word))
    }

    fn no_key(&self, key: &Spanned<String>) -> Finding {
        let message = format!("{} has no key `{}`", self.owner, key.value);
        let finding = Finding::error(codes::UNKNOWN_KEY, message, &key.place).label("unknown key");
        let said = self.known.iter().find(|word| self.means(&key.value, word) && self.has(word));
        if let Some(word) = said {
            return finding.help(format!("remove it: `{word}` says it already"));
        }
        if let Some(twin) = self.twin(&key.value) {
            return finding.help(format!("here it is `{twin}`"));
        }
        finding.help(did_you_mean("key", &key.value, self.known.iter().copied()))
    }
}

/// A key that stands in one mapping twice.
pub(super) fn written_twice(key: &Spanned<String>, first: &Spanned<String>) -> Finding {
    Finding::error(codes::DUPLICATE_KEY, format!("`{}` is written twice", key.value), &key.place)
        .related(&first.place, "it was written here first")
        .help("remove one of them")
}

/// The text of a node; numbers and booleans count as the text that was meant.
pub(super) fn string(word: &str, node: &Node, findings: &mut Findings) -> Option<Spanned<String>> {
    let text = match &node.value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Float(number) => number.to_string(),
        _ => {
            findings.push(wrong_kind(&format!("`{word}`"), "a string", node));
            return None;
        }
    };
    Some(Spanned::new(text, node.place.clone()))
}

/// One text or a list of texts.
pub(super) fn strings(word: &str, node: &Node, findings: &mut Findings) -> Vec<Spanned<String>> {
    match &node.value {
        Value::List(items) => {
            items.iter().filter_map(|item| string(word, item, findings)).collect()
        }
        _ => string(word, node, findings).into_iter().collect(),
    }
}

/// A value of the wrong kind.
pub(super) fn wrong_kind(what: &str, wanted: &str, node: &Node) -> Finding {
    let found = node.value.describe();
    Finding::error(codes::WRONG_KIND, format!("{what} must be {wanted}, not {found}"), &node.place)
        .label(format!("this is {found}"))
        .help(match wanted {
            "a mapping of words to values" => {
                "write one `key: value` a line below it, indented".to_owned()
            }
            "a string" => "put the value into quotes".to_owned(),
            "a list" => "begin each with `- name: …`".to_owned(),
            _ => format!("write {wanted}"),
        })
}
