//! Earthquakes into SQLite.

use std::process::ExitCode;

mod recording;
#[cfg(test)]
mod tests;

apitap::include_pipelines!();

fn main() -> ExitCode {
    if std::env::var_os("USGS_URL").is_some() {
        return apitap::command_line(PIPELINES, &[]);
    }
    match recording::serve() {
        Ok(url) => {
            eprintln!("asking the recording; the API itself: USGS_URL={API}");
            apitap::command_line(PIPELINES, &[("USGS_URL", &url)])
        }
        Err(error) => {
            eprintln!("error: the recording cannot be served: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What asks for the earthquakes of today, with `starttime` and `endtime` in `pipelines.yaml`.
const API: &str = "https://earthquake.usgs.gov";
