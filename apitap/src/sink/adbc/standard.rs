//! Databases that speak standard SQL: `information_schema`, `MERGE`, transactions of the driver.
//!
//! What one of them says otherwise is data ([`words`]). Nothing is taken for granted that can be asked: a table that
//! was created is looked at again, conditions without which values would be lost are asked of the database, a row is
//! written and taken back, and another one sent as all rows will be: all before the first request.
//!
//! Tables are created and changed before the transaction of the rows: in some databases, that would end it. So
//! another run may have written into a table that this one has created, and rows meet those of others always.

mod ansi;
mod bigquery;
mod catalog;
mod lock;
mod mssql;
mod snowflake;
mod staging;
mod statement;
#[cfg(test)]
mod tests;
mod types;
mod words;

use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

pub(super) use ansi::Ansi;
pub(super) use bigquery::Bigquery;
pub(super) use mssql::Mssql;
pub(super) use snowflake::Snowflake;
use words::{Parameter, Speech};

use super::connection::Connection;
use super::database::{change, refused, rows};
use super::driver;
use super::ingest::Ingest;
use super::refusal::{own, said};
use super::settings::Settings;
use crate::definition::table::TableName;
use crate::definition::{Capabilities, TargetKind};
use crate::engine::limits::Limits;
use crate::schema::Type;
use crate::sink::contract::{Difference, Remembered, Session, StateChange, Target};
use crate::sink::load::Load;
use crate::sink::sql::{self, Change, Claim, Dialect, Found, Inbox, Place};
use crate::{Error, Result};

/// A database behind a driver.
#[derive(Debug, Clone)]
pub(super) struct Standard<S> {
    settings: Settings,
    /// How its driver takes parameters, once that is known.
    parameter: Arc<OnceLock<Parameter>>,
    /// The staging table.
    staging: String,
    _speech: PhantomData<S>,
}

impl<S: Speech> Standard<S> {
    pub(super) fn new(settings: Settings) -> Self {
        let (parameter, staging) = (Arc::default(), Self::staging_name());
        Self { settings, parameter, staging, _speech: PhantomData }
    }

    /// Finds out how the driver takes parameters.
    async fn learn_parameter(&self, connection: &mut Connection) -> Result<()> {
        if S::WORDS.parameters.len() == 1 || self.parameter.get().is_some() {
            return Ok(());
        }
        let mut why = String::new();
        for parameter in S::WORDS.parameters {
            let ask = format!("SELECT CAST({} AS VARCHAR(9))", parameter.numbered(1));
            match rows(connection, &ask, &["apitap"]).await {
                Ok(answer) if answer == [["apitap"]] => {
                    self.parameter.get_or_init(|| *parameter);
                    return Ok(());
                }
                Ok(answer) => why = format!("the answer to `{ask}` is {answer:?}"),
                Err(error) => why = said(&error),
            }
        }
        let name = driver::name(S::DIALECT);
        Err(Error::target(format!("{name} takes no parameter as `?`, `$1`, `:1` or `@p1`: {why}")))
    }

    /// Whether the driver sends rows of these columns into the staging table.
    async fn check_ingestion(
        &self,
        connection: &mut Connection,
        load: &Load,
        inbox: &Inbox,
    ) -> Result<()> {
        let to_stage = |error| refused(S::DIALECT, load, "to stage", &error);
        let destination = self.destination(load);
        let mut trial = Ingest::new(S::DIALECT, load, 1, S::WORDS.sent, destination)?;
        trial.try_out(connection).await?;
        let there = self.any_row(&format!("FROM {}", inbox.table));
        if self.rows(connection, &there, &[]).await.map_err(to_stage)?.is_empty() {
            return Err(to_stage(own(
                "a row that its driver has sent is not in the staging table",
            )));
        }
        self.execute(connection, &self.empty_inbox(inbox)).await.map(drop).map_err(to_stage)
    }

    /// Asks what must hold for rows of these columns, before anything is loaded.
    async fn ask(&self, connection: &mut Connection, load: &Load) -> sqlx::Result<()> {
        let types = || load.columns.iter().map(|column| &column.ty);
        let matters = |question: &&words::Question| types().any(question.matters);
        for question in S::WORDS.questions.iter().filter(matters) {
            let ask = format!("SELECT CASE WHEN {} THEN 'yes' ELSE 'no' END", question.holds);
            let answer = rows(connection, &ask, &[]).await?;
            if !answer.iter().flatten().any(|answer| answer.trim_end() == "yes") {
                return Err(own(&format!("it {}, so that values would be lost", question.why)));
            }
        }
        Ok(())
    }

