//! How the records of a pipeline differed from their schemas → what its report says of it.

use std::collections::BTreeMap;

use crate::definition::{Definition, OnUnknownField};
use crate::environment::Secrets;
use crate::report::UnknownFields;
use crate::source::decode::differences::Differences;

/// What was found out about the sources of a pipeline.
pub(super) struct Found(pub(super) BTreeMap<String, Differences>);

impl Found {
    /// The fields that no schema declares, by source. A name is what the API says, which may be what it was
    /// sent.
    pub(super) fn unknown_fields(&self, secrets: &Secrets) -> BTreeMap<String, UnknownFields> {
        let found = self.0.iter().filter(|(_, found)| !found.unknown.is_empty());
        let masked = |fields: &UnknownFields| fields.clone().masked(|name| secrets.mask(name));
        found.map(|(source, found)| (source.clone(), masked(&found.unknown))).collect()
    }

    /// The declared fields that no record had, by source: not those that no record is to have, and none where
    /// nobody wants to know.
    pub(super) fn absent_fields(&self, definition: &Definition) -> BTreeMap<String, Vec<String>> {
        let mut all = BTreeMap::new();
        for source in &definition.sources {
            let Some(found) = self.0.get(&source.name) else { continue };
            let is_given = |path: &str| {
                let first = path.split('.').next();
                source.carried.iter().any(|field| Some(field.name.as_str()) == first)
            };
            let absent = found.seen.absent().filter(|path| !is_given(path)).map(str::to_owned);
            let absent: Vec<_> = absent.collect();
            if !absent.is_empty() && source.on_unknown_field != OnUnknownField::Ignore {
                all.insert(source.name.clone(), absent);
            }
        }
        all
    }
}
