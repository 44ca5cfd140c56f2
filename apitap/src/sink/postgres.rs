//! PostgreSQL: binary COPY, then one transaction.
//!
//! Rows for a table that is there wait in a temporary table ([`sql`]); those for a new one go
//! straight into it, under a hidden name ([`direct`]). Each COPY commits by itself, so no transaction
//! is open while rows are fetched: nothing is locked and nothing holds back VACUUM before the commit.

mod address;
mod array;
pub(super) mod catalog;
mod copy;
mod direct;
mod distinct;
mod hidden;
mod link;
mod numbers;
mod parameters;
mod pool;
mod renew;
pub(super) mod types;
mod wire;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use tokio::sync::OnceCell;

use super::contract::{Difference, Remembered, Session, StateChange, Target};
use super::load::Load;
use super::runs::RunEntry;
use super::server;
use super::sql::{
    self, Change, Claim, Dialect, Found, Holder, Inbox, Place, STAGING, THERE, staged,
};
use crate::definition::table::TableName;
use crate::definition::{Capabilities, Connection, Mode, TargetKind};
use crate::engine::limits::Limits;
use crate::environment::Environment;
use crate::schema::Type;
use crate::{Error, Result};

use address::Address;
use direct::Direct;
use link::Link;
use pool::Pooled;

/// What PostgreSQL calls a key that is in the table already.
const UNIQUE_VIOLATION: &str = "23505";
/// What it calls a key that comes twice among the rows of one statement.
const CARDINALITY_VIOLATION: &str = "21000";
/// What it calls a lock that was not had within `lock_timeout`.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// What it calls a transaction that it has ended because another one and it waited for each other.
const DEADLOCK: &str = "40P01";
/// What it calls a right that is missing.
const INSUFFICIENT_PRIVILEGE: &str = "42501";
/// What it calls something that others need.
const DEPENDENT_OBJECTS: &str = "2BP01";

/// A database of a PostgreSQL server.
#[derive(Clone)]
pub struct Postgres {
    address: Address,
    /// Whether a connection is a session of the server only within a transaction; set once that is known.
    is_pooled: Arc<OnceCell<bool>>,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Postgres").field(&self.address).finish()
    }
}

impl Postgres {
    /// How many connections fill a new table.
    fn writers() -> usize {
        TargetKind::Postgres.capabilities().writers.max(1)
    }

    /// A target's connection, with the variables' values in place of their names.
    pub(super) fn resolve(connection: &Connection, environment: &mut Environment) -> Self {
        let secrets = parameters::secrets;
        let address =
            server::address(connection, environment, secrets, Address::url, Address::parts);
        Self { address, is_pooled: Arc::default() }
    }
}

#[async_trait]
impl Target for Postgres {
    fn capabilities(&self) -> &'static Capabilities {
        TargetKind::Postgres.capabilities()
    }

    fn address(&self) -> String {
        self.address.server()
    }

    fn creation(&self, load: &Load) -> Option<String> {
        let table = sql::written(self, &load.table);
        let mut statements = statements(self, load, &table, sql::primary_key(self, load));
        let schema = load.table.schema.as_ref();
        let schema = schema.map(|name| format!("CREATE SCHEMA IF NOT EXISTS {}", self.quote(name)));
        statements.splice(..0, schema);
        Some(format!("{};", statements.join(";\n")))
    }

    async fn open(&self, load: Load, limits: &Limits) -> Result<Box<dyn Session>> {
        let (mut connection, claim, table) = sql::claimed(self, &load).await?;
        let postgres = self.clone();
        if direct::fits(&load)
            && let Some(hidden) = direct::open(self, &mut connection, &load, &table).await?
        {
            let known = sql::Known::of(self, &mut connection, &load, &table).await;
            let direct = Direct::new(postgres, connection, load, limits, table, hidden, known);
            return Ok(Box::new(direct));
        }
        sql::open_on(postgres, connection, load, table, limits, claim).await
    }

    async fn differences(&self, load: &Load) -> Result<Vec<Difference>> {
        sql::differences(self, load).await
    }

    async fn remembered(&self, load: &Load) -> Result<Vec<Remembered>> {
        sql::state::remembered(self, load).await
    }

    async fn runs(&self, load: &Load) -> Result<Vec<RunEntry>> {
        sql::runs::all(self, load).await
    }

    async fn keep_run(&self, load: &Load, entry: &RunEntry) -> Result<()> {
        sql::runs::keep(self, load, entry).await
    }

    async fn correct(&self, load: &Load, change: &StateChange) -> Result<()> {
        sql::state::correct(self, load, change).await
    }
}

