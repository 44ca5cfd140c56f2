//! A schema → the Rust code of a decoder for exactly its fields.
//!
//! What is generated says only which key belongs to which field, and which column takes its values;
//! the columns themselves are those of the runtime, which the interpreter uses too.

use std::collections::BTreeSet;

use apitap_build::definition::OnUnknownField;
use apitap_build::names;
use apitap_build::schema::{Field, Schema, Type, scalar};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

/// The items of a module in which `name` is a decoder of the schema's fields.
///
/// `name` has a `Default` and implements the runtime's `Decoder`; `krate` is the path of `apitap`.
/// What the records have beside the `declared` fields is looked at as the policy says.
pub(crate) fn decoder(
    name: &syn::Ident,
    schema: &Schema,
    declared: &Schema,
    policy: OnUnknownField,
    krate: &syn::Path,
) -> TokenStream {
    let taken = BTreeSet::from([name.to_string()]);
    let mut records = Records { taken, items: Vec::new(), policy };
    let doc = "A record: the fields that the query reads.";
    let record = records.write("Record", doc, &schema.fields, &declared.fields);
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
    /// What to do about fields that are not declared.
    policy: OnUnknownField,
}

impl Records {
    /// Writes the struct of a record and those of the records in it; gives its type.
    fn write(
        &mut self,
        name: &str,
        doc: &str,
        fields: &[Field],
        declared: &[Field],
    ) -> TokenStream {
        if fields.is_empty() && self.policy == OnUnknownField::Ignore {
            return quote!(private::NoFields);
        }
        let record = format_ident!("{}", names::unique(name, "", &mut self.taken));
        let place = self.items.len();
        let mut column = |field: &Field| {
            let of = declared.iter().find(|declared| declared.name == field.name).unwrap_or(field);
            self.column(name, &field.name, &field.ty, &of.ty)
        };
        let columns: Vec<_> = fields.iter().map(&mut column).collect();
        let unread = self.unread(fields, declared);
        self.items.insert(place, item(&record, doc, fields, &columns, unread));
        quote!(#record)
    }

    /// What looks at the fields that are not read; nothing where nobody wants to know.
    fn unread(&self, fields: &[Field], declared: &[Field]) -> Option<TokenStream> {
        let is_read = |name: &str| fields.iter().any(|field| field.name == name);
        let names = declared.iter().map(|field| &field.name).filter(|name| !is_read(name));
        match self.policy {
            OnUnknownField::Ignore => None,
            OnUnknownField::Warn | OnUnknownField::Keep => {
                Some(quote!(private::Unread::beside(&[#(#names),*])))
            }
            OnUnknownField::Error => Some(quote!(private::Unread::only(&[#(#names),*]))),
        }
    }

    /// The column of a type; the records in it are written.
    fn column(&mut self, owner: &str, field: &str, ty: &Type, declared: &Type) -> Column {
        match ty {
            Type::Decimal { precision, scale } => {
                let digits = [precision, scale].map(|digits| Literal::u8_unsuffixed(*digits));
                Column {
                    ty: quote!(private::Decimal),
                    value: quote!(private::Decimal::with_digits(#(#digits),*)),
                }
            }
            Type::List(item) => {
                let declared = match declared {
                    Type::List(declared) => &declared.ty,
                    other => other,
                };
                let Column { ty, value } = self.column(owner, field, &item.ty, declared);
                let constructor = constructor(item.nullable);
                Column {
                    ty: quote!(private::List<#ty>),
                    value: quote!(private::List::#constructor(#value)),
                }
            }
            Type::Record(inner) => {
                let name = format!("{owner}{}", names::camel(field));
                let doc = format!("The record in `{field}`.");
                let declared = match declared {
                    Type::Record(declared) => declared,
                    _ => inner,
                };
                let record = self.write(&name, &doc, inner, declared);
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
fn item(
    record: &syn::Ident,
    doc: &str,
    fields: &[Field],
    columns: &[Column],
    unread: Option<TokenStream>,
) -> TokenStream {
    let doc = format!(" {doc}");
    // One that no field has: the last of as many names as there are fields and one more.
    let all =
        fields.iter().map(|field| field.name.as_str()).chain(unread.is_some().then_some("unread"));
    let mut idents = identifiers(all);
    let beside = unread.as_ref().and_then(|_| idents.pop());
    let skip = match &beside {
        Some(beside) => quote!(self.#beside.skip(key, cursor)),
        None => quote!(private::skip(key, cursor)),
    };
    let told = beside.iter().map(|beside| {
        quote! {
            fn unread(&self) -> ::core::option::Option<&private::Unread> {
                ::core::option::Option::Some(&self.#beside)
            }
        }
    });
    let told: TokenStream = told.collect();
    let beside: Vec<_> = beside.into_iter().collect();
    let unread: Vec<_> = unread.into_iter().collect();
    let names: Vec<_> = fields.iter().map(|field| &field.name).collect();
    // Compared first: keys of one length are few, and told apart a word at a time.
    let lengths = names.iter().map(|name| Literal::usize_unsuffixed(name.len()));
    let types = columns.iter().map(|column| &column.ty);
    let values = columns.iter().map(|column| &column.value);
    let constructors = fields.iter().map(|field| constructor(field.nullable));
    let member = match fields {
        [] => skip,
        _ => quote! {
            match (key.len(), key) {
                #((#lengths, #names) => self.#idents.read(row, cursor),)*
                _ => #skip,
            }
        },
    };
    // What is not used must say so.
    let [row, visitor] = ["row", "visitor"].map(|name| match fields {
        [] => format_ident!("_{name}"),
        _ => format_ident!("{name}"),
    });
    quote! {
        #[doc = #doc]
        pub(super) struct #record {
            #(#idents: private::Field<#types>,)*
            #(#beside: private::Unread,)*
        }

        impl ::core::default::Default for #record {
            fn default() -> Self {
                Self {
                    #(#idents: private::Field::#constructors(#names, #values),)*
                    #(#beside: #unread,)*
                }
            }
        }

        impl private::Record for #record {
            fn member(
                &mut self,
                key: &str,
                #row: usize,
                cursor: &mut private::Cursor<'_>,
            ) -> ::core::result::Result<(), private::Fault> {
                #member
            }

            fn each<V: private::Visit>(
                &mut self,
                #visitor: &mut V,
            ) -> ::core::result::Result<(), V::Error> {
                #(visitor.field(&mut self.#idents)?;)*
                ::core::result::Result::Ok(())
            }

            #told
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
