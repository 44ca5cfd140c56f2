//! What is to be loaded: which columns, into which table, how. The same for every database.

use std::collections::HashSet;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::FieldRef;

use super::refusal;
use crate::definition::shared;
use crate::definition::table::{self, Misfit, TableName};
use crate::definition::{Capabilities, Definition, Evolve, Hooks, Mode};
use crate::schema::{Field, Schema, Type};
use crate::{Error, Result};

/// A load that makes sense in itself: the key's columns are among the row's.
#[derive(Debug, Clone)]
pub struct Load {
    pub(super) pipeline: String,
    pub(super) table: TableName,
    pub(super) mode: Mode,
    pub(super) columns: Vec<Column>,
    /// The columns of the table where it does not exist: also what other pipelines write into it.
    pub(super) creates: Vec<Column>,
    /// The places of the columns that identify a row, in the order of the key. Empty for `append`,
    /// which keeps every row: there a key is no more than a remark.
    pub(super) key: Vec<usize>,
    /// The places of the columns by whose values the rows are kept apart.
    pub(super) partition_by: Vec<usize>,
    pub(super) missing: Missing,
    pub(super) evolve: Evolve,
    pub(super) hooks: Hooks,
    /// What the table is for.
    pub(super) description: Option<String>,
    /// Whether no other run of the pipeline may load into the table meanwhile.
    pub(super) exclusive: bool,
    /// Whether it is only tried out, and will be taken back.
    pub(super) tried: bool,
}

/// What becomes of the rows of a table whose key did not come in the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// They stay.
    Keep,
    /// They are deleted, unless no row came at all: that is an error.
    Delete,
    /// They are deleted, also all of them: the source may be empty.
    DeleteAll,
}

/// One column of the rows.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name, in its own case.
    pub name: String,
    /// What its values are.
    pub ty: Type,
    /// What it is for.
    pub description: Option<String>,
    /// In which form its values arrive.
    pub field: FieldRef,
    /// What says that a value must be there, if anything does.
    pub required: Option<Required>,
}

/// What says that a value must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    /// The row schema: it is not nullable.
    Schema,
    /// It is of the key.
    Key,
}

impl Column {
    fn of(field: &Field, required: Option<Required>) -> Self {
        Self {
            name: field.name.clone(),
            ty: field.ty.clone(),
            description: field.description.clone(),
            field: crate::schema::arrow::field(field).into(),
            required,
        }
    }
}

impl Load {
    /// The rows of a pipeline on their way into a table, which may be qualified
    /// (`analytics.orders`). The columns of `row` become those of the table where it does not exist.
    ///
    /// # Errors
    /// A table name, a row or a key that makes no table.
    pub fn new(
        pipeline: &str,
        table: &str,
        mode: Mode,
        key: &[String],
        row: &Schema,
    ) -> Result<Self> {
        let table = TableName::parse(table).map_err(misfit)?;
        if row.fields.is_empty() {
            return Err(Error::config(format!("the rows for `{table}` have no columns")));
        }
        let mut names = HashSet::new();
        if let Some(twice) = row.fields.iter().find(|field| !names.insert(field.name.as_str())) {
            let name = &twice.name;
            return Err(Error::config(format!("the rows for `{table}` have two columns `{name}`"))
                .help("give one of them another name with AS"));
        }
        if mode.needs_key() && key.is_empty() {
            return Err(Error::config(format!("`{table}` has no key to merge by"))
                .help("say which columns identify a row: `key`"));
        }
        let mut places = Vec::with_capacity(key.len());
        for name in key {
            let place = row.fields.iter().position(|field| field.name == *name);
            places.push(place.ok_or_else(|| unknown_key(&table, name, row))?);
        }
        if mode == Mode::Append {
            places.clear();
        }
        let columns = row.fields.iter().enumerate().map(|(place, field)| {
            let required = match (places.contains(&place), field.nullable) {
                (true, _) => Some(Required::Key),
                (false, false) => Some(Required::Schema),
                (false, true) => None,
            };
            Column::of(field, required)
        });
        let columns: Vec<_> = columns.collect();
        let creates = columns.clone();
        Ok(Self {
            pipeline: pipeline.to_owned(),
            table,
            mode,
            columns,
            creates,
            key: places,
            partition_by: Vec::new(),
            missing: Missing::Keep,
            evolve: Evolve::Freeze,
            hooks: Hooks::default(),
            description: None,
            exclusive: false,
            tried: false,
        })
    }

