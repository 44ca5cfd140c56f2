//! Where rows wait for the commit: in a temporary table, or in one beside that of the rows.

use chrono::{Duration, NaiveDate, Utc};

use super::Standard;
use super::words::{Speech, Staging};
use crate::Result;
use crate::definition::table::TableName;
use crate::sink::Load;
use crate::sink::adbc::connection::Connection;
use crate::sink::adbc::database::STAGING;
use crate::sink::adbc::ingest::Destination;
use crate::sink::sql::{self, Dialect, Inbox};

/// How a table beside says from which day it is.
const DAY: &str = "%Y%m%d";
/// No load takes as many days.
const DAYS: i64 = 3;

impl<S: Speech> Standard<S> {
    /// The name of the staging table of a load.
    pub(super) fn staging_name() -> String {
        match S::WORDS.staging {
            Staging::Temporary { .. } => STAGING.to_owned(),
            Staging::Beside { .. } => {
                let own = uuid::Uuid::new_v4().simple();
                format!("{STAGING}_{}_{own}", Utc::now().format(DAY))
            }
        }
    }

    /// The staging table as it stands in SQL.
    pub(super) fn staging_table(&self, load: &Load) -> String {
        match S::WORDS.staging {
            Staging::Temporary { .. } => self.quote(&self.staging),
            Staging::Beside { .. } => {
                let schema = load.table.schema.clone();
                sql::written(self, &TableName { schema, name: self.staging.clone() })
            }
        }
    }

    /// Where the driver sends rows.
    pub(super) fn destination(&self, load: &Load) -> Destination {
        let table = self.staging.clone();
        match S::WORDS.staging {
            Staging::Temporary { told, .. } => {
                Destination { table, schema: None, tells_temporary: told }
            }
            Staging::Beside { .. } => {
                let schema = load.table.schema.clone();
                Destination { table, schema, tells_temporary: false }
            }
        }
    }

    /// Creates the staging table.
    pub(super) async fn create_staging(
        &self,
        connection: &mut Connection,
        load: &Load,
        table: &str,
    ) -> Result<()> {
        let to_stage = |error| self.refused(load, "to stage", &error);
        if let Staging::Beside { left, .. } = S::WORDS.staging {
            // Behind a connection that was lost, it may be there.
            let drop = format!("DROP TABLE IF EXISTS {table}");
            self.execute(connection, &drop).await.map_err(to_stage)?;
            if let Some(left) = left {
                self.drop_left(connection, load, left).await?;
            }
        }
        let created = self.execute(connection, &self.staging(load, table)).await;
        created.map(drop).map_err(to_stage)
    }

    /// Drops what loads of other days have left that were killed.
    async fn drop_left(&self, connection: &mut Connection, load: &Load, left: &str) -> Result<()> {
        let to_stage = |error| self.refused(load, "to stage", &error);
        let place = self.place(connection, &load.table).await?;
        let names = self.about(connection, left, &place).await.map_err(to_stage)?;
        let today = Utc::now().date_naive();
        for name in names.into_iter().flatten().filter(|name| is_old(name, today)) {
            let old = place.beside(self, name);
            let dropped = self.execute(connection, &format!("DROP TABLE IF EXISTS {old}")).await;
            // It may be another one's.
            if let Err(error) = dropped {
                tracing::debug!("{old} is left: {error}");
            }
        }
        Ok(())
    }

    /// Drops the staging table at the end of a load.
    pub(super) async fn drop_staging(&self, connection: &mut Connection, inbox: &Inbox) {
        if let Staging::Beside { .. } = S::WORDS.staging {
            let dropped = self.execute(connection, &format!("DROP TABLE {}", inbox.table)).await;
            if let Err(error) = dropped {
                tracing::debug!("{} is left: {error}", inbox.table);
            }
        }
    }
}

/// Whether a table is one of ours from some days before.
fn is_old(name: &str, today: NaiveDate) -> bool {
    let day = name.strip_prefix(STAGING).and_then(|rest| rest.strip_prefix('_')?.get(..8));
    let day = day.and_then(|day| NaiveDate::parse_from_str(day, DAY).ok());
    day.is_some_and(|day| today - day > Duration::days(DAYS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_staging_table_is_old_after_some_days_and_no_other_table_is() {
        let check = |name: &str, expected: bool| {
            let today = NaiveDate::from_ymd_opt(2026, 11, 27).unwrap();
            assert_eq!(is_old(name, today), expected, "{name}");
        };
        check("_apitap_staging_20261123_00ff", true);
        check("_apitap_staging_20261124_00ff", false);
        check("_apitap_staging_20261127_00ff", false);
        check("_apitap_staging", false);
        check("_apitap_staging_orders", false);
        check("orders_20200101", false);
    }
}
