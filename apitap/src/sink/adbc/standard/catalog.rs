//! What the `information_schema` says of a table.

use super::Standard;
use super::types::Shown;
use super::words::Speech;
use crate::Result;
use crate::sink::adbc::connection::Connection;
use crate::sink::adbc::database::rows;
use crate::sink::adbc::query::texts;
use crate::sink::sql::{self, Dialect, Found, FoundColumn, Place};
use crate::sink::{Load, refusal};

impl<S: Speech> Standard<S> {
    /// Asks the catalog about a table.
    pub(super) async fn about(
        &self,
        connection: &mut Connection,
        question: &str,
        table: &Place,
    ) -> sqlx::Result<Vec<Vec<String>>> {
        let names = [table.schema.as_str(), &table.name];
        let question = question.replace("{schema}", &self.quote(&table.schema));
        let (question, order) = self.numbered(&question);
        let arguments: Vec<_> =
            order.into_iter().filter_map(|number| names.get(number).copied()).collect();
        rows(connection, &question, &arguments).await
    }

    /// The table, if it is there.
    pub(super) async fn look(
        &self,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> Result<Option<Found>> {
        let to_show = |error| self.refused(load, "to show", &error);
        let catalog = &S::WORDS.catalog;
        let kinds = self.about(connection, catalog.kind, table).await.map_err(to_show)?;
        match kinds.into_iter().next().and_then(texts) {
            None => return Ok(None),
            Some([kind]) if kind.eq_ignore_ascii_case("base table") => {}
            Some([kind]) => {
                return Err(refusal::not_a_table(&load.table, &kind.to_ascii_lowercase()));
            }
        }
        let columns = self.about(connection, catalog.columns, table).await.map_err(to_show)?;
        let columns = columns.into_iter().filter_map(texts).map(column).collect();
        let unique_keys = self.unique_keys(connection, load, table).await.map_err(to_show)?;
        Ok(Some(Found { columns, unique_keys }))
    }

    async fn unique_keys(
        &self,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> sqlx::Result<Vec<Vec<String>>> {
        if let Some(keys) = S::WORDS.catalog.keys {
            let parts = self.about(connection, keys, table).await?;
            let parts: Vec<_> = parts.into_iter().filter_map(texts).collect();
            return Ok(sql::keys(&parts));
        }
        if !load.mode.needs_key() || table.name != load.table.name {
            return Ok(Vec::new());
        }
        let twice =
            format!("SELECT DISTINCT 'a key' FROM ({}) AS twice", self.keys_twice(load, table));
        let twice = rows(connection, &twice, &[]).await?;
        let key = || load.key_names().map(str::to_owned).collect();
        Ok(twice.is_empty().then(key).into_iter().collect())
    }

    /// The query of keys that are in a table twice.
    pub(super) fn keys_twice(&self, load: &Load, table: &Place) -> String {
        let key: Vec<_> = load.key_names().map(|name| self.quote(name)).collect();
        let key = key.join(", ");
        format!("SELECT {key} FROM {table} GROUP BY {key} HAVING count(*) > 1")
    }

    /// Whether emptying the table changes no other table, as far as the catalog shows it.
    pub(super) async fn check_replaceable(
        &self,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> Result<()> {
        let Some(cascades) = S::WORDS.catalog.cascades else { return Ok(()) };
        let to_show = |error| self.refused(load, "to show", &error);
        let referring = self.about(connection, cascades, table).await.map_err(to_show)?;
        match referring.into_iter().find_map(texts) {
            Some([other, action]) => Err(refusal::referred_to(load, &other, &action)),
            None => Ok(()),
        }
    }

    /// What stands in place of `{1}` and `{2}`, and which of the two it is, from 0 on: a parameter without a
    /// number takes the next value.
    fn numbered(&self, question: &str) -> (String, Vec<usize>) {
        let (mut written, mut order) = (String::new(), Vec::new());
        let mut rest = question;
        while let Some((before, number, behind)) = placeholder(rest) {
            order.push(number);
            written.push_str(before);
            written.push_str(&self.parameter(order.len()));
            rest = behind;
        }
        written.push_str(rest);
        (written, order)
    }
}

/// The first `{1}` or `{2}` of a text: what is before it, its number less one, and what is behind it.
fn placeholder(text: &str) -> Option<(&str, usize, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (number, behind) = rest.split_once('}')?;
    Some((before, number.parse::<usize>().ok()?.checked_sub(1)?, behind))
}

fn column(row: [String; 8]) -> FoundColumn {
    let [name, ty, length, precision, scale, seconds, nullable, filled] = row;
    let shown = Shown { name: ty, limits: [length, precision, scale, seconds] };
    let filled = filled == "YES";
    let not_null = nullable == "NO";
    let ty = shown.to_string();
    FoundColumn { name, ty, not_null, filled, plain: false, closed: None, folds: None }
}
