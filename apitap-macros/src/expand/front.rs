//! The attribute of a module, and its structs and functions → checked definitions, and what is wrong.
//!
//! Knows nothing of the code that is written for them.

use std::collections::BTreeMap;

use apitap_build::check::partitions::Declares;
use apitap_build::check::{self, Checked, PipelineSpec, Policy, Schemas};
use apitap_build::codes;
use apitap_build::diagnostic::{Files, Finding, Findings, Place, SourceFile, Spanned};
use apitap_build::keys::schema::FieldsSpec;
use apitap_build::names;
use apitap_build::spec::{self, Apis, Broken, SourceSpec};
use apitap_build::tree::Value;
use proc_macro2::TokenStream;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

use super::{FOR_ALL, Names, Options, Pipeline};
use crate::attribute::{self, Spans};
use crate::custom::Named;
use crate::function::{self, RustFunction};
use crate::map::{self, RustMap};
use crate::module::{self, Module};
use crate::record::{self, FieldNames, Record, Records};
use crate::{row, taken};

/// Reads and checks; gathers what is wrong.
#[derive(Default)]
pub(super) struct Front {
    pub(super) files: Files,
    pub(super) spans: Spans,
    pub(super) findings: Findings,
    /// Files whose change must expand the macro again.
    pub(super) tracked: Vec<String>,
    /// What the queries may call.
    pub(super) functions: Vec<RustFunction>,
    /// The Rust types that the sources name.
    pub(super) named: Named,
    /// The names of functions that have findings.
    broken_functions: Vec<String>,
    /// What makes rows of records in place of a query.
    pub(super) maps: Vec<RustMap>,
    /// Some maps have findings: then which targets have one is not known.
    broken_maps: bool,
    /// The names of the structs' fields.
    pub(super) fields: FieldNames,
    /// The queries, by the row's struct.
    pub(super) queries: BTreeMap<String, String>,
    /// Whether an expression that can fail on some value is an error.
    strict: bool,
}

impl Front {
    /// Reads what the attribute says.
    pub(super) fn options(
        &mut self,
        attribute: TokenStream,
        options: &mut Options,
    ) -> syn::Result<()> {
        for (key, node) in attribute::bare_words(attribute, &mut self.spans)? {
            match (key.value.as_str(), node.value) {
                ("name", Value::String(name)) => options.name = name,
                ("crate", Value::String(path)) => options.krate = syn::parse_str(&path)?,
                ("broken", Value::Bool(broken)) => options.broken = broken,
                ("strict", Value::Bool(strict)) => options.strict = strict,
                (argument, _) => self.findings.push(
                    Finding::error(
                        codes::UNKNOWN_ARGUMENT,
                        format!("`pipeline` has no argument `{argument}`"),
                        &key.place,
                    )
                    .help("it has `name = \"…\"`, `strict`, and `crate = \"…\"` where apitap is renamed"),
                ),
            }
        }
        Ok(())
    }

    /// The pipelines of the module, as far as they are right.
    pub(super) fn pipelines(
        &mut self,
        module: &Module,
        options: &Options,
    ) -> syn::Result<Vec<Pipeline>> {
        self.strict = options.strict;
        let (sources, complete) = self.sources(module)?;
        self.functions(module)?;
        self.maps(module);
        let targets: Vec<_> = module.with("target").collect();
        if targets.is_empty() {
            let place = self.spans.place(module.outer.ident.span());
            self.findings.push(
                Finding::error(
                    codes::PIPELINE_WITHOUT_TARGET,
                    "the pipeline has no `#[target]`",
                    &place,
                )
                .help("write the struct of one row, with `#[target(…)]` and `#[sql(\"…\")]`"),
            );
        }
        self.names(module, &targets);
        let mut pipelines = Vec::new();
        for (item, attribute) in &targets {
            let name = match targets.len() {
                1 => options.name.clone(),
                _ => format!("{}_{}", options.name, names::snake(&item.ident.unraw().to_string())),
            };
            if let Some(pipeline) =
                self.target(module, item, attribute, name, &sources, complete)?
            {
                pipelines.push(pipeline);
            }
        }
        Ok(pipelines)
    }

    /// Whether what the module gains has names that are free.
    fn names(&mut self, module: &Module, targets: &[(&syn::ItemStruct, &syn::Attribute)]) {
        let rows = || targets.iter().map(|(item, _)| &item.ident);
        let names: Vec<_> = rows().map(|row| Names::new(row, targets.len() == 1)).collect();
        let functions: Vec<_> =
            rows().zip(&names).map(|(row, names)| (row, names.rows.to_string())).collect();
        taken::check_rows(&functions, &mut self.spans, &mut self.findings);
        let added: Vec<_> = names.iter().flat_map(Names::all).collect();
        let added: Vec<_> = FOR_ALL
            .into_iter()
            .map(str::to_owned)
            .chain(added.into_iter().map(syn::Ident::to_string))
            .collect();
        taken::check(module, &added, &mut self.spans, &mut self.findings);
    }

