//! A private server of a package: started at the first call, gone when this process is.
//!
//! One server for the whole process, in a temporary folder, on a free port of loopback. A shell starts
//! it and then reads from a pipe that this process holds open: however the process ends, the pipe ends
//! too, and the shell stops the server and removes the folder.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

/// Who logs in: a user and a password, so that a program that loses the password is noticed.
pub const USER: &str = "apitap";
/// The password of [`USER`].
pub const PASSWORD: &str = "no secret";

/// A kind of server.
pub(crate) struct Kind {
    /// What people call it.
    pub(crate) name: &'static str,
    /// What brings it.
    pub(crate) package: Package,
    /// The programs that the script runs.
    pub(crate) programs: &'static [&'static str],
    /// The users that it may run as, where we are root; none where it runs as root, too.
    pub(crate) users: &'static [&'static str],
    /// The folders where the package puts the programs, the best one first; then comes `PATH`.
    pub(crate) folders: fn() -> Vec<PathBuf>,
    /// `$1`: the folder of the programs, `$2`: an empty folder but for the file `password`, `$3`: the
    /// port, then whatever [`Kind::start_with`] is given. Says `ready` once the server answers; anything
    /// else it says is why it does not. A line on its standard input has it kill the server and start it
    /// again.
    pub(crate) serve: &'static str,
}

/// What stands beside the programs of [`Package::Python`] and [`Package::Node`] when all are there.
pub(crate) const INSTALLED: &str = "installed";

/// What brings the programs of a server.
pub(crate) enum Package {
    /// One of Debian's.
    Debian(&'static str),
    /// Python's, into a folder of their own.
    Python { folder: fn() -> PathBuf, packages: &'static [&'static str] },
    /// One of Node's, into a folder of its own.
    Node { folder: fn() -> PathBuf, package: fn() -> String },
}

/// A server that runs as long as this process holds the other end of its pipe.
pub(crate) struct Server {
    pub(crate) port: u16,
    pipe: ChildStdin,
    output: ChildStdout,
}

impl Server {
    pub(crate) fn url(&self, scheme: &str, database: &str) -> String {
        let password = PASSWORD.replace(' ', "%20");
        format!("{scheme}://{USER}:{password}@127.0.0.1:{}/{database}", self.port)
    }
}

impl Server {
    /// Kills the server in the middle of whatever it does, and starts it again.
    pub(crate) fn kill_and_start(&mut self) {
        self.pipe.write_all(b"again\n").expect("its shell reads");
        let said = until_ready(&mut self.output);
        assert_eq!(said, Ok(()), "the server starts again");
    }
}

