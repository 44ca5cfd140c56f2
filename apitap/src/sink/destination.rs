//! A target of the definition, with its `${NAME}`s resolved → what a sink connects to.
//!
//! Nothing is read or connected here: a mistake shows when the sink opens.

use super::{Address, File};
use crate::definition::{Connection, Target, TargetKind};
use crate::environment::Environment;

/// A database to connect to. Its `Debug` shows no password.
#[derive(Debug, Clone)]
pub enum Destination {
    /// A PostgreSQL server.
    Postgres(Address),
    /// A SQLite file.
    Sqlite(File),
}

impl Destination {
    /// Takes a target's texts from the environment, which remembers what is missing.
    pub fn resolve(target: &Target, environment: &mut Environment) -> Self {
        match (target.kind, &target.connection) {
            (TargetKind::Postgres, Connection::Url(url)) => {
                Self::Postgres(Address::url(environment.text(url)))
            }
            (
                TargetKind::Postgres,
                Connection::Parts { host, port, database, username, password },
            ) => Self::Postgres(Address::parts(
                &environment.text(host),
                *port,
                &environment.text(database),
                &environment.text(username),
                &environment.secret(password),
            )),
            (TargetKind::Sqlite, Connection::Url(url)) => {
                Self::Sqlite(File::new(environment.text(url)))
            }
            // A file has no host or user: of the parts, the database is its path.
            (TargetKind::Sqlite, Connection::Parts { database, .. }) => {
                Self::Sqlite(File::new(environment.text(database)))
            }
        }
    }
}
