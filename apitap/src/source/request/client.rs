//! The connections that all sources of a process share.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime;

use super::template::Resolved;
use crate::definition::Tls;
use crate::environment::Environment;
use crate::{Error, Result};

/// How long to wait for a connection, of the time that a request may take in all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends requests: HTTP/2 where the server speaks it, connections kept and shared.
///
/// One per process, and one for each set of certificates. Clones share the connections. `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are
/// obeyed.
#[derive(Debug, Clone)]
pub(crate) struct Client(reqwest::Client);

impl Client {
    /// The client of this process, made when it is first asked for.
    ///
    /// # Errors
    /// See [`Client::with`].
    pub(crate) fn of_process() -> Result<Self> {
        Self::of(None)
    }

    /// The client of this process that has these certificates, too.
    ///
    /// Connections are served by the runtime that opened them: on another runtime there is another
    /// client, in place of the one before.
    ///
    /// # Errors
    /// See [`Client::with`].
    pub(super) fn of(tls: Option<&TlsFiles>) -> Result<Self> {
        type Clients = HashMap<Option<TlsFiles>, (Option<runtime::Id>, Client)>;
        static CLIENTS: LazyLock<Mutex<Clients>> = LazyLock::new(Mutex::default);
        let runtime = runtime::Handle::try_current().ok().map(|runtime| runtime.id());
        // It is whole between any two statements, so a panic elsewhere does not spoil it.
        let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
        match clients.get(&tls.cloned()) {
            Some((id, known)) if *id == runtime => Ok(known.clone()),
            _ => {
                let client = Self::with(tls)?;
                clients.insert(tls.cloned(), (runtime, client.clone()));
                Ok(client)
            }
        }
    }

    /// One of its own, with what every source has.
    ///
    /// # Errors
    /// See [`Client::with`].
    #[cfg(test)]
    pub(crate) fn new() -> Result<Self> {
        Self::with(None)
    }

    /// Trusts the certificate authorities that are built in, those of the system or of `SSL_CERT_FILE`
    /// and `SSL_CERT_DIR` where there are any, and those of a source.
    ///
    /// # Errors
    /// A config error when `SSL_CERT_FILE` is set and holds no certificate, or a file of the source
    /// does not hold what it should.
    fn with(files: Option<&TlsFiles>) -> Result<Self> {
        let builder = builder(files)?
            .connect_timeout(CONNECT_TIMEOUT)
            // As browsers and curl do; what else is not valid may hide a header that matters.
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            // Bodies are decompressed within bounds, and in more ways (`content`).
            .no_gzip()
            .no_brotli()
            .no_zstd();
        builder.build().map(Self).map_err(unprepared)
    }

    /// The connections of this process to object stores, whose own client says what is sent and how
    /// often; one for each time that connecting may take.
    ///
    /// # Errors
    /// See [`Client::with`].
    #[cfg(feature = "cloud")]
    pub(crate) fn of_stores(connect: Duration) -> Result<reqwest::Client> {
        /// How long one request may take: a part of a file on its way, at most.
        const TIMEOUT: Duration = Duration::from_secs(120);
        type Clients = HashMap<Duration, (Option<runtime::Id>, reqwest::Client)>;
        static CLIENTS: LazyLock<Mutex<Clients>> = LazyLock::new(Mutex::default);
        let runtime = runtime::Handle::try_current().ok().map(|runtime| runtime.id());
        let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
        match clients.get(&connect) {
            Some((id, known)) if *id == runtime => Ok(known.clone()),
            _ => {
                let builder = builder(None)?.connect_timeout(connect).timeout(TIMEOUT);
                let client = builder.build().map_err(unprepared)?;
                clients.insert(connect, (runtime, client.clone()));
                Ok(client)
            }
        }
    }

    pub(super) async fn execute(
        &self,
        request: reqwest::Request,
    ) -> reqwest::Result<reqwest::Response> {
        self.0.execute(request).await
    }
}

/// What all connections of this process have in common.
fn builder(files: Option<&TlsFiles>) -> Result<reqwest::ClientBuilder> {
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls(files)?)
        .user_agent(concat!("apitap/", env!("CARGO_PKG_VERSION")))
        // They are followed one by one, because credentials stay with their own server.
        .redirect(reqwest::redirect::Policy::none())
        .referer(false))
}

