//! A pipeline of the program: its definition, and the decoders that were generated for its sources.
//!
//! Code that `#[apitap::pipeline]` generates makes one as a constant; the `apitap` command makes one
//! from a definition that it has just checked, whose records are decoded by [`dynamic`] columns.

use std::sync::OnceLock;

use apitap_build::definition::{Definition, Source};

use crate::source::decode::{Decoder, dynamic};
use crate::{Error, Result};

/// Makes a decoder for the records of one source.
pub type MakeDecoder = fn() -> Box<dyn Decoder>;

/// A pipeline that can run: see [`crate::run`].
#[derive(Debug)]
pub struct Pipeline {
    name: std::borrow::Cow<'static, str>,
    json: &'static str,
    definition: OnceLock<Result<Definition>>,
    decoders: &'static [(&'static str, MakeDecoder)],
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
        Self { name, json, definition: OnceLock::new(), decoders }
    }

    /// A pipeline whose records are decoded by what the definition says, without generated code.
    pub fn from_definition(definition: Definition) -> Self {
        let name = definition.name.clone().into();
        Self { name, json: "", definition: OnceLock::from(Ok(definition)), decoders: &[] }
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
        let parsed = self.definition.get_or_init(|| {
            serde_json::from_str(self.json).map_err(|error| {
                Error::config("the definition in this program cannot be read")
                    .in_pipeline(&self.name)
                    .caused_by(error)
                    .help("build it with `apitap` and `apitap-build` of one version")
            })
        });
        parsed.as_ref().map_err(Error::clone)
    }

    /// Makes decoders for one of its sources.
    pub(crate) fn decoder(
        &self,
        source: &Source,
    ) -> Result<Box<dyn Fn() -> Box<dyn Decoder> + Send + Sync>> {
        if let Some((_, make)) = self.decoders.iter().find(|(name, _)| *name == source.name) {
            return Ok(Box::new(make));
        }
        let Some(schema) = source.schema.clone() else {
            return Err(Error::config(format!("the fields of `{}` are not known", source.name)));
        };
        let reads = source.reads.clone();
        Ok(Box::new(move || dynamic::decoder(&schema, &reads)))
    }
}
