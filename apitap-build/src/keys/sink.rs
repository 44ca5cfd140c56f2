//! `sink(…)`: where and how a query's rows are stored.

use super::declare::choices;
#[cfg(feature = "compiler")]
use super::declare::keys;
#[cfg(feature = "compiler")]
use super::values::Texts;

choices! {
    /// How the rows of a run get into the table.
    pub enum Mode {
        /// Add them.
        Append = "append", also ["insert"];
        /// They are the table's whole content from now on.
        Replace = "replace", also ["overwrite", "truncate", "full_refresh"];
        /// Update the row with the same key, or add it.
        Merge = "merge", also ["update", "upsert", "incremental"];
        /// Add those whose key is not there; of a key that is there nothing changes.
        InsertNew = "insert_new", also ["insert_ignore", "insert_or_ignore"];
    }
}

choices! {
    /// What happens where a table that is there does not take the rows as it is.
    pub enum Evolve {
        /// New columns are added, and types are widened where that loses nothing; else it is an error.
        Add = "add", also ["evolve"];
        /// It stays as it is: that is an error, with the statements that would change it.
        Freeze = "freeze", also ["strict", "none"];
        /// As `add`; where that would be an error, the table gets the columns of the query and no others. For the mode `replace`.
        Replace = "replace", also ["recreate", "discard"];
    }
}

impl Evolve {
    /// What is meant where nothing is said.
    pub(crate) fn grows() -> Self {
        Self::Add
    }

    /// Whether it is what is meant where nothing is said.
    pub(crate) fn is_grows(&self) -> bool {
        *self == Self::Add
    }
}

impl Mode {
    /// Whether it asks for a key: rows are looked for by it.
    pub fn needs_key(self) -> bool {
        matches!(self, Self::Merge | Self::InsertNew)
    }
}

#[cfg(feature = "compiler")]
keys! {
    /// Where the rows go.
    pub struct Store, spec StoreSpec {
        /// The table, `schema.table` in PostgreSQL; else `table_destination_name`, else the pipeline's name.
        table: Option<String> = optional().filled().example("paid_orders"),
        /// How rows get into it; `merge` where there is a key, else `append`.
        mode: Option<Mode> = optional().example("merge"),
        /// The columns that identify a row; else `primary_key_in_dest`.
        key: Texts = default(Texts::default()).example("[id]"),
        /// With `merge`: deletes the rows whose key did not come in the run.
        delete_missing: bool = default(false).brief(),
        /// What happens where the table does not take the rows as it is.
        evolve: Evolve = default(Evolve::Add).brief(),
        /// SQL that runs in the transaction of the rows, before them: one or more statements.
        before: Option<String> = optional().filled().example("DELETE FROM orders WHERE draft"),
        /// SQL that runs in the transaction of the rows, behind them.
        after: Option<String> = optional().filled().example("ANALYZE orders"),
        /// The columns by whose values rows are kept apart: a folder `column=value` for each, in a target of files.
        partition_by: Texts = default(Texts::default()).example("[country]"),
    }
}

#[cfg(feature = "compiler")]
keys! {
    /// Which target.
    pub struct SinkTarget, spec SinkTargetSpec {
        /// The target; may be left out where there is only one.
        name: Option<String> = optional().example("warehouse"),
    }
}

#[cfg(feature = "compiler")]
impl StoreSpec {
    /// What is said where nothing is.
    pub(crate) fn nothing(place: &crate::diagnostic::Place) -> Self {
        use super::key::KeyType as _;

        Store {
            table: None,
            mode: None,
            key: Texts::default(),
            delete_missing: false,
            evolve: Evolve::Add,
            before: None,
            after: None,
            partition_by: Texts::default(),
        }
        .at(place)
    }
}
