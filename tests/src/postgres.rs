//! A private PostgreSQL: started at the first call, gone when this process is.
//!
//! One server for the whole process, in a temporary folder, on a free port of loopback; each test
//! has a database of its own in it. A shell starts the server and then reads from a pipe that this
//! process holds open: however the process ends, the pipe ends too, and the shell stops the server
//! and removes the folder. Nothing is durable: a machine that crashes has nothing to recover.

use std::fs;
use std::io::{self, Read as _};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

/// Who logs in: a user and a password, so that a program that loses the password is noticed.
pub const USER: &str = "apitap";
/// The password of [`USER`].
pub const PASSWORD: &str = "no secret";

/// `$1`: the folder of PostgreSQL's programs, `$2`: an empty folder, `$3`: the port.
///
/// Says `ready` once the server answers; anything else it says is why it does not.
const SERVE: &str = r#"
programs=$1 folder=$2 port=$3
trap '"$programs/pg_ctl" --pgdata "$folder/data" --mode immediate stop >/dev/null 2>&1
      rm -rf "$folder"' EXIT
fail() { cat "$folder/log"; exit 1; }
"$programs/initdb" --pgdata "$folder/data" --username "$USER_NAME" --pwfile "$folder/password" \
    --auth scram-sha-256 --encoding UTF8 --locale C --no-sync >"$folder/log" 2>&1 || fail
cat >>"$folder/data/postgresql.conf" <<SETTINGS
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
max_connections = 200
fsync = off
synchronous_commit = off
full_page_writes = off
SETTINGS
"$programs/pg_ctl" --pgdata "$folder/data" --log "$folder/log" --wait --timeout 60 start \
    >>"$folder/log" 2>&1 </dev/null || fail
echo ready
cat >/dev/null
"#;

/// The address of a database that all tests of this process share: `postgres://…/postgres`.
///
/// Blocks while the server starts, at the first call only.
pub fn url() -> String {
    server().url("postgres")
}

/// The address of a fresh, empty database.
pub async fn database() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let server = tokio::task::spawn_blocking(server).await.expect("PostgreSQL starts");
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::SeqCst));
    let mut connection = PgConnection::connect(&server.url("postgres")).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    server.url(&name)
}

/// The port of loopback that the server listens on.
pub fn port() -> u16 {
    server().port
}

/// A server that runs as long as this process holds the other end of its pipe.
struct Server {
    port: u16,
    _pipe: ChildStdin,
}

impl Server {
    fn url(&self, database: &str) -> String {
        let password = PASSWORD.replace(' ', "%20");
        format!("postgres://{USER}:{password}@127.0.0.1:{}/{database}", self.port)
    }
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    match SERVER.get_or_init(start) {
        Ok(server) => server,
        Err(reason) => panic!("{reason}"),
    }
}

fn start() -> Result<Server, String> {
    let programs = programs()?;
    let mut reason = String::new();
    // Between our choice of a port and the server's start, somebody else may take it.
    for _ in 0..5 {
        let port = free_port().map_err(|error| format!("no free port: {error}"))?;
        match start_on(port, &programs) {
            Ok(server) => return Ok(server),
            Err(error) if error.contains("in use") => reason = error,
            Err(error) => return Err(error),
        }
    }
    Err(reason)
}

fn start_on(port: u16, programs: &Path) -> Result<Server, String> {
    let folder = tempfile::Builder::new().prefix("apitap-postgres-").tempdir();
    let folder = folder.map_err(|error| format!("no folder for PostgreSQL: {error}"))?;
    let path = folder.path().display();
    let failed = |error: io::Error| format!("cannot start PostgreSQL in {path}: {error}");
    let mut shell = Command::new("sh");
    shell.args(["-c", SERVE, "sh"]).arg(programs).arg(folder.path()).arg(port.to_string());
    shell.env("USER_NAME", USER).current_dir(folder.path());
    // A group of its own: Ctrl-C reaches the tests only, and the pipe tells the shell.
    shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
    let password = folder.path().join("password");
    fs::write(&password, PASSWORD).map_err(failed)?;
    if let Some((user, group)) = unprivileged(&folder)? {
        chown(folder.path(), Some(user), Some(group)).map_err(failed)?;
        chown(password, Some(user), Some(group)).map_err(failed)?;
        shell.uid(user).gid(group);
    }
    let child = shell.spawn().map_err(failed)?;
    // From here on the shell removes it.
    let _ = folder.keep();
    let pipe = wait_until_ready(child)?;
    Ok(Server { port, _pipe: pipe })
}

