//! Which of the declared fields the records have: those that no record has are told at the end of a run.

use std::collections::BTreeMap;

/// The declared fields that were looked for in records, and whether any had them, null or not.
///
/// Fields of a record within a record are looked for where that one came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenFields(BTreeMap<String, bool>);

impl SeenFields {
    /// Notes a field that was looked for, and whether it was there.
    pub(super) fn note(&mut self, field: String, was_there: bool) {
        *self.0.entry(field).or_default() |= was_there;
    }

    /// Adds those of another part of the source.
    pub(crate) fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|(field, was_there)| self.note(field, was_there));
    }

    /// Those that were looked for in vain.
    pub(crate) fn absent(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, was_there)| !**was_there).map(|(field, _)| field.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::OnUnknownField;
    use crate::schema::{Field, Item, Schema, Type};
    use crate::source::decode::{Decoder, dynamic};

    /// `{id, name, customer: {id, email}, lines: [{n}]}`, of which all but `name` and `email` is read.
    fn decoder() -> Box<dyn Decoder> {
        let schema = |all: bool| {
            let field = |name: &str, ty| Field::new(name, ty, true);
            let email = all.then(|| field("email", Type::String));
            let customer = [field("id", Type::Int64)].into_iter().chain(email).collect();
            let line = Type::Record(vec![field("n", Type::Int64)]);
            let mut fields = vec![field("id", Type::Int64), field("name", Type::String)];
            fields.retain(|field| all || field.name != "name");
            let lines = Type::List(Box::new(Item { ty: line, nullable: true }));
            fields.extend([field("customer", Type::Record(customer)), field("lines", lines)]);
            Schema { fields }
        };
        dynamic::watching(&schema(false), &schema(true), OnUnknownField::Warn)
    }

    fn seen(records: &[&str]) -> SeenFields {
        let mut decoder = decoder();
        for record in records {
            decoder.append(record).unwrap();
            decoder.finish().unwrap();
        }
        decoder.differences().seen
    }

    #[track_caller]
    fn check(records: &[&str], expected: &[&str]) {
        assert_eq!(seen(records).absent().collect::<Vec<_>>(), expected, "{records:?}");
    }

    #[test]
    fn fields_that_no_record_has_are_named() {
        check(&[], &[]);
        check(&["{}"], &["customer", "id", "lines", "name"]);
        check(&[r#"{"id": 1}"#, r#"{"name": "a"}"#], &["customer", "lines"]);
        // Null is there.
        check(&[r#"{"id": null, "name": null, "customer": null, "lines": null}"#], &[]);
        check(
            &[r#"{"id": 1, "name": "", "customer": {"id": 1}, "lines": [{}, null]}"#],
            &["customer.email", "lines.n"],
        );
        check(&[r#"{"id": 1, "name": "", "customer": null, "lines": []}"#], &[]);
    }

    #[test]
    fn what_one_part_has_is_there() {
        let mut found = seen(&[r#"{"id": 1, "customer": {"id": 1}}"#]);
        found.merge(seen(&[r#"{"lines": [], "customer": {"email": "a"}}"#]));
        found.merge(seen(&[]));
        assert_eq!(found.absent().collect::<Vec<_>>(), ["name"]);
    }
}
