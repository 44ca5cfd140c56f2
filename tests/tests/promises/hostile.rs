//! Servers that mean harm, or are broken beyond belief, as a user meets them: an error that says what is
//! wrong, in bounded time and memory, and nothing in the table.
//!
//! `cargo test -p apitap-tests --test promises hostile -- --nocapture` prints the table of
//! `docs/hostile.md`.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apitap_tests::answers::{Answer, Answers, gzip};
use apitap_tests::process::{Measured, Project, finish, measured};
use serde_json::json;

use super::bounds::{self, End};
use super::runs::{LIMIT, has_table, postgres_database, project};

/// The most memory that any of them may make the program take, in MiB.
const MOST: u64 = 160;

/// A server of bytes: each connection is a thread, which writes as the function says after the request.
struct Raw {
    url: String,
    /// The first line of each request.
    lines: Arc<Mutex<Vec<String>>>,
}

impl Raw {
    fn serve(
        answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), Arc::clone(&lines));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                std::thread::spawn(move || {
                    let Ok(mut connection) = connection else { return };
                    let Ok(line) = request(&mut connection) else { return };
                    seen.lock().expect("no thread has panicked").push(line);
                    // That the other side closes it is what has to happen.
                    drop(answer(&mut connection));
                });
            }
        });
        Self { url, lines }
    }

    /// A head, and then a text again and again.
    fn endless(first: &str, then: &str, pause: Duration) -> Self {
        let first = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{first}");
        let then = if pause.is_zero() { then.repeat(1 << 12) } else { then.to_owned() };
        Self::serve(move |connection| {
            connection.write_all(first.as_bytes())?;
            loop {
                connection.write_all(then.as_bytes())?;
                connection.flush()?;
                std::thread::sleep(pause);
            }
        })
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no thread has panicked").clone()
    }
}

/// Reads the head of a request: its first line.
fn request(connection: &mut TcpStream) -> std::io::Result<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        connection.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    Ok(head.lines().next().unwrap_or_default().to_owned())
}

/// A source at this address, which is asked once and has two seconds for it.
fn source(url: &str, keys: &str) -> Project {
    let keys = if keys.contains("schema:") {
        keys.to_owned()
    } else {
        format!("{keys}\n    schema: {{id: int64!, name: string}}")
    };
    let timeout = if keys.contains("timeout") { "" } else { "timeout: 2s" };
    let sources = format!(
        "sources:
  - name: items
    url: \"{url}\"
    retry: {{max_attempts: 1}}
    {timeout}
    {keys}"
    );
    project(&sources, &[("items", "SELECT * FROM {{ use_source(\"items\") }}")])
}

/// Runs a project that must fail with this message, and store nothing.
#[track_caller]
fn refused(name: &str, project: &Project, variables: &[(&str, &str)], expected: &str) {
    let mut command = project.apitap(["run"]);
    command.envs(variables.iter().copied());
    bounds::check(name, &mut command, MOST, End::Error(expected));
    assert!(!has_table(project, "items"), "{name}: something was stored");
}

#[test]
fn bodies_that_do_not_end_are_errors() {
    let late = "no whole answer within 2s";
    let api = Raw::endless("[", " ", Duration::from_millis(50));
    refused("a slow drip", &source(&api.url, ""), &[], late);
    let api = Raw::endless("[{\"id\":1}", ",{\"id\":1}", Duration::ZERO);
    refused("an endless list", &source(&api.url, ""), &[], late);
    let api = Raw::endless("[{\"id\":1,\"name\":\"", "xxxxxxxxxxxxxxxx", Duration::ZERO);
    let tight = [("APITAP_MEMORY", "16MiB")];
    refused("an endless record", &source(&api.url, "timeout: 100s"), &tight, "is longer than");
    let api = Raw::endless("[{\"id\":", "[[[[[[[[", Duration::ZERO);
    refused("endless depth", &source(&api.url, ""), &[], "nested deeper than 128 levels");
    let body = gzip(&" ".repeat(64 << 20));
    let api =
        Answers::serve(move |_| Answer::bytes(body.clone()).header("content-encoding", "gzip"));
    refused("a compression bomb", &source(&api.url("/"), ""), &[], "the answer is suspicious");
}

