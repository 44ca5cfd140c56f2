//! `for_each` → the fields that it adds to the records of a source; and the one that takes what the
//! schema does not declare, where that is kept.
//!
//! Parents come before their children, since a child may take what its parent was given by its own.
//! Whether the requests of a source use the names is known to [`super::expressions`].

use std::collections::{BTreeMap, BTreeSet};

use super::filters::unknown_field;
use crate::codes;
use crate::definition::{OnUnknownField, UNKNOWN};
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::expression::types::Kind;
use crate::keys::for_each::ForEachKeysSpec;
use crate::keys::schema::FieldsSpec;
use crate::schema::notation::type_text;
use crate::schema::{Field, Schema, Type};
use crate::spec::{Broken, Project, SourceSpec};

/// The names that requests have for other things.
const TAKEN: [&str; 6] = ["cursor", "end", "job", "now", "page", "start"];

/// Where the fields are declared that `for_each` adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declares {
    /// Nowhere: they are added to the schema.
    ForEach,
    /// In the struct of the record, like all others.
    Record,
}

/// Gives the sources of a project the fields of their partitions; those with findings are among the
/// broken ones afterwards.
pub(super) fn resolve_all(project: &mut Project, findings: &mut Findings) {
    let sources = std::mem::take(&mut project.sources);
    let broken = &project.broken_sources;
    let (good, bad) = resolve(sources, Declares::ForEach, broken, findings);
    project.sources = good;
    for source in bad {
        project.broken_sources.add(Some(source.table.name.value.clone()));
        // What `for_each` would have added is not known.
        let known = source.table.declared.is_some() && source.request.for_each.value.is_empty();
        project.broken_sources.with_fields.extend(known.then_some(source.table));
    }
}

/// The sources with the fields of their partitions, and those that have findings, each in order.
pub fn resolve(
    sources: Vec<SourceSpec>,
    declares: Declares,
    broken: &Broken,
    findings: &mut Findings,
) -> (Vec<SourceSpec>, Vec<SourceSpec>) {
    let names = sources.iter().map(|source| source.table.name.value.clone()).collect();
    let mut resolver = Resolver {
        sources: BTreeMap::new(),
        names,
        bad: BTreeSet::new(),
        declares,
        broken,
        findings,
    };
    let order: Vec<_> = sources.iter().map(|source| source.table.name.value.clone()).collect();
    for source in sources {
        // Two of one name were reported.
        resolver.sources.entry(source.table.name.value.clone()).or_insert((source, Visit::New));
    }
    for name in &order {
        resolver.visit(name);
    }
    let Resolver { mut sources, bad, .. } = resolver;
    let found = order.iter().filter_map(|name| sources.remove(name)).map(|(source, _)| source);
    found.partition(|source| !bad.contains(&source.table.name.value))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    New,
    UnderWay,
    Done,
}

struct Resolver<'a> {
    sources: BTreeMap<String, (SourceSpec, Visit)>,
    names: BTreeSet<String>,
    bad: BTreeSet<String>,
    declares: Declares,
    broken: &'a Broken,
    findings: &'a mut Findings,
}

