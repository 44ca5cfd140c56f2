//! The promises, kept by the real programs against real servers.
//!
//! One binary: each further one would link DataFusion once more. A group of promises is a module.

// What is around the `#[test]` functions is part of the tests too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod promises {
    mod adbc;
    mod apis;
    mod architecture;
    mod attribute;
    mod bounds;
    mod command;
    mod crates;
    mod custom;
    mod deadlocks;
    mod definitions;
    mod dependencies;
    mod differential;
    mod docs;
    mod drift;
    mod dropped;
    mod engine;
    mod evolution;
    mod failures;
    mod faults;
    mod files;
    mod filters;
    mod findings;
    mod for_each;
    mod harness;
    mod histories;
    mod hostile;
    mod incremental;
    mod interpreter;
    mod jobs;
    mod killed;
    mod limit;
    mod loads;
    mod many;
    mod map;
    mod mutants;
    mod mysql;
    mod new;
    mod newcomers;
    mod openapi;
    mod parents;
    mod postgres;
    mod public;
    mod quickstart;
    mod readers;
    mod readme;
    mod replaced;
    mod resume;
    mod roundtrips;
    mod rows;
    mod runs;
    mod sample;
    mod skipped;
    mod slices;
    mod slips;
    mod sqlite;
    mod state;
    mod stopped;
    mod subcommands;
    mod targets;
    mod tools;
    mod tunnels;
    mod values;
}
