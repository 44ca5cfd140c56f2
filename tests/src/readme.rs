//! A document of the repository → its fenced code blocks, so that tests can run what it says.

use std::path::PathBuf;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

/// One fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What stands behind the opening fence: `sh`, `rust,no_run`, …
    pub info: String,
    /// What is in it, each line with its end.
    pub text: String,
    /// The line of the opening fence, from 1.
    pub line: usize,
}

/// The blocks of README.md in this language, in order.
pub fn blocks(language: &str) -> Vec<Block> {
    blocks_of("README.md", language)
}

/// The blocks in this language of a document, whose path counts from the repository's top folder.
///
/// A document that cannot be read, or that has no such block, fails the test.
pub fn blocks_of(document: &str, language: &str) -> Vec<Block> {
    let path = root().join(document);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let found: Vec<_> = parse(&text).into_iter().filter(|block| block.is(language)).collect();
    assert!(!found.is_empty(), "{document} has no `{language}` block");
    found
}

/// The repository's top folder.
pub fn root() -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("this package lies in the repository").to_owned()
}

impl Block {
    /// Whether it is in this language: the first word of its info string.
    pub fn is(&self, language: &str) -> bool {
        self.info.split([',', ' ']).next() == Some(language)
    }
}

fn parse(markdown: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for (event, range) in Parser::new(markdown).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                let line = 1 + markdown[..range.start].matches('\n').count();
                blocks.push(Block { info: info.to_string(), text: String::new(), line });
                inside = true;
            }
            Event::End(TagEnd::CodeBlock) => inside = false,
            Event::Text(text) if inside => {
                if let Some(block) = blocks.last_mut() {
                    block.text.push_str(&text);
                }
            }
            _ => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(markdown: &str, expected: &[(&str, &str, usize)]) {
        let found = parse(markdown);
        let found: Vec<_> =
            found.iter().map(|block| (&*block.info, &*block.text, block.line)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn fenced_blocks_are_found_with_their_info_and_line() {
        check("text\n\n```sh\none\n\ntwo\n```\n", &[("sh", "one\n\ntwo\n", 3)]);
        check(
            "```\nplain\n```\n~~~yaml\na: 1\n~~~\n",
            &[("", "plain\n", 1), ("yaml", "a: 1\n", 4)],
        );
        check("````md\n```sh\nx\n```\n````\n", &[("md", "```sh\nx\n```\n", 1)]);
        check(
            "- item\n\n  ```rust,no_run\n  fn main() {}\n  ```\n",
            &[("rust,no_run", "fn main() {}\n", 3)],
        );
    }

    #[test]
    fn what_is_not_fenced_is_not_found() {
        check("`sh` and\n\n    indented\n", &[]);
    }

    #[test]
    fn a_block_is_in_the_language_of_its_first_word() {
        let block = Block { info: "rust,no_run".to_owned(), text: String::new(), line: 1 };
        assert!(block.is("rust"));
        assert!(!block.is("no_run"));
    }
}
