//! `apitap check --watch`: checks again whenever a file of the project changes.
//!
//! Looks at modification times and sizes only, a few times a second: a project has few files, and
//! what tells of changes by itself differs from system to system and is silent on network drives.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use apitap_build::check::{Policy, Schemas};
use apitap_build::project::{Compiled, sql_files};
use tokio::time::sleep;

use super::{Project, findings};
use crate::commands::Format;
use crate::commands::output::{self, usage};
use crate::commands::stopped;

/// How often to look.
const EVERY: Duration = Duration::from_millis(200);
/// How long nothing must change before the files are read: editors write in several steps.
const QUIET: Duration = Duration::from_millis(50);

/// What tells one version of a file from another; `None` where there is none.
type Stamps = BTreeMap<PathBuf, Option<(SystemTime, u64)>>;

/// Checks until Ctrl-C, which is the way to end it: exit code 0.
pub(super) fn watch(project: &Project, strict: bool, format: Format) -> ExitCode {
    let policy = Policy { schemas: Schemas::MayBeInferred, strict };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return usage(&format!("cannot start: {error}")),
    };
    runtime.block_on(async {
        tokio::select! {
            // First, so that it listens before the first check begins.
            biased;
            () = stopped() => ExitCode::SUCCESS,
            message = check_again_and_again(project, policy, format) => usage(&message),
        }
    })
}

/// Ends only where what is found can no longer be printed.
async fn check_again_and_again(project: &Project, policy: Policy, format: Format) -> String {
    let mut named = BTreeSet::new();
    loop {
        let (compiled, stamps) = check(project, policy, &mut named);
        if let Err(message) = print(&compiled, format) {
            return message;
        }
        while project.stamps(&named) == stamps {
            sleep(EVERY).await;
        }
        let mut changing = project.stamps(&named);
        loop {
            sleep(QUIET).await;
            let now = project.stamps(&named);
            if now == changing {
                break;
            }
            changing = now;
        }
    }
}

/// Checks, and says which versions of the files have been read at the earliest.
///
/// Which files a project names is known only after reading it, and the stamps are taken before, so
/// that no change goes unseen: where there are new names, all is read once more.
fn check(project: &Project, policy: Policy, named: &mut BTreeSet<PathBuf>) -> (Compiled, Stamps) {
    loop {
        let stamps = project.stamps(named);
        let compiled = project.compile(policy);
        // Those that could not be read are wanted, too.
        let wanted = compiled.schema_files.iter().map(String::as_str);
        named.extend(compiled.files.names().chain(wanted).map(PathBuf::from));
        if named.iter().all(|name| stamps.contains_key(name)) {
            return (compiled, stamps);
        }
    }
}

fn print(compiled: &Compiled, format: Format) -> Result<(), String> {
    output::tell(&format!("── {} ──", chrono::Local::now().format("%H:%M:%S")));
    match format {
        Format::Text => findings::print(&compiled.files, &compiled.findings),
        Format::Json => output::say(&findings::json(compiled).to_string())?,
    }
    findings::summarise(compiled);
    Ok(())
}

impl Project {
    /// The versions of all its files, of those that it has named, and of those that are new.
    fn stamps(&self, named: &BTreeSet<PathBuf>) -> Stamps {
        // A folder that cannot be read is a finding of the check, and here it has no files.
        let queries = sql_files(&self.modules()).unwrap_or_default();
        let paths = queries.iter().map(PathBuf::as_path).chain([self.yaml()]);
        let paths = paths.chain(named.iter().map(PathBuf::as_path));
        paths.map(|path| (path.to_owned(), stamp(path))).collect()
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = path.metadata().ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
