//! Bodies of lines, several places with records, and records whose keys stand before them.

use super::*;

fn jsonl() -> Layout {
    Layout { format: Format::Jsonl, ..Layout::default() }
}

fn csv(cells: &[(&str, Cell)]) -> Layout {
    let cells = cells.iter().map(|(name, cell)| ((*name).to_owned(), *cell)).collect();
    Layout { format: Format::Csv, cells, ..Layout::default() }
}

fn keyed(data_path: &str) -> Layout {
    Layout { key_as: Some("id".to_owned()), ..Layout::json(Pointer(data_path.to_owned())) }
}

fn at(data_path: &str) -> Layout {
    Layout::json(Pointer(data_path.to_owned()))
}

/// Reads a body in one chunk, in chunks of one byte, and in little memory: each time the same.
fn read_all(layout: &Layout, body: &str) -> Result<Vec<String>, String> {
    let wanted = Wanted { layout, values: &[], last_record: &[], text: false };
    let bytes: Vec<_> = body.as_bytes().chunks(1).collect();
    let tight = Limits { body: 16, batch: 8, ..usual() };
    let read = |chunks: &[&[u8]], limits| {
        let read = read_layout(chunks, &wanted, limits);
        read.map(|read| read.records).map_err(|unread| unread.into_error().to_string())
    };
    let whole = read(&[body.as_bytes()], usual());
    assert_eq!(read(&bytes, usual()), whole, "byte by byte");
    assert_eq!(read(&bytes, tight), whole, "in little memory");
    whole
}

fn check(layout: &Layout, body: &str, expected: &[&str]) {
    assert_eq!(read_all(layout, body).unwrap(), expected, "{body}");
}

/// The first line of what is said of a body.
fn refuse(layout: &Layout, body: &str, expected: &str) {
    let error = read_all(layout, body).unwrap_err();
    assert_eq!(error.lines().next(), Some(expected), "{body}");
}

#[test]
fn each_line_of_json_lines_is_a_record() {
    check(
        &jsonl(),
        "{\"a\":1}\n{\"a\":\"}\\n\"}\r\n\n {\"b\":{}} ",
        &["{\"a\":1}", "{\"a\":\"}\\n\"}", "{\"b\":{}}"],
    );
    check(&jsonl(), "\u{feff}{}", &["{}"]);
    check(&jsonl(), "", &[]);
    check(&jsonl(), "\n", &[]);
    refuse(&jsonl(), "{\"a\":1}\n{\"a\":", "the body ends in the middle of a record");
    refuse(
        &jsonl(),
        "{}\n[1]",
        "the body is not JSON at byte 3: expected a record, `{`, found `[`",
    );
}

#[test]
fn each_row_of_csv_is_a_record_whose_values_have_the_declared_types() {
    let layout = csv(&[("id", Cell::Number), ("paid", Cell::Bool), ("note", Cell::Text)]);
    check(
        &layout,
        "id,paid,note,more\n1,true,,x\r\n02,F,\"\",\"a \"\"b\"\",\nc\"\n\nx,,é,",
        &[
            "{\"id\":1,\"paid\":true,\"note\":null,\"more\":\"x\"}",
            "{\"id\":2,\"paid\":false,\"note\":\"\",\"more\":\"a \\\"b\\\",\\u000ac\"}",
            "{\"id\":\"x\",\"paid\":null,\"note\":\"é\",\"more\":null}",
        ],
    );
    check(&csv(&[]), "\u{feff}a\n1\n\n", &["{\"a\":\"1\"}", "{\"a\":null}"]);
    check(&csv(&[]), "a,b\r1,2\r", &["{\"a\":\"1\",\"b\":\"2\"}"]);
    check(&csv(&[]), "", &[]);
    check(&csv(&[]), "a,b", &[]);
    refuse(&csv(&[]), "\r\n\n", "the body ends in the middle of its header");
    check(&Layout { allow_empty: true, ..csv(&[]) }, "\n", &[]);
}

#[test]
fn rows_that_do_not_fit_the_header_are_errors_that_name_the_line() {
    let layout = csv(&[("id", Cell::Number)]);
    refuse(
        &layout,
        "id,a\n1,\"x\ny\"\n2\n3,4\n",
        "line 4 has 1 fields, where the header has 2 columns",
    );
    refuse(&layout, "id,a\n1,2,3\n", "line 2 has 3 fields, where the header has 2 columns");
    refuse(&layout, "ids,a\n1,2\n", "the header has no column `id`");
    refuse(&layout, "id,a,id\n", "two columns of the header are named `id`");
    refuse(&layout, "id,\n", "column 2 has no name in the header");
    refuse(&layout, "id\n\"1\" 2\n", "line 2 has text behind the closing quote of a field");
    refuse(&layout, "id,a\n1,2\n3", "the body ends in the middle of a row");
    refuse(&layout, "id,a\n1,\"2", "the body ends in the middle of a quoted field");
    refuse(&layout, "[{\"id\":1}]", "the body is not CSV at byte 0: it begins with `[`");
}

