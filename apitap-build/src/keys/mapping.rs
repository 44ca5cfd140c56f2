//! A mapping as written → its keys, each asked for once: what was not asked for is unknown.
//!
//! The one set of checks for keys: unknown, duplicate, missing, wrong kind of value. What a key
//! means is known to its declaration only.

use super::group::{Kinds, choose};
use super::key::{Info, Key, KeyType};
use super::shape::{ChoiceShape, GroupShape, KindsShape};
use crate::codes;
use crate::diagnostic::{Edit, Finding, Findings, Place, Spanned};
use crate::nearest::nearest;
use crate::tree::{Node, Value};

/// Reads the keys of one mapping.
pub struct Mapping<'a, 'f> {
    /// What has these keys, for messages: ``source `orders` ``, `` `pagination` ``.
    owner: String,
    /// The mapping's own place.
    pub(crate) place: &'a Place,
    entries: &'a [(Spanned<String>, Node)],
    known: Vec<&'static str>,
    missing: Vec<(&'static str, Finding)>,
    /// Whether all other keys have a meaning of their own, too.
    open: bool,
    /// The kind that it is, and the others.
    kinds: Option<(usize, KindsShape)>,
    /// Where what is wrong goes.
    pub(crate) findings: &'f mut Findings,
    before: usize,
}

impl<'a, 'f> Mapping<'a, 'f> {
    /// Reads a mapping; anything else is a finding.
    pub(crate) fn new(
        owner: impl Into<String>,
        node: &'a Node,
        findings: &'f mut Findings,
    ) -> Option<Self> {
        let owner = owner.into();
        let Value::Map(entries) = &node.value else {
            findings.push(wrong_kind(&owner, "a mapping of keys to values", node));
            return None;
        };
        let mapping = Self::of(owner, &node.place, entries, findings);
        for (index, (key, _)) in entries.iter().enumerate() {
            let before = entries.iter().take(index);
            if let Some((first, _)) = before.into_iter().find(|(k, _)| k.value == key.value) {
                mapping.findings.push(written_twice(key, first));
            }
        }
        Some(mapping)
    }

    fn of(
        owner: String,
        place: &'a Place,
        entries: &'a [(Spanned<String>, Node)],
        findings: &'f mut Findings,
    ) -> Self {
        let before = findings.errors();
        let (known, missing, open, kinds) = Default::default();
        Self { owner, place, entries, known, missing, open, kinds, findings, before }
    }

    /// The value of a declared key: as written, else its default in the place of the mapping. That
    /// one without a default is missing is a finding.
    pub(crate) fn key<T: KeyType>(&mut self, key: &Key<T>) -> Option<Spanned<T::Spec>> {
        #[cfg(test)]
        super::tests::seen::key(self.place, &key.shape());
        if let Some(node) = self.get(key.info.name) {
            self.check_needs(&key.info);
            let value = T::read(&key.info, node, self.findings)?;
            return Some(Spanned::new(value, node.place.clone()));
        }
        let Some(default) = &key.default else {
            self.missing(&key.info);
            return None;
        };
        Some(Spanned::new(default.clone().at(self.place), self.place.clone()))
    }

    /// The value of one of several keys, if it was written.
    pub(crate) fn alternative<T: KeyType>(&mut self, key: &Key<T>) -> Option<Spanned<T::Spec>> {
        let node = self.get(key.info.name)?;
        let value = T::read(&key.info, node, self.findings)?;
        Some(Spanned::new(value, node.place.clone()))
    }

    /// Whether exactly one of the keys of a group was written; anything else is a finding.
    pub(crate) fn one_of(&mut self, of: &Info, group: &GroupShape) -> bool {
        let names: Vec<_> = group.keys.iter().map(|key| key.info.name).collect();
        names.iter().for_each(|name| self.know(name));
        let written: Vec<_> = names.iter().copied().filter(|name| self.has(name)).collect();
        match (&written[..], group.keys.first()) {
            ([_], _) => return true,
            ([], Some(first)) if !self.has_unknown() => {
                let example = first.info.examples.first().copied().unwrap_or_default();
                let whole = format!("{}: {{{}: {example}}}", of.name, first.info.name);
                self.missing_as(first.info.name, &whole);
            }
            ([.., last], _) => {
                let place = self.key_place(last).unwrap_or(self.place).clone();
                let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
                let names = match names.split_last() {
                    Some((last, others)) => format!("{} and {last}", others.join(", ")),
                    None => String::new(),
                };
                let message = format!("`{}` can have one way only", of.name);
                self.findings.push(
                    Finding::error(codes::CONFLICTING_KEYS, message, &place)
                        .help(format!("keep one of {names}")),
                );
            }
            _ => {}
        }
        false
    }

