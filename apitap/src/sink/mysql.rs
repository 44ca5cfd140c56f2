//! MySQL and MariaDB: multi-row INSERTs into a temporary table, then one transaction.
//!
//! There, a CREATE TABLE commits what was before it. So tables are created before the transaction, and
//! a run that fails in it may leave one that is empty; the rows and the state come in together, or not
//! at all. What the values look like is said in [`types`] and [`values`].

mod address;
mod catalog;
mod parameters;
mod stage;
mod types;
mod values;

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Connection as _, Executor, MySqlConnection};

use super::contract::{Difference, Remembered, Session, StateChange, Target};
use super::load::{Column, Load};
use super::runs::RunEntry;
use super::server;
use super::sql::{self, Change, Claim, Dialect, Found, Holder, Inbox, Place, staged};
use crate::definition::table::TableName;
use crate::definition::{Capabilities, Connection, Mode, TargetKind};
use crate::engine::limits::Limits;
use crate::engine::watch;
use crate::environment::Environment;
use crate::schema::Type;
use crate::{Error, Result};

use address::{Address, Server};

/// What people call it.
const NAME: &str = "MySQL";
/// The staging table: it would hide a table of that name, which nobody can name.
const STAGING: &str = "_apitap_staging";
/// How long a lock is waited for until it is told who holds it, in seconds: the first time, and then.
const PATIENCE: [u32; 2] = [3, 60];

/// A database of a MySQL or MariaDB server.
#[derive(Debug, Clone)]
pub struct Mysql {
    address: Address,
    /// What the server has said of itself, once it was asked.
    server: Arc<OnceLock<Server>>,
}

impl Mysql {
    /// A target's connection, with the variables' values in place of their names.
    pub(super) fn resolve(connection: &Connection, environment: &mut Environment) -> Self {
        let secrets = parameters::secrets;
        let address =
            server::address(connection, environment, secrets, Address::url, Address::parts);
        Self { address, server: Arc::default() }
    }

    /// What the server is; before it was asked, what most are.
    fn server(&self) -> Server {
        let unasked = Server { is_mariadb: false, packet: 1 << 20, folds_tables: false };
        self.server.get().copied().unwrap_or(unasked)
    }

    /// Who holds a lock.
    async fn holder(&self, connection: &mut MySqlConnection, name: &str) -> sqlx::Result<String> {
        let ask =
            "SELECT CONVERT(CONCAT('connection ', p.id, ' of the user ', p.user, ' at ', p.host)
                          USING utf8mb4)
                   FROM information_schema.processlist p
                   WHERE p.id = IS_USED_LOCK(CONCAT('apitap ', SHA2(?, 224)))";
        let holder = sqlx::query_scalar(ask).bind(name).fetch_optional(connection).await?;
        Ok(holder.unwrap_or_else(|| "a connection that this user may not see".to_owned()))
    }
}