/// How many elements a page holds, in whatever pieces it comes.
fn holds(layout: &Layout, body: &str, expected: u64) -> Fingerprint {
    let wanted = Wanted { layout, values: &[], last_record: &[], text: false };
    let bytes: Vec<_> = body.as_bytes().chunks(1).collect();
    let whole = read_layout(&[body.as_bytes()], &wanted, usual()).unwrap();
    assert_eq!(read_layout(&bytes, &wanted, usual()).unwrap(), whole, "byte by byte");
    assert_eq!(whole.elements, expected, "{body}");
    whole.fingerprint
}

#[test]
fn a_page_holds_the_elements_from_which_every_leads_to_records() {
    let items = |body: &str, expected| holds(&at("/orders/*/items"), body, expected);
    items(r#"{"orders":[]}"#, 0);
    let some = items(r#"{"n":1,"orders":[{"o":1,"items":[{"a":1},{"a":2}]},{"o":2}]}"#, 2);
    let same = items(r#"{"n":2,"orders":[{"o":1,"items":[{"a":1},{"a":2}]},{"o":2}],"x":[]}"#, 2);
    assert_eq!(some, same);
    let none = items(r#"{"orders":[{"o":1,"items":[]},{"o":2,"items":[]},{"o":3,"items":[]}]}"#, 3);
    let others =
        items(r#"{"orders":[{"o":4,"items":[]},{"o":5,"items":[]},{"o":6,"items":[]}]}"#, 3);
    assert_ne!(none, others);
    holds(&at("/*/*"), r#"{"x":[{"a":1},{"a":3}],"y":{"z":{"a":2}}}"#, 2);
    holds(&at("/*"), r#"[{"a":1},[{"a":2},{"a":3}]]"#, 2);
    holds(&at("/orders"), r#"{"orders":[{"a":1},{"a":2},{"a":3}]}"#, 3);
    holds(&keyed("/*/users"), r#"[{"users":{"k":{},"l":{}}},{"users":{}}]"#, 2);
    holds(&jsonl(), "{}\n{}\n", 2);
}

#[test]
fn a_star_stands_for_every_element_of_lists_and_objects() {
    let body = r#"{"orders": [{"items": [{"a":1}, {"a":2}]}, {"items": []}, {"items": null}, {},
                   {"items": {"a":3}}]}"#;
    check(&at("/orders/*/items"), body, &["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"]);
    check(&at("/*/*"), r#"{"x":[{"a":1}],"y":{"z":{"a":2}}}"#, &["{\"a\":1}", "{\"a\":2}"]);
    check(&at("/*"), r#"[{"a":1},[{"a":2}]]"#, &["{\"a\":1}", "{\"a\":2}"]);
    check(&at("/orders/*/items"), r#"{"orders":[]}"#, &[]);
    refuse(
        &at("/orders/*/items"),
        r#"{"orders":[{"item":[]}]}"#,
        "`data_path` finds no `items` in the body",
    );
    refuse(&at("/orders/*/items"), "{}", "`data_path` finds no `orders` in the body");
    refuse(
        &at("/orders/*/items"),
        r#"{"orders":[{"items":5}]}"#,
        "expected the records, found the number `5`",
    );
}

#[test]
fn the_members_of_an_object_get_their_keys_as_a_field() {
    let body = r#"{"users": {"u\"1": {"name":"A"}, "u2": {  }, "u3":
                   { "x": {"y": "}"} }}}"#;
    check(
        &keyed("/users"),
        body,
        &[
            r#"{"id":"u\"1","name":"A"}"#,
            r#"{"id":"u2"}"#,
            "{\"id\":\"u3\",\"x\": {\"y\": \"}\"} }",
        ],
    );
    check(
        &keyed("/*/users"),
        r#"[{"users":{"a":{}}},{"users":{"b":{}}}]"#,
        &[r#"{"id":"a"}"#, r#"{"id":"b"}"#],
    );
    check(&keyed(""), "{}", &[]);
    let twice = "the body cannot be read at byte 25: two records have the key `a`";
    refuse(&keyed(""), r#"{"a":{"n":1},"b":{},"a":{"n":2}}"#, twice);
    // Of two objects each may have it.
    let both = [r#"{"id":"a"}"#, r#"{"id":"a"}"#];
    check(&keyed("/*/users"), r#"[{"users":{"a":{}}},{"users":{"a":{}}}]"#, &both);
    refuse(&keyed(""), r#"{"a":1}"#, "expected a record, found the number `1`");
    refuse(&keyed(""), "[{}]", "expected the records, found a list");
}

#[test]
fn nothing_at_the_path_is_no_error_where_it_is_allowed() {
    let allowed = Layout { allow_empty: true, ..at("/data") };
    check(&allowed, "{}", &[]);
    check(&allowed, r#"{"data":null}"#, &[]);
    refuse(&at("/data"), "{}", "`data_path` finds no `data` in the body");
}
