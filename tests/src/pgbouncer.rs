//! A private PgBouncer (`server.rs`) in front of the private PostgreSQL: each test has one of its own.

use std::path::PathBuf;

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

/// `$4`: the port of PostgreSQL, `$5`: the mode.
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
pool_mode = $5
default_pool_size = 20
logfile = $folder/log
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
    /// Starts one in that `pool_mode`.
    ///
    /// # Panics
    /// It does not start: the message says why.
    pub fn start(mode: &str) -> Self {
        let port = postgres::port().to_string();
        Self(PGBOUNCER.start_with(&[&port, mode]).expect("PgBouncer starts"))
    }

    /// The address of a database of PostgreSQL, through it.
    pub fn to(&self, url: &str) -> String {
        let port = |port: u16| format!("127.0.0.1:{port}/");
        url.replace(&port(postgres::port()), &port(self.0.port))
    }
}
