//! What connecting to any database server has in common: what leaves the machine, how long to wait, and
//! the words for it.

use std::net::IpAddr;
use std::time::Duration;

use crate::Error;

/// How long a server may take to answer the first time, if nothing says otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

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
pub(super) fn after_host(url: &str) -> &str {
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
pub(super) fn silent(target: &str, place: &str, patience: Option<Duration>) -> Error {
    let seconds = patience.unwrap_or_default().as_secs();
    Error::target(format!("{target} at {place} has not answered within {seconds} seconds"))
        .help("check the host and the port, and whether a firewall is in between")
}

/// A server elsewhere that does not offer TLS; `parameter` allows that.
pub(super) fn clear_text(target: &str, place: &str, parameter: &str) -> Error {
    Error::target(format!(
        "{target} at {place} does not offer TLS: the password and the rows would be sent in clear text"
    ))
    .help(format!("switch TLS on in the server; where the network is trusted, say `{parameter}`"))
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
        other => database(other).unwrap_or_else(|| other.to_string()),
    }
}
