//! A schema → the Rust code of a decoder for exactly its fields.
//!
//! What is generated says only which key belongs to which field, and which column takes its values;
//! the columns themselves are those of the runtime, which the interpreter uses too.

use std::collections::BTreeSet;

use apitap_build::names;
use apitap_build::schema::{Field, Schema, Type, scalar};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

/// The items of a module in which `name` is a decoder of the schema's fields.
///
/// `name` has a `Default` and implements the runtime's `Decoder`; `krate` is the path of `apitap`.
pub(crate) fn decoder(name: &syn::Ident, schema: &Schema, krate: &syn::Path) -> TokenStream {
    let fields: Vec<_> = schema.fields.iter().collect();
    let mut records = Records { taken: BTreeSet::from([name.to_string()]), items: Vec::new() };
    let record = records.write("Record", "A record: the fields that the query reads.", &fields);
    let items = records.items;
    quote! {
        use #krate::private;

        /// Decodes records into batches.
        pub(super) type #name = private::RecordDecoder<#record>;
        #(#items)*
    }
}

/// The records of one decoder, outermost first.
struct Records {
    taken: BTreeSet<String>,
    items: Vec<TokenStream>,
}

impl Records {
    /// Writes the struct of a record and those of the records in it; gives its type.
    fn write(&mut self, name: &str, doc: &str, fields: &[&Field]) -> TokenStream {
        if fields.is_empty() {
            return quote!(private::NoFields);
        }
        let record = format_ident!("{}", names::unique(name, "", &mut self.taken));
        let place = self.items.len();
        let columns: Vec<_> =
            fields.iter().map(|field| self.column(name, &field.name, &field.ty)).collect();
        self.items.insert(place, item(&record, doc, fields, &columns));
        quote!(#record)
    }

    /// The column of a type; the records in it are written.
    fn column(&mut self, owner: &str, field: &str, ty: &Type) -> Column {
        match ty {
            Type::Decimal { precision, scale } => {
                let digits = [precision, scale].map(|digits| Literal::u8_unsuffixed(*digits));
                Column {
                    ty: quote!(private::Decimal),
                    value: quote!(private::Decimal::with_digits(#(#digits),*)),
                }
            }
            Type::List(item) => {
                let Column { ty, value } = self.column(owner, field, &item.ty);
                let constructor = constructor(item.nullable);
                Column {
                    ty: quote!(private::List<#ty>),
                    value: quote!(private::List::#constructor(#value)),
                }
            }
            Type::Record(inner) => {
                let name = format!("{owner}{}", names::camel(field));
                let doc = format!("The record in `{field}`.");
                let record = self.write(&name, &doc, &inner.iter().collect::<Vec<_>>());
                Column {
                    ty: quote!(private::Nested<#record>),
                    value: quote!(private::Nested::empty()),
                }
            }
            ty => {
                let leaf = scalar::of(ty).map_or("Json", |scalar| scalar.column);
                let leaf = format_ident!("{leaf}");
                Column { ty: quote!(private::#leaf), value: quote!(private::#leaf::empty()) }
            }
        }
    }
}

/// The struct of a record, and how it is read.
fn item(record: &syn::Ident, doc: &str, fields: &[&Field], columns: &[Column]) -> TokenStream {
    let doc = format!(" {doc}");
    let idents = identifiers(fields.iter().map(|field| field.name.as_str()));
    let names: Vec<_> = fields.iter().map(|field| &field.name).collect();
    // Compared first: keys of one length are few, and told apart a word at a time.
    let lengths = names.iter().map(|name| Literal::usize_unsuffixed(name.len()));
    let types = columns.iter().map(|column| &column.ty);
    let values = columns.iter().map(|column| &column.value);
    let constructors = fields.iter().map(|field| constructor(field.nullable));
    quote! {
        #[doc = #doc]
        pub(super) struct #record {
            #(#idents: private::Field<#types>,)*
        }

        impl ::core::default::Default for #record {
            fn default() -> Self {
                Self {
                    #(#idents: private::Field::#constructors(#names, #values),)*
                }
            }
        }

        impl private::Record for #record {
            fn member(
                &mut self,
                key: &str,
                row: usize,
                cursor: &mut private::Cursor<'_>,
            ) -> ::core::result::Result<(), private::Fault> {
                match (key.len(), key) {
                    #((#lengths, #names) => self.#idents.read(row, cursor),)*
                    _ => private::skip(key, cursor),
                }
            }

            fn each<V: private::Visit>(
                &mut self,
                visitor: &mut V,
            ) -> ::core::result::Result<(), V::Error> {
                #(visitor.field(&mut self.#idents)?;)*
                ::core::result::Result::Ok(())
            }
        }
    }
}

/// A column's type, and an empty one of it.
struct Column {
    ty: TokenStream,
    value: TokenStream,
}

fn constructor(nullable: bool) -> syn::Ident {
    if nullable { format_ident!("optional") } else { format_ident!("required") }
}

/// [`names::identifiers`] as tokens.
pub(super) fn identifiers<'n>(names: impl Iterator<Item = &'n str> + Clone) -> Vec<syn::Ident> {
    let ident = |name: String| match name.strip_prefix("r#") {
        Some(keyword) => syn::Ident::new_raw(keyword, proc_macro2::Span::call_site()),
        None => format_ident!("{name}"),
    };
    names::identifiers(names).into_iter().map(ident).collect()
}

#[cfg(test)]
mod tests;