/// Waits for the line; what comes instead is the reason.
fn until_ready(output: &mut ChildStdout) -> Result<(), String> {
    let mut said = Vec::new();
    while said != b"ready\n" {
        let mut byte = [0];
        match output.read(&mut byte) {
            Ok(0) => return Err(String::from_utf8_lossy(&said).into_owned()),
            Ok(_) => said.push(byte[0]),
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}

impl Kind {
    pub(crate) fn start(&self) -> Result<Server, String> {
        self.start_with(&[])
    }

    /// Starts it with further arguments for its script.
    pub(crate) fn start_with(&self, arguments: &[&str]) -> Result<Server, String> {
        let programs = self.programs()?;
        let mut reason = String::new();
        // Between our choice of a port and the server's start, somebody else may take it.
        for _ in 0..5 {
            let port = free_port().map_err(|error| format!("no free port: {error}"))?;
            match self.start_on(port, &programs, arguments) {
                Ok(server) => return Ok(server),
                Err(error) if error.contains("in use") => reason = error,
                Err(error) => return Err(error),
            }
        }
        Err(reason)
    }

    pub(crate) fn start_on(
        &self,
        port: u16,
        programs: &Path,
        arguments: &[&str],
    ) -> Result<Server, String> {
        let name = self.name;
        let prefix = format!("apitap-{}-", name.to_lowercase());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir();
        let folder = folder.map_err(|error| format!("no folder for {name}: {error}"))?;
        let path = folder.path().display();
        let failed = |error: io::Error| format!("cannot start {name} in {path}: {error}");
        let mut shell = Command::new("sh");
        shell
            .args(["-c", self.serve, "sh"])
            .arg(programs)
            .arg(folder.path())
            .arg(port.to_string())
            .args(arguments);
        shell.env("USER_NAME", USER).current_dir(folder.path());
        // A group of its own: Ctrl-C reaches the tests only, and the pipe tells the shell.
        shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).map_err(failed)?;
        if let Some((user, group)) = self.unprivileged(&folder)? {
            chown(folder.path(), Some(user), Some(group)).map_err(failed)?;
            chown(password, Some(user), Some(group)).map_err(failed)?;
            shell.uid(user).gid(group);
        }
        let child = shell.spawn().map_err(failed)?;
        // From here on the shell removes it.
        let _ = folder.keep();
        let (pipe, output) = self.wait_until_ready(child)?;
        Ok(Server { port, pipe, output })
    }

    /// Waits for the line; what comes instead is the reason.
    fn wait_until_ready(&self, mut child: Child) -> Result<(ChildStdin, ChildStdout), String> {
        let name = self.name;
        let (Some(pipe), Some(mut output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("cannot start {name}: its shell has no pipes"));
        };
        match until_ready(&mut output) {
            Ok(()) => Ok((pipe, output)),
            Err(reason) => Err(format!("cannot start {name}:\n{reason}")),
        }
    }

    /// The user and group to run as where we are root, as which servers refuse to run.
    fn unprivileged(&self, folder: &TempDir) -> Result<Option<(u32, u32)>, String> {
        let owner = fs::metadata(folder.path()).map_err(|error| error.to_string())?.uid();
        if owner != 0 || self.users.is_empty() {
            return Ok(None);
        }
        let ids = |name: &&str| Some((id(name, "-u")?, id(name, "-g")?));
        match self.users.iter().find_map(ids) {
            Some(ids) => Ok(Some(ids)),
            None => Err(format!(
                "{} does not run as root, and there is none of the users {:?}",
                self.name, self.users
            )),
        }
    }

    /// The folder of the programs, installed if need be.
    pub(crate) fn programs(&self) -> Result<PathBuf, String> {
        if let Some(folder) = self.find() {
            return Ok(folder);
        }
        self.install()?;
        let programs = self.programs.join("`, `");
        let nothing = || format!("the packages of {} brought no `{programs}`", self.name);
        self.find().ok_or_else(nothing)
    }

    fn find(&self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        (self.folders)()
            .into_iter()
            .chain(std::env::split_paths(&path))
            .find(|folder| self.programs.iter().all(|program| folder.join(program).is_file()))
    }

    fn install(&self) -> Result<(), String> {
        // One process at a time; the others find it installed.
        let lock = std::env::temp_dir().join("apitap-tests-install.lock");
        let lock =
            fs::File::create(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
        lock.lock().map_err(|error| format!("cannot wait for another installation: {error}"))?;
        if self.find().is_some() {
            return Ok(());
        }
        let (name, programs) = (self.name, self.programs.join("`, `"));
        match &self.package {
            Package::Debian(package) => debian(package).map_err(|error| {
                format!(
                    "the tests need {name}: put its `{programs}` on PATH (on Debian: `sudo apt-get \
                     install {package}`)\n{error}"
                )
            }),
            Package::Python { folder, packages } => python(&folder(), packages).map_err(|error| {
                format!(
                    "the tests need {name}: put `python3` on PATH, with the module `venv` (on Debian: \
                     `sudo apt-get install python3-venv`)\n{error}"
                )
            }),
            Package::Node { folder, package } => node(&folder(), &package()).map_err(|error| {
                format!(
                    "the tests need {name}: put `npm` on PATH (on Debian: `sudo apt-get install npm`)\n\
                     {error}"
                )
            }),
        }
    }
}

fn debian(package: &str) -> Result<(), String> {
    for arguments in [&["update"][..], &["install", "--yes", "--no-install-recommends", package]] {
        let mut call = Command::new("apt-get");
        call.args(["-o", "DPkg::Lock::Timeout=300"]).env("DEBIAN_FRONTEND", "noninteractive");
        succeed(call.args(arguments))?;
    }
    Ok(())
}

/// Installs packages into a folder.
fn python(folder: &Path, packages: &[&str]) -> Result<(), String> {
    clear(folder)?;
    let venv = || succeed(Command::new("python3").args(["-m", "venv"]).arg(folder));
    // Debian's Python comes without it.
    venv().or_else(|_| debian("python3-venv").and_then(|()| venv()))?;
    let mut pip = Command::new(folder.join("bin/pip"));
    succeed(pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(packages))?;
    mark(folder)
}

/// The same for a package of Node.
fn node(folder: &Path, package: &str) -> Result<(), String> {
    clear(folder)?;
    fs::create_dir_all(folder.join("bin")).map_err(|error| error.to_string())?;
    let install = || {
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]);
        succeed(npm.arg(folder).arg(package))
    };
    install().or_else(|_| debian("npm").and_then(|()| install()))?;
    mark(folder)
}

/// Removes what an installation that was killed has left in a folder.
fn clear(folder: &Path) -> Result<(), String> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    Ok(())
}

/// All of an installation is in a folder.
fn mark(folder: &Path) -> Result<(), String> {
    fs::write(folder.join("bin").join(INSTALLED), "").map_err(|error| error.to_string())
}

fn succeed(call: &mut Command) -> Result<(), String> {
    let output = call.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("`{call:?}`: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{call:?}` failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(())
}

fn id(user: &str, which: &str) -> Option<u32> {
    let output = Command::new("id").args([which, user]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
