//! The columns that identify a row → findings about them.
//!
//! Knows what the query yields, and nothing of the table that is there.

use super::query::Group;
use super::{PipelineSpec, list, query, target};
use crate::codes;
use crate::definition::table::can_be_key;
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::nearest::nearest;
use crate::schema::notation::type_text;
use crate::spec::SourceSpec;

/// The columns that identify a row: those of `sink(…)`, else those of the first source.
pub(super) fn of(spec: &PipelineSpec<'_>) -> Vec<Spanned<String>> {
    let key = &spec.sink.store.key.value;
    if !key.is_empty() {
        return key.clone();
    }
    let first = spec.sources.first();
    first.and_then(|s| s.described.primary_key_in_dest.value.clone()).unwrap_or_default()
}

/// Whether the key's columns are yielded, are never null, and are such as the target takes.
pub(super) fn check(
    spec: &PipelineSpec<'_>,
    table: &str,
    key: &[Spanned<String>],
    planned: &query::Planned,
    findings: &mut Findings,
) {
    for (index, column) in key.iter().enumerate() {
        let is_known = key.iter().take(index).any(|other| other.value == column.value);
        if !is_known {
            check_yielded(column, planned, findings);
            check_not_null(column, planned, &spec.sources, findings);
        }
    }
    let kind = spec.target.target.kind;
    target::check_key(kind, table, key, &planned.row, &planned.column_places, findings);
}

/// A key that many rows share, so that all but one of them are gone.
pub(super) fn shared(
    key: &[Spanned<String>],
    planned: &query::Planned,
    sources: &[&SourceSpec],
) -> Option<Finding> {
    let column = |name: &String| planned.row.fields.iter().position(|field| field.name == *name);
    let columns: Option<Vec<_>> = key.iter().map(|name| column(&name.value)).collect();
    let (columns, first) = (columns?, key.first()?);
    let rows = &planned.rows;
    if columns.iter().all(|column| rows.constant.contains(column)) {
        return Some(
            Finding::warning(codes::SHARED_KEY, "the key is the same in all rows", &first.place)
                .label("only the last row stays")
                .help("name a column that differs from row to row"),
        );
    }
    let differs = |column: &usize| rows.of_elements.contains(column);
    if rows.are_elements && !columns.iter().any(differs) {
        let message = "the rows of one list share this key: only the last of them stays";
        return Some(
            Finding::warning(codes::SHARED_KEY, message, &first.place)
                .help("add a column of the elements to the key, such as their `id`"),
        );
    }
    let names: Vec<_> = key.iter().map(|name| name.value.as_str()).collect();
    let keyed = Keyed { columns, names: list(&names), place: &first.place };
    keyed.of_groups(planned, sources).or_else(|| keyed.of_joins(planned, sources))
}

/// A key that no later run finds again, since each makes it anew.
pub(super) fn random(key: &[Spanned<String>], planned: &query::Planned) -> Option<Finding> {
    let is_random = |name: &&Spanned<String>| {
        let column = planned.row.fields.iter().position(|field| field.name == name.value);
        column.is_some_and(|column| planned.rows.random.contains(&column))
    };
    let name = key.iter().find(is_random)?;
    let message =
        format!("`{}` is another one in every run, so that no row is found by it", name.value);
    Some(
        Finding::warning(codes::SHARED_KEY, message, &name.place)
            .label("each run adds all rows again")
            .help("name a column that the API sends and that stays the same, or one made of such: `md5(…)`"),
    )
}

/// The columns of a key, as the query yields them.
struct Keyed<'a> {
    columns: Vec<usize>,
    names: String,
    place: &'a Place,
}

