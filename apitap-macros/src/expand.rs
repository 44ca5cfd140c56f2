//! A module → the same module with its pipelines: arguments and structs are read, checked, and written
//! down as a definition, a decoder for each source, and the functions to run them.

use apitap_build::definition::{Cloud, Connection, Definition, TargetKind};
use apitap_build::tree::Value;
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;

use crate::attribute::{self, Spans};
use crate::module::Module;
use crate::report;

use front::Front;
use functions::Signature;

mod decoder;
mod front;
mod functions;
mod skeleton;
mod structs;

/// What the attribute makes of the module.
pub(crate) fn pipeline(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let module = match Module::parse(item.clone()) {
        Ok(module) => module,
        Err(error) => return join(error.into_compile_error(), item),
    };
    let mut front = Front::default();
    let mut options = Options::of(&module);
    let read = front.options(attribute, &mut options);
    if options.broken {
        return skeleton::skeleton(&module, &options, &front);
    }
    let pipelines = read.and_then(|()| front.pipelines(&module, &options));
    let found = report::errors(&front.files, &front.spans, &front.findings.0);
    match (pipelines, found) {
        (Ok(pipelines), None) => expand(&module, &options, &pipelines, &front),
        (pipelines, found) => {
            let errors = found.into_iter().chain(pipelines.err());
            let errors = errors.map(syn::Error::into_compile_error).collect();
            join(errors, skeleton::skeleton(&module, &options, &front))
        }
    }
}

/// What `#[pipeline(…)]` says.
struct Options {
    /// The name of the pipeline, or the prefix of the names of several.
    name: String,
    /// The path of the `apitap` crate.
    krate: syn::Path,
    /// Whether the build script has already said what is wrong: then its module stands in for it.
    broken: bool,
    /// Whether an expression that can fail on some value is an error.
    strict: bool,
}

impl Options {
    /// Where nothing is said.
    fn of(module: &Module) -> Self {
        let name = module.outer.ident.unraw().to_string();
        Self { name, krate: syn::parse_quote!(::apitap), broken: false, strict: false }
    }
}

/// A pipeline that was checked, and the struct it came from.
struct Pipeline {
    definition: Definition,
    row: syn::Ident,
}

/// What the static and the functions of a pipeline are called.
struct Names {
    /// `PIPELINE`, or `PIPELINE_` and the row's name where there are several; and so the others.
    pipeline: syn::Ident,
    rows: syn::Ident,
    rows_in: syn::Ident,
    transform: syn::Ident,
}

/// What a module gains, however many pipelines it has.
const FOR_ALL: [&str; 3] = ["PIPELINES", "run", "run_in"];

fn expand(
    module: &Module,
    options: &Options,
    pipelines: &[Pipeline],
    front: &Front,
) -> TokenStream {
    let tracked = &front.tracked;
    let (outer, items, krate) = (header(module), &module.items, &options.krate);
    let structs = structs::structs(module, &front.fields, krate);
    let place = functions::Place { module: &module.outer.ident, krate };
    let names: Vec<_> =
        pipelines.iter().map(|pipeline| Names::new(&pipeline.row, pipelines.len() == 1)).collect();
    let statics: Vec<_> = names.iter().map(|names| &names.pipeline).collect();
    let definitions = pipelines
        .iter()
        .zip(&statics)
        .map(|(pipeline, name)| one(&pipeline.definition, &pipeline.row, name, front, krate));
    let callers = front.functions.iter().map(|function| function.expand(krate));
    let callers = callers.chain(front.maps.iter().map(|map| map.expand(krate)));
    let run = functions::run(&statics, &place);
    let typed = pipelines.iter().zip(&names).filter_map(|(pipeline, names)| {
        let reads = |source: &str| pipeline.definition.sources.iter().any(|s| s.name == source);
        let row = module.structs.iter().find(|item| item.ident == pipeline.row)?;
        let sources = sources(module).filter(|(name, _)| reads(name)).collect();
        Some(functions::typed(&Signature { names, row, sources }, &place))
    });
    quote! {
        #outer {
            #(#items)*
            #(#callers)*
            #structs
            #(#definitions)*
            #run
            #(#typed)*
            #(const _: &[u8] = ::core::include_bytes!(#tracked);)*
        }
    }
}