    /// The sources, and whether all of them could be read.
    fn sources(&mut self, module: &Module) -> syn::Result<(Vec<SourceSpec>, bool)> {
        let mut sources: Vec<SourceSpec> = Vec::new();
        let mut complete = true;
        let mut apis = Apis::default();
        for attribute in &module.apis {
            let node = attribute::words(attribute, &mut self.spans)?;
            apis.read(&node, &mut self.findings);
            self.named.add(&node, &self.spans);
        }
        spec::check_apis(&apis, &mut self.findings);
        for (item, attribute) in module.with("source") {
            let node = attribute::words(attribute, &mut self.spans)?;
            let spec = spec::source(&node, &apis, &mut self.findings);
            self.named.add(&node, &self.spans);
            match (spec, self.record(module, item)) {
                (Some(mut spec), Some(record)) => {
                    spec.described.description.value = record::description(&item.attrs);
                    let place = self.spans.place(item.ident.span());
                    let fields = FieldsSpec { schema: record.schema, places: record.places };
                    spec.table.declared = Some(Spanned::new(fields, place));
                    if let Some(twin) =
                        sources.iter().find(|s| s.table.name.value == spec.table.name.value)
                    {
                        self.findings.push(spec::same_name(
                            "source",
                            &spec.table.name,
                            &twin.table.name,
                        ));
                    }
                    sources.push(spec);
                }
                _ => complete = false,
            }
        }
        let (good, bad) = check::partitions::resolve(
            sources,
            Declares::Record,
            &Broken::default(),
            &mut self.findings,
        );
        complete &= bad.is_empty();
        for source in &good {
            complete &= check::expressions::check(source, &mut self.findings);
        }
        Ok((good, complete))
    }

    fn functions(&mut self, module: &Module) -> syn::Result<()> {
        for (item, attribute) in module.functions_with("function") {
            match function::read(item, attribute, &mut self.spans, &mut self.findings)? {
                Some(function) => self.functions.push(function),
                None => self.broken_functions.push(item.sig.ident.unraw().to_string()),
            }
        }
        Ok(())
    }

    fn maps(&mut self, module: &Module) {
        for (item, _) in module.functions_with("map") {
            match map::read(item, module, &mut self.spans, &mut self.findings) {
                Some(map) => self.maps.push(map),
                None => self.broken_maps = true,
            }
        }
        for (index, map) in self.maps.iter().enumerate() {
            let name = map.name();
            if let Some(first) = self.maps[..index].iter().find(|first| first.row == map.row) {
                let message = format!("`{}` has two maps", map.row);
                self.findings.push(
                    Finding::error(codes::QUERY_AND_MAP, message, &map.place)
                        .related(&first.place, "the first one")
                        .help("a row comes from one of them: write a `#[target]` for each"),
                );
            }
            let query = module.with("target").find(|(item, _)| item.ident == map.row);
            let query = query.and_then(|(item, _)| {
                let attributes = ["sql", "sql_file"].into_iter();
                attributes.filter_map(|name| module::find(&item.attrs, name)).next()
            });
            if let Some(attribute) = query {
                let place = self.spans.place(attribute.path().span());
                let message = format!("`{}` has a query and the map `{name}`", map.row);
                self.findings.push(
                    Finding::error(codes::QUERY_AND_MAP, message, &place)
                        .related(&map.place, "the map")
                        .help("keep one: rows come from a query or from a map"),
                );
            }
        }
    }

    /// The map whose rows are of that struct.
    fn map_of(&self, row: &syn::ItemStruct) -> Option<&RustMap> {
        self.maps.iter().find(|map| map.row == row.ident)
    }

    fn record(&mut self, module: &Module, item: &syn::ItemStruct) -> Option<Record> {
        let Self { spans, findings, fields, .. } = self;
        Records { structs: &module.structs, spans, findings, names: fields }.read(item)
    }

