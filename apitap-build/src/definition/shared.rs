//! Tables that several pipelines write: which table that is, as far as it is known without asking, and which
//! types of columns hold the values of all of them.
//!
//! The check refuses what does not go together; what goes, the runtime creates so that the rows of all fit in,
//! whichever pipeline comes first and whether or not they run together.

use super::table::TableName;
use super::{AdbcDialect, Connection, Definition, TargetKind};
use crate::schema::scalar::Domain;
use crate::schema::{Field, Item, Type};

/// A table of a target: the same text leads to the same one.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Table<'a> {
    kind: TargetKind,
    connection: Vec<&'a str>,
    port: u16,
    name: TableName,
}

impl<'a> Table<'a> {
    /// The table that a pipeline writes; `None` where its name is not one.
    pub fn of(definition: &'a Definition) -> Option<Self> {
        let target = &definition.target;
        let (connection, port) = match &target.connection {
            Connection::Url(url) => {
                let url = url.0.trim();
                let path = match target.kind {
                    TargetKind::Sqlite => {
                        let path = url.strip_prefix("sqlite:").unwrap_or(url);
                        path.strip_prefix("//").unwrap_or(path)
                    }
                    _ => url,
                };
                (vec![path], 0)
            }
            Connection::Parts { host, port, database, .. } => {
                (vec![host.0.as_str(), database.0.as_str()], *port)
            }
            Connection::Folder(folder) => (vec![folder.path.0.trim().trim_end_matches('/')], 0),
            Connection::Driver(driver) => {
                let options = driver.options.0.iter();
                let options = options.flat_map(|(name, value)| [name.as_str(), value.0.as_str()]);
                (std::iter::once(driver.driver.0.as_str()).chain(options).collect(), 0)
            }
        };
        let mut name = TableName::parse(&definition.table).ok()?;
        match target.kind {
            TargetKind::Sqlite | TargetKind::Adbc(AdbcDialect::Sqlite) => {
                name = TableName { schema: None, name: name.name.to_ascii_lowercase() };
            }
            TargetKind::Adbc(AdbcDialect::Duckdb) => {
                let schema = name.schema.map(|schema| schema.to_ascii_lowercase());
                name = TableName { schema, name: name.name.to_ascii_lowercase() };
            }
            TargetKind::Postgres if has_default_schema(&target.connection) => {
                name.schema.get_or_insert_with(|| "public".to_owned());
            }
            _ => {}
        }
        Some(Self { kind: target.kind, connection, port, name })
    }
}

/// Whether a table of PostgreSQL whose name has no schema is in `public`: where a whole URL is a variable, its
/// `search_path` is not known.
fn has_default_schema(connection: &Connection) -> bool {
    let Connection::Url(url) = connection else { return true };
    let url = url.0.trim();
    let says_otherwise = ["search_path", "options"].iter().any(|name| url.contains(name));
    url.starts_with("postgres") && !says_otherwise
}

/// A type of a column that holds the values of both; `None` where that target has none.
pub fn common(kind: TargetKind, a: &Type, b: &Type) -> Option<Type> {
    let both = widest(a, b);
    [a, b].into_iter().all(|ty| holds(kind, &both, ty)).then_some(both)
}

/// A type of a column that holds the values of both; the first where there is none.
pub fn widest(a: &Type, b: &Type) -> Type {
    let is_text =
        |ty: &Type| matches!(ty.domain(), None | Some(Domain::Text { .. } | Domain::Document));
    match (a, b) {
        _ if a == b => a.clone(),
        (Type::Float32, Type::Float64) => Type::Float64,
        (Type::List(a), Type::List(b)) => {
            let nullable = a.nullable || b.nullable;
            Type::List(Box::new(Item { ty: widest(&a.ty, &b.ty), nullable }))
        }
        (Type::Record(a), Type::Record(b)) if same_names(a, b) => {
            let of_both = |(a, b): (&Field, &Field)| Field {
                ty: widest(&a.ty, &b.ty),
                nullable: a.nullable || b.nullable,
                ..a.clone()
            };
            Type::Record(a.iter().zip(b).map(of_both).collect())
        }
        _ if is_document(a) && is_document(b) => Type::Json,
        _ if is_text(a) && is_text(b) => Type::String,
        _ => wider_number(a, b),
    }
}

fn same_names(a: &[Field], b: &[Field]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.name == b.name)
}

fn is_document(ty: &Type) -> bool {
    matches!(ty, Type::Json | Type::Record(_) | Type::List(_))
}

/// The digits of a number, before and behind the point.
fn digits(ty: &Type) -> Option<(u8, u8)> {
    match ty {
        Type::Decimal { precision, scale } => Some((precision.saturating_sub(*scale), *scale)),
        whole => Some((whole.domain().and_then(Domain::digits)?, 0)),
    }
}

fn wider_number(a: &Type, b: &Type) -> Type {
    let is_whole = |ty: &Type| !matches!(ty, Type::Decimal { .. });
    let (Some(ours), Some(theirs)) = (digits(a), digits(b)) else { return a.clone() };
    if is_whole(a) && is_whole(b) {
        return if theirs > ours { b.clone() } else { a.clone() };
    }
    let (whole, scale) = (ours.0.max(theirs.0), ours.1.max(theirs.1));
    match whole.saturating_add(scale) {
        precision @ ..=38 => Type::Decimal { precision, scale },
        _ => a.clone(),
    }
}