/// Waits for the line; what comes instead is the reason.
fn wait_until_ready(mut child: Child) -> Result<ChildStdin, String> {
    let (Some(pipe), Some(mut output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("cannot start PostgreSQL: its shell has no pipes".to_owned());
    };
    let mut said = Vec::new();
    while said != b"ready\n" {
        let mut byte = [0];
        match output.read(&mut byte) {
            Ok(0) => {
                return Err(format!(
                    "cannot start PostgreSQL:\n{}",
                    String::from_utf8_lossy(&said)
                ));
            }
            Ok(_) => said.push(byte[0]),
            Err(error) => return Err(format!("cannot start PostgreSQL: {error}")),
        }
    }
    Ok(pipe)
}

/// The user and group to run as where we are root, as which PostgreSQL refuses to run.
fn unprivileged(folder: &TempDir) -> Result<Option<(u32, u32)>, String> {
    let owner = fs::metadata(folder.path()).map_err(|error| error.to_string())?.uid();
    if owner != 0 {
        return Ok(None);
    }
    let ids = |name: &str| Some((id(name, "-u")?, id(name, "-g")?));
    match ids("postgres").or_else(|| ids("nobody")) {
        Some(ids) => Ok(Some(ids)),
        None => Err("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`"
            .to_owned()),
    }
}

fn id(user: &str, which: &str) -> Option<u32> {
    let output = Command::new("id").args([which, user]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The folder of PostgreSQL's programs, installed if need be.
fn programs() -> Result<PathBuf, String> {
    if let Some(folder) = find() {
        return Ok(folder);
    }
    install()?;
    find().ok_or_else(|| "`apt-get install postgresql` brought no `initdb` and `pg_ctl`".to_owned())
}

/// The newest version that Debian's packages have put in place, or else what `PATH` holds.
fn find() -> Option<PathBuf> {
    let version = |folder: &PathBuf| folder.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    let mut debian: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    debian.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    debian.into_iter().chain(std::env::split_paths(&path)).find(|folder| {
        ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).is_file())
    })
}

fn install() -> Result<(), String> {
    let help = "the tests need PostgreSQL: put its `initdb`, `pg_ctl` and `postgres` on PATH \
                (on Debian: `sudo apt-get install postgresql`)";
    // One process at a time; the others find it installed.
    let lock = std::env::temp_dir().join("apitap-tests-install.lock");
    let lock = fs::File::create(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    lock.lock().map_err(|error| format!("cannot wait for another installation: {error}"))?;
    if find().is_some() {
        return Ok(());
    }
    for arguments in
        [&["update"][..], &["install", "--yes", "--no-install-recommends", "postgresql"]]
    {
        let call = format!("apt-get {}", arguments.join(" "));
        let output = Command::new("apt-get")
            .args(["-o", "DPkg::Lock::Timeout=300"])
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{help}\n`{call}`: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("{help}\n`{call}` failed: {said}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sqlx::Executor as _;

    use super::*;

    #[tokio::test]
    async fn each_database_is_fresh_and_has_nothing_of_the_others() {
        let (one, two) = tokio::join!(database(), database());
        assert_ne!(one, two);
        for url in [one, two] {
            let mut connection = PgConnection::connect(&url).await.expect("a connection");
            connection
                .execute("CREATE TABLE t AS SELECT 'Łódź' AS city")
                .await
                .expect("a new table");
            let city: String = sqlx::query_scalar("SELECT city FROM t")
                .fetch_one(&mut connection)
                .await
                .expect("a row");
            assert_eq!(city, "Łódź");
        }
    }

    #[tokio::test]
    async fn a_wrong_password_is_refused() {
        let url = url().replace("no%20secret", "wrong");
        let error = PgConnection::connect(&url).await.expect_err("no connection");
        assert!(error.to_string().contains("password authentication failed"), "{error}");
    }

    #[test]
    fn a_server_that_cannot_start_says_why_and_leaves_nothing() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = taken.local_addr().expect("an address").port();
        let error = start_on(port, &programs().expect("PostgreSQL")).err().expect("no server");
        assert!(error.contains("in use"), "{error}");
    }
}
