//! The same API, as a pipeline written in Rust.

/// How many earthquakes each network has reported.
#[apitap::pipeline]
pub mod networks {
    /// An earthquake: only what this query reads.
    #[source(
        name = "earthquakes",
        url = "${USGS_URL}/fdsnws/event/1/query",
        query_params(
            format = "geojson",
            starttime = "2018-01-31",
            endtime = "2018-02-08",
            orderby = "time-asc"
        ),
        data_path = "/features",
        pagination(
            kind = "limit_offset",
            limit_param = "limit",
            offset_param = "offset",
            limit = 500,
            first_offset = 1
        )
    )]
    pub struct Earthquake {
        pub properties: Properties,
    }
    pub struct Properties {
        pub net: String,
        pub mag: Option<f64>,
    }

    /// One row per network.
    #[target(
        type = "sqlite",
        path = "${QUAKES_DB:-quakes.db}",
        table = "networks",
        mode = "replace"
    )]
    #[sql(
        "SELECT properties.net AS network, count(*) AS earthquakes, max(properties.mag) AS strongest \
         FROM earthquakes GROUP BY properties.net"
    )]
    pub struct Network {
        pub network: String,
        pub earthquakes: i64,
        pub strongest: Option<f64>,
    }
}
