//! The parameters of a PostgreSQL URL → options of the connection; those that are not known are
//! refused, by name and never by value.

use std::net::IpAddr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use crate::definition::database_url::POSTGRESQL;
use crate::sink::{refusal, server};
use crate::{Error, Result};

/// What a URL says beside the server, the user and the database.
pub(super) type Options = server::Options<PgConnectOptions>;

/// Adds the parameters of a URL to what it says of the server.
///
/// # Errors
/// A parameter that is not known, or a value that means nothing.
pub(super) fn apply(connect: PgConnectOptions, url: &Url) -> Result<Options> {
    let start = Options::patient(connect);
    url.query_pairs().try_fold(start, |options, (name, value)| with(options, &name, &value))
}

/// What is to be shown nowhere of the parameters of a URL: the password, and whatever is not known,
/// which may be one.
pub(super) fn secrets(url: &str) -> Vec<String> {
    let Ok(url) = Url::parse(url.trim()) else { return Vec::new() };
    let is_secret = |name: &str| name == "password" || !POSTGRESQL.known.contains(&name);
    let pairs = url.query_pairs().filter(|(name, _)| is_secret(name));
    pairs.map(|(_, value)| value.into_owned()).collect()
}

fn with(options: Options, name: &str, value: &str) -> Result<Options> {
    POSTGRESQL.check(name, Some(value)).map_err(refusal::parameter)?;
    let Options { connect, mut patience } = options;
    let connect = match name {
        "application_name" => connect.application_name(value),
        // The driver does not bind: of what is allowed, that is what was asked for.
        "channel_binding" => connect,
        "connect_timeout" => {
            patience = seconds(name, value)?;
            connect
        }
        "dbname" => connect.database(value),
        "host" if value.starts_with('/') => connect.socket(value),
        "host" => connect.host(value),
        "hostaddr" => {
            let is_address = value.parse::<IpAddr>().is_ok();
            let address = is_address.then_some(value);
            connect.host(address.ok_or_else(|| invalid(name, "an IP address"))?)
        }
        "options" => with_options(connect, value)?,
        "password" => connect.password(value),
        "port" => connect.port(value.parse().map_err(|_| invalid(name, "a port"))?),
        "lock_timeout" | "search_path" | "statement_timeout" => connect.options([(name, value)]),
        "sslcert" => connect.ssl_client_cert(value),
        "sslkey" => connect.ssl_client_key(value),
        "sslmode" => connect.ssl_mode(mode(value)?),
        "sslrootcert" => connect.ssl_root_cert(value),
        "user" => connect.username(value),
        _ => return Err(invalid(name, "one that this version knows")),
    };
    Ok(Options { connect, patience })
}

/// The settings in `-c name=value -c other=value`.
///
/// The driver joins its own to what it is given, so they are taken apart here.
fn with_options(connect: PgConnectOptions, value: &str) -> Result<PgConnectOptions> {
    let invalid = || invalid("options", "`-c name=value`, as often as needed");
    let mut words = value.split_ascii_whitespace();
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("-c").or_else(|| word.strip_prefix("--")) {
            Some("") => words.next(),
            setting => setting,
        };
        settings.push(setting.and_then(|s| s.split_once('=')).ok_or_else(invalid)?);
    }
    Ok(connect.options(settings))
}

fn seconds(name: &str, value: &str) -> Result<Option<Duration>> {
    server::seconds(value).map_err(|_| invalid(name, "a whole number of seconds"))
}

fn mode(value: &str) -> Result<PgSslMode> {
    value.parse().map_err(|_| invalid("sslmode", "a mode of TLS"))
}

fn invalid(name: &str, expected: &str) -> Error {
    Error::config(format!("the parameter `{name}` of the PostgreSQL URL is not valid"))
        .help(format!("it is {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expected: &str) {
        let url = Url::parse(&format!("postgres://me@db/shop?{query}")).unwrap();
        let shown = match apply(PgConnectOptions::new_without_pgpass(), &url) {
            Ok(Options { connect, patience }) => format!(
                "{}:{} {} {:?} {:?} {:?} {patience:?}",
                connect.get_host(),
                connect.get_port(),
                connect.get_username(),
                connect.get_ssl_mode(),
                connect.get_application_name(),
                connect.get_options(),
            ),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{query}");
    }

    #[test]
    fn what_a_url_says_is_done() {
        let base = "host=h&port=1&user=u";
        check(
            &format!("{base}&sslmode=require&application_name=me&connect_timeout=5"),
            "h:1 u Require Some(\"me\") None Some(5s)",
        );
        check(
            &format!("{base}&sslmode=disable&search_path=a,b&lock_timeout=5s&connect_timeout=0"),
            "h:1 u Disable None Some(\"-c search_path=a,b -c lock_timeout=5s\") None",
        );
        check(
            &format!(
                "{base}&sslmode=prefer&options=-c%20geqo%3Doff%20--search_path%3Dx%20-cjit=off"
            ),
            "h:1 u Prefer None Some(\"-c geqo=off -c search_path=x -c jit=off\") Some(30s)",
        );
    }

    #[test]
    fn what_nobody_knows_is_refused_without_its_value() {
        let unknown = |name: &str, help: &str| {
            format!("`{name}` is not a parameter of a PostgreSQL URL\n  help:     {help}")
        };
        check("pasword=s3cr3t", &unknown("pasword", "a similar one exists: `password`"));
        check("sslmod=require", &unknown("sslmod", "a similar one exists: `sslmode`"));
        check("currentSchema=x", &unknown("currentSchema", "write `search_path`"));
        check(
            "x=s3cr3t",
            &unknown(
                "x",
                "there are `application_name`, `channel_binding`, `connect_timeout`, `dbname`, `host`, `hostaddr`, \
                 `lock_timeout`, `options`, `password`, `port`, `search_path`, `sslcert`, `sslkey`, \
                 `sslmode`, `sslrootcert`, `statement_timeout`, `user`",
            ),
        );
        check(
            "sslmode=requre",
            "the parameter `sslmode` of the PostgreSQL URL has no such value\n  help:     choose \
             one of `disable`, `allow`, `prefer`, `require`, `verify-ca`, `verify-full`",
        );
        check(
            "connect_timeout=soon",
            "the parameter `connect_timeout` of the PostgreSQL URL is not valid\n  help:     it is \
             a whole number of seconds",
        );
    }

    #[test]
    fn a_password_among_the_parameters_is_known_as_one() {
        assert_eq!(secrets("postgres://db/x?password=a%20b&pasword=c&user=d"), ["a b", "c"]);
    }
}
