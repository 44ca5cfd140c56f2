//! Which names of headers, parameters and keys are those of secrets: one list, for the warning about
//! a secret in a file and for the masks of a run.

/// Names of secrets, in lower case with `_`, without a leading `x_`.
const NAMES: [&str; 18] = [
    "apikey",
    "api_key",
    "api_token",
    "auth",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "pass",
    "passwd",
    "password",
    "proxy_authorization",
    "pwd",
    "secret",
    "sig",
    "signature",
    "token",
];

/// How other names of secrets end.
const ENDINGS: [&str; 13] = [
    "_api_key",
    "_apikey",
    "_auth",
    "_credential",
    "_key_secret",
    "_password",
    "_secret",
    "_secret_key",
    "_security_token",
    "_signature",
    "access_key",
    "access_token",
    "auth_token",
];

/// Whether the value of a header, parameter or key of that name is a secret.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let name = name.strip_prefix("x_").unwrap_or(&name);
    NAMES.contains(&name) || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Whether it may be one. Too much masked is better than too little; too many warnings are not, so
/// those go by [`is_secret`].
pub fn may_be_secret(name: &str) -> bool {
    is_secret(name) || name.eq_ignore_ascii_case("key")
}

/// Words of the names of variables that hold secrets.
const OF_VARIABLES: [&str; 16] = [
    "AUTH",
    "AUTHORIZATION",
    "BEARER",
    "COOKIE",
    "CREDENTIAL",
    "CREDENTIALS",
    "HOOK",
    "JWT",
    "PASS",
    "PASSWD",
    "PAT",
    "PWD",
    "SAS",
    "SIG",
    "SIGNATURE",
    "WEBHOOK",
];

/// Whether the name of an environment variable says that its value is a secret.
pub fn is_secret_variable(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["KEY", "SECRET", "TOKEN", "PASSWORD"].iter().any(|word| name.contains(word))
        || name.split('_').any(|word| OF_VARIABLES.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_urls_of_clouds_are_known() {
        for name in [
            "X-Amz-Credential",
            "X-Amz-Security-Token",
            "X-Amz-Signature",
            "X-Goog-Signature",
            "sig",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["X-Amz-Date", "signature_version", "page_token", "sort_key"] {
            assert!(!may_be_secret(name), "{name}");
        }
        assert!(may_be_secret("KEY") && !is_secret("key"));
    }

    #[test]
    fn variables_say_in_their_names_that_they_are_secrets() {
        for name in ["SHOP_TOKEN", "APIKEY", "AWS_SECRET_ACCESS_KEY", "db_password", "GITHUB_PAT"] {
            assert!(is_secret_variable(name), "{name}");
        }
        for name in ["SHOP_URL", "HOST", "DATABASE", "PATH_OF_API", "TENANT"] {
            assert!(!is_secret_variable(name), "{name}");
        }
    }
}
