//! Bodies that come in pieces, and bodies that are larger than what stays in memory.

use super::*;

/// So little that each body but the smallest goes to a file, in several segments.
fn tight() -> Limits {
    Limits { body: 24, batch: 16, record: 1 << 20, ..usual() }
}

#[test]
fn a_body_is_the_same_wherever_it_is_cut_into_chunks() {
    let paths = ["/data/1/rows", "/meta/é/next", "/data/0"];
    let escapes = [r#"\\\""#, r#"\\}"#, r#"\"{"#].map(|text| text.repeat(40));
    let [first, second, third] = &escapes;
    let long = format!(
        r#"{{"data":[0,{{"rows":[{{"{first}":"{second}"}},{{"a":"{third}","b":[{{}}]}}]}}],"meta":1}}"#
    );
    for body in [
        &long,
        r#"{"meta":{"é":{"next":"a\u00e9\ud83d\ude00"}},"data":[-1.5e+7,{"rows":[{"é":"😀\\\"}"},{}]}]}"#,
        r#"{"data":[null,{"rows":[{"a":[{"b":"\""}]} , {"c":true}]}], "meta" : { "é":{}} }"#,
        r#"{"data":[[],{"rows":{"only":false}}],"meta":{"é":{"next":12}}}"#,
        "\u{feff}{\"data\":[{},{\"rows\":null}],\"meta\":{\"é\":{\"next\":null}}}",
    ] {
        let body = body.as_bytes();
        let whole = read_whole(body, &paths).unwrap();
        for limits in [usual(), tight()] {
            for cut in 0..=body.len() {
                let (first, rest) = body.split_at(cut);
                let (second, third) = rest.split_at(rest.len() / 2);
                assert_eq!(read_chunks(&[first, rest], &paths, limits).unwrap(), whole, "{cut}");
                let read = read_chunks(&[first, second, third], &paths, limits).unwrap();
                assert_eq!(read, whole, "{cut}");
            }
            let bytes: Vec<_> = body.chunks(1).collect();
            assert_eq!(read_chunks(&bytes, &paths, limits).unwrap(), whole);
        }
    }
}

#[test]
fn no_beginning_of_a_body_is_taken_wherever_it_is_cut_into_chunks() {
    let body = r#"{"meta":{"é":1.5},"data":[{"é":"😀\\\"}"},{}],"z":[true,null]} "#.trim_end();
    for end in 1..body.len() {
        let chunks: Vec<_> = body.as_bytes()[..end].chunks(3).collect();
        for limits in [usual(), tight()] {
            let unread = read_chunks(&chunks, &["/data"], limits).unwrap_err();
            assert!(matches!(unread, Unread::Cut(_)), "{end}: {unread:?}");
        }
    }
}

/// A body of that many records, the `large`th of which has so many bytes more.
fn body(records: usize, large: usize, bytes: usize) -> String {
    let record = |n: usize| {
        let more = if n == large { "é".repeat(bytes / 2) } else { String::new() };
        format!(r#"{{"id":{n},"text":"{more}"}}"#)
    };
    let records: Vec<_> = (0..records).map(record).collect();
    format!("{{\"before\":[{}],\"data\":[{}]}}", records.join(","), records.join(", "))
}

#[test]
fn a_large_body_is_handed_on_in_segments_of_whole_records() {
    let limits = Limits { body: 8 << 10, batch: 4 << 10, record: 1 << 20, ..usual() };
    for (records, large, bytes) in [(2000, 0, 0), (300, 7, 300_000), (1, 0, 200_000)] {
        let body = body(records, large, bytes);
        let whole = read_whole(body.as_bytes(), &["/data"]).unwrap();
        assert_eq!(whole.records.len(), records);
        for length in [100, 1000, 100_000] {
            let chunks: Vec<_> = body.as_bytes().chunks(length).collect();
            assert_eq!(read_chunks(&chunks, &["/data"], limits).unwrap(), whole, "{length}");
        }
    }
}

#[test]
fn segments_are_bounded_and_say_where_they_stand() {
    let body = body(2000, 0, 0);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let limits = Limits { body: 8 << 10, batch: 4 << 10, record: 1 << 20, ..usual() };
    let layout = Layout::json(Pointer("/data".to_owned()));
    let wanted = Wanted { layout: &layout, values: &[], last_record: &[], text: false };
    let chunks =
        body.as_bytes().chunks(700).map(|chunk| Ok::<_, Error>(Bytes::copy_from_slice(chunk)));
    runtime.block_on(async {
        let read = read(stream::iter(chunks), &wanted, &limits).await.unwrap();
        assert_eq!(read.bytes(), body.len() as u64);
        assert_eq!(read.text(), None);
        assert!(read.stored.size() < 1000);
        let mut segments = read.stored.segments();
        let mut count = 0;
        while let Some(segment) = segments.next().await.unwrap() {
            count += 1;
            assert!(segment.size() <= (8 << 10) + 2000, "{}", segment.size());
            for (record, at) in segment.records() {
                let at = usize::try_from(at).unwrap();
                assert_eq!(&body[at..at + record.len()], record);
            }
        }
        assert!(count > 5, "{count}");
    });
}

#[test]
fn a_record_that_is_too_long_is_refused_by_name() {
    let record = format!("{{\"text\":\"{}\"}}", "x".repeat(2 << 20));
    let body = format!("[{{}}, {record}, {{}}]");
    for length in [1000, 100_000, 10 << 20] {
        let chunks: Vec<_> = body.as_bytes().chunks(length).collect();
        for limits in [Limits { body: 4 << 20, ..tight() }, tight()] {
            let Err(unread) = read_chunks(&chunks, &[""], limits) else { panic!("{length}") };
            let message = unread.into_error().to_string();
            let expected = "a record is longer than 1 MiB\n";
            assert!(message.starts_with(expected), "{message}");
        }
    }
}

#[test]
fn a_body_whose_text_is_kept_stays_in_memory() {
    let body = body(2000, 0, 0);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let layout = Layout::json(Pointer("/data".to_owned()));
    let wanted = Wanted { layout: &layout, values: &[], last_record: &[], text: true };
    let chunk = || stream::iter([Ok::<_, Error>(Bytes::copy_from_slice(body.as_bytes()))]);
    let read_within = |record| {
        let limits = Limits { record, ..tight() };
        runtime.block_on(read(chunk(), &wanted, &limits))
    };
    assert_eq!(read_within(1 << 20).unwrap().text(), Some(&*body));
    let error = read_within(1 << 10).unwrap_err().into_error();
    assert_eq!(error.message(), "the body is longer than 0 MiB");
}
