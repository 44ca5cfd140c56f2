//! What a module can do: `run`, `rows` and `transform`, with the documentation that an editor shows.

use apitap_build::names;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt as _;

use super::Names;
use super::decoder::identifiers;

/// A pipeline, as far as its functions need to know it.
pub(super) struct Signature<'a> {
    /// What its static and its functions are called.
    pub(super) names: &'a Names,
    /// The struct of its rows.
    pub(super) row: &'a syn::ItemStruct,
    /// The sources that it reads, and the structs of their records.
    pub(super) sources: Vec<(String, &'a syn::ItemStruct)>,
}

/// The module that the functions stand in.
pub(super) struct Place<'a> {
    /// Its name, for examples.
    pub(super) module: &'a syn::Ident,
    /// The path of the `apitap` crate.
    pub(super) krate: &'a syn::Path,
}

/// `PIPELINES`, `run` and `run_in`.
pub(super) fn run(statics: &[&syn::Ident], place: &Place<'_>) -> TokenStream {
    let Place { module, krate } = place;
    let example = format!(" let report = {module}::run().await;");
    quote! {
        /// The pipelines of this module.
        pub static PIPELINES: &[&#krate::Pipeline] = &[#(&#statics),*];

        /// Runs the pipelines of this module once, and says what each has done.
        ///
        /// `${NAME}` is looked up in the environment of the process. Must be called on a tokio
        /// runtime.
        ///
        /// ```text
        #[doc = #example]
        /// assert!(report.is_success(), "{report}");
        /// ```
        pub async fn run() -> #krate::Report {
            #krate::run(PIPELINES).await
        }

        /// The same as [`run`], with these variables in place of the process's environment.
        pub async fn run_in(environment: #krate::Environment) -> #krate::Report {
            #krate::run_in(PIPELINES, environment).await
        }
    }
}

/// `rows`, `rows_in` and `transform` of a pipeline.
pub(super) fn typed(signature: &Signature<'_>, place: &Place<'_>) -> TokenStream {
    let rows = rows(signature, place);
    let transform = transform(signature, place);
    quote!(#rows #transform)
}

fn rows(signature: &Signature<'_>, Place { module, krate }: &Place<'_>) -> TokenStream {
    let Signature { names: Names { rows, rows_in, .. }, row, .. } = signature;
    let (vis, row) = (&row.vis, &row.ident);
    let summary = format!(" The rows, each a [`{row}`], as they are fetched and computed.");
    let example = [
        format!(" let mut rows = {module}::{rows}();"),
        " while let Some(row) = rows.next().await {".to_owned(),
        format!("     let row: {row} = row?;"),
        " }".to_owned(),
    ];
    let same = format!(" The same as [`{rows}`], with these variables in place of the process's");
    quote! {
        #[doc = #summary]
        ///
        /// Nothing is written anywhere, and the variables of the target need not be set. Requests,
        /// retries and checks are those of a run. Dropping the rows ends the fetch. Must be polled
        /// on a tokio runtime.
        ///
        /// ```text
        #(#[doc = #example])*
        /// ```
        #vis fn #rows() -> #krate::Rows<#row> {
            #krate::rows()
        }

        #[doc = #same]
        /// environment.
        #vis fn #rows_in(environment: #krate::Environment) -> #krate::Rows<#row> {
            #krate::rows_in(environment)
        }
    }
}

fn transform(signature: &Signature<'_>, Place { module, krate }: &Place<'_>) -> TokenStream {
    let Signature { names: Names { transform, .. }, row, sources } = signature;
    let vis = narrowest(std::iter::once(*row).chain(sources.iter().map(|(_, record)| *record)));
    let row = &row.ident;
    let parameters = identifiers(sources.iter().map(|(source, _)| source.as_str()));
    let records: Vec<_> = sources.iter().map(|(_, record)| &record.ident).collect();
    let names = sources.iter().map(|(name, _)| name);
    let summary = format!(" The rows, each a [`{row}`], that the query makes of these records.");
    let arguments: Vec<_> = records.iter().map(|record| format!("[{record} {{ … }}]")).collect();
    let arguments = arguments.join(", ");
    let example = [
        format!(" let rows = apitap::block_on({module}::{transform}({arguments}))?;"),
        format!(" assert_eq!(rows, [{row} {{ … }}]);"),
    ];
    quote! {
        #[doc = #summary]
        ///
        /// The query is planned and executed as in a run, and nothing is requested or written: that
        /// makes a test of the SQL.
        ///
        /// ```text
        #(#[doc = #example])*
        /// ```
        ///
        /// # Errors
        /// A value that does not fit its type exactly, with the record; what fails in the query.
        #vis async fn #transform(
            #(#parameters: impl ::core::iter::IntoIterator<Item = #records>,)*
        ) -> #krate::Result<::std::vec::Vec<#row>> {
            <#krate::private::Transform<#row> as ::core::default::Default>::default()
                #(.with(#names, #parameters)?)*
                .rows()
                .await
        }
    }
}

/// A function is as visible as the least visible struct that it names.
fn narrowest<'a>(structs: impl Iterator<Item = &'a syn::ItemStruct>) -> syn::Visibility {
    structs
        .map(|item| item.vis.clone())
        .min_by_key(|vis| match vis {
            syn::Visibility::Inherited => 0,
            syn::Visibility::Restricted(_) => 1,
            syn::Visibility::Public(_) => 2,
        })
        .unwrap_or(syn::Visibility::Inherited)
}

impl Names {
    /// The names of the only pipeline of a module, or of one of several.
    pub(super) fn new(row: &syn::Ident, only: bool) -> Self {
        let suffix = match only {
            true => String::new(),
            false => format!("_{}", names::snake(&row.unraw().to_string())),
        };
        Self {
            pipeline: format_ident!("PIPELINE{}", suffix.to_uppercase()),
            rows: format_ident!("rows{suffix}"),
            rows_in: format_ident!("rows{suffix}_in"),
            transform: format_ident!("transform{suffix}"),
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> [&syn::Ident; 4] {
        [&self.pipeline, &self.rows, &self.rows_in, &self.transform]
    }
}
