//! What a target takes as a table: names, numbers of columns, keys.
//!
//! The compiler's checks and the sinks both ask here. Which target takes what is data
//! ([`Capabilities`]); nothing here knows one of them by name.

use std::collections::HashMap;
use std::fmt;

use super::capabilities::{Capabilities, Key, Length, Schemas};
use crate::codes::{self, Code};
use crate::schema::notation::type_text;
use crate::schema::scalar::Domain;
use crate::schema::{Schema, Type};

/// A table's name as it was written, in its parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableName {
    /// `analytics` of `analytics.orders`.
    pub schema: Option<String>,
    /// The rest.
    pub name: String,
}

/// Something that a target does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The section of `docs/errors.md`.
    pub code: &'static Code,
    /// The place of the column among the row's; `None` for the table.
    pub column: Option<usize>,
    /// The place of another column, with which it does not agree.
    pub other: Option<usize>,
    /// What is wrong, in the user's words.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl TableName {
    /// Reads `orders` or `analytics.orders`.
    ///
    /// # Errors
    /// Where there are more parts, or empty ones.
    pub fn parse(written: &str) -> Result<Self, Misfit> {
        let misfit = |what: &str| {
            let message = format!("the table name `{written}` has {what}");
            of_table(message, "write `table` or `schema.table`")
        };
        let parts: Vec<_> = written.split('.').collect();
        let (schema, name) = match parts.as_slice() {
            [name] => (None, *name),
            [schema, name] => (Some(*schema), *name),
            _ => return Err(misfit("too many dots")),
        };
        if name.is_empty() || schema == Some("") {
            return Err(misfit("an empty part"));
        }
        Ok(Self { schema: schema.map(str::to_owned), name: name.to_owned() })
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// What a target does not take of a table's name.
pub fn check_table(target: &Capabilities, table: &TableName) -> Vec<Misfit> {
    let mut misfits = Vec::new();
    let schema = table.schema.as_deref();
    match (target.schemas, schema) {
        (Schemas::Only(only), Some(schema)) if schema != only => {
            let message = format!("`{table}` names a schema, and {} has none", target.name);
            misfits.push(of_table(message, format!("write `{}`", table.name)));
        }
        _ => {}
    }
    for (what, name) in
        schema.map(|name| ("schema", name)).into_iter().chain([("table", &*table.name)])
    {
        if let Some(message) = too_long(target, what, name) {
            misfits.push(of_table(message, "name a table with a shorter name"));
        }
    }
    let unfit = |c: &char| c.is_control() || target.unfit.contains(c);
    if let Some(c) = (!target.unfit.is_empty()).then(|| table.name.chars().find(unfit)).flatten() {
        let message = format!(
            "the table name `{table}` has `{}` in it, which a folder's name cannot have",
            c.escape_debug()
        );
        misfits.push(of_table(message, "name the table with letters, digits and `_`"));
    }
    let begins = |(prefix, _): &(&str, &str)| {
        let start = table.name.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if let Some((prefix, owner)) = target.reserved_prefix.filter(begins) {
        let message = format!(
            "the table name `{table}` is reserved: those that start with `{prefix}` are {owner}'s own"
        );
        misfits.push(of_table(message, "name another table"));
    }
    misfits
}

/// What a target does not take of the columns of a row.
pub fn check_columns(target: &Capabilities, row: &Schema) -> Vec<Misfit> {
    let mut misfits = Vec::new();
    if row.fields.len() > target.columns {
        let message = format!(
            "the rows have {} columns; a table of {} can take {}",
            row.fields.len(),
            target.name,
            target.columns
        );
        misfits.push(Misfit {
            code: codes::TOO_MANY_COLUMNS,
            column: Some(target.columns),
            other: None,
            message,
            help: "select fewer, or keep those that belong together as one record or list".into(),
        });
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (index, field) in row.fields.iter().enumerate() {
        let name = field.name.as_str();
        let of_column = |code, message, help: &str| Misfit {
            code,
            column: Some(index),
            other: None,
            message,
            help: help.to_owned(),
        };
        if let Some(message) = too_long(target, "column", name) {
            misfits.push(of_column(
                codes::INVALID_COLUMN_NAME,
                message,
                "give the column a shorter name with AS",
            ));
        } else if target.system_columns.contains(&name) {
            let message = format!("every table of {} has a column `{name}` already", target.name);
            misfits.push(of_column(
                codes::INVALID_COLUMN_NAME,
                message,
                "give the column another name with AS",
            ));
        } else if let Some(c) = name.chars().find(|c| target.unfit_in_columns.contains(c)) {
            let message = format!(
                "the column name `{name}` has `{}` in it, which names of columns in {} cannot have",
                c.escape_debug(),
                target.name
            );
            misfits.push(of_column(
                codes::INVALID_COLUMN_NAME,
                message,
                "give the column another name with AS",
            ));
        }
        if let Some(lacking) = lacking(target, &field.ty) {
            let ty = type_text(lacking, true);
            let (within, help) = match *lacking == field.ty {
                // Bytes are seldom a text.
                true if *lacking == Type::Binary => {
                    ("is", "store it as text: `encode(…, 'base64')`")
                }
                true => ("is", "store it as text: `CAST(… AS text)`"),
                false => ("holds", "leave it out, or declare that field as `string`"),
            };
            misfits.push(of_column(
                codes::TYPE_NOT_IN_TARGET,
                format!("column `{name}` {within} `{ty}`, of which {} has no columns", target.name),
                help,
            ));
        }
        if let Type::Decimal { precision, scale } = field.ty
            && scale > target.scale
        {
            misfits.push(of_column(
                codes::TYPE_NOT_IN_TARGET,
                format!(
                    "column `{name}` is `decimal({precision},{scale})`; {} keeps {} digits behind the \
                     point",
                    target.name, target.scale
                ),
                "round it in the query, or store it as text: `CAST(… AS text)`",
            ));
        }
        if !target.folds_case {
            continue;
        }
        let first = *seen.entry(name.to_ascii_lowercase()).or_insert(index);
        if first != index {
            let message = format!(
                "there is another column like `{name}` that differs only in case, and to {} they \
                 are the same",
                target.name
            );
            let misfit = of_column(
                codes::SAME_COLUMN_IN_TARGET,
                message,
                "give one of them another name with AS",
            );
            misfits.push(Misfit { other: Some(first), ..misfit });
        }
    }
    misfits
}

/// The first type in a type, itself included, for which a target has no column type.
fn lacking<'a>(target: &Capabilities, ty: &'a Type) -> Option<&'a Type> {
    match ty {
        Type::List(item) => lacking(target, &item.ty),
        Type::Record(fields) => fields.iter().find_map(|field| lacking(target, &field.ty)),
        scalar => target.without.contains(scalar).then_some(scalar),
    }
}

/// What a target does not take of a key whose columns have these types.
pub fn check_key<'a>(
    target: &Capabilities,
    table: &TableName,
    types: impl Iterator<Item = &'a Type>,
) -> Option<Misfit> {
    let types: Vec<_> = types.collect();
    let Key { columns, bytes: most, .. } = target.key;
    let misfit = |message: String, help: &str| Misfit {
        code: codes::KEY_NOT_IN_TARGET,
        column: None,
        other: None,
        message,
        help: help.to_owned(),
    };
    if types.len() > columns {
        let message = format!(
            "the key of `{table}` has {} columns; {} takes {columns}",
            types.len(),
            target.name
        );
        return Some(misfit(message, "make one column of several: `concat(a, '-', b) AS id`"));
    }
    let bytes: usize = types.iter().map(|ty| key_bytes(target, ty)).sum();
    let most = most.filter(|most| bytes > *most)?;
    let text = target.key.text.unwrap_or_default();
    let message = format!(
        "the key of `{table}` takes up to {bytes} bytes, with {text} characters for each text; a key \
         of {} has {most}",
        target.name
    );
    let fit = match most / key_bytes(target, &Type::String).max(1) {
        1 => "one column of text fits in".to_owned(),
        3 => "three columns of text fit in".to_owned(),
        other => format!("{other} columns of text fit in"),
    };
    let help = format!(
        "{fit}: leave out those that do not identify a row, or make one column of several: `md5(concat(a, '-', b)) \
         AS id`"
    );
    Some(misfit(message, &help))
}

