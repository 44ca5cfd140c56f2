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
    #[derive(Debug, PartialEq)]
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

#[cfg(test)]
mod tests {
    use super::networks::{Earthquake, Network, Properties, transform};

    #[test]
    fn earthquakes_are_counted_by_network() {
        let earthquake =
            |net: &str, mag| Earthquake { properties: Properties { net: net.to_owned(), mag } };
        let rows = apitap::block_on(transform([
            earthquake("us", Some(4.5)),
            earthquake("ak", None),
            earthquake("us", Some(6.4)),
        ]));
        let mut rows = rows.expect("the query works");
        rows.sort_by(|a, b| a.network.cmp(&b.network));
        let network = |name: &str, earthquakes, strongest| Network {
            network: name.to_owned(),
            earthquakes,
            strongest,
        };
        assert_eq!(rows, [network("ak", 1, None), network("us", 2, Some(6.4))]);
    }
}
