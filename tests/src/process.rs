//! The workspace's programs, built once per test process, and projects for them to work on.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use escargot::CargoBuild;
use tempfile::TempDir;

use crate::readme::root;

/// The `apitap` command, built from this workspace.
pub fn apitap() -> Command {
    Command::new(binary("apitap"))
}

/// The path of one of the workspace's programs, after it has been built.
///
/// Cargo builds it into the target folder and with the profile of this very test. `--workspace`
/// makes the features those of `cargo test --workspace`, so that no dependency is compiled twice;
/// it is also why this package depends on all of them.
pub fn binary(name: &str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    // A build that failed has poisoned nothing: the next test tries again and says why, too.
    let mut built = BUILT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(path) = built.get(name) {
        return path.clone();
    }
    let path = build(name);
    built.insert(name.to_owned(), path.clone());
    path
}

fn build(name: &str) -> PathBuf {
    let (target, profile) = target_and_profile();
    let mut cargo = CargoBuild::new()
        .arg("--workspace")
        .bin(name)
        .manifest_path(root().join("Cargo.toml"))
        .target_dir(target)
        .profile(profile);
    let mut variables = Vec::new();
    forget_the_test(|variable| variables.push(variable.to_owned()));
    for variable in variables {
        cargo = cargo.env_remove(variable);
    }
    let built = cargo.run().unwrap_or_else(|error| panic!("cannot build `{name}`: {error}"));
    built.path().to_owned()
}

/// What cargo says to the test: a build of another package must not take it for its own.
pub(crate) fn forget_the_test(mut forget: impl FnMut(&str)) {
    for (variable, _) in std::env::vars_os() {
        let variable = variable.to_string_lossy();
        if variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_") {
            forget(&variable);
        }
    }
}

/// `target/debug/deps/this-test` → `target` and `dev`.
pub(crate) fn target_and_profile() -> (PathBuf, String) {
    static FOUND: OnceLock<(PathBuf, String)> = OnceLock::new();
    let find = || {
        let test = std::env::current_exe().ok()?;
        let output = test.ancestors().find(|folder| folder.ends_with("deps"))?.parent()?;
        let profile = match output.file_name()?.to_str()? {
            "debug" => "dev",
            profile => profile,
        };
        Some((output.parent()?.to_owned(), profile.to_owned()))
    };
    FOUND.get_or_init(|| find().expect("cargo puts tests into TARGET/PROFILE/deps")).clone()
}

/// A folder of files for a program to work on, removed when this is dropped.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// A folder with these files: names (`sql/orders.sql`) and texts.
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let folder = tempfile::Builder::new().prefix("apitap-project-").tempdir().unwrap();
        let project = Self { folder };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, and the folders on the way to it.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        let folder = path.parent().expect("a file is in a folder");
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// The text of a file.
    pub fn read(&self, name: &str) -> String {
        let path = self.path().join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The `apitap` command with this folder as its working directory.
    pub fn apitap<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = apitap();
        command.args(arguments).current_dir(self.path());
        command
    }
}

/// How a program ended, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs a program without input to its end; one that takes longer than `limit` fails the test.
pub fn finish(command: &mut Command, limit: Duration) -> Finished {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let stdout = gather(child.stdout.take());
    let stderr = gather(child.stderr.take());
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if started.elapsed() > limit {
            child.kill().and_then(|()| child.wait()).unwrap();
            break None;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    match status {
        Some(status) => Finished { code: status.code(), stdout, stderr },
        None => panic!("{command:?} did not end within {limit:?}\n{stdout}\n{stderr}"),
    }
}

/// A program that has ended, and what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// How it ended.
    pub finished: Finished,
    /// From its start to its end.
    pub took: Duration,
    /// The most memory that it has held, in MiB.
    pub peak_mib: u64,
}

/// Runs a program as [`finish`] does, and looks at its memory while it runs.
pub fn measured(command: &mut Command, limit: Duration) -> Measured {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let started = Instant::now();
    let mut child =
        command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let (stdout, stderr) = (gather(child.stdout.take()), gather(child.stderr.take()));
    let (here, there) = (std::env::current_exe().unwrap(), format!("/proc/{}", child.id()));
    let mut peak_kib = 0;
    let code = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended.code();
        }
        if started.elapsed() > limit {
            child.kill().and_then(|()| child.wait()).unwrap();
            panic!("{command:?} did not end within {limit:?}");
        }
        // The memory of this process is that of the child, too, until it has become the program.
        if std::fs::read_link(format!("{there}/exe")).is_ok_and(|exe| exe != here) {
            // Gone between the two looks is no reason to fail.
            let text = std::fs::read_to_string(format!("{there}/status")).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            peak_kib = kib.unwrap_or(0).max(peak_kib);
        }
        thread::sleep(Duration::from_millis(10));
    };
    let took = started.elapsed();
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    Measured { finished: Finished { code, stdout, stderr }, took, peak_mib: peak_kib >> 10 }
}

/// Reads along, so that the program never waits for us.
pub(crate) fn gather(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = Vec::new();
        pipe.expect("a pipe").read_to_end(&mut text).expect("a pipe can be read");
        String::from_utf8(text).expect("programs say UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_finished_program_has_a_code_and_all_it_said() {
        let long = "head -c 1000000 /dev/zero | tr '\\0' x";
        let script = format!("{long}; echo; {long} >&2; exit 3");
        let finished = finish(&mut sh(&script), Duration::from_secs(20));
        assert_eq!(finished.code, Some(3));
        assert_eq!((finished.stdout.len(), finished.stderr.len()), (1_000_001, 1_000_000));
        assert_eq!(finish(&mut sh("kill -9 $$"), Duration::from_secs(20)).code, None);
    }

    #[test]
    #[should_panic(expected = "did not end within")]
    fn a_program_that_hangs_fails_the_test() {
        finish(&mut sh("exec sleep 60"), Duration::from_millis(100));
    }

    #[test]
    fn a_project_is_its_files_and_goes_when_it_is_dropped() {
        let project =
            Project::new([("pipelines.yaml", "sources: []\n"), ("sql/a.sql", "SELECT 1")]);
        assert_eq!(project.read("sql/a.sql"), "SELECT 1");
        let path = project.path().to_owned();
        drop(project);
        assert!(!path.exists());
    }
}
