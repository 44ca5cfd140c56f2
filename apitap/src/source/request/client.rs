//! The connections that all sources of a process share.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use tokio::runtime;

use crate::{Error, Result};

/// How long to wait for a connection, of the time that a request may take in all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends requests: HTTP/2 where the server speaks it, connections kept and shared.
///
/// One per process. Clones share the connections. `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are
/// obeyed.
#[derive(Debug, Clone)]
pub(crate) struct Client(reqwest::Client);

impl Client {
    /// The client of this process, made when it is first asked for.
    ///
    /// Connections are served by the runtime that opened them: on another runtime there is another
    /// client, in place of the one before.
    ///
    /// # Errors
    /// See [`Client::new`].
    pub(crate) fn of_process() -> Result<Self> {
        static CLIENT: Mutex<Option<(Option<runtime::Id>, Client)>> = Mutex::new(None);
        let runtime = runtime::Handle::try_current().ok().map(|runtime| runtime.id());
        // It is whole between any two statements, so a panic elsewhere does not spoil it.
        let mut client = CLIENT.lock().unwrap_or_else(PoisonError::into_inner);
        match &*client {
            Some((id, known)) if *id == runtime => Ok(known.clone()),
            _ => Ok(client.insert((runtime, Self::new()?)).1.clone()),
        }
    }

    /// Trusts the certificate authorities that are built in, and those of the system or of
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` where there are any.
    ///
    /// # Errors
    /// A config error when `SSL_CERT_FILE` is set and holds no certificate.
    pub(crate) fn new() -> Result<Self> {
        let built = reqwest::Client::builder()
            .tls_backend_preconfigured(tls()?)
            .user_agent(concat!("apitap/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            // They are followed one by one, because credentials stay with their own server.
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // As browsers and curl do; what else is not valid may hide a header that matters.
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            // Bodies are decompressed within bounds, and in more ways (`content`).
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .build();
        built.map(Self).map_err(|error| {
            Error::config("cannot prepare connections")
                .caused_by(error)
                .help("check `HTTPS_PROXY` and `HTTP_PROXY`")
        })
    }

    pub(super) async fn execute(
        &self,
        request: reqwest::Request,
    ) -> reqwest::Result<reqwest::Response> {
        self.0.execute(request).await
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is TLS that is configured, before there is a run"
)]
fn tls() -> Result<ClientConfig> {
    let file = std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::config("cannot prepare TLS").caused_by(error))?
        .with_root_certificates(roots(file.as_deref().map(Path::new))?)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
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
