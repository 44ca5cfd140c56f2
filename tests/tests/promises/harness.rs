//! The harness itself: the programs that it builds, and the servers that it leaves behind (none).

use std::fs::{Permissions, read_dir, set_permissions};
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use apitap_tests::process::{self, Project, finish};

#[test]
fn the_apitap_command_is_built_and_runs_in_its_project() {
    let project = Project::new([("pipelines.yaml", "sources: []\n")]);
    let command = project.apitap(["--version"]);
    assert_eq!(command.get_program(), process::binary("apitap"));
    assert_eq!(command.get_current_dir(), Some(project.path()));
    let mut command = command;
    assert_eq!(finish(&mut command, Duration::from_secs(60)).code, Some(0));
}

/// A PostgreSQL of another process.
struct Other {
    process: Child,
    url: String,
    /// Where its temporary folder is.
    folder: Project,
}

impl Other {
    fn start() -> Self {
        let folder = Project::new([]);
        // As /tmp is: PostgreSQL does not run as root, and its user removes a folder of its own.
        set_permissions(folder.path(), Permissions::from_mode(0o1777)).expect("our own folder");
        let mut process = Command::new(env!("CARGO_BIN_EXE_test-postgres"))
            .env("TMPDIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut url = String::new();
        let stdout = process.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut url).expect("its address");
        Self { process, url: url.trim().to_owned(), folder }
    }

    fn answers(&self) -> bool {
        let url = url::Url::parse(&self.url).expect("an address");
        TcpStream::connect(("127.0.0.1", url.port().expect("a port"))).is_ok()
    }

    fn folders(&self) -> usize {
        read_dir(self.folder.path()).expect("our own folder").count()
    }

    fn check_gone(&self) {
        let started = Instant::now();
        while self.answers() || self.folders() > 0 {
            assert!(started.elapsed() < Duration::from_secs(20), "still there: {}", self.url);
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn postgres_goes_with_the_process_that_started_it() {
    let mut other = Other::start();
    assert!(other.answers());
    assert_eq!(other.folders(), 1);
    drop(other.process.stdin.take());
    assert!(other.process.wait().expect("our own child").success());
    other.check_gone();
}

#[test]
fn postgres_goes_when_that_process_is_killed() {
    let mut other = Other::start();
    assert!(other.answers());
    other.process.kill().expect("our own child");
    other.process.wait().expect("our own child");
    other.check_gone();
}
