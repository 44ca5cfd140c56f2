//! Tables of apitap's own, beside those of the rows.

use super::{Dialect, Place, statement};
use crate::Result;
use crate::sink::Load;

/// Creates one where it is not there: columns with their types, and the key.
pub(super) async fn create<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    place: &Place,
    columns: &[(&str, String)],
    key: [&str; 2],
) -> Result<()> {
    if dialect.find(connection, load, place).await?.is_some() {
        return Ok(());
    }
    let to_create = |error| dialect.refused(load, "to create what apitap keeps beside", &error);
    dialect.lock(connection, &place.to_string()).await.map_err(to_create)?;
    let columns = columns.iter().map(|(name, ty)| format!("{} {ty}", dialect.quote(name)));
    let create = format!(
        "CREATE TABLE{} {place} ({}, {}){}",
        D::IF_ABSENT,
        columns.collect::<Vec<_>>().join(", "),
        dialect.key_constraint(&statement::list(dialect, key)),
        D::TABLE_OPTIONS
    );
    let created = dialect.execute(connection, &create).await;
    if let Err(error) = created {
        // Another run may have been quicker. Within a transaction, nothing more could be asked.
        let is_there =
            !D::CREATES_IN_TRANSACTION && dialect.find(connection, load, place).await?.is_some();
        if !is_there {
            return Err(to_create(error));
        }
    }
    dialect.unlock(connection, &place.to_string()).await.map_err(to_create)
}

/// The condition for one row of such a table: its key, whose values are the parameters from number `first` on.
pub(in crate::sink) fn is_row(dialect: &impl Dialect, key: [&str; 2], first: usize) -> String {
    let [one, other] = key.map(|name| dialect.quote(name));
    format!("{one} = {} AND {other} = {}", dialect.parameter(first), dialect.parameter(first + 1))
}