/// The most bytes that a column of that type takes in a key.
fn key_bytes(target: &Capabilities, ty: &Type) -> usize {
    let text = target.key.text.unwrap_or_default();
    match ty.domain() {
        Some(Domain::Bool) => 1,
        Some(Domain::Whole(_, most)) => match most {
            most if most <= 0x7fff => 2,
            most if most <= 0x7fff_ffff => 4,
            _ => 8,
        },
        Some(Domain::Date) => 3,
        Some(Domain::Time) => 6,
        Some(Domain::Decimal) => 18,
        Some(Domain::Text { longest: Some(longest) }) => longest,
        Some(Domain::Bytes) => text,
        Some(Domain::Float(_) | Domain::Timestamp) => 8,
        Some(Domain::Text { longest: None } | Domain::Document) | None => 4 * text,
    }
}

/// Whether values of a type can identify a row: a table compares them whole, for every row.
pub fn can_be_key(ty: &Type) -> bool {
    !matches!(ty.domain(), None | Some(Domain::Document))
}

/// Whether a value of a type can be the name of a folder.
pub fn can_name_a_folder(ty: &Type) -> bool {
    matches!(
        ty.domain(),
        Some(
            Domain::Bool | Domain::Whole(..) | Domain::Decimal | Domain::Text { .. } | Domain::Date
        )
    )
}

