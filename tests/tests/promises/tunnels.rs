//! Proxies: what goes to an API over TLS goes through a tunnel (`HTTPS_PROXY`), unless `NO_PROXY` names the
//! API; the proxy sees neither requests nor tokens, and is no reason to trust a certificate.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use apitap_tests::process::{Finished, Project, finish};
use apitap_tests::readme::root;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use super::runs::{LIMIT, project, sqlite};

/// Never to be seen by a proxy.
const TOKEN: &str = "tok-5a1e-in-the-tunnel";

/// The certificates that are made for tests.
fn certificate(name: &str) -> PathBuf {
    root().join("apitap/src/source/fetch/tests/certificates").join(name)
}

/// Does something with each connection to a port of loopback, in a thread of its own.
fn listen(serve: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let serve = Arc::clone(&serve);
            // A client that disconnects is not an error of the server.
            std::thread::spawn(move || drop(serve(connection)));
        }
    });
    address
}

/// What stands before the body of a request.
fn head(connection: &mut impl std::io::Read) -> std::io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        connection.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// An API that speaks TLS, with a certificate of the tests' authority, and the heads that have come to it.
struct Api {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Api {
    fn serve() -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_file_iter(certificate("server.pem")).unwrap().collect();
        let key = PrivateKeyDer::from_pem_file(certificate("server.key")).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.unwrap(), key)
            .unwrap();
        let (config, heads) = (Arc::new(config), Arc::new(Mutex::new(Vec::new())));
        let seen = Arc::clone(&heads);
        let address = listen(move |connection| {
            let tls = ServerConnection::new(Arc::clone(&config)).map_err(std::io::Error::other)?;
            let mut stream = StreamOwned::new(tls, connection);
            loop {
                let head = head(&mut stream)?;
                seen.lock().unwrap().push(head);
                let body = json!([{"id": 1}]).to_string();
                let length = body.len();
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}")?;
                stream.flush()?;
            }
        });
        Self { address, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// A project that loads it; it knows the authority of the certificate, or does not.
    fn project(&self, knows: bool) -> Project {
        let tls = match knows {
            true => format!("    tls: {{ca_file: \"{}\"}}\n", certificate("ca.pem").display()),
            false => String::new(),
        };
        let sources = format!(
            "sources:
  - name: items
    url: https://{}/items
    auth: {{bearer: \"${{TOKEN}}\"}}
    retry: {{max_attempts: 1}}
{tls}    schema: {{id: int64!}}",
            self.address
        );
        project(&sources, &[("items", "SELECT id FROM {{ use_source(\"items\") }}")])
    }
}

/// A proxy that gives tunnels, and what it sees.
struct Proxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    passed: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    fn open() -> Self {
        let (heads, passed) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (seen, through) = (Arc::clone(&heads), Arc::clone(&passed));
        let address = listen(move |mut client| {
            let head = head(&mut client)?;
            let to = head.split(' ').nth(1).unwrap_or_default().to_owned();
            seen.lock().unwrap().push(head);
            let mut server = TcpStream::connect(to)?;
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            let (mut answers, mut to_client) = (server.try_clone()?, client.try_clone()?);
            std::thread::spawn(move || {
                drop(std::io::copy(&mut answers, &mut to_client));
                drop(to_client.shutdown(Shutdown::Both));
            });
            let mut buffer = [0; 1024];
            while let Ok(read @ 1..) = client.read(&mut buffer) {
                through.lock().unwrap().extend(&buffer[..read]);
                server.write_all(&buffer[..read])?;
            }
            server.shutdown(Shutdown::Both)
        });
        Self { address, heads, passed }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn run(project: &Project, proxy: &str, no_proxy: &str) -> Finished {
    let mut command = project.apitap(["run", "--log-level", "debug"]);
    command.env("TOKEN", TOKEN).env("HTTPS_PROXY", proxy).env("NO_PROXY", no_proxy);
    finish(&mut command, LIMIT)
}

fn run_well(project: &Project, proxy: &str, no_proxy: &str) -> String {
    let finished = run(project, proxy, no_proxy);
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert_eq!(finished.code, Some(0), "{said}");
    assert_eq!(sqlite(project, "id) FROM items"), [json!([1])]);
    said
}

#[test]
fn requests_over_tls_go_through_a_tunnel_that_sees_nothing_of_them() {
    let (api, proxy) = (Api::serve(), Proxy::open());
    let said = run_well(&api.project(true), &format!("http://me:pr0xy-pass@{}", proxy.address), "");
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1, "{heads:?}");
    assert!(heads[0].starts_with(&format!("CONNECT {} HTTP/1.1\r\n", api.address)), "{heads:?}");
    // `me:pr0xy-pass`
    let authorization = "proxy-authorization: basic bwu6chiwehktcgfzcw==";
    assert!(heads[0].to_lowercase().contains(authorization), "{heads:?}");
    assert!(!heads[0].contains(TOKEN), "{heads:?}");
    let passed = proxy.passed.lock().unwrap().clone();
    // A handshake of TLS, and nothing in the clear.
    assert_eq!(passed.first(), Some(&0x16));
    assert!(!passed.windows(TOKEN.len()).any(|bytes| bytes == TOKEN.as_bytes()));
    let asked = api.heads();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].starts_with("GET /items HTTP/1.1\r\n"), "{asked:?}");
    assert!(asked[0].contains(TOKEN) && !asked[0].to_lowercase().contains("proxy"), "{asked:?}");
    assert!(!said.contains("pr0xy-pass") && !said.contains(TOKEN), "{said}");
}

#[test]
fn what_no_proxy_names_is_asked_without_one() {
    let (api, proxy) = (Api::serve(), Proxy::open());
    for no_proxy in ["127.0.0.1", "example.com,127.0.0.0/8"] {
        run_well(&api.project(true), &format!("http://{}", proxy.address), no_proxy);
    }
    assert!(proxy.heads().is_empty(), "{:?}", proxy.heads());
    run_well(&api.project(true), &format!("http://{}", proxy.address), "example.com");
    assert_eq!(proxy.heads().len(), 1);
    assert_eq!(api.heads().len(), 3);
}

#[test]
fn a_certificate_in_a_tunnel_is_verified_as_anywhere() {
    let (api, proxy) = (Api::serve(), Proxy::open());
    let finished = run(&api.project(false), &format!("http://{}", proxy.address), "");
    assert_eq!(finished.code, Some(1));
    let expected = "the server's certificate is not trusted";
    assert!(finished.stdout.contains(expected), "{}", finished.stdout);
    assert!(api.heads().is_empty());
}
