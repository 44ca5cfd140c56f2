//! `apitap explain E0204`: a finding's section of docs/errors.md.

use std::process::ExitCode;

use apitap_build::codes::{self, Code};
use apitap_build::nearest::nearest_within;
use textwrap::Options;

use super::{print, usage};
use crate::commands::output::{FAINT, TITLE, styled, width, wrapped};

/// The documentation, which the tests hold to the list of codes.
const SECTIONS: &str = include_str!("explain/errors.md");

/// How the sentences of a finding begin.
const LEVELS: [&str; 4] = ["error", "warning", "note", "help"];

/// Prints what a code means, with an example and the fix.
pub(super) fn explain(written: &str) -> ExitCode {
    let number = written.trim().to_uppercase();
    match codes::ALL.iter().find(|code| code.number() == number) {
        Some(code) => print(&text(code), ExitCode::SUCCESS),
        None => {
            let known = codes::ALL.iter().map(|code| code.number());
            // All of them are alike: only a slip in one place says which is meant.
            let help = match nearest_within(&number, known, 1) {
                Some(near) => format!("is it `{near}`? "),
                None => String::new(),
            };
            usage(&format!(
                "there is no finding `{written}`\nhelp: {help}a finding's code stands in its first \
                 line: `error[E0204]`"
            ))
        }
    }
}

fn text(code: &Code) -> String {
    let title = styled(TITLE, format_args!("{}: {}", code.number(), code.title()));
    let body = section(code).unwrap_or_else(|| code.explanation());
    let (mut is_example, width) = (false, width());
    let body = body.lines().map(|line| match (line.starts_with("```"), width) {
        (true, _) => {
            is_example = !is_example;
            styled(FAINT, line)
        }
        (false, Some(width)) if !is_example => {
            textwrap::fill(line, Options::new(width).break_words(false))
        }
        // A finding as an example; SQL and YAML have no label and stay as they are.
        (false, _) if LEVELS.iter().any(|level| line.starts_with(level)) => wrapped(line, width),
        (false, _) => line.to_owned(),
    });
    format!("{title}\n\n{}", body.collect::<Vec<_>>().join("\n"))
}

/// What stands under the heading of a code.
fn section(code: &Code) -> Option<&'static str> {
    let heading = format!("\n### {}", code.number());
    let (_, after) = SECTIONS.split_once(&heading)?;
    let (_, body) = after.split_once('\n')?;
    let end = body.find("\n### ").into_iter().chain(body.find("\n## ")).min();
    body.get(..end.unwrap_or(body.len())).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_is_explained() {
        for code in codes::ALL {
            let body = section(code).unwrap_or_else(|| panic!("{} has no section", code.number()));
            let explanation = code.explanation().split_whitespace().next();
            assert!(body.split_whitespace().next() == explanation, "{}: {body}", code.number());
            assert!(!body.contains("\n### "), "{}: {body}", code.number());
        }
    }
}