    fn target(
        &mut self,
        module: &Module,
        item: &syn::ItemStruct,
        attribute: &syn::Attribute,
        name: String,
        sources: &[SourceSpec],
        complete: bool,
    ) -> syn::Result<Option<Pipeline>> {
        let place = self.spans.place(item.ident.span());
        let node = attribute::words(attribute, &mut self.spans)?;
        let inline = spec::inline_target(&node, &mut self.findings);
        let row = self.record(module, item);
        if let Some(map) = self.map_of(item) {
            let name_of_source =
                super::sources(module).find(|(_, record)| record.ident == map.record);
            let source = name_of_source
                .and_then(|(name, _)| sources.iter().find(|spec| spec.table.name.value == name));
            let (Some((target, sink)), Some(row), Some(source), true) =
                (inline, row, source, complete)
            else {
                return Ok(None);
            };
            let spec = PipelineSpec {
                name: Spanned::new(name, place.clone()),
                description: record::description(&item.attrs),
                sources: vec![source],
                declared: sources,
                target: &target,
                sink: &sink,
                functions: &[],
                sql: "",
                sql_place: &|_| place.clone(),
                map: Some(&map.spec(row, &place)),
            };
            let mut findings = Findings::default();
            let checked = check::pipeline(&spec, Schemas::Declared, &mut None, &mut findings);
            self.findings.extend(findings.0);
            return Ok(checked.map(|checked| Pipeline {
                definition: checked.definition,
                row: item.ident.clone(),
            }));
        }
        let sql = self.sql(item, &place)?;
        if let Some((text, _)) = &sql {
            self.queries.insert(item.ident.to_string(), text.clone());
        }
        let (Some((target, sink)), Some(row), Some((sql, token)), true) =
            (inline, row, sql, complete)
        else {
            return Ok(None);
        };
        // What a function with findings takes and gives is not known.
        let broken = self.broken_functions.iter().map(String::as_str).collect();
        if !check::query::called(&sql, &broken).is_empty() {
            return Ok(None);
        }
        let functions: Vec<_> = self.functions.iter().map(|f| f.spec.clone()).collect();
        let file = self.files.insert(SourceFile {
            name: format!("the query of {}", item.ident),
            text: sql.clone(),
            token: Some(token),
        });
        let spec = PipelineSpec {
            name: Spanned::new(name, place.clone()),
            description: record::description(&item.attrs),
            sources: sources.iter().collect(),
            declared: sources,
            target: &target,
            sink: &sink,
            functions: &functions,
            sql: &sql,
            sql_place: &|range| Place::text(file, range),
            map: None,
        };
        let policy = Policy { schemas: Schemas::Declared, strict: self.strict };
        let Some(checked) = check::pipeline(&spec, policy, &mut None, &mut self.findings) else {
            return Ok(None);
        };
        let Checked { mut definition, .. } = checked;
        if let Some(query) = &mut definition.row {
            row::check(&place, &row, query, &mut self.findings);
            row::widen(query, &row.schema);
        }
        Ok(Some(Pipeline { definition, row: item.ident.clone() }))
    }

    /// The query of a target, and the token that holds it.
    #[expect(clippy::disallowed_methods, reason = "it is what cargo tells a macro")]
    fn sql(
        &mut self,
        item: &syn::ItemStruct,
        place: &Place,
    ) -> syn::Result<Option<(String, usize)>> {
        if let Some(attribute) = module::find(&item.attrs, "sql") {
            let text: syn::LitStr = attribute.parse_args()?;
            let token = self.token(text.span());
            return Ok(Some((trimmed(&text.value()), token)));
        }
        let Some(attribute) = module::find(&item.attrs, "sql_file") else {
            if self.broken_maps {
                return Ok(None);
            }
            self.findings.push(
                Finding::error(
                    codes::TARGET_WITHOUT_QUERY,
                    format!("`{}` has no query", item.ident),
                    place,
                )
                .help(
                    "write it above the struct: `#[sql(\"SELECT …\")]` or `#[sql_file(\"…\")]`; \
                     or a `#[map] fn` that gives such rows",
                ),
            );
            return Ok(None);
        };
        let path: syn::LitStr = attribute.parse_args()?;
        let root = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        let full = std::path::Path::new(&root).join(path.value());
        let text = std::fs::read_to_string(&full).map_err(|error| {
            let message = format!("cannot read `{}`: {error}", path.value());
            syn::Error::new(path.span(), message + "\n help: the path is relative to Cargo.toml")
        })?;
        self.tracked.push(full.display().to_string());
        Ok(Some((trimmed(&text), self.token(path.span()))))
    }

    fn token(&mut self, span: proc_macro2::Span) -> usize {
        match self.spans.place(span) {
            Place::Token(token) => token,
            Place::Text { .. } => 0,
        }
    }
}

/// A query without the semicolon and the blanks that may end it.
fn trimmed(sql: &str) -> String {
    let sql = sql.trim_end();
    sql.strip_suffix(';').unwrap_or(sql).trim_end().to_owned()
}