impl Resolver<'_> {
    /// Resolves a source behind its parents.
    fn visit(&mut self, name: &str) {
        let Some((source, visit)) = self.sources.get_mut(name) else { return };
        if *visit != Visit::New {
            return;
        }
        *visit = Visit::UnderWay;
        let source = source.clone();
        let entries = &source.request.for_each.value;
        let before = self.findings.errors();
        let mut well = true;
        for entry in entries {
            well &= self.parent(&source, entry);
        }
        let mut carried = Vec::new();
        if well {
            for entry in entries {
                carried.extend(self.carried(entry));
            }
            self.check_names(&source, entries);
        }
        let placed = entries.iter().map(|entry| entry.alias.place.clone());
        let placed: Vec<_> = carried.into_iter().zip(placed).collect();
        let placed = placed.into_iter().chain(self.kept(&source)).collect();
        let fits = well && self.findings.errors() == before && self.declare(name, &source, placed);
        if !fits {
            self.bad.insert(name.to_owned());
        }
        if let Some((_, visit)) = self.sources.get_mut(name) {
            *visit = Visit::Done;
        }
    }

    /// Whether the parent that an entry names is there, and well.
    fn parent(&mut self, source: &SourceSpec, entry: &ForEachKeysSpec) -> bool {
        let Some(parent) = named(entry) else { return true };
        match self.sources.get(&parent.value).map(|(_, visit)| *visit) {
            Some(Visit::UnderWay) => {
                self.findings.push(circle(source, &parent));
                return false;
            }
            Some(_) => self.visit(&parent.value),
            None => {
                if !self.broken.may_be(&parent.value) {
                    let finding = self.unknown(&parent);
                    self.findings.push(finding);
                }
                return false;
            }
        }
        let is_good = !self.bad.contains(&parent.value);
        if is_good && entry.only_changed.value {
            let finding = self.unfollowed(source, &parent, entry);
            self.findings.extend(finding);
        }
        is_good
    }

    /// That nobody knows which records of a parent have changed, or that pairs would be left out.
    fn unfollowed(
        &self,
        source: &SourceSpec,
        parent: &Spanned<String>,
        entry: &ForEachKeysSpec,
    ) -> Option<Finding> {
        let error = |message: String| {
            Finding::error(codes::INVALID_INCREMENTAL, message, &entry.only_changed.place)
        };
        let sources = || source.request.for_each.value.iter().filter_map(named);
        if let Some(other) = sources().find(|other| other.place != parent.place) {
            let message = format!(
                "what is new in `{}` would not be requested for what has not changed",
                other.value
            );
            return Some(
                error(message)
                    .related(&other.place, "all pairs of both are meant")
                    .help("remove `only_changed`"),
            );
        }
        let (spec, _) = self.sources.get(&parent.value)?;
        if spec.request.incremental.value.is_some() {
            return None;
        }
        let finding = error(format!("source `{}` does not say what has changed", parent.value));
        Some(finding.related(&spec.table.name.place, "it is declared here").help(
            "give it `incremental: {field: updated_at, param: updated_since}`, or remove `only_changed`",
        ))
    }

    fn unknown(&self, parent: &Spanned<String>) -> Finding {
        let message = format!("source `{}` is not declared", parent.value);
        let known = self.names.iter().map(String::as_str).chain(self.broken.names());
        Finding::error(codes::UNKNOWN_SOURCE, message, &parent.place)
            .label("no such source")
            .suggest("source", &parent.value, known.collect::<Vec<_>>())
    }

    /// The field that an entry adds to each record.
    fn carried(&mut self, entry: &ForEachKeysSpec) -> Option<Field> {
        let alias = &entry.alias.value;
        let Some(parent) = named(entry) else {
            return Some(Field::new(alias, Type::String, false));
        };
        let (parent_spec, _) = self.sources.get(&parent.value)?;
        let Some(declared) = &parent_spec.table.declared else {
            self.findings.push(no_schema(&parent));
            return None;
        };
        let schema = declared.value.schema.clone();
        let mut fields = Vec::new();
        for written in entry.fields.value.iter().flatten() {
            match taken(&schema, &parent.value, written) {
                Ok(ty) => insert(&mut fields, &written.value.split('.').collect::<Vec<_>>(), ty),
                Err(finding) => {
                    self.findings.push(finding.related(&declared_at(declared), "its fields"));
                }
            }
        }
        (!fields.is_empty()).then(|| Field::new(alias, Type::Record(fields), false))
    }

    /// The field that takes what the schema does not declare, where that is kept.
    fn kept(&mut self, source: &SourceSpec) -> Option<(Field, Place)> {
        let policy = &source.request.on_unknown_field;
        if policy.value != OnUnknownField::Keep {
            return None;
        }
        let of_entry = source.request.for_each.value.iter().any(|e| e.alias.value == UNKNOWN);
        let declared = source.table.declared.as_ref();
        let own = declared.and_then(|declared| declared.value.places.get(UNKNOWN));
        if let (Declares::ForEach, Some(own)) = (self.declares, own) {
            let message = format!("`{UNKNOWN}` is a field of the records already");
            let finding = Finding::error(codes::UNKNOWN_FIELDS_NAME, message, own);
            self.findings.push(
                finding
                    .related(&policy.place, "it would take the fields that are not declared")
                    .help("write `on_unknown_field: warn`, or leave the field out"),
            );
        } else if of_entry {
            let message = format!("`for_each` takes the name `{UNKNOWN}`");
            let finding = Finding::error(codes::UNKNOWN_FIELDS_NAME, message, &policy.place);
            self.findings.push(finding.help("write another name in `as`"));
        }
        Some((Field::new(UNKNOWN, Type::Json, true), policy.place.clone()))
    }

    /// Whether the names are free.
    fn check_names(&mut self, source: &SourceSpec, entries: &[ForEachKeysSpec]) {
        for (index, entry) in entries.iter().enumerate() {
            let alias = &entry.alias;
            let name = alias.value.as_str();
            let finding = |message: String, help: String| {
                Finding::error(codes::FOR_EACH_NAME, message, &alias.place).help(help)
            };
            let other = format!("give it another name, as in `as: for_{name}`");
            if TAKEN.contains(&name) {
                let message = format!("`{name}` means something else in expressions");
                self.findings.push(finding(message, other));
            } else if let Some(first) =
                entries.iter().take(index).find(|first| first.alias.value == name)
            {
                let message = format!("two entries of `for_each` are named `{name}`");
                let found = finding(message, other);
                self.findings.push(found.related(&first.alias.place, "the first one"));
            } else if self.declares == Declares::ForEach
                && let Some(declared) = &source.table.declared
                && declared.value.schema.field(name).is_some()
            {
                let message = format!("`{name}` is a field of the records already");
                let place = declared.value.places.get(name).unwrap_or(&declared.place);
                let found = finding(message, other);
                self.findings.push(found.related(place, "it is declared here"));
            }
        }
    }

    /// Adds the fields to the schema, or compares them with the struct's.
    fn declare(&mut self, name: &str, source: &SourceSpec, carried: Vec<(Field, Place)>) -> bool {
        let before = self.findings.errors();
        if self.declares == Declares::Record
            && let Some(declared) = &source.table.declared
        {
            for (field, place) in &carried {
                self.findings.extend(differs(field, &declared.value, place));
            }
        }
        let Some((source, _)) = self.sources.get_mut(name) else { return false };
        for (field, place) in carried {
            if self.declares == Declares::ForEach
                && let Some(declared) = &mut source.table.declared
            {
                declared.value.places.insert(field.name.clone(), place);
                declared.value.schema.fields.push(field.clone());
            }
            source.carried.push(field);
        }
        self.findings.errors() == before
    }
}

