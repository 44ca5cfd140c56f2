//! Bodies in whole and in pieces: what is found in them, and what is refused.

mod chunks;
mod formats;
mod oracle;

use bytes::Bytes;
use futures::stream;

use super::*;
use crate::engine::limits::Memory;

/// What is read of a body: its records' texts and the values, or why it is refused.
#[derive(Debug, Clone, PartialEq)]
struct Read {
    records: Vec<String>,
    shape: Shape,
    fingerprint: Fingerprint,
    elements: u64,
    values: Vec<Value>,
}

/// The limits of a run that is alone.
fn usual() -> Limits {
    Limits::of(Memory::default(), 1)
}

/// Reads a body that comes in these chunks, with the records at the first path.
fn read_chunks(chunks: &[&[u8]], paths: &[&str], limits: Limits) -> Result<Read, Unread<Error>> {
    let pointers: Vec<_> = paths.iter().map(|path| Pointer((*path).to_owned())).collect();
    let (data_path, values) = pointers.split_first().unwrap();
    let layout = Layout::json(data_path.clone());
    read_layout(chunks, &Wanted { layout: &layout, values, last_record: &[], text: false }, limits)
}

/// Reads a body that comes in these chunks.
fn read_layout(
    chunks: &[&[u8]],
    wanted: &Wanted<'_>,
    limits: Limits,
) -> Result<Read, Unread<Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let chunks = chunks.iter().map(|chunk| Ok(Bytes::copy_from_slice(chunk)));
    let chunks = stream::iter(chunks.collect::<Vec<_>>());
    runtime.block_on(async {
        let body = read(chunks, wanted, &limits).await?;
        let (mut segments, mut records) = (body.stored.segments(), Vec::new());
        while let Some(segment) = segments.next().await.unwrap() {
            records.extend(segment.records().map(|(text, _)| text.to_owned()));
        }
        assert_eq!(records.len() as u64, body.records());
        let (shape, fingerprint) = (body.shape(), body.fingerprint());
        let (elements, values) = (body.elements(), body.values().to_vec());
        Ok(Read { records, shape, fingerprint, elements, values })
    })
}

/// Reads a body that comes in one chunk, and stays in memory.
fn read_whole(body: &[u8], paths: &[&str]) -> Result<Read, Unread<Error>> {
    read_chunks(&[body], paths, usual())
}

fn check(body: &str, path: &str, expected: &[&str]) {
    assert_eq!(read_whole(body.as_bytes(), &[path]).unwrap().records, expected);
}

fn refuse(body: &str, path: &str, expected: &str) {
    let unread = read_whole(body.as_bytes(), &[path]).unwrap_err();
    assert_eq!(unread.into_error().to_string(), expected);
}

