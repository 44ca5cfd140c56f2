//! JSON and YAML documents that refer to each other by `$ref` → the nodes that are meant.
//!
//! Knows JSON Pointer and which file a reference means; what the keywords say is not known here.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use percent_encoding::percent_decode_str;

use crate::codes;
use crate::diagnostic::{FileId, Files, Finding, Findings, Place};
use crate::nearest::did_you_mean;
use crate::parse::{json, yaml};
use crate::pointer::{Pointer, Problem};
use crate::tree::{Node, Step};

/// A document and those that it refers to, parsed.
#[derive(Debug)]
pub struct Documents {
    roots: BTreeMap<FileId, Node>,
    /// The name of each, and what a file that is named in it is called.
    names: BTreeMap<(FileId, String), FileId>,
    main: FileId,
}

/// A node of a document; what it refers to is relative to that document.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// The document.
    pub file: FileId,
    /// The node.
    pub node: &'a Node,
}

impl Documents {
    /// Parses a file of [`Files`] and those that it refers to, as far as they are there.
    pub fn parse(files: &Files, main: FileId, findings: &mut Findings) -> Option<Self> {
        let mut documents = Self { roots: BTreeMap::new(), names: BTreeMap::new(), main };
        let mut waiting = vec![main];
        while let Some(file) = waiting.pop() {
            if documents.roots.contains_key(&file) {
                continue;
            }
            let text = &files.get(file).text;
            let root = if is_json(text) {
                match json::parse(text, file, 0..text.len()) {
                    Ok(root) => root,
                    Err(finding) => {
                        findings.push(*finding);
                        return None;
                    }
                }
            } else {
                yaml::parse_document(files, file, findings)?
            };
            documents.roots.insert(file, root);
            for written in references(text) {
                if let Some(other) = files.find(&files.beside(file, &written)) {
                    documents.names.insert((file, written), other);
                    waiting.push(other);
                }
            }
        }
        Some(documents)
    }

    /// The document that was asked for.
    pub fn root(&self) -> Option<At<'_>> {
        self.roots.get(&self.main).map(|node| At { file: self.main, node })
    }

    /// Finds what references mean.
    pub fn references(&self) -> References<'_> {
        References { documents: self, known: RefCell::default() }
    }
}

fn is_json(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '['])
}

/// The other files that a text refers to, as they are written there: of `$ref: pets.yaml#/Pet`,
/// `pets.yaml`. URLs are not.
pub fn references(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (start, key) in text.match_indices("$ref") {
        let rest = &text[start + key.len()..];
        let rest = rest.trim_start_matches(['"', '\'']).trim_start();
        let Some(rest) = rest.strip_prefix(':') else { continue };
        let written = rest.trim_start().trim_start_matches(['"', '\'']);
        let end = written.find(['#', '"', '\'', '\n', '\r', ',', '}']);
        let file = written[..end.unwrap_or(written.len())].trim();
        if !file.is_empty() && !file.contains("://") && !found.iter().any(|known| known == file) {
            found.push(file.to_owned());
        }
    }
    found
}

/// Finds what references mean; what was found once is remembered.
pub struct References<'a> {
    documents: &'a Documents,
    known: RefCell<HashMap<(FileId, &'a str), At<'a>>>,
}

/// How many references may lead from one to the next.
const MAX_CHAIN: usize = 32;

