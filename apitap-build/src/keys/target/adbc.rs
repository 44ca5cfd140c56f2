//! `type: adbc`.

use super::Connects;
use crate::codes;
use crate::definition::{AdbcDialect, Connection, Driver, DriverOptions, Template};
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::keys::declare::{Info, KeyType, Printed, Shape, keys};
use crate::keys::mapping::wrong_kind;
use crate::keys::pairs::{Pairs, PairsSpec, named_texts};
use crate::keys::rules;
use crate::spec::secrets;
use crate::tree::{Node, Value};

keys! {
    /// A database for which there is an ADBC driver: a shared library, which is loaded when a run begins.
    pub struct Adbc, spec AdbcSpec, kind "adbc" {
        /// Which SQL the database speaks: what a load promises follows from it.
        dialect: AdbcDialect = required("duckdb"),
        /// The driver: the path of its library or manifest, or the name by which it was installed.
        driver: Template = required("${ADBC_DRIVER}")
            .filled()
            .example("/opt/adbc/libduckdb.so")
            .example("postgresql"),
        /// The function that makes the driver, where its library or manifest does not say so by its name.
        entrypoint: Option<String> = optional().filled().rule(symbol).example("AdbcDriverInit"),
        /// What the driver is told: names of its own, and values.
        options: DriverOptions = default(DriverOptions::default())
            .example("{path: \"${SHOP_DB:-shop.duckdb}\"}")
            .example("{uri: \"${DATABASE_URL}\"}"),
    }
}

/// The name of a function of C.
fn symbol(name: &Spanned<String>, findings: &mut Findings) -> bool {
    let is_symbol = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.value.chars().all(is_symbol) && !name.value.starts_with(|c: char| c.is_ascii_digit()) {
        return true;
    }
    let message = format!("`{}` is not the name of a function of a library", name.value);
    findings.push(
        Finding::error(codes::INVALID_VALUE, message, &name.place)
            .help("write it as the driver's documentation does: `AdbcDriverInit`"),
    );
    false
}

impl Connects for Adbc {
    fn connection(self) -> Option<Connection> {
        let Self { driver, entrypoint, options, .. } = self;
        Some(Connection::Driver(Driver { driver, entrypoint, options }))
    }

    fn of(connection: &Connection) -> Self {
        let driver = match connection {
            Connection::Driver(driver) => driver.clone(),
            other => {
                let (driver, options) = (other.place().clone(), DriverOptions::default());
                Driver { driver, entrypoint: None, options }
            }
        };
        let Driver { driver, entrypoint, options } = driver;
        Self { dialect: AdbcDialect::Duckdb, driver, entrypoint, options }
    }
}

impl KeyType for DriverOptions {
    type Spec = PairsSpec;

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<PairsSpec> {
        let before = findings.errors();
        let Value::Map(entries) = &node.value else {
            let what = format!("`{}`", info.name);
            findings.push(wrong_kind(&what, "a mapping of names to values", node));
            return None;
        };
        let options = named_texts(entries, option, findings);
        (findings.errors() == before).then_some(options)
    }

    fn plain(spec: &PairsSpec) -> Self {
        Self(Pairs::plain(spec).0)
    }

    fn at(self, place: &Place) -> PairsSpec {
        Pairs(self.0).at(place)
    }

    fn print(&self, _: &Info) -> Printed {
        if self.0.is_empty() {
            return Printed::Nothing;
        }
        let option =
            |(name, value): &(String, Template)| (name.clone(), Printed::Text(value.0.clone()));
        Printed::Map(self.0.iter().map(option).collect())
    }

    fn shape(_: &Info) -> Shape {
        Shape::Named(Box::new(Shape::Template))
    }
}

/// The value of an option, which may be the address of a database.
fn option(written: Spanned<String>, findings: &mut Findings) -> Option<Template> {
    let template = rules::template(written.clone(), findings)?;
    secrets::in_address(&written, findings);
    Some(template)
}
