//! The parameters that the URL of a database may have: one list, for the check and for a run.

use std::ops::Range;

use crate::nearest::Suggestion;

/// What the URLs of one kind of database may say behind their `?`.
#[derive(Debug)]
pub struct Parameters {
    /// The database, as messages name it.
    pub database: &'static str,
    /// Their names.
    pub known: &'static [&'static str],
    /// What other drivers call them, and what they are called here.
    pub called: &'static [(&'static str, &'static str)],
    /// The values of those that have few, in any case of the letters.
    pub choices: &'static [(&'static str, &'static [&'static str])],
    /// Values that others take and nothing does here, and what to write.
    pub refused: &'static [(&'static str, &'static str, &'static str)],
}

/// Those of PostgreSQL.
pub const POSTGRESQL: Parameters = Parameters {
    database: "PostgreSQL",
    known: &[
        "application_name",
        "channel_binding",
        "connect_timeout",
        "dbname",
        "host",
        "hostaddr",
        "lock_timeout",
        "options",
        "password",
        "port",
        "search_path",
        "sslcert",
        "sslkey",
        "sslmode",
        "sslrootcert",
        "statement_timeout",
        "user",
    ],
    called: &[
        ("currentSchema", "search_path"),
        ("schema", "search_path"),
        ("ssl-ca", "sslrootcert"),
        ("ssl-cert", "sslcert"),
        ("ssl-key", "sslkey"),
        ("ssl-mode", "sslmode"),
        ("ssl-root-cert", "sslrootcert"),
        ("ssl", "sslmode"),
    ],
    choices: &[
        ("channel_binding", &["disable", "prefer"]),
        ("sslmode", &["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]),
    ],
    refused: &[(
        "channel_binding",
        "require",
        "the password is not bound to the TLS channel here: leave it out, and write \
         `sslmode=verify-full`, which makes sure of the server",
    )],
};

/// Those of MySQL and MariaDB.
pub const MYSQL: Parameters = Parameters {
    database: "MySQL",
    known: &["connect_timeout", "socket", "ssl-ca", "ssl-cert", "ssl-key", "ssl-mode"],
    called: &[
        ("connectTimeout", "connect_timeout"),
        ("ssl", "ssl-mode"),
        ("ssl_ca", "ssl-ca"),
        ("ssl_mode", "ssl-mode"),
        ("sslMode", "ssl-mode"),
        ("sslca", "ssl-ca"),
        ("sslcert", "ssl-cert"),
        ("sslkey", "ssl-key"),
        ("sslmode", "ssl-mode"),
        ("unix_socket", "socket"),
    ],
    choices: &[(
        "ssl-mode",
        &["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"],
    )],
    refused: &[],
};

/// Those of SQLite: what it could not write with is none of them.
pub const SQLITE: Parameters = Parameters {
    database: "SQLite",
    known: &["cache", "mode", "vfs"],
    called: &[],
    choices: &[("cache", &["private", "shared"]), ("mode", &["rwc", "rw"])],
    refused: &[],
};

/// What is wrong with the parameters of a URL. Its message does not show a value, which may be a
/// password.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    /// In lower case, without a full stop.
    pub message: String,
    /// What to write.
    pub help: String,
    /// What to put there, and whether that is surely meant.
    pub instead: Option<(&'static str, bool)>,
}

impl Parameters {
    /// The first that is wrong in a URL as it is written, and its bytes there; `${NAME}`, and what is
    /// encoded, is left to the run.
    pub fn wrong(&self, url: &str) -> Option<(Range<usize>, Wrong)> {
        let (_, query) = url.split_once('?')?;
        let start = url.len() - query.len();
        let query = query.split('#').next().unwrap_or_default();
        let mut at = start;
        for pair in query.split('&') {
            let begin = at;
            at += pair.len() + 1;
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let is_plain = |text: &str| !text.contains(['$', '%', '+']);
            if name.is_empty() || !is_plain(name) {
                continue;
            }
            if let Err(wrong) = self.check(name, is_plain(value).then_some(value)) {
                let end = begin + pair.len();
                let at = match self.known.contains(&name) {
                    true => end - value.len()..end,
                    false => begin..begin + name.len(),
                };
                return Some((at, wrong));
            }
        }
        None
    }

    /// Whether there is such a parameter, and whether it has such a value.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, name: &str, value: Option<&str>) -> Result<(), Wrong> {
        if !self.known.contains(&name) {
            return Err(self.unknown(name));
        }
        let choices = self.choices.iter().find(|(parameter, _)| *parameter == name);
        match (choices, value) {
            (Some((_, values)), Some(value))
                if !values.iter().any(|known| known.eq_ignore_ascii_case(value)) =>
            {
                Err(self.no_such_value(name, value, values))
            }
            _ => Ok(()),
        }
    }

    fn unknown(&self, name: &str) -> Wrong {
        let called = self.called.iter().find(|(theirs, _)| *theirs == name);
        let (help, instead) = match called {
            Some((_, ours)) => (format!("write `{ours}`"), Some((*ours, false))),
            None => match Suggestion::of(name, self.known.iter().copied()) {
                Some(Suggestion { name, sure }) => {
                    (format!("a similar one exists: `{name}`"), Some((name, sure)))
                }
                None => (format!("there are {}", listed(self.known)), None),
            },
        };
        let message = format!("`{name}` is not a parameter of a {} URL", self.database);
        Wrong { message, help, instead }
    }

    fn no_such_value(&self, name: &str, value: &str, values: &'static [&'static str]) -> Wrong {
        let refused = self.refused.iter().find(|(of, is, _)| (*of, *is) == (name, value));
        if let Some((name, value, help)) = refused {
            let message = format!("`{name}={value}` is not supported");
            return Wrong { message, help: (*help).to_owned(), instead: None };
        }
        let near = Suggestion::of(value, values.iter().copied());
        let instead = near.map(|Suggestion { name, sure }| (name, sure));
        Wrong {
            message: format!(
                "the parameter `{name}` of the {} URL has no such value",
                self.database
            ),
            help: format!("choose one of {}", listed(values)),
            instead,
        }
    }
}

