//! A target: which database or folder, and how to reach it. Each type is declared in a file of its own.

use super::declare::{Mapping, keys, kinds};
use crate::codes;
use crate::definition::{Checkpoint, Connection, Target, TargetKind};
use crate::diagnostic::{Finding, Place};

mod adbc;
mod credentials;
mod csv;
mod delta;
mod files;
mod jsonl;
mod mysql;
mod parquet;
mod postgres;
mod server;
mod sqlite;

/// What the keys of a type of target say.
trait Connects {
    /// How to reach it; `None` where that was not said.
    fn connection(self) -> Option<Connection>;

    /// The keys that say how to reach it.
    fn of(connection: &Connection) -> Self;
}

/// Declares the types: a line for each, with the key in parentheses that is part of the kind of target.
macro_rules! targets {
    ($($file:ident::$target:ident $(($which:ident))?,)*) => {
        kinds! {
            /// A database or a folder that takes rows.
            pub enum TargetKeys, spec TargetKeysSpec, key "type" {
                $( $file::$target, )*
            }
        }

        impl TargetKeys {
            fn connection(self) -> Option<(TargetKind, Connection)> {
                match self {
                    $( Self::$target(keys) => {
                        Some((TargetKind::$target $((keys.$which))?, keys.connection()?))
                    } )*
                }
            }

            /// The keys of a target.
            pub(crate) fn of(target: &Target) -> Self {
                match target.kind {
                    $( TargetKind::$target $(($which))? => Self::$target($target {
                        $( $which, )?
                        ..$target::of(&target.connection)
                    }), )*
                }
            }
        }
    };
}

targets! {
    postgres::Postgres,
    mysql::Mysql,
    sqlite::Sqlite,
    parquet::Parquet,
    csv::Csv,
    jsonl::Jsonl,
    delta::Delta,
    adbc::Adbc(dialect),
}

keys! {
    /// What all targets have.
    pub struct Named, spec NamedSpec {
        /// Its name in `sink(name=…)`.
        name: String = required("warehouse").filled(),
    }
}

keys! {
    /// How all targets take rows.
    pub struct Commits, spec CommitsSpec {
        /// How often a long run commits; once, at its end, if absent.
        checkpoint: Option<Checkpoint> = optional().example("{rows: 100000, seconds: 60}"),
    }
}

/// The target that the keys of its type say, by a name.
pub(crate) fn target(name: String, keys: &TargetKeysSpec, commits: &CommitsSpec) -> Option<Target> {
    use super::declare::KeyType as _;

    let (kind, connection) = TargetKeys::plain(keys).connection()?;
    let Commits { checkpoint } = Commits::plain(commits);
    Some(Target { name, kind, connection, checkpoint })
}

/// Two keys that say the same thing.
fn conflict(first: &str, second: &str, place: Option<Place>, mapping: &mut Mapping<'_, '_>) {
    let place = place.unwrap_or_else(|| mapping.place.clone());
    let message = format!("`{first}` and `{second}` say the same thing twice");
    mapping.findings.push(
        Finding::error(codes::CONFLICTING_KEYS, message, &place)
            .help(format!("keep one: remove `{second}`")),
    );
}
