//! The words of an attribute → a [`Node`] tree, as YAML becomes one: what they mean is not known here.
//!
//! `name = "x"` is a key and a value, `auth(bearer = "…")` a key and a mapping, `key = ["id"]` a list.

use apitap_build::diagnostic::{Place, Spanned};
use apitap_build::tree::{Node, Value};
use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Ident, Lit, LitStr, Token};

/// The tokens that findings point at.
#[derive(Default)]
pub(crate) struct Spans(Vec<Span>);

impl Spans {
    /// The place of a token.
    pub(crate) fn place(&mut self, span: Span) -> Place {
        self.0.push(span);
        Place::Token(self.0.len() - 1)
    }

    /// The token of a place.
    pub(crate) fn get(&self, token: usize) -> Span {
        self.0.get(token).copied().unwrap_or_else(Span::call_site)
    }
}

/// Reads `#[name(words)]`.
pub(crate) fn words(attribute: &syn::Attribute, spans: &mut Spans) -> syn::Result<Node> {
    let place = spans.place(attribute.path().segments[0].ident.span());
    let entries = match &attribute.meta {
        syn::Meta::Path(_) => Vec::new(),
        syn::Meta::List(list) => {
            (|input: ParseStream<'_>| entries(input, spans)).parse2(list.tokens.clone())?
        }
        syn::Meta::NameValue(value) => {
            return Err(syn::Error::new_spanned(value, "expected arguments in parentheses"));
        }
    };
    Ok(Node::new(Value::Map(entries), place))
}

/// Reads the words of `#[apitap::pipeline(words)]`.
pub(crate) fn bare_words(
    tokens: proc_macro2::TokenStream,
    spans: &mut Spans,
) -> syn::Result<Vec<(Spanned<String>, Node)>> {
    (|input: ParseStream<'_>| entries(input, spans)).parse2(tokens)
}

fn entries(input: ParseStream<'_>, spans: &mut Spans) -> syn::Result<Vec<(Spanned<String>, Node)>> {
    let mut entries = Vec::new();
    while !input.is_empty() {
        let key = key(input, spans)?;
        let value = if input.peek(syn::token::Paren) {
            let content;
            syn::parenthesized!(content in input);
            Node::new(Value::Map(self::entries(&content, spans)?), key.place.clone())
        } else if input.is_empty() || input.peek(Token![,]) {
            // `strict` alone is `strict = true`, as flags of attributes are written.
            Node::new(Value::Bool(true), key.place.clone())
        } else {
            input.parse::<Token![=]>()?;
            value(input, spans)?
        };
        entries.push((key, value));
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(entries)
}

/// A word, or a string where a word cannot hold it (`"X-Api-Key"`).
fn key(input: ParseStream<'_>, spans: &mut Spans) -> syn::Result<Spanned<String>> {
    if input.peek(LitStr) {
        let text: LitStr = input.parse()?;
        return Ok(Spanned::new(text.value(), spans.place(text.span())));
    }
    let word = input.call(Ident::parse_any)?;
    Ok(Spanned::new(word.unraw().to_string(), spans.place(word.span())))
}

fn value(input: ParseStream<'_>, spans: &mut Spans) -> syn::Result<Node> {
    if input.peek(syn::token::Bracket) {
        let content;
        let bracket = syn::bracketed!(content in input);
        let mut items = Vec::new();
        while !content.is_empty() {
            items.push(value(&content, spans)?);
            if !content.is_empty() {
                content.parse::<Token![,]>()?;
            }
        }
        return Ok(Node::new(Value::List(items), spans.place(bracket.span.open())));
    }
    if input.peek(syn::token::Paren) {
        let content;
        let parens = syn::parenthesized!(content in input);
        let entries = entries(&content, spans)?;
        return Ok(Node::new(Value::Map(entries), spans.place(parens.span.open())));
    }
    if input.peek(Ident) && input.fork().call(Ident::parse_any)? == "null" {
        let word = input.call(Ident::parse_any)?;
        return Ok(Node::new(Value::Null, spans.place(word.span())));
    }
    let negative = input.parse::<Option<Token![-]>>()?.is_some();
    let literal: Lit = input.parse()?;
    let place = spans.place(literal.span());
    single(&literal, negative, place)
}

/// A literal; a number keeps what it was written as, for where a text is wanted.
fn single(literal: &Lit, negative: bool, place: Place) -> syn::Result<Node> {
    let sign = if negative { "-" } else { "" };
    let (value, written) = match (literal, negative) {
        (Lit::Str(text), false) => return Ok(Node::new(Value::String(text.value()), place)),
        (Lit::Bool(value), false) => return Ok(Node::new(Value::Bool(value.value), place)),
        (Lit::Int(number), _) if number.suffix().is_empty() => {
            let digits = format!("{sign}{}", number.base10_digits());
            // One that is too large for a number may be a text.
            let value = match digits.parse() {
                Ok(whole) => Value::Integer(whole),
                Err(_) => Value::Float(digits.parse().unwrap_or(f64::INFINITY)),
            };
            (value, number.to_string())
        }
        (Lit::Float(number), _) if number.suffix().is_empty() => {
            let value: f64 = number.base10_parse()?;
            (Value::Float(if negative { -value } else { value }), number.to_string())
        }
        _ => return Err(syn::Error::new_spanned(literal, "expected a string, number or list")),
    };
    Ok(Node::plain(value, place, format!("{sign}{written}")))
}

#[cfg(test)]
mod tests;
