//! How fast targets take rows that are ready, beside the fastest way that each of them has.
//!
//! ```sh
//! cargo bench -p apitap-tests --bench targets                        # all
//! cargo bench -p apitap-tests --bench targets -- parquet 2000000     # rows
//! cargo bench -p apitap-tests --bench targets -- postgres 1000000
//! cargo bench -p apitap-tests --bench targets -- mariadb 1000000
//! cargo bench -p apitap-tests --bench targets -- sqlite 1000000
//! cargo bench -p apitap-tests --bench targets -- open 10 1000        # commits
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod databases;
mod files;
mod orders;

fn main() {
    let arguments: Vec<_> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let numbers: Vec<usize> =
        arguments.iter().skip(1).filter_map(|word| word.parse().ok()).collect();
    let rows = numbers.first().copied().unwrap_or(1_000_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match arguments.first().map(String::as_str) {
            Some("parquet") => files::write(rows).await,
            Some("open") => files::open(&numbers).await,
            Some("postgres") => databases::postgres(rows).await,
            Some("mariadb") => databases::mariadb(rows).await,
            Some("sqlite") => databases::sqlite(rows).await,
            _ => {
                files::write(rows).await;
                files::open(&[10, 1_000, 5_000]).await;
                databases::postgres(rows).await;
                databases::mariadb(rows).await;
                databases::sqlite(rows).await;
            }
        }
    });
}
