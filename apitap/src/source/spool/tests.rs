//! One fetch, whoever reads it.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use chrono::DateTime;
use tokio::time::timeout;

use super::*;
use crate::engine::limits::Memory;
use crate::source::body::{Segment, Stored};
use crate::source::incremental::{Alike, Asked};

fn shared(several: bool, start: impl FnOnce() -> Pages + Send + 'static) -> Shared {
    let readers = if several { Readers::Several } else { Readers::One };
    Shared::new(readers, &Limits::of(Memory::default(), 1), start)
}

/// Pages of which the one numbered `n` holds `[{"n":n}]` and some padding, and how many were made.
fn source(
    count: u64,
    padding: usize,
    error_at: Option<u64>,
) -> (impl FnOnce() -> Pages + Send + 'static, Arc<AtomicUsize>) {
    let made = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&made);
    let start = move || {
        let numbers = stream::iter(1..=count);
        numbers
            .then(move |number| {
                counter.fetch_add(1, Relaxed);
                async move {
                    tokio::task::yield_now().await;
                    if error_at == Some(number) {
                        return Err(Error::request("broken").in_request(&format!("GET {number}")));
                    }
                    Ok(page(number, padding))
                }
            })
            .boxed()
    };
    (start, made)
}

fn page(number: u64, padding: usize) -> Page {
    let record = format!(r#"{{"n":{number}}}"#);
    let body = format!("[{record}]{}", " ".repeat(padding));
    let end = 1 + u32::try_from(record.len()).unwrap();
    let segment = Segment { text: body, records: std::iter::once(1..end).collect(), at: 0 };
    let stored = Stored::Memory(Arc::new(segment));
    let carried = number.is_multiple_of(2).then(|| format!("{{\"org\":\"é{number}\"}}").into());
    let second = |second| DateTime::from_timestamp(second, 0).unwrap();
    let alike = |at| Alike { at: second(at), from: second(at - 1), to: second(at + 1) };
    let since = number.is_multiple_of(3).then(|| alike(number as i64));
    let asked = Asked { since, end: number.is_multiple_of(5).then(|| alike(0)) };
    let request = format!("GET /é?page={number}").into();
    let key = number.is_multiple_of(2).then(|| format!("{{\"é\":{number}}}").into());
    Page { request, number, carried, key, asked, stored, behind: None }
}

/// The page's segments, wherever they are.
async fn segments(page: &Page) -> Vec<Segment> {
    let (mut segments, mut found) = (page.segments(), Vec::new());
    while let Some(segment) = segments.next().await.unwrap() {
        found.push(Segment::clone(&segment));
    }
    found
}

/// Reads to the end, with a pause after each page, and compares with pages from 1 and the error.
async fn check(mut pages: Pages, padding: usize, count: u64, error: Option<&str>, pause: Duration) {
    for number in 1..=count {
        let found = pages.next().await.unwrap().unwrap();
        let expected = page(number, padding);
        assert_eq!(found.number, expected.number);
        assert_eq!(found.request, expected.request);
        let names = |page: &Page| (page.carried.clone(), page.key.clone(), page.asked);
        assert_eq!(names(&found), names(&expected));
        assert_eq!(segments(&found).await, segments(&expected).await);
        tokio::time::sleep(pause).await;
    }
    let end = pages.next().await.map(|page| page.unwrap_err().to_string());
    assert_eq!(end.as_deref(), error);
    assert!(pages.next().await.is_none());
}

const NONE: Duration = Duration::ZERO;

#[tokio::test]
async fn a_single_reader_gets_every_page() {
    for (count, error) in [(0, None), (1, None), (1000, None)] {
        let (start, made) = source(count, 10, None);
        check(shared(false, start).reader(), 10, count, error, NONE).await;
        assert_eq!(made.load(Relaxed) as u64, count);
    }
    let (start, _) = source(9, 10, Some(3));
    let error = Some("broken\n  request:  GET 3");
    check(shared(false, start).reader(), 10, 2, error, NONE).await;
}

#[tokio::test]
async fn a_single_reader_holds_the_fetch_back() {
    let (start, made) = source(1000, 1 << 20, None);
    let mut pages = shared(false, start).reader();
    pages.next().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(30)).await;
    // 4 MiB wait, one page was read, and one waits for room.
    let waiting = made.load(Relaxed);
    assert!((3..=7).contains(&waiting), "{waiting}");
}

