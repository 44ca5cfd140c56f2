//! What is too much, what must not show and what must not be sent, as a user meets it: an error that says
//! what is wrong, in bounded time and memory.
//!
//! `cargo test -p apitap-tests --test promises bounds -- --nocapture` prints the tables of
//! `docs/hostile.md`.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::process::Command;
use std::time::Duration;

use apitap_tests::answers::{Answer, Answers};
use apitap_tests::process::{Measured, Project, measured};
use serde_json::{Map, Value, json};

use super::runs::{LIMIT, project, with_target};

/// The most memory that any of them may make the program take, in MiB: the default of `--memory`, and the
/// program itself.
const MOST: u64 = 420;

/// A source at `API`.
const SOURCE: &str = "sources:
  - name: items
    url: ${API:-http://127.0.0.1:9}
    retry: {max_attempts: 1}
    schema: {id: int64!, name: string, n: int64, rate: \"decimal(12,2)\"}";

/// One query of that source, which is `@` in it.
fn asking(sql: &str) -> Project {
    project(SOURCE, &[("items", &sql.replace('@', "{{ use_source(\"items\") }}"))])
}

/// How a call has to end.
pub(super) enum End<'a> {
    /// With an error that contains this.
    Error(&'a str),
    /// As it should.
    Well,
}

/// Calls a program, which may take so many MiB; prints the line of the table, and returns all that was said.
#[track_caller]
pub(super) fn check(name: &str, command: &mut Command, most: u64, end: End<'_>) -> String {
    let Measured { finished, took, peak_mib } = measured(command, LIMIT);
    let said = finished.stdout + &finished.stderr;
    let line = match end {
        End::Error(expected) => {
            assert!(matches!(finished.code, Some(1 | 2)), "{name}: {:?} {said}", finished.code);
            assert!(said.contains(expected), "{name}: no `{expected}` in {said}");
            first_error(&said)
        }
        End::Well => {
            assert_eq!(finished.code, Some(0), "{name}: {said}");
            "(it works)"
        }
    };
    assert!(!said.contains("panicked"), "{name}: {said}");
    assert!(took < Duration::from_secs(110), "{name}: {took:?}");
    assert!(peak_mib < most, "{name}: {peak_mib} MiB");
    eprintln!("| {name} | {line} | {:.1} | {peak_mib} |", took.as_secs_f64());
    said
}

/// Calls the command in a project.
#[track_caller]
fn apitap(
    name: &str,
    project: &Project,
    arguments: &[&str],
    variables: &[(&str, &str)],
    end: End<'_>,
) -> String {
    let mut command = project.apitap(arguments.iter().copied());
    command.envs(variables.iter().copied());
    check(name, &mut command, MOST, end)
}

/// `error[E0201]: unexpected …` → `unexpected …`.
fn first_error(said: &str) -> &str {
    let message = |line: &str| {
        let at = line.find("error")?;
        Some(at + line[at..].find(": ")? + 2)
    };
    said.lines().find_map(|line| Some(&line[message(line)?..])).unwrap_or_default()
}

/// A query that the check refuses, or not.
#[track_caller]
fn query(name: &str, sql: &str, end: End<'_>) {
    apitap(name, &asking(sql), &["check"], &[], end);
}

#[test]
fn a_query_of_any_size_is_checked_in_bounded_time_and_memory() {
    let ors = |count: usize| {
        let terms: Vec<_> = (0..count).map(|n| format!("id = {n}")).collect();
        format!("SELECT id FROM @ WHERE {}", terms.join(" OR "))
    };
    query(
        "a chain of 131,000 ORs",
        &ors(131_000),
        End::Error("the query is too long: 524004 tokens, where 100000 are the limit"),
    );
    query(
        "a chain of 20,000 ORs",
        &ors(20_000),
        End::Error("an expression joins more than 500 others"),
    );
    query("a chain of 400 ORs", &ors(400), End::Well);
    let divisions: Vec<_> = (1..400).map(|n| format!("n / (id - {n}) > 1")).collect();
    query(
        "400 ORs of divisions",
        &format!("SELECT id FROM @ WHERE {}", divisions.join(" OR ")),
        End::Well,
    );
    let mut doubled = "WITH t0 AS (SELECT id FROM @)".to_owned();
    for n in 1..40 {
        let before = n - 1;
        let both = format!("SELECT id FROM t{before} UNION ALL SELECT id FROM t{before}");
        write!(doubled, ", t{n} AS ({both})").expect("a text takes it");
    }
    doubled += " SELECT id FROM t39";
    query(
        "40 CTEs, each of which reads the one before twice",
        &doubled,
        End::Error("the query reads more than 300 tables"),
    );
    query(
        "190 SELECTs in one UNION ALL",
        &vec!["SELECT id FROM @"; 190].join(" UNION ALL "),
        End::Well,
    );
    query(
        "a product of 150 decimals",
        &format!("SELECT {} AS x FROM @", vec!["rate"; 150].join(" * ")),
        End::Error("`*` does not take `decimal(38,38)` and `decimal(12,2)`"),
    );
    query(
        "`unnest(range(0, 2000000))`",
        "SELECT id, unnest(range(0, 2000000)) AS x FROM @",
        End::Well,
    );
    query(
        "`range(0, 10000000000)`",
        "SELECT id, range(0, 10000000000) AS x FROM @",
        End::Error("`range(0, 10000000000)` fails on every value"),
    );
    query(
        "`repeat('x', 2000000000)`",
        "SELECT id, repeat('x', 2000000000) AS x FROM @",
        End::Error("`repeat('x', 2000000000)` fails on every value"),
    );
    query(
        "`lpad(name, 2000000000, '.')`",
        "SELECT id, lpad(name, 2000000000, '.') AS x FROM @",
        End::Error("`lpad(name, 2000000000, '.')` fails on every value"),
    );
    query(
        "a recursion without end",
        "WITH RECURSIVE t AS (SELECT id FROM @ UNION ALL SELECT id + 1 FROM t) SELECT id FROM t",
        End::Error("this query does not come to an end"),
    );
    query(
        "parentheses 100,000 deep",
        &format!("SELECT {}id{} AS x FROM @", "(".repeat(100_000), ")".repeat(100_000)),
        End::Error("the query is too long: 200006 tokens, where 100000 are the limit"),
    );
}

#[test]
fn a_record_that_makes_a_query_huge_is_an_error() {
    let record = json!([{"id": 1, "name": "a", "n": 2_000_000_000, "rate": "1.10"}]);
    let api = Answers::serve(move |_| Answer::json(&record));
    let url = api.url("/");
    let run = |name: &str, sql: &str| {
        let variables = [("API", url.as_str())];
        apitap(
            name,
            &asking(sql),
            &["run"],
            &variables,
            End::Error("MiB, where 64 MiB are the limit"),
        );
    };
    run(
        "`repeat(name, n)` where a record says 2,000,000,000",
        "SELECT id, repeat(name, n) AS x FROM @",
    );
    run("`lpad(name, n, '.')` where a record says so", "SELECT id, lpad(name, n, '.') AS x FROM @");
    run("`range(0, n)` where a record says so", "SELECT id, range(0, n) AS x FROM @");
    run(
        "`unnest(range(0, n))` where a record says so",
        "SELECT id, unnest(range(0, n)) AS x FROM @",
    );
}

#[test]
fn a_file_of_any_size_is_read_in_bounded_time_and_memory() {
    let deep = asking("SELECT id FROM @");
    deep.write(
        "pipelines.yaml",
        &format!("sources: {}{}", "[".repeat(100_000), "]".repeat(100_000)),
    );
    apitap("YAML 100,000 levels deep", &deep, &["check"], &[], End::Error("this is not YAML"));
    let device = asking("SELECT id FROM @");
    apitap(
        "`-y /dev/zero`",
        &device,
        &["check", "-y", "/dev/zero"],
        &[],
        End::Error("it has more than 64 MiB"),
    );
    apitap(
        "`--env-file /dev/zero`",
        &device,
        &["run", "--env-file", "/dev/zero"],
        &[],
        End::Error("it has more than 1 MiB"),
    );
    with_schema(&device, "    schema: {sample: /dev/zero}\n");
    apitap(
        "`schema: {sample: /dev/zero}`",
        &device,
        &["check"],
        &[],
        End::Error("cannot read `/dev/zero`"),
    );
}

/// Another line than that of the source's schema.
fn with_schema(project: &Project, line: &str) {
    let yaml = project.read("pipelines.yaml");
    let (before, schema) = yaml.split_once("    schema:").expect("the source has one");
    let (_, behind) = schema.split_once('\n').expect("it is a line");
    project.write("pipelines.yaml", &format!("{before}{line}{behind}"));
}

#[test]
fn a_record_of_any_size_is_read_in_bounded_memory() {
    let keys: Map<String, Value> = (0..100_000).map(|n| (format!("field_{n}"), json!(n))).collect();
    let record = json!([keys]);
    let api = Answers::serve(move |_| Answer::json(&record));
    let inferred = asking("SELECT field_1 FROM @");
    with_schema(&inferred, "");
    let url = api.url("/");
    apitap(
        "a record of 100,000 fields, and no schema",
        &inferred,
        &["run"],
        &[("API", &url)],
        End::Well,
    );
    let body = format!("[{{\"id\":1,\"name\":\"{}\"}}]", "x".repeat(200 << 20));
    let api = Answers::serve(move |_| Answer::bytes(body.clone()));
    let url = api.url("/");
    let project = asking("SELECT id, name FROM @");
    apitap(
        "a record of 200 MB",
        &project,
        &["run"],
        &[("API", &url)],
        End::Error("a record is longer than 128 MiB"),
    );
}

/// A token as long as those that are shortened where they are quoted.
const TOKEN: &str = "tok-Zm9v/YmFy&cXV4+ZZ-0123456789-abcdefghijklmnopqrstuvwxyz-ä";

/// Runs a source with that token, which must not show, in whole or in part.
#[track_caller]
fn without_the_token(
    name: &str,
    api: &Answers,
    keys: &str,
    call: &[&str],
    end: End<'_>,
) -> Project {
    let yaml = format!("{SOURCE}\n    auth: {{bearer: \"${{TOKEN}}\"}}\n    {keys}");
    let project = project(&yaml, &[("items", "SELECT id FROM {{ use_source(\"items\") }}")]);
    let url = api.url("/");
    let said = apitap(name, &project, call, &[("API", &url), ("TOKEN", TOKEN)], end);
    for part in ["tok-Zm9v", "0123456789-abc", "uvwxyz"] {
        assert!(!said.contains(part), "{name}: {said}");
    }
    project
}

#[test]
fn a_secret_shows_in_no_spelling() {
    let escaped: String = TOKEN.chars().fold(String::new(), |mut text, character| {
        match character {
            '/' => text += "\\/",
            '&' => text += "\\u0026",
            'ä' => text += "\\u00e4",
            other => text.push(other),
        }
        text
    });
    let body = format!("{{\"error\": \"the token {escaped} has expired\"}}");
    let api = Answers::serve(move |_| Answer::bytes(body.clone()).with_status(401));
    without_the_token(
        "a 401 that repeats the token, escaped",
        &api,
        "",
        &["run"],
        End::Error("the token ${TOKEN} has expired"),
    );
    let body = format!("[{{\"id\": \"{escaped}\"}}]");
    let api = Answers::serve(move |_| Answer::bytes(body.clone()));
    without_the_token(
        "a value that is the token",
        &api,
        "",
        &["run"],
        End::Error("found the string `\"${TOKEN}…\"`"),
    );
    let link = "<https://elsewhere.example.com/?t=tok-Zm9v/YmFy&cXV4+ZZ-0123456789-abcdefghijklmnopqrstuvwxyz-%C3%A4>; rel=\"next\"";
    let api = Answers::serve(move |_| Answer::json(&json!([{"id": 1}])).header("link", link));
    let keys = "pagination: {kind: link_header}";
    without_the_token(
        "a `Link` with the token",
        &api,
        keys,
        &["run"],
        End::Error("the next page is on `https://elsewhere.example.com`"),
    );
    let body = format!("[{{\"id\": 1, \"name\": \"{escaped}\"}}]");
    let api = Answers::serve(move |_| Answer::bytes(body.clone()));
    let project =
        without_the_token("a sample with the token", &api, "", &["sample", "items"], End::Well);
    let sample = project.read("samples/items.json");
    assert!(!sample.contains("tok-Zm9v") && !sample.contains("0123456789-abc"), "{sample}");
    let project = asking("SELECT id FROM @");
    with_target(&project, "{name: here, type: postgres, url: \"${DB}\"}");
    let url = "postgres://someone:hush-hush@127.0.0.1:9/db?pasword=hush-hush-too";
    let said = apitap(
        "an unknown parameter of a database's URL",
        &project,
        &["run"],
        &[("DB", url)],
        End::Error("`pasword` is not a parameter of a PostgreSQL URL"),
    );
    assert!(!said.contains("hush"), "{said}");
}

#[test]
fn nothing_from_outside_moves_the_cursor() {
    const EVIL: &str = "7\u{1b}[2J\u{202e}\nerror: all is lost";
    let raw = |said: &str| {
        assert!(!said.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{said:?}");
        assert!(!said.lines().any(|line| line.starts_with("error: all is lost")), "{said}");
    };
    let run = |name: &str, api: &Answers, keys: &str, call: &[&str], end: End<'_>| {
        let project = project(
            &format!("{SOURCE}\n    {keys}"),
            &[("items", "SELECT id FROM {{ use_source(\"items\") }}")],
        );
        raw(&apitap(name, &project, call, &[("API", &api.url("/"))], end));
    };
    let api = Answers::serve(|_| Answer::json(&json!([{"id": EVIL}])));
    run(
        "a value with escape sequences",
        &api,
        "",
        &["run", "--log-level", "debug"],
        End::Error("\\u{202e}"),
    );
    let api = Answers::serve(|_| Answer::json(&json!({"error": EVIL})).with_status(400));
    run("a body of an error with them", &api, "", &["run"], End::Error("\\u{202e}"));
    let api = Answers::serve(|_| Answer::json(&json!([{"id": 1, EVIL: 2}])));
    run("the name of a field with them", &api, "", &["run"], End::Well);
    run("the same, inferred by `sample`", &api, "", &["sample", "items"], End::Well);
}

/// A server at all addresses of this machine that says these bytes, of MySQL at once, else when it is asked.
fn says(kind: &str, bytes: &'static [u8]) -> u16 {
    let is_asked = kind != "mysql";
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { continue };
            // That the other side closes it is what has to happen.
            if is_asked {
                drop(connection.read(&mut [0; 1024]));
            }
            drop(connection.write_all(bytes));
        }
    });
    port
}

