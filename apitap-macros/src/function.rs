//! `#[function] fn` → a function that queries may call, and the code that calls it for a batch.
//!
//! What it takes and gives is read from the types' names; that they are what they seem to be is for
//! rustc to say, under the user's own tokens.

use apitap_build::check;
use apitap_build::codes;
use apitap_build::definition::Function;
use apitap_build::diagnostic::{Finding, Findings, Place};
use apitap_build::schema::scalar::{DECIMAL, SCALARS};
use apitap_build::schema::{self, Field, Item, Type, notation};
use apitap_build::spec::FunctionSpec;
use apitap_build::tree::Value;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

use crate::attribute::{self, Spans};
use crate::record::{argument, last_segment, scalar};

/// A function of the module, read.
pub(crate) struct RustFunction {
    /// What queries see of it.
    pub(crate) spec: FunctionSpec,
    ident: syn::Ident,
    parameters: Vec<Parameter>,
    returns: Returns,
}

/// A parameter as its type says it.
struct Parameter {
    ty: Type,
    nullable: bool,
    /// How a value is passed.
    passed: Passed,
    /// The user's type.
    span: Span,
}

/// Whether a text or bytes are lent or given away.
#[derive(Clone, Copy, PartialEq)]
enum Passed {
    Borrowed,
    Owned,
}

/// What a return type is made of: `Result<Option<T>, E>`.
struct Returns {
    ty: Type,
    nullable: bool,
    fallible: bool,
    passed: Passed,
    span: Span,
}

/// Reads a function; `None` where it has findings.
pub(crate) fn read(
    item: &syn::ItemFn,
    attribute: &syn::Attribute,
    spans: &mut Spans,
    findings: &mut Findings,
) -> syn::Result<Option<RustFunction>> {
    let before = findings.0.len();
    let digits = digits(attribute, spans, findings)?;
    let name = item.sig.ident.unraw().to_string();
    for (span, what, help) in obstacles(&item.sig) {
        let message = format!("a function that a query calls cannot be {what}");
        findings
            .push(Finding::error(codes::INVALID_FUNCTION, message, &spans.place(span)).help(help));
    }
    if findings.0.len() > before {
        // What its types are does not matter then.
        return Ok(None);
    }
    let mut parameters = Vec::new();
    let mut fields = Vec::new();
    for (index, input) in item.sig.inputs.iter().enumerate() {
        let syn::FnArg::Typed(input) = input else { continue };
        let name = match &*input.pat {
            syn::Pat::Ident(pattern) => pattern.ident.unraw().to_string(),
            _ => format!("argument_{}", index + 1),
        };
        let (inner, nullable) = match argument(&input.ty, "Option") {
            Some(inner) => (inner, true),
            None => (&*input.ty, false),
        };
        let Some((ty, passed)) = value(inner) else {
            refuse(inner, "take", spans, findings);
            continue;
        };
        fields.push(Field::new(name, ty.clone(), nullable));
        parameters.push(Parameter { ty, nullable, passed, span: input.ty.span() });
    }
    let returns = returns(&item.sig.output, item.sig.ident.span(), digits, spans, findings);
    let place = spans.place(item.sig.ident.span());
    let Some(returns) = returns.filter(|_| findings.0.len() == before) else { return Ok(None) };
    let function = Function {
        name,
        parameters: fields,
        returns: Item { ty: returns.ty.clone(), nullable: returns.nullable },
        path: None,
        fallible: returns.fallible,
    };
    let spec = FunctionSpec { function, place };
    if !check::function::check(&spec, findings) {
        return Ok(None);
    }
    let ident = item.sig.ident.clone();
    Ok(Some(RustFunction { spec, ident, parameters, returns }))
}

/// `#[function(returns = "decimal(12,2)")]`: the digits of a `Decimal`, which has none of its own.
fn digits(
    attribute: &syn::Attribute,
    spans: &mut Spans,
    findings: &mut Findings,
) -> syn::Result<Option<Type>> {
    let Value::Map(entries) = attribute::words(attribute, spans)?.value else { return Ok(None) };
    let mut digits = None;
    for (key, node) in entries {
        if key.value != "returns" {
            findings.push(
                Finding::error(
                    codes::UNKNOWN_ARGUMENT,
                    format!("`function` has no argument `{}`", key.value),
                    &key.place,
                )
                .help("it has `returns`, as in `returns = \"decimal(12,2)\"`"),
            );
            continue;
        }
        match notation::ty(&node, findings) {
            Some((ty @ Type::Decimal { .. }, _)) => digits = Some(ty),
            Some(_) => findings.push(
                Finding::error(
                    codes::UNKNOWN_ARGUMENT,
                    "`returns` says the digits of a decimal",
                    &node.place,
                )
                .help("write `returns = \"decimal(12,2)\"`; other types say all themselves"),
            ),
            None => {}
        }
    }
    Ok(digits)
}

