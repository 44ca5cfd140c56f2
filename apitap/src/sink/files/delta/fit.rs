//! A table, as its log says it, against what a load needs of it.

use std::sync::Arc;

use super::action::{Format, MetaData, now};
use super::merge::leaves_known;
use super::schema::{TableField, TableSchema, holds, quoted, sql, written};
use super::snapshot::Snapshot;
use crate::definition::table::TableName;
use crate::definition::{Evolve, Mode};
use crate::schema::Field;
use crate::sink::files::partition;
use crate::sink::load::{Column, Load, Missing, Required};
use crate::sink::refusal;
use crate::{Error, Result};

/// How a table takes the rows of a load.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fit {
    /// Its columns, with those that the load adds.
    pub(super) schema: TableSchema,
    /// Whether they are to be written into the log.
    pub(super) changes: bool,
}

/// A way in which a table does not take the rows.
pub(super) struct Misfit {
    pub(super) refusal: Error,
    /// The statement that a person would run, where there is one.
    pub(super) fix: Option<String>,
    /// A column that is added unasked.
    pub(super) grows: bool,
}

impl Misfit {
    fn new(refusal: Error) -> Self {
        Self { refusal, fix: None, grows: false }
    }

    fn fixed(refusal: impl FnOnce(String) -> Error, fix: String) -> Self {
        Self { refusal: refusal(fix.clone()), fix: Some(fix), grows: false }
    }
}

/// How the table takes the rows.
///
/// # Errors
/// It does not, with the statements that would change it.
pub(super) fn fit(load: &Load, there: &Snapshot) -> Result<Fit> {
    let Some(schema) = &there.schema else {
        return Ok(Fit { schema: TableSchema::of(load.creates.iter()), changes: true });
    };
    let misfits = misfits(load, there);
    let may_grow = load.evolve != Evolve::Freeze;
    let first = misfits.iter().find(|misfit| !misfit.grows || !may_grow);
    if first.is_some() && renews(load, there) {
        return Ok(Fit { schema: TableSchema::of(load.creates.iter()), changes: true });
    }
    if let Some(first) = first {
        let fixes: Vec<_> = misfits.iter().filter_map(|misfit| misfit.fix.as_deref()).collect();
        return Err(match fixes.len() {
            0 | 1 => first.refusal.clone(),
            _ => first.refusal.clone().help(fixes.join("; ")),
        });
    }
    let mut schema = schema.clone();
    let new = load.columns.iter().filter(|column| schema.field(&column.name).is_none());
    // The rows that are there have no value of it.
    let new: Vec<_> =
        new.map(|column| TableField { nullable: true, ..TableField::of(column) }).collect();
    let changes = !new.is_empty();
    schema.fields.extend(new);
    Ok(Fit { schema, changes })
}

/// All ways in which the table does not take the rows.
pub(super) fn misfits(load: &Load, there: &Snapshot) -> Vec<Misfit> {
    let (Some(schema), Some(meta)) = (&there.schema, &there.meta) else { return Vec::new() };
    let of_table = closed(load, there, meta).into_iter().chain(apart(load, there, meta));
    let mut misfits: Vec<_> = of_table.map(Misfit::new).collect();
    misfits.extend(load.columns.iter().filter_map(|column| of_column(load, schema, column)));
    let ours = |name: &str| load.columns.iter().any(|it| it.name.eq_ignore_ascii_case(name));
    let others = schema.fields.iter().filter(|field| !ours(&field.name));
    misfits.extend(others.filter_map(|field| of_other(load, field)));
    misfits
}

/// Whether a table that does not take the rows gets other columns, and none of its rows stays.
pub(super) fn renews(load: &Load, there: &Snapshot) -> bool {
    let is_closed = there.meta.as_ref().is_some_and(|meta| closed(load, there, meta).is_some());
    load.evolve == Evolve::Replace && load.mode == Mode::Replace && !is_closed
}

fn error(load: &Load, there: &Snapshot, what: &str) -> Error {
    let (table, version) = (&load.table, there.version.unwrap_or_default());
    Error::target(format!("version {version} of the table `{table}` {what}"))
}

/// Why the table takes no such rows, whatever its columns.
fn closed(load: &Load, there: &Snapshot, meta: &MetaData) -> Option<Error> {
    if meta.format.provider != "parquet" {
        let what = format!("has files of `{}`, not of Parquet", meta.format.provider);
        return Some(error(load, there, &what).help("load into another table"));
    }
    let removes = load.mode == Mode::Replace
        || load.missing != Missing::Keep
        || load.mode == Mode::Merge && !leaves_known(load);
    if removes && there.property("delta.appendOnly") == Some("true") {
        let fix = format!(
            "use the mode `append`, or change the table: ALTER TABLE {} SET TBLPROPERTIES \
             ('delta.appendOnly' = 'false')",
            of_sql(&load.table)
        );
        return Some(error(load, there, "takes rows only, and loses none").help(fix));
    }
    None
}

