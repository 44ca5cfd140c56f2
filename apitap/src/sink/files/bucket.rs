//! `s3://bucket/folder`, with the keys of its object store and the environment → what its client is told.
//!
//! What no key says is taken from the variables that the tools of that cloud read. Nothing is connected
//! here.

use std::fmt;

use crate::definition::{Azure, Cloud, Gcs, S3, Template};
use crate::environment::Environment;
use crate::{Error, Result};

/// Whose object store it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provider {
    S3,
    Gcs,
    Azure,
}

/// A folder of an object store.
#[derive(Clone)]
pub(super) struct Bucket {
    pub(super) provider: Provider,
    /// `s3://bucket`.
    pub(super) url: String,
    /// Within it; empty for all of it.
    pub(super) folder: String,
    /// What its client is told, by the names of `object_store`: a later one of a name wins. Those that
    /// are not known are other tools'.
    pub(super) options: Vec<(String, String)>,
    allow_http: bool,
}

impl fmt::Debug for Bucket {
    /// Without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.url, self.folder)
    }
}

impl Bucket {
    /// `None` where the path is not one of an object store.
    pub(super) fn resolve(
        path: &str,
        cloud: &Cloud,
        environment: &mut Environment,
    ) -> Option<Self> {
        let provider = match Cloud::key_of(path)? {
            "s3" => Provider::S3,
            "gcs" => Provider::Gcs,
            _ => Provider::Azure,
        };
        let (scheme, rest) = path.trim().split_once("://")?;
        let (authority, folder) = rest.split_once('/').unwrap_or((rest, ""));
        let mut options = Options { environment, options: Vec::new() };
        let allow_http = match provider {
            Provider::S3 => options.s3(cloud.s3.clone().unwrap_or_default()),
            Provider::Gcs => options.gcs(cloud.gcs.clone().unwrap_or_default()),
            Provider::Azure => options.azure(cloud.azure.clone().unwrap_or_default()),
        };
        Some(Self {
            provider,
            url: format!("{scheme}://{authority}"),
            folder: folder.trim_matches('/').to_owned(),
            options: options.options,
            allow_http,
        })
    }

    /// Whether rows may be sent there.
    ///
    /// # Errors
    /// The server has no TLS and is on another machine, and nothing says that this is meant.
    pub(super) fn check(&self) -> Result<()> {
        const ENDPOINTS: [&str; 6] = [
            "aws_endpoint",
            "aws_endpoint_url",
            "aws_endpoint_url_s3",
            "google_base_url",
            "azure_endpoint",
            "azure_storage_endpoint",
        ];
        let endpoints = self.options.iter().filter(|(name, _)| ENDPOINTS.contains(&&**name));
        let mut open = endpoints.filter(|(_, endpoint)| {
            let rest = endpoint.trim().strip_prefix("http://");
            rest.is_some_and(|rest| !is_loopback(rest))
        });
        match open.next() {
            Some((_, endpoint)) if !self.allow_http => Err(Error::config(format!(
                "the endpoint `{endpoint}` of `{self:?}` has no TLS: rows would be readable on their way"
            ))
            .help(format!(
                "write it with `https://`, or say that it is meant: `{}: {{allow_http: true}}`",
                Cloud::key_of(&self.url).unwrap_or_default()
            ))),
            _ => Ok(()),
        }
    }
}

