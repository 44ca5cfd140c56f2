//! Splitting bodies into records and decoding them, beside arrow-json on the same bytes; one core, no
//! network: `cargo bench -p apitap --bench decode`. Divan tells records and bytes per second.
//!
//! `orders` are made up as `test-api` serves them, `earthquakes` are a week of the USGS feed; both are in
//! docs/performance.md. `magnitudes` are three fields of the earthquakes, two of them nested.

#![allow(clippy::expect_used, reason = "what is measured is known to be right")]

use std::convert::Infallible;
use std::sync::OnceLock;

use apitap::engine::limits::{Limits, Memory};
use apitap::source::body::{self, Body, Layout, Wanted};
use apitap::source::decode::{Decoder, dynamic};
use apitap::source::page::Page;
use apitap_build::definition::Pointer;
use apitap_build::schema::{Schema, arrow};
use arrow_json::ReaderBuilder;
use bytes::Bytes;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use futures::executor::block_on;
use futures::stream;

#[allow(dead_code, unreachable_pub, unused_imports, reason = "the test API uses more of it")]
#[path = "../../tests/src/records.rs"]
mod records;

mod orders {
    include!("decode/orders.rs");
}

mod earthquakes {
    include!("decode/earthquakes.rs");
}

mod magnitudes {
    include!("decode/magnitudes.rs");
}

/// Records of a page of orders, as docs/performance.md loads them.
const ORDERS: u64 = 5000;

/// Bytes of the chunks in which a body arrives.
const CHUNK: usize = 16 << 10;

/// Rows of a batch.
const ROWS: usize = 8192;

/// A page, what is read of it, and a decoder that was generated for that.
struct Sample {
    body: Bytes,
    layout: Layout,
    schema: Schema,
    generated: fn() -> Box<dyn Decoder>,
    records: OnceLock<Vec<String>>,
}

impl Sample {
    fn new(
        body: Vec<u8>,
        data_path: &str,
        schema: &str,
        generated: fn() -> Box<dyn Decoder>,
    ) -> Self {
        Self {
            body: body.into(),
            layout: Layout::json(Pointer(data_path.to_owned())),
            schema: serde_json::from_str(schema).expect("the schema is one"),
            generated,
            records: OnceLock::new(),
        }
    }

    fn split(&self) -> Body {
        let wanted = Wanted { layout: &self.layout, values: &[], last_record: &[], text: false };
        let chunks = self.body.chunks(CHUNK).map(|chunk| self.body.slice_ref(chunk));
        let chunks = stream::iter(chunks.map(Ok::<_, Infallible>));
        let limits = Limits::of(Memory::default(), 1);
        block_on(body::read(chunks, &wanted, &limits)).expect("the body is whole")
    }

    fn decode(&self, body: &Body, decoder: &mut dyn Decoder) {
        let mut segments = Page::new("sample".into(), 1, body).segments();
        while let Some(segment) = block_on(segments.next()).expect("it is in memory") {
            for (record, _) in segment.records() {
                decoder.append(record).expect("the record has its fields");
                if decoder.rows() == ROWS {
                    divan::black_box(decoder.finish().expect("a batch"));
                }
            }
        }
        divan::black_box(decoder.finish().expect("a batch"));
    }

    /// The records, each on a line of its own.
    fn lines(&self) -> String {
        let records = self.records.get_or_init(|| {
            let mut segments = Page::new("sample".into(), 1, &self.split()).segments();
            let mut records = Vec::new();
            while let Some(segment) = block_on(segments.next()).expect("it is in memory") {
                records.extend(segment.records().map(|(record, _)| record.to_owned()));
            }
            records
        });
        records.join("\n")
    }
}

fn sample(name: &str) -> &'static Sample {
    static ORDERS_SAMPLE: OnceLock<Sample> = OnceLock::new();
    static EARTHQUAKES: OnceLock<Sample> = OnceLock::new();
    static MAGNITUDES: OnceLock<Sample> = OnceLock::new();
    match name {
        "orders" => ORDERS_SAMPLE.get_or_init(|| {
            let orders: Vec<_> = (1..=ORDERS).map(records::order).collect();
            let body = serde_json::to_vec(&orders).expect("orders are JSON");
            Sample::new(body, "", include_str!("decode/orders.json"), || {
                Box::new(orders::Decoder::default())
            })
        }),
        "earthquakes" => EARTHQUAKES.get_or_init(|| {
            Sample::new(week(), "/features", include_str!("decode/earthquakes.json"), || {
                Box::new(earthquakes::Decoder::default())
            })
        }),
        _ => MAGNITUDES.get_or_init(|| {
            Sample::new(week(), "/features", include_str!("decode/magnitudes.json"), || {
                Box::new(magnitudes::Decoder::default())
            })
        }),
    }
}

/// A week of earthquakes.
fn week() -> Vec<u8> {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let path = format!("{examples}/quickstart/data/usgs_all_week_2018-02.geojson");
    std::fs::read(path).expect("the example has its data")
}

const SAMPLES: [&str; 3] = ["orders", "earthquakes", "magnitudes"];

fn main() {
    divan::main();
}

/// Measures what is done with the records of a sample.
fn measure(bencher: Bencher<'_, '_>, sample: &'static Sample, work: impl Fn() + Sync) {
    let records = sample.split().records();
    let counted = bencher.counter(ItemsCount::new(records));
    counted.counter(BytesCount::new(sample.body.len())).bench(work);
}

#[divan::bench(args = SAMPLES)]
fn split(bencher: Bencher<'_, '_>, name: &str) {
    let sample = sample(name);
    measure(bencher, sample, || drop(divan::black_box(sample.split())));
}

#[divan::bench(args = SAMPLES)]
fn decode_generated(bencher: Bencher<'_, '_>, name: &str) {
    let sample = sample(name);
    let body = sample.split();
    measure(bencher, sample, || sample.decode(&body, &mut *(sample.generated)()));
}

#[divan::bench(args = SAMPLES)]
fn decode_dynamic(bencher: Bencher<'_, '_>, name: &str) {
    let sample = sample(name);
    let body = sample.split();
    measure(bencher, sample, || sample.decode(&body, &mut *dynamic::decoder(&sample.schema)));
}

#[divan::bench(args = SAMPLES)]
fn split_and_decode_generated(bencher: Bencher<'_, '_>, name: &str) {
    let sample = sample(name);
    measure(bencher, sample, || sample.decode(&sample.split(), &mut *(sample.generated)()));
}

#[divan::bench(args = SAMPLES)]
fn split_and_decode_dynamic(bencher: Bencher<'_, '_>, name: &str) {
    let sample = sample(name);
    let decoder = || dynamic::decoder(&sample.schema);
    measure(bencher, sample, || sample.decode(&sample.split(), &mut *decoder()));
}

/// Of records that were split before, each on a line: arrow-json reads no bodies.
#[divan::bench(args = SAMPLES)]
fn arrow_json(bencher: Bencher<'_, '_>, name: &str) {
    let sample = sample(name);
    let (lines, schema) = (sample.lines(), arrow::schema(&sample.schema));
    measure(bencher, sample, || {
        let decoder = ReaderBuilder::new(schema.clone()).with_batch_size(ROWS).build_decoder();
        let mut decoder = decoder.expect("the schema has types that it reads");
        let mut rest = lines.as_bytes();
        while !rest.is_empty() {
            let read = decoder.decode(rest).expect("the records have their fields");
            rest = rest.get(read..).unwrap_or_default();
            divan::black_box(decoder.flush().expect("a batch"));
        }
    });
}