impl Keyed<'_> {
    fn warning(&self, message: String) -> Finding {
        Finding::warning(codes::SHARED_KEY, message, self.place)
            .label("only one row of each key stays")
    }

    /// `GROUP BY status, day` and the key `status`.
    fn of_groups(&self, planned: &query::Planned, sources: &[&SourceSpec]) -> Option<Finding> {
        let groups = &planned.rows.groups;
        let is_in_key = |group: &&Group| self.columns.iter().any(|c| group.columns.contains(c));
        let known: Vec<_> = groups.iter().filter(is_in_key).collect();
        let missing = groups.iter().filter(|group| !is_in_key(group));
        let missing = missing.into_iter().find(|group| !follows(group, &known, sources))?;
        let column = missing.columns.first().and_then(|column| planned.row.fields.get(*column));
        let what = column.map_or(missing.written.as_str(), |field| field.name.as_str());
        let message =
            format!("rows of one {} differ in `{what}`, which is not in the key", self.names);
        let help = match column {
            Some(_) => format!("add `{what}` to the key"),
            None => format!("select `{what}`, and add it to the key"),
        };
        Some(
            self.warning(message).help(help).help(format!("else leave `{what}` out of the groups")),
        )
    }

    /// `customers c JOIN orders o ON o.customer_id = c.id` and the key `c.id`.
    fn of_joins(&self, planned: &query::Planned, sources: &[&SourceSpec]) -> Option<Finding> {
        let many = planned.rows.joined.iter().find(|joined| {
            let is_in_key = self.columns.iter().any(|column| joined.columns.contains(column));
            let identity = identity(&joined.source, sources);
            let is_one = identity.is_none_or(|names| names.iter().all(|n| joined.by.contains(n)));
            !is_in_key && !joined.is_filtered && !is_one
        })?;
        let source = &many.source;
        let by: Vec<_> = many.by.iter().map(String::as_str).collect();
        let message = match by.as_slice() {
            [] => {
                format!("each row is there once for every record of `{source}`, with the same key")
            }
            by => format!(
                "several records of `{source}` may have one {}, and their rows one key",
                list(by)
            ),
        };
        let wanted = identity(source, sources).unwrap_or_default();
        let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
        Some(self.warning(message).help(format!(
            "select {} of `{source}` under a name of its own, and add it to the key, or aggregate the records first",
            list(&wanted)
        )))
    }
}

/// The fields that identify a record of a source, as far as that is known.
fn identity(source: &str, sources: &[&SourceSpec]) -> Option<Vec<String>> {
    let source = sources.iter().find(|known| known.table.name.value == source)?;
    if let Some(key) = &source.described.primary_key_in_dest.value {
        return Some(key.iter().map(|name| name.value.clone()).collect());
    }
    let has_id = source.table.schema().is_some_and(|schema| schema.field("id").is_some());
    has_id.then(|| vec!["id".to_owned()])
}

/// Whether what tells groups apart is the same in all groups that agree in others: the name of a customer
/// whose `id` is known.
fn follows(group: &Group, known: &[&Group], sources: &[&SourceSpec]) -> bool {
    let Some((source, path)) = &group.field else { return false };
    let here =
        || known.iter().filter_map(|known| known.field.as_ref()).filter(|(of, _)| of == source);
    let is_known = |name: &String| here().any(|(_, path)| path == name);
    if identity(source, sources).is_some_and(|names| names.iter().all(is_known)) {
        return true;
    }
    // `customer_id` and `customer_name` are of one thing, `customer.id` and `customer.name`, too; and a code
    // stands for the name beside it.
    let is_of_same = |other: &str| {
        stem(path) == Some(other)
            || stem(other).is_some_and(|stem_of| stem_of == path || Some(stem_of) == stem(path))
    };
    !group.is_time && here().any(|(_, other)| is_identifying(other) || is_of_same(other))
}

/// `customer` of `customer_id`.
fn stem(path: &str) -> Option<&str> {
    path.rsplit_once(['_', '.']).map(|(stem, _)| stem)
}

/// Whether a field is named as one that identifies something.
fn is_identifying(path: &str) -> bool {
    let last = path.rsplit(['_', '.']).next().unwrap_or(path).to_lowercase();
    let names =
        ["id", "uuid", "guid", "key", "code", "slug", "sku", "email", "number", "isbn", "ean"];
    names.contains(&last.as_str()) || path.ends_with("Id")
}

