//! Mutated answers and expressions, for as long as `APITAP_FUZZ_SECONDS` says (a second each, if nothing
//! does): nothing panics, what is taken is what `serde_json` takes, and an expression whose types are
//! right has a value.

use std::time::{Duration, Instant};

use apitap_build::expression::types::{ExpressionType, Kind, Names};
use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use axum::http;
use bytes::Bytes;
use futures::stream;
use reqwest::Response;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::content::decoded;
use super::expression::{Said, Scope, Value, evaluate};
use crate::definition::{Condition, Format, OnUnknownField, Pointer, RequestPart, Template};
use crate::engine::limits::{Limits, Memory};
use crate::environment::Environment;
use crate::schema::{Field, Item, Schema, Type};
use crate::source::body::{self, Cell, Layout, Wanted};
use crate::source::decode::dynamic;

/// xorshift64*: what fails can be tried again.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound.max(1)
    }

    fn one<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }
}

/// How long, and with which numbers.
fn budget() -> (Duration, Random) {
    let environment = Environment::process();
    let number = |name: &str| environment.get(name).unwrap().and_then(|text| text.parse().ok());
    let seconds = number("APITAP_FUZZ_SECONDS").unwrap_or(1);
    (Duration::from_secs(seconds), Random(number("APITAP_FUZZ_SEED").unwrap_or(20_261_127) | 1))
}

/// A few changes: bytes, words, stretches that go, come twice, or come from elsewhere.
fn mutated(seed: &[u8], seeds: &[&[u8]], words: &[&str], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..random.below(6) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(12)).min(bytes.len());
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 => drop(bytes.splice(at..at, random.one(words).bytes())),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            4 if !seeds.is_empty() => {
                let other: &[u8] = random.one::<&[u8]>(seeds);
                let from = random.below(other.len());
                bytes.splice(at..at, other[from..(from + 20).min(other.len())].iter().copied());
            }
            5 => bytes.truncate(at),
            _ => drop(bytes.splice(at..end, [random.below(256) as u8])),
        }
    }
    bytes
}

const JSON: [&str; 7] = [
    r#"[{"id":1,"name":"Łódź \u00e9\n","n":1.50,"ok":true},{"id":2,"name":null}]"#,
    r#"{"data":[{"id":-7,"when":"2026-01-31T12:00:00.5+01:00","tags":["a","b"]}],"next":"abc"}"#,
    r#"{"a":[{"b":{"id":1}},{"b":[{"id":2},{"id":3}]},{}],"x":{"y":[[[[{}]]]]}}"#,
    r#"{"k1":{"id":1},"k\"2":{"id":2,"city":{"name":"Ulm","zip":"1"}}}"#,
    "[\r\n {\"id\" : 12345678901234567890 , \"n\":1e-400, \"t\":\"\\ud83d\\ude00\"} ,\t{}]",
    r#"[{"lines":[{"n":1},{"n":2,"m":null}],"raw":{"x":[1,"é",{}]}}]"#,
    "null",
];
const LINES: [&str; 2] = [
    "{\"id\":1,\"name\":\"a\"}\n{\"id\":2}\r\n\n{\"id\":3}",
    "{\"id\":1}\n{\"n\":0.5,\"x\":[1]}\n",
];
const CSV: [&str; 2] =
    ["id,name,n\n1,\"a, \"\"b\"\"\",0.5\n2,,\n", "\u{feff}name,id,n\r\n\"x\ny\",7,+5.\r\nz,-0,1e3"];
const WORDS: [&str; 22] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u",
    "\\ud800",
    "null",
    "true",
    "1e999",
    "-",
    "0",
    ".",
    "\n",
    "\r\n",
    "\u{feff}",
    "\0",
    "é",
    "{\"id\":1}",
];

/// What the records are read as.
fn schema() -> Schema {
    let record = |name: &str| Type::Record(vec![Field::new(name, Type::Int64, true)]);
    let list = |ty| Type::List(Box::new(Item { ty, nullable: true }));
    let fields = vec![
        Field::new("id", Type::Int64, true),
        Field::new("name", Type::String, true),
        Field::new("n", Type::Decimal { precision: 12, scale: 2 }, true),
        Field::new("ok", Type::Bool, true),
        Field::new("when", Type::Timestamp, true),
        Field::new("tags", list(Type::String), true),
        Field::new("lines", list(record("n")), true),
        Field::new("city", record("zip"), true),
        Field::new("raw", Type::Json, true),
    ];
    Schema { fields }
}