#[async_trait]
impl Target for Mysql {
    fn capabilities(&self) -> &'static Capabilities {
        TargetKind::Mysql.capabilities()
    }

    fn address(&self) -> String {
        self.address.server()
    }

    fn creation(&self, load: &Load) -> Option<String> {
        Some(sql::creation(self, load))
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
impl Dialect for Mysql {
    type Connection = MySqlConnection;
    type Stage = stage::Insert;

    const BEGIN: &'static str = "START TRANSACTION";
    const NOW: &'static str = "UTC_TIMESTAMP(6)";
    const CREATES_IN_TRANSACTION: bool = false;
    const TABLE_OPTIONS: &'static str =
        " ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4";

    fn capabilities(&self) -> &'static Capabilities {
        TargetKind::Mysql.capabilities()
    }

    /// A name takes half of an index.
    fn state_types(&self) -> [String; 3] {
        let exact = types::exact(self.server().is_mariadb);
        [
            format!("varchar(384) CHARACTER SET utf8mb4 COLLATE {exact}"),
            "longtext CHARACTER SET utf8mb4".to_owned(),
            "datetime(6)".to_owned(),
        ]
    }

    async fn connect(&self) -> Result<MySqlConnection> {
        let (connection, server) = self.address.connect().await?;
        self.server.get_or_init(|| server);
        Ok(connection)
    }

    async fn execute(&self, connection: &mut MySqlConnection, sql: &str) -> sqlx::Result<u64> {
        let statement = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        Ok(connection.execute(statement).await?.rows_affected())
    }

    async fn rows(
        &self,
        connection: &mut MySqlConnection,
        sql: &str,
        arguments: &[&str],
    ) -> sqlx::Result<Vec<Vec<String>>> {
        let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
        let query = arguments.iter().fold(query, |query, argument| query.bind(*argument));
        query.fetch_all(connection).await?.iter().map(sql::texts).collect()
    }

    async fn is_alive(&self, connection: &mut MySqlConnection) -> bool {
        connection.ping().await.is_ok()
    }

    fn refused(&self, load: &Load, what: &str, error: &sqlx::Error) -> Error {
        refused(load, what, error)
    }

    fn quote(&self, identifier: &str) -> String {
        format!("`{}`", identifier.replace('`', "``"))
    }

    fn column_type(&self, ty: &Type, key: bool) -> String {
        types::sql(ty, key, types::exact(self.server().is_mariadb))
    }

    fn column_comment(&self, column: &Column) -> String {
        comment(column.description.as_deref(), 1024)
    }

    fn holds(&self, actual: &str, ty: &Type, key: bool) -> bool {
        types::holds(actual, ty, key)
    }

    fn widens(&self, actual: &str, ty: &Type) -> bool {
        types::widens(actual, ty)
    }

    fn table_comment(&self, load: &Load) -> String {
        comment(load.description.as_deref(), 2048)
    }

    fn fix(&self, table: &Place, change: Change<'_>) -> String {
        catalog::fix(self, table, change)
    }

    async fn place(&self, connection: &mut MySqlConnection, table: &TableName) -> Result<Place> {
        catalog::place(self, connection, table).await
    }

    async fn find(
        &self,
        connection: &mut MySqlConnection,
        load: &Load,
        table: &Place,
    ) -> Result<Option<Found>> {
        catalog::find(connection, load, table).await
    }

    /// It ends with [`Dialect::unlock`], or with the connection.
    async fn lock(&self, connection: &mut MySqlConnection, name: &str) -> sqlx::Result<()> {
        let [mut patience, again] = PATIENCE;
        let (mut waited, began) = (0, Instant::now());
        let mut shown = None;
        loop {
            let lock = "SELECT CAST(GET_LOCK(CONCAT('apitap ', SHA2(?, 224)), ?) AS SIGNED)";
            let lock = sqlx::query_scalar(lock).bind(name).bind(patience);
            let locked: Option<i64> = lock.fetch_one(&mut *connection).await?;
            if locked == Some(1) {
                return Ok(());
            }
            waited += patience;
            patience = again;
            shown.get_or_insert_with(|| watch::locked(began));
            let holder = self.holder(connection, name).await?;
            tracing::warn!(
                "waiting for another run of apitap into {name} for {waited} s: the lock is held by \
                 {holder}"
            );
        }
    }

    async fn unlock(&self, connection: &mut MySqlConnection, name: &str) -> sqlx::Result<()> {
        let unlock = "SELECT CAST(RELEASE_LOCK(CONCAT('apitap ', SHA2(?, 224))) AS SIGNED)";
        let unlock = sqlx::query_scalar::<_, Option<i64>>(unlock).bind(name);
        unlock.fetch_one(connection).await.map(drop)
    }

    /// Ends with the connection.
    async fn claim(&self, connection: &mut MySqlConnection, name: &str) -> Result<Claim> {
        let failed = |error: sqlx::Error| {
            Error::target(format!("{NAME} refused the lock of a run: {}", address::said(&error)))
        };
        let lock = "SELECT CAST(GET_LOCK(CONCAT('apitap ', SHA2(?, 224)), 0) AS SIGNED)";
        let lock = sqlx::query_scalar(lock).bind(name);
        let locked: Option<i64> = lock.fetch_one(&mut *connection).await.map_err(failed)?;
        if locked == Some(1) {
            return Ok(Claim::Ours(None));
        }
        let who = self.holder(connection, name).await.map_err(failed)?;
        Ok(Claim::Theirs(Holder { who, end: Some("`KILL` its connection".to_owned()) }))
    }

    fn instant(&self, column: &str) -> String {
        format!("CONVERT(DATE_FORMAT({column}, '%Y-%m-%dT%H:%i:%sZ') USING utf8mb4)")
    }

    fn moment(&self, _number: usize) -> String {
        "CAST(REPLACE(REPLACE(NULLIF(?, ''), 'T', ' '), 'Z', '') AS DATETIME(6))".to_owned()
    }

    fn digits(&self, column: &str) -> String {
        format!("CONVERT({column} USING utf8mb4)")
    }

    async fn replaceable(
        &self,
        connection: &mut MySqlConnection,
        load: &Load,
        table: &Place,
    ) -> Result<()> {
        catalog::replaceable(connection, load, table).await
    }

    /// No trigger of MySQL keeps a row without an error.
    async fn may_keep_rows(&self, _: &mut MySqlConnection, _: &Place) -> sqlx::Result<bool> {
        Ok(false)
    }

    /// Where there is a key, the staging table has it, and so only the row of each that counts.
    async fn inbox(&self, connection: &mut MySqlConnection, load: &Load) -> Result<Inbox> {
        let values: Vec<_> = (0..load.columns.len()).map(staged).collect();
        let columns = load.columns.iter().zip(&values);
        let columns = columns.map(|(column, name)| {
            format!(", {name} {}", self.column_type(&column.ty, load.is_key(column)))
        });
        let key: Vec<_> = load.key.iter().map(|&place| staged(place)).collect();
        let key = if key.is_empty() { "seq".to_owned() } else { key.join(", ") };
        let create = format!(
            "CREATE TEMPORARY TABLE {STAGING} (seq bigint NOT NULL{}, PRIMARY KEY ({key})){}",
            columns.collect::<String>(),
            Self::TABLE_OPTIONS
        );
        let made = self.execute(connection, &create).await;
        made.map_err(|error| refused(load, "to stage", &error))?;
        Ok(Inbox { table: STAGING.to_owned(), values })
    }

    fn stage(&self, load: &Load, limits: &Limits, _inbox: &Inbox) -> Result<stage::Insert> {
        Ok(stage::Insert::new(load, limits.copy, self.server().packet))
    }

    fn one_of_each(&self, _load: &Load, inbox: &Inbox) -> String {
        sql::every_row(inbox)
    }

    /// Not by ON DUPLICATE KEY UPDATE, which updates a row of *any* unique key that is the same: only
    /// our key says which row is meant, and another one that is taken is an error.
    ///
    /// InnoDB itself does not write a row that stays as it is, and counts it with the others.
    fn merge(
        &self,
        load: &Load,
        table: &Place,
        inbox: &Inbox,
        _rows: &str,
        _differs: Option<&str>,
    ) -> Vec<String> {
        let mut statements = Vec::new();
        let joined = |join: &str| {
            let on = load.key.iter().filter_map(|&place| {
                let name = self.quote(&load.columns.get(place)?.name);
                Some(format!("t.{name} = s.{}", staged(place)))
            });
            let (staging, on) = (&inbox.table, on.collect::<Vec<_>>().join(" AND "));
            match join {
                "UPDATE" => format!("UPDATE {table} AS t JOIN {staging} AS s ON {on}"),
                _ => format!("FROM {staging} AS s LEFT JOIN {table} AS t ON {on}"),
            }
        };
        let columns = load.columns.iter().enumerate();
        let updates = columns.filter(|(place, _)| !load.key.contains(place));
        let updates = updates
            .map(|(place, column)| format!("t.{} = s.{}", self.quote(&column.name), staged(place)));
        let updates = updates.collect::<Vec<_>>().join(", ");
        if load.mode == Mode::Merge && !updates.is_empty() {
            statements.push(format!("{}\nSET {updates}", joined("UPDATE")));
        }
        let values: Vec<_> = inbox.values.iter().map(|value| format!("s.{value}")).collect();
        let names = sql::list(self, load.columns.iter().map(|column| column.name.as_str()));
        if let Some(key) = load.key_names().next() {
            statements.push(format!(
                "INSERT INTO {table} {names}\nSELECT {} {}\nWHERE t.{} IS NULL",
                values.join(", "),
                joined("INSERT"),
                self.quote(key)
            ));
        }
        statements
    }
}

/// A description as a COMMENT, of at most so many characters as MySQL keeps.
fn comment(description: Option<&str>, longest: usize) -> String {
    let Some(description) = description else { return String::new() };
    let mut comment = " COMMENT ".to_owned();
    values::quote(&description.chars().take(longest).collect::<String>(), &mut comment);
    comment
}

/// MySQL's own words about what it refused to do with the table.
fn refused(load: &Load, what: &str, error: &sqlx::Error) -> Error {
    let table = &load.table;
    let said = address::said(error);
    let refused = Error::target(format!("{NAME} refused {what} `{table}`: {said}"));
    match address::number(error) {
        Some(1062) if load.mode == Mode::Append => {
            refused.help("to update the rows that are there already, use the mode `merge`")
        }
        Some(1044 | 1142 | 1227) => refused.help(
            "grant the user SELECT, INSERT, UPDATE, DELETE, CREATE, DROP and CREATE TEMPORARY TABLES",
        ),
        Some(1205) => {
            refused.help("another session holds a lock: let it finish, then run again")
        }
        Some(1213) => refused.help("another session was in the way: run again"),
        _ => refused,
    }
}
