//! A module that has errors → what stands in for it, so that those errors are all there are: its
//! structs as they are written, and functions of the right types that cannot run.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;

use super::functions::{self, Signature};
use super::{FOR_ALL, Front, Names, Options, header, implementation, sources};
use crate::module::Module;
use crate::taken;

/// What the rest of the program sees of a module that has errors, so that those are all it gets:
/// its structs as they are written, and functions of the right types.
pub(super) fn skeleton(module: &Module, options: &Options, front: &Front) -> TokenStream {
    let (outer, krate) = (header(module), &options.krate);
    let place = functions::Place { module: &module.outer.ident, krate };
    let structs = stand_ins(module, krate);
    let run = functions::run(&[], &place);
    let rows: Vec<_> = module.with("target").map(|(item, _)| item).collect();
    let mut added = BTreeSet::from(FOR_ALL.map(str::to_owned));
    let mut typed = Vec::new();
    for row in rows.iter().filter(|row| is_plain(row)) {
        let names = Names::new(&row.ident, rows.len() == 1);
        // One that has the names of another has been refused.
        if names.all().map(|name| added.insert(name.to_string())).contains(&true) {
            typed.push(stand_in(module, row, &names, front, &place));
        }
    }
    let free = |item: &&syn::Item| {
        taken::value_name(item).is_none_or(|name| !added.contains(&name.unraw().to_string()))
    };
    let items = module.items.iter().filter(free);
    quote!(#outer { #(#items)* #structs #run #(#typed)* })
}

/// The static and the functions of a row whose pipeline has errors, or stands beside one.
fn stand_in(
    module: &Module,
    row: &syn::ItemStruct,
    names: &Names,
    front: &Front,
    place: &functions::Place<'_>,
) -> TokenStream {
    let krate = place.krate;
    let query = front.queries.get(&row.ident.to_string());
    let reads = |source: &str| query.is_none_or(|query| query.contains(source));
    let sources =
        sources(module).filter(|(name, record)| reads(name) && is_plain(record)).collect();
    let functions = functions::typed(&Signature { names, row, sources }, place);
    let name = &names.pipeline;
    let implementation = implementation(&row.ident, name, krate);
    quote! {
        pub static #name: #krate::Pipeline = #krate::Pipeline::new("", "", &[]);
        #implementation
        #functions
    }
}

/// Whether a struct's name alone is its type. One with parameters has been refused.
fn is_plain(item: &syn::ItemStruct) -> bool {
    item.generics.params.is_empty()
}

/// Implements `Struct` so that the types hold, for a module that has errors: nothing is read.
fn stand_ins(module: &Module, krate: &syn::Path) -> TokenStream {
    let plain = module.structs.iter().filter(|item| is_plain(item));
    let items = plain.map(|item| {
        let ident = &item.ident;
        quote! {
            impl #krate::private::Struct for #ident {
                const FIELDS: &'static [&'static str] = &[];

                fn read(
                    _: &#krate::private::Fields,
                    _: usize,
                ) -> ::core::result::Result<Self, #krate::private::Fault> {
                    ::core::result::Result::Err(#krate::private::unfinished())
                }

                fn write(
                    &self,
                    _: &mut #krate::private::Columns<'_>,
                ) -> ::core::result::Result<(), #krate::private::Fault> {
                    ::core::result::Result::Err(#krate::private::unfinished())
                }
            }
        }
    });
    items.collect()
}
