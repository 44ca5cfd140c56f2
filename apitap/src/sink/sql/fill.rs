//! The rows that wait → the table, within the transaction of a commit; and what became of them.

use super::session::SAVEPOINT;
use super::statement::{self, Meets};
use super::{Dialect, Inbox, Place};
use crate::Result;
use crate::definition::Mode;
use crate::sink::contract::Written;
use crate::sink::{Load, refusal};

/// Rows on their way out of the inbox.
pub(super) struct Fill<'a, D> {
    pub(super) dialect: &'a D,
    pub(super) load: &'a Load,
    pub(super) table: &'a Place,
    pub(super) inbox: &'a Inbox,
    pub(super) meets: Meets<'a>,
    /// Whether the table itself keeps a key from coming twice.
    pub(super) unique: bool,
    /// How many rows wait.
    pub(super) received: u64,
}

/// How many rows a database says it has stored.
enum Stored {
    /// Of all that waited.
    Every(u64),
    /// Of the last ones of their keys.
    Last(u64),
}

impl<D: Dialect> Fill<'_, D> {
    /// Puts them into the table.
    pub(super) async fn run(&self, connection: &mut D::Connection) -> Result<Written> {
        let to_write = |error| self.dialect.refused(self.load, "the rows for", &error);
        let stored = self.store(connection).await.map_err(to_write)?;
        let received = self.received;
        let is_told = matches!(self.meets, Meets::Rows { differs: Some(_) });
        if !is_told {
            self.check_all_in(connection, &stored).await?;
        }
        let (stored, unchanged) = match (stored, self.meets) {
            // Nothing but being there already keeps a row from being stored.
            (Stored::Every(stored), Meets::Rows { differs: Some(_) }) => {
                (stored, received.saturating_sub(stored))
            }
            (Stored::Last(stored), Meets::Rows { differs: Some(_) }) => {
                let keys = self.keys(connection).await.map_err(to_write)?;
                (stored, keys.saturating_sub(stored))
            }
            (Stored::Every(stored) | Stored::Last(stored), _) => (stored, 0),
        };
        Ok(Written { received, stored, unchanged })
    }

    /// Where nothing but a trigger or a rule keeps a row from being stored: whether all are in.
    async fn check_all_in(&self, connection: &mut D::Connection, stored: &Stored) -> Result<()> {
        let Self { dialect, load, table, inbox, received, .. } = self;
        let to_write = |error| dialect.refused(load, "the rows for", &error);
        let stays = load.mode == Mode::InsertNew || load.is_all_key();
        let (wanted, stored) = match *stored {
            Stored::Every(stored) if stored == *received => return Ok(()),
            Stored::Every(stored) if !stays => (*received, stored),
            Stored::Every(_) | Stored::Last(_) if matches!(self.meets, Meets::Nothing) => {
                return Ok(());
            }
            Stored::Every(stored) | Stored::Last(stored) => {
                if !dialect.may_keep_out(connection, table).await.map_err(to_write)? {
                    return Ok(());
                }
                // Those that were there are not stored, and so are not counted.
                if stays {
                    let out = statement::one_not_in(*dialect, load, table, inbox);
                    let out = dialect.rows(connection, &out, &[]).await.map_err(to_write)?;
                    return match out.is_empty() {
                        true => Ok(()),
                        false => Err(refusal::kept_out(&load.table)),
                    };
                }
                (self.keys(connection).await.map_err(to_write)?, stored)
            }
        };
        match wanted == stored {
            true => Ok(()),
            false => Err(refusal::swallowed(&load.table, wanted, stored)),
        }
    }

    /// Mostly, no key comes twice. Where the database tells when one does, the last row of each key is
    /// looked for only then: it takes as long as the rest.
    async fn store(&self, connection: &mut D::Connection) -> sqlx::Result<Stored> {
        let Self { dialect, load, inbox, .. } = self;
        let may_come_twice = !load.key.is_empty() && load.mode != Mode::InsertNew;
        if D::TELLS_KEY_TWICE && self.unique && may_come_twice {
            dialect.execute(connection, &format!("SAVEPOINT {SAVEPOINT}")).await?;
            match self.all(connection, &statement::every_row(inbox)).await {
                Err(error) if dialect.is_key_twice(&error) => self.back(connection).await?,
                Ok(stored) if self.may_hide_a_key(connection, stored).await? => {
                    self.back(connection).await?;
                }
                done => return done.map(Stored::Every),
            }
        }
        let stored = self.all(connection, &dialect.one_of_each(load, inbox)).await?;
        Ok(if load.key.is_empty() { Stored::Every(stored) } else { Stored::Last(stored) })
    }

    /// Whether a key that came twice may have gone unnoticed: where one of its rows is as the table had it,
    /// the other is the only one that is written, although it may have come first.
    async fn may_hide_a_key(
        &self,
        connection: &mut D::Connection,
        stored: u64,
    ) -> sqlx::Result<bool> {
        let compares = matches!(self.meets, Meets::Rows { differs: Some(_) });
        let is_mixed = 0 < stored && stored < self.received;
        Ok(compares && is_mixed && self.keys(connection).await? < self.received)
    }

    /// Stores the rows of a query, and completes a new table; gives the rows that were stored.
    async fn all(&self, connection: &mut D::Connection, rows: &str) -> sqlx::Result<u64> {
        let Self { dialect, load, table, inbox, meets, .. } = self;
        let mut stored = 0;
        for statement in statement::store(*dialect, load, table, inbox, rows, *meets) {
            stored += dialect.execute(connection, &statement).await?;
        }
        if let (Meets::Nothing, Some(complete)) = (meets, dialect.complete(load, table)) {
            dialect.execute(connection, &complete).await?;
        }
        Ok(stored)
    }

    /// Takes back what was stored.
    async fn back(&self, connection: &mut D::Connection) -> sqlx::Result<()> {
        let back = format!("ROLLBACK TO SAVEPOINT {SAVEPOINT}");
        self.dialect.execute(connection, &back).await?;
        if matches!(self.meets, Meets::Nothing) {
            // What was taken back would stay in the table's file.
            let empty = format!("TRUNCATE TABLE {}", self.table);
            self.dialect.execute(connection, &empty).await?;
        }
        Ok(())
    }

    /// How many keys the rows that wait have.
    async fn keys(&self, connection: &mut D::Connection) -> sqlx::Result<u64> {
        count(self.dialect, connection, &statement::count_keys(self.load, self.inbox)).await
    }
}

/// The number that a query yields as text.
async fn count<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    query: &str,
) -> sqlx::Result<u64> {
    let counted = dialect.rows(connection, query, &[]).await?;
    let count = counted.iter().flatten().next().and_then(|count| count.parse().ok());
    count.ok_or_else(|| sqlx::Error::Protocol("a count that is not a number".to_owned()))
}

/// How many rows a table has.
pub(in crate::sink) async fn count_rows<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    table: &Place,
) -> sqlx::Result<u64> {
    let digits = dialect.digits("count(*)");
    count(dialect, connection, &format!("SELECT {digits} FROM {table}")).await
}