    /// Whether the database has made of the types of a new table what they say.
    async fn check_created(
        &self,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> sqlx::Result<()> {
        let found = self.look(connection, load, table).await;
        let found = found.map_err(|error| own(error.message()))?;
        let Some(found) = found else {
            return Err(own("the catalog does not show the table that was created"));
        };
        let wrong = load.creates.iter().find_map(|column| {
            let ours = self.column_type(&column.ty, load.is_key(column));
            let Some(there) = found.columns.iter().find(|there| there.name == column.name) else {
                return Some(format!("the column `{}` is not there under its name", column.name));
            };
            let holds = self.holds(&there.ty, &column.ty, load.is_key(column));
            let made = || {
                format!(
                    "it turned `{ours}` into `{}`, which may not hold every value of the column `{}`",
                    there.ty, column.name
                )
            };
            (!holds).then(made)
        });
        wrong.map_or(Ok(()), |wrong| Err(own(&wrong)))
    }
}

#[async_trait]
impl<S: Speech> Target for Standard<S> {
    fn capabilities(&self) -> &'static Capabilities {
        TargetKind::Adbc(S::DIALECT).capabilities()
    }

    fn address(&self) -> String {
        self.settings.address()
    }

    fn creation(&self, load: &Load) -> Option<String> {
        let mut statements = vec![sql::creation(self, load)];
        let comments = self.comments(load, &sql::written(self, &load.table));
        statements.extend(comments.into_iter().map(|sql| format!("{sql};")));
        Some(statements.join("\n"))
    }

