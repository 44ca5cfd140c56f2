//! What the catalog says of a table, against what a load needs of it.

use std::fmt;

use super::{Change, Dialect};
use crate::definition::{Evolve, Mode};
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

/// The columns of each index, of rows with its name and one of them.
pub(in crate::sink) fn keys(parts: &[[String; 2]]) -> Vec<Vec<String>> {
    let same = |[a, _]: &[String; 2], [b, _]: &[String; 2]| a == b;
    let columns = |index: &[[String; 2]]| index.iter().map(|[_, column]| column.clone()).collect();
    parts.chunk_by(same).map(columns).collect()
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
    /// Whether nothing hangs on its type that would be lost with another type.
    pub(in crate::sink) plain: bool,
    /// What takes no value of ours, and why: the refusal's words, and its help.
    pub(in crate::sink) closed: Option<(String, String)>,
    /// The collation by which texts are equal that are not the same, and what to do about it.
    pub(in crate::sink) folds: Option<(String, String)>,
}

/// A way in which a table does not take the rows.
pub(in crate::sink) struct Misfit {
    /// What is wrong, with the statement that a person would run.
    pub(in crate::sink) refusal: Error,
    /// That statement, where there is one.
    pub(in crate::sink) fix: Option<String>,
    /// Whether it loses nothing, so that it can be run unasked; then how.
    pub(in crate::sink) growth: Option<Growth>,
}

/// How a table grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sink) enum Growth {
    /// A column more.
    Column,
    /// A wider type: in some databases all rows are written anew.
    Type,
}

/// What has a table take the rows of a load.
#[derive(Debug)]
pub(in crate::sink) enum Fit {
    /// Statements that lose nothing; mostly none.
    Grows(Vec<(Growth, String)>),
    /// Other columns, which only a table without rows can get: [`Dialect::renew`].
    Renews,
}

impl Misfit {
    fn new(refusal: impl FnOnce(String) -> Error, fix: String) -> Self {
        Self { refusal: refusal(fix.clone()), fix: Some(fix), growth: None }
    }

    fn grows(self, growth: Option<Growth>) -> Self {
        Self { growth, ..self }
    }
}

impl Found {
    /// What has the table take the rows of a load.
    ///
    /// # Errors
    /// It does not take them, and may not be changed, or only by a person: all statements.
    pub(in crate::sink) fn check<D: Dialect>(
        &self,
        dialect: &D,
        load: &Load,
        table: &Place,
    ) -> Result<Fit> {
        let misfits = self.misfits(dialect, load, table);
        let may_grow = load.evolve != Evolve::Freeze;
        let bad = |misfit: &Misfit| misfit.growth.is_none() || !may_grow;
        let Some(first) = misfits.iter().find(|misfit| bad(misfit)) else {
            let growths =
                misfits.into_iter().filter_map(|misfit| Some((misfit.growth?, misfit.fix?)));
            return Ok(Fit::Grows(growths.collect()));
        };
        if renews(dialect, load) {
            return Ok(Fit::Renews);
        }
        let fixes: Vec<_> = misfits.iter().filter_map(|misfit| misfit.fix.as_deref()).collect();
        match fixes.len() {
            0 | 1 => Err(first.refusal.clone()),
            _ => Err(first.refusal.clone().help(fixes.join("; "))),
        }
    }

    /// All ways in which the table does not take the rows of a load.
    pub(in crate::sink) fn misfits<D: Dialect>(
        &self,
        dialect: &D,
        load: &Load,
        table: &Place,
    ) -> Vec<Misfit> {
        let of_columns = load.columns.iter();
        let mut misfits: Vec<_> =
            of_columns.filter_map(|column| self.misfit(dialect, load, table, column)).collect();
        let ours = |name: &str| load.columns.iter().any(|column| same(dialect, &column.name, name));
        let extra = self.columns.iter().filter(|c| c.not_null && !c.filled && !ours(&c.name));
        misfits.extend(extra.map(|extra| {
            let fix = dialect.fix(table, Change::DropNotNull(extra));
            Misfit::new(|fix| refusal::extra_column(&load.table, &extra.name, fix), fix)
        }));
        if load.mode.needs_key() && !self.has_unique_key(dialect, load) {
            let fix = dialect.fix(table, Change::AddUnique(load));
            misfits.push(Misfit::new(|fix| refusal::no_unique_key(load, fix), fix));
        }
        misfits
    }

