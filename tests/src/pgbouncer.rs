//! A private PgBouncer (`server.rs`) in front of the private PostgreSQL.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::postgres;
use crate::server::{Kind, Package, Server};

const PGBOUNCER: Kind = Kind {
    name: "PgBouncer",
    package: Package::Debian("pgbouncer"),
    programs: &["pgbouncer"],
    users: &["postgres", "nobody"],
    folders: || vec![PathBuf::from("/usr/sbin")],
    serve: SERVE,
};

/// `$4`: the port of PostgreSQL, `$5`: the settings of the test.
const SERVE: &str = r#"
programs=$1 folder=$2 port=$3
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$folder"' EXIT
fail() { cat "$folder/log"; exit 1; }
printf '"%s" "%s"\n' "$USER_NAME" "$(cat "$folder/password")" >"$folder/users"
cat >"$folder/pgbouncer.ini" <<SETTINGS
[databases]
* = host=127.0.0.1 port=$4
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $folder/users
server_idle_timeout = 10
logfile = $folder/log
$5
SETTINGS
touch "$folder/log"
"$programs/pgbouncer" "$folder/pgbouncer.ini" >/dev/null 2>&1 </dev/null &
server=$!
tries=0
until grep -q "listening on 127.0.0.1:$port" "$folder/log"
do
    kill -0 $server 2>/dev/null && [ $tries -lt 300 ] || fail
    tries=$((tries + 1))
    sleep 0.1
done
echo ready
while read -r _
do
    :
done
"#;

/// One, for as long as this lives.
pub struct PgBouncer(Server);

impl PgBouncer {
    /// Starts one with settings such as `pool_mode = session`.
    ///
    /// # Panics
    /// It does not start: the message says why.
    pub fn start(settings: &str) -> Self {
        let port = postgres::port().to_string();
        Self(PGBOUNCER.start_with(&[&port, settings]).expect("PgBouncer starts"))
    }

    /// The address of a database of PostgreSQL, through it.
    pub fn to(&self, url: &str) -> String {
        let port = |port: u16| format!("127.0.0.1:{port}/");
        url.replace(&port(postgres::port()), &port(self.0.port))
    }
}

/// The address of a database of PostgreSQL through a pool of transactions that all tests of this process share: each
/// transaction gets the session that was used least.
pub fn transactions(url: &str) -> String {
    static SHARED: OnceLock<PgBouncer> = OnceLock::new();
    let start = || PgBouncer::start("pool_mode = transaction\nserver_round_robin = 1");
    SHARED.get_or_init(start).to(url)
}
