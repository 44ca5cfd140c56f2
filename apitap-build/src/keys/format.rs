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
    use crate::keys::mapping::Mapping;
    use crate::keys::pagination::PaginationSpec;
    use crate::keys::source::RequestSpec;

    /// Keys that look into a JSON body have nothing to look into in another format.
    pub(in crate::keys) fn check(spec: &RequestSpec, mapping: &mut Mapping<'_, '_>) -> bool {
        let format = match spec.format.value {
            Format::Json => return true,
            Format::Jsonl => "jsonl",
            Format::Csv => "csv",
        };
        let own = ["data_path", "key_as", "allow_empty"].into_iter();
        let own = own.filter_map(|key| Some((key, mapping.key_place(key)?.clone())));
        let paged = in_bodies(&spec.pagination.value);
        let found: Vec<(&str, Place)> = own.chain(paged).collect();
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

    /// The paths of a pagination that lead into bodies.
    fn in_bodies(pagination: &PaginationSpec) -> Vec<(&'static str, Place)> {
        let (own, stop) = match pagination {
            PaginationSpec::Cursor(kind) => {
                let path = &kind.cursor_path;
                let own = path.value.is_some().then(|| ("cursor_path", path.place.clone()));
                (own, &kind.stop)
            }
            PaginationSpec::NextUrl(kind) => (Some(("path", kind.path.place.clone())), &kind.stop),
            PaginationSpec::LinkHeader(kind) => (None, &kind.stop),
            PaginationSpec::PageNumber(kind) => (None, &kind.stop),
            PaginationSpec::LimitOffset(kind) => (None, &kind.stop),
            PaginationSpec::PageOnly(kind) => (None, &kind.stop),
            PaginationSpec::Custom(_) | PaginationSpec::None => return Vec::new(),
        };
        let stop = &stop.value;
        let rules = [
            ("has_more_path", &stop.has_more_path),
            ("is_last_path", &stop.is_last_path),
            ("total_path", &stop.total_path),
            ("total_pages_path", &stop.total_pages_path),
        ];
        let rules = rules.into_iter().filter(|(_, path)| path.value.is_some());
        own.into_iter().chain(rules.map(|(key, path)| (key, path.place.clone()))).collect()
    }
}