    async fn open(&self, load: Load, limits: &Limits) -> Result<Box<dyn Session>> {
        // Each load has a staging table of its own.
        let own = Self { staging: Self::staging_name(), ..self.clone() };
        sql::open(own, load, limits).await
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

impl<S: Speech> Standard<S> {
    /// The statements that say what a new table and its columns are for.
    fn comments(&self, load: &Load, table: &str) -> Vec<String> {
        let literal = S::WORDS.comments;
        literal.map(|literal| sql::comments(self, load, table, literal)).unwrap_or_default()
    }
}

#[async_trait]
impl<S: Speech> Dialect for Standard<S> {
    type Connection = Connection;
    type Stage = Ingest;

    const BEGIN: &'static str = "BEGIN";
    const NOW: &'static str = S::WORDS.now;
    const CREATES_IN_TRANSACTION: bool = false;
    const KEEPS_RUNS: bool = false;
    const EXPLAINS: bool = false;
    const KEEPS_LOCK: bool = false;
    const IF_ABSENT: &'static str = S::WORDS.if_absent;

    fn capabilities(&self) -> &'static Capabilities {
        TargetKind::Adbc(S::DIALECT).capabilities()
    }

    fn state_types(&self) -> [String; 3] {
        let types = &S::WORDS.types;
        let [text, instant] = [Type::String, Type::Timestamp].map(|ty| types.creates(&ty));
        [types.creates_key(&Type::String), text, instant]
    }

    async fn connect(&self) -> Result<Connection> {
        let mut connection = Connection::open(S::DIALECT, &self.settings).await?;
        self.learn_parameter(&mut connection).await?;
        Ok(connection)
    }

    /// Transactions are the driver's: some databases know no BEGIN.
    async fn execute(&self, connection: &mut Connection, sql: &str) -> sqlx::Result<u64> {
        match sql {
            "BEGIN" => connection.begin_transaction().await.map(|()| 0),
            "COMMIT" => connection.commit().await.map(|()| 0),
            "ROLLBACK" => connection.roll_back().await.map(|()| 0),
            other => Ok(change(connection, other, &[]).await?.unwrap_or_default()),
        }
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
        rows(connection, "SELECT 'alive'", &[]).await.is_ok()
    }

    fn refused(&self, load: &Load, what: &str, error: &sqlx::Error) -> Error {
        refused(S::DIALECT, load, what, error)
    }

    fn parameter(&self, number: usize) -> String {
        let first = S::WORDS.parameters.first();
        let known = self.parameter.get().or(first).unwrap_or(&Parameter::Mark);
        known.numbered(number)
    }

    fn quote(&self, identifier: &str) -> String {
        (S::WORDS.quote)(identifier)
    }

    fn key_constraint(&self, columns: &str) -> String {
        format!("PRIMARY KEY {columns}{}", S::WORDS.behind_key)
    }

    fn column_type(&self, ty: &Type, key: bool) -> String {
        match key {
            true => S::WORDS.types.creates_key(ty),
            false => S::WORDS.types.creates(ty),
        }
    }

    fn holds(&self, actual: &str, ty: &Type, key: bool) -> bool {
        S::WORDS.types.holds(actual, ty, key)
    }

    /// Standard SQL does not define what a change of type does to the values.
    fn widens(&self, _actual: &str, _ty: &Type) -> bool {
        false
    }

    fn fix(&self, table: &Place, change: Change<'_>) -> String {
        self.fixed(table, change)
    }

    async fn place(&self, connection: &mut Connection, table: &TableName) -> Result<Place> {
        if let Some(schema) = &table.schema {
            return Ok(Place::new(self, schema, &table.name));
        }
        let named = |why: String| {
            Error::target(format!("it is not known in which schema `{table}` is: {why}"))
                .help("write `schema.table`")
        };
        let found = rows(connection, S::WORDS.current_schema, &[]).await;
        let found = found.map_err(|error| named(said(&error)))?;
        match found.into_iter().flatten().next().filter(|schema| !schema.is_empty()) {
            Some(schema) => Ok(Place::new(self, schema, &table.name)),
            None => Err(named("the connection has none".to_owned())),
        }
    }

    async fn find(
        &self,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> Result<Option<Found>> {
        self.look(connection, load, table).await
    }

    /// Within this process. Others are kept out by what [`Dialect::begin`] does.
    async fn lock(&self, connection: &mut Connection, name: &str) -> sqlx::Result<()> {
        connection.take_turn(name).await;
        Ok(())
    }

    async fn unlock(&self, connection: &mut Connection, name: &str) -> sqlx::Result<()> {
        connection.end_turn(name);
        Ok(())
    }

    async fn begin(&self, connection: &mut Connection, load: &Load, table: &Place) -> Result<()> {
        self.begin_locked(connection, load, table).await
    }

    /// No session-level lock exists in all databases. A run of another process is kept out when it commits, since the
    /// state has moved.
    async fn claim(&self, connection: &mut Connection, name: &str) -> Result<Claim> {
        Ok(connection.shared.claim(name))
    }

    /// As the driver gives an instant.
    fn instant(&self, column: &str) -> String {
        column.to_owned()
    }

    /// Some databases take no DELETE without a condition.
    fn delete_all(&self, table: &str) -> String {
        format!("DELETE FROM {table} WHERE 1 = 1")
    }

    fn any_row(&self, from: &str) -> String {
        format!("SELECT DISTINCT 'a row' {from}")
    }

    async fn create(
        &self,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> sqlx::Result<()> {
        let written = table.to_string();
        let create = sql::create_table(self, load, &written, sql::primary_key(self, load));
        for statement in std::iter::once(create).chain(self.comments(load, &written)) {
            self.execute(connection, &statement).await?;
        }
        let checked = self.check_created(connection, load, table).await;
        if checked.is_err()
            && let Err(left) = self.execute(connection, &format!("DROP TABLE {table}")).await
        {
            tracing::debug!("{table} is left: {left}");
        }
        checked
    }

    async fn replaceable(
        &self,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> Result<()> {
        self.check_replaceable(connection, load, table).await
    }

    async fn inbox(&self, connection: &mut Connection, load: &Load) -> Result<Inbox> {
        let to_stage = |error| refused(S::DIALECT, load, "to stage", &error);
        self.ask(connection, load).await.map_err(to_stage)?;
        let inbox = Inbox { table: self.staging_table(load), values: self.values(load) };
        self.create_staging(connection, load, &inbox.table).await?;
        self.check_transactions(connection, &inbox).await.map_err(to_stage)?;
        self.check_ingestion(connection, load, &inbox).await?;
        Ok(inbox)
    }

    fn empty_inbox(&self, inbox: &Inbox) -> String {
        self.delete_all(&inbox.table)
    }

    fn stage(&self, load: &Load, limits: &Limits, _inbox: &Inbox) -> Result<Ingest> {
        Ingest::new(S::DIALECT, load, limits.copy, S::WORDS.sent, self.destination(load))
    }

    async fn leave(&self, connection: &mut Connection, inbox: &Inbox) {
        self.drop_staging(connection, inbox).await;
    }

    fn one_of_each(&self, load: &Load, inbox: &Inbox) -> String {
        self.each_once(load, inbox)
    }

    fn merge(
        &self,
        load: &Load,
        table: &Place,
        _: &Inbox,
        rows: &str,
        _: Option<&str>,
    ) -> Vec<String> {
        vec![self.merged(load, table, rows)]
    }

    fn missing(&self, load: &Load, table: &Place, inbox: &Inbox) -> String {
        self.not_come(load, table, inbox)
    }
}
