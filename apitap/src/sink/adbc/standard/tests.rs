//! The statements as they are sent, for databases that no test can reach.

use std::path::Path;

use super::words::Speech;
use super::*;
use crate::definition::{AdbcDialect, Driver, DriverOptions, Mode, Template};
use crate::schema::{Field, Schema};
use crate::sink::adbc::database::STAGING;
use crate::sink::tests::every_type;

fn target<S: Speech>() -> Standard<S> {
    let driver = Driver {
        driver: Template("driver".to_owned()),
        entrypoint: None,
        options: DriverOptions::default(),
    };
    let connection = crate::definition::Connection::Driver(driver);
    Standard::new(Settings::resolve(&connection, &mut Default::default()))
}

/// A row with a column of each type that the database takes.
fn row<S: Speech>() -> Schema {
    let takes = |ty: &Type| !TargetKind::Adbc(S::DIALECT).capabilities().without.contains(ty);
    let types = every_type().into_iter().filter(takes).enumerate();
    let columns = types.map(|(place, ty)| Field::new(format!("v{place}"), ty, true));
    let described = Field {
        description: Some("it's \\ unique".to_owned()),
        ..Field::new("id", Type::Int64, false)
    };
    std::iter::once(described).chain(columns).collect()
}

/// All that is said about a load, for people to read.
fn statements<S: Speech>() -> String {
    let target = target::<S>();
    let load =
        |mode, row: &Schema| Load::new("p", "shop.orders", mode, &["id".to_owned()], row).unwrap();
    let all = load(Mode::Merge, &row::<S>());
    let amount = Type::Decimal { precision: 12, scale: 2 };
    let short = [Field::new("id", Type::String, false), Field::new("it's \"x\"", amount, true)];
    let short: Schema = short.into_iter().collect();
    let place = Place::new(&target, "shop", "orders");
    let merge = load(Mode::Merge, &short);
    let table = match S::WORDS.staging {
        words::Staging::Temporary { .. } => target.staging_table(&merge),
        // Its name has the day in it.
        words::Staging::Beside { .. } => target.qualified("shop", STAGING),
    };
    let inbox = Inbox { table, values: target.values(&merge) };
    let merged = |mode| {
        let load = load(mode, &short);
        target.merged(&load, &place, &target.each_once(&load, &inbox))
    };
    let key = ["id".to_owned()];
    let added = merge.columns.last().unwrap();
    [
        Target::creation(&target, &all).unwrap(),
        target.staging(&all, &inbox.table),
        merged(Mode::Merge),
        merged(Mode::InsertNew),
        target.each_once(&load(Mode::Append, &short), &inbox),
        format!("DELETE {}", target.not_come(&merge, &place, &inbox)),
        target.any_row(&target.not_come(&merge, &place, &inbox)),
        target.delete_all(&place.to_string()),
        target.fixed(&place, Change::AddColumn(added)),
        target.fixed(&place, Change::AddUnique(&merge)),
        target.keys_twice(&merge, &place),
        format!("{:?} {}", target.state_types(), target.parameter(key.len())),
    ]
    .join("\n\n")
}

/// The statements, against those of a file; `INSTA_UPDATE=always` writes it anew.
#[track_caller]
#[allow(clippy::disallowed_methods, reason = "it is no run whose environment is read")]
fn check<S: Speech>(name: &str) {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sink/adbc/standard/tests").join(name);
    let found = statements::<S>() + "\n";
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&file, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(&file).unwrap());
}

#[test]
fn the_statements_of_standard_sql_are_these() {
    check::<Ansi>("standard.sql");
}

#[test]
fn the_statements_of_snowflake_are_these() {
    check::<Snowflake>("snowflake.sql");
}

#[test]
fn the_statements_of_bigquery_are_these() {
    check::<Bigquery>("bigquery.sql");
}

#[test]
fn the_statements_of_sql_server_are_these() {
    check::<Mssql>("mssql.sql");
}

#[test]
fn a_parameter_has_a_number_where_the_driver_wants_one() {
    let numbered = |parameter: Parameter| parameter.numbered(2);
    let all = [Parameter::Mark, Parameter::Dollar, Parameter::Colon, Parameter::At].map(numbered);
    assert_eq!(all, ["?", "$2", ":2", "@p2"]);
    assert_eq!(Snowflake::DIALECT, AdbcDialect::Snowflake);
}