/// The sources' names, and the structs of their records, in the order of the module.
fn sources(module: &Module) -> impl Iterator<Item = (String, &syn::ItemStruct)> {
    module.with("source").filter_map(|(item, attribute)| {
        let node = attribute::words(attribute, &mut Spans::default()).ok()?;
        let Value::Map(arguments) = node.value else { return None };
        arguments.into_iter().find_map(|(key, node)| match node.value {
            Value::String(name) if key.value == "name" => Some((name, item)),
            _ => None,
        })
    })
}

fn one(
    definition: &Definition,
    row: &syn::Ident,
    name: &syn::Ident,
    front: &Front,
    krate: &syn::Path,
) -> TokenStream {
    let functions = &front.functions;
    let json = match serde_json::to_string(definition) {
        Ok(json) => json,
        Err(error) => {
            let message = format!("this definition cannot be written down: {error}");
            return syn::Error::new(row.span(), message).into_compile_error();
        }
    };
    let pipeline = &definition.name;
    let doc = format!(" The pipeline whose rows are `{row}`.");
    let decoders = definition.sources.iter().enumerate().filter_map(|(number, source)| {
        let (read, declared) = source.decoded_schema().zip(source.schema.as_ref())?;
        let inner = format_ident!("{}_decoder_{number}", name.to_string().to_lowercase());
        let code = decoder::decoder(
            &format_ident!("Decoder"),
            &read,
            declared,
            source.decoded_policy(),
            krate,
        );
        let source = &source.name;
        Some((
            quote!(#[doc(hidden)] mod #inner { #code }),
            quote!((#source, || #krate::private::boxed(<#inner::Decoder as ::core::default::Default>::default()))),
        ))
    });
    let (modules, entries): (Vec<_>, Vec<_>) = decoders.unzip();
    let called = functions.iter().filter(|f| definition.functions.contains(&f.spec.function));
    let called: Vec<_> = called
        .map(|function| {
            let (name, caller) = (&function.spec.function.name, function.caller());
            quote!((#name, #caller))
        })
        .collect();
    let functions = (!called.is_empty()).then(|| quote!(.functions(&[#(#called),*])));
    let types = front.named.expand(definition, krate);
    let map = front.maps.iter().find(|map| map.row == *row).map(|map| {
        let caller = map.caller();
        quote!(.map(#caller))
    });
    let implementation = implementation(row, name, krate);
    let features = features(definition, row, krate);
    quote! {
        #(#modules)*
        #features
        #[doc = #doc]
        pub static #name: #krate::Pipeline = #krate::Pipeline::new(#pipeline, #json, &[#(#entries),*]) #functions #types #map;

        #implementation
    }
}

/// What the target needs of the runtime: where that was built without it, the build ends here.
fn features(definition: &Definition, row: &syn::Ident, krate: &syn::Path) -> TokenStream {
    let (target, pipeline, span) = (&definition.target, &definition.name, row.span());
    let of_kind = match target.kind {
        TargetKind::Parquet => Some("__parquet"),
        TargetKind::Delta => Some("__delta"),
        TargetKind::Adbc(_) => Some("__adbc"),
        TargetKind::Postgres
        | TargetKind::Mysql
        | TargetKind::Sqlite
        | TargetKind::Csv
        | TargetKind::Jsonl => None,
    };
    let of_path = match &target.connection {
        Connection::Folder(folder) => Cloud::key_of(&folder.path.0).map(|_| "__cloud"),
        Connection::Url(_) | Connection::Parts { .. } | Connection::Driver(_) => None,
    };
    let calls = of_kind.into_iter().chain(of_path).map(|name| {
        let name = format_ident!("{name}", span = span);
        quote_spanned!(span=> #krate::#name!(#pipeline);)
    });
    quote!(#(#calls)*)
}

fn implementation(row: &syn::Ident, name: &syn::Ident, krate: &syn::Path) -> TokenStream {
    quote! {
        impl #krate::Row for #row {
            fn pipeline() -> &'static #krate::Pipeline {
                &#name
            }
        }
    }
}

/// Attributes, visibility and name of the module.
fn header(module: &Module) -> TokenStream {
    let syn::ItemMod { attrs, vis, ident, .. } = &module.outer;
    // The structs are `pub` so that the module can be read from anywhere the program wants.
    quote!(#(#attrs)* #[allow(unreachable_pub)] #vis mod #ident)
}

fn join(first: TokenStream, second: TokenStream) -> TokenStream {
    quote!(#first #second)
}
