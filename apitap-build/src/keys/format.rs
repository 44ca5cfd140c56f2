//! `format`: what an API's answers are.

use super::declare::choices;
#[cfg(feature = "compiler")]
pub(super) use check::check;

choices! {
    /// What the bodies of a source's answers are.
    pub enum Format {
        /// One JSON value, which has the records at `data_path`.
        Json = "json";
        /// One record a line: JSON Lines, NDJSON.
        Jsonl = "jsonl", also ["ndjson", "json_lines", "jsonlines", "ldjson"];
        /// A header line with the names, and one record a line behind it (RFC 4180).
        Csv = "csv";
    }
}

#[expect(clippy::derivable_impls, reason = "the choices are declared in lines of a macro")]
impl Default for Format {
    fn default() -> Self {
        Self::Json
    }
}

#[cfg(feature = "compiler")]
mod check {
    use super::Format;
    use crate::codes;
    use crate::diagnostic::{Finding, Place};
    use crate::keys::key::{Facts, KeyType as _};
    use crate::keys::mapping::Mapping;
    use crate::keys::pagination::Pagination;
    use crate::keys::source::RequestSpec;

    /// Keys that look into a JSON body have nothing to look into in another format.
    pub(in crate::keys) fn check(spec: &RequestSpec, mapping: &mut Mapping<'_, '_>) -> bool {
        let format = match spec.format.value {
            Format::Json => return true,
            Format::Jsonl => "jsonl",
            Format::Csv => "csv",
        };
        let own = ["data_path", "key_as"].into_iter();
        let own = own.filter_map(|key| Some((key, mapping.key_place(key)?.clone())));
        let mut facts = Facts::default();
        Pagination::facts("pagination", &spec.pagination, &mut facts);
        let found: Vec<(&str, Place)> = own.chain(facts.pointers).collect();
        let before = mapping.findings.errors();
        for (key, place) in found {
            let message = format!("`{key}` looks into a JSON body, and `format` is `{format}`");
            mapping.findings.push(
                Finding::error(codes::NOT_JSON, message, &place)
                    .related(&spec.format.place, "the format is said here")
                    .help(format!("remove `{key}`, or `format`")),
            );
        }
        mapping.findings.errors() == before
    }
}
