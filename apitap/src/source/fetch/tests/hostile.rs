//! Servers that mean harm, or are broken beyond belief: each is an error, in bounded time and memory.

use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// How long a request may take where that is what ends it, and where something else does.
const SHORT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(50);

/// What a server does to each connection: what it writes first, then without end, with a pause
/// between.
struct Harm {
    first: Vec<u8>,
    then: Vec<u8>,
    pause: Duration,
}

impl Harm {
    /// An answer whose body begins so, and goes on as `then` says.
    fn body(first: &str, then: &str) -> Self {
        let first = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{first}").into_bytes();
        Self { first, then: then.repeat(1 << 12).into_bytes(), pause: Duration::ZERO }
    }

    async fn of(&self, mut connection: TcpStream) -> std::io::Result<()> {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(connection.read_u8().await?);
        }
        connection.write_all(&self.first).await?;
        while !self.then.is_empty() {
            connection.write_all(&self.then).await?;
            connection.flush().await?;
            tokio::time::sleep(self.pause).await;
        }
        Ok(())
    }
}

/// The error of a source on such a server, which is asked once.
async fn check(name: &str, harm: Harm, timeout: Duration, expected: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let _server = Task::spawn(async move {
        let harm = Arc::new(harm);
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            let harm = Arc::clone(&harm);
            // That it is closed by the other side is what has to happen.
            connections.spawn(async move { harm.of(connection).await.ok() });
        }
    });
    let unused = Server::start(|_| records([])).await;
    let mut source = source(&unused, Pagination::default());
    source.url = Template(format!("http://{address}/items"));
    source.timeout = timeout;
    source.retry.max_attempts = 1;
    let began = Instant::now();
    let outcome = fetch(&source).await;
    let error = outcome.error.map(|error| error.to_string()).unwrap_or_default();
    assert!(error.starts_with(expected), "{name}: {error}");
    assert!(began.elapsed() < timeout + Duration::from_secs(5), "{name}: {:?}", began.elapsed());
}

/// 64 MiB of spaces, in about 64 KiB.
async fn bomb() -> Harm {
    let mut writer = async_compression::tokio::write::GzipEncoder::new(Vec::new());
    let spaces = vec![b' '; 1 << 20];
    for _ in 0..64 {
        writer.write_all(&spaces).await.unwrap();
    }
    writer.shutdown().await.unwrap();
    let body = writer.into_inner();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let first = [head.into_bytes(), body].concat();
    Harm { first, then: Vec::new(), pause: Duration::ZERO }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hostile_server_does_ends_in_an_error() {
    let late = "no whole answer within 1s";
    let drip =
        Harm { pause: Duration::from_millis(50), then: b" ".to_vec(), ..Harm::body("{", "") };
    check("a slow drip", drip, SHORT, late).await;
    let silent = Harm { first: Vec::new(), then: Vec::new(), pause: Duration::ZERO };
    check("no answer", silent, LONG, "the connection broke before there was an answer").await;
    check("an endless list", Harm::body(r#"{"data":[{"id":0}"#, r#",{"id":1}"#), SHORT, late).await;
    let long = Harm::body(r#"{"data":[{"a":""#, "xxxxxxxxxxxxxxxx");
    check("an endless record", long, LONG, "a record is longer than").await;
    let deep = Harm::body(r#"{"data":[{"a":"#, "[[[[[[[[");
    check("endless depth", deep, LONG, "the body is nested deeper than 128 levels").await;
    let mut headers = Harm::body("", "x-a: b\r\n");
    headers.first = b"HTTP/1.1 200 OK\r\n".to_vec();
    check("endless headers", headers, LONG, "the answer is not valid HTTP").await;
    let mut bytes = Harm::body(r#"{"data":[{"a":""#, "");
    bytes.first.extend([0xff, 0xfe]);
    bytes.then = b"\"}".to_vec();
    check("no UTF-8", bytes, LONG, "the body is not UTF-8").await;
    check("a bomb", bomb().await, LONG, "the answer is suspicious").await;
}

#[tokio::test]
async fn pages_without_end_and_without_records_are_an_error() {
    let server = Server::start(|request| {
        let next = request.before + 1;
        Reply::json("{\"data\":[]}").header("link", format!("<?page={next}>; rel=next"))
    })
    .await;
    let outcome = fetch(&source(&server, Pagination::LinkHeader(LinkHeader::default()))).await;
    let error = outcome.error.map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("have no records"), "{error}");
    assert!(server.requests().len() < 300, "{}", server.requests().len());
}

#[tokio::test]
async fn other_servers_get_credentials_only_where_the_source_names_them() {
    let other = Server::start(|request| match request.uri.path() {
        "/page" => records(1..2),
        _ => records(0..1),
    })
    .await;
    let page = format!("<{}/page>; rel=next", other.url());
    let location = format!("{}/moved", other.url());
    let server = Server::start(move |request| match request.uri.path() {
        "/moves" => Reply::redirect(&location),
        _ => records(0..1).header("link", &page),
    })
    .await;
    let token = || Template("${TOKEN}".to_owned());
    let auth = Some(apitap_build::definition::Auth::Bearer(token()));
    let mut source =
        Source { auth, ..source(&server, Pagination::LinkHeader(LinkHeader::default())) };
    source.headers = vec![("X-Secret".to_owned(), token())];
    let host = format!("127.0.0.1:{}", other.port());
    // A next page elsewhere is an error, until it is named.
    let error = fetch(&source).await.error.unwrap().to_string();
    assert!(error.starts_with("the next page is on `http://127.0.0.1:"), "{error}");
    assert!(error.contains("name its host in `allow_hosts`"), "{error}");
    assert!(other.requests().is_empty());
    source.allow_hosts = vec![host.clone()];
    let outcome = fetch(&source).await;
    assert_eq!(outcome.shown(), format!("{} {}", shown(0..1), shown(1..2)));
    let carried = |request: &Request| {
        let names = ["authorization", "x-secret"].map(|name| !request.header(name).is_empty());
        names == [true, true]
    };
    assert!(carried(&other.requests()[0]));
    // A redirect elsewhere takes nothing along, until it is named.
    source.pagination = Pagination::default();
    source.url = Template(format!("{}/moves", server.url()));
    assert_eq!(fetch(&source).await.shown(), shown(0..1));
    source.allow_hosts.clear();
    assert_eq!(fetch(&source).await.shown(), shown(0..1));
    let requests = other.requests();
    assert_eq!(requests[1..].iter().map(carried).collect::<Vec<_>>(), [true, false]);
    assert_secret(&format!("{:?}", requests[2]));
}