#[test]
fn a_pipe_among_the_queries_is_not_waited_for() {
    let project = source("http://127.0.0.1:9", "");
    let pipe = project.path().join("sql/pipe.sql");
    let made = std::process::Command::new("mkfifo").arg(pipe).status().expect("mkfifo");
    assert!(made.success());
    let checked = finish(&mut project.apitap(["check"]), LIMIT);
    let said = checked.stdout + &checked.stderr;
    assert_eq!(checked.code, Some(1), "{said}");
    assert!(said.contains("cannot read `sql/pipe.sql`"), "{said}");
    assert!(said.contains("it is not a regular file"), "{said}");
}

#[test]
fn pages_that_do_not_end_are_errors() {
    let keys = "pagination: {kind: link_header}";
    let next = |before: usize| format!("</?page={}>; rel=\"next\"", before + 1);
    let api =
        Answers::serve(move |asked| Answer::json(&json!([])).header("link", next(asked.before)));
    refused("pages without records", &source(&api.url("/"), keys), &[], "have no records");
    let api = Answers::serve(move |asked| {
        Answer::json(&json!([{"id": 1}])).header("link", next(asked.before % 3))
    });
    refused("pages in a circle", &source(&api.url("/"), keys), &[], "page 2 repeats page 1");
    let api = Answers::serve(move |asked| {
        Answer::json(&json!([{"id": 1}])).header("link", next(asked.before))
    });
    refused("the same page for ever", &source(&api.url("/"), keys), &[], "page 2 repeats page 1");
}

#[test]
fn values_that_are_no_values_are_errors() {
    let body = |body: &'static [u8]| Answers::serve(move |_| Answer::bytes(body));
    let check = |name: &str, bytes: &'static [u8], expected: &str| {
        let api = body(bytes);
        refused(name, &source(&api.url("/"), ""), &[], expected)
    };
    check("deep JSON", Box::leak(deep().into_boxed_slice()), "nested deeper than 128 levels");
    check("a huge number", b"[{\"id\":123456789012345678901234567890}]", "which is out of range");
    check("an endless exponent", b"[{\"id\":1e999999999}]", "1e999999999");
    check("bytes that are not UTF-8", b"[{\"id\":1,\"name\":\"\xff\xfe\"}]", "is not UTF-8");
    check("half a surrogate", b"[{\"id\":1,\"name\":\"\\ud800\"}]", "surrogate");
    check("a field twice", b"[{\"id\":1,\"id\":2}]", "`id` occurs twice in the record");
}

fn deep() -> Vec<u8> {
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    format!("[{{\"id\":1,\"x\":{open}{close}}}]").into_bytes()
}

