//! A pipeline of the program: its definition, and the decoders that were generated for its sources.
//!
//! Code that `#[apitap::pipeline]` generates makes one as a constant; the `apitap` command makes one
//! from a definition that it has just checked, whose records are decoded by [`dynamic`] columns.

use std::sync::{Arc, OnceLock};

use apitap_build::definition::{Definition, Function, Source, Transform};
use apitap_build::engine;
use datafusion::logical_expr::ScalarUDF;

use crate::function::{self, Call};
use crate::map::MapCall;
use crate::source::custom::RustType;
use crate::source::decode::{Decoder, dynamic};
use crate::{Error, Result};

/// Makes a decoder for the records of one source.
pub type MakeDecoder = fn() -> Box<dyn Decoder>;

/// A pipeline that can run: see [`crate::run`].
#[derive(Debug)]
pub struct Pipeline {
    name: std::borrow::Cow<'static, str>,
    json: &'static str,
    definition: OnceLock<Result<Arc<Definition>>>,
    linked: Linked,
}

/// What of a pipeline is Rust, generated or the user's: in the program from its start to its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Linked {
    decoders: &'static [(&'static str, MakeDecoder)],
    functions: &'static [(&'static str, Call)],
    /// The Rust types that its sources may name.
    pub(crate) types: &'static [RustType],
    map: Option<MapCall>,
}

impl Linked {
    const NOTHING: Self = Self { decoders: &[], functions: &[], types: &[], map: None };
}

impl Pipeline {
    /// What generated code calls: the definition as JSON, and a decoder for each source by name.
    #[doc(hidden)]
    pub const fn new(
        name: &'static str,
        json: &'static str,
        decoders: &'static [(&'static str, MakeDecoder)],
    ) -> Self {
        let name = std::borrow::Cow::Borrowed(name);
        let linked = Linked { decoders, ..Linked::NOTHING };
        Self { name, json, definition: OnceLock::new(), linked }
    }

    /// The same with the Rust functions that its query calls, by name.
    #[doc(hidden)]
    #[must_use]
    pub const fn functions(mut self, functions: &'static [(&'static str, Call)]) -> Self {
        self.linked.functions = functions;
        self
    }

    /// A pipeline whose records are decoded by what the definition says, without generated code.
    pub fn from_definition(definition: Definition) -> Self {
        let name = definition.name.clone().into();
        let definition = OnceLock::from(Ok(Arc::new(definition)));
        Self { name, json: "", definition, linked: Linked::NOTHING }
    }

    /// The same with the Rust types that its sources name.
    #[doc(hidden)]
    #[must_use]
    pub const fn types(mut self, types: &'static [RustType]) -> Self {
        self.linked.types = types;
        self
    }

    /// The same with a Rust function in place of its query.
    #[doc(hidden)]
    #[must_use]
    pub const fn map(mut self, map: MapCall) -> Self {
        self.linked.map = Some(map);
        self
    }

    /// Its name, unique in the program.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is made of.
    ///
    /// # Errors
    /// The definition was written by an `apitap-macros` of another version.
    pub fn definition(&self) -> Result<&Definition> {
        self.parsed().map(|definition| &**definition)
    }

    /// The same, for tasks that outlive the pipeline.
    pub(crate) fn shared_definition(&self) -> Result<Arc<Definition>> {
        self.parsed().map(Arc::clone)
    }

    fn parsed(&self) -> Result<&Arc<Definition>> {
        let parsed = self.definition.get_or_init(|| {
            serde_json::from_str(self.json).map(Arc::new).map_err(|error| {
                Error::config("the definition in this program cannot be read")
                    .in_pipeline(&self.name)
                    .caused_by(error)
                    .help("build it with `apitap` and `apitap-build` of one version")
            })
        });
        parsed.as_ref().map_err(Error::clone)
    }

    /// What of it is Rust.
    ///
    /// # Errors
    /// A config error that names what is not in this program.
    pub(crate) fn linked(&self) -> Result<Linked> {
        let checked = self.linked.check(self.definition()?);
        checked.map(|()| self.linked).map_err(|error| error.in_pipeline(&self.name))
    }
}

impl Linked {
    /// What makes its rows in place of a query.
    ///
    /// # Errors
    /// It is not in this program.
    pub(crate) fn mapping(&self, name: &str) -> Result<MapCall> {
        self.map.ok_or_else(|| not_here(&format!("the map `{name}`")))
    }

    /// What the engine calls for the Rust functions of a definition.
    ///
    /// # Errors
    /// One of them is not in this program.
    pub(crate) fn bodies(&self, definition: &Definition) -> Result<Vec<ScalarUDF>> {
        let one = |function: &Function| {
            let call = self.functions.iter().find(|(name, _)| *name == function.name);
            match call {
                Some((_, call)) => {
                    Ok(engine::function(function, Some(function::body(function, *call))))
                }
                None => Err(not_here(&format!("the function `{}`", function.name))),
            }
        };
        definition.functions.iter().map(one).collect()
    }

    fn check(&self, definition: &Definition) -> Result<()> {
        let types = definition.requested().flat_map(Source::rust_types);
        let missing = types.into_iter().find(|(role, custom)| {
            !self.types.iter().any(|ty| ty.path == custom.path && ty.role() == *role)
        });
        let types = missing
            .map_or(Ok(()), |(_, custom)| Err(not_here(&format!("the type `{}`", custom.path))));
        let mapping = match &definition.transform {
            Transform::Map(map) => self.mapping(&map.name).map(drop),
            Transform::Sql(_) => Ok(()),
        };
        types.and(mapping).and_then(|()| self.bodies(definition).map(drop))
    }

    /// Makes decoders for one of its sources.
    pub(crate) fn decoder(
        &self,
        source: &Source,
    ) -> Result<Box<dyn Fn() -> Box<dyn Decoder> + Send + Sync>> {
        if let Some((_, make)) = self.decoders.iter().find(|(name, _)| *name == source.name) {
            return Ok(Box::new(make));
        }
        let Some((read, declared)) = source.decoded_schema().zip(source.schema.clone()) else {
            return Err(Error::config(format!("the fields of `{}` are not known", source.name)));
        };
        let policy = source.decoded_policy();
        Ok(Box::new(move || dynamic::watching(&read, &declared, policy)))
    }
}

/// The `apitap` command reads files: what is written in Rust is in a compiled program only.
pub(crate) fn not_here(what: &str) -> Error {
    Error::config(format!("{what} is written in Rust, and is not in this program"))
        .help("compile the project and run that: `cargo run`; other pipelines can be run by name")
}
