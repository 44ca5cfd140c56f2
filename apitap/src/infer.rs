//! The records of a source without a schema → its schema, and the query checked against it.
//!
//! It takes the compiler, which the program of a project need not contain.

use apitap_build::definition::Definition;
use apitap_build::schema::Schema;
#[cfg(feature = "cli")]
use apitap_build::{check, diagnostic::Files, render, schema::inference::Inference, shown::shown};
#[cfg(feature = "cli")]
use futures::StreamExt as _;

use crate::source::spool::Pages;
use crate::{Error, Result};

/// The schema of all records; tells the user how to write it down.
#[cfg(feature = "cli")]
pub(crate) async fn schema(source: &str, mut pages: Pages) -> Result<Schema> {
    let mut inference = Inference::default();
    while let Some(page) = pages.next().await {
        let page = page?;
        let mut number = 0;
        let mut segments = page.segments();
        while let Some(segment) = segments.next().await? {
            for (record, _) in segment.records() {
                number += 1;
                inference.observe(record.as_bytes()).map_err(|cause| {
                    Error::data("this record cannot be read")
                        .caused_by(cause)
                        .in_request(&page.request)
                        .at_record(number)
                })?;
            }
        }
    }
    let schema = inference.schema();
    if schema.fields.is_empty() {
        return Err(Error::data(format!("`{source}` has no records to infer a schema from"))
            .help("declare its fields in the YAML file: `schema: {id: int64!, …}`"));
    }
    for path in inference.mixed() {
        let path = shown(&path);
        tracing::warn!("`{path}` of `{source}` has values of several kinds: it is kept as json");
    }
    let yaml = inference.yaml().replace('\n', "\n      ");
    tracing::warn!(
        "the schema of `{source}` is inferred from this run's records; to have it checked before \
         a run, write it down:\n    schema:\n      {yaml}"
    );
    Ok(schema)
}

/// Checks the query of a definition whose schemas were found out during the run.
///
/// # Errors
/// A config error with all findings.
#[cfg(feature = "cli")]
pub(crate) fn complete(definition: &mut Definition) -> Result<()> {
    let mut files = Files::default();
    check::complete(definition, &mut files).map_err(|findings| {
        let texts: Vec<_> =
            findings.iter().map(|finding| render::render(&files, finding)).collect();
        Error::config("the query does not fit the records").details(&texts.join("\n\n"))
    })
}

/// There is no compiler that could check a query.
#[cfg(not(feature = "cli"))]
#[allow(clippy::unused_async)] // The same shape as with the compiler.
pub(crate) async fn schema(source: &str, _pages: Pages) -> Result<Schema> {
    Err(Error::config(format!("`{source}` is read without a schema"))
        .help("declare `schema:`, or build apitap with the feature `cli`"))
}

/// There is no compiler that could check a query.
#[cfg(not(feature = "cli"))]
pub(crate) fn complete(_definition: &mut Definition) -> Result<()> {
    Ok(())
}