    /// No rows: what stands for a pipeline and its table where only its state is meant.
    ///
    /// # Errors
    /// A table name that makes no table.
    pub fn of_state(definition: &Definition) -> Result<Self> {
        let Definition { name, table, .. } = definition;
        let row = Schema { fields: vec![Field::new("partition", Type::String, false)] };
        Self::new(name, table, Mode::Append, &[], &row)
    }

    /// The load of a pipeline that yields such rows.
    ///
    /// # Errors
    /// Those of [`Load::new`].
    pub fn of(definition: &Definition, row: &Schema) -> Result<Self> {
        let Definition { name, table, mode, key, delete_missing, evolve, hooks, .. } = definition;
        let by = &definition.partition_by;
        let missing = match definition.sources.iter().all(|source| source.allow_empty) {
            _ if !delete_missing => Missing::Keep,
            true => Missing::DeleteAll,
            false => Missing::Delete,
        };
        let load = Self::new(name, table, *mode, key, row)?.partitioned(by)?;
        let load = load.missing(missing).evolve(*evolve);
        let load = load.hooks(hooks.clone());
        Ok(Self { description: definition.description.clone(), ..load })
    }

    /// The same, with what becomes of rows whose key does not come: for [`Mode::Merge`].
    #[must_use]
    pub fn missing(self, missing: Missing) -> Self {
        Self { missing, ..self }
    }

    /// The same, with what happens where the table does not take the rows as it is; else it stays.
    #[must_use]
    pub fn evolve(self, evolve: Evolve) -> Self {
        Self { evolve, ..self }
    }

    /// The same, with SQL in the transaction of the rows.
    #[must_use]
    pub fn hooks(self, hooks: Hooks) -> Self {
        Self { hooks, ..self }
    }

    /// The same, as the only load of its pipeline into the table at a time: [`Target::open`] refuses another
    /// one with [`ErrorKind::Busy`] until the session has ended.
    ///
    /// [`Target::open`]: super::Target::open
    /// [`ErrorKind::Busy`]: crate::ErrorKind::Busy
    #[must_use]
    pub fn exclusive(self) -> Self {
        Self { exclusive: true, ..self }
    }

    /// The same, to be tried out only: nothing that it makes may stay, not even an empty file.
    #[must_use]
    pub fn tried(self) -> Self {
        Self { tried: true, ..self }
    }

    /// Whether it is tried out only: see [`Load::tried`].
    pub fn is_tried(&self) -> bool {
        self.tried
    }

    /// Whether no other load of the pipeline into the table may be under way: see [`Load::exclusive`].
    pub fn is_exclusive(&self) -> bool {
        self.exclusive
    }

    /// Whether it counts only as a whole, so that nothing is committed before its end.
    pub fn is_whole(&self) -> bool {
        self.mode == Mode::Replace || self.missing != Missing::Keep
    }

    /// The same, with the rows kept apart by the values of these columns.
    ///
    /// # Errors
    /// The rows have no such column, or none besides them, or its folders would be hidden.
    pub fn partitioned(mut self, columns: &[String]) -> Result<Self> {
        let place = |name: &String| {
            let place = self.columns.iter().position(|column| column.name == *name);
            place.ok_or_else(|| {
                let table = &self.table;
                Error::config(format!(
                    "`partition_by` of `{table}` names a column `{name}`, which the query does not \
                     yield"
                ))
            })
        };
        self.partition_by = columns.iter().map(place).collect::<Result<_>>()?;
        if let Some(hidden) = columns.iter().find(|name| name.starts_with(['.', '_'])) {
            return Err(Error::config(format!(
                "`partition_by` of `{}` names `{hidden}`, whose folders readers would pass over",
                self.table
            ))
            .help("name the column otherwise with AS: it may not begin with `_` or `.`"));
        }
        if self.partition_by.len() >= self.columns.len() {
            return Err(Error::config(format!(
                "all columns of `{}` are in `partition_by`, so that nothing is left for the files",
                self.table
            )));
        }
        Ok(self)
    }

