//! The structs of a module → how each is read from a row of Arrow columns, and written to one.
//!
//! Only the order of the fields is said here; how a value is kept is the runtime's.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::module::Module;
use crate::record::FieldNames;

/// Implements the runtime's `Struct` for the structs whose fields are known.
pub(super) fn structs(module: &Module, names: &FieldNames, krate: &syn::Path) -> TokenStream {
    let items = module.structs.iter().filter_map(|item| {
        let names = names.get(&item.ident.to_string())?;
        Some(one(item, names, krate))
    });
    items.collect()
}

fn one(item: &syn::ItemStruct, names: &[String], krate: &syn::Path) -> TokenStream {
    let ident = &item.ident;
    let fields: Vec<_> = item.fields.iter().filter_map(|field| field.ident.as_ref()).collect();
    let places = (0..fields.len()).map(Literal::usize_unsuffixed);
    let (read, write) = match fields.is_empty() {
        // Nothing of it is looked at.
        true => (quote!(_fields), quote!(_columns)),
        false => (quote!(fields), quote!(columns)),
    };
    quote! {
        impl #krate::private::Struct for #ident {
            const FIELDS: &'static [&'static str] = &[#(#names),*];

            fn read(
                #read: &#krate::private::Fields,
                row: usize,
            ) -> ::core::result::Result<Self, #krate::private::Fault> {
                let _ = row;
                ::core::result::Result::Ok(Self { #(#fields: fields.get(#places, row)?),* })
            }

            fn write(
                &self,
                #write: &mut #krate::private::Columns<'_>,
            ) -> ::core::result::Result<(), #krate::private::Fault> {
                #(columns.put(&self.#fields)?;)*
                ::core::result::Result::Ok(())
            }
        }
    }
}
