//! `auth` of a target: a user and a password, or the variables that hold them.

use crate::definition::Template;
use crate::keys::declare::{Mapping, keys};

keys! {
    /// The user and the password.
    pub struct Credentials, spec CredentialsSpec {
        /// The user.
        username: Option<Template> = optional().example("app"),
        /// The variable that holds the user: `${NAME}` by another spelling.
        username_env: Option<String> = optional().example("PGUSER").rule(variable),
        /// The password; empty if absent.
        password: Option<Template> = optional()
            .example("${PGPASSWORD}")
            .secret("the password", "${PGPASSWORD}"),
        /// The variable that holds the password: `${NAME}` by another spelling.
        password_env: Option<String> = optional().example("PGPASSWORD").rule(variable),
    }
    check: once;
    rules: vec![
        Rule::one_of(vec![vec!["username"], vec!["username_env"]]),
        Rule::NotBoth("password", "password_env"),
    ];
}

/// The name of a variable.
fn variable(
    name: &crate::diagnostic::Spanned<String>,
    findings: &mut crate::diagnostic::Findings,
) -> bool {
    let written = name.clone().map(|name| format!("${{{name}}}"));
    crate::keys::rules::template(written, findings).is_some()
}

fn once(spec: &CredentialsSpec, mapping: &mut Mapping<'_, '_>) -> bool {
    let pairs = [
        ("username", "username_env", &spec.username_env.place),
        ("password", "password_env", &spec.password_env.place),
    ];
    let both: Vec<_> =
        pairs.into_iter().filter(|(a, b, _)| mapping.has(a) && mapping.has(b)).collect();
    for (value, variable, place) in &both {
        super::conflict(value, variable, Some((*place).clone()), mapping);
    }
    if mapping.has("username") || mapping.has("username_env") {
        return both.is_empty();
    }
    mapping.missing_as("username", "username: app");
    false
}

impl Credentials {
    /// The user and the password, each in the one spelling that the definition has.
    pub(super) fn values(self) -> Option<(Template, Template)> {
        let of = |value: Option<Template>, variable: Option<String>| {
            value.or_else(|| variable.map(|name| Template(format!("${{{name}}}"))))
        };
        let username = of(self.username, self.username_env)?;
        let password = of(self.password, self.password_env);
        Some((username, password.unwrap_or(Template(String::new()))))
    }

    pub(super) fn of(username: Template, password: Template) -> Self {
        Self {
            username: Some(username),
            username_env: None,
            password: Some(password),
            password_env: None,
        }
    }
}
