//! A private server that speaks the protocol of S3 (moto, of PyPI): each test has a bucket of its own.
//!
//! What it keeps is in its memory. It does not check who asks.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::server::{INSTALLED, Kind, Package, Server};

/// Who asks.
pub const KEY: &str = "apitap";
/// The secret of [`KEY`].
pub const SECRET: &str = "no secret";

const S3: Kind = Kind {
    name: "moto",
    package: Package::Python {
        folder,
        packages: &["moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"],
    },
    programs: &["moto_server", INSTALLED],
    users: &[],
    folders: || vec![folder().join("bin")],
    serve: SERVE,
};

const SERVE: &str = r#"
trap 'rm -rf "$2"' EXIT
"$1/python3" - "$3" 3<&0 2>"$2/log" <<'SERVER' || cat "$2/log"
import logging, os, sys, threading
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

logging.getLogger("werkzeug").setLevel(logging.ERROR)
app = DomainDispatcherApplication(create_backend_app)
lock = threading.Lock()

def serve(environ, start):
    if "HTTP_IF_NONE_MATCH" not in environ:
        return app(environ, start)
    # moto looks whether there is one and writes it in two steps; S3 does so in one.
    with lock:
        return app(environ, start)

server = make_server("127.0.0.1", int(sys.argv[1]), serve, threaded=True, request_handler=MotoRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
while os.read(3, 4096):
    pass
os._exit(0)
SERVER
"#;

fn folder() -> PathBuf {
    std::env::temp_dir().join("apitap-tests-moto-5.2.5")
}

/// Where the server is: `http://127.0.0.1:…`.
///
/// Blocks while it starts, at the first call only.
pub fn endpoint() -> String {
    format!("http://127.0.0.1:{}", server().port)
}

/// The name of a fresh, empty bucket.
pub fn bucket() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("lake-{}", COUNT.fetch_add(1, Ordering::SeqCst));
    let answer = ask(&format!("PUT /{name}"));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    name
}

/// How many uploads to a bucket are neither completed nor aborted.
pub fn uploads(bucket: &str) -> usize {
    ask(&format!("GET /{bucket}?uploads")).matches("<UploadId>").count()
}

fn ask(request: &str) -> String {
    let mut server = TcpStream::connect(("127.0.0.1", server().port)).unwrap();
    let request = format!(
        "{request} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
    server.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    server.read_to_string(&mut answer).unwrap();
    answer
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    match SERVER.get_or_init(|| S3.start()) {
        Ok(server) => server,
        Err(reason) => panic!("{reason}"),
    }
}
