//! What the catalog says of a table, against what a load needs of it.

use std::fmt;

use super::{Change, Dialect};
use crate::definition::Mode;
use crate::sink::load::Column;
use crate::sink::{Load, refusal};
use crate::{Error, Result};

/// A table's full name.
#[derive(Debug, Clone)]
pub(in crate::sink) struct Place {
    pub(in crate::sink) schema: String,
    pub(in crate::sink) name: String,
    /// Both, quoted, as they stand in SQL.
    quoted: String,
}

impl Place {
    pub(in crate::sink) fn new(
        dialect: &impl Dialect,
        schema: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        let (schema, name) = (schema.into(), name.into());
        let quoted = dialect.qualified(&schema, &name);
        Self { schema, name, quoted }
    }

    /// Another table beside this one.
    pub(in crate::sink) fn beside(&self, dialect: &impl Dialect, name: impl Into<String>) -> Self {
        Self::new(dialect, self.schema.as_str(), name)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.quoted)
    }
}

/// A table that is there.
#[derive(Debug)]
pub(in crate::sink) struct Found {
    pub(in crate::sink) columns: Vec<FoundColumn>,
    /// The columns of each unique key that a merge can use.
    pub(in crate::sink) unique_keys: Vec<Vec<String>>,
}

/// One column of a table that is there.
#[derive(Debug)]
pub(in crate::sink) struct FoundColumn {
    pub(in crate::sink) name: String,
    /// As the catalog spells it; may be empty.
    pub(in crate::sink) ty: String,
    pub(in crate::sink) not_null: bool,
    /// Whether a row gets a value where it brings none.
    pub(in crate::sink) filled: bool,
    /// What takes no value of ours, and why: the refusal's words, and its help.
    pub(in crate::sink) closed: Option<(String, String)>,
}

impl Found {
    /// The names of the columns that take no null.
    pub(super) fn not_null(&self) -> Vec<String> {
        self.columns.iter().filter(|c| c.not_null).map(|c| c.name.clone()).collect()
    }

    /// Whether the rows of a load fit in as they are.
    pub(in crate::sink) fn check<D: Dialect>(
        &self,
        dialect: &D,
        load: &Load,
        table: &Place,
    ) -> Result<()> {
        for column in &load.columns {
            self.check_column(dialect, load, table, column)?;
        }
        let ours = |name: &str| load.columns.iter().any(|column| same(dialect, &column.name, name));
        let extra = self.columns.iter().find(|c| c.not_null && !c.filled && !ours(&c.name));
        if let Some(extra) = extra {
            let fix = dialect.fix(table, Change::DropNotNull(&extra.name));
            return Err(refusal::extra_column(&load.table, &extra.name, fix));
        }
        if load.mode == Mode::Merge && !self.has_unique_key(dialect, load) {
            return Err(refusal::no_unique_key(load, dialect.fix(table, Change::AddUnique(load))));
        }
        Ok(())
    }

    /// Whether rows of one key cannot be in the table twice.
    pub(in crate::sink) fn has_unique_key<D: Dialect>(&self, dialect: &D, load: &Load) -> bool {
        self.unique_keys.iter().any(|unique| {
            unique.len() == load.key.len()
                && load.key_names().all(|key| unique.iter().any(|name| same(dialect, name, key)))
        })
    }

    fn check_column<D: Dialect>(
        &self,
        dialect: &D,
        load: &Load,
        table: &Place,
        column: &Column,
    ) -> Result<()> {
        let is_ours = |theirs: &&FoundColumn| same(dialect, &theirs.name, &column.name);
        let Some(theirs) = self.columns.iter().find(is_ours) else {
            let fix = dialect.fix(table, Change::AddColumn(column));
            return Err(refusal::missing_column(&load.table, column, fix));
        };
        if let Some((why, help)) = &theirs.closed {
            return Err(Error::target(format!(
                "column `{}` of the table `{}` {why} and takes no values",
                column.name, load.table
            ))
            .help(help));
        }
        if !dialect.holds(&theirs.ty, &column.ty) {
            let ours = dialect.column_type(&column.ty, load.is_key(column));
            let fix = dialect.fix(table, Change::Retype(column));
            return Err(refusal::column_type(&load.table, column, &theirs.ty, &ours, fix));
        }
        Ok(())
    }
}

/// Whether two names are those of one column.
fn same<D: Dialect>(dialect: &D, a: &str, b: &str) -> bool {
    match dialect.capabilities().folds_case {
        true => a.eq_ignore_ascii_case(b),
        false => a == b,
    }
}