fn is_loopback(rest: &str) -> bool {
    let host = url::Url::parse(&format!("http://{rest}"));
    match host.as_ref().ok().and_then(|url| url.host()) {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What a client is told, while that is gathered.
struct Options<'a> {
    environment: &'a mut Environment,
    options: Vec<(String, String)>,
}

impl Options<'_> {
    fn s3(&mut self, keys: S3) -> bool {
        self.variables("AWS_");
        if keys.access_key_id.is_some() && keys.session_token.is_none() {
            // A token of the environment is one of the key there.
            self.forget(&["aws_session_token", "aws_token"]);
        }
        if keys.endpoint.is_some() {
            self.forget(&["aws_endpoint_url_s3"]);
        }
        self.key("aws_region", keys.region);
        self.key("aws_endpoint", keys.endpoint);
        self.key("aws_access_key_id", keys.access_key_id);
        self.secret("aws_secret_access_key", keys.secret_access_key);
        self.secret("aws_session_token", keys.session_token);
        // One without the other is a variable that somebody has forgotten.
        self.pair("aws_access_key_id", "aws_secret_access_key", "${AWS_SECRET_ACCESS_KEY}");
        self.pair("aws_secret_access_key", "aws_access_key_id", "${AWS_ACCESS_KEY_ID}");
        self.allow_http(keys.allow_http, "aws_allow_http")
    }

    fn gcs(&mut self, keys: Gcs) -> bool {
        const ACCOUNTS: [&str; 4] = [
            "google_service_account",
            "google_service_account_path",
            "google_service_account_key",
            "google_application_credentials",
        ];
        self.variables("GOOGLE_");
        if keys.service_account.is_some() || keys.service_account_key.is_some() {
            self.forget(&ACCOUNTS);
        }
        self.key("google_service_account", keys.service_account);
        self.secret("google_service_account_key", keys.service_account_key);
        self.key("google_base_url", keys.endpoint);
        self.allow_http(keys.allow_http, "google_allow_http")
    }

    fn azure(&mut self, keys: Azure) -> bool {
        const SHARED: [&str; 5] = [
            "azure_storage_account_key",
            "azure_storage_access_key",
            "azure_storage_master_key",
            "azure_storage_sas_key",
            "azure_storage_sas_token",
        ];
        self.variables("AZURE_");
        if [&keys.account_key, &keys.sas_token, &keys.client_id].iter().any(|key| key.is_some()) {
            self.forget(&SHARED);
        }
        self.key("azure_storage_account_name", keys.account_name);
        self.secret("azure_storage_account_key", keys.account_key);
        self.secret("azure_storage_sas_token", keys.sas_token);
        self.key("azure_tenant_id", keys.tenant_id);
        self.key("azure_client_id", keys.client_id);
        self.secret("azure_client_secret", keys.client_secret);
        self.key("azure_endpoint", keys.endpoint);
        self.allow_http(keys.allow_http, "azure_allow_http")
    }

    fn variables(&mut self, prefix: &str) {
        let variables = self.environment.beginning_with(prefix);
        let options = variables.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        self.options.extend(options);
    }

    fn forget(&mut self, names: &[&str]) {
        self.options.retain(|(name, _)| !names.contains(&&**name));
    }

    fn key(&mut self, name: &str, value: Option<Template>) {
        if let Some(value) = value {
            let value = self.environment.text(&value);
            self.set(name, value);
        }
    }

    fn secret(&mut self, name: &str, value: Option<Template>) {
        if let Some(value) = value {
            let value = self.environment.secret(&value);
            self.set(name, value);
        }
    }

    /// In place of what the environment says.
    fn set(&mut self, name: &str, value: String) {
        self.forget(&[name]);
        self.options.push((name.to_owned(), value));
    }

    fn pair(&mut self, there: &str, other: &str, variable: &str) {
        let has = |name: &str| self.options.iter().any(|(known, _)| known == name);
        if has(there) && !has(other) {
            // Not set: so it is reported with all that is missing.
            self.environment.text(&Template(variable.to_owned()));
        }
    }

    fn allow_http(&mut self, key: bool, variable: &str) -> bool {
        let says =
            |value: &str| matches!(&*value.to_ascii_lowercase(), "true" | "1" | "yes" | "on");
        key || self.options.iter().any(|(name, value)| name == variable && says(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The options of a bucket without those that are other tools'.
    fn check(path: &str, cloud: Cloud, variables: &[(&str, &str)], expected: &[(&str, &str)]) {
        let mut environment: Environment = variables.iter().copied().collect();
        let bucket = Bucket::resolve(path, &cloud, &mut environment).unwrap();
        let options: Vec<_> =
            bucket.options.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(options, expected, "{path}");
        environment.check().unwrap();
    }

    fn text(value: &str) -> Option<Template> {
        Some(Template(value.to_owned()))
    }

    #[test]
    fn keys_come_before_the_environment() {
        let variables = [
            ("AWS_ACCESS_KEY_ID", "theirs"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_SECRET_ACCESS_KEY", "their secret"),
            ("AWS_SESSION_TOKEN", "their token"),
        ];
        let all = [
            ("aws_access_key_id", "theirs"),
            ("aws_region", "eu-west-1"),
            ("aws_secret_access_key", "their secret"),
            ("aws_session_token", "their token"),
        ];
        check("s3://b/x", Cloud::default(), &variables, &all);
        let s3 =
            S3 { access_key_id: text("ours"), secret_access_key: text("${OURS}"), ..S3::default() };
        let cloud = Cloud { s3: Some(s3), ..Cloud::default() };
        let expected = [
            ("aws_region", "eu-west-1"),
            ("aws_access_key_id", "ours"),
            ("aws_secret_access_key", "secret"),
        ];
        let variables: Vec<_> = variables.into_iter().chain([("OURS", "secret")]).collect();
        check("s3://b/x", cloud, &variables, &expected);
        let gcs = Gcs { service_account: text("key.json"), ..Gcs::default() };
        let cloud = Cloud { gcs: Some(gcs), ..Cloud::default() };
        let variables = [("GOOGLE_APPLICATION_CREDENTIALS", "theirs.json"), ("GOOGLE_X", "")];
        check("gs://b", cloud, &variables, &[("google_service_account", "key.json")]);
        let azure = Azure { sas_token: text("sv=1"), ..Azure::default() };
        let cloud = Cloud { azure: Some(azure), ..Cloud::default() };
        let variables =
            [("AZURE_STORAGE_ACCOUNT_KEY", "k"), ("AZURE_STORAGE_ACCOUNT_NAME", "shop")];
        let expected =
            [("azure_storage_account_name", "shop"), ("azure_storage_sas_token", "sv=1")];
        check("az://c/x", cloud, &variables, &expected);
    }

    #[test]
    fn half_of_a_key_is_missing() {
        let mut environment = Environment::from_iter([("AWS_ACCESS_KEY_ID", "theirs")]);
        let bucket = Bucket::resolve("s3://b", &Cloud::default(), &mut environment).unwrap();
        assert_eq!(format!("{bucket:?}"), "s3://b/");
        let missing = environment.check().unwrap_err().to_string();
        assert!(missing.starts_with("`AWS_SECRET_ACCESS_KEY` is not set"), "{missing}");
    }

    #[test]
    fn secrets_of_the_environment_never_show() {
        let mut environment = Environment::from_iter([
            ("AWS_ACCESS_KEY_ID", "AKIA1234"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI"),
        ]);
        Bucket::resolve("s3://b", &Cloud::default(), &mut environment).unwrap();
        let shown = environment.secrets().mask("key AKIA1234 with wJalrXUtnFEMI");
        assert_eq!(shown, "key ${AWS_ACCESS_KEY_ID} with ${AWS_SECRET_ACCESS_KEY}");
    }

    #[test]
    fn a_server_without_tls_has_to_be_meant() {
        let check = |endpoint: &str, allow_http, expected: Option<&str>| {
            let s3 = S3 { endpoint: text(endpoint), allow_http, ..S3::default() };
            let cloud = Cloud { s3: Some(s3), ..Cloud::default() };
            let bucket = Bucket::resolve("s3://b/x", &cloud, &mut Environment::default()).unwrap();
            let found = bucket.check().map_err(|error| error.to_string());
            assert_eq!(found, expected.map_or(Ok(()), |text| Err(text.to_owned())), "{endpoint}");
        };
        check("https://minio:9000", false, None);
        check("http://127.0.0.1:9000", false, None);
        check("http://localhost:9000", false, None);
        check("http://minio:9000", true, None);
        check(
            "http://minio:9000",
            false,
            Some(
                "the endpoint `http://minio:9000` of `s3://b/x` has no TLS: rows would be readable on \
                 their way\n  help:     write it with `https://`, or say that it is meant: `s3: \
                 {allow_http: true}`",
            ),
        );
    }

    #[test]
    fn other_paths_are_none() {
        let resolve = |path| Bucket::resolve(path, &Cloud::default(), &mut Environment::default());
        assert!(resolve("data").is_none());
        assert!(resolve("ftp://host/x").is_none());
        let bucket = resolve("abfss://lake@shop.dfs.core.windows.net/raw/").unwrap();
        assert_eq!(
            (&*bucket.url, &*bucket.folder),
            ("abfss://lake@shop.dfs.core.windows.net", "raw")
        );
    }
}
