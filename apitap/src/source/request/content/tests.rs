//! Answers as servers send them: compressed, in other charsets, and neither of what they say.

use async_compression::tokio::bufread::{
    BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder,
};
use axum::http;
use tokio::io::AsyncReadExt as _;

use super::*;

/// The text of an answer with these headers, in chunks of so many bytes; or why it cannot be read.
async fn text(headers: &[(&str, &str)], body: &[u8], chunk: usize) -> Result<Vec<u8>, String> {
    let chunks: Vec<_> = body.chunks(chunk).map(Bytes::copy_from_slice).collect();
    let stream = stream::iter(chunks.into_iter().map(Ok::<_, io::Error>));
    let mut response = http::Response::builder();
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let response = response.body(reqwest::Body::wrap_stream(stream)).unwrap();
    let read = async {
        let mut chunks = decoded(Response::from(response)).await?;
        let mut text = Vec::new();
        while let Some(chunk) = chunks.next().await {
            text.extend_from_slice(&chunk?);
        }
        Ok(text)
    };
    read.await.map_err(|failure: Failure| failure.reason(&Secrets::default()))
}

async fn check(headers: &[(&str, &str)], body: &[u8], expected: Result<&str, &str>) {
    for chunk in [1, 2, 7, 4096] {
        let found = text(headers, body, chunk).await;
        let found = found.map(|text| String::from_utf8(text).unwrap());
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{headers:?} by {chunk}");
    }
}

async fn all(mut reader: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).await.unwrap();
    bytes
}

async fn gzip(text: &[u8]) -> Vec<u8> {
    all(GzipEncoder::new(text)).await
}

const TEXT: &str = r#"[{"id":1,"name":"Łódź"},{"id":2,"name":"plain"}]"#;

#[tokio::test]
async fn each_compression_is_read() {
    let plain = TEXT.as_bytes();
    check(&[], plain, Ok(TEXT)).await;
    check(&[("content-encoding", "identity")], plain, Ok(TEXT)).await;
    for name in ["gzip", "x-gzip", "GZIP"] {
        check(&[("content-encoding", name)], &gzip(plain).await, Ok(TEXT)).await;
    }
    check(&[("content-encoding", "br")], &all(BrotliEncoder::new(plain)).await, Ok(TEXT)).await;
    check(&[("content-encoding", "zstd")], &all(ZstdEncoder::new(plain)).await, Ok(TEXT)).await;
    let deflate = [("content-encoding", "deflate")];
    check(&deflate, &all(ZlibEncoder::new(plain)).await, Ok(TEXT)).await;
    check(&deflate, &all(DeflateEncoder::new(plain)).await, Ok(TEXT)).await;
    let twice = gzip(&all(BrotliEncoder::new(plain)).await).await;
    check(&[("content-encoding", "br, gzip")], &twice, Ok(TEXT)).await;
    check(&[("content-encoding", "br"), ("content-encoding", "gzip")], &twice, Ok(TEXT)).await;
}

#[tokio::test]
async fn gzip_of_several_members_is_one_text() {
    let plain = TEXT.as_bytes();
    for ends in [vec![1], vec![20], vec![plain.len()], (1..plain.len()).collect()] {
        let mut members = Vec::new();
        let mut start = 0;
        for end in ends.into_iter().chain([plain.len()]) {
            members.extend(gzip(&plain[start..end]).await);
            start = end;
        }
        check(&[("content-encoding", "gzip")], &members, Ok(TEXT)).await;
    }
}

