//! A URL, or the parts of one → a connection, or words that say why not.
//!
//! Each connection has the same settings, whatever the server's are: strict, in UTC, with a zero kept
//! as a zero. Rows and passwords go to another machine through TLS, unless the user says
//! `ssl-mode=DISABLED`.

use std::fmt;
use std::str::FromStr;

use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlSslMode};
use sqlx::{ConnectOptions, Executor as _, MySqlConnection, Row as _};

use super::NAME;
use super::parameters::{self, Options};
use crate::sink::server;
use crate::{Error, Result};

/// What holds for every connection of ours.
///
/// Without a strict mode, what does not fit is cut off or becomes zero; a 0 in an AUTO_INCREMENT column
/// would become another number. A connection may stand idle for a year: the source may be slow.
const SETTINGS: &str = "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,\
     ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO', \
     SESSION time_zone = '+00:00', SESSION autocommit = 1, SESSION foreign_key_checks = 1, \
     SESSION unique_checks = 1, SESSION sql_safe_updates = 0, SESSION wait_timeout = 31536000";

/// Where a MySQL server is, and who we are to it. Its `Debug` shows no password.
#[derive(Clone)]
pub(super) struct Address {
    options: Box<Result<Options>>,
}

/// What a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) is_mariadb: bool,
    /// The most bytes of a statement.
    pub(super) packet: usize,
    /// Whether it keeps the names of tables in lower case.
    pub(super) folds_tables: bool,
}

impl Address {
    /// `mysql://user:password@host:3306/database?ssl-mode=REQUIRED`.
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
            MySqlConnectOptions::new().host(host).port(port).database(database).username(username);
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

    pub(super) async fn connect(&self) -> Result<(MySqlConnection, Server)> {
        let Options { connect: options, patience } = self.options.as_ref().clone()?;
        // The modes are set below, once for all.
        let mut quiet = options
            .clone()
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None)
            .disable_statement_logging();
        let refuses_clear_text = sends_elsewhere(&options);
        if refuses_clear_text {
            quiet = quiet.ssl_mode(MySqlSslMode::Required);
        }
        let allows = refuses_clear_text.then_some("ssl-mode=DISABLED");
        let place = place(&options);
        let connecting = quiet.connect();
        let connected = server::connected(connecting, patience, (NAME, &place), allows).await?;
        let mut connection = connected.map_err(|error| unreachable(&options, &error))?;
        let opened = open(&mut connection).await;
        let (version, server) = opened.map_err(|error| unreachable(&options, &error))?;
        match is_supported(&version, server.is_mariadb) {
            true => Ok((connection, server)),
            false => Err(outdated(&options, &version)),
        }
    }
}

/// Sets what holds for every connection of ours; gives the server's version, and what it is.
async fn open(connection: &mut MySqlConnection) -> sqlx::Result<(String, Server)> {
    connection.execute(sqlx::raw_sql(SETTINGS)).await?;
    let ask = "SELECT CONVERT(VERSION() USING utf8mb4), CAST(@@max_allowed_packet AS SIGNED),
               CAST(@@lower_case_table_names AS SIGNED)";
    let row = connection.fetch_one(sqlx::query(ask)).await?;
    let (version, packet, folds): (String, i64, i64) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let is_mariadb = version.contains("MariaDB");
    let packet = usize::try_from(packet).unwrap_or(usize::MAX);
    Ok((version, Server { is_mariadb, packet, folds_tables: folds != 0 }))
}

/// Whether a version is one that has what we need: a collation that compares whole texts, window
/// functions, transactions in temporary tables.
fn is_supported(version: &str, is_mariadb: bool) -> bool {
    let digits = version.split(['-', '+', ' ']).next().unwrap_or_default();
    let mut parts = digits.split('.').map(|part| part.parse().unwrap_or_default());
    let version: [u32; 3] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    version >= if is_mariadb { [10, 6, 0] } else { [8, 0, 17] }
}