#[test]
fn a_text_that_the_database_cannot_hold_is_an_error() {
    let api = Answers::serve(|_| Answer::json(&json!([{"id": 1, "name": "a\0b"}])));
    let project = Project::new([]);
    let yaml = format!(
        "sources:
  - {{name: items, url: \"{}\", schema: {{id: int64!, name: string}}}}
targets:
  - {{name: here, type: postgres, url: \"{}\"}}\n",
        api.url("/"),
        postgres_database()
    );
    project.write("pipelines.yaml", &yaml);
    project.write("sql/items.sql", "SELECT * FROM {{ use_source(\"items\") }}");
    refused(
        "NUL in a text (PostgreSQL)",
        &project,
        &[],
        "holds a NUL character, which PostgreSQL cannot store",
    );
}

#[test]
fn what_leads_elsewhere_is_an_error() {
    // The API is outside, and what it says comes through a proxy.
    let proxy = Answers::serve(|_| Answer::status(302).header("location", "http://127.0.0.1:1/x"));
    let through = proxy.url("");
    let outside = source("http://api.example.com/items", "");
    let variables = [("HTTP_PROXY", through.as_str()), ("NO_PROXY", "")];
    let local = "the API redirects to `http://127.0.0.1:1`, which is in the local network";
    refused("a redirect to a local address", &outside, &variables, local);
    let proxy = Answers::serve(|_| Answer::status(302).header("location", "/again"));
    let through = proxy.url("");
    let variables = [("HTTP_PROXY", through.as_str()), ("NO_PROXY", "")];
    refused("redirects without end", &outside, &variables, "redirects more than 10 times");
    let api = Answers::serve(|_| {
        Answer::json(&json!([{"id": 1}])).header("link", "<http://evil.example.com/>; rel=\"next\"")
    });
    let keys = "pagination: {kind: link_header}\n    auth: {bearer: \"${TOKEN}\"}";
    let elsewhere = "the next page is on `http://evil.example.com`";
    refused(
        "a next page elsewhere",
        &source(&api.url("/"), keys),
        &[("TOKEN", "hush-hush")],
        elsewhere,
    );
}

#[test]
fn a_value_cannot_add_a_header() {
    let api = Answers::serve(|asked| match asked.path.as_str() {
        "/orgs" => Answer::json(&json!([{"slug": "a\r\nX-Evil: 1"}])),
        _ => Answer::json(&json!([{"id": 1}])),
    });
    let orgs = api.url("/orgs");
    let keys = "for_each: {source: orgs, as: org, fields: [slug]}\n    headers: {X-Org: \"{org.slug}\"}\n    \
                schema: {id: int64!, name: string}";
    let project = source(&api.url("/items"), keys);
    let yaml = project.read("pipelines.yaml").replace(
        "sources:\n",
        &format!("sources:\n  - {{name: orgs, url: \"{orgs}\", schema: {{slug: string!}}}}\n"),
    );
    project.write("pipelines.yaml", &yaml);
    project.write("sql/items.sql", "SELECT id, name FROM {{ use_source(\"items\") }}");
    refused("a line break in a header", &project, &[], "does not fit a header");
    assert_eq!(api.targets(), ["GET /orgs"]);
}

#[test]
fn proxies_are_those_of_the_environment() {
    let answer = |_: &_| Answer::json(&json!([{"id": 1}]));
    let (proxy, api) = (Answers::serve(answer), Answers::serve(answer));
    let through = proxy.url("");
    let runs = |project: &Project, variables: &[(&str, &str)]| {
        let mut command = project.apitap(["run"]);
        command.envs(variables.iter().copied());
        let Measured { finished, .. } = measured(&mut command, LIMIT);
        assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    };
    let outside = source("http://api.example.com/items?a=1", "");
    runs(&outside, &[("HTTP_PROXY", &through), ("NO_PROXY", "")]);
    assert_eq!(proxy.targets(), ["GET http://api.example.com/items?a=1"]);
    // What `NO_PROXY` names is asked without one.
    runs(&source(&api.url("/items"), ""), &[("HTTP_PROXY", &through), ("NO_PROXY", "127.0.0.1")]);
    assert_eq!((proxy.asked().len(), api.targets()), (1, vec!["GET /items".to_owned()]));
    // TLS goes through a tunnel, which this proxy does not give.
    let proxy = Raw::serve(|connection| {
        connection.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    });
    let variables = [("HTTPS_PROXY", proxy.url.as_str()), ("NO_PROXY", "")];
    let secure = source("https://api.example.com/items", "");
    let expected = "cannot connect to the server through the proxy";
    refused("a proxy that wants a password", &secure, &variables, expected);
    assert_eq!(proxy.lines()[0], "CONNECT api.example.com:443 HTTP/1.1");
}
