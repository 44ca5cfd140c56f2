//! Many pipelines in one run, measured: `many APITAP [PIPELINES]`, with the path of a built `apitap`.
//!
//! Needs nothing else: it has an API and a PostgreSQL of its own.

use std::path::PathBuf;
use std::time::Duration;

use apitap_tests::many::Many;
use apitap_tests::postgres;

/// Longer than any of the runs; one that hangs ends with an error.
const LIMIT: Duration = Duration::from_secs(1800);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let program = PathBuf::from(arguments.next().ok_or("say which: `many target/release/apitap`")?);
    let program = program.canonicalize()?;
    let count: usize = arguments.next().map_or(Ok(1000), |count| count.parse())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let database = || runtime.block_on(postgres::database());

    let measure = |what: &str, many: &Many, database: &str| {
        let watched = many.run(&program, &[], database, LIMIT);
        println!("{what}: {}", watched.summary(many.rows));
        let report: serde_json::Value = serde_json::from_str(&watched.finished.stdout)?;
        let (rows, pages) = (&report["total"]["rows"], many.api.requests().len() as u64);
        if watched.finished.code != Some(0) || *rows != many.rows || pages != many.pages {
            return Err(format!(
                "exit code {:?}, {rows} of {} rows, {pages} of {} pages\n{}",
                watched.finished.code, many.rows, many.pages, watched.finished.stderr
            )
            .into());
        }
        Ok::<_, Box<dyn std::error::Error>>(watched)
    };

    let url = database();
    measure(&format!("{count} queries over 2 sources"), &Many::queries(count, 10_000, &url), &url)?;
    let url = database();
    measure(&format!("{count} sources of 5 pages"), &Many::sources(count, &url), &url)?;
    let url = database();
    let many = Many::slow_beside(50, Duration::from_secs(5), &url);
    let watched = measure("a slow pipeline beside 50 quick ones", &many, &url)?;
    for (pipeline, time) in watched.committed() {
        println!("  {time} {pipeline}");
    }
    Ok(())
}
