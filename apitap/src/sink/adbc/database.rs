//! A database behind a driver: what it has of its own ([`Database`]) → a target, on the way of all that speak
//! SQL.

use std::fmt::Debug;
use std::marker::PhantomData;

use async_trait::async_trait;
use sqlx::error::DatabaseError;

use super::connection::Connection;
use super::driver;
use super::ingest::{Destination, Ingest, Sent};
use super::query;
use super::refusal::said;
use super::settings::Settings;
use crate::definition::table::TableName;
use crate::definition::{AdbcDialect, Capabilities, Mode, TargetKind};
use crate::engine::limits::Limits;
use crate::schema::Type;
use crate::sink::contract::{Difference, Remembered, Session, StateChange, Target};
use crate::sink::load::Load;
use crate::sink::sql::{self, Change, Claim, Dialect, Found, Inbox, Place, staged};
use crate::{Error, Result};

/// The staging table: it would hide a table of that name, which nobody can name.
pub(super) const STAGING: &str = "_apitap_staging";

/// What one database has of its own.
#[async_trait]
pub(super) trait Database: Debug + Clone + Copy + Send + Sync + 'static {
    const DIALECT: AdbcDialect;
    /// What begins a transaction that will write.
    const BEGIN: &'static str;
    /// The instant now, in the third of [`Database::STATE_TYPES`].
    const NOW: &'static str;
    /// The types of names, of JSON text and of instants in the state table.
    const STATE_TYPES: [&'static str; 3];
    /// The schema of temporary tables.
    const TEMPORARY: &'static str;
    /// Whether our transactions come one after the other within the process: the database itself would fail
    /// those that meet.
    const TAKES_TURNS: bool = false;

    /// What is said to a new connection.
    const SETTINGS: &'static [&'static str] = &[];

    /// How the parameter of that number stands in a statement.
    fn parameter(number: usize) -> String;

    /// The type of a column that we create.
    fn column_type(ty: &Type) -> String;

    /// In which form the values of a type are sent to the staging table.
    fn sent(ty: &Type) -> Sent {
        Sent::by_type(ty)
    }

    /// The type of a column of the staging table, and what makes the value of the table of it.
    fn staged(ty: &Type, column: String) -> (String, String) {
        (Self::column_type(ty), column)
    }

    /// Whether a column of that type holds every value of ours unchanged.
    fn holds(actual: &str, ty: &Type) -> bool;

    /// Whether our type holds every value of a column of that type.
    fn widens(actual: &str, ty: &Type) -> bool;

    /// An instant of the state table as text, as in RFC 3339.
    fn instant(column: &str) -> String;

    /// The statement that a person would run to have the table take our rows.
    fn fix(adbc: &Adbc<Self>, table: &Place, change: Change<'_>) -> String;

    /// The schema of a table whose name has none.
    async fn schema(
        adbc: &Adbc<Self>,
        connection: &mut Connection,
        table: &TableName,
    ) -> sqlx::Result<Option<String>>;

    /// The table, if it is there.
    async fn find(
        adbc: &Adbc<Self>,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> Result<Option<Found>>;

    /// Within a transaction: waits until no other run of apitap is at work on that name.
    async fn lock(connection: &mut Connection, name: &str) -> sqlx::Result<()>;

    /// Takes a lock of that name for as long as the connection and what is given live, or says who has it.
    async fn claim(adbc: &Adbc<Self>, connection: &mut Connection, name: &str) -> Result<Claim>;

    /// Whether emptying the table removes its rows, all of them, and changes no other table.
    async fn replaceable(
        adbc: &Adbc<Self>,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> Result<()>;

    /// What a transaction that empties the table does first.
    fn lock_table(_table: &Place) -> Option<String> {
        None
    }

    /// Whether something of the table may keep rows out without an error.
    async fn may_keep_out(
        _adbc: &Adbc<Self>,
        _connection: &mut Connection,
        _table: &Place,
    ) -> sqlx::Result<bool> {
        Ok(false)
    }

    /// Creates the schema of a table, where it is not there.
    async fn create_schema(
        adbc: &Adbc<Self>,
        connection: &mut Connection,
        table: &Place,
    ) -> sqlx::Result<()>;

    /// The statements that say what a new table and its columns are for.
    fn comments(_adbc: &Adbc<Self>, _load: &Load, _table: &str) -> Vec<String> {
        Vec::new()
    }

    /// What makes rows of the inbox quick to find by their key.
    fn index(_load: &Load) -> Option<String> {
        None
    }
}

/// A database behind a driver.
#[derive(Debug, Clone)]
pub(super) struct Adbc<D> {
    pub(super) settings: Settings,
    _database: PhantomData<D>,
}

impl<D: Database> Adbc<D> {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, _database: PhantomData }
    }
}