#[tokio::test]
async fn a_page_larger_than_the_room_passes() {
    let (start, _) = source(3, 9 << 20, None);
    check(shared(false, start).reader(), 9 << 20, 3, None, NONE).await;
}

#[tokio::test]
async fn a_single_reader_that_goes_stops_the_fetch() {
    let (start, made) = source(1_000_000, 10, None);
    let fetch = shared(false, start);
    let mut pages = fetch.reader();
    pages.next().await.unwrap().unwrap();
    drop(pages);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let stopped = made.load(Relaxed);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(made.load(Relaxed), stopped);
}

#[tokio::test]
async fn a_second_reader_of_a_single_fetch_is_an_error() {
    let (start, _) = source(3, 0, None);
    let fetch = shared(false, start);
    check(fetch.reader(), 0, 3, None, NONE).await;
    let error = fetch.reader().next().await.unwrap().unwrap_err().to_string();
    assert!(error.starts_with("the source is read more often than was planned"), "{error}");
}

#[tokio::test]
async fn nothing_is_fetched_before_somebody_reads() {
    for several in [false, true] {
        let (start, made) = source(3, 0, None);
        let fetch = shared(several, start);
        let reader = fetch.reader();
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(made.load(Relaxed), 0);
        check(reader, 0, 3, None, NONE).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_readers_follow_one_fetch_at_their_own_pace() {
    // 100 pages of 8 KiB: beyond what stays in memory.
    for error_at in [None, Some(101)] {
        let (start, made) = source(150, 8 << 10, error_at);
        let fetch = shared(true, start);
        let (count, error) = match error_at {
            Some(_) => (100, Some("broken\n  request:  GET 101")),
            None => (150, None),
        };
        let pauses = [0, 100, 1000].map(Duration::from_micros);
        let readers = pauses.map(|pause| check(fetch.reader(), 8 << 10, count, error, pause));
        futures::future::join_all(readers).await;
        // One that comes late gets the same.
        check(fetch.reader(), 8 << 10, count, error, NONE).await;
        assert_eq!(made.load(Relaxed) as u64, count + u64::from(error.is_some()));
    }
}

#[tokio::test]
async fn pages_can_be_read_again_after_the_end() {
    let (start, made) = source(50, 100, None);
    let fetch = shared(true, start);
    for _ in 0..3 {
        check(fetch.reader(), 100, 50, None, NONE).await;
    }
    assert_eq!(made.load(Relaxed), 50);
}

#[tokio::test]
async fn a_reader_outlives_the_handle() {
    let (start, _) = source(50, 100, None);
    let reader = shared(true, start).reader();
    check(reader, 100, 50, None, NONE).await;
}

#[tokio::test]
async fn the_fetch_rests_while_nobody_reads_and_ends_with_the_handle() {
    let (start, made) = source(1_000_000, 10, None);
    let fetch = shared(true, start);
    let (mut first, second) = (fetch.reader(), fetch.reader());
    first.next().await.unwrap().unwrap();
    drop(second);
    drop(first);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let resting = made.load(Relaxed);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(made.load(Relaxed), resting);
    // Somebody who comes back finds it all.
    let mut late = fetch.reader();
    for number in 1..=resting as u64 + 100 {
        assert_eq!(late.next().await.unwrap().unwrap().number, number);
    }
    drop((late, fetch));
    tokio::time::sleep(Duration::from_millis(10)).await;
    let ended = made.load(Relaxed);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(made.load(Relaxed), ended);
}

#[tokio::test]
async fn a_fetch_that_breaks_down_is_an_error_and_no_end() {
    for several in [false, true] {
        let start = || {
            stream::iter([1, 2]).map(|number| match number {
                1 => Ok(page(1, 0)),
                _ => panic!("as a bug would"),
            })
        };
        let fetch = shared(several, move || start().boxed());
        let mut reader = fetch.reader();
        reader.next().await.unwrap().unwrap();
        let end = timeout(Duration::from_secs(5), reader.next()).await.unwrap();
        assert!(end.is_some_and(|end| end.is_err()), "several: {several}");
        assert!(reader.next().await.is_none());
    }
}
