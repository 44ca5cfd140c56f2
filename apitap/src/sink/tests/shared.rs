//! Tables that several pipelines write: the types which the check lets pass are those that a database takes.

use crate::definition::TargetKind;
use crate::definition::shared::common;
use crate::schema::{Item, Type};
use crate::sink::{postgres, sqlite};

use super::every_type;

/// Types of columns, each with lists of it.
fn types() -> Vec<Type> {
    let decimals = [(12, 2), (20, 0), (38, 30)];
    let decimals = decimals.map(|(precision, scale)| Type::Decimal { precision, scale });
    let single: Vec<_> = every_type().into_iter().chain(decimals).collect();
    let list = |ty: &Type| Type::List(Box::new(Item { ty: ty.clone(), nullable: true }));
    let lists: Vec<_> = single.iter().map(list).collect();
    single.into_iter().chain(lists).collect()
}

/// Whatever two pipelines yield: a column that is created for both holds the values of both.
fn check(kind: TargetKind, sql: impl Fn(&Type) -> String, holds: impl Fn(&str, &Type) -> bool) {
    let (types, mut together) = (types(), 0);
    for a in &types {
        for b in &types {
            let Some(both) = common(kind, a, b) else { continue };
            together += 1;
            let column = sql(&both);
            let fits = holds(&column, a) && holds(&column, b);
            assert!(fits, "{kind:?}: {a:?} and {b:?} in {column}");
        }
    }
    assert!(together > types.len(), "{kind:?}: {together}");
}

#[test]
fn what_two_pipelines_may_write_into_one_column_fits_in() {
    check(TargetKind::Postgres, postgres::types::sql, postgres::types::holds);
    check(TargetKind::Sqlite, |ty| sqlite::catalog::sql(ty).to_owned(), sqlite::catalog::holds);
}
