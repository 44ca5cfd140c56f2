//! What stands for Delta Lake in a program that was built without it: errors that say so.

use super::Files;
use crate::engine::limits::Limits;
use crate::sink::Load;
use crate::sink::contract::{Difference, Remembered, Session, StateChange};
use crate::{Error, Result};

fn absent<T>() -> Result<T> {
    Err(Error::config("this program was built without Delta Lake").help(
        "build it with the feature: `apitap = { …, features = [\"delta\"] }` in Cargo.toml, or `cargo \
         install apitap --features delta`",
    ))
}

pub(super) async fn open(_: &Files, _: Load, _: &Limits) -> Result<Box<dyn Session>> {
    absent()
}

pub(super) async fn differences(_: &Files, _: &Load) -> Result<Vec<Difference>> {
    absent()
}

pub(super) async fn remembered(_: &Files, _: &Load) -> Result<Vec<Remembered>> {
    absent()
}

pub(super) async fn correct(_: &Files, _: &Load, _: &StateChange) -> Result<()> {
    absent()
}
