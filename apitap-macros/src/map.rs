//! `#[map] fn` → what makes rows of records in place of SQL, and the code that calls it.
//!
//! Which source and which target it belongs to is read from the names of their structs; that it
//! gives such rows is for rustc to say, under the user's own tokens.

use apitap_build::check::MapSpec;
use apitap_build::codes;
use apitap_build::definition::Map;
use apitap_build::diagnostic::{Finding, Findings, Place};
use apitap_build::nearest::did_you_mean;
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

use crate::attribute::Spans;
use crate::function::obstacles;
use crate::module::Module;
use crate::record::{Record, argument, last_segment};

/// A map of the module, read.
pub(crate) struct RustMap {
    /// The function.
    pub(crate) ident: syn::Ident,
    /// The struct of the records that it takes.
    pub(crate) record: syn::Ident,
    /// The struct of the rows that it gives.
    pub(crate) row: syn::Ident,
    /// Where its name stands.
    pub(crate) place: Place,
    by_reference: bool,
    fallible: bool,
    /// It gives the struct itself, rather than something to iterate over.
    single: bool,
    takes: Span,
    gives: Span,
}

/// Reads a map; `None` where it has findings.
pub(crate) fn read(
    item: &syn::ItemFn,
    module: &Module,
    spans: &mut Spans,
    findings: &mut Findings,
) -> Option<RustMap> {
    let before = findings.0.len();
    for (span, what, help) in obstacles(&item.sig) {
        let message = format!("a map cannot be {what}");
        findings.push(Finding::error(codes::INVALID_MAP, message, &spans.place(span)).help(help));
    }
    let inputs: Vec<_> = item.sig.inputs.iter().collect();
    let [syn::FnArg::Typed(input)] = inputs[..] else {
        let count = inputs.len();
        let place = match inputs.get(1) {
            Some(second) => spans.place(second.span()),
            None => spans.place(item.sig.ident.span()),
        };
        if findings.0.len() == before {
            findings.push(
                Finding::error(
                    codes::INVALID_MAP,
                    format!("a map takes one record, not {count}"),
                    &place,
                )
                .help("write `fn name(record: Record) -> Vec<Row>`, with structs of this module"),
            );
        }
        return None;
    };
    let (taken, by_reference) = match &*input.ty {
        syn::Type::Reference(reference) => (&*reference.elem, true),
        ty => (ty, false),
    };
    let record = structs_of(module, "source", taken.to_token_stream());
    if record.is_none() {
        findings.push(no_struct("source", "takes", taken, module, spans));
    }
    let syn::ReturnType::Type(_, written) = &item.sig.output else {
        findings.push(
            Finding::error(
                codes::INVALID_MAP,
                "a map gives rows, this one gives none",
                &spans.place(item.sig.ident.span()),
            )
            .help("say which: `-> Vec<Row>`, with the `#[target]` struct of this module"),
        );
        return None;
    };
    let (inner, fallible) = match argument(written, "Result") {
        Some(inner) => (inner, true),
        None => (&**written, false),
    };
    let row = structs_of(module, "target", inner.to_token_stream());
    if row.is_none() {
        findings.push(no_struct("target", "gives", inner, module, spans));
    }
    let (record, row) = (record?, row?);
    let single = last_segment(inner).is_some_and(|segment| segment.ident == row);
    (findings.0.len() == before).then(|| RustMap {
        ident: item.sig.ident.clone(),
        record,
        row,
        place: spans.place(item.sig.ident.span()),
        by_reference,
        fallible,
        single,
        takes: input.ty.span(),
        gives: written.span(),
    })
}

/// The struct with that attribute that a type names somewhere.
fn structs_of(module: &Module, attribute: &str, tokens: TokenStream) -> Option<syn::Ident> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) => module
            .with(attribute)
            .map(|(item, _)| &item.ident)
            .find(|item| **item == ident)
            .cloned(),
        TokenTree::Group(group) => structs_of(module, attribute, group.stream()),
        _ => None,
    })
}

fn no_struct(
    attribute: &str,
    does: &str,
    ty: &syn::Type,
    module: &Module,
    spans: &mut Spans,
) -> Finding {
    let shown = quote!(#ty).to_string().replace(' ', "");
    let names: Vec<_> = module.with(attribute).map(|(item, _)| item.ident.to_string()).collect();
    let message =
        format!("what the map {does}, `{shown}`, names no `#[{attribute}]` of this module");
    let name = last_segment(ty).map(|segment| segment.ident.to_string()).unwrap_or_default();
    Finding::error(codes::FOREIGN_STRUCT, message, &spans.place(ty.span())).help(did_you_mean(
        "struct",
        &name,
        names.iter().map(String::as_str),
    ))
}

impl RustMap {
    /// Its name, for the definition.
    pub(crate) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }

    /// What the checks need to know: `row` is the struct of its rows, which stands at `place`.
    pub(crate) fn spec(&self, row: Record, place: &Place) -> MapSpec {
        let places = row.schema.fields.iter();
        let places = places.map(|field| row.places.get(&field.name).unwrap_or(place).clone());
        let map = Map { name: self.name(), path: None, fallible: self.fallible };
        MapSpec { map, column_places: places.collect(), row: row.schema }
    }

    /// The name of the code that calls it.
    pub(crate) fn caller(&self) -> syn::Ident {
        format_ident!("apitap_map_{}", self.ident.unraw())
    }

    /// The code that calls it for each record of a batch.
    pub(crate) fn expand(&self, krate: &syn::Path) -> TokenStream {
        let Self { ident, record, row, .. } = self;
        let caller = self.caller();
        let takes = Span::mixed_site().located_at(self.takes);
        let gives = Span::mixed_site().located_at(self.gives);
        let (given, emit) = (syn::Ident::new("record", takes), syn::Ident::new("emit", gives));
        let taken = match self.by_reference {
            true => quote_spanned!(takes=> &#given),
            false => quote_spanned!(takes=> #given),
        };
        let value = quote_spanned!(gives=> mapped);
        let checked = match self.fallible {
            true => quote_spanned! {gives=>
                let #value = match #value {
                    ::core::result::Result::Ok(#value) => #value,
                    ::core::result::Result::Err(error) => {
                        return ::core::result::Result::Err(#emit.failed(&error));
                    }
                };
            },
            false => TokenStream::new(),
        };
        let rows = match self.single {
            true => quote_spanned!(gives=> #emit.row(&#value)?;),
            false => quote_spanned! {gives=>
                for row in ::core::iter::IntoIterator::into_iter(#value) {
                    #emit.row(&row)?;
                }
            },
        };
        quote! {
            #[doc(hidden)]
            fn #caller(records: #krate::private::Records) -> #krate::private::Mapped {
                records.map::<#record, #row>(|#given, #emit| {
                    let #value = #ident(#taken);
                    #checked
                    #rows
                    ::core::result::Result::Ok(())
                })
            }
        }
    }
}