    /// Which kind the mapping is, and the keys of that kind. `None` where that cannot be told, or
    /// where something is wrong with them.
    ///
    /// `named` is how messages call a mapping of a kind: of what they call the mapping, and the kind.
    pub(crate) fn kind<T: Kinds>(
        &mut self,
        named: fn(&str, &str) -> String,
    ) -> Option<Option<T::Spec>> {
        let shape = T::kinds();
        let kinds: Vec<_> = shape.kinds.iter().map(GroupShape::choice).collect();
        #[cfg(test)]
        super::tests::seen::choice(self.place, shape.key, &kinds);
        let Some(node) = self.get(shape.key) else {
            let first = kinds.first().map(|kind| kind.name).unwrap_or_default();
            self.missing_as(shape.key, &format!("{}: {first}", shape.key));
            self.of_any_kind::<T>(&shape);
            return None;
        };
        let text = string(shape.key, node, self.findings);
        let index = text.and_then(|text| choose(shape.key, &text, &kinds, self.findings));
        let Some(index) = index else {
            self.of_any_kind::<T>(&shape);
            return None;
        };
        let kind = kinds.get(index).map(|kind| kind.name)?;
        self.owner = named(&self.owner, kind);
        self.kinds = Some((index, shape));
        Some(T::read_kind(kind, self))
    }

    /// Which kind it is is not known: the keys of each are no mistake, and secrets are hidden.
    fn of_any_kind<T: Kinds>(&mut self, shape: &KindsShape) {
        for kind in &shape.kinds {
            let mut findings = Findings::default();
            let owner = self.owner.clone();
            let mut mapping = Mapping::of(owner, self.place, self.entries, &mut findings);
            T::read_kind(kind.name, &mut mapping);
            kind.keys.iter().for_each(|key| self.know(key.info.name));
            self.findings
                .extend(findings.0.into_iter().filter(|f| f.code == codes::LITERAL_SECRET));
        }
    }

    /// The key's value, if it was written.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        self.know(key);
        self.entries.iter().find(|(known, _)| known.value == key).map(|(_, node)| node)
    }

    fn know(&mut self, key: &'static str) {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
    }

    /// The keys that nobody has asked for so far: all of them are known from now on.
    pub(crate) fn others(&mut self) -> Vec<&'a (Spanned<String>, Node)> {
        self.open = true;
        let others = self.entries.iter();
        others.filter(|(key, _)| !self.known.contains(&key.value.as_str())).collect()
    }

    /// Whether a key stands here that nobody has asked for so far.
    fn has_unknown(&self) -> bool {
        self.unknown().next().is_some()
    }

    /// The place of the key itself.
    pub(crate) fn key_place(&self, key: &str) -> Option<&'a Place> {
        self.entries.iter().find(|(known, _)| known.value == key).map(|(known, _)| &known.place)
    }

    /// Whether the mapping has this key, whatever its value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.key_place(key).is_some()
    }

    /// Reports that a key is missing, once all is read.
    pub(crate) fn missing(&mut self, info: &Info) {
        let example = info.examples.first().copied().unwrap_or_default();
        self.missing_as(info.name, &format!("{}: {example}", info.name));
    }

    /// The same with what to write instead.
    pub(crate) fn missing_as(&mut self, key: &'static str, example: &str) {
        let finding = Finding::error(
            codes::MISSING_KEY,
            format!("{} has no `{key}`", self.owner),
            self.place,
        )
        .help(format!("add it, as in `{example}`"));
        self.missing.push((key, finding));
    }

    /// A key that does nothing without another.
    fn check_needs(&mut self, info: &Info) {
        let Some(needed) = info.needs.filter(|needed| !self.has(needed)) else { return };
        let Some(place) = self.key_place(info.name) else { return };
        let name = info.name;
        let (message, help) = match needed.ends_with("_param") {
            true => (
                format!("`{name}` is not sent without `{needed}`"),
                format!("say which parameter takes it, as in `{needed}: limit`"),
            ),
            false => (
                format!("`{name}` does nothing without `{needed}`"),
                format!("remove `{name}`, or write `{needed}`"),
            ),
        };
        self.findings.push(Finding::error(codes::USELESS_KEY, message, place).help(help));
    }

    /// The name of what the mapping declares; whoever needs it reads it again.
    pub(crate) fn name(&self) -> Option<Spanned<String>> {
        self.entries.iter().find_map(|(key, node)| match (&*key.value, &node.value) {
            ("name", Value::String(name)) => Some(Spanned::new(name.clone(), node.place.clone())),
            _ => None,
        })
    }

    /// Reports the keys that nobody asked for, and those that are missing. `true` where nothing is
    /// wrong with the mapping, what stands in it included.
    pub(crate) fn finish(self) -> bool {
        #[cfg(test)]
        self.see();
        let unknown = self.unknown().map(|key| self.no_key(key));
        // A key that is only misspelled is not missing, too.
        let missing = self.missing.iter().filter(|(key, _)| self.misspelled(key).is_none());
        let found: Vec<_> = unknown.chain(missing.map(|(_, finding)| finding.clone())).collect();
        self.findings.extend(found);
        self.findings.errors() == self.before
    }

    /// Reports the keys that are missing only: which others belong here cannot be said.
    pub(crate) fn give_up(self) {
        #[cfg(test)]
        self.see();
        let found = self.missing.iter().map(|(key, finding)| {
            self.misspelled(key).map_or_else(|| finding.clone(), |written| self.no_key(written))
        });
        let found: Vec<_> = found.collect();
        self.findings.extend(found);
    }

    /// Tells the tests which keys have been asked for: the JSON Schema has the same.
    #[cfg(test)]
    fn see(&self) {
        let missing = self.missing.iter().map(|(key, _)| *key);
        super::tests::seen::keys(self.place, &self.owner, &self.known, missing);
    }

    /// The keys that nobody asked for.
    fn unknown(&self) -> impl Iterator<Item = &'a Spanned<String>> {
        let entries = self.entries.iter().map(|(key, _)| key);
        entries.filter(|key| !self.open && !self.known.contains(&key.value.as_str()))
    }

    /// The unknown key that means this one.
    fn misspelled(&self, key: &str) -> Option<&'a Spanned<String>> {
        self.unknown().find(|written| match self.twin(&written.value) {
            Some(twin) => twin == key,
            None => nearest(&written.value, self.known.iter().copied()) == Some(key),
        })
    }

    /// The key of this kind that means what a key of another kind does, and was not written.
    fn twin(&self, key: &str) -> Option<&'static str> {
        self.twins(key).find(|twin| !self.has(twin))
    }

    /// The keys of this kind that mean what a key of another kind does.
    fn twins(&self, key: &str) -> impl Iterator<Item = &'static str> {
        let kinds = self.kinds.iter();
        kinds.flat_map(move |(this, shape)| {
            let all = shape.kinds.iter().flat_map(|kind| &kind.keys);
            let mut named = all.filter(|other| other.info.name == key);
            let meaning = named.find_map(|other| other.info.meaning);
            let own = shape.kinds.get(*this).into_iter().flat_map(|kind| &kind.keys);
            own.filter(move |own| meaning.is_some() && own.info.meaning == meaning)
                .map(|own| own.info.name)
                .collect::<Vec<_>>()
        })
    }

    fn no_key(&self, key: &Spanned<String>) -> Finding {
        let message = format!("{} has no key `{}`", self.owner, key.value);
        let finding = Finding::error(codes::UNKNOWN_KEY, message, &key.place).label("unknown key");
        if let Some(said) = self.twins(&key.value).find(|twin| self.has(twin)) {
            return finding.help(format!("remove it: `{said}` says it already"));
        }
        if let Some(twin) = self.twin(&key.value) {
            let (place, replacement) = (key.place.clone(), twin.to_owned());
            let edit = Edit { place, replacement, sure: true };
            return finding.fix(format!("here it is `{twin}`"), edit);
        }
        finding.suggest("key", &key.value, self.known.iter().copied())
    }
}