fn layout(format: Format, random: &mut Random) -> Layout {
    let path = *random.one(&["", "/data", "/a/*/b", "/x", "/a/0/b"]);
    let key_as = (random.below(4) == 0).then(|| "key".to_owned());
    match format {
        Format::Json => Layout {
            data_path: Pointer(path.to_owned()),
            key_as,
            allow_empty: random.below(2) == 0,
            ..Layout::default()
        },
        Format::Jsonl => Layout { format, ..Layout::default() },
        Format::Csv => Layout {
            format,
            cells: vec![("id".to_owned(), Cell::Number), ("name".to_owned(), Cell::Text)],
            ..Layout::default()
        },
    }
}

async fn all(mut reader: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).await.unwrap();
    bytes
}

/// The body as it is sent, with the headers that say so.
async fn packed(text: &[u8], random: &mut Random) -> (Vec<(&'static str, &'static str)>, Vec<u8>) {
    match random.below(8) {
        0 => (vec![("content-encoding", "gzip")], all(GzipEncoder::new(text)).await),
        1 => (vec![], all(GzipEncoder::new(text)).await),
        2 => (vec![("content-encoding", "zstd")], all(ZstdEncoder::new(text)).await),
        3 => (vec![("content-encoding", "br")], all(BrotliEncoder::new(text)).await),
        4 => (vec![("content-encoding", "deflate")], all(ZlibEncoder::new(text)).await),
        5 => (vec![("content-type", "application/json; charset=iso-8859-1")], text.to_vec()),
        _ => (vec![], text.to_vec()),
    }
}

/// An answer of these bytes, in chunks that end where they will.
fn response(headers: &[(&str, &str)], body: &[u8], random: &mut Random) -> Response {
    let (mut chunks, mut rest) = (Vec::new(), body);
    while !rest.is_empty() {
        let most = *random.one(&[1, 3, 40, 4096]);
        let size = 1 + random.below(most);
        let (chunk, more) = rest.split_at(size.min(rest.len()));
        chunks.push(Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)));
        rest = more;
    }
    let mut response = http::Response::builder();
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let body = reqwest::Body::wrap_stream(stream::iter(chunks));
    Response::from(response.body(body).unwrap())
}

/// Reads and decodes an answer: its records, where all of them are taken.
async fn taken(response: Response, layout: &Layout, limits: &Limits) -> Option<Vec<String>> {
    let chunks = decoded(response).await.ok()?;
    let values = [Pointer("/next".to_owned()), Pointer("/x/y/0".to_owned())];
    let last_record = [Pointer("/id".to_owned())];
    let wanted = Wanted { layout, values: &values, last_record: &last_record, text: false };
    let body = body::read(chunks, &wanted, limits).await.ok()?;
    let (mut segments, mut records) = (body.stored.segments(), Vec::new());
    while let Some(segment) = segments.next().await.unwrap() {
        records.extend(segment.records().map(|(record, _)| record.to_owned()));
    }
    let mut plain = dynamic::decoder(&Schema::default());
    let proven = records.iter().all(|record| plain.append(record).is_ok());
    // Whatever the types make of them.
    let mut typed = dynamic::watching(&schema(), &schema(), OnUnknownField::Warn);
    if records.iter().try_for_each(|record| typed.append(record)).is_ok() {
        assert_eq!(typed.finish().unwrap().num_rows(), records.len());
    }
    proven.then_some(records)
}

#[test]
fn no_answer_makes_it_panic_and_what_is_taken_is_json() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (budget, mut random) = budget();
    let usual = Limits::of(Memory::default(), 1);
    let tight = Limits { body: 16, batch: 8, record: 1 << 16, ..usual };
    let (began, mut tried, mut well) = (Instant::now(), 0_u64, 0_u64);
    while began.elapsed() < budget {
        let format =
            *random.one(&[Format::Json, Format::Json, Format::Json, Format::Jsonl, Format::Csv]);
        let seeds: &[&str] = match format {
            Format::Json => &JSON,
            Format::Jsonl => &LINES,
            Format::Csv => &CSV,
        };
        let seeds: Vec<_> = seeds.iter().map(|seed| seed.as_bytes()).collect();
        let seed: &[u8] = random.one::<&[u8]>(&seeds);
        let text = mutated(seed, &seeds, &WORDS, &mut random);
        let layout = layout(format, &mut random);
        let limits = if random.below(2) == 0 { usual } else { tight };
        runtime.block_on(async {
            let (headers, mut body) = packed(&text, &mut random).await;
            let is_text = body == text && headers.is_empty();
            if !is_text && random.below(3) == 0 {
                body = mutated(&body, &[], &[""], &mut random);
            }
            let found = taken(response(&headers, &body, &mut random), &layout, &limits).await;
            well += u64::from(found.is_some());
            if let (Some(records), true, Format::Json) = (&found, is_text, format)
                && !text.is_empty()
                && !text.starts_with(&[0x1f, 0x8b])
            {
                let plain = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&text);
                let json = serde_json::from_slice::<serde::de::IgnoredAny>(plain);
                assert!(json.is_ok(), "{:?}: {records:?}", String::from_utf8_lossy(&text));
            }
            for record in found.iter().flatten() {
                let json = serde_json::from_str::<serde::de::IgnoredAny>(record);
                assert!(json.is_ok(), "{record} of {:?}", String::from_utf8_lossy(&text));
            }
        });
        tried += 1;
    }
    eprintln!("{tried} answers, {well} of them taken");
    assert!(tried > 50 && well > 0);
}

