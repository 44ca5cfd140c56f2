//! A URL, or the parts of one → a connection, or words that say why not.
//!
//! Whatever the URL says is done or refused: a parameter that nobody knows is a mistake. Rows and
//! passwords go to another machine through TLS, unless the user says `sslmode=disable`.

use std::fmt;
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor as _, PgConnection, Row as _};

use super::link::Link;
use super::parameters::{self, Options};
use crate::sink::server;
use crate::{Error, Result};

/// What people call it.
const NAME: &str = "PostgreSQL";

/// What PgBouncer says where all sessions of a pool were in use for too long.
const NO_SESSION: &str = "query_wait_timeout";

/// The first version that ends sessions that are idle.
const ENDS_IDLE_SESSIONS: u32 = 140_000;

/// Where a PostgreSQL server is, and who we are to it. Its `Debug` shows no password.
#[derive(Clone)]
pub(super) struct Address {
    options: Box<Result<Options>>,
}

impl Address {
    /// `postgres://user:password@host:5432/database?sslmode=require`.
    pub(super) fn url(url: &str) -> Self {
        Self { options: Box::new(parse(url.trim())) }
    }

    /// The same in parts. An empty password is none.
    pub(super) fn parts(
        host: &str,
        port: u16,
        database: &str,
        username: &str,
        password: &str,
    ) -> Self {
        let mut connect =
            PgConnectOptions::new().host(host).port(port).database(database).username(username);
        if !password.is_empty() {
            connect = connect.password(password);
        }
        Self { options: Box::new(Ok(Options::patient(connect))) }
    }

    /// The server, without a secret; what is malformed is a server of its own.
    pub(super) fn server(&self) -> String {
        match self.options.as_ref() {
            Ok(options) => host(&options.connect),
            Err(_) => "a malformed URL".to_owned(),
        }
    }

    pub(super) async fn connect(&self) -> Result<Link> {
        let Options { connect: options, patience } = self.options.as_ref().clone()?;
        // Servers write floats exactly without being asked to, and PgBouncer does not know the word.
        let mut quiet = options.clone().extra_float_digits(None).disable_statement_logging();
        if options.get_application_name().is_none() {
            quiet = quiet.application_name("apitap");
        }
        let refuses_clear_text = sends_elsewhere(&options);
        if refuses_clear_text {
            quiet = quiet.ssl_mode(PgSslMode::Require);
        }
        let allows = refuses_clear_text.then_some("sslmode=disable");
        let place = place(&options);
        let connecting = quiet.connect();
        let connected = server::connected(connecting, patience, (NAME, &place), allows).await?;
        let mut connection = connected.map_err(|error| unreachable(&options, &error))?;
        let opened = open(&mut connection, options.get_port()).await;
        let (pid, is_forwarded) = opened.map_err(|error| unreachable(&options, &error))?;
        Ok(Link::new(connection, pid, is_forwarded))
    }
}

/// Sets what holds for every connection of ours, unless it is forwarded; gives the number of its server process, and
/// whether it is.
async fn open(connection: &mut PgConnection, port: u16) -> sqlx::Result<(i32, bool)> {
    let is_forwarded = format!("pg_catalog.current_setting('port') <> '{port}'");
    let settings = settings(connection, &is_forwarded);
    let ask = format!("SELECT pg_catalog.pg_backend_pid(), {is_forwarded}, {settings}");
    let row = connection.fetch_one(sqlx::raw_sql(AssertSqlSafe(ask))).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// What sets them: until the end of the transaction where `is_local` is true, since they would stay in a session of a
/// pool.
///
/// Arrays of timestamps are staged without a time zone: theirs is UTC.
pub(super) fn settings(connection: &PgConnection, is_local: &str) -> String {
    let mut settings = vec![("client_min_messages", "warning"), ("TimeZone", "UTC")];
    if connection.server_version_num().is_some_and(|version| version >= ENDS_IDLE_SESSIONS) {
        settings.push(("idle_session_timeout", "0"));
    }
    let set = |(name, value)| format!("pg_catalog.set_config('{name}', '{value}', {is_local})");
    settings.into_iter().map(set).collect::<Vec<_>>().join(", ")
}

fn parse(url: &str) -> Result<Options> {
    let (parsed, server) = server::parse(url, &["postgres://", "postgresql://"], malformed)?;
    let connect = PgConnectOptions::from_str(server.as_str())
        .map_err(|error| malformed(&format!(": {}", said(&error))))?;
    parameters::apply(connect, &parsed)
}

/// Whether what is sent leaves the machine, and nothing says that it may do so in clear text.
fn sends_elsewhere(options: &PgConnectOptions) -> bool {
    let is_here = options.get_socket().is_some() || server::is_here(options.get_host());
    !is_here && matches!(options.get_ssl_mode(), PgSslMode::Allow | PgSslMode::Prefer)
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.options.as_ref() {
            Ok(options) => write!(f, "Address({})", place(&options.connect)),
            Err(_) => f.write_str("Address(malformed)"),
        }
    }
}

fn malformed(why: &str) -> Error {
    server::malformed(NAME, "postgres://user:password@host:5432/database", why)
}

/// Host, port, database and user, in words.
fn place(options: &PgConnectOptions) -> String {
    let user = options.get_username();
    let database = options.get_database().unwrap_or(user);
    format!("{}, database `{database}`, user `{user}`", host(options))
}

/// Host and port, in words.
fn host(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => format!("`{}`, port {}", socket.display(), options.get_port()),
        None => format!("`{}:{}`", options.get_host(), options.get_port()),
    }
}

fn unreachable(options: &PgConnectOptions, error: &sqlx::Error) -> Error {
    let failed = Error::target(format!(
        "cannot connect to PostgreSQL at {}: {}",
        place(options),
        said(error)
    ));
    let code = error.as_database_error().and_then(|error| error.code());
    let help = match (code.as_deref(), error) {
        (Some("28P01" | "28000"), _) => "check the user and the password",
        (Some("3D000"), _) => "create the database with `createdb`, or name another one",
        (Some("53300"), _) => "the server has no connection to spare: try again later",
        (Some("08P01"), _) if said(error).contains("unsupported startup parameter") => {
            "this is PgBouncer, which refuses settings in the URL: connect to the server itself, or have \
             it ignore them (`ignore_startup_parameters`)"
        }
        (Some("57P03"), _) => "the server is starting or stopping: try again later",
        (None, sqlx::Error::Io(_)) => "check the host and the port, and whether the server runs",
        (None, sqlx::Error::Tls(_)) => match options.get_ssl_mode() {
            PgSslMode::VerifyCa | PgSslMode::VerifyFull => {
                "check the server's certificate, or name the authority with `sslrootcert=FILE`"
            }
            _ => "does the server speak TLS? without it, say `sslmode=disable`",
        },
        _ => return failed,
    };
    failed.help(help)
}

/// What the server, or the way to it, said: in one line.
pub(super) fn said(error: &sqlx::Error) -> String {
    server::said(error, |error| {
        let database = error.as_database_error()?;
        if database.message() == NO_SESSION {
            return Some(format!(
                "PgBouncer has no session to spare within `{NO_SESSION}`: a run needs one of them for itself"
            ));
        }
        let detail = database.try_downcast_ref::<PgDatabaseError>().and_then(|e| e.detail());
        let detail = detail.map(|detail| format!(" ({})", detail.trim_end_matches('.')));
        Some(format!("{}{}", database.message(), detail.unwrap_or_default()))
    })
}