/// Whether the query yields a column of the key.
pub(super) fn check_yielded(
    column: &Spanned<String>,
    planned: &query::Planned,
    findings: &mut Findings,
) {
    let name = &column.value;
    if planned.row.field(name).is_some() {
        return;
    }
    let columns: Vec<_> = planned.row.fields.iter().map(|field| field.name.as_str()).collect();
    let message = format!("the query yields no column `{name}`, which is in the key");
    let finding = Finding::error(codes::KEY_NOT_SELECTED, message, &column.place)
        .label("not a column of the query")
        .note(format!("the query yields {}", list(&columns)));
    findings.push(match nearest(name, columns.iter().copied()) {
        Some(_) => finding.suggest("column", name, columns.iter().copied()),
        None => finding.help(format!("select `{name}`, or choose the key among these columns")),
    });
}

/// A file never promises that a field is there; the YAML file can.
fn check_not_null(
    column: &Spanned<String>,
    planned: &query::Planned,
    sources: &[&SourceSpec],
    findings: &mut Findings,
) {
    let name = &column.value;
    let Some(index) = planned.row.fields.iter().position(|field| &field.name == name) else {
        return;
    };
    // What can never be a key is reported as that.
    let field = &planned.row.fields[index];
    if !field.nullable || !can_be_key(&field.ty) {
        return;
    }
    let message = format!("column `{name}` is in the key, but may be null");
    let mut finding =
        Finding::error(codes::NULLABLE_KEY, message, &column.place).label("may be null");
    let without = without_null(name, planned.expressions.get(index).map_or("", String::as_str));
    if planned.rows.of_elements.contains(&index) {
        finding = finding
            .note("an element of a list may be null, whatever the schema says of it")
            .help(format!("leave the rows without it out: {without}"));
    } else if let Some(kind) = planned.rows.filled.get(&index) {
        finding = finding.help(format!(
            "write JOIN in place of {kind}, or leave the rows without it out: {without}"
        ));
        let mut joins = planned.outer_joins.iter().filter(|(of, _)| of == kind);
        if let (Some((_, place)), None) = (joins.next(), joins.next()) {
            let why = format!("the {kind} fills it with NULL where there is no match");
            finding = finding.related(place, why);
        }
    } else {
        finding = finding.help(format!(
            "if the API always sends it, declare it not null in the source's schema with `!`; \
             else leave the rows without it out: {without}"
        ));
    }
    let of_field = planned.rows.fields.get(&index).filter(|(_, path)| !path.contains('.'));
    if let Some((_, path)) = of_field.filter(|_| sources.iter().any(|s| s.files().is_some())) {
        let ty = type_text(&planned.row.fields[index].ty, false);
        finding =
            finding.help(format!("beside a file, that is `fields: {{{path}: {ty}}}` in `schema`"));
    }
    if let Some(place) = planned.column_places.get(index) {
        finding = finding.related(place, "the query yields it here");
    }
    // Where the source's own declaration says that it may be null, that is what to look at.
    if let Some((source, path)) = planned.rows.fields.get(&index)
        && let Some(source) = sources.iter().find(|known| known.table.name.value == *source)
        && let Some(declared) = &source.table.declared
        && let Some(place) = declared.value.places.get(path)
    {
        finding = finding.related(
            place,
            match source.files() {
                Some(_) => format!("`{path}` comes from here, and a file does not promise it"),
                None => format!("`{path}` is declared here, without `!`"),
            },
        );
    }
    findings.push(finding);
}

/// The condition that leaves out the rows in which a column is null: WHERE does not know the names that
/// the SELECT gives.
fn without_null(name: &str, expression: &str) -> String {
    let is_path = |c: char| c.is_alphanumeric() || "_.\"".contains(c);
    match !expression.is_empty() && expression.chars().all(is_path) {
        true => format!("`WHERE {expression} IS NOT NULL`"),
        false => format!("`SELECT * FROM (…) WHERE {name} IS NOT NULL`"),
    }
}
