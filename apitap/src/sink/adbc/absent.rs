//! A target behind a driver, in a program that was built without ADBC.

use async_trait::async_trait;

use super::settings::Settings;
use crate::definition::{AdbcDialect, Capabilities, TargetKind};
use crate::engine::limits::Limits;
use crate::sink::contract::{Session, Target};
use crate::sink::load::Load;
use crate::{Error, Result};

/// Says so when it is opened.
#[derive(Debug)]
pub(super) struct Absent {
    dialect: AdbcDialect,
    address: String,
}

impl Absent {
    pub(super) fn new(dialect: AdbcDialect, settings: &Settings) -> Self {
        Self { dialect, address: settings.address() }
    }
}

#[async_trait]
impl Target for Absent {
    fn capabilities(&self) -> &'static Capabilities {
        TargetKind::Adbc(self.dialect).capabilities()
    }

    fn address(&self) -> String {
        self.address.clone()
    }

    async fn open(&self, _load: Load, _limits: &Limits) -> Result<Box<dyn Session>> {
        Err(Error::config("this program was built without ADBC").help(
            "build it with the feature: `apitap = { …, features = [\"adbc\"] }` in Cargo.toml, or `cargo \
             install apitap --features adbc`",
        ))
    }
}