/// What a function of a pipeline cannot be: where it says so, what, and what to do.
pub(crate) fn obstacles(signature: &syn::Signature) -> Vec<(Span, &'static str, &'static str)> {
    let mut found = Vec::new();
    if let Some(token) = &signature.asyncness {
        let help = "nothing waits here: fetch what it needs from a source of its own";
        found.push((token.span(), "asynchronous", help));
    }
    if let syn::Safety::Unsafe(token) = &signature.safety {
        found.push((token.span(), "unsafe", "leave `unsafe` out"));
    }
    if let Some(abi) = &signature.abi {
        found.push((abi.span(), "one of another language", "leave `extern` out"));
    }
    let generics = &signature.generics;
    if let Some(parameter) = generics
        .params
        .iter()
        .find(|parameter| !matches!(parameter, syn::GenericParam::Lifetime(_)))
    {
        let help = "write the types of its parameters out";
        found.push((parameter.span(), "generic", help));
    }
    if let Some(variadic) = &signature.variadic {
        found.push((variadic.span(), "one of any number of arguments", "name each of them"));
    }
    if let Some(receiver) = signature.receiver() {
        let help = "write what it needs as parameters of their own";
        found.push((receiver.span(), "a method", help));
    }
    found
}

fn returns(
    output: &syn::ReturnType,
    name: Span,
    digits: Option<Type>,
    spans: &mut Spans,
    findings: &mut Findings,
) -> Option<Returns> {
    let syn::ReturnType::Type(_, written) = output else {
        findings.push(
            Finding::error(
                codes::UNSUPPORTED_SIGNATURE,
                "a function gives a value, this one gives none",
                &spans.place(name),
            )
            .help("say which: `-> Option<String>`"),
        );
        return None;
    };
    let (inner, fallible) = match argument(written, "Result") {
        Some(inner) => (inner, true),
        None => (&**written, false),
    };
    let (inner, nullable) = match argument(inner, "Option") {
        Some(inner) => (inner, true),
        None => (inner, false),
    };
    let Some((ty, passed)) = value(inner) else {
        refuse(inner, "give", spans, findings);
        return None;
    };
    let ty = match (ty, digits) {
        (Type::Decimal { .. }, Some(digits)) => digits,
        (ty, None) => ty,
        (_, Some(_)) => {
            findings.push(
                Finding::error(
                    codes::UNKNOWN_ARGUMENT,
                    "`returns` says the digits of a `Decimal`, which this function does not give",
                    &spans.place(inner.span()),
                )
                .help("leave `returns` out"),
            );
            return None;
        }
    };
    Some(Returns { ty, nullable, fallible, passed, span: written.span() })
}

/// A type of single values, and how they are passed.
fn value(ty: &syn::Type) -> Option<(Type, Passed)> {
    match ty {
        syn::Type::Reference(reference) if reference.mutability.is_none() => {
            match &*reference.elem {
                syn::Type::Slice(slice) if is(&slice.elem, "u8") => {
                    Some((Type::Binary, Passed::Borrowed))
                }
                inner if is(inner, "str") => Some((Type::String, Passed::Borrowed)),
                _ => None,
            }
        }
        syn::Type::Group(group) => value(&group.elem),
        ty if argument(ty, "Vec").is_some_and(|item| is(item, "u8")) => {
            Some((Type::Binary, Passed::Owned))
        }
        ty if is(ty, "Decimal") => Some((DECIMAL, Passed::Owned)),
        ty => match scalar(ty)? {
            Type::Json => None,
            ty => Some((ty, Passed::Owned)),
        },
    }
}

fn is(ty: &syn::Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name)
}