#[async_trait]
impl<D: Database> Target for Adbc<D> {
    fn capabilities(&self) -> &'static Capabilities {
        TargetKind::Adbc(D::DIALECT).capabilities()
    }

    fn address(&self) -> String {
        self.settings.address()
    }

    fn creation(&self, load: &Load) -> Option<String> {
        let table = sql::written(self, &load.table);
        let mut statements = vec![sql::creation(self, load)];
        statements.extend(D::comments(self, load, &table).into_iter().map(|sql| format!("{sql};")));
        Some(statements.join("\n"))
    }

    async fn open(&self, load: Load, limits: &Limits) -> Result<Box<dyn Session>> {
        sql::open(self.clone(), load, limits).await
    }

    async fn differences(&self, load: &Load) -> Result<Vec<Difference>> {
        sql::differences(self, load).await
    }

    async fn remembered(&self, load: &Load) -> Result<Vec<Remembered>> {
        sql::state::remembered(self, load).await
    }

    async fn correct(&self, load: &Load, change: &StateChange) -> Result<()> {
        sql::state::correct(self, load, change).await
    }
}

#[async_trait]
impl<D: Database> Dialect for Adbc<D> {
    type Connection = Connection;
    type Stage = Ingest;

    const BEGIN: &'static str = D::BEGIN;
    const NOW: &'static str = D::NOW;
    // Not all of them go back to a savepoint.
    const KEEPS_RUNS: bool = false;

