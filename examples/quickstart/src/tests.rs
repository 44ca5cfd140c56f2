//! What the queries make of records, and what the recorded API says.

use apitap::Environment;
use quickstart::usgs::Usgs;

use super::earthquakes::{
    self, Earthquakes, EarthquakesGeometry, EarthquakesProperties, EarthquakesRow,
};

#[test]
fn an_earthquake_becomes_a_row() {
    let quake = Earthquakes {
        id: "us1000chhc".to_owned(),
        properties: EarthquakesProperties {
            mag: Some(6.4),
            time: 1_517_932_242_400,
            tsunami: 1,
            ..Default::default()
        },
        geometry: EarthquakesGeometry {
            coordinates: vec![121.65, 24.13, 17.0],
            ..Default::default()
        },
    };
    let rows = apitap::block_on(earthquakes::transform([quake])).expect("the query works");
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(row.id, "us1000chhc");
    assert_eq!(row.time.to_string(), "2018-02-06 15:50:42.400 UTC");
    assert!(row.tsunami);
    assert_eq!((row.magnitude, row.felt), (Some(6.4), None));
    assert_eq!(
        (row.longitude, row.latitude, row.depth_km),
        (Some(121.65), Some(24.13), Some(17.0))
    );
}

#[test]
fn rows_need_no_database() {
    let recording = Usgs::serve().expect("it serves");
    let environment = Environment::from_iter([("USGS_URL", recording.url())]);
    let rows = apitap::block_on(earthquakes::rows_in(environment).all()).expect("the API answers");
    assert_eq!(rows.len(), 1707);
    let magnitude = |row: &&EarthquakesRow| row.magnitude.unwrap_or(f64::MIN);
    let strongest = rows.iter().max_by(|a, b| magnitude(a).total_cmp(&magnitude(b)));
    assert_eq!(strongest.and_then(|row| row.place.as_deref()), Some("22km NNE of Hualian, Taiwan"));
}