fn of_table(message: String, help: impl Into<String>) -> Misfit {
    Misfit {
        code: codes::INVALID_TABLE_NAME,
        column: None,
        other: None,
        message,
        help: help.into(),
    }
}

fn too_long(target: &Capabilities, what: &str, name: &str) -> Option<String> {
    let (length, unit, most) = match target.longest_name? {
        Length::Bytes(most) => (name.len(), "bytes", most),
        Length::Characters(most) => (name.chars().count(), "characters", most),
    };
    let target = target.name;
    let message = format!("the {what} name `{name}` has {length} {unit}; {target} takes {most}");
    (length > most).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::TargetKind;
    use crate::schema::Field;

    fn check(kind: TargetKind, table: &str, columns: &[&str], expected: &[&str]) {
        let row = columns.iter().map(|name| Field::new(*name, Type::Int64, true)).collect();
        let mut misfits = match TableName::parse(table) {
            Ok(name) => check_table(kind.capabilities(), &name),
            Err(misfit) => vec![misfit],
        };
        misfits.extend(check_columns(kind.capabilities(), &row));
        let shown: Vec<_> = misfits.iter().map(|m| format!("{} {:?}", m.code, m.column)).collect();
        assert_eq!(shown, expected, "{table} {columns:?}");
    }

    #[test]
    fn names_are_what_the_target_takes() {
        use TargetKind::{Postgres, Sqlite};
        let (fits, long) = ("x".repeat(63), "é".repeat(32));
        check(Postgres, "analytics.orders", &["id", "ID", &fits], &[]);
        check(Postgres, "a.b.c", &[], &["E0320 None"]);
        check(Postgres, ".orders", &[], &["E0320 None"]);
        check(Postgres, "", &[], &["E0320 None"]);
        check(Postgres, &long, &["id", &long], &["E0320 None", "E0322 Some(1)"]);
        check(Postgres, &format!("{long}.{long}"), &[], &["E0320 None", "E0320 None"]);
        check(
            Postgres,
            "orders",
            &["ctid", "xmin", "oid", "CTID"],
            &["E0322 Some(0)", "E0322 Some(1)"],
        );
        check(Sqlite, "main.orders", &["ctid", &long], &[]);
        check(
            Sqlite,
            "analytics.orders",
            &["id", "a", "ID", "É", "é"],
            &["E0320 None", "E0323 Some(2)"],
        );
        check(Sqlite, "SQLite_x", &[], &["E0320 None"]);
    }

    #[test]
    fn a_key_is_what_an_index_of_the_target_takes() {
        let check = |kind: TargetKind, types: &[Type], expected: Option<&str>| {
            let table = TableName::parse("orders").unwrap();
            let misfit = check_key(kind.capabilities(), &table, types.iter());
            assert_eq!(misfit.as_ref().map(|misfit| misfit.message.as_str()), expected);
        };
        check(TargetKind::Mysql, &[Type::String, Type::String, Type::String], None);
        check(
            TargetKind::Mysql,
            &[Type::String, Type::String, Type::String, Type::Uuid],
            Some(
                "the key of `orders` takes up to 3096 bytes, with 255 characters for each text; a \
                 key of MySQL has 3072",
            ),
        );
        check(
            TargetKind::Mysql,
            &vec![Type::Int64; 17],
            Some("the key of `orders` has 17 columns; MySQL takes 16"),
        );
        check(TargetKind::Postgres, &vec![Type::String; 32], None);
        check(TargetKind::Sqlite, &vec![Type::String; 33], None);
    }

    #[test]
    fn a_decimal_has_as_many_digits_behind_the_point_as_the_target_keeps() {
        let check = |kind: TargetKind, scale: u8, expected: &[&str]| {
            let ty = Type::Decimal { precision: 38, scale };
            let row = [Field::new("ratio", ty, true)].into_iter().collect();
            let misfits = check_columns(kind.capabilities(), &row);
            let codes: Vec<_> = misfits.iter().map(|misfit| misfit.code.number()).collect();
            assert_eq!(codes, expected);
        };
        check(TargetKind::Mysql, 30, &[]);
        check(TargetKind::Mysql, 31, &["E0328"]);
        check(TargetKind::Postgres, 38, &[]);
    }

    #[test]
    fn a_table_has_a_bounded_number_of_columns() {
        let names: Vec<_> = (0..2000).map(|n| format!("c{n}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        check(TargetKind::Postgres, "t", &names[..1599], &[]);
        check(TargetKind::Postgres, "t", &names[..1600], &["E0324 Some(1599)"]);
        check(TargetKind::Sqlite, "t", &names[..1999], &[]);
        check(TargetKind::Sqlite, "t", &names, &["E0324 Some(1999)"]);
    }
}