#[async_trait]
impl Dialect for Postgres {
    type Connection = Link;
    type Stage = copy::Copy;

    const BEGIN: &'static str = "BEGIN";
    const NOW: &'static str = "now()";
    const TELLS_KEY_TWICE: bool = true;

    fn capabilities(&self) -> &'static Capabilities {
        TargetKind::Postgres.capabilities()
    }

    fn state_types(&self) -> [String; 3] {
        ["text", "text", "timestamp with time zone"].map(str::to_owned)
    }

    async fn connect(&self) -> Result<Link> {
        let mut connection = self.address.connect().await?;
        if !connection.is_forwarded() {
            return Ok(connection);
        }
        let look = pool::shares_sessions(&self.address, &mut connection);
        if *self.is_pooled.get_or_try_init(|| look).await? {
            return Ok(connection.pooled(Pooled::new(self.address.clone())));
        }
        connection.set_up().await?;
        Ok(connection)
    }

    async fn execute(&self, connection: &mut Link, sql: &str) -> sqlx::Result<u64> {
        let pid = connection.pid();
        self.watched(pid, connection.execute(sql)).await
    }

    async fn rows(
        &self,
        connection: &mut Link,
        sql: &str,
        arguments: &[&str],
    ) -> sqlx::Result<Vec<Vec<String>>> {
        let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
        let query = arguments.iter().fold(query, |query, argument| query.bind(*argument));
        connection.rows(query).await?.iter().map(sql::texts).collect()
    }

    async fn is_alive(&self, connection: &mut Link) -> bool {
        connection.ping().await && connection.is_kept().await || self.reconnects(connection).await
    }

    async fn check_claim(&self, connection: &mut Link) -> Result<()> {
        match connection.is_kept().await {
            true => Ok(()),
            false => Err(pool::lost()),
        }
    }

    fn was_lost(&self, connection: &mut Link) -> bool {
        connection.as_pooled().is_some_and(Pooled::was_lost)
    }

    async fn close(&self, connection: Link) {
        connection.end().await;
    }

    fn refused(&self, load: &Load, what: &str, error: &sqlx::Error) -> Error {
        refused(load, what, error)
    }

    fn parameter(&self, number: usize) -> String {
        format!("${number}")
    }

    fn column_type(&self, ty: &Type, _key: bool) -> String {
        types::sql(ty)
    }

    fn holds(&self, actual: &str, ty: &Type, _key: bool) -> bool {
        types::holds(actual, ty)
    }

    fn widens(&self, actual: &str, ty: &Type) -> bool {
        types::widens(actual, ty)
    }

    fn fix(&self, table: &Place, change: Change<'_>) -> String {
        catalog::fix(self, table, change)
    }

    async fn place(&self, connection: &mut Link, table: &TableName) -> Result<Place> {
        catalog::place(self, connection, table).await
    }

    async fn find(
        &self,
        connection: &mut Link,
        load: &Load,
        table: &Place,
    ) -> Result<Option<Found>> {
        catalog::find(self, connection, load, table).await
    }

    /// Ends with the transaction.
    async fn lock(&self, connection: &mut Link, name: &str) -> sqlx::Result<()> {
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended('apitap ' || $1, 0))";
        let pid = connection.pid();
        self.watched(pid, connection.rows(sqlx::query(lock).bind(name))).await.map(drop)
    }

    /// Ends with the connection, of which a server learns late that its other end is gone, unless it asks.
    async fn claim(&self, connection: &mut Link, name: &str) -> Result<Claim> {
        let failed = |error| pool::refused(&error);
        let ask = "SET tcp_keepalives_idle = 60; SET tcp_keepalives_interval = 15; \
                   SET tcp_keepalives_count = 4";
        connection.set(ask).await.map_err(failed)?;
        loop {
            if connection.hold(name).await? {
                return Ok(Claim::Ours(None));
            }
            // It may have ended right now.
            if let Some(holder) = holder(connection, name).await.map_err(failed)? {
                return Ok(Claim::Theirs(holder));
            }
        }
    }

    fn instant(&self, column: &str) -> String {
        format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
    }

    fn moment(&self, number: usize) -> String {
        format!("NULLIF(${number}, '')::timestamptz")
    }

    async fn create(&self, connection: &mut Link, load: &Load, table: &Place) -> sqlx::Result<()> {
        if !catalog::schema_exists(connection, table).await? {
            let schema = self.quote(&table.schema);
            self.lock(connection, &schema).await?;
            self.execute(connection, &format!("CREATE SCHEMA IF NOT EXISTS {schema}")).await?;
        }
        let create = statements(self, load, &table.to_string(), None);
        self.execute(connection, &create.join(";\n")).await.map(drop)
    }

    async fn replaceable(&self, connection: &mut Link, load: &Load, table: &Place) -> Result<()> {
        catalog::replaceable(self, connection, load, table).await
    }

    async fn renew(
        &self,
        connection: &mut Link,
        load: &Load,
        table: &Place,
        found: &Found,
        is_empty: bool,
    ) -> Result<()> {
        renew::renew(self, connection, load, (table, found), is_empty).await
    }

    async fn may_keep_rows(&self, connection: &mut Link, table: &Place) -> sqlx::Result<bool> {
        catalog::writes_what_it_is_told(self, connection, table).await.map(|told| !told)
    }

    async fn may_keep_out(&self, connection: &mut Link, table: &Place) -> sqlx::Result<bool> {
        self.may_keep_rows(connection, table).await
    }

    fn lock_table(&self, table: &Place) -> Option<String> {
        Some(format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
    }

    /// A new table gets its key when the rows are in: that is faster, and there is nothing to update.
    fn complete(&self, load: &Load, table: &Place) -> Option<String> {
        let key = sql::primary_key(self, load)?;
        Some(format!("ALTER TABLE {table} ADD {key}"))
    }

    async fn inbox(&self, connection: &mut Link, load: &Load) -> Result<Inbox> {
        let columns = load.columns.iter().enumerate();
        let types: Vec<_> = columns
            .clone()
            .map(|(place, column)| format!(", {} {}", staged(place), types::sql(&column.ty)))
            .collect();
        let definition = format!("(seq bigint NOT NULL{})", types.concat());
        let values = columns.map(|(place, _)| staged(place)).collect();
        if connection.as_pooled().is_some() {
            let place = pool::inbox(self, connection, load, &definition).await?;
            return Ok(Inbox { table: place.to_string(), values });
        }
        let create = format!("CREATE TEMPORARY TABLE {STAGING} {definition}");
        let made = self.execute(connection, &create).await;
        made.map_err(|error| refused(load, "to stage", &error))?;
        Ok(Inbox { table: format!("pg_temp.{STAGING}"), values })
    }

    fn stage(&self, load: &Load, limits: &Limits, inbox: &Inbox) -> Result<copy::Copy> {
        copy::Copy::staging(load, limits.copy, inbox)
    }

    async fn differs(
        &self,
        connection: &mut Link,
        load: &Load,
        table: &Place,
    ) -> sqlx::Result<Option<String>> {
        let Some(differs) = differs(self, load) else { return Ok(None) };
        // Who changes what is looked at there waits until the rows are in.
        self.execute(connection, &format!("LOCK TABLE {table} IN ROW EXCLUSIVE MODE")).await?;
        Ok(catalog::writes_what_it_is_told(self, connection, table).await?.then_some(differs))
    }

    fn is_key_twice(&self, error: &sqlx::Error) -> bool {
        matches!(code(error).as_deref(), Some(UNIQUE_VIOLATION | CARDINALITY_VIOLATION))
    }
}

