//! Text from outside → the same on one line, fit for a terminal and for a log.
//!
//! An API, a server or a file may say anything: a line break that looks like a line of ours, an
//! escape sequence that moves the cursor, a mark that turns the reading direction. What has such an
//! effect is shown as its escape. An error of a run does so with all that it is made of.

use std::borrow::Cow;

/// The text without effects: control characters, line ends and what changes the reading direction
/// as their escapes, `\n` or `\u{202e}`.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(has_effect) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match has_effect(character) {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// The same line by line: line breaks are those of our own words.
pub fn shown_lines(text: &str) -> Cow<'_, str> {
    if !text.contains(|character| character != '\n' && has_effect(character)) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<_> = text.split('\n').map(shown).collect();
    Cow::Owned(lines.join("\n"))
}

/// Whether a terminal does something else with a character than to show it at its place.
fn has_effect(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // Soft hyphen, marks of Arabic and of Mongolian that cannot be seen.
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            // Zero-width space, marks, embeddings and overrides of direction, line separators. Not
            // the joiners, which are part of words and of emoji.
            | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            // Word joiner, invisible operators, isolates, deprecated marks.
            | '\u{2060}'..='\u{206f}'
            // Byte order mark, annotations, tags.
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_an_effect_is_shown_as_its_escape() {
        let check = |text: &str, expected: &str| assert_eq!(shown(text), expected);
        check("", "");
        check("plain, `ü` and 日本, 👩‍👧", "plain, `ü` and 日本, 👩‍👧");
        check("a\nerror: b\r\tc", r"a\nerror: b\r\tc");
        check("\u{1b}[31mred\u{1b}]0;title\u{7}", r"\u{1b}[31mred\u{1b}]0;title\u{7}");
        check("\u{9b}2J\u{7f}\0", r"\u{9b}2J\u{7f}\u{0}");
        check("user\u{202e}gpj.exe\u{2066}x\u{2069}", r"user\u{202e}gpj.exe\u{2066}x\u{2069}");
        check("\u{feff}a\u{200b}b\u{2028}c", r"\u{feff}a\u{200b}b\u{2028}c");
    }

    #[test]
    fn lines_of_ours_stay_lines() {
        assert_eq!(shown_lines("a\nb\u{1b}c\n"), "a\nb\\u{1b}c\n");
        assert_eq!(shown_lines("a\nb"), "a\nb");
    }
}
