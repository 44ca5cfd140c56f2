//! The parameters of a MySQL URL → options of the connection; those that are not known are refused, by
//! name and never by value.

use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use url::Url;

use super::NAME;
use crate::definition::database_url::MYSQL;
use crate::sink::{refusal, server};
use crate::{Error, Result};

/// What a URL says beside the server, the user and the database.
pub(super) type Options = server::Options<MySqlConnectOptions>;

/// Adds the parameters of a URL to what it says of the server.
///
/// # Errors
/// A parameter that is not known, or a value that means nothing.
pub(super) fn apply(connect: MySqlConnectOptions, url: &Url) -> Result<Options> {
    let start = Options::patient(connect);
    url.query_pairs().try_fold(start, |options, (name, value)| with(options, &name, &value))
}

/// What is to be shown nowhere of the parameters of a URL: whatever is not known may be a password.
pub(super) fn secrets(url: &str) -> Vec<String> {
    let Ok(url) = Url::parse(url.trim()) else { return Vec::new() };
    let pairs = url.query_pairs().filter(|(name, _)| !MYSQL.known.contains(&&**name));
    pairs.map(|(_, value)| value.into_owned()).collect()
}

fn with(options: Options, name: &str, value: &str) -> Result<Options> {
    MYSQL.check(name, Some(value)).map_err(refusal::parameter)?;
    let Options { connect, mut patience } = options;
    let connect = match name {
        "connect_timeout" => {
            patience = seconds(name, value)?;
            connect
        }
        "socket" => connect.socket(value),
        "ssl-ca" => connect.ssl_ca(value),
        "ssl-cert" => connect.ssl_client_cert(value),
        "ssl-key" => connect.ssl_client_key(value),
        "ssl-mode" => connect.ssl_mode(mode(value)?),
        _ => return Err(invalid(name, "one that this version knows")),
    };
    Ok(Options { connect, patience })
}

fn seconds(name: &str, value: &str) -> Result<Option<Duration>> {
    server::seconds(value).map_err(|_| invalid(name, "a whole number of seconds"))
}

fn mode(value: &str) -> Result<MySqlSslMode> {
    value.parse().map_err(|_| invalid("ssl-mode", "a mode of TLS"))
}

fn invalid(name: &str, expected: &str) -> Error {
    Error::config(format!("the parameter `{name}` of the {NAME} URL is not valid"))
        .help(format!("it is {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expected: &str) {
        let url = Url::parse(&format!("mysql://me@db/shop?{query}")).unwrap();
        let shown = match apply(MySqlConnectOptions::new(), &url) {
            Ok(Options { connect, patience }) => {
                format!("{:?} {:?} {patience:?}", connect.get_ssl_mode(), connect.get_socket())
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{query}");
    }

    #[test]
    fn what_a_url_says_is_done() {
        check("", "Preferred None Some(30s)");
        check("ssl-mode=verify_identity&connect_timeout=5", "VerifyIdentity None Some(5s)");
        check(
            "ssl-mode=DISABLED&connect_timeout=0&socket=/run/m.sock",
            "Disabled Some(\"/run/m.sock\") None",
        );
    }

    #[test]
    fn what_nobody_knows_is_refused_without_its_value() {
        let unknown = |name: &str, help: &str| {
            format!("`{name}` is not a parameter of a MySQL URL\n  help:     {help}")
        };
        check("ssl-mod=s3cr3t", &unknown("ssl-mod", "a similar one exists: `ssl-mode`"));
        check("sslmode=require", &unknown("sslmode", "write `ssl-mode`"));
        check(
            "ssl-mode=require",
            "the parameter `ssl-mode` of the MySQL URL has no such value\n  help:     choose one of \
             `DISABLED`, `PREFERRED`, `REQUIRED`, `VERIFY_CA`, `VERIFY_IDENTITY`",
        );
        assert_eq!(secrets("mysql://db/x?pasword=c&ssl-mode=d"), ["c"]);
    }
}
