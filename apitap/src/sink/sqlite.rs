//! SQLite: multi-row INSERTs, then one transaction.
//!
//! Rows for a table that is there wait in a temporary table, which is in a file of its own ([`sql`]): the database itself
//! is locked only while the commit runs. Those for a new one go into a hidden table of the database, in transactions
//! that are short ([`direct`]). What the values look like there is said in [`values`].

pub(super) mod catalog;
pub(super) mod claim;
mod direct;
mod file;
mod hidden;
mod order;
mod renew;
mod stage;
mod swap;
mod values;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Executor, SqliteConnection};

use super::contract::{Difference, Remembered, Session, StateChange, Target};
use super::load::Load;
use super::runs::RunEntry;
use super::sql::{self, Change, Claim, Dialect, Found, Inbox, Place, STAGING, staged};
use crate::definition::table::TableName;
use crate::definition::{Capabilities, Connection, Mode, TargetKind};
use crate::engine::limits::Limits;
use crate::environment::Environment;
use crate::schema::Type;
use crate::{Error, Result};

use direct::Direct;
use file::File;

/// How long another writer may keep us waiting.
const PATIENCE: Duration = Duration::from_secs(60);
/// The one schema that is not attached or temporary.
const MAIN: &str = "main";

/// A SQLite file.
#[derive(Debug, Clone)]
pub struct Sqlite(File);

impl Sqlite {
    /// A target's connection, with the variables' values in place of their names.
    pub(super) fn resolve(connection: &Connection, environment: &mut Environment) -> Self {
        // A file has no host or user: of the parts, the database is its path.
        Self(File::new(environment.text(connection.place())))
    }
}

#[async_trait]
impl Target for Sqlite {
    fn capabilities(&self) -> &'static Capabilities {
        TargetKind::Sqlite.capabilities()
    }

    fn address(&self) -> String {
        self.0.written().to_owned()
    }

    fn creation(&self, load: &Load) -> Option<String> {
        Some(sql::creation(self, load))
    }

    async fn open(&self, load: Load, limits: &Limits) -> Result<Box<dyn Session>> {
        let sqlite = Self(if load.is_tried() { self.0.to_try_out()? } else { self.0.clone() });
        let (mut connection, claim, table) = sql::claimed(&sqlite, &load).await?;
        if direct::fits(&load, limits)
            && let Some(begun) = direct::begin(&sqlite, &mut connection, &load, &table).await?
        {
            let what = (load, table);
            return Ok(Box::new(Direct::new(sqlite, connection, what, limits, begun, claim)?));
        }
        sql::open_on(sqlite, connection, load, table, limits, claim).await
    }

    async fn differences(&self, load: &Load) -> Result<Vec<Difference>> {
        sql::differences(&Self(self.0.to_try_out()?), load).await
    }

    async fn remembered(&self, load: &Load) -> Result<Vec<Remembered>> {
        match self.0.is_absent()? {
            true => Ok(Vec::new()),
            false => sql::state::remembered(self, load).await,
        }
    }

    async fn runs(&self, load: &Load) -> Result<Vec<RunEntry>> {
        match self.0.is_absent()? {
            true => Ok(Vec::new()),
            false => sql::runs::all(self, load).await,
        }
    }

    async fn keep_run(&self, load: &Load, entry: &RunEntry) -> Result<()> {
        sql::runs::keep(self, load, entry).await
    }

    async fn correct(&self, load: &Load, change: &StateChange) -> Result<()> {
        sql::state::correct(self, load, change).await
    }
}

#[async_trait]
impl Dialect for Sqlite {
    type Connection = SqliteConnection;
    type Stage = stage::Insert;

    // A transaction that only later begins to write may find that it cannot.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const NOW: &'static str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

