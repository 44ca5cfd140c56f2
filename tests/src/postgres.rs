//! A private PostgreSQL (`server.rs`): each test has a database of its own in it. Nothing is
//! durable: a machine that crashes has nothing to recover.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{Connection as _, PgConnection};

use crate::server::{Kind, Package, Server};
pub use crate::server::{PASSWORD, USER};

const SCHEME: &str = "postgres";

const POSTGRES: Kind = Kind {
    name: "PostgreSQL",
    package: Package::Debian("postgresql"),
    programs: &["initdb", "pg_ctl", "postgres"],
    users: &["postgres", "nobody"],
    folders,
    serve: SERVE,
};

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
while read -r _
do
    "$programs/pg_ctl" --pgdata "$folder/data" --mode immediate stop >>"$folder/log" 2>&1
    "$programs/pg_ctl" --pgdata "$folder/data" --log "$folder/log" --wait --timeout 60 start \
        >>"$folder/log" 2>&1 </dev/null || fail
    echo ready
done
"#;

/// The address of a database that all tests of this process share: `postgres://…/postgres`.
///
/// Blocks while the server starts, at the first call only.
pub fn url() -> String {
    server().url(SCHEME, "postgres")
}

/// The address of a fresh, empty database.
pub async fn database() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let server = tokio::task::spawn_blocking(server).await.expect("PostgreSQL starts");
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::SeqCst));
    let mut connection = PgConnection::connect(&server.url(SCHEME, "postgres")).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    server.url(SCHEME, &name)
}

/// The port of loopback that the server listens on.
pub fn port() -> u16 {
    server().port
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    match SERVER.get_or_init(|| POSTGRES.start()) {
        Ok(server) => server,
        Err(reason) => panic!("{reason}"),
    }
}

/// A server of its own, which can be killed.
pub struct Own(Server);

impl Own {
    /// Starts one.
    pub fn start() -> Self {
        Self(POSTGRES.start().expect("PostgreSQL starts"))
    }

    /// The address of its only database.
    pub fn url(&self) -> String {
        self.0.url(SCHEME, "postgres")
    }

    /// Kills it in the middle of whatever it does, and starts it again.
    pub fn kill_and_start(&mut self) {
        self.0.kill_and_start();
    }
}

/// The folder that `APITAP_TEST_POSTGRES` names; then the versions that Debian's packages have put in place, the newest
/// one first.
fn folders() -> Vec<PathBuf> {
    let named = std::env::var_os("APITAP_TEST_POSTGRES").map(PathBuf::from);
    let version = |folder: &PathBuf| folder.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    let mut debian: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    debian.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    named.into_iter().chain(debian).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

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
        let programs = POSTGRES.programs().expect("PostgreSQL");
        let error = POSTGRES.start_on(port, &programs, &[]).err().expect("no server");
        assert!(error.contains("in use"), "{error}");
    }
}