impl<'a> References<'a> {
    /// The node itself, or the one that its `$ref` leads to in the end.
    ///
    /// # Errors
    /// A finding at the reference that leads nowhere, in a circle, or to the network.
    pub fn follow(&self, at: At<'a>) -> Result<At<'a>, Box<Finding>> {
        let mut here = at;
        for _ in 0..MAX_CHAIN {
            match self.step(here)? {
                Some(next) => here = next,
                None => return Ok(here),
            }
        }
        Err(Box::new(
            Finding::error(
                codes::INVALID_REFERENCE,
                "this reference refers to itself",
                &at.node.begin(),
            )
            .help("correct the file: a reference must end at a value that is not a reference"),
        ))
    }

    /// Where the `$ref` of a node leads; `None` where it has none.
    ///
    /// # Errors
    /// As [`References::follow`].
    pub fn step(&self, at: At<'a>) -> Result<Option<At<'a>>, Box<Finding>> {
        let Some(node) = at.node.get("$ref") else { return Ok(None) };
        let Some(written) = node.text() else { return Ok(None) };
        if let Some(known) = self.known.borrow().get(&(at.file, written)) {
            return Ok(Some(*known));
        }
        let found = self.find(at.file, written, &node.place)?;
        self.known.borrow_mut().insert((at.file, written), found);
        Ok(Some(found))
    }

    fn find(&self, file: FileId, written: &str, place: &Place) -> Result<At<'a>, Box<Finding>> {
        let (name, fragment) = written.split_once('#').unwrap_or((written, ""));
        let error = |help: String| {
            let message = format!("the reference `{written}` cannot be resolved");
            Box::new(Finding::error(codes::INVALID_REFERENCE, message, place).help(help))
        };
        if name.contains("://") {
            return Err(error(
                "nothing is fetched at build time: save that file beside this one".to_owned(),
            ));
        }
        let file = match name {
            "" => file,
            name => match self.documents.names.get(&(file, name.to_owned())) {
                Some(file) => *file,
                None => return Err(error(format!("there is no file `{name}` beside this one"))),
            },
        };
        let Some(root) = self.documents.roots.get(&file) else {
            return Err(error(format!("`{name}` cannot be read")));
        };
        // A URI's fragment: `#/paths/~1pets~1%7Bid%7D` leads to `/pets/{id}`.
        let path = Pointer(percent_decode_str(fragment).decode_utf8_lossy().into_owned());
        if path.problem() == Some(Problem::NoSlash) {
            return Err(error(
                "only paths from the root are followed, as in `#/components/schemas/Pet`"
                    .to_owned(),
            ));
        }
        let node = match root.follow(&path) {
            Step::There(node) => node,
            Step::Missing { token, within } => {
                let keys = within.entries().iter().map(|(key, _)| key.value.as_str());
                return Err(error(did_you_mean("name", &token, keys.take(20))));
            }
        };
        Ok(At { file, node })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reference in `a/main.json` leads to, or the help of the finding.
    fn check(reference: &str, expected: Result<&str, &str>) {
        let mut files = Files::default();
        let text = serde_json::json!({"to": {"$ref": reference}, "x/y": {"{z}": "here"},
            "around": {"$ref": "#/around"}});
        let main = files.add("a/main.json", text.to_string());
        files.add("b/pets.yaml", "Pet: cat\nmain: {$ref: \"../a/main.json#/x~1y/%7Bz%7D\"}\n");
        let mut findings = Findings::default();
        let documents = Documents::parse(&files, main, &mut findings).unwrap();
        let references = documents.references();
        let root = documents.root().unwrap();
        let start = At { file: main, node: root.node.get("to").unwrap() };
        let found = references.follow(start);
        let found = found.as_ref().map(|at| at.node.text().unwrap());
        assert_eq!(
            found.map_err(|finding| finding.help[0].sentence.clone()),
            expected.map_err(str::to_owned)
        );
    }

    #[test]
    fn references_lead_within_and_to_files_beside() {
        check("#/x~1y/{z}", Ok("here"));
        check("#/x~1y/%7Bz%7D", Ok("here"));
        check("../b/pets.yaml#/Pet", Ok("cat"));
        check("../b/pets.yaml#/main", Ok("here"));
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        check("#/x~1y/z", Err("the only name is `{z}`"));
        check("../b/no.yaml#/Pet", Err("there is no file `../b/no.yaml` beside this one"));
        check(
            "https://example.com/a.json",
            Err("nothing is fetched at build time: save that file beside this one"),
        );
        check(
            "#/around",
            Err("correct the file: a reference must end at a value that is not a reference"),
        );
    }
}
