//! The recorded events → the answer to a query.

use std::cmp::Reverse;
use std::io;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::query::{Order, Query};

const RECORDING: &str = include_str!("../../data/usgs_all_week_2018-02.geojson");

/// All events of the recording, newest first.
#[derive(Debug)]
pub(super) struct Catalogue {
    events: Vec<Event>,
    /// When it was recorded, which is "now".
    pub(super) recorded_at: DateTime<Utc>,
    /// The version of the live API at that time.
    pub(super) version: String,
}

/// What a query looks at, and the event as it was recorded.
#[derive(Debug)]
struct Event {
    time: DateTime<Utc>,
    updated: DateTime<Utc>,
    magnitude: f64,
    coordinates: [f64; 3],
    json: Box<RawValue>,
}

#[derive(Deserialize)]
struct Recording {
    metadata: RecordedMetadata,
    features: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct RecordedMetadata {
    #[serde(with = "chrono::serde::ts_milliseconds")]
    generated: DateTime<Utc>,
    api: String,
}

#[derive(Deserialize)]
struct Feature {
    properties: Properties,
    geometry: Geometry,
}

#[derive(Deserialize)]
struct Properties {
    #[serde(with = "chrono::serde::ts_milliseconds")]
    time: DateTime<Utc>,
    #[serde(with = "chrono::serde::ts_milliseconds")]
    updated: DateTime<Utc>,
    mag: f64,
}

#[derive(Deserialize)]
struct Geometry {
    coordinates: [f64; 3],
}

#[derive(Serialize)]
struct Answer<'a> {
    r#type: &'static str,
    metadata: Metadata<'a>,
    features: Vec<&'a RawValue>,
    bbox: [f64; 6],
}

#[derive(Serialize)]
struct Metadata<'a> {
    generated: i64,
    url: &'a str,
    title: &'static str,
    status: u16,
    api: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<usize>,
    count: usize,
}

impl Catalogue {
    /// The recording that is part of this program.
    pub(super) fn recorded() -> io::Result<Self> {
        let recording: Recording = serde_json::from_str(RECORDING)?;
        let read = |json: Box<RawValue>| {
            let Feature { properties, geometry } = serde_json::from_str(json.get())?;
            Ok(Event {
                time: properties.time,
                updated: properties.updated,
                magnitude: properties.mag,
                coordinates: geometry.coordinates,
                json,
            })
        };
        let mut events =
            recording.features.into_iter().map(read).collect::<io::Result<Vec<Event>>>()?;
        events.sort_by_key(|event| Reverse(event.time));
        let RecordedMetadata { generated, api } = recording.metadata;
        Ok(Self { events, recorded_at: generated, version: api })
    }

    /// The body of the answer, or `None` where nothing matches. `url` is the whole request's.
    pub(super) fn answer(&self, query: &Query, url: &str) -> serde_json::Result<Option<String>> {
        let found = self.find(query);
        if found.is_empty() {
            return Ok(None);
        }
        let answer = Answer {
            r#type: "FeatureCollection",
            metadata: Metadata {
                generated: self.recorded_at.timestamp_millis(),
                url,
                title: "USGS Earthquakes",
                status: 200,
                api: &self.version,
                limit: query.limit,
                offset: query.offset,
                count: found.len(),
            },
            bbox: bounds(&found),
            features: found.into_iter().map(|event| &*event.json).collect(),
        };
        serde_json::to_string(&answer).map(Some)
    }

    fn find(&self, query: &Query) -> Vec<&Event> {
        let mut found: Vec<_> = self.events.iter().filter(|event| event.matches(query)).collect();
        match query.order {
            Order::Time => {}
            Order::TimeAscending => found.reverse(),
            // Of the same magnitude, the newest comes first either way.
            Order::Magnitude => found.sort_by(|a, b| b.magnitude.total_cmp(&a.magnitude)),
            Order::MagnitudeAscending => found.sort_by(|a, b| a.magnitude.total_cmp(&b.magnitude)),
        }
        let skipped = query.offset.unwrap_or(1) - 1;
        found.into_iter().skip(skipped).take(query.limit.unwrap_or(usize::MAX)).collect()
    }
}

impl Event {
    fn matches(&self, query: &Query) -> bool {
        self.time >= query.start
            && query.end.is_none_or(|end| self.time <= end)
            && query.updated_after.is_none_or(|after| self.updated > after)
    }
}

/// The least longitude, latitude and depth of these events, then the greatest ones.
fn bounds(events: &[&Event]) -> [f64; 6] {
    let mut bounds = [f64::INFINITY; 6];
    bounds[3..].fill(f64::NEG_INFINITY);
    let (least, greatest) = bounds.split_at_mut(3);
    for event in events {
        for ((least, greatest), value) in
            least.iter_mut().zip(&mut *greatest).zip(event.coordinates)
        {
            *least = least.min(value);
            *greatest = greatest.max(value);
        }
    }
    bounds
}
