//! The Rust types that sources name by their paths → what the runtime makes them with.
//!
//! That there is such a type, and that it has the trait, is for rustc to say, under the path.

use std::str::FromStr as _;

use apitap_build::definition::{Definition, RustRole, Source};
use apitap_build::diagnostic::Place;
use apitap_build::tree::{Node, Value};
use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use crate::attribute::Spans;

/// Where the types that the module's sources name were written.
#[derive(Default)]
pub(crate) struct Named(Vec<(String, Span)>);

impl Named {
    /// Notes the types that the arguments of a source name.
    pub(crate) fn add(&mut self, arguments: &Node, spans: &Spans) {
        let custom = at(arguments, "auth").and_then(|auth| at(auth, "custom"));
        let in_auth = custom.map(|custom| at(custom, "type").unwrap_or(custom));
        let in_pagination = at(arguments, "pagination").and_then(|arguments| at(arguments, "type"));
        for node in in_auth.into_iter().chain(in_pagination) {
            if let (Value::String(path), Place::Token(token)) = (&node.value, &node.place) {
                self.0.push((path.clone(), spans.get(*token)));
            }
        }
    }

    /// `.types(&[…])` for those that a pipeline names.
    pub(crate) fn expand(&self, definition: &Definition, krate: &syn::Path) -> Option<TokenStream> {
        let mut types = Vec::new();
        for (role, custom) in definition.requested().flat_map(Source::rust_types) {
            let name = &custom.path;
            let span = self.0.iter().find(|(path, _)| path == name).map(|(_, span)| *span);
            let span = span.unwrap_or_else(Span::call_site);
            // It was read as a path before.
            let path = located(TokenStream::from_str(name).ok()?, span);
            let make = match role {
                RustRole::Authenticate => quote_spanned!(span=> authenticate),
                RustRole::Paginate => quote_spanned!(span=> paginate),
            };
            types.push(quote_spanned!(span=> #krate::private::RustType::#make::<#path>(#name)));
        }
        (!types.is_empty()).then(|| quote::quote!(.types(&[#(#types),*])))
    }
}

/// The value of a key.
fn at<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find(|(key, _)| key.value == name).map(|(_, node)| node)
}

/// The same tokens, shown at another place.
fn located(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            token.set_span(span);
            token
        })
        .collect()
}