fn unprepared(error: reqwest::Error) -> Error {
    Error::config("cannot prepare connections")
        .caused_by(error)
        .help("check `HTTPS_PROXY` and `HTTP_PROXY`")
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is TLS that is configured, before there is a run"
)]
fn tls(files: Option<&TlsFiles>) -> Result<ClientConfig> {
    let file = std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unprepared = |error| Error::config("cannot prepare TLS").caused_by(error);
    let mut roots = roots(file.as_deref().map(Path::new))?;
    if let Some(ca) = files.and_then(|files| files.ca_file.as_ref()) {
        roots.add_parsable_certificates(certificates("ca_file", ca.text())?);
    }
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unprepared)?
        .with_root_certificates(roots);
    let mut config = match files.and_then(TlsFiles::identity) {
        None => config.with_no_client_auth(),
        Some((cert, key)) => {
            let certificates = certificates("client_cert", cert)?;
            config.with_client_auth_cert(certificates, private_key(key)?).map_err(|error| {
                Error::config("`client_cert` and `client_key` of `tls` do not fit together")
                    .caused_by(error)
            })?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Files of certificates that a source has besides; equal ones get the same client.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct TlsFiles {
    ca_file: Option<Resolved>,
    client_cert: Option<Resolved>,
    client_key: Option<Resolved>,
}

impl TlsFiles {
    /// Puts the environment's values into the names of the files.
    pub(super) fn resolve(tls: &Tls, environment: &mut Environment) -> Self {
        let mut file =
            |name: &Option<_>| name.as_ref().map(|name| Resolved::text_of(name, environment));
        Self {
            ca_file: file(&tls.ca_file),
            client_cert: file(&tls.client_cert),
            client_key: file(&tls.client_key),
        }
    }

    /// The certificate that the program shows, and its key.
    fn identity(&self) -> Option<(&str, &str)> {
        Some((self.client_cert.as_ref()?.text(), self.client_key.as_ref()?.text()))
    }
}

/// The certificates in a file, of which there must be one.
fn certificates(key: &str, file: &str) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(unfit(key, "has no certificate", file)),
        Err(error) => Err(unfit(key, "cannot be read", file).caused_by(error.to_string())),
    }
}

fn private_key(file: &str) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(file)
        .map_err(|error| unfit("client_key", "cannot be read", file).caused_by(error.to_string()))
}

fn unfit(key: &str, what: &str, file: &str) -> Error {
    Error::config(format!("`{key}` of `tls` {what}: `{file}`"))
        .help("let it name a file in PEM form: `-----BEGIN …`")
}

/// The built-in authorities, so that an image with nothing else in it works, and the system's, or
/// those of `file` and `SSL_CERT_DIR`.
fn roots(file: Option<&Path>) -> Result<RootCertStore> {
    if let Some(file) = file {
        let found = rustls_native_certs::load_certs_from_paths(Some(file), None);
        if found.certs.is_empty() {
            let shown = file.display();
            let error = Error::config(format!("`SSL_CERT_FILE` has no certificate in `{shown}`"))
                .help("let it name a file of certificates in PEM form, or unset it");
            return Err(match found.errors.into_iter().next() {
                Some(cause) => error.caused_by(cause.to_string()),
                None => error,
            });
        }
    }
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    // What cannot be read or parsed there is not trusted, as everywhere.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn check(content: &[u8], expected: &str) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let error = roots(Some(file.path())).unwrap_err().to_string();
        let path = file.path().display().to_string();
        assert_eq!(error.replace(&path, "FILE"), expected);
    }

    #[test]
    fn a_certificate_file_without_certificates_is_an_error() {
        check(
            b"no certificate",
            "`SSL_CERT_FILE` has no certificate in `FILE`\n  \
             help:     let it name a file of certificates in PEM form, or unset it",
        );
        let missing = roots(Some(Path::new("/nowhere/at/all"))).unwrap_err();
        assert!(missing.to_string().contains("No such file"), "{missing}");
    }

    #[test]
    fn authorities_are_built_in() {
        assert!(roots(None).unwrap().len() >= webpki_roots::TLS_SERVER_ROOTS.len());
    }
}
