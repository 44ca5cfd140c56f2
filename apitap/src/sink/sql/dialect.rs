//! What one database has of its own: its spelling of SQL, its catalog, its fastest way in.

use std::fmt::Debug;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use sqlx::{ColumnIndex, Decode, Row};

use super::{Found, FoundColumn, Place, statement};
use crate::definition::Capabilities;
use crate::definition::table::TableName;
use crate::engine::limits::Limits;
use crate::schema::Type;
use crate::sink::load::Column;
use crate::sink::{Load, refusal};
use crate::{Error, Result};

/// A database that speaks SQL. Everything but its methods is the same for all of them.
#[async_trait]
pub(in crate::sink) trait Dialect: Debug + Clone + Send + Sync + 'static {
    type Connection: Send + 'static;
    type Stage: Stage<Self::Connection>;

    /// What begins a transaction that will write.
    const BEGIN: &'static str;
    /// The instant now, in the third of [`Dialect::state_types`].
    const NOW: &'static str;
    /// Whether tables can be created in a transaction, and are gone after a ROLLBACK. Where not, they are
    /// created before it.
    const CREATES_IN_TRANSACTION: bool = true;
    /// What stands behind the columns of a table that we create.
    const TABLE_OPTIONS: &'static str = "";
    /// Whether a key that comes twice among the rows of one statement is an error of its own
    /// ([`Dialect::is_key_twice`]). Then rows are sorted by key only after that error.
    const TELLS_KEY_TWICE: bool = false;

    /// Whether it keeps the runs of pipelines in a table beside the rows.
    const KEEPS_RUNS: bool = true;
    /// Whether EXPLAIN plans a statement without running it. Where not, statements are tried out by running
    /// them while no row waits.
    const EXPLAINS: bool = true;
    /// Whether the lock of a table that is created before the transaction is kept until the commit. Where not,
    /// others may have written into it by then.
    const KEEPS_LOCK: bool = true;
    /// What has CREATE TABLE do nothing where the table is there.
    const IF_ABSENT: &'static str = " IF NOT EXISTS";

    fn capabilities(&self) -> &'static Capabilities;

    /// The types of names, of JSON text and of instants in the state table.
    fn state_types(&self) -> [String; 3];

    async fn connect(&self) -> Result<Self::Connection>;

    /// Runs statements; gives the rows that they have changed.
    async fn execute(&self, connection: &mut Self::Connection, sql: &str) -> sqlx::Result<u64>;

    /// Runs a query with texts for its parameters, which yields columns of text; of NULL comes an empty one.
    async fn rows(
        &self,
        connection: &mut Self::Connection,
        sql: &str,
        arguments: &[&str],
    ) -> sqlx::Result<Vec<Vec<String>>>;

    /// Runs a statement with texts for its parameters, which yields nothing.
    async fn change(
        &self,
        connection: &mut Self::Connection,
        sql: &str,
        arguments: &[&str],
    ) -> sqlx::Result<()> {
        self.rows(connection, sql, arguments).await.map(drop)
    }

    /// Whether the connection still answers.
    async fn is_alive(&self, connection: &mut Self::Connection) -> bool;

    /// Whether what the connection has claimed is still its own, where it may be lost without the connection.
    ///
    /// # Errors
    /// Another run may be at work by now.
    async fn check_claim(&self, _connection: &mut Self::Connection) -> Result<()> {
        Ok(())
    }

    /// Whether what the connection has claimed was lost and claimed again since this was asked last, without
    /// [`Dialect::is_alive`] saying so.
    fn was_lost(&self, _connection: &mut Self::Connection) -> bool {
        false
    }

    /// Ends a connection, and with it what it has claimed, and the inbox.
    async fn close(&self, connection: Self::Connection) {
        drop(connection);
    }

    /// The database's own words, about what it refused to do with the table.
    fn refused(&self, load: &Load, what: &str, error: &sqlx::Error) -> Error;

    /// An identifier as it stands in SQL: exactly as it was written, whatever is in it.
    fn quote(&self, identifier: &str) -> String {
        statement::double_quoted(identifier)
    }

    /// A table's full name, quoted as it stands in SQL.
    fn qualified(&self, schema: &str, name: &str) -> String {
        format!("{}.{}", self.quote(schema), self.quote(name))
    }

    /// How the parameter of that number stands in a statement.
    fn parameter(&self, _number: usize) -> String {
        "?".to_owned()
    }

    /// The type of a column that we create; `key` where it is of the key.
    fn column_type(&self, ty: &Type, key: bool) -> String;

    /// What stands behind the type of a column that we create, to say what it is for.
    fn column_comment(&self, _column: &Column) -> String {
        String::new()
    }

    /// Whether a column of that type holds every value of ours unchanged; `key` where it is of the key.
    fn holds(&self, actual: &str, ty: &Type, key: bool) -> bool;

    /// Whether our type holds every value of a column of that type, so that it can take its place.
    fn widens(&self, actual: &str, ty: &Type) -> bool;

    /// What stands behind a table that we create, to say what it is for.
    fn table_comment(&self, _load: &Load) -> String {
        String::new()
    }

    /// The statement that a person would run to have the table take our rows.
    fn fix(&self, table: &Place, change: Change<'_>) -> String;

    /// Where a table is or will be.
    async fn place(&self, connection: &mut Self::Connection, table: &TableName) -> Result<Place>;

    /// The table, if it is there.
    async fn find(
        &self,
        connection: &mut Self::Connection,
        load: &Load,
        table: &Place,
    ) -> Result<Option<Found>>;

    /// Within a transaction: waits until no other run of apitap is at work on that name.
    async fn lock(&self, connection: &mut Self::Connection, name: &str) -> sqlx::Result<()>;

    /// Begins a transaction that will write into the table, and keeps others from doing so until its end, where
    /// [`Dialect::lock`] does not.
    async fn begin(
        &self,
        connection: &mut Self::Connection,
        load: &Load,
        _table: &Place,
    ) -> Result<()> {
        let begun = self.execute(connection, Self::BEGIN).await;
        begun.map(drop).map_err(|error| self.refused(load, "the rows for", &error))
    }

    /// Behind a transaction: gives up what [`Dialect::lock`] has, where that does not end with it.
    async fn unlock(&self, _connection: &mut Self::Connection, _name: &str) -> sqlx::Result<()> {
        Ok(())
    }

    /// Takes a lock of that name, for as long as the connection and what is given live; or says who has it.
    /// A connection that has it gets it again.
    async fn claim(&self, connection: &mut Self::Connection, name: &str) -> Result<Claim>;

    /// An instant of the state table as text, as in RFC 3339.
    fn instant(&self, column: &str) -> String;

    /// The parameter of that number, a text as in RFC 3339 in UTC, as an instant of the state table; NULL where it
    /// is empty.
    fn moment(&self, number: usize) -> String {
        format!("NULLIF({}, '')", self.parameter(number))
    }

    /// What deletes all rows of a table.
    fn delete_all(&self, table: &str) -> String {
        format!("DELETE FROM {table}")
    }

    /// The query of one row that says `a row`, or none, of a FROM with its WHERE.
    fn any_row(&self, from: &str) -> String {
        format!("SELECT 'a row' {from} LIMIT 1")
    }

    /// The key of a table that we create, as a constraint over these columns, which are in parentheses.
    fn key_constraint(&self, columns: &str) -> String {
        format!("PRIMARY KEY {columns}")
    }

    /// A whole number as text.
    fn digits(&self, column: &str) -> String {
        format!("CAST({column} AS text)")
    }

    /// Creates the table, with its key, and whatever must be there for it.
    async fn create(
        &self,
        connection: &mut Self::Connection,
        load: &Load,
        table: &Place,
    ) -> sqlx::Result<()> {
        let key = statement::primary_key(self, load);
        let create = statement::create_table(self, load, &table.to_string(), key);
        self.execute(connection, &create).await.map(drop)
    }

    /// Whether a DELETE of rows of the table can reach all of them, and changes no other table.
    async fn replaceable(
        &self,
        connection: &mut Self::Connection,
        load: &Load,
        table: &Place,
    ) -> Result<()>;

    /// Within a transaction: gives a table the columns of the load, and no others. What hangs on the table stays, or it
    /// is an error. Where it has no rows (`is_empty`), also what no row of it would keep: NOT NULL and the key.
    ///
    /// For targets that [can do so](Capabilities::renews_tables).
    async fn renew(
        &self,
        _connection: &mut Self::Connection,
        load: &Load,
        _table: &Place,
        _found: &Found,
        _is_empty: bool,
    ) -> Result<()> {
        Err(refusal::not_renewed(&load.table, self.capabilities().name))
    }

    /// Whether something of the table may keep rows that are deleted: a trigger, for example.
    async fn may_keep_rows(
        &self,
        _connection: &mut Self::Connection,
        _table: &Place,
    ) -> sqlx::Result<bool> {
        Ok(true)
    }

    /// Whether something of the table may keep rows out without an error, such as a trigger. Asked only of databases
    /// that say how many rows a statement which merges has stored.
    async fn may_keep_out(
        &self,
        _connection: &mut Self::Connection,
        _table: &Place,
    ) -> sqlx::Result<bool> {
        Ok(false)
    }

    /// What a transaction that empties the table does first.
    fn lock_table(&self, _table: &Place) -> Option<String> {
        None
    }

    /// What is to be done with a new table once its rows are in.
    fn complete(&self, _load: &Load, _table: &Place) -> Option<String> {
        None
    }

    /// Makes a place for the rows to wait in.
    async fn inbox(&self, connection: &mut Self::Connection, load: &Load) -> Result<Inbox>;

    /// The statement that empties it for the next rows.
    fn empty_inbox(&self, inbox: &Inbox) -> String {
        format!("TRUNCATE TABLE {}", inbox.table)
    }

    /// At the end of a load: takes the inbox away, where it does not go with the connection.
    async fn leave(&self, _connection: &mut Self::Connection, _inbox: &Inbox) {}

    /// What takes the rows over one connection.
    fn stage(&self, load: &Load, limits: &Limits, inbox: &Inbox) -> Result<Self::Stage>;

    /// The query of the rows that wait, of each key the one that counts.
    fn one_of_each(&self, load: &Load, inbox: &Inbox) -> String {
        statement::one_of_each(load, inbox)
    }

    /// Whether a statement failed because a key came twice among its rows, or is there already.
    fn is_key_twice(&self, _error: &sqlx::Error) -> bool {
        false
    }

    /// The statements that put the rows of a query over the inbox into a table that is there: those
    /// whose key is there are updated, or stay as they are. Together they change as many rows as there
    /// are keys, or new ones, or rows that differ where `differs` says when they do.
    fn merge(
        &self,
        load: &Load,
        table: &Place,
        _inbox: &Inbox,
        rows: &str,
        differs: Option<&str>,
    ) -> Vec<String> {
        vec![statement::upsert(self, load, table, rows, differs)]
    }

    /// Within a transaction that merges: the condition under which the row `there` of the table differs
    /// from `excluded`, the row that came for its key. `None` where all rows are to be written: comparing
    /// them is no faster, or a row that was not written may have been swallowed by something else.
    async fn differs(
        &self,
        _connection: &mut Self::Connection,
        _load: &Load,
        _table: &Place,
    ) -> sqlx::Result<Option<String>> {
        Ok(None)
    }

    /// `FROM … WHERE …`: the rows of the table whose key is not among those that wait.
    fn missing(&self, load: &Load, table: &Place, inbox: &Inbox) -> String {
        statement::missing(self, load, table, inbox)
    }

    /// The statements that delete the rows whose key is not among those that wait; the last one is it.
    fn delete_missing(&self, load: &Load, table: &Place, inbox: &Inbox) -> Vec<String> {
        vec![statement::delete_missing(self, load, table, inbox)]
    }
}