    fn capabilities(&self) -> &'static Capabilities {
        TargetKind::Adbc(D::DIALECT).capabilities()
    }

    fn state_types(&self) -> [String; 3] {
        D::STATE_TYPES.map(str::to_owned)
    }

    async fn connect(&self) -> Result<Connection> {
        let mut connection = Connection::open(D::DIALECT, &self.settings).await?;
        for setting in D::SETTINGS {
            let done = change(&mut connection, setting, &[]).await;
            let name = driver::name(D::DIALECT);
            done.map_err(|error| {
                Error::target(format!("{name} refused `{setting}`: {}", said(&error)))
            })?;
        }
        Ok(connection)
    }

    async fn execute(&self, connection: &mut Connection, sql: &str) -> sqlx::Result<u64> {
        if D::TAKES_TURNS && sql == D::BEGIN {
            let turn = connection.shared.turn.clone().lock_owned().await;
            connection.turn = Some(turn);
        }
        let changed = change(connection, sql, &[]).await?.unwrap_or_default();
        if matches!(sql, "COMMIT" | "ROLLBACK") {
            connection.turn = None;
        }
        Ok(changed)
    }

    async fn rows(
        &self,
        connection: &mut Connection,
        sql: &str,
        arguments: &[&str],
    ) -> sqlx::Result<Vec<Vec<String>>> {
        rows(connection, sql, arguments).await
    }

    async fn change(
        &self,
        connection: &mut Connection,
        sql: &str,
        arguments: &[&str],
    ) -> sqlx::Result<()> {
        change(connection, sql, arguments).await.map(drop)
    }

    async fn is_alive(&self, connection: &mut Connection) -> bool {
        rows(connection, "SELECT 1", &[]).await.is_ok()
    }

    fn refused(&self, load: &Load, what: &str, error: &sqlx::Error) -> Error {
        refused(D::DIALECT, load, what, error)
    }

    fn parameter(&self, number: usize) -> String {
        D::parameter(number)
    }

    fn column_type(&self, ty: &Type, _key: bool) -> String {
        D::column_type(ty)
    }

    fn holds(&self, actual: &str, ty: &Type, _key: bool) -> bool {
        D::holds(actual, ty)
    }

    fn widens(&self, actual: &str, ty: &Type) -> bool {
        D::widens(actual, ty)
    }

    fn fix(&self, table: &Place, change: Change<'_>) -> String {
        D::fix(self, table, change)
    }

    async fn place(&self, connection: &mut Connection, table: &TableName) -> Result<Place> {
        if let Some(schema) = &table.schema {
            return Ok(Place::new(self, schema, &table.name));
        }
        let schema = D::schema(self, connection, table).await.map_err(|error| {
            Error::target(format!("cannot look for `{table}`: {}", said(&error)))
        })?;
        match schema {
            Some(schema) => Ok(Place::new(self, schema, &table.name)),
            None => Err(Error::target(format!("there is no schema to create `{table}` in"))
                .help("write `schema.table`")),
        }
    }

    async fn find(
        &self,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> Result<Option<Found>> {
        D::find(self, connection, load, table).await
    }

    async fn lock(&self, connection: &mut Connection, name: &str) -> sqlx::Result<()> {
        D::lock(connection, name).await
    }

    async fn claim(&self, connection: &mut Connection, name: &str) -> Result<Claim> {
        D::claim(self, connection, name).await
    }

    fn instant(&self, column: &str) -> String {
        D::instant(column)
    }

    async fn create(
        &self,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> sqlx::Result<()> {
        D::create_schema(self, connection, table).await?;
        let table = table.to_string();
        let create = sql::create_table(self, load, &table, sql::primary_key(self, load));
        // A driver may run the first of several statements only.
        for statement in std::iter::once(create).chain(D::comments(self, load, &table)) {
            self.execute(connection, &statement).await?;
        }
        Ok(())
    }

    async fn replaceable(
        &self,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> Result<()> {
        D::replaceable(self, connection, load, table).await
    }

    async fn may_keep_out(&self, connection: &mut Connection, table: &Place) -> sqlx::Result<bool> {
        D::may_keep_out(self, connection, table).await
    }

    fn lock_table(&self, table: &Place) -> Option<String> {
        D::lock_table(table)
    }

    async fn inbox(&self, connection: &mut Connection, load: &Load) -> Result<Inbox> {
        let columns = load.columns.iter().enumerate();
        let (columns, values): (Vec<_>, Vec<_>) = columns
            .map(|(place, column)| {
                let (ty, value) = D::staged(&column.ty, staged(place));
                (format!(", {} {ty}", staged(place)), value)
            })
            .unzip();
        let create =
            format!("CREATE TEMPORARY TABLE {STAGING} (seq bigint NOT NULL{})", columns.concat());
        let made = self.execute(connection, &create).await;
        made.map_err(|error| refused(D::DIALECT, load, "to stage", &error))?;
        Ok(Inbox { table: format!("{}.{STAGING}", D::TEMPORARY), values })
    }

    fn empty_inbox(&self, inbox: &Inbox) -> String {
        format!("DELETE FROM {}", inbox.table)
    }

    fn stage(&self, load: &Load, limits: &Limits, _inbox: &Inbox) -> Result<Ingest> {
        Ingest::new(D::DIALECT, load, limits.copy, D::sent, Destination::temporary())
    }

    fn delete_missing(&self, load: &Load, table: &Place, inbox: &Inbox) -> Vec<String> {
        let delete = sql::delete_missing(self, load, table, inbox);
        D::index(load).into_iter().chain([delete]).collect()
    }
}

/// Runs a statement; gives the rows that it has changed, where the driver says it.
pub(super) async fn change(
    connection: &mut Connection,
    sql: &str,
    arguments: &[&str],
) -> sqlx::Result<Option<u64>> {
    let (sql, arguments) = (sql.to_owned(), owned(arguments));
    connection.run(move |c| query::change(c, &sql, &arguments)).await
}

/// Runs a query; gives its rows, with an empty text for null.
pub(super) async fn rows(
    connection: &mut Connection,
    sql: &str,
    arguments: &[&str],
) -> sqlx::Result<Vec<Vec<String>>> {
    let (sql, arguments) = (sql.to_owned(), owned(arguments));
    connection.run(move |connection| query::rows(connection, &sql, &arguments)).await
}

/// [`Database::staged`] where a driver sends `text` for what the database itself has a type for.
pub(super) fn staged_as_text<D: Database>(
    ty: &Type,
    column: String,
    text: &str,
) -> (String, String) {
    let own = D::column_type(ty);
    let is_text = matches!(ty, Type::Uuid) || Sent::by_type(ty) == Sent::Text;
    match is_text {
        true => (text.to_owned(), format!("CAST({column} AS {own})")),
        false => (own, column),
    }
}

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|argument| (*argument).to_owned()).collect()
}

/// The driver's own words, about what it refused to do with the table.
pub(super) fn refused(dialect: AdbcDialect, load: &Load, what: &str, error: &sqlx::Error) -> Error {
    let (name, table) = (driver::name(dialect), &load.table);
    let refused = Error::target(format!("{name} refused {what} `{table}`: {}", said(error)));
    let is_there = error.as_database_error().is_some_and(DatabaseError::is_unique_violation);
    match is_there && load.mode == Mode::Append {
        true => refused.help("to update the rows that are there already, use the mode `merge`"),
        false => refused,
    }
}
