//! What connecting to any database server has in common: what leaves the machine, how long to wait, and
//! the words for it.

use std::net::IpAddr;
use std::num::ParseIntError;
use std::time::Duration;

use apitap_build::caught::caught_later;
use url::Url;

use crate::definition::Connection;
use crate::environment::Environment;
use crate::{Error, Result};

/// How long a server may take to answer the first time, if nothing says otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How to connect, in the driver's terms.
#[derive(Clone)]
pub(super) struct Options<C> {
    pub(super) connect: C,
    /// How long the server may take to answer the first time; `None` for ever.
    pub(super) patience: Option<Duration>,
}

impl<C> Options<C> {
    /// With the patience of those that say nothing of it.
    pub(super) fn patient(connect: C) -> Self {
        Self { connect, patience: Some(PATIENCE) }
    }
}

/// The address that a target's connection says, with the variables' values in place of their names; it
/// is made of a URL, whose `secrets` are to be shown nowhere, or of parts: host, port, database, user
/// and password.
pub(super) fn address<A>(
    connection: &Connection,
    environment: &mut Environment,
    secrets: fn(&str) -> Vec<String>,
    of_url: fn(&str) -> A,
    of_parts: fn(&str, u16, &str, &str, &str) -> A,
) -> A {
    match connection {
        Connection::Url(url) => {
            let url = environment.text(url);
            secrets(&url).iter().for_each(|secret| environment.hide(secret));
            of_url(&url)
        }
        Connection::Parts { host, port, database, username, password } => of_parts(
            &environment.text(host),
            *port,
            &environment.text(database),
            &environment.text(username),
            &environment.secret(password),
        ),
        Connection::Folder(_) | Connection::Driver(_) => {
            of_url(&environment.text(connection.place()))
        }
    }
}

/// A URL of one of these schemes, and the same without its parameters.
pub(super) fn parse(
    url: &str,
    schemes: &[&str],
    malformed: impl Fn(&str) -> Error,
) -> Result<(Url, Url)> {
    if !schemes.iter().any(|scheme| url.starts_with(scheme)) || after_host(url).contains('@') {
        return Err(malformed(""));
    }
    let parsed = Url::parse(url).map_err(|error| malformed(&format!(": {error}")))?;
    let mut server = parsed.clone();
    server.set_query(None);
    Ok((parsed, server))
}

/// A number of seconds to wait; 0 for as long as it takes.
pub(super) fn seconds(value: &str) -> Result<Option<Duration>, ParseIntError> {
    let seconds = value.parse()?;
    Ok((seconds > 0).then(|| Duration::from_secs(seconds)))
}

/// Waits for a connection to `target` at `place`, as long as the server may take. Where what is sent
/// must not leave the machine in clear text, `allows` is the parameter that would allow it.
///
/// # Errors
/// The server says nothing, or does not offer TLS; what else it says is the inner error.
pub(super) async fn connected<C>(
    connecting: impl Future<Output = sqlx::Result<C>>,
    patience: Option<Duration>,
    (target, place): (&str, &str),
    allows: Option<&str>,
) -> Result<sqlx::Result<C>> {
    // A message that is cut off makes the library panic.
    let connecting = async {
        let done = caught_later(connecting).await;
        done.unwrap_or_else(|said| Err(sqlx::Error::Protocol(said)))
    };
    let connected = match patience {
        Some(patience) => tokio::time::timeout(patience, connecting).await,
        None => Ok(connecting.await),
    };
    match (connected, allows) {
        (Ok(Err(sqlx::Error::Tls(_))), Some(parameter)) => {
            Err(clear_text(target, place, parameter))
        }
        (Ok(connected), _) => Ok(connected),
        (Err(_), _) => Err(silent(target, place, patience)),
    }
}

/// Whether a host is this machine.
pub(super) fn is_here(host: &str) -> bool {
    host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// What stands behind the first `/` of a URL's host, up to its parameters.
///
/// A `/` of the password would end the host here, and the rest would be shown as the database's name:
/// so a URL with an `@` in it is malformed.
fn after_host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    path.split('?').next().unwrap_or_default()
}

/// A URL that is none; `example` is a whole one. The URL is not repeated: it may hold
/// the password.
pub(super) fn malformed(target: &str, example: &str, why: &str) -> Error {
    Error::config(format!("the URL of the {target} target is malformed{why}")).help(format!(
        "write `{example}`; in the user and the password, \
         characters such as `@`, `/` and `#` are percent-encoded"
    ))
}

/// A server that says nothing.
fn silent(target: &str, place: &str, patience: Option<Duration>) -> Error {
    let seconds = patience.unwrap_or_default().as_secs();
    Error::target(format!("{target} at {place} has not answered within {seconds} seconds"))
        .help("check the host and the port, and whether a firewall is in between")
}

/// A server elsewhere that does not offer TLS; `parameter` allows that.
fn clear_text(target: &str, place: &str, parameter: &str) -> Error {
    Error::target(format!(
        "{target} at {place} does not offer TLS: the password and the rows would be sent in clear text"
    ))
    .help(format!("switch TLS on in the server; where the network is trusted, say `{parameter}`"))
}

/// `unexpected packet (sqlx_mysql::connection:9)` → `unexpected packet`: where in its source a library has
/// noticed it helps nobody.
fn without_site(why: &str) -> &str {
    why.rsplit_once(" (sqlx_").map_or(why, |(why, _)| why)
}

/// What the way to a server said, in one line; `database` where it was the server itself.
pub(super) fn said(
    error: &sqlx::Error,
    database: impl Fn(&sqlx::Error) -> Option<String>,
) -> String {
    match error {
        sqlx::Error::Io(error) => format!("the connection failed: {error}"),
        sqlx::Error::Tls(error) => format!("TLS failed: {error}"),
        sqlx::Error::Configuration(error) => error.to_string(),
        sqlx::Error::Protocol(why) => {
            format!("what came back is not in the protocol of the database: {}", without_site(why))
        }
        other => database(other).unwrap_or_else(|| other.to_string()),
    }
}