#[test]
fn records_are_found_where_the_path_leads() {
    check(r#"[{"a":1}, {} ]"#, "", &[r#"{"a":1}"#, "{}"]);
    check(r#"{"x":[1], "data":[{"a":[{}]}], "y":null}"#, "/data", &[r#"{"a":[{}]}"#]);
    check(r#"{"data":{"id":1}}"#, "/data", &[r#"{"id":1}"#]);
    check(r#" {"id":1} "#, "", &[r#"{"id":1}"#]);
    check(r#"[0,{"items":[{"a":1}]}]"#, "/1/items", &[r#"{"a":1}"#]);
    check(r#"{"a/b":{"~":[{}]}}"#, "/a~1b/~0", &["{}"]);
    check(r#"{"\u0064ata":[{}]}"#, "/data", &["{}"]);
    check("\u{feff}[{}]", "", &["{}"]);
    check("[]", "", &[]);
    check("", "/data", &[]);
    check(r#"{"data":null}"#, "/data", &[]);
}

#[test]
fn what_stands_at_the_path_is_told() {
    let check = |body: &str, expected| {
        assert_eq!(read_whole(body.as_bytes(), &["/data"]).unwrap().shape, expected);
    };
    check("", Shape::Nothing);
    check(r#"{"data":null}"#, Shape::Null);
    check(r#"{"data":[]}"#, Shape::List);
    check(r#"{"data":{}}"#, Shape::Record);
}

#[test]
fn brackets_and_quotes_in_strings_are_no_ends() {
    let records = [
        r#"{"a":"}]","b":"\"}","c":"\\"}"#,
        r#"{"a\"}":[[{"\\\\\"":"{"}]],"\\":"\\\"}\\"}"#,
        r#"{"long":"                                                          \\","b":"}"}"#,
        r#"{"x":"                                                               \"}"}"#,
    ];
    let body = format!("[{}]", records.join(" , "));
    check(&body, "", &records);
}

#[test]
fn a_path_that_leads_nowhere_says_what_is_there() {
    refuse(
        r#"{"itmes":[], "meta":{}}"#,
        "/items",
        "`data_path` finds no `items` in the body\n  path:     the root of the body\n  \
         help:     a similar key exists: `itmes`; there is `itmes`, `meta`",
    );
    refuse(
        r#"{"data":{"rows":[]}}"#,
        "/data/x",
        "`data_path` finds no `x` in the body\n  path:     /data\n  \
         help:     there is `rows`; correct `data_path`",
    );
    refuse(
        r#"{"data":null}"#,
        "/data/x",
        "`data_path` finds no `x` in the body\n  path:     /data\n  \
         help:     it is null there: correct `data_path`",
    );
    refuse(
        "[[], 1]",
        "/2",
        "`data_path` finds no `2` in the body\n  path:     the root of the body\n  \
         help:     the list there has 2 elements, counted from 0",
    );
    refuse(
        "{\"data\":[{}]}",
        "/data/items",
        "found a list where the path goes on to `items`\n  path:     /data\n  \
         help:     write an index to choose one of its elements, as in `/0`",
    );
    refuse(
        "{\"data\":7}",
        "/data/items",
        "found the number `7` where the path goes on to `items`\n  path:     /data",
    );
    refuse(
        "{\"data\":[], \"data\":[{}]}",
        "/data",
        "the key `data` occurs twice on the path\n  path:     /data",
    );
}

#[test]
fn only_records_are_records() {
    for (body, found) in
        [("7", "the number `7`"), ("\"a\"", "the string `\"a\"`"), ("true", "`true`")]
    {
        let message = format!(
            "expected the records, found {found}\n  path:     /data\n  \
             help:     `data_path` must lead to a list of records, or to one record"
        );
        refuse(&format!("{{\"data\":{body}}}"), "/data", &message);
    }
    refuse(
        "12",
        "",
        "expected the records, found the number `12`\n  path:     the root of the body\n  \
         help:     `data_path` must lead to a list of records, or to one record",
    );
    for (body, found) in [("5", "the number `5`"), ("[[]]", "a list"), ("null", "null")] {
        let message = format!(
            "expected a record, found {found}\n  record:   3 of the page\n  path:     /data/2\n  \
             help:     each element of the list at `data_path` must be an object"
        );
        refuse(&format!("{{\"data\":[{{}}, {{}}, {body}]}}"), "/data", &message);
    }
}

#[test]
fn a_body_that_is_cut_short_is_never_taken() {
    let refuse = |body: &str, expected: &str| {
        let Err(Unread::Cut(error)) = read_whole(body.as_bytes(), &["/data"]) else {
            panic!("{body} is not taken for cut off")
        };
        assert_eq!(error.message(), expected);
    };
    refuse("{\"data\":[{}", "the body ends in the middle of an array");
    // Rather than that the path leads nowhere.
    refuse("{\"error\":1, \"dat", "the body ends in the middle of a string");
    refuse("{\"data\":[{\"a\":[", "the body ends in the middle of a record");
    refuse("{\"data\":[{\"a\":\"", "the body ends in the middle of a string");
    refuse("{\"data\":[{}], \"n\":12", "the body ends in the middle of an object");
    refuse("{\"data\":[{}], \"n\":tru", "the body ends in the middle of `true`");
    refuse("  ", "the body holds no value");
}

#[test]
fn a_body_that_is_not_json_is_named_as_what_it_is() {
    let refuse = |body: &str, look, expected: &str| {
        let unread = read_whole(body.as_bytes(), &[""]).unwrap_err();
        let Unread::NotJson(found, error) = unread else { panic!("{body}: {unread:?}") };
        assert_eq!((found, error.to_string().as_str()), (look, expected), "{body}");
    };
    refuse(
        "[{}] x",
        Look::Other,
        "the body is not JSON at byte 5: expected nothing after the end of the value, found `x`",
    );
    refuse(
        "\n<!DOCTYPE html>",
        Look::Html,
        "the body is not JSON at byte 1: expected a value, found `<`\n  \
         help:     it looks like HTML: does the URL lead to the API?",
    );
    for text in ["<?xml version=\"1.0\"?><rows/>", "<rss><channel/></rss>", "<soap:Envelope/>"] {
        let unread = read_whole(text.as_bytes(), &[""]).unwrap_err();
        let Unread::NotJson(Look::Xml, error) = unread else { panic!("{text}: {unread:?}") };
        assert!(error.to_string().contains("apitap does not read XML"), "{error}");
    }
    let page = "<?xml version=\"1.0\"?><!DOCTYPE html><html/>";
    let unread = read_whole(page.as_bytes(), &[""]).unwrap_err();
    assert!(matches!(unread, Unread::NotJson(Look::Html, _)), "{unread:?}");
    refuse(
        "{\"id\":1}\n{\"id\":2}\n",
        Look::JsonLines,
        "the body is not JSON at byte 9: expected nothing after the end of the value, found `{`\n  \
         help:     it looks like JSON Lines, one value after the other: write `format: jsonl`",
    );
    refuse(
        ")]}',\n[{}]",
        Look::Guarded,
        "the body is not JSON at byte 0: expected a value, found `)`\n  help:     it begins with what \
         keeps browsers from running it as a script: ask the API for plain JSON",
    );
    refuse(
        "/**/back.call([{}])",
        Look::Jsonp,
        "the body is not JSON at byte 0: expected a value, found `/`\n  help:     it looks like \
         JSONP: leave out the parameter that names the function, such as `callback`",
    );
    refuse(
        "id,name\n1,a\n",
        Look::Csv,
        "the body is not JSON at byte 0: expected a value, found `id`\n  help:     it looks like \
         CSV: write `format: csv`",
    );
    refuse(
        "[{},]",
        Look::Other,
        "the body is not JSON at byte 4: expected a value, found `]`\n  path:     /1\n  help:     the comma \
         before it is one too many: the API should not send it",
    );
    refuse(
        "[NaN]",
        Look::Other,
        "the body is not JSON at byte 1: expected a value, found `NaN`\n  path:     /0\n  help:     \
         JSON has no `NaN`: the API should send null there",
    );
}

#[test]
fn a_fault_around_the_records_names_its_path() {
    let unread = read_whole(br#"{"meta":{"page":[1,{"n":nul}]}}"#, &["/data"]).unwrap_err();
    assert_eq!(
        unread.into_error().to_string(),
        "the body is not JSON at byte 24: expected `null`, found `nul`\n  path:     /meta/page/1/n"
    );
    let unread = read_whole(b"{\"meta\":\"\xff\"}", &["/data"]).unwrap_err();
    let message = unread.into_error().to_string();
    assert_eq!(message, "the body is not UTF-8: found the byte 0xff at byte 9");
}

#[test]
fn nesting_is_bounded_in_and_around_records() {
    let nested = |open: &str, close: &str, depth: usize| {
        format!("[{{\"a\":{}0{}}}]", open.repeat(depth), close.repeat(depth))
    };
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        read_whole(nested(open, close, 126).as_bytes(), &[""]).unwrap();
        let unread = read_whole(nested(open, close, 127).as_bytes(), &[""]).unwrap_err();
        let at = 6 + 126 * open.len();
        let message = format!("the body is nested deeper than 128 levels at byte {at}");
        assert_eq!(unread.into_error().message(), message);
    }
    let unread = read_whole("[".repeat(200).as_bytes(), &["/data"]).unwrap_err();
    let message = "the body is nested deeper than 128 levels at byte 128";
    assert_eq!(unread.into_error().message(), message);
}

/// The text of the value at a path, where the records are elsewhere.
fn text(body: &str, path: &str) -> crate::Result<Option<String>> {
    let body = format!("{{\"data\":[],\"b\":{body}}}");
    let path = format!("/b{path}");
    let read = read_whole(body.as_bytes(), &["/data", &path]).map_err(Unread::into_error)?;
    Ok(read.values[0].text(&Pointer(path))?.map(str::to_owned))
}

#[test]
fn a_scalar_is_text_or_nothing() {
    let check = |body: &str, path: &str, expected: Option<&str>| {
        assert_eq!(text(body, path).unwrap().as_deref(), expected, "{body}");
    };
    check(r#"{"next":"a\u0062c"}"#, "/next", Some("abc"));
    check(r#"{"next":12345678901234567890.0}"#, "/next", Some("12345678901234567890.0"));
    check(r#"{"next":0}"#, "/next", Some("0"));
    check(r#"{"next":null}"#, "/next", None);
    check(r#"{"next":""}"#, "/next", None);
    check(r#"{"next":false}"#, "/next", None);
    check(r#"{"meta":null}"#, "/meta/next", None);
    check("{}", "/next", None);
    check("[]", "/0/id", None);
    for body in ["{\"next\":true}", "{\"next\":[]}", "{\"next\":{}}", "{\"next\":", "[]", "5"] {
        assert!(text(body, "/next").is_err(), "{body}");
    }
}

#[test]
fn a_value_that_is_missing_says_what_is_there() {
    let body = br#"{"data":[{"id":7}], "meta":{"nxt":"a"}}"#;
    let read = read_whole(body, &["/data", "/meta/next", "/meta", "/data/0/id", "/data"]).unwrap();
    let [Value::Missing(absent), rest @ ..] = &read.values[..] else { panic!("{read:?}") };
    assert_eq!(
        absent.error("cursor_path").to_string(),
        "`cursor_path` finds no `next` in the body\n  path:     /meta\n  help:     a similar key \
         exists: `nxt`; there is `nxt`"
    );
    assert_eq!(rest, [Value::Record, Value::Number("7".to_owned()), Value::List]);
    assert_eq!(read.records, ["{\"id\":7}"]);
}

#[test]
fn a_value_may_stand_in_the_only_record() {
    let read = read_whole(br#" {"id":{"n":1},"next":"x"} "#, &["", "/next", "/id/n"]).unwrap();
    assert_eq!(read.records, [r#"{"id":{"n":1},"next":"x"}"#]);
    assert_eq!(read.values, [Value::String("x".to_owned()), Value::Number("1".to_owned())]);
}

#[test]
fn a_wanted_value_that_is_too_long_is_an_error() {
    let long = "x".repeat(65 << 10);
    let error = text(&format!("{{\"next\":\"{long}\"}}"), "/next").unwrap_err();
    assert_eq!(error.message(), "the value there has more than 64 KiB");
}

#[test]
fn the_same_records_have_the_same_fingerprint() {
    let of = |body: &str| read_whole(body.as_bytes(), &["/data"]).unwrap().fingerprint;
    let first = of(r#"{"data":[{"id":1},{"id":2}],"at":1}"#);
    assert_eq!(first, of(r#"{"at":2,"data":[ {"id":1} , {"id":2} ]}"#));
    assert_ne!(first, of(r#"{"data":[{"id":2},{"id":1}]}"#));
    assert_ne!(first, of(r#"{"data":[{"id":1}]}"#));
}