impl GroupShape {
    /// The kind as one of several texts.
    pub(super) fn choice(&self) -> ChoiceShape {
        ChoiceShape { name: self.name, doc: self.doc.clone(), synonyms: self.synonyms }
    }
}

/// A key that stands in one mapping twice.
pub(crate) fn written_twice(key: &Spanned<String>, first: &Spanned<String>) -> Finding {
    Finding::error(codes::DUPLICATE_KEY, format!("`{}` is written twice", key.value), &key.place)
        .related(&first.place, "it was written here first")
        .help("remove one of them")
}

/// A text that is none of several.
pub(super) fn no_choice(key: &str, written: &Spanned<String>) -> Finding {
    let message = format!("`{key}` cannot be `{}`", written.value);
    Finding::error(codes::INVALID_VALUE, message, &written.place)
}

/// The text of a node; numbers and booleans are the text that was written.
pub(crate) fn string(key: &str, node: &Node, findings: &mut Findings) -> Option<Spanned<String>> {
    let Some(text) = node.written() else {
        findings.push(wrong_kind(&format!("`{key}`"), "a string", node));
        return None;
    };
    Some(Spanned::new(text.into_owned(), node.place.clone()))
}

/// One text or a list of texts.
pub(crate) fn strings(key: &str, node: &Node, findings: &mut Findings) -> Vec<Spanned<String>> {
    match &node.value {
        Value::List(items) => items.iter().filter_map(|item| string(key, item, findings)).collect(),
        _ => string(key, node, findings).into_iter().collect(),
    }
}

/// A value of the wrong kind.
pub(crate) fn wrong_kind(what: &str, wanted: &str, node: &Node) -> Finding {
    if let Value::Null = node.value
        && what.starts_with('`')
    {
        let message = format!("{what} has no value");
        return Finding::error(codes::WRONG_KIND, message, &node.place)
            .help(format!("write {wanted}, or leave the key out"));
    }
    let found = node.value.describe();
    Finding::error(codes::WRONG_KIND, format!("{what} must be {wanted}, not {found}"), &node.place)
        .label(format!("this is {found}"))
        .help(match wanted {
            "a mapping of keys to values" => {
                "write one `key: value` a line below it, indented".to_owned()
            }
            "a string" => "put the value into quotes".to_owned(),
            "a list" => "begin each with `- name: …`".to_owned(),
            _ => format!("write {wanted}"),
        })
}
