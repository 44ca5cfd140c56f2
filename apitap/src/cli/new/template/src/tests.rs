//! The SQL on records made by hand: no network, no database.

use super::{earthquakes, networks};

#[test]
fn an_earthquake_becomes_a_row() {
    let record = earthquakes::Earthquakes {
        id: "us2000cuxx".to_owned(),
        properties: earthquakes::EarthquakesProperties {
            mag: Some(6.4),
            time: 1_517_932_242_400,
            ..Default::default()
        },
        geometry: earthquakes::EarthquakesGeometry { coordinates: vec![121.6, 24.1, 17.0] },
    };
    let rows = apitap::block_on(earthquakes::transform([record])).expect("the query runs");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].id, "us2000cuxx");
    assert_eq!(rows[0].magnitude, Some(6.4));
    let time = rows[0].time;
    assert_eq!(time.to_rfc3339(), "2018-02-06T15:50:42.400+00:00");
    assert_eq!((rows[0].longitude, rows[0].depth_km), (Some(121.6), Some(17.0)));
}

#[test]
fn each_network_is_one_row_with_its_strongest_earthquake() {
    let record = |network: &str, magnitude| networks::Earthquakes {
        properties: networks::EarthquakesProperties {
            net: network.to_owned(),
            mag: magnitude,
            ..Default::default()
        },
        ..Default::default()
    };
    let records = [record("us", Some(6.4)), record("ci", None), record("us", Some(4.1))];
    let mut rows = apitap::block_on(networks::transform(records)).expect("the query runs");
    // A table has no order, and the query asks for none.
    rows.sort_by(|a, b| a.network.cmp(&b.network));
    let row = |network: &str, earthquakes, strongest| networks::NetworksRow {
        network: network.to_owned(),
        earthquakes,
        strongest,
    };
    assert_eq!(rows, [row("ci", 1, None), row("us", 2, Some(6.4))]);
}
