//! A module's items → its `#[source]` and `#[target]` structs and `#[function]`s, and what is left for the program.

use syn::spanned::Spanned as _;

/// The parts of a pipeline module.
pub(crate) struct Module {
    /// The module without its content, attributes of ours removed.
    pub(crate) outer: syn::ItemMod,
    /// What its `#[api(…)]` say.
    pub(crate) apis: Vec<syn::Attribute>,
    /// All items, attributes of ours removed.
    pub(crate) items: Vec<syn::Item>,
    /// All its structs, as written.
    pub(crate) structs: Vec<syn::ItemStruct>,
    /// All its functions, as written.
    pub(crate) functions: Vec<syn::ItemFn>,
}

/// The attributes that this macro takes away.
const OURS: [&str; 6] = ["source", "target", "sql", "sql_file", "function", "map"];

impl Module {
    /// Takes a module apart.
    pub(crate) fn parse(item: proc_macro2::TokenStream) -> syn::Result<Self> {
        let mut outer: syn::ItemMod = syn::parse2(item)?;
        let Some((_, items)) = outer.content.take() else {
            return Err(syn::Error::new(
                outer.span(),
                "`#[pipeline]` needs a module with its content in braces: `mod name { … }`",
            ));
        };
        let structs = items
            .iter()
            .filter_map(|item| match item {
                syn::Item::Struct(item) => Some(item.clone()),
                _ => None,
            })
            .collect();
        let functions = items
            .iter()
            .filter_map(|item| match item {
                syn::Item::Fn(item) => Some(item.clone()),
                _ => None,
            })
            .collect();
        let items = items.into_iter().map(without_our_attributes).collect();
        let is_api = |attribute: &syn::Attribute| attribute.path().is_ident("api");
        let (apis, others) = std::mem::take(&mut outer.attrs).into_iter().partition(is_api);
        outer.attrs = others;
        Ok(Self { outer, apis, items, structs, functions })
    }

    /// The structs that carry an attribute.
    pub(crate) fn with<'a>(
        &'a self,
        attribute: &'a str,
    ) -> impl Iterator<Item = (&'a syn::ItemStruct, &'a syn::Attribute)> {
        self.structs.iter().filter_map(move |item| Some((item, find(&item.attrs, attribute)?)))
    }

    /// The functions that carry an attribute.
    pub(crate) fn functions_with<'a>(
        &'a self,
        attribute: &'a str,
    ) -> impl Iterator<Item = (&'a syn::ItemFn, &'a syn::Attribute)> {
        self.functions.iter().filter_map(move |item| Some((item, find(&item.attrs, attribute)?)))
    }
}

/// The attribute of that name.
pub(crate) fn find<'a>(attributes: &'a [syn::Attribute], name: &str) -> Option<&'a syn::Attribute> {
    attributes.iter().find(|attribute| attribute.path().is_ident(name))
}

fn without_our_attributes(mut item: syn::Item) -> syn::Item {
    if let syn::Item::Fn(item) = &mut item {
        item.attrs.retain(|attribute| !OURS.iter().any(|name| attribute.path().is_ident(name)));
    }
    if let syn::Item::Struct(item) = &mut item {
        item.attrs.retain(|attribute| !OURS.iter().any(|name| attribute.path().is_ident(name)));
        for field in &mut item.fields {
            field.attrs.retain(|attribute| !attribute.path().is_ident("field"));
        }
        // A record is described by its struct, whether or not the program ever holds one.
        item.attrs.push(syn::parse_quote!(#[allow(dead_code)]));
    }
    item
}