const EXPRESSIONS: [&str; 12] = [
    "now - 1d",
    "format(start - 90m, \"%Y-%m-%dT%H\")",
    "if(org.id > 3 and not done, org.slug, 'x')",
    "default(none, \"-\") == lower(org.slug)",
    "date_trunc(\"month\", now) + 2w",
    "split_part(replace(org.slug, \"/\", '-'), \"-\", 2)",
    "timestamp(day + 1d) >= date_trunc('week', now)",
    "base64(trim(upper(org.slug)))",
    "status == 200 and body(\"/ok\") == false",
    "exists(header(\"X-A\")) or header('X-A') != \"b\"",
    "body(\"/n\") < 9223372036854775807 + -1",
    "date(now) == date(\"2026-01-31\") or org.rate <= 1",
];
const PARTS: [&str; 24] = [
    "(", ")", ",", "\"", "'", "\\", " and ", " or ", "not ", "==", "<=", "-", " + ", ".", "1d",
    "9999999w", "%", "now", "none", "format(", "if(", "exists(", "é", "{",
];

#[test]
fn no_expression_makes_it_panic_and_one_of_right_types_has_a_value() {
    let (budget, mut random) = budget();
    let all = [
        ("now", Kind::Timestamp, Value::Timestamp("2026-03-04T05:06:07.089Z".parse().unwrap())),
        ("start", Kind::Timestamp, Value::Timestamp("1970-01-01T00:00:00Z".parse().unwrap())),
        ("day", Kind::Date, Value::Date("2026-03-01".parse().unwrap())),
        ("org.slug", Kind::Text, Value::Text("a/b c".to_owned())),
        ("org.id", Kind::Integer, Value::Integer(i64::MAX)),
        ("org.rate", Kind::Number, Value::Number(0.5, "0.50".to_owned())),
        ("done", Kind::Boolean, Value::Boolean(true)),
    ];
    let mut scope = Scope::default().with("none", None);
    let mut names: Names =
        all.iter().map(|(name, kind, _)| ((*name).to_owned(), ExpressionType::of(*kind))).collect();
    names.insert("none".to_owned(), ExpressionType { kind: Kind::Text, nullable: true });
    for (name, _, value) in all {
        scope = scope.with(name, Some(value));
    }
    let body = [("/ok".to_owned(), Some(Value::Boolean(false))), ("/n".to_owned(), None)];
    let of_answer = Scope::of_answer(200, Said { body: body.into(), ..Said::default() });
    let places = [(names, scope), (Names::of_answer(), of_answer)];
    let seeds: Vec<_> = EXPRESSIONS.iter().map(|seed| seed.as_bytes()).collect();
    let (began, mut tried, mut well) = (Instant::now(), 0_u64, 0_u64);
    while began.elapsed() < budget {
        let seed: &[u8] = random.one::<&[u8]>(&seeds);
        let text = mutated(seed, &seeds, &PARTS, &mut random);
        let text = String::from_utf8_lossy(&text).into_owned();
        tried += 1;
        if let Ok(parts) = Template(format!("a{{{text}}}b")).request_parts() {
            for part in parts {
                let RequestPart::Expression(expression) = part else { continue };
                drop(expression.check(&places[0].0));
            }
        }
        let Ok(expression) = Condition(text.clone()).expression() else { continue };
        let printed = expression.to_string();
        let again = Condition(printed.clone()).expression();
        assert_eq!(again.as_ref(), Ok(&expression), "{text} is printed as {printed}");
        for (names, scope) in &places {
            if expression.check(names).is_err() {
                continue;
            }
            well += 1;
            if let Err(error) = evaluate(&expression, scope) {
                assert!(!error.to_string().contains("bug"), "{text}: {error}");
            }
        }
    }
    eprintln!("{tried} expressions, {well} of right types");
    assert!(tried > 50 && well > 0);
}
