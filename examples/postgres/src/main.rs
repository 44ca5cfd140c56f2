//! Earthquakes into PostgreSQL: `DATABASE_URL=postgres://… cargo run -p postgres-example`.

use std::error::Error;
use std::process::ExitCode;

use quickstart::usgs::Usgs;

apitap::include_pipelines!();

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut environment = apitap::Environment::process();
    // Serves for as long as it lives.
    let mut recording = None;
    if std::env::var_os("USGS_URL").is_none() {
        environment = environment.with("USGS_URL", recording.insert(Usgs::serve()?).url());
    }
    let report = apitap::run_in(PIPELINES, environment).await;
    println!("{report}");
    Ok(ExitCode::from(report.exit_code()))
}

#[cfg(test)]
mod tests {
    use super::earthquakes::{self, Earthquakes, EarthquakesGeometry, EarthquakesProperties};

    /// Without PostgreSQL, and without the API.
    #[test]
    fn a_tsunami_is_told_from_none() {
        let quake = |id: &str, tsunami| Earthquakes {
            id: id.to_owned(),
            properties: EarthquakesProperties { tsunami, ..Default::default() },
            geometry: EarthquakesGeometry::default(),
        };
        let rows = earthquakes::transform([quake("a", 0), quake("b", 1)]);
        let rows = apitap::block_on(rows).expect("the query works");
        let found: Vec<_> = rows.iter().map(|row| (row.id.as_str(), row.tsunami)).collect();
        assert_eq!(found, [("a", false), ("b", true)]);
        assert_eq!(rows[0].longitude, None);
    }
}
