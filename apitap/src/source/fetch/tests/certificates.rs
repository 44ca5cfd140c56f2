//! `tls`: servers whose authority only the source knows, and servers that want to see a certificate.
//!
//! The files in `certificates` are made for these tests, and trusted by nobody else.

use std::path::PathBuf;

use apitap_build::definition::Tls;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

fn file(name: &str) -> String {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/source/fetch/tests/certificates");
    folder.join(name).display().to_string()
}

/// A server with a certificate of the test's authority, which asks for one of its clients' or not.
fn acceptor(asks: bool) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificates = |name| {
        let read = CertificateDer::pem_file_iter(file(name)).unwrap();
        read.collect::<std::result::Result<Vec<_>, _>>().unwrap()
    };
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = if asks {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates("ca.pem"));
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        config.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        config.with_no_client_auth()
    };
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let config = config.with_single_cert(certificates("server.pem"), key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// What comes of a source with these certificates, over TLS.
async fn check(asks: bool, tls: Option<Tls>, expected: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = acceptor(asks);
    let _server = Task::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            // What is refused here is what the client reports.
            let Ok(mut connection) = acceptor.accept(connection).await else { continue };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                match connection.read_u8().await {
                    Ok(byte) => request.push(byte),
                    Err(_) => break,
                }
            }
            let body = body(0..1, "");
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            connection.write_all(format!("{head}{body}").as_bytes()).await.ok();
        }
    });
    let unused = Server::start(|_| records([])).await;
    let mut source = Source { tls, ..source(&unused, Pagination::default()) };
    source.url = Template(format!("https://{address}/items"));
    let shown = fetch(&source).await.shown();
    assert!(shown.starts_with(expected), "{shown}");
}

fn tls(ca: Option<&str>, client: Option<(&str, &str)>) -> Option<Tls> {
    let name = |name: &str| Template(file(name));
    Some(Tls {
        ca_file: ca.map(name),
        client_cert: client.map(|(cert, _)| name(cert)),
        client_key: client.map(|(_, key)| name(key)),
    })
}

#[tokio::test]
async fn a_server_is_trusted_where_its_authority_is_named() {
    check(false, None, "error: the server's certificate is not trusted").await;
    check(false, tls(Some("ca.pem"), None), &shown(0..1)).await;
}

#[tokio::test]
async fn a_certificate_is_shown_to_a_server_that_asks_for_it() {
    check(true, tls(Some("ca.pem"), None), "error: ").await;
    let client = Some(("client.pem", "client.key"));
    check(true, tls(Some("ca.pem"), client), &shown(0..1)).await;
}

#[tokio::test]
async fn files_that_hold_no_certificate_are_a_config_error_before_any_request() {
    let server = Server::start(|_| records([])).await;
    for (tls, expected) in [
        (tls(Some("none.pem"), None), "`ca_file` of `tls` cannot be read: `"),
        (tls(Some("client.key"), None), "`ca_file` of `tls` has no certificate: `"),
        (tls(None, Some(("client.pem", "ca.pem"))), "`client_key` of `tls` cannot be read: `"),
        (
            tls(None, Some(("client.pem", "server.key"))),
            "`client_cert` and `client_key` of `tls` do not fit together",
        ),
    ] {
        let source = Source { tls, ..source(&server, Pagination::default()) };
        let plan = FetchPlan::resolve(&source, &[], &mut Environment::default());
        let error = plan.check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(first_line(&error).starts_with(expected), "{error}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_one_that_is_down() {
    let server = Server::start(|_| records([])).await;
    let mut source = source(&server, Pagination::default());
    source.url = Template(format!("{}/items", server.url().replace("http:", "https:")));
    let error = fetch(&source).await.error.unwrap().to_string();
    assert!(error.starts_with("the server does not speak TLS at this port\n"), "{error}");
    let help = format!("write `{}`", server.url());
    assert!(error.contains(&help), "{error}");
    assert!(server.requests().is_empty());
}
