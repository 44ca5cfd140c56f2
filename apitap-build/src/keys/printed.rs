//! Values as they are written, before a spelling is chosen: YAML, or the attribute of a module.

use std::fmt::Write as _;

/// A value to be written.
#[derive(Debug, Clone, PartialEq)]
pub enum Printed {
    /// Nothing is written.
    Nothing,
    /// `null`.
    Null,
    /// A text.
    Text(String),
    /// A number, as it is written.
    Number(String),
    /// `true` or `false`.
    Flag(bool),
    /// A list.
    List(Vec<Printed>),
    /// Keys and values.
    Map(Vec<(String, Printed)>),
}

impl Printed {
    /// The value as YAML, on one line.
    pub fn yaml(&self) -> String {
        match self {
            Self::Nothing | Self::Null => "null".to_owned(),
            Self::Text(text) => yaml_text(text),
            Self::Number(text) => text.clone(),
            Self::Flag(flag) => flag.to_string(),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(Self::yaml).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Map(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| format!("{}: {}", yaml_text(key), value.yaml()))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }
}

/// A text as YAML: plain where every reader of YAML takes it for this text, else in quotes.
fn yaml_text(text: &str) -> String {
    // `n`, `on` and the like are no texts to every reader of YAML.
    const OTHERWISE: [&str; 11] =
        ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "inf", "nan"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
        && !OTHERWISE.contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { yaml_quoted(text) }
}

/// A text as YAML in quotes.
pub fn yaml_quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            // YAML takes some of these for ends of lines, and refuses others.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
