//! Random queries over random records have the rows that PostgreSQL has for them.
//!
//! `QUERIES=5000 SEED=7 cargo test -p apitap-tests --test promises differential -- --nocapture` tries
//! more of them, and prints what it has seen.

use std::collections::BTreeMap;

use apitap_tests::random::Random;

use self::engine::Answer;
use self::query::Writer;
use self::tables::Values;
use super::runs::number;

mod engine;
mod everyday;
mod postgres;
mod query;
mod tables;

/// How many are tried where nobody says otherwise.
const QUERIES: usize = 200;
/// What they are made with.
const SEED: u64 = 20_261_127;
/// Queries over the same records.
const OVER_ONE: usize = 20;

/// What has been seen.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, what: impl Into<String>) {
        *self.counts.entry(what.into()).or_default() += 1;
    }

    fn count(&self, what: &str) -> usize {
        self.counts.get(what).copied().unwrap_or_default()
    }

    /// Prints all of it, and fails where something is wrong.
    #[track_caller]
    fn end(&self) {
        println!("{:#?}", self.counts);
        let wrong = &self.wrong;
        assert!(wrong.is_empty(), "{} are wrong:\n\n{}", wrong.len(), wrong.join("\n\n"));
    }
}

#[test]
fn a_query_has_the_rows_that_postgresql_has() {
    let (seed, queries) = (number("SEED", SEED), number("QUERIES", QUERIES));
    let mut tally = Tally::default();
    let mut server = postgres::Server::start();
    for round in 0..queries.div_ceil(OVER_ONE) {
        let mut random = Random::new(seed.wrapping_add(round as u64));
        let tables = tables::random(&mut random, Values::Common);
        server.create(&tables);
        for _ in 0..OVER_ONE {
            let query = Writer::new(&mut random, &tables, false).query();
            let theirs = server.rows(&query);
            let said = |what: &str, ours: &dyn std::fmt::Debug| {
                let data = tables::script(&tables);
                format!(
                    "-- {what}, seed {}\n{data}{};\napitap:     {ours:?}\npostgresql: {theirs:?}",
                    seed + round as u64,
                    query.sql
                )
            };
            match (engine::answer(&tables, &query.sql), &theirs) {
                (_, Err(postgres::Error::Refused(why))) => {
                    tally.add("refused by postgresql");
                    println!("{why}: {}", query.sql);
                }
                (Answer::Refused(code), _) => tally.add(format!("refused by the check: {code}")),
                (Answer::Failed { why, .. }, Err(postgres::Error::Failed(theirs))) => {
                    tally.add("failed");
                    println!("{why}, {theirs}: {}", query.sql);
                }
                (Answer::Rows(ours), Ok(theirs)) if ours == *theirs => tally.add("same"),
                (Answer::Rows(ours), _) => tally.wrong.push(said("other rows", &ours)),
                (Answer::Failed { why, .. }, _) => tally.wrong.push(said("failed", &why)),
                (Answer::Broken(why), _) => tally.wrong.push(said("broken", &why)),
            }
        }
    }
    let tried = tally.counts.values().sum::<usize>() + tally.wrong.len();
    println!("{tried} queries");
    tally.end();
    assert!(tally.count("same") * 10 > tried * 6, "most of them are to be run");
}

#[test]
fn an_expression_that_fails_was_named_by_the_check() {
    let (seed, queries) = (number("SEED", SEED) + 1_000_000, number("QUERIES", QUERIES));
    let mut tally = Tally::default();
    for round in 0..queries.div_ceil(OVER_ONE) {
        let mut random = Random::new(seed.wrapping_add(round as u64));
        let tables = tables::random(&mut random, Values::Extreme);
        for _ in 0..OVER_ONE {
            let query = Writer::new(&mut random, &tables, true).query();
            match engine::answer(&tables, &query.sql) {
                Answer::Rows(_) => tally.add("rows"),
                Answer::Refused(code) => tally.add(format!("refused by the check: {code}")),
                Answer::Failed { named: true, .. } => tally.add("failed where it was named"),
                Answer::Failed { why, .. } | Answer::Broken(why) => {
                    tally.wrong.push(format!("{why}\n{}{}", tables::script(&tables), query.sql));
                }
            }
        }
    }
    tally.end();
    assert!(tally.count("failed where it was named") > 0, "some of them fail");
}