    /// The same, where another pipeline writes its rows into the same table: whichever comes first
    /// creates it such that the rows of both fit in.
    #[must_use]
    pub fn beside(mut self, other: &Schema) -> Self {
        let keys: HashSet<_> = self.key_names().map(str::to_owned).collect();
        for column in self.creates.iter_mut().filter(|column| !keys.contains(&column.name)) {
            let theirs = other.field(&column.name);
            if theirs.is_none_or(|field| field.nullable) {
                column.required = None;
            }
        }
        for column in &mut self.creates {
            if let Some(theirs) = other.field(&column.name) {
                column.ty = shared::widest(&column.ty, &theirs.ty);
            }
        }
        for field in &other.fields {
            if !self.creates.iter().any(|column| column.name == field.name) {
                self.creates.push(Column::of(field, None));
            }
        }
        self
    }

    /// Whether a table that it creates has its columns and no others, of their types.
    pub(super) fn creates_its_own(&self) -> bool {
        let same = |(a, b): (&Column, &Column)| a.ty == b.ty;
        self.columns.len() == self.creates.len() && self.columns.iter().zip(&self.creates).all(same)
    }

    /// The pipeline, under whose name its state is kept.
    pub fn pipeline(&self) -> &str {
        &self.pipeline
    }

    /// The table.
    pub fn table(&self) -> &TableName {
        &self.table
    }

    /// How the rows get into the table.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The columns of the rows, in their order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Whether the names and the number of the columns are such as that target takes.
    ///
    /// # Errors
    /// What it does not take, and what to write instead.
    pub fn check_names(&self, target: &Capabilities) -> Result<()> {
        let of_table = table::check_table(target, &self.table);
        let key = table::check_key(target, &self.table, self.key_columns().map(|c| &c.ty));
        let row = self.columns.iter().map(|c| Field::new(&*c.name, c.ty.clone(), true)).collect();
        match of_table.into_iter().chain(table::check_columns(target, &row)).chain(key).next() {
            Some(first) => Err(misfit(first)),
            None => Ok(()),
        }
    }

    /// The columns that identify a row, in the order of the key; none for `append`.
    pub fn key_columns(&self) -> impl Iterator<Item = &Column> {
        self.key.iter().filter_map(|&place| self.columns.get(place))
    }

    /// Their names.
    pub fn key_names(&self) -> impl Iterator<Item = &str> {
        self.key_columns().map(|column| &*column.name)
    }

    /// Whether a column is of the key.
    pub(super) fn is_key(&self, column: &Column) -> bool {
        self.key_names().any(|name| name == column.name)
    }

    /// Whether rows that are in the table behind the run are among those that could refer to what it deletes: where
    /// all are deleted before one is added, none is.
    pub(super) fn keeps_rows(&self) -> bool {
        self.mode != Mode::Replace
    }

    /// Whether there is nothing in a row but its key.
    pub(super) fn is_all_key(&self) -> bool {
        self.key.len() == self.columns.len()
    }

    /// Whether a batch has these columns, and a value wherever one must be.
    ///
    /// `first` is the number of its first row.
    ///
    /// # Errors
    /// A null where a value must be, named by column and row.
    pub fn check(&self, batch: &RecordBatch, first: u64) -> Result<()> {
        if batch.num_columns() != self.columns.len() {
            return Err(Error::query(format!(
                "the query yields {} columns where `{}` takes {}",
                batch.num_columns(),
                self.table,
                self.columns.len()
            )));
        }
        for (column, array) in self.columns.iter().zip(batch.columns()) {
            if array.data_type() != column.field.data_type() {
                return Err(Error::query(format!(
                    "column `{}` arrives as {} where {} was declared",
                    column.name,
                    array.data_type(),
                    column.field.data_type()
                ))
                .help("this is a mistake in apitap: please report it"));
            }
            let Some(required) = column.required else { continue };
            let null = (array.null_count() > 0)
                .then(|| (0..array.len()).find(|&row| array.is_null(row)))
                .flatten();
            if let Some(row) = null {
                return Err(refusal::null(&self.table, column, required, first + row as u64));
            }
        }
        Ok(())
    }
}

fn misfit(misfit: Misfit) -> Error {
    Error::config(misfit.message).help(misfit.help)
}

fn unknown_key(table: &TableName, name: &str, row: &Schema) -> Error {
    let all: Vec<_> = row.fields.iter().map(|field| format!("`{}`", field.name)).collect();
    Error::config(format!(
        "the key of `{table}` names a column `{name}`, which the query does not yield"
    ))
    .help(format!("it yields {}", all.join(", ")))
}
