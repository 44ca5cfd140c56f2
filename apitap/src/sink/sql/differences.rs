//! A table that is there against the rows of a load, without changing anything: for people who want to
//! see the statements first.

use super::{Dialect, catalog, statement};
use crate::Result;
use crate::definition::Evolve;
use crate::sink::Load;
use crate::sink::contract::Difference;

/// All ways in which the table is not what the rows need.
pub(in crate::sink) async fn differences<D: Dialect>(
    dialect: &D,
    load: &Load,
) -> Result<Vec<Difference>> {
    load.check_names(dialect.capabilities())?;
    let mut connection = dialect.connect().await?;
    let table = dialect.place(&mut connection, &load.table).await?;
    let Some(found) = dialect.find(&mut connection, load, &table).await? else {
        let key = statement::primary_key(dialect, load);
        let create = statement::create_table(dialect, load, &table.to_string(), key);
        return Ok(vec![Difference {
            what: format!("the table `{}` does not exist", load.table),
            statement: Some(create),
            is_made: true,
        }]);
    };
    let misfits = found.misfits(dialect, load, &table).into_iter();
    Ok(misfits
        .map(|misfit| Difference {
            what: misfit.refusal.message().to_owned(),
            statement: misfit.fix,
            is_made: catalog::renews(dialect, load)
                || misfit.growth.is_some() && load.evolve != Evolve::Freeze,
        })
        .collect())
}