/// Whether its rows are kept apart by other columns.
fn apart(load: &Load, there: &Snapshot, meta: &MetaData) -> Option<Error> {
    let (theirs, ours) = (&meta.partition_columns, partition::names(load));
    let [there_by, ours_by] = [theirs.as_slice(), &ours].map(partition::listed);
    let what = format!("is kept apart by {there_by}, and the rows by {ours_by}");
    let help = "use the same `partition_by`, or load into another table";
    (*theirs != ours).then(|| error(load, there, &what).help(help))
}

fn of_column(load: &Load, schema: &TableSchema, column: &Column) -> Option<Misfit> {
    let (table, name) = (&load.table, &column.name);
    let at = of_sql(table);
    let ours = sql(&written(&column.ty));
    let Some(field) = schema.field(name) else {
        let fix = format!("ALTER TABLE {at} ADD COLUMNS ({} {ours})", quoted(name));
        let misfit = Misfit::fixed(|fix| refusal::missing_column(table, column, fix), fix);
        // A key that the rows there do not have cannot be made up.
        return Some(Misfit { grows: !load.is_key(column), ..misfit });
    };
    if field.name != *name {
        let message = format!(
            "the table `{table}` has a column `{}`, which to Delta Lake is the same as `{name}`",
            field.name
        );
        let help = format!("name it as the table does: `AS \"{}\"`", field.name);
        return Some(Misfit::new(Error::target(message).help(help)));
    }
    if field.has_rules() {
        return Some(ruled(table, &field.name));
    }
    if !field.known().is_some_and(|theirs| holds(&theirs, &column.ty)) {
        let fix = format!(
            "convert the column in the query: `CAST({name} AS …)`, or write the table anew with another \
             type: CREATE OR REPLACE TABLE {at}"
        );
        let theirs = sql(&field.ty);
        return Some(Misfit::new(refusal::column_type(table, column, &theirs, &ours, fix)));
    }
    if !field.nullable && column.required.is_none() {
        let fix = format!("ALTER TABLE {at} ALTER COLUMN {} DROP NOT NULL", quoted(name));
        return Some(Misfit::fixed(|fix| refusal::takes_no_null(table, column, &fix), fix));
    }
    None
}

/// A column of the table that the rows do not have.
fn of_other(load: &Load, field: &TableField) -> Option<Misfit> {
    let (table, name) = (&load.table, &field.name);
    if field.has_rules() {
        return Some(ruled(table, name));
    }
    if load.mode == Mode::Merge && !leaves_known(load) && load.missing == Missing::Keep {
        let message = format!("the table `{table}` has a column `{name}`, and the rows have none");
        return Some(Misfit::new(Error::target(message).help(format!(
            "a merge puts whole rows in the place of others, and its values would be lost: let the query \
             yield `{name}`, or drop the column: ALTER TABLE {} DROP COLUMN {}",
            of_sql(table),
            quoted(name)
        ))));
    }
    if field.nullable {
        return None;
    }
    let fix = format!("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", of_sql(table), quoted(name));
    Some(Misfit::fixed(|fix| refusal::extra_column(table, name, fix), fix))
}

/// Values that have to obey SQL, which is not run here.
fn ruled(table: &TableName, name: &str) -> Misfit {
    let message = format!(
        "column `{name}` of the table `{table}` has a rule of SQL, which apitap does not run"
    );
    Misfit::new(Error::target(message).help("drop the rule, or load into another table"))
}

fn of_sql(table: &TableName) -> String {
    let schema = table.schema.as_deref().map(|schema| format!("{}.", quoted(schema)));
    format!("{}{}", schema.unwrap_or_default(), quoted(&table.name))
}

/// The columns of the load, as the table has them.
pub(super) fn in_table(load: &Load, schema: &TableSchema) -> Vec<Column> {
    let column = |column: &Column| {
        let Some(field) = schema.field(&column.name) else { return column.clone() };
        let ty = field.known().unwrap_or_else(|| column.ty.clone());
        let of = Field::new(&*column.name, ty.clone(), field.nullable);
        Column {
            field: Arc::new(crate::schema::arrow::field(&of)),
            required: (!field.nullable).then_some(Required::Schema),
            ty,
            ..column.clone()
        }
    };
    load.columns.iter().map(column).collect()
}

/// What the table is from now on.
///
/// # Errors
/// Its columns have no JSON.
pub(super) fn meta(load: &Load, there: &Snapshot, schema: &TableSchema) -> Result<MetaData> {
    let text = serde_json::to_string(schema);
    let schema_string =
        text.map_err(|cause| Error::target("the schema has no JSON").caused_by(cause))?;
    Ok(match &there.meta {
        Some(meta) => {
            MetaData { schema_string, partition_columns: partition::names(load), ..meta.clone() }
        }
        None => MetaData {
            id: uuid::Uuid::new_v4().to_string(),
            name: Some(load.table.to_string()),
            description: load.description.clone(),
            format: Format { provider: "parquet".to_owned(), options: Default::default() },
            schema_string,
            partition_columns: partition::names(load),
            configuration: Default::default(),
            created_time: Some(now()),
        },
    })
}
