//! A JSON text → the same for people: one value a line, and no secrets.
//!
//! Works on the text, so that keys stay in order and numbers as they are written.

use crate::environment::Secrets;

/// Rewrites a text that is known to be JSON. In strings a secret shows as its name; a number that is
/// one becomes 0, so that its type stays.
pub(super) fn rewrite(json: &str, secrets: &Secrets) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0usize;
    let mut rest = json.trim_start_matches('\u{feff}').trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '{' | '[' | '}' | ']' | ',' | ':' => 1,
            _ => rest.find([',', ']', '}', ' ', '\t', '\r', '\n']).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(length.clamp(first.len_utf8(), rest.len()));
        rest = after.trim_start();
        match first {
            '{' | '[' => {
                out.push(first);
                if rest.starts_with(['}', ']']) {
                    out.extend(rest.chars().next());
                    rest = rest[1..].trim_start();
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(first);
            }
            ',' => {
                out.push(first);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            '"' => out.push_str(&secrets.mask(token)),
            _ if secrets.mask(token) == token => out.push_str(token),
            // `true` and the like are never secret.
            '-' | '0'..='9' => out.push('0'),
            _ => out.push_str(token),
        }
    }
    out.push('\n');
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// The length of the string that a text begins with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use apitap_build::definition::Template;

    use super::*;
    use crate::environment::Environment;

    fn check(json: &str, expected: &str) {
        let mut environment = Environment::from_iter([("TOKEN", "s3\"cret"), ("ORG", "12345")]);
        environment.secret(&Template("${TOKEN}".to_owned()));
        environment.text(&Template("${ORG}".to_owned()));
        let found = rewrite(json, &environment.secrets());
        assert_eq!(found, expected);
        serde_json::from_str::<serde_json::Value>(&found).unwrap();
    }

    #[test]
    fn a_text_stays_json_and_keeps_its_order_and_numbers() {
        check("{}", "{}\n");
        check(
            "\u{feff}{\"b\":[1.50, 1e3,[ ]],\"a\":{\"x\" : null}}",
            "{\n  \"b\": [\n    1.50,\n    1e3,\n    []\n  ],\n  \"a\": {\n    \"x\": null\n  }\n}\n",
        );
        check(r#"["a\\", "b\"[,", "ü"]"#, "[\n  \"a\\\\\",\n  \"b\\\"[,\",\n  \"ü\"\n]\n");
    }

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        check(r#"["Bearer s3\"cret"]"#, "[\n  \"Bearer ${TOKEN}\"\n]\n");
        check(r#"{"org":12345,"n":123456}"#, "{\n  \"org\": 0,\n  \"n\": 0\n}\n");
    }
}
