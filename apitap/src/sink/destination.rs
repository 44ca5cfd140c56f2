//! A target of the definition, with its `${NAME}`s resolved → a [`Target`] to connect to.
//!
//! Nothing is read or connected here: a mistake shows when the target is opened.

use std::sync::Arc;

use super::dry::Dry;
use super::{Files, Mysql, Postgres, Sqlite, Target, adbc};
use crate::definition::{self, TargetKind};
use crate::engine::options::Tried;
use crate::environment::Environment;

/// Takes a target's texts from the environment, which remembers what is missing.
pub fn resolve(target: &definition::Target, environment: &mut Environment) -> Arc<dyn Target> {
    match target.kind {
        TargetKind::Postgres => Arc::new(Postgres::resolve(&target.connection, environment)),
        TargetKind::Mysql => Arc::new(Mysql::resolve(&target.connection, environment)),
        TargetKind::Sqlite => Arc::new(Sqlite::resolve(&target.connection, environment)),
        TargetKind::Parquet | TargetKind::Csv | TargetKind::Jsonl | TargetKind::Delta => {
            Arc::new(Files::resolve(target.kind, &target.connection, environment))
        }
        TargetKind::Adbc(dialect) => adbc::resolve(dialect, &target.connection, environment),
    }
}

/// What takes rows in place of a target, and stores nothing.
pub(crate) fn dry(target: &definition::Target, tried: Arc<Tried>) -> Arc<dyn Target> {
    Arc::new(Dry::new(target, tried))
}
