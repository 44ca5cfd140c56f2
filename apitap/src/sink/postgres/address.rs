//! A URL, or the parts of one → a connection, or words that say why not.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgSslMode};
use sqlx::{ConnectOptions, PgConnection};

use crate::{Error, Result};

/// How long a server may take to answer the first time.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where a PostgreSQL server is, and who we are to it. Its `Debug` shows no password.
#[derive(Clone)]
pub(super) struct Address {
    options: Box<Result<PgConnectOptions>>,
}

impl Address {
    /// `postgres://user:password@host:5432/database?sslmode=require`.
    pub(super) fn url(url: String) -> Self {
        let url = url.trim();
        let known = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
        let options = match known {
            // A `/` of the password would end the host here, and the rest would be shown as the
            // database's name.
            true if after_host(url).contains('@') => Err(malformed("")),
            true => PgConnectOptions::from_str(url).map_err(|error| {
                // The URL is not repeated: it may hold the password.
                malformed(&format!(": {}", said(&error)))
            }),
            false => Err(malformed("")),
        };
        Self { options: Box::new(options) }
    }

    /// The same in parts. An empty password is none.
    pub(super) fn parts(
        host: &str,
        port: u16,
        database: &str,
        username: &str,
        password: &str,
    ) -> Self {
        let mut options =
            PgConnectOptions::new().host(host).port(port).database(database).username(username);
        if !password.is_empty() {
            options = options.password(password);
        }
        Self { options: Box::new(Ok(options)) }
    }

    /// The server, without a secret; what is malformed is a server of its own.
    pub(super) fn server(&self) -> String {
        match self.options.as_ref() {
            Ok(options) => server(options),
            Err(_) => "a malformed URL".to_owned(),
        }
    }

    pub(super) async fn connect(&self) -> Result<PgConnection> {
        let options = self.options.as_ref().clone()?;
        let quiet = options.clone().application_name("apitap").disable_statement_logging();
        match tokio::time::timeout(TIMEOUT, quiet.connect()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(unreachable(&options, &error)),
            Err(_) => Err(Error::target(format!(
                "PostgreSQL at {} has not answered within {} seconds",
                place(&options),
                TIMEOUT.as_secs()
            ))
            .help("check the host and the port, and whether a firewall is in between")),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.options.as_ref() {
            Ok(options) => write!(f, "Address({})", place(options)),
            Err(_) => f.write_str("Address(malformed)"),
        }
    }
}

/// What stands behind the first `/` of a URL's host, up to its parameters.
fn after_host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    path.split('?').next().unwrap_or_default()
}

fn malformed(why: &str) -> Error {
    Error::config(format!("the URL of the PostgreSQL target is malformed{why}")).help(
        "write `postgres://user:password@host:5432/database`; in the user and the password, \
         characters such as `@`, `/` and `#` are percent-encoded",
    )
}

/// Host, port, database and user, in words.
fn place(options: &PgConnectOptions) -> String {
    let user = options.get_username();
    let database = options.get_database().unwrap_or(user);
    format!("{}, database `{database}`, user `{user}`", server(options))
}

/// Host and port, in words.
fn server(options: &PgConnectOptions) -> String {
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
    match error {
        sqlx::Error::Database(database) => {
            let detail = database.try_downcast_ref::<PgDatabaseError>().and_then(|e| e.detail());
            let detail = detail.map(|detail| format!(" ({})", detail.trim_end_matches('.')));
            format!("{}{}", database.message(), detail.unwrap_or_default())
        }
        sqlx::Error::Io(error) => format!("the connection failed: {error}"),
        sqlx::Error::Tls(error) => format!("TLS failed: {error}"),
        sqlx::Error::Configuration(error) => error.to_string(),
        other => other.to_string(),
    }
}
