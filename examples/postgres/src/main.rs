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
