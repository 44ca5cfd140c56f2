//! Rows → multi-row INSERTs into the staging table, each row with its number in front.
//!
//! The rows are literals of one statement ([`values`]): parameters of a prepared one are at most
//! 65,535, and each other number of rows would have to be prepared anew. A statement is as long as the
//! limits and the server's `max_allowed_packet` allow.

use arrow::array::RecordBatch;
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Executor, MySqlConnection};

use super::{STAGING, refused, types, values};
use crate::definition::Mode;
use crate::sink::load::Load;
use crate::sink::sql::Stage;
use crate::sink::values::{Values, columns};
use crate::sink::{refusal, slices};
use crate::{Error, Result};

/// The most bytes of a statement.
const STATEMENT_BYTES: usize = 1 << 20;
/// What a packet holds beside the statement.
const PACKET_OVERHEAD: usize = 128;

pub(in crate::sink) struct Insert {
    load: Load,
    /// Batches are taken apart into pieces of about this many bytes.
    limit: usize,
    /// The most bytes of a statement, where more than one row is in it.
    statement: usize,
    /// The most bytes of any statement.
    packet: usize,
    /// The next statement.
    sql: String,
    /// Its rows.
    rows: u64,
    /// The next row.
    row: String,
    staged: u64,
}

impl Insert {
    pub(super) fn new(load: &Load, limit: usize, packet: usize) -> Self {
        let (limit, packet) = (limit.max(1), packet.saturating_sub(PACKET_OVERHEAD));
        let statement = limit.min(packet).min(STATEMENT_BYTES);
        Self {
            load: load.clone(),
            limit,
            statement,
            packet,
            sql: String::new(),
            rows: 0,
            row: String::new(),
            staged: 0,
        }
    }

    async fn insert(
        &mut self,
        connection: &mut MySqlConnection,
        batch: &RecordBatch,
        first: u64,
    ) -> Result<()> {
        let columns = columns(&self.load, batch, first)?;
        self.check_key(&columns, batch.num_rows(), first)?;
        for row in 0..batch.num_rows() {
            let number = first + row as u64;
            self.write(&columns, row, number)?;
            if self.rows > 0 && self.sql.len() + 1 + self.row.len() > self.statement {
                self.send(connection).await?;
            }
            match self.rows {
                0 => self.begin(),
                _ => self.sql.push(','),
            }
            if self.sql.len() + self.row.len() > self.packet {
                return Err(self.too_long(number));
            }
            self.sql.push_str(&self.row);
            self.rows += 1;
        }
        Ok(())
    }

    /// What a statement begins with. Rows come in the order of their numbers, so that of a key that is
    /// there the later row is the one to keep, or the one that is there.
    fn begin(&mut self) {
        let replaces = !self.load.key.is_empty() && self.load.mode != Mode::InsertNew;
        self.sql.push_str(if replaces { "REPLACE" } else { "INSERT" });
        self.sql.push_str(" INTO ");
        self.sql.push_str(STAGING);
        self.sql.push_str(" VALUES ");
    }

    /// The next row, in parentheses.
    fn write(&mut self, columns: &[Values<'_>], row: usize, number: u64) -> Result<()> {
        self.row.clear();
        self.row.push('(');
        self.row.push_str(&number.to_string());
        for (column, values) in self.load.columns.iter().zip(columns) {
            self.row.push(',');
            values::write(values, row, &mut self.row)
                .map_err(|why| refusal::value(column, number, &why))?;
        }
        self.row.push(')');
        Ok(())
    }

    /// A text of the key that is too long for an index is told by its row.
    fn check_key(&self, columns: &[Values<'_>], rows: usize, first: u64) -> Result<()> {
        let longest = types::longest_key();
        for &place in &self.load.key {
            let (Some(column), Some(values)) = (self.load.columns.get(place), columns.get(place))
            else {
                continue;
            };
            let length = |row: usize| match values {
                Values::Text(array) if array.value_length(row) as usize > longest => {
                    array.value(row).chars().count()
                }
                Values::Binary(array) => array.value(row).len(),
                _ => 0,
            };
            if let Some(row) = (0..rows).find(|&row| length(row) > longest) {
                let why = format!(
                    "is {} long; what is of a key takes up to {longest} characters in MySQL",
                    length(row)
                );
                return Err(refusal::value(column, first + row as u64, &why)
                    .help(format!("shorten it in the query: `md5({0}) AS {0}`", column.name)));
            }
        }
        Ok(())
    }

    async fn send(&mut self, connection: &mut MySqlConnection) -> Result<()> {
        if self.load.mode == Mode::InsertNew {
            self.sql.push_str(" ON DUPLICATE KEY UPDATE seq = seq");
        }
        let (sql, rows) = (std::mem::take(&mut self.sql), std::mem::take(&mut self.rows));
        self.sql.reserve(sql.len());
        let done = connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await;
        let done = done.map_err(|error| refused(&self.load, "the rows for", &error))?;
        // A row that takes the place of another one counts twice.
        self.staged += rows.min(done.rows_affected());
        Ok(())
    }

    fn too_long(&self, row: u64) -> Error {
        Error::target(format!(
            "row {row} takes {} bytes as SQL; the server takes statements of {}",
            self.row.len(),
            self.packet
        ))
        .help("raise the server's `max_allowed_packet`, or leave the longest column out")
    }
}

#[async_trait]
impl Stage<MySqlConnection> for Insert {
    async fn take(
        &mut self,
        connection: &mut MySqlConnection,
        first: u64,
        batch: &RecordBatch,
    ) -> Result<()> {
        let mut next = first;
        for slice in slices::of(batch, self.limit) {
            self.insert(connection, &slice, next).await?;
            next += slice.num_rows() as u64;
        }
        Ok(())
    }

    async fn flush(&mut self, connection: &mut MySqlConnection) -> Result<u64> {
        if self.rows > 0 {
            self.send(connection).await?;
        }
        Ok(self.staged)
    }
}