#[tokio::test]
async fn a_compressed_text_without_its_end_broke_off() {
    let plain = TEXT.as_bytes();
    let broke_off = "the answer broke off before its end";
    let mut second = gzip(plain).await;
    second.extend(&gzip(plain).await[..9]);
    check(&[("content-encoding", "gzip")], &second, Err(broke_off)).await;
    for (name, whole) in [
        ("gzip", gzip(plain).await),
        ("br", all(BrotliEncoder::new(plain)).await),
        ("zstd", all(ZstdEncoder::new(plain)).await),
        ("deflate", all(ZlibEncoder::new(plain)).await),
    ] {
        for cut in [whole.len() / 2, whole.len() - 1] {
            let found = text(&[("content-encoding", name)], &whole[..cut], 7).await;
            assert_eq!(found.unwrap_err(), broke_off, "{name} of {cut} bytes");
        }
    }
}

#[tokio::test]
async fn what_is_not_compressed_as_it_says_is_an_error() {
    let found = text(&[("content-encoding", "gzip")], TEXT.as_bytes(), 7).await.unwrap_err();
    assert!(found.starts_with("the answer cannot be decompressed: "), "{found}");
    check(
        &[("content-encoding", "compress")],
        b"",
        Err("the answer is compressed with `compress`"),
    )
    .await;
}

#[tokio::test]
async fn what_grows_a_thousandfold_is_refused_before_it_is_large() {
    let zeros = vec![b' '; 40 << 20];
    let bomb = all(ZstdEncoder::new(&zeros[..])).await;
    let found = text(&[("content-encoding", "zstd")], &bomb, 4096).await.unwrap_err();
    assert!(found.starts_with("the answer is suspicious: "), "{found}");
    assert!(found.ends_with(" compressed bytes come to more than 16 MiB"), "{found}");
}

#[tokio::test]
async fn the_charset_that_is_said_is_read() {
    let kind = |charset: &str| format!("application/json; charset={charset}");
    for (charset, bytes, expected) in [
        ("utf-8", "東京".as_bytes(), "東京"),
        ("UTF8", "東京".as_bytes(), "東京"),
        ("us-ascii", "東京".as_bytes(), "東京"),
        ("nonsense", "東京".as_bytes(), "東京"),
        ("iso-8859-1", b"M\xfcller & S\xf8n", "Müller & Søn"),
        ("\"ISO-8859-1\"", b"M\xfcller & S\xf8n", "Müller & Søn"),
        ("windows-1253", b"\xb8\xe4\xf1\xe1", "Έδρα"),
        ("shift_jis", b"\x93\x8c\x8b\x9e", "東京"),
        ("utf-16", b"\xff\xfeA\x01\xf3\x00d\x00z\x01", "Łódź"),
        ("utf-16", b"\xfe\xff\x01A\x00\xf3\x00d\x01z", "Łódź"),
        ("utf-16le", b"A\x01\xf3\x00d\x00z\x01", "Łódź"),
        ("utf-16be", b"\x01A\x00\xf3\x00d\x01z", "Łódź"),
    ] {
        check(&[("content-type", &kind(charset))], bytes, Ok(expected)).await;
    }
    check(&[], b"\xff\xfe[\x00]\x00", Ok("[]")).await;
    check(&[], b"[]", Ok("[]")).await;
    check(&[], b"", Ok("")).await;
}

#[tokio::test]
async fn a_charset_that_is_not_the_texts_is_an_error() {
    let expected = "the answer is not valid Shift_JIS, as its charset is said to be";
    let kind = [("content-type", "application/json; charset=shift_jis")];
    check(&kind, b"[\xff\xff\xff]", Err(expected)).await;
    check(&kind, b"[\"\x93", Err("the answer broke off before its end")).await;
}

#[tokio::test]
async fn excerpts_are_of_the_text() {
    let check = |text: &str, expected: &str| {
        assert_eq!(excerpt(text.as_bytes(), &Secrets::default()), expected);
    };
    check("{\"error\": \"no\"}", "{\"error\": \"no\"}");
    check(" \n<!doctype html>", "an HTML page");
    check("\u{feff}<html>", "an HTML page");
    check("<h1>Not Found</h1>", "an HTML page");
    check(
        "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>",
        "XML: <?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>",
    );
    check("", "");
}
