//! Single values of a body that may be anything: an error of the API's, a page, no JSON at all.

use super::json::Splitter;
use super::text::Decoding;
use super::{Layout, Value, Wanted};
use crate::definition::Pointer;

/// Finds what stands at some places of a body while it passes by; keeps nothing else of it.
#[derive(Debug)]
pub struct Values {
    decoding: Decoding,
    splitter: Splitter,
    /// Whether nothing more can be found: it is not JSON, or not from here on.
    over: bool,
}

impl Values {
    /// Looks for what stands at these places.
    pub fn at(pointers: &[Pointer]) -> Self {
        // Whatever the root is, it is looked into.
        let layout = &Layout { allow_empty: true, ..Layout::default() };
        let wanted = Wanted { layout, values: pointers, last_record: &[], text: false };
        let splitter = Splitter::new(&wanted);
        Self { decoding: Decoding::default(), splitter, over: false }
    }

    /// Looks at the next bytes.
    pub fn read(&mut self, chunk: &[u8]) {
        if self.over {
            return;
        }
        let splitter = &mut self.splitter;
        let read = self.decoding.pieces(chunk, |piece| splitter.read(piece, &mut Vec::new()));
        self.over = read.is_err();
    }

    /// What stands at each of the places; [`Value::Null`] where it was not reached.
    pub fn found(&mut self) -> Vec<Value> {
        self.splitter.found()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &[&str]) {
        for size in [1, 3, body.len().max(1)] {
            let pointers = ["/ok", "/error/code", "/0/a"].map(|text| Pointer(text.to_owned()));
            let mut values = Values::at(&pointers);
            body.as_bytes().chunks(size).for_each(|chunk| values.read(chunk));
            let shown = |value: &Value| match value {
                Value::Missing(_) | Value::Null | Value::Astray { .. } => "-".to_owned(),
                Value::Bool(value) => value.to_string(),
                Value::Number(text) => text.clone(),
                Value::String(text) => format!("\"{text}\""),
                Value::List => "[]".to_owned(),
                Value::Record => "{}".to_owned(),
            };
            let found: Vec<_> = values.found().iter().map(shown).collect();
            assert_eq!(found, expected, "{body} by {size}");
        }
    }

    #[test]
    fn values_are_found_in_whatever_comes() {
        check(r#"{"ok":false,"error":{"code":"é\n"},"data":[1,2]}"#, &["false", "\"é\n\"", "-"]);
        check(r#"{"error":{"code":{"a":1}},"data":[{"x":1}],"ok":1.50}"#, &["1.50", "{}", "-"]);
        check(r#"[{"a":1,"b":2},{"a":3}]"#, &["-", "-", "1"]);
        check(r#"{"error":null}"#, &["-", "-", "-"]);
        check(r#"{"ok":true,"error":{"code":7},oops"#, &["true", "7", "-"]);
        check("<html>", &["-", "-", "-"]);
        check("\"text\"", &["-", "-", "-"]);
        check("", &["-", "-", "-"]);
    }

    #[test]
    fn bytes_that_are_no_text_end_the_search() {
        let mut values = Values::at(&[Pointer("/ok".to_owned())]);
        values.read(b"{\"ok\":true,");
        values.read(b"\"a\":\"\xff\"}");
        assert_eq!(values.found(), [Value::Bool(true)]);
    }
}