/// Names in backticks, with commas between.
fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a URL: the part of it, the message, and what to put there.
    #[track_caller]
    fn check(parameters: &Parameters, url: &str, expected: Option<(&str, &str, Option<&str>)>) {
        let wrong = parameters.wrong(url);
        let found = wrong.as_ref().map(|(at, wrong)| {
            let at = url.get(at.clone()).unwrap_or_default();
            (at, wrong.message.as_str(), wrong.instead.map(|(instead, _)| instead))
        });
        assert_eq!(found, expected, "{url}");
    }

    #[test]
    fn what_a_run_refuses_is_found_in_the_text() {
        let unknown = "`sslmod` is not a parameter of a PostgreSQL URL";
        check(
            &POSTGRESQL,
            "postgres://me@db/x?connect_timeout=5&sslmod=require#a",
            Some(("sslmod", unknown, Some("sslmode"))),
        );
        let value = "the parameter `sslmode` of the PostgreSQL URL has no such value";
        check(
            &POSTGRESQL,
            "postgres://h/d?sslmode=requre",
            Some(("requre", value, Some("require"))),
        );
        check(
            &POSTGRESQL,
            "postgres://h/d?sslmode=require&channel_binding=require",
            Some(("require", "`channel_binding=require` is not supported", None)),
        );
        let other = "`sslmode` is not a parameter of a MySQL URL";
        check(&MYSQL, "mysql://h/d?sslmode=require", Some(("sslmode", other, Some("ssl-mode"))));
        let memory = "the parameter `mode` of the SQLite URL has no such value";
        check(&SQLITE, "sqlite:a.db?mode=memory", Some(("memory", memory, None)));
    }

    #[test]
    fn what_a_run_takes_is_right() {
        check(&POSTGRESQL, "postgres://h/d", None);
        check(&POSTGRESQL, "postgres://h/d?", None);
        check(&POSTGRESQL, "postgres://h/d?channel_binding=prefer", None);
        check(&POSTGRESQL, "postgres://h/d?sslmode=verify-full&options=-c%20a=b", None);
        check(&POSTGRESQL, "postgres://h/d?sslmode=${MODE}&${MORE}", None);
        check(&MYSQL, "mysql://h/d?ssl-mode=required", None);
        check(&SQLITE, "sqlite:a.db?mode=rwc&cache=shared", None);
    }
}
