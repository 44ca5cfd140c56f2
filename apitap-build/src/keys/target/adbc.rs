//! `type: adbc`.

use super::Connects;
use crate::codes;
use crate::definition::{AdbcDialect, Connection, Driver, DriverOptions, Folder, Template};
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::keys::declare::{Info, KeyType, Printed, Shape, keys};
use crate::keys::mapping::{written_twice, wrong_kind};
use crate::keys::pairs::named_text;
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
        let options = DriverOptions::default();
        let driver = match connection.clone() {
            Connection::Driver(driver) => driver,
            Connection::Url(driver)
            | Connection::Parts { database: driver, .. }
            | Connection::Folder(Folder { path: driver, .. }) => {
                Driver { driver, entrypoint: None, options }
            }
        };
        let Driver { driver, entrypoint, options } = driver;
        Self { dialect: AdbcDialect::Duckdb, driver, entrypoint, options }
    }
}

impl KeyType for DriverOptions {
    type Spec = Vec<(Spanned<String>, Spanned<Template>)>;

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self::Spec> {
        let before = findings.errors();
        let Value::Map(entries) = &node.value else {
            let what = format!("`{}`", info.name);
            findings.push(wrong_kind(&what, "a mapping of names to values", node));
            return None;
        };
        let mut options = Self::Spec::new();
        for (index, (name, node)) in entries.iter().enumerate() {
            let mut earlier = entries.iter().take(index);
            if let Some((first, _)) = earlier.find(|(other, _)| other.value == name.value) {
                findings.push(written_twice(name, first));
                continue;
            }
            if let Some(option) = named_text(name.clone(), node, rules::template, findings) {
                let text = Spanned::new(option.1.value.0.clone(), option.1.place.clone());
                secrets::in_address(&text, findings);
                options.push(option);
            }
        }
        (findings.errors() == before).then_some(options)
    }

    fn plain(spec: &Self::Spec) -> Self {
        let plain = |(name, value): &(Spanned<String>, Spanned<Template>)| {
            (name.value.clone(), value.value.clone())
        };
        Self(spec.iter().map(plain).collect())
    }

    fn at(self, place: &Place) -> Self::Spec {
        let at =
            |(name, value)| (Spanned::new(name, place.clone()), Spanned::new(value, place.clone()));
        self.0.into_iter().map(at).collect()
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