    fn capabilities(&self) -> &'static Capabilities {
        TargetKind::Sqlite.capabilities()
    }

    fn state_types(&self) -> [String; 3] {
        std::array::from_fn(|_| "TEXT".to_owned())
    }

    async fn connect(&self) -> Result<SqliteConnection> {
        self.0.connect(PATIENCE).await
    }

    async fn execute(&self, connection: &mut SqliteConnection, sql: &str) -> sqlx::Result<u64> {
        let statement = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        Ok(connection.execute(statement).await?.rows_affected())
    }

    async fn rows(
        &self,
        connection: &mut SqliteConnection,
        sql: &str,
        arguments: &[&str],
    ) -> sqlx::Result<Vec<Vec<String>>> {
        let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
        let query = arguments.iter().fold(query, |query, argument| query.bind(*argument));
        query.fetch_all(connection).await?.iter().map(sql::texts).collect()
    }

    /// A file does not go away.
    async fn is_alive(&self, _connection: &mut SqliteConnection) -> bool {
        true
    }

    fn refused(&self, load: &Load, what: &str, error: &sqlx::Error) -> Error {
        refused(load, what, error)
    }

    /// The one schema that there is needs no quotes.
    fn qualified(&self, schema: &str, name: &str) -> String {
        format!("{schema}.{}", self.quote(name))
    }

    fn column_type(&self, ty: &Type, _key: bool) -> String {
        catalog::sql(ty).to_owned()
    }

    fn holds(&self, actual: &str, ty: &Type, _key: bool) -> bool {
        catalog::holds(actual, ty)
    }

    /// A column of SQLite holds all values of its kind; of another kind it cannot become.
    fn widens(&self, _actual: &str, _ty: &Type) -> bool {
        false
    }

    fn fix(&self, table: &Place, change: Change<'_>) -> String {
        catalog::fix(self, table, change)
    }

    async fn place(&self, _connection: &mut SqliteConnection, table: &TableName) -> Result<Place> {
        Ok(Place::new(self, MAIN, &table.name))
    }

    async fn find(
        &self,
        connection: &mut SqliteConnection,
        load: &Load,
        table: &Place,
    ) -> Result<Option<Found>> {
        catalog::find(self, connection, load, table).await
    }

    /// The transaction itself is that lock.
    async fn lock(&self, _connection: &mut SqliteConnection, _name: &str) -> sqlx::Result<()> {
        Ok(())
    }

    /// A file beside the database, which a run that is killed leaves unlocked.
    async fn claim(&self, _connection: &mut SqliteConnection, name: &str) -> Result<Claim> {
        claim::claim(&self.0.path()?, name)
    }

    fn instant(&self, column: &str) -> String {
        column.to_owned()
    }

    async fn replaceable(
        &self,
        connection: &mut SqliteConnection,
        load: &Load,
        table: &Place,
    ) -> Result<()> {
        catalog::replaceable(self, connection, load, table).await
    }

    async fn may_keep_out(
        &self,
        connection: &mut SqliteConnection,
        table: &Place,
    ) -> sqlx::Result<bool> {
        catalog::has_triggers(self, connection, table).await
    }

    async fn renew(
        &self,
        connection: &mut SqliteConnection,
        load: &Load,
        table: &Place,
        _found: &Found,
        _is_empty: bool,
    ) -> Result<()> {
        renew::renew(self, connection, load, table).await
    }

    async fn inbox(&self, connection: &mut SqliteConnection, load: &Load) -> Result<Inbox> {
        let values: Vec<_> = (0..load.columns.len()).map(staged).collect();
        // Of the same affinity as the table's: else an index of them could not be used.
        let columns = load.columns.iter().zip(&values);
        let columns: Vec<_> = columns
            .map(|(column, name)| format!(", {name} {}", catalog::sql(&column.ty)))
            .collect();
        let create = format!(
            "CREATE TEMPORARY TABLE {STAGING} (seq INTEGER PRIMARY KEY{})",
            columns.concat()
        );
        let made = self.execute(connection, &create).await;
        made.map_err(|error| refused(load, "to stage", &error))?;
        Ok(Inbox { table: format!("temp.{STAGING}"), values })
    }

    /// Without the index, each row of the table would be looked for among all that wait.
    fn delete_missing(&self, load: &Load, table: &Place, inbox: &Inbox) -> Vec<String> {
        let key = sql::staged_key(load);
        let index = format!("CREATE INDEX IF NOT EXISTS temp.{STAGING}_key ON {STAGING} ({key})");
        vec![index, sql::delete_missing(self, load, table, inbox)]
    }

    fn empty_inbox(&self, inbox: &Inbox) -> String {
        format!("DELETE FROM {}", inbox.table)
    }

    fn stage(&self, load: &Load, limits: &Limits, _inbox: &Inbox) -> Result<stage::Insert> {
        Ok(stage::Insert::staging(load, limits.copy))
    }
}

/// SQLite's own words about what it refused to do with the table.
fn refused(load: &Load, what: &str, error: &sqlx::Error) -> Error {
    let table = &load.table;
    let refused = Error::target(format!("SQLite refused {what} `{table}`: {}", file::said(error)));
    match error.as_database_error() {
        Some(error) if error.is_unique_violation() && load.mode == Mode::Append => {
            refused.help("to update the rows that are there already, use the mode `merge`")
        }
        Some(error) if file::is_busy(error) => {
            refused.help("another program keeps the file locked: let it finish, then run again")
        }
        _ => refused,
    }
}