/// When a row of the table is not, byte for byte, the one that came: `1.0` and `1.00` are two, as are `0.0`
/// and `-0.0`. `None` where there is nothing that an update would change.
fn differs(postgres: &Postgres, load: &Load) -> Option<String> {
    let values = load.columns.iter().filter(|column| !load.is_key(column));
    let names: Vec<_> = values.map(|column| postgres.quote(&column.name)).collect();
    let row = |of: &str| {
        let values: Vec<_> = names.iter().map(|name| format!("{of}.{name}")).collect();
        format!("ROW({})::record", values.join(", "))
    };
    let is_merge = load.mode == Mode::Merge && !names.is_empty();
    is_merge.then(|| format!("{} OPERATOR(pg_catalog.*<>) {}", row(THERE), row("excluded")))
}

/// The session that has the lock of a run; what our user may not see of it is left out.
async fn holder(connection: &mut Link, name: &str) -> sqlx::Result<Option<Holder>> {
    let ask = "SELECT a.pid, coalesce(host(a.client_addr), ''),
                      coalesce(to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), '')
               FROM pg_catalog.pg_locks l
               JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
               CROSS JOIN hashtextextended('apitap ' || $1, 0) AS k (key)
               WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
                 AND l.database = (SELECT oid FROM pg_catalog.pg_database
                                   WHERE datname = current_database())
                 AND l.classid::bigint = (k.key >> 32) & 4294967295
                 AND l.objid::bigint = k.key & 4294967295";
    let found: Option<(i32, String, String)> =
        connection.first(sqlx::query(ask).bind(name)).await?;
    Ok(found.map(|(pid, host, since)| {
        let host = if host.is_empty() { host } else { format!(" from {host}") };
        let since = if since.is_empty() { since } else { format!(" since {since} UTC") };
        Holder {
            who: format!("process {pid} of the server, connected{host}{since}"),
            end: Some(format!("`SELECT pg_terminate_backend({pid})` ends it")),
        }
    }))
}