/// Whether a column which is created for values of one type holds those of another.
fn holds(kind: TargetKind, column: &Type, ty: &Type) -> bool {
    let is_lake = kind == TargetKind::Delta;
    match (column, ty) {
        _ if column == ty => true,
        // There lists of single values are arrays, and others are documents.
        (Type::List(_), Type::List(_)) if is_array(kind, column) != is_array(kind, ty) => false,
        (Type::List(column), Type::List(ty)) => {
            let fits = (column.nullable || !ty.nullable) && holds(kind, &column.ty, &ty.ty);
            // Within a value nothing is converted there.
            fits && (!is_lake || same_values(&column.ty, &ty.ty))
        }
        (Type::Record(column), Type::Record(ty)) => column.iter().zip(ty).all(|(column, ty)| {
            let fits = (column.nullable || !ty.nullable) && holds(kind, &column.ty, &ty.ty);
            fits && (!is_lake || same_values(&column.ty, &ty.ty))
        }),
        (Type::Float64, Type::Float32) => true,
        (Type::String, Type::Uuid | Type::Json) => true,
        (Type::Json | Type::String, document) if is_document(document) => {
            !is_lake && !is_array(kind, document)
        }
        _ => holds_number(kind, column, ty),
    }
}

/// Whether a column of numbers holds those of another type.
fn holds_number(kind: TargetKind, column: &Type, ty: &Type) -> bool {
    let (Some((whole, scale)), Some((ours, behind))) = (digits(column), digits(ty)) else {
        return false;
    };
    let is_decimal = |ty: &Type| matches!(ty, Type::Decimal { .. });
    // There a decimal is a text, or no whole number is made one.
    let apart = matches!(
        kind,
        TargetKind::Sqlite | TargetKind::Adbc(AdbcDialect::Sqlite) | TargetKind::Delta
    );
    let alike = is_decimal(column) == is_decimal(ty);
    (alike || !apart) && whole >= ours && scale >= behind
}

/// Whether values in a list or a record are the same, whether or not they may be null.
fn same_values(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::List(_), Type::List(_)) | (Type::Record(_), Type::Record(_)) => true,
        _ => a == b,
    }
}

/// Whether a list is an array there, and not a document of JSON.
fn is_array(kind: TargetKind, ty: &Type) -> bool {
    let has_arrays =
        matches!(kind, TargetKind::Postgres | TargetKind::Adbc(AdbcDialect::Postgresql));
    match ty {
        Type::List(item) => has_arrays && !is_document(&item.ty),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_for_two_holds_the_values_of_both() {
        let check = |a: Type, b: Type, expected: Type| {
            assert_eq!(widest(&a, &b), expected, "{a:?} {b:?}");
        };
        let decimal = |precision, scale| Type::Decimal { precision, scale };
        let list = |ty, nullable| Type::List(Box::new(Item { ty, nullable }));
        check(Type::Int16, Type::Int64, Type::Int64);
        check(Type::Int64, Type::Int32, Type::Int64);
        check(Type::Int32, decimal(12, 2), decimal(12, 2));
        check(decimal(12, 2), Type::Int64, decimal(21, 2));
        check(decimal(12, 2), decimal(10, 4), decimal(14, 4));
        check(decimal(38, 0), decimal(38, 30), decimal(38, 0));
        check(Type::Float32, Type::Float64, Type::Float64);
        check(Type::Uuid, Type::Json, Type::String);
        check(Type::Date, Type::Bool, Type::Date);
        check(list(Type::Int32, false), list(Type::Int64, true), list(Type::Int64, true));
        check(list(Type::Int32, false), Type::Json, Type::Json);
    }

    #[test]
    fn what_no_column_of_a_target_holds_has_no_common_type() {
        let check = |kind, a: Type, b: Type, expected: bool| {
            assert_eq!(common(kind, &a, &b).is_some(), expected, "{kind:?} {a:?} {b:?}");
            assert_eq!(common(kind, &b, &a).is_some(), expected, "{kind:?} {b:?} {a:?}");
        };
        let decimal = |precision, scale| Type::Decimal { precision, scale };
        let list = |ty| Type::List(Box::new(Item { ty, nullable: true }));
        let (postgres, sqlite, delta) =
            (TargetKind::Postgres, TargetKind::Sqlite, TargetKind::Delta);
        check(postgres, Type::Int32, Type::Int64, true);
        check(postgres, Type::Int64, decimal(12, 2), true);
        check(postgres, decimal(38, 0), decimal(38, 30), false);
        check(sqlite, decimal(38, 0), decimal(38, 30), false);
        check(sqlite, Type::Int64, decimal(12, 2), false);
        check(delta, Type::Int64, decimal(12, 2), false);
        check(delta, decimal(10, 2), decimal(12, 2), true);
        check(postgres, list(Type::Int32), list(Type::Int64), true);
        check(delta, list(Type::Int32), list(Type::Int64), false);
        check(postgres, list(Type::String), Type::String, false);
        check(postgres, list(Type::String), list(Type::Json), false);
        check(sqlite, list(Type::String), Type::String, true);
        check(postgres, Type::Float64, Type::Int64, false);
        check(postgres, Type::Date, Type::Timestamp, false);
    }
}
