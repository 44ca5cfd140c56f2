//! A million made-up orders into PostgreSQL, and what that costs: see `docs/performance.md`.

use std::process::ExitCode;

apitap::include_pipelines!();

#[tokio::main]
async fn main() -> ExitCode {
    let report = apitap::run(PIPELINES).await;
    println!("{report}");
    // What Linux knows of this process: how much memory it has held at most.
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        status.lines().filter(|line| line.starts_with("VmHWM")).for_each(|line| println!("{line}"));
    }
    ExitCode::from(report.exit_code())
}