fn named(entry: &ForEachKeysSpec) -> Option<Spanned<String>> {
    let name = entry.source.value.clone()?;
    Some(Spanned::new(name, entry.source.place.clone()))
}

fn declared_at(declared: &Spanned<FieldsSpec>) -> Place {
    declared.place.clone()
}

fn circle(source: &SourceSpec, parent: &Spanned<String>) -> Finding {
    let child = &source.table.name;
    let message = match child.value == parent.value {
        true => format!("source `{}` is requested for its own records", child.value),
        false => {
            format!("`{}` and `{}` are each requested for the other", child.value, parent.value)
        }
    };
    Finding::error(codes::CIRCULAR_PARENTS, message, &parent.place)
        .help("one of them must be requested without the other")
}

fn no_schema(parent: &Spanned<String>) -> Finding {
    let message = format!("source `{}` declares no schema", parent.value);
    Finding::error(codes::NO_SCHEMA, message, &parent.place)
        .label("its fields are taken here")
        .help("declare at least these fields: `schema: {id: int64!}`")
}

/// The type of a field that is taken, with what stands behind its dots.
fn taken(schema: &Schema, source: &str, written: &Spanned<String>) -> Result<Type, Box<Finding>> {
    let finding =
        |message: String| Finding::error(codes::INVALID_PARENT_FIELD, message, &written.place);
    let path: Vec<_> = written.value.split('.').collect();
    let mut inside = schema.fields.as_slice();
    for (index, name) in path.iter().enumerate() {
        let Some(field) = inside.iter().find(|field| field.name == *name) else {
            let code = codes::INVALID_PARENT_FIELD;
            return Err(Box::new(unknown_field(source, schema, written, code)));
        };
        let shown = path.get(..=index).unwrap_or_default().join(".");
        if field.nullable {
            let found = finding(format!("field `{shown}` of source `{source}` may be null"));
            return Err(Box::new(found.help(format!(
                "declare it as `{name}: {}!` if it never is, or take one that is always there",
                type_text(&field.ty, true)
            ))));
        }
        match &field.ty {
            Type::Record(fields) if index + 1 < path.len() => inside = fields,
            ty if index + 1 == path.len() && Kind::of(ty).is_some() => return Ok(ty.clone()),
            ty => {
                let found =
                    finding(format!("field `{shown}` is of the type {}", type_text(ty, true)));
                let help = "take a text, a number or a time: a request holds nothing else";
                return Err(Box::new(found.help(help)));
            }
        }
    }
    Err(Box::new(finding("the name of a field is empty".to_owned())))
}

