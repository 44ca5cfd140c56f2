//! An ignored test of this binary that is run as a program of its own, and killed behind some of its commits.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use apitap_tests::random::Random;

/// What the program says on its standard error when it has committed.
pub(super) const COMMITTED: &str = "committed";
/// A program is killed behind fewer commits than that.
const COMMITS: usize = 4;

/// The ignored test of that path, as a program.
pub(super) fn program(test: &str) -> Command {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["--ignored", "--exact", "--nocapture", test]);
    program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    program
}

/// Runs a program and kills it behind some of its commits, and a while that may reach over the next one: how
/// often it had said that it committed. Nothing if it came to its end.
///
/// `usual` is about how long its first commit takes.
pub(super) fn killed_after(
    program: &mut Command,
    usual: Duration,
    chance: &mut Random,
) -> Option<u64> {
    let mut program = program.spawn().unwrap();
    let mut said = BufReader::new(program.stderr.take().unwrap()).lines().map(Result::unwrap);
    let (wanted, mut commits) = (chance.below(COMMITS) as u64, 0);
    let mut last = Instant::now();
    let mut between = usual;
    let mut all = String::new();
    let mut committed = |line: &String| {
        all.push_str(line);
        all.push('\n');
        line == COMMITTED
    };
    while commits < wanted && said.by_ref().any(|line| committed(&line)) {
        commits += 1;
        between = last.elapsed();
        last = Instant::now();
    }
    if commits == wanted {
        std::thread::sleep(between.mul_f64(chance.below(200) as f64 / 100.0));
        program.kill().unwrap();
    }
    let commits = commits + said.filter(|line| committed(line)).count() as u64;
    let status = program.wait().unwrap();
    assert!(status.success() || status.signal() == Some(9), "{status}: {all}");
    (!status.success()).then_some(commits)
}