/// What creates a table with its comments; `constraints` come after the columns.
fn statements(
    postgres: &Postgres,
    load: &Load,
    table: &str,
    constraints: Option<String>,
) -> Vec<String> {
    let mut create = vec![sql::create_table(postgres, load, table, constraints)];
    create.extend(sql::comments(postgres, load, table, catalog::described));
    create
}

/// PostgreSQL's own words about what it refused to do with the table.
fn refused(load: &Load, what: &str, error: &sqlx::Error) -> Error {
    let table = &load.table;
    let said = address::said(error);
    let refused = Error::target(format!("PostgreSQL refused {what} `{table}`: {said}"));
    match code(error).as_deref() {
        Some(UNIQUE_VIOLATION) if load.mode == Mode::Append => {
            refused.help("to update the rows that are there already, use the mode `merge`")
        }
        Some(LOCK_NOT_AVAILABLE) => {
            refused.help("another session holds a lock: let it finish, or raise `lock_timeout`")
        }
        Some(DEADLOCK) => refused.help("another session was in the way: run again"),
        Some(DEPENDENT_OBJECTS) => {
            refused.help("drop what depends on it, and recreate it after the run")
        }
        Some(INSUFFICIENT_PRIVILEGE) => {
            refused.help("grant the user what is missing, or connect as another")
        }
        _ => refused,
    }
}

/// PostgreSQL's code of an error, where it is one of its own.
fn code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error()?.code()
}