/// The columns of a row, which are text; of NULL comes an empty one.
pub(in crate::sink) fn texts<R>(row: &R) -> sqlx::Result<Vec<String>>
where
    R: Row,
    usize: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    let text = |at| row.try_get::<Option<String>, _>(at).map(Option::unwrap_or_default);
    (0..row.len()).map(text).collect()
}

/// Rows → the inbox, over a connection that belongs to one writer at a time.
#[async_trait]
pub(in crate::sink) trait Stage<C>: Send {
    /// Takes rows; `first` is the number of the first one.
    async fn take(&mut self, connection: &mut C, first: u64, batch: &RecordBatch) -> Result<()>;

    /// Sends what it still holds; gives the rows that the database has taken since it was made.
    async fn flush(&mut self, connection: &mut C) -> Result<u64>;
}

/// Where rows wait for the commit: a table with a column `seq`, which is the number of the row.
#[derive(Debug)]
pub(in crate::sink) struct Inbox {
    /// Its quoted name.
    pub(in crate::sink) table: String,
    /// For each column of the load, what yields its value in the type of the table.
    pub(in crate::sink) values: Vec<String>,
}

/// Whose a lock is.
pub(in crate::sink) enum Claim {
    /// Ours, as long as this lives.
    Ours(Guard),
    /// Another one's.
    Theirs(Holder),
}

/// What keeps a lock that the connection does not keep.
pub(in crate::sink) type Guard = Option<Box<dyn Send + Sync>>;

/// Who has a lock.
pub(in crate::sink) struct Holder {
    /// In words, with the time since when, where that is known.
    pub(in crate::sink) who: String,
    /// How to end it, where that can be said.
    pub(in crate::sink) end: Option<String>,
}

/// What a table lacks for our rows.
#[derive(Debug, Clone, Copy)]
pub(in crate::sink) enum Change<'a> {
    AddColumn(&'a Column),
    /// The column as it is, and whether it is of the key.
    Retype(&'a Column, &'a FoundColumn, bool),
    /// The query does not yield the column.
    DropNotNull(&'a FoundColumn),
    /// The query may yield nulls for it.
    TakeNull(&'a FoundColumn),
    AddUnique(&'a Load),
}