#[test]
fn a_server_that_is_no_database_is_an_error() {
    let here = IpAddr::from([127, 0, 0, 1]);
    let run = |name: &str, kind: &str, bytes: &'static [u8], expected: &str| {
        into_server(name, kind, here, bytes, expected);
    };
    run(
        "a PostgreSQL server that answers HTTP",
        "postgres",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        "what came back is not in the protocol of the database",
    );
    run(
        "one whose message is longer than it says",
        "postgres",
        b"NR\0\0\0\x01\0\0\0\0",
        "cannot connect to PostgreSQL",
    );
    run(
        "one whose message has a length of 4 GB",
        "postgres",
        b"NR\xff\xff\xff\xff\0\0\0\0",
        "cannot connect to PostgreSQL",
    );
    run("one that closes at once", "postgres", b"", "cannot connect to PostgreSQL");
    run(
        "a MySQL server that answers HTTP",
        "mysql",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        "the connection failed",
    );
    run("one whose packet is cut off", "mysql", b"\x4a\0\0\0\x0a", "the connection failed");
}

#[test]
fn a_password_is_not_sent_in_clear_text_to_another_machine() {
    // This machine as others see it: nothing is sent to find that out.
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a port");
    socket.connect("198.51.100.1:9").expect("this machine is in a network");
    let here = socket.local_addr().expect("an address").ip();
    into_server(
        "a PostgreSQL server elsewhere without TLS",
        "postgres",
        here,
        b"N",
        "would be sent in clear text",
    );
}

/// Runs a pipeline into such a server at this address of the machine.
#[track_caller]
fn into_server(name: &str, kind: &str, host: IpAddr, bytes: &'static [u8], expected: &str) {
    let project = asking("SELECT id FROM @");
    let url = format!("{kind}://someone:hush-hush@{host}:{}/db", says(kind, bytes));
    with_target(&project, &format!("{{name: here, type: {kind}, url: \"{url}\"}}"));
    let said = apitap(name, &project, &["run"], &[], End::Error(expected));
    assert!(!said.contains("hush-hush"), "{said}");
}
