//! What a driver is and what it is told, with the variables' values in place of their names.

use std::fmt;
use std::path::PathBuf;

use url::Url;

use crate::definition::{Connection, Driver, DriverOptions};
use crate::environment::Environment;
use apitap_build::secret_names::is_secret_variable;

/// A driver and its options. Its `Debug` shows no value of them.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// The path of a library or a manifest, or a name.
    pub(super) driver: String,
    pub(super) entrypoint: Option<String>,
    pub(super) options: Vec<(String, String)>,
}

impl Settings {
    /// Those of a connection; whatever is a secret of them never shows.
    pub(super) fn resolve(connection: &Connection, environment: &mut Environment) -> Self {
        let nothing = DriverOptions::default();
        let (entrypoint, options) = match connection {
            Connection::Driver(Driver { entrypoint, options, .. }) => (entrypoint.clone(), options),
            Connection::Url(_) | Connection::Parts { .. } | Connection::Folder(_) => {
                (None, &nothing)
            }
        };
        let driver = environment.text(connection.place()).trim().to_owned();
        let mut resolved = Vec::with_capacity(options.0.len());
        for (name, value) in &options.0 {
            let value = match is_secret(name) {
                true => environment.secret(value),
                false => environment.text(value),
            };
            hide_within(&value, environment);
            resolved.push((name.clone(), value));
        }
        Self { driver, entrypoint, options: resolved }
    }

    /// The value of an option.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        let mut options = self.options.iter();
        options.find(|(option, _)| option == name).map(|(_, value)| value.trim())
    }

    /// The file that the database is in, where an option says so.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let path = self.option("path").filter(|path| !path.is_empty())?;
        std::path::absolute(path).ok()
    }

    /// The driver, and where it leads, without user, password and parameters.
    pub(super) fn address(&self) -> String {
        let place = ["path", "uri"].iter().find_map(|name| self.option(name));
        match place.map(without_secrets).filter(|place| !place.is_empty()) {
            Some(place) => format!("{} at {place}", self.driver),
            None => self.driver.clone(),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.options.iter().map(|(name, _)| name).collect();
        f.debug_struct("Settings")
            .field("driver", &self.driver)
            .field("entrypoint", &self.entrypoint)
            .field("options", &names)
            .finish()
    }
}

/// Whether an option holds a secret. Drivers name options as variables are named, with dots; it is better to
/// mask too much than too little.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['.', '-'], "_");
    is_secret_variable(&name) || ["auth", "credential"].iter().any(|word| name.contains(word))
}

/// Passwords within a value: `user:password@account/database`, which some drivers take without a scheme, and
/// `host=db password=…`.
fn hide_within(value: &str, environment: &mut Environment) {
    if !value.contains("://") {
        environment.hide_password(&format!("dsn://{value}"));
    }
    for word in value.split([' ', ';', '&', '?']) {
        if let Some((_, secret)) = word.split_once('=').filter(|(name, _)| is_secret(name)) {
            environment.hide(secret.trim_matches(['\'', '"']));
        }
    }
}

/// The part of a URL or of a path that may be shown.
fn without_secrets(place: &str) -> String {
    let path = place.split(['?', '#', ';']).next().unwrap_or_default();
    match Url::parse(path) {
        Ok(url) if url.has_host() => {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{}{port}{}", url.host_str().unwrap_or_default(), url.path())
        }
        _ if path.contains(['@', '=']) => String::new(),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Template;

    /// A driver that is told these options, with `PW=s3cr3t`: its address, and a text with its secrets out.
    #[track_caller]
    fn check(options: &[(&str, &str)], address: &str, text: &str, masked: &str) {
        let template = |text: &str| Template(text.to_owned());
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), template(value)));
        let driver = Driver {
            driver: template("postgresql"),
            entrypoint: None,
            options: DriverOptions(options.collect()),
        };
        let mut environment = Environment::from_iter([("PW", "s3cr3t")]);
        let settings = Settings::resolve(&Connection::Driver(driver), &mut environment);
        assert_eq!(settings.address(), address);
        assert_eq!(environment.secrets().mask(text), masked);
        let shown = format!("{settings:?}");
        assert!(!shown.contains("s3cr3t") && !shown.contains("hunt42"), "{shown}");
    }

    #[test]
    fn an_address_says_where_the_driver_leads_and_no_secret() {
        check(&[], "postgresql", "", "");
        check(&[("path", "shop.duckdb")], "postgresql at shop.duckdb", "", "");
        let uri = "postgresql://me:${PW}@db:5433/shop?sslmode=disable";
        check(&[("uri", uri)], "postgresql at db:5433/shop", "bad: s3cr3t", "bad: ${PW}");
        check(&[("uri", "me:hunt42@account/shop")], "postgresql", "got hunt42", "got ***");
        check(&[("uri", "host=db password=hunt42")], "postgresql", "got hunt42", "got ***");
    }

    #[test]
    fn an_option_that_is_a_secret_by_its_name_never_shows() {
        check(&[("password", "hunt42")], "postgresql", "got hunt42", "got ***");
        let name = "adbc.snowflake.sql.client_option.jwt_private_key";
        check(&[(name, "hunt42")], "postgresql", "got hunt42", "got ***");
        check(&[("uri", "uid=me;pwd=hunt42")], "postgresql", "got hunt42", "got ***");
    }
}
