//! A REST API of made-up orders to measure with: prints its address, and stops at the end of its
//! input. `test-api 1000000` serves so many.

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::records::Records;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args().nth(1).ok_or("say how many orders: `test-api 1000000`")?;
    let orders = Collection::new(Records::Orders(count.parse()?), Pagination::limit_offset());
    let api = Api::serve(orders);
    println!("{}", api.url());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}
