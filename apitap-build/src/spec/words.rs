//! A mapping as written → its words, each asked for once: what was not asked for is unknown.
//!
//! The one set of checks for keys: unknown, duplicate, missing, wrong kind of value. What a word
//! means is known to the modules beside this one only.

use crate::diagnostic::{Finding, Findings, Place, Spanned, did_you_mean, nearest};
use crate::tree::{Node, Value};

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
        let (owner, before) = (owner.into(), findings.0.len());
        let Value::Map(entries) = &node.value else {
            findings.push(wrong_kind(&owner, "a mapping of words to values", node));
            return None;
        };
        for (index, (key, _)) in entries.iter().enumerate() {
            if let Some((first, _)) = entries[..index].iter().find(|(k, _)| k.value == key.value) {
                findings.push(
                    Finding::error(
                        "E0111",
                        format!("`{}` is written twice", key.value),
                        &key.place,
                    )
                    .related(&first.place, "it was written here first")
                    .help("remove one of them"),
                );
            }
        }
        let (known, missing) = (Vec::new(), Vec::new());
        let open = false;
        Some(Self { owner, place: &node.place, entries, known, missing, open, findings, before })
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
        let finding =
            Finding::error("E0113", format!("{} has no `{word}`", self.owner), self.place)
                .help(format!("add it, as in `{example}`"));
        self.missing.push((word, finding));
    }

    /// Text, if it was written.
    pub(super) fn string(&mut self, word: &'static str) -> Option<Spanned<String>> {
        let node = self.get(word)?;
        string(word, node, self.findings)
    }

    /// Text that must be there.
    pub(super) fn required_string(
        &mut self,
        word: &'static str,
        example: &str,
    ) -> Option<Spanned<String>> {
        let node = self.required(word, example)?;
        string(word, node, self.findings)
    }

    /// A whole number of at least `least`; `default` where it was not written.
    pub(super) fn number(&mut self, word: &'static str, least: u64, default: u64) -> u64 {
        let Some(node) = self.get(word) else { return default };
        match &node.value {
            Value::Integer(number) => match u64::try_from(*number) {
                Ok(number) if number >= least => return number,
                _ => self.findings.push(
                    Finding::error(
                        "E0114",
                        format!("`{word}` must be at least {least}"),
                        &node.place,
                    )
                    .help(format!("the default is {default}")),
                ),
            },
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
        let text = self.string(word)?;
        match choices.iter().find(|(name, _)| *name == text.value) {
            Some((_, choice)) => Some(Spanned::new(*choice, text.place)),
            None => {
                let names = choices.iter().map(|(name, _)| *name);
                self.findings.push(
                    Finding::error(
                        "E0114",
                        format!("`{word}` cannot be `{}`", text.value),
                        &text.place,
                    )
                    .help(did_you_mean("choice", &text.value, names)),
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
        let unknown = self.unknown().map(|key| self.no_key(key));
        // A word that is only misspelled is not missing, too.
        let missing = self.missing.iter().filter(|(word, _)| self.misspelled(word).is_none());
        let found: Vec<_> = unknown.chain(missing.map(|(_, finding)| finding.clone())).collect();
        self.findings.extend(found);
        self.findings.0.len() == self.before
    }

    /// Reports the words that are missing only: which others belong here cannot be said.
    pub(super) fn give_up(self) {
        let found = self.missing.iter().map(|(word, finding)| {
            self.misspelled(word).map_or_else(|| finding.clone(), |key| self.no_key(key))
        });
        let found: Vec<_> = found.collect();
        self.findings.extend(found);
    }

    /// The keys that nobody asked for.
    fn unknown(&self) -> impl Iterator<Item = &'a Spanned<String>> {
        let entries = self.entries.iter().map(|(key, _)| key);
        entries.filter(|key| !self.open && !self.known.contains(&key.value.as_str()))
    }

    /// The unknown key that means this word.
    fn misspelled(&self, word: &str) -> Option<&'a Spanned<String>> {
        self.unknown().find(|key| nearest(&key.value, self.known.iter().copied()) == Some(word))
    }

    fn no_key(&self, key: &Spanned<String>) -> Finding {
        let message = format!("{} has no key `{}`", self.owner, key.value);
        Finding::error("E0110", message, &key.place).label("unknown key").help(did_you_mean(
            "key",
            &key.value,
            self.known.iter().copied(),
        ))
    }
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
    Finding::error("E0112", format!("{what} must be {wanted}, not {found}"), &node.place)
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