    /// Whether rows of one key cannot be in the table twice.
    pub(in crate::sink) fn has_unique_key<D: Dialect>(&self, dialect: &D, load: &Load) -> bool {
        self.unique_keys.iter().any(|unique| {
            unique.len() == load.key.len()
                && load.key_names().all(|key| unique.iter().any(|name| same(dialect, name, key)))
        })
    }

    /// The columns that a table without rows loses, so that it can get those of the load: those that the query does
    /// not yield, and those that do not hold its values.
    pub(in crate::sink) fn stale<'a, D: Dialect>(
        &'a self,
        dialect: &'a D,
        load: &'a Load,
    ) -> impl Iterator<Item = &'a FoundColumn> {
        self.columns.iter().filter(move |theirs| {
            let ours = load.columns.iter().find(|column| same(dialect, &column.name, &theirs.name));
            ours.is_none_or(|column| {
                let holds = dialect.holds(&theirs.ty, &column.ty, load.is_key(column));
                let folds = theirs.folds.is_some() && load.is_key(column);
                theirs.closed.is_some() || folds || !holds
            })
        })
    }

    fn misfit<D: Dialect>(
        &self,
        dialect: &D,
        load: &Load,
        table: &Place,
        column: &Column,
    ) -> Option<Misfit> {
        let is_ours = |theirs: &&FoundColumn| same(dialect, &theirs.name, &column.name);
        let Some(theirs) = self.columns.iter().find(is_ours) else {
            let fix = dialect.fix(table, Change::AddColumn(column));
            let misfit = Misfit::new(|fix| refusal::missing_column(&load.table, column, fix), fix);
            // A key that the rows there do not have cannot be made up.
            let grows = !load.is_key(column);
            return Some(misfit.grows(grows.then_some(Growth::Column)));
        };
        if let Some((why, help)) = &theirs.closed {
            let refusal = Error::target(format!(
                "column `{}` of the table `{}` {why} and takes no values",
                column.name, load.table
            ));
            return Some(Misfit { refusal: refusal.help(help), fix: None, growth: None });
        }
        let key = load.is_key(column);
        if let (true, Some((collation, help))) = (key, &theirs.folds) {
            let refusal = refusal::inexact_key(&load.table, &column.name, collation);
            return Some(Misfit { refusal: refusal.help(help), fix: None, growth: None });
        }
        if !dialect.holds(&theirs.ty, &column.ty, key) {
            let ours = dialect.column_type(&column.ty, key);
            let fix = dialect.fix(table, Change::Retype(column, theirs, key));
            let holds_more = dialect.widens(&theirs.ty, &column.ty);
            let also = match holds_more && !theirs.plain {
                true => ", with what else the column has: its default, collation, CHECK or comment",
                false => "",
            };
            let refused = |fix: String| {
                let fix = format!("{fix}{also}");
                refusal::column_type(&load.table, column, &theirs.ty, &ours, fix)
            };
            let widens = holds_more && theirs.plain;
            return Some(Misfit::new(refused, fix).grows(widens.then_some(Growth::Type)));
        }
        if theirs.not_null && column.required.is_none() {
            let fix = dialect.fix(table, Change::TakeNull(theirs));
            let refused = |fix: String| refusal::takes_no_null(&load.table, column, &fix);
            return Some(Misfit::new(refused, fix));
        }
        None
    }
}

/// Whether a table that does not take the rows of a load gets other columns.
pub(super) fn renews(dialect: &impl Dialect, load: &Load) -> bool {
    let is_whole = load.evolve == Evolve::Replace && load.mode == Mode::Replace;
    is_whole && dialect.capabilities().renews_tables
}

/// Whether two names are those of one column.
fn same<D: Dialect>(dialect: &D, a: &str, b: &str) -> bool {
    match dialect.capabilities().folds_case {
        true => a.eq_ignore_ascii_case(b),
        false => a == b,
    }
}
