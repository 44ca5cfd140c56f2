//! The examples do what the README says: every earthquake arrives, as an independent reading of the
//! recording has it.

use std::collections::BTreeMap;
use std::process::Command;

use apitap_tests::process::{Project, binary, finish};
use apitap_tests::readme::root;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::runs::{LIMIT, postgres, postgres_database, postgres_do, sqlite_file};

/// What the recording says, by column of the table, read with serde_json alone.
fn recording() -> BTreeMap<String, Value> {
    let path = root().join("examples/quickstart/data/usgs_all_week_2018-02.geojson");
    let text = std::fs::read(&path).expect("the recording is there");
    let recording: Value = serde_json::from_slice(&text).expect("it is JSON");
    let features = recording["features"].as_array().expect("it has features");
    features.iter().map(|feature| (string(&feature["id"]), columns(feature))).collect()
}

fn columns(feature: &Value) -> Value {
    let properties = &feature["properties"];
    let position = &feature["geometry"]["coordinates"];
    json!({
        "id": feature["id"],
        "magnitude": float(&properties["mag"]),
        "magnitude_type": properties["magType"],
        "place": properties["place"],
        "time": properties["time"],
        "updated": properties["updated"],
        "utc_offset_minutes": properties["tz"],
        "url": properties["url"],
        "detail": properties["detail"],
        "felt": properties["felt"],
        "cdi": float(&properties["cdi"]),
        "mmi": float(&properties["mmi"]),
        "alert": properties["alert"],
        "status": properties["status"],
        "tsunami": properties["tsunami"] == 1,
        "significance": properties["sig"],
        "network": properties["net"],
        "code": properties["code"],
        "ids": properties["ids"],
        "sources": properties["sources"],
        "types": properties["types"],
        "stations": properties["nst"],
        "distance_degrees": float(&properties["dmin"]),
        "rms_seconds": float(&properties["rms"]),
        "gap_degrees": float(&properties["gap"]),
        "type": properties["type"],
        "title": properties["title"],
        "longitude": float(&position[0]),
        "latitude": float(&position[1]),
        "depth_km": float(&position[2]),
    })
}

fn string(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

/// JSON has one kind of number: 2 and 2.0 are the same magnitude.
fn float(value: &Value) -> Value {
    value.as_f64().map_or(Value::Null, Value::from)
}

const COLUMNS: [&str; 30] = [
    "id",
    "magnitude",
    "magnitude_type",
    "place",
    "time",
    "updated",
    "utc_offset_minutes",
    "url",
    "detail",
    "felt",
    "cdi",
    "mmi",
    "alert",
    "status",
    "tsunami",
    "significance",
    "network",
    "code",
    "ids",
    "sources",
    "types",
    "stations",
    "distance_degrees",
    "rms_seconds",
    "gap_degrees",
    "type",
    "title",
    "longitude",
    "latitude",
    "depth_km",
];

const FLOATS: [&str; 9] = [
    "magnitude",
    "cdi",
    "mmi",
    "distance_degrees",
    "rms_seconds",
    "gap_degrees",
    "longitude",
    "latitude",
    "depth_km",
];

/// Compares field by field, then the checksums of both as a whole.
fn assert_equals_recording(rows: Vec<Value>) {
    let loaded: BTreeMap<_, _> = rows
        .into_iter()
        .map(|mut row| {
            for column in FLOATS {
                row[column] = float(&row[column]);
            }
            (string(&row["id"]), row)
        })
        .collect();
    let expected = recording();
    assert_eq!(expected.len(), 1707);
    for (id, expected) in &expected {
        assert_eq!(loaded.get(id), Some(expected), "earthquake {id}");
    }
    let checksum = |rows: &BTreeMap<String, Value>| {
        Sha256::digest(serde_json::to_vec(rows).expect("values are JSON"))
    };
    assert_eq!(checksum(&loaded), checksum(&expected));
}

#[test]
fn the_quickstart_loads_every_earthquake_field_by_field() {
    let folder = Project::new([]);
    let database = folder.path().join("quakes.db");
    for _ in 0..2 {
        let mut quickstart = Command::new(binary("quickstart"));
        quickstart.current_dir(folder.path()).env_remove("USGS_URL").env_remove("QUAKES_DB");
        let finished = finish(&mut quickstart, LIMIT);
        assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
        assert!(finished.stdout.contains("6.4  2018-02-06T15:50:42.4"), "{}", finished.stdout);
        assert!(finished.stdout.contains("ci    386  strongest 3.0"), "{}", finished.stdout);
        let columns: Vec<_> = COLUMNS
            .iter()
            .map(|column| match *column {
                // Milliseconds, as the API says it.
                "time" | "updated" => format!(
                    "'{column}', CAST(round((julianday(\"{column}\") - 2440587.5) * 86400000) AS INTEGER)"
                ),
                "tsunami" => "'tsunami', json(iif(tsunami, 'true', 'false'))".to_owned(),
                column => format!("'{column}', \"{column}\""),
            })
            .collect();
        let sql = format!("SELECT json_object({}) FROM earthquakes", columns.join(", "));
        assert_equals_recording(sqlite_file(&database, &sql));
    }
}

#[test]
fn the_postgres_example_merges_what_it_loads_again() {
    let url = postgres_database();
    let run = || {
        let mut example = Command::new(binary("postgres-example"));
        let finished = finish(example.env("DATABASE_URL", &url).env_remove("USGS_URL"), LIMIT);
        assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
        assert!(finished.stdout.contains("1,707"), "{}", finished.stdout);
    };
    let rows = || {
        let columns: Vec<_> = COLUMNS
            .iter()
            .map(|column| match *column {
                "time" | "updated" => {
                    format!(
                        "CAST(extract(epoch FROM \"{column}\") * 1000 AS bigint) AS \"{column}\""
                    )
                }
                column => format!("\"{column}\""),
            })
            .collect();
        postgres(&url, &format!("SELECT {} FROM earthquakes", columns.join(", ")))
    };
    run();
    assert_equals_recording(rows());
    // What has changed since is made right by the next run, and what is there stays once.
    postgres_do(
        &url,
        "UPDATE earthquakes SET magnitude = -1, place = NULL WHERE network = 'ci'; \
         DELETE FROM earthquakes WHERE network = 'ak'",
    );
    run();
    assert_equals_recording(rows());
}
