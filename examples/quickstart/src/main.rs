//! Earthquakes into SQLite: one pipeline of YAML and SQL, one of Rust, and a look at the result. `serve` serves their
//! recording, for pipelines of your own.

use std::error::Error;
use std::process::ExitCode;

use quickstart::usgs::Usgs;
use sqlx::{Connection as _, Row as _, SqliteConnection};

mod networks;
#[cfg(test)]
mod tests;

apitap::include_pipelines!();

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    if std::env::args().nth(1).is_some_and(|argument| argument == "serve") {
        return serve();
    }
    let mut environment = apitap::Environment::process();
    // Serves for as long as it lives.
    let mut recording = None;
    if std::env::var_os("USGS_URL").is_none() {
        let recording = recording.insert(Usgs::serve()?).url();
        println!("serving the recording of February 2018 at {recording}\n");
        environment = environment.with("USGS_URL", recording);
    }
    let pipelines: Vec<_> =
        PIPELINES.iter().chain(networks::networks::PIPELINES).copied().collect();
    let report = apitap::run_in(&pipelines, environment).await;
    println!("{report}\n");
    if report.is_success() {
        let path = std::env::var("QUAKES_DB").unwrap_or_else(|_| "quakes.db".to_owned());
        show(&path).await?;
    }
    Ok(ExitCode::from(report.exit_code()))
}

/// Serves the recording until somebody stops the program.
fn serve() -> Result<ExitCode, Box<dyn Error>> {
    let recording = Usgs::serve()?;
    println!("serving the recording of February 2018 until Ctrl-C; elsewhere, say");
    println!("export USGS_URL={}", recording.url());
    loop {
        std::thread::park();
    }
}

/// A few rows of what is in the database now.
async fn show(path: &str) -> Result<(), sqlx::Error> {
    let mut database = SqliteConnection::connect(&format!("sqlite:{path}")).await?;
    println!("the strongest earthquakes in {path}:");
    let strongest = "SELECT magnitude, time, place FROM earthquakes \
                     ORDER BY magnitude DESC, time LIMIT 5";
    for row in sqlx::query(strongest).fetch_all(&mut database).await? {
        let (magnitude, time): (f64, String) = (row.try_get(0)?, row.try_get(1)?);
        println!("  {magnitude:.1}  {time}  {}", row.try_get::<String, _>(2)?);
    }
    println!("\nby network:");
    let networks = "SELECT network, earthquakes, strongest FROM networks \
                    ORDER BY earthquakes DESC LIMIT 5";
    for row in sqlx::query(networks).fetch_all(&mut database).await? {
        let (network, count): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        let strongest: Option<f64> = row.try_get(2)?;
        let strongest = strongest.map_or("-".to_owned(), |strongest| format!("{strongest:.1}"));
        println!("  {network}  {count:>5}  strongest {strongest}");
    }
    Ok(())
}
