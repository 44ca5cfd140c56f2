//! The statements that put rows that wait into a table, as the standard has them.

use super::Standard;
use super::words::{Speech, Staging};
use crate::definition::Mode;
use crate::sink::adbc::ingest::Sent;
use crate::sink::load::{Column, Load};
use crate::sink::sql::{self, Change, Dialect, Inbox, Place, THERE, staged};

/// The column of the staging table that numbers the rows.
pub(super) const NUMBER: &str = "seq";
/// How a merge names a row that came.
const CAME: &str = "came";

impl<S: Speech> Standard<S> {
    /// What creates the staging table: every name in it is quoted, as the driver writes it.
    pub(super) fn staging(&self, load: &Load, table: &str) -> String {
        let (create, behind) = match S::WORDS.staging {
            Staging::Temporary { creates, behind, .. } => (creates, behind),
            Staging::Beside { behind, .. } => ("CREATE TABLE", behind),
        };
        let number = format!("{} {} NOT NULL", self.quote(NUMBER), S::WORDS.types.int64.creates);
        let columns = load.columns.iter().enumerate().map(|(place, column)| {
            let ty = match is_cast::<S>(column) {
                true => S::WORDS.types.text.creates.to_owned(),
                false => S::WORDS.types.creates(&column.ty),
            };
            format!("{} {ty}", self.quote(&staged(place)))
        });
        let columns: Vec<_> = std::iter::once(number).chain(columns).collect();
        format!("{create} {table} ({}){behind}", columns.join(", "))
    }

    /// For each column, what yields its value from the staging table, under the name that it has there.
    pub(super) fn values(&self, load: &Load) -> Vec<String> {
        let value = |(place, column): (usize, &Column)| {
            let name = self.quote(&staged(place));
            match is_cast::<S>(column) {
                true => format!("CAST({name} AS {}) AS {name}", S::WORDS.types.creates(&column.ty)),
                false => name,
            }
        };
        load.columns.iter().enumerate().map(value).collect()
    }

    /// The query of the rows that wait, of each key the one that counts.
    pub(super) fn each_once(&self, load: &Load, inbox: &Inbox) -> String {
        let (table, values) = (&inbox.table, inbox.values.join(", "));
        let key = load.key.iter().filter_map(|&place| {
            let column = load.columns.get(place)?;
            Some((S::WORDS.compared)(&column.ty, self.quote(&staged(place))))
        });
        let key: Vec<_> = key.flatten().collect();
        if key.is_empty() {
            return format!("SELECT {values} FROM {table}");
        }
        let one = if load.mode == Mode::InsertNew { "min" } else { "max" };
        let number = self.quote(NUMBER);
        format!(
            "SELECT {values} FROM {table} WHERE {number} IN (SELECT {one}({number}) FROM {table} GROUP BY {})",
            key.join(", ")
        )
    }

    /// Updates the rows whose key is there, or leaves them, and adds the others.
    pub(super) fn merged(&self, load: &Load, table: &Place, rows: &str) -> String {
        let columns = || load.columns.iter().enumerate();
        let came = |place: usize| format!("{CAME}.{}", self.quote(&staged(place)));
        let changes =
            columns().filter(|(_, column)| load.mode != Mode::InsertNew && !load.is_key(column));
        let changes: Vec<_> = changes
            .map(|(place, column)| format!("{} = {}", self.quote(&column.name), came(place)))
            .collect();
        let update = match changes.is_empty() {
            true => String::new(),
            false => format!("WHEN MATCHED THEN UPDATE SET {}\n", changes.join(", ")),
        };
        let names = sql::list(self, load.columns.iter().map(|column| column.name.as_str()));
        let values: Vec<_> = columns().map(|(place, _)| came(place)).collect();
        format!(
            "MERGE INTO {table} AS {THERE}\nUSING ({rows}) AS {CAME}\nON {}\n{update}WHEN NOT MATCHED THEN \
             INSERT {names} VALUES ({}){}",
            self.same_key(load, THERE),
            values.join(", "),
            S::WORDS.ends_merge
        )
    }

    /// The condition that a row of the table of that name has the key of one that came.
    fn same_key(&self, load: &Load, table: &str) -> String {
        let same = load.key.iter().filter_map(|&place| {
            let column = load.columns.get(place)?;
            let compared = |table: &str, name: &str| {
                (S::WORDS.compared)(&column.ty, format!("{table}.{}", self.quote(name)))
            };
            let pairs =
                compared(table, &column.name).into_iter().zip(compared(CAME, &staged(place)));
            Some(pairs.map(|(there, came)| format!("{there} = {came}")))
        });
        same.flatten().collect::<Vec<_>>().join(" AND ")
    }

    /// `FROM … WHERE …`: the rows whose key is not among those that wait.
    pub(super) fn not_come(&self, load: &Load, table: &Place, inbox: &Inbox) -> String {
        let (named, name) = match S::WORDS.names_deleted {
            true => (format!("{table} AS {THERE}"), THERE.to_owned()),
            false => (table.to_string(), table.to_string()),
        };
        format!(
            "FROM {named} WHERE NOT EXISTS (SELECT 1 FROM (SELECT {} FROM {}) AS {CAME} WHERE {})",
            inbox.values.join(", "),
            inbox.table,
            self.same_key(load, &name)
        )
    }

    /// The statement that a person would run to have the table take our rows.
    pub(super) fn fixed(&self, table: &Place, change: Change<'_>) -> String {
        let quote = |name: &str| self.quote(name);
        let change = match change {
            Change::AddColumn(column) => {
                let (adds, ty) = (S::WORDS.adds, S::WORDS.types.creates(&column.ty));
                format!("{adds} {} {ty}", quote(&column.name))
            }
            Change::Retype(column, _, key) => format!(
                "ALTER COLUMN {} {}{}",
                quote(&column.name),
                S::WORDS.retypes,
                self.column_type(&column.ty, key)
            ),
            Change::DropNotNull(found) | Change::TakeNull(found) => {
                format!("ALTER COLUMN {} {}", quote(&found.name), (S::WORDS.takes_null)(&found.ty))
            }
            Change::AddUnique(load) if S::WORDS.catalog.keys.is_none() => {
                return format!(
                    "rows of one key are in it twice: {}",
                    self.keys_twice(load, table)
                );
            }
            Change::AddUnique(load) => {
                format!("ADD {}", self.key_constraint(&sql::list(self, load.key_names())))
            }
        };
        format!("ALTER TABLE {table} {change}")
    }
}

/// Whether a column's values are sent as text, and are no text in the table.
fn is_cast<S: Speech>(column: &Column) -> bool {
    (S::WORDS.sent)(&column.ty) == Sent::Text && Sent::by_type(&column.ty) != Sent::Text
}
