//! A description that somebody else has written → Markdown that rustdoc and clippy are content with.
//!
//! The first paragraph, without links and HTML, in lines of a doc comment's width.

const WIDTH: usize = 90;
/// A paragraph that is longer says too much for a field.
const LONGEST: usize = 600;

/// The first paragraph; `None` where there is nothing to say.
pub(super) fn summary(description: &str) -> Option<String> {
    let paragraph = description.trim().replace("\r\n", "\n");
    let paragraph = paragraph.split("\n\n").next().unwrap_or_default();
    let mut words: Vec<String> = Vec::new();
    let mut length = 0;
    for word in paragraph.split_whitespace() {
        length += word.chars().count() + 1;
        if length > LONGEST {
            words.push("…".to_owned());
            break;
        }
        words.push(escaped(word));
    }
    (!words.is_empty()).then(|| lines(&words))
}

/// Fills lines; a word that would begin a list or a title does not begin a line.
fn lines(words: &[String]) -> String {
    let mut text = String::new();
    let mut width = 0;
    for word in words {
        let length = word.chars().count();
        if !text.is_empty() {
            let breaks = width + 1 + length > WIDTH && !is_markup(word);
            text.push(if breaks { '\n' } else { ' ' });
            width = if breaks { 0 } else { width + 1 };
        } else if is_markup(word) {
            text.push('\\');
        }
        text.push_str(word);
        width += length;
    }
    text
}

/// Whether Markdown takes the word at a line's start for more than a word.
fn is_markup(word: &str) -> bool {
    word.starts_with(['-', '+', '#', '=', '|', '~', ':'])
        || word.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['.', ')'])
}

/// A word as Markdown: an address and a name of code marked as such, the rest as plain text.
fn escaped(word: &str) -> String {
    let is_edge = |c: char| !c.is_alphanumeric() && c != '_' && c != '/';
    let core = word.trim_matches(is_edge);
    if word.contains("://") {
        let start = word.find("http").unwrap_or(0);
        let end = word[start..].find(['>', ')', ']', '"', '\'', '`', '<', '|']);
        let address = word[start..].get(..end.unwrap_or(word.len() - start)).unwrap_or_default();
        let address = address.trim_end_matches(['.', ',', ';', ':', '!', '?']);
        if address.starts_with("http") {
            let rest = &word[start + address.len()..];
            return format!("{}<{address}>{}", plain(&word[..start]), plain(rest));
        }
    }
    if is_code(core) && !core.contains('`') {
        let start = word.find(core).unwrap_or(0);
        let (before, after) = (&word[..start], &word[start + core.len()..]);
        let (before, after) = (before.replace('`', ""), after.replace('`', ""));
        return format!("{}`{core}`{}", plain(&before), plain(&after));
    }
    plain(word)
}

/// `snake_case`, `camelCase`, `a::b`: what clippy wants to see between backticks.
fn is_code(word: &str) -> bool {
    let letters: Vec<char> = word.chars().collect();
    let humps = letters.windows(2).any(|pair| pair[0].is_lowercase() && pair[1].is_uppercase());
    let joined = word.contains('_') || word.contains("::");
    !word.is_empty() && (humps || joined)
}

fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(description: &str, expected: &str) {
        assert_eq!(summary(description).unwrap_or_default(), expected);
    }

    #[test]
    fn the_first_paragraph_is_kept() {
        check("  The   price.\nIn cents.\n\nMore of it.", "The price. In cents.");
        check(" \n ", "");
    }

    #[test]
    fn what_markdown_would_take_for_more_is_escaped() {
        check("see [x](y) and <b>, a*b", "see \\[x\\](y) and \\<b\\>, a\\*b");
        check("see https://a.example/x_y.", "see <https://a.example/x_y>.");
        check("[docs](https://a.example/x)", "\\[docs\\](<https://a.example/x>)");
        check("the order_id, or `orderId`", "the `order_id`, or `orderId`");
        check("- one\n- two", "\\- one - two");
    }
}