fn parse(url: &str) -> Result<Options> {
    let (parsed, server) = server::parse(url, &["mysql://", "mariadb://"], malformed)?;
    let connect = MySqlConnectOptions::from_str(server.as_str())
        .map_err(|error| malformed(&format!(": {}", said(&error))))?;
    if connect.get_database().is_none_or(str::is_empty) {
        return Err(malformed(": it names no database"));
    }
    parameters::apply(connect, &parsed)
}

/// Whether what is sent leaves the machine, and nothing says that it may do so in clear text.
fn sends_elsewhere(options: &MySqlConnectOptions) -> bool {
    let is_here = options.get_socket().is_some() || server::is_here(options.get_host());
    !is_here && matches!(options.get_ssl_mode(), MySqlSslMode::Preferred)
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
    server::malformed(NAME, "mysql://user:password@host:3306/database", why)
}

/// Host, port, database and user, in words.
fn place(options: &MySqlConnectOptions) -> String {
    let database = options.get_database().unwrap_or_default();
    format!("{}, database `{database}`, user `{}`", host(options), options.get_username())
}

/// Host and port, in words.
fn host(options: &MySqlConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => format!("`{}`", socket.display()),
        None => format!("`{}:{}`", options.get_host(), options.get_port()),
    }
}

fn outdated(options: &MySqlConnectOptions, version: &str) -> Error {
    Error::target(format!("{NAME} at {} is of version {version}", place(options)))
        .help("apitap needs MySQL 8.0.17 or newer, or MariaDB 10.6 or newer")
}

fn unreachable(options: &MySqlConnectOptions, error: &sqlx::Error) -> Error {
    let message = format!("cannot connect to {NAME} at {}: {}", place(options), said(error));
    let failed = Error::target(message);
    let help = match (number(error), error) {
        (Some(1045 | 1698), _) => "check the user and the password",
        (Some(1044), _) => "grant the user access to the database, or connect as another",
        (Some(1049), _) => "create the database with `CREATE DATABASE`, or name another one",
        (Some(1040 | 1203), _) => "the server has no connection to spare: try again later",
        (None, sqlx::Error::Io(_)) => "check the host and the port, and whether the server runs",
        (None, sqlx::Error::Tls(_)) => match options.get_ssl_mode() {
            MySqlSslMode::VerifyCa | MySqlSslMode::VerifyIdentity => {
                "check the server's certificate, or name the authority with `ssl-ca=FILE`"
            }
            _ => "does the server speak TLS? without it, say `ssl-mode=DISABLED`",
        },
        _ => return failed,
    };
    failed.help(help)
}

/// The server's number of an error, where it is one of its own.
pub(super) fn number(error: &sqlx::Error) -> Option<u16> {
    let error = error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?;
    Some(error.number())
}

/// What the server, or the way to it, said: in one line.
pub(super) fn said(error: &sqlx::Error) -> String {
    server::said(error, |error| Some(error.as_database_error()?.message().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_old_or_not() {
        let check = |version: &str, expected: bool| {
            assert_eq!(is_supported(version, version.contains("MariaDB")), expected, "{version}");
        };
        check("10.11.19-MariaDB-0+deb12u1", true);
        check("10.5.29-MariaDB", false);
        check("11.4.2-MariaDB-log", true);
        check("8.0.36-28", true);
        check("8.0.16", false);
        check("9.1.0", true);
        check("5.7.44-log", false);
    }

    #[test]
    fn a_malformed_url_shows_no_password() {
        for url in
            ["mysql://me:s3cr3t@db:x/shop", "postgres://me:s3cr3t@db/shop", "mysql://me:s3/cr@db/x"]
        {
            let error = parse(url).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("malformed"), "{error}");
            assert!(!error.contains("s3"), "{error}");
        }
        assert!(
            parse("mysql://me@db").is_err_and(|error| error.to_string().contains("no database"))
        );
    }
}