fn refuse(ty: &syn::Type, does: &str, spans: &mut Spans, findings: &mut Findings) {
    let place: Place = spans.place(ty.span());
    let shown = quote!(#ty).to_string().replace(' ', "");
    let name = last_segment(ty).map(|segment| segment.ident.to_string());
    findings.push(
        Finding::error(
            codes::UNSUPPORTED_SIGNATURE,
            format!("a function cannot {does} `{shown}`"),
            &place,
        )
        .help(match name.as_deref().and_then(crate::record::meant) {
            Some(meant) if meant != "Value" => format!("write `{meant}`"),
            _ => types(),
        }),
    );
}

/// What a function can take and give.
fn types() -> String {
    let single = SCALARS.iter().filter(|scalar| scalar.ty != Type::Json);
    let types = single.map(|scalar| match scalar.ty {
        Type::String => "`&str`, `String`".to_owned(),
        Type::Binary => "`&[u8]`, `Vec<u8>`".to_owned(),
        _ => format!("`{}`", scalar.rust),
    });
    format!("use {}, or `Option` of these", types.collect::<Vec<_>>().join(", "))
}

impl RustFunction {
    /// The name of the code that calls it.
    pub(crate) fn caller(&self) -> syn::Ident {
        format_ident!("apitap_function_{}", self.ident.unraw())
    }

    /// The code that calls it for each row of a batch.
    pub(crate) fn expand(&self, krate: &syn::Path) -> TokenStream {
        let (caller, ident) = (self.caller(), &self.ident);
        let arguments = syn::Ident::new("arguments", Span::mixed_site());
        let mut columns = Vec::new();
        let mut values = Vec::new();
        let mut passed = Vec::new();
        for (index, parameter) in self.parameters.iter().enumerate() {
            let column = format_ident!("column_{index}", span = Span::mixed_site());
            // What does not fit is shown under the user's type.
            let span = Span::mixed_site().located_at(parameter.span);
            let value = format_ident!("value_{index}", span = span);
            let ty = rust_type(&parameter.ty, parameter.passed, krate);
            columns.push(quote!(let #column = #arguments.column::<#ty>(#index)?;));
            let get = quote!(#column.get(row)?);
            values.push(match parameter.nullable {
                true => quote!(let #value = #get;),
                false => quote! {
                    let ::core::option::Option::Some(#value) = #get else {
                        return ::core::result::Result::Ok(::core::option::Option::None);
                    };
                },
            });
            passed.push(quote_spanned!(span=> #value));
        }
        let span = Span::mixed_site().located_at(self.returns.span);
        let given = quote_spanned!(span=> given);
        let some = quote!(::core::option::Option::Some);
        let ok = quote!(::core::result::Result::Ok);
        let failed = quote_spanned!(span=> |error| #arguments.failed(&error));
        let outcome = match (self.returns.fallible, self.returns.nullable) {
            (false, false) => quote!(#ok(#some(#given))),
            (false, true) => quote!(#ok(#given)),
            (true, false) => quote!(#given.map(#some).map_err(#failed)),
            (true, true) => quote!(#given.map_err(#failed)),
        };
        let ty = rust_type(&self.returns.ty, self.returns.passed, krate);
        quote! {
            #[doc(hidden)]
            #[allow(dead_code)]
            fn #caller(
                #arguments: &#krate::private::Arguments<'_>,
            ) -> ::core::result::Result<#krate::private::ArrayRef, #krate::Error> {
                #(#columns)*
                #arguments.collect::<#ty>(|row| {
                    #(#values)*
                    let #given = #ident(#(#passed),*);
                    #outcome
                })
            }
        }
    }
}

/// The type that a value of that type is passed as.
fn rust_type(ty: &Type, passed: Passed, krate: &syn::Path) -> TokenStream {
    match (ty, passed) {
        (Type::Binary, Passed::Borrowed) => quote!(&[::core::primitive::u8]),
        (Type::String, Passed::Borrowed) => quote!(&::core::primitive::str),
        // Lists and records are not single values: they were refused.
        (ty, _) => owned(schema::scalar::of(ty).map_or("String", |scalar| scalar.rust), krate),
    }
}

/// The tokens of a type of the table of scalars: `DateTime<Utc>`.
fn owned(rust: &str, krate: &syn::Path) -> TokenStream {
    let (name, inner) = rust.split_once('<').unwrap_or((rust, ""));
    let ident = format_ident!("{name}");
    match (name.starts_with(char::is_uppercase), inner.strip_suffix('>')) {
        (false, _) => quote!(::core::primitive::#ident),
        (true, None) => quote!(#krate::types::#ident),
        (true, Some(inner)) => {
            let inner = owned(inner, krate);
            quote!(#krate::types::#ident<#inner>)
        }
    }
}
