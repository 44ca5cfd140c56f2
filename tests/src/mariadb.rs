//! A private MariaDB (`server.rs`): each test has a database of its own in it. Nothing is durable.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{Connection as _, MySqlConnection};

use crate::server::{Kind, Package, Server};
pub use crate::server::{PASSWORD, USER};

const SCHEME: &str = "mysql";

const MARIADB: Kind = Kind {
    name: "MariaDB",
    package: Package::Debian("mariadb-server"),
    programs: &["mariadb-install-db", "mariadb-admin"],
    users: &["mysql", "nobody"],
    folders,
    serve: SERVE,
};

/// The server itself lies beside `PATH` of most users.
const SERVE: &str = r#"
programs=$1 folder=$2 port=$3
PATH=$programs:$PATH:/usr/sbin:/usr/local/sbin
trap 'kill -9 $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$folder"' EXIT
fail() { cat "$folder/log"; exit 1; }
"$programs/mariadb-install-db" --no-defaults --datadir="$folder/data" --skip-test-db \
    --auth-root-authentication-method=normal >"$folder/log" 2>&1 || fail
cat >"$folder/init.sql" <<SQL
CREATE USER IF NOT EXISTS '$USER_NAME'@'%' IDENTIFIED BY '$(cat "$folder/password")';
GRANT ALL ON *.* TO '$USER_NAME'@'%' WITH GRANT OPTION;
SQL
# Temporary tables too: a server that starts removes those of its folder, whosever they are.
mkdir "$folder/tmp"
serve() {
    mariadbd --no-defaults --datadir="$folder/data" --tmpdir="$folder/tmp" --port="$port" --bind-address=127.0.0.1 \
        --socket="$folder/socket" --pid-file="$folder/pid" --init-file="$folder/init.sql" \
        --character-set-server=utf8mb4 --skip-name-resolve --skip-log-bin --max-connections=200 --innodb-buffer-pool-size=128M \
        --innodb-flush-log-at-trx-commit=2 --innodb-doublewrite=0 --innodb-log-file-size=64M \
        >>"$folder/log" 2>&1 </dev/null &
    server=$!
    tries=0
    until "$programs/mariadb-admin" --no-defaults --socket="$folder/socket" --user="$USER_NAME" \
        --password="$(cat "$folder/password")" ping >/dev/null 2>&1
    do
        kill -0 $server 2>/dev/null && [ $tries -lt 600 ] || fail
        tries=$((tries + 1))
        sleep 0.1
    done
}
serve
echo ready
while read -r _
do
    kill -9 $server
    wait $server 2>/dev/null
    serve
    echo ready
done
"#;

/// The folder that `APITAP_TEST_MARIADB` names, then that of Debian's packages.
fn folders() -> Vec<PathBuf> {
    let named = std::env::var_os("APITAP_TEST_MARIADB").map(PathBuf::from);
    named.into_iter().chain([PathBuf::from("/usr/bin")]).collect()
}

/// The address of a fresh, empty database.
pub async fn database() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let server = tokio::task::spawn_blocking(server).await.expect("MariaDB starts");
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::SeqCst));
    let mut connection =
        MySqlConnection::connect(&server.url(SCHEME, "mysql")).await.expect("a connection");
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut connection)
        .await
        .expect("a database");
    connection.close().await.expect("an end");
    server.url(SCHEME, &name)
}

/// A server of its own, which can be killed.
pub struct Own(Server);

impl Own {
    /// Starts one.
    pub fn start() -> Self {
        Self(MARIADB.start().expect("MariaDB starts"))
    }

    /// The address of a database of it: of its own tables, beside which others can be.
    pub fn url(&self) -> String {
        self.0.url(SCHEME, "mysql")
    }

    /// Kills it in the middle of whatever it does, and starts it again.
    pub fn kill_and_start(&mut self) {
        self.0.kill_and_start();
    }
}

/// The port of loopback that the server listens on.
pub fn port() -> u16 {
    server().port
}

/// The address of a database that all tests of this process share: `mysql://…/mysql`.
///
/// Blocks while the server starts, at the first call only.
pub fn url() -> String {
    server().url(SCHEME, "mysql")
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    match SERVER.get_or_init(|| MARIADB.start()) {
        Ok(server) => server,
        Err(reason) => panic!("{reason}"),
    }
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
            let mut connection = MySqlConnection::connect(&url).await.expect("a connection");
            connection.execute("CREATE TABLE t AS SELECT 'Łódź' AS city").await.expect("a table");
            let city: String = sqlx::query_scalar("SELECT city FROM t")
                .fetch_one(&mut connection)
                .await
                .expect("a row");
            assert_eq!(city, "Łódź");
        }
    }

    #[test]
    fn a_server_that_cannot_start_says_why() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = taken.local_addr().expect("an address").port();
        let programs = MARIADB.programs().expect("MariaDB");
        let error = MARIADB.start_on(port, &programs, &[]).err().expect("no server");
        assert!(error.contains("in use"), "{error}");
    }
}