/// Adds a field at its path.
fn insert(fields: &mut Vec<Field>, path: &[&str], ty: Type) {
    let [name, rest @ ..] = path else { return };
    let place = fields.iter().position(|field| field.name == **name);
    match (rest, place.and_then(|place| fields.get_mut(place))) {
        ([], None) => fields.push(Field::new(*name, ty, false)),
        ([], Some(_)) => {}
        (rest, Some(Field { ty: Type::Record(inner), .. })) => insert(inner, rest, ty),
        (_, Some(_)) => {}
        (rest, None) => {
            let mut inner = Vec::new();
            insert(&mut inner, rest, ty);
            fields.push(Field::new(*name, Type::Record(inner), false));
        }
    }
}

/// How the struct of a record declares a field that `for_each` adds, if in another way.
fn differs(field: &Field, declared: &FieldsSpec, place: &Place) -> Option<Finding> {
    let name = &field.name;
    if name == UNKNOWN {
        return no_place(declared, place);
    }
    let wanted = type_text(&field.ty, false);
    let Some(found) = declared.schema.field(name) else {
        let message = format!("the record has no field `{name}`");
        let help = format!("add a field `{name}` of the type {wanted}: `for_each` gives its value");
        return Some(Finding::error(codes::FOR_EACH_NAME, message, place).help(help));
    };
    let plain = |ty: &Type| Schema { fields: vec![Field::new(name, undescribed(ty), false)] };
    if !found.nullable && plain(&found.ty) == plain(&field.ty) {
        return None;
    }
    let optional = if found.nullable { ", which may be null" } else { "" };
    let message = format!(
        "`{name}` is of the type {wanted}, and the record has {}{optional}",
        type_text(&found.ty, true)
    );
    let at = declared.places.get(name).unwrap_or(place);
    Some(
        Finding::error(codes::FOR_EACH_NAME, message, at)
            .related(place, "`for_each` gives its value")
            .help("declare it with the types of the source that it comes from"),
    )
}

/// Why the struct of a record has no place for fields that are not declared, if it has none.
fn no_place(declared: &FieldsSpec, place: &Place) -> Option<Finding> {
    let finding = |message: String, at: &Place| {
        Finding::error(codes::UNKNOWN_FIELDS_NAME, message, at)
            .help(format!("add `{UNKNOWN}: Option<Value>` to the record: it takes them"))
    };
    match declared.schema.field(UNKNOWN) {
        Some(found) if found.ty == Type::Json && found.nullable => None,
        Some(found) => {
            let ty = type_text(&found.ty, found.nullable);
            let message = format!("`{UNKNOWN}` is of the type {ty}");
            let at = declared.places.get(UNKNOWN).unwrap_or(place);
            Some(finding(message, at).related(place, "it takes the fields that are not declared"))
        }
        None => Some(finding(format!("the record has no field `{UNKNOWN}`"), place)),
    }
}

/// The type without what is said of its fields.
fn undescribed(ty: &Type) -> Type {
    match ty {
        Type::Record(fields) => {
            let plain =
                |field: &Field| Field::new(&field.name, undescribed(&field.ty), field.nullable);
            let mut fields: Vec<_> = fields.iter().map(plain).collect();
            fields.sort_by(|a, b| a.name.cmp(&b.name));
            Type::Record(fields)
        }
        ty => ty.clone(),
    }
}
