//! The files that show a source's records → its schema, and whether its paths lead anywhere there.
//!
//! The files have been read before; what JSON Schema, OpenAPI and samples say is known to
//! [`crate::schema`].

use std::collections::BTreeMap;

use crate::diagnostic::{FileId, Files, Finding, Findings, Place, Spanned};
use crate::keys::pagination::PaginationSpec;
use crate::keys::schema::FieldsSpec;
use crate::pointer::Pointer;
use crate::schema::documents::Documents;
use crate::schema::keywords::{Places, Reader};
use crate::schema::{Schema, openapi};
use crate::spec::{Project, SourceSpec};

mod kinds;
mod overlay;
mod pages;

/// What was read of a source's schema.
struct Found {
    schema: Schema,
    places: Places,
    /// Where the fields are declared.
    declared: Place,
}

/// Gives the sources whose schemas files show those schemas; what is wrong is a finding.
pub(super) fn resolve(files: &Files, project: &mut Project, findings: &mut Findings) {
    let mut known = Known { files, documents: BTreeMap::new(), findings };
    for mut source in std::mem::take(&mut project.sources) {
        let Some(files) = source.files().cloned() else {
            project.sources.push(source);
            continue;
        };
        let found = if let Some(names) = &files.sample.value {
            known.sample(&source, names)
        } else if let Some(name) = &files.json_schema.value {
            known.json_schema(&Spanned::new(name.clone(), files.json_schema.place.clone()))
        } else if let Some(openapi) = &files.openapi.value {
            known.openapi(&source, &openapi.file, &openapi.operation)
        } else {
            None
        };
        let Some(mut found) = found else {
            project.broken_sources.add(Some(source.table.name.value));
            continue;
        };
        if let Some(fields) = &files.fields.value {
            overlay::declare(fields, &mut found.schema, &mut found.places, known.findings);
        }
        let fields = FieldsSpec { schema: found.schema, places: found.places };
        source.table.declared = Some(Spanned::new(fields, found.declared));
        project.sources.push(source);
    }
}

struct Known<'a> {
    files: &'a Files,
    /// Documents that several sources name are parsed once; `None` where they cannot be.
    documents: BTreeMap<FileId, Option<Documents>>,
    findings: &'a mut Findings,
}

/// The path to the next cursor or URL in a page, and the key that says it.
fn next_path(source: &SourceSpec) -> Option<(&'static str, &Pointer, &Place)> {
    match &source.request.pagination.value {
        PaginationSpec::Cursor(cursor) => {
            let Spanned { value, place } = &cursor.cursor_path;
            Some(("cursor_path", value.as_ref()?, place))
        }
        PaginationSpec::NextUrl(next) => Some(("path", &next.path.value, &next.path.place)),
        _ => None,
    }
}

/// Where the records are, and the place that says so: that of the file, where nothing does.
fn data_path<'a>(source: &'a SourceSpec, file: &'a Spanned<String>) -> (&'a Pointer, &'a Place) {
    let path = &source.request.data_path;
    let written = path.value != Pointer::default();
    (&path.value, if written { &path.place } else { &file.place })
}

impl Known<'_> {
    /// A file that was named; that it cannot be read was said when it was loaded.
    fn file(&self, name: &Spanned<String>) -> Option<FileId> {
        let Place::Text { file, .. } = name.place else { return None };
        self.files.find(&self.files.beside(file, &name.value))
    }

    fn document(&mut self, name: &Spanned<String>) -> Option<&Documents> {
        let file = self.file(name)?;
        let (files, findings) = (self.files, &mut *self.findings);
        self.documents
            .entry(file)
            .or_insert_with(|| Documents::parse(files, file, findings))
            .as_ref()
    }

    fn sample(&mut self, source: &SourceSpec, names: &[Spanned<String>]) -> Option<Found> {
        let mut pages = pages::Pages::new(source);
        let before = self.findings.0.len();
        for name in names {
            let file = self.file(name)?;
            let text = &self.files.get(file).text;
            let read = pages.read(file, text, name, &self.files.get(file).name);
            self.findings.extend(read.err().map(|finding| *finding));
        }
        if self.findings.0.len() > before {
            return None;
        }
        let place = names.first().map(|name| &name.place)?;
        pages.finish(place, self.findings)
    }

    fn json_schema(&mut self, name: &Spanned<String>) -> Option<Found> {
        let (found, unknown) = {
            let documents = self.document(name)?;
            let (references, root) = (documents.references(), documents.root()?);
            let reader = Reader::new(&references);
            let unknown = kinds::unknown(root.node);
            let declared = reader.view(root).map(|view| openapi::start(&view, root));
            let record = match reader.view(root) {
                Ok(view) if view.is_list() => view.items.unwrap_or(root),
                _ => root,
            };
            let found = reader
                .record(record)
                .and_then(|(schema, places)| Ok(Found { schema, places, declared: declared? }));
            (found, unknown)
        };
        for finding in unknown {
            self.report_once(finding);
        }
        self.or_report(found, name)
    }

    fn openapi(
        &mut self,
        source: &SourceSpec,
        file: &Spanned<String>,
        operation: &Spanned<String>,
    ) -> Option<Found> {
        let found = {
            let documents = self.document(file)?;
            of_operation(documents, source, operation)
        };
        self.or_report(found, file)
    }

    /// Reports what is wrong in a file together with who names that file.
    fn or_report(
        &mut self,
        found: Result<Found, Box<Finding>>,
        name: &Spanned<String>,
    ) -> Option<Found> {
        match found {
            Ok(found) => Some(found),
            Err(finding) => {
                let elsewhere = match (&finding.place, &name.place) {
                    (Place::Text { file: one, .. }, Place::Text { file: other, .. }) => {
                        one != other
                    }
                    _ => false,
                };
                let finding = match elsewhere {
                    true => finding.related(&name.place, "the file is named here"),
                    false => *finding,
                };
                self.report_once(finding);
                None
            }
        }
    }

    /// Several sources that stumble over one thing say so once.
    fn report_once(&mut self, finding: Finding) {
        let is_it = |known: &Finding| (known.code, &known.place) == (finding.code, &finding.place);
        if !self.findings.0.iter().any(is_it) {
            self.findings.push(finding);
        }
    }
}

fn of_operation(
    documents: &Documents,
    source: &SourceSpec,
    name: &Spanned<String>,
) -> Result<Found, Box<Finding>> {
    let references = documents.references();
    let operations = openapi::list(documents, &references)?;
    let operation = openapi::find(&operations, &name.value, &name.place)?;
    let body = openapi::body(&references, operation, &name.place)?;
    let (data_path, place) = data_path(source, name);
    let keyed = source.request.key_as.value.is_some();
    let record = openapi::record(&references, body, data_path, keyed, place)?;
    let reader = Reader::new(&references);
    if let Some((key, path, place)) = next_path(source) {
        openapi::next(&reader, body, key, path, place)?;
    }
    let declared = openapi::start(&reader.view(record)?, record);
    let (schema, places) = reader.record(record)?;
    Ok(Found { schema, places, declared })
}
