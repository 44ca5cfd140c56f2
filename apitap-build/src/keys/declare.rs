//! How keys are declared: a mapping with [`keys!`], one of several kinds with [`kinds!`] or [`ways!`], a
//! value that is one of several texts with [`choices!`].
//!
//! A declaration makes the plain type of the definition; with the compiler also the spec, which has
//! the place of each value, its reader, its printer and its description.

#[cfg(feature = "compiler")]
pub(crate) use super::group::{Group, Kinds, choose, read, read_kinds, spanned, together};
#[cfg(feature = "compiler")]
pub(crate) use super::key::{
    Facts, Info, Key, KeyType, absent, default, optional, paragraph, required,
};
#[cfg(feature = "compiler")]
pub(crate) use super::mapping::{Mapping, string};
#[cfg(feature = "compiler")]
pub(crate) use super::printed::Printed;
#[cfg(feature = "compiler")]
pub(crate) use super::sent::Sent;
#[cfg(feature = "compiler")]
pub(crate) use super::shape::{Alternative, ChoiceShape, GroupShape, KindsShape, Rule, Shape};
#[cfg(feature = "compiler")]
pub(crate) use crate::diagnostic::{Findings, Place, Spanned};
#[cfg(feature = "compiler")]
pub(crate) use crate::tree::Node;

/// Declares a mapping: each field is a key with its type, its default and its documentation.
///
/// Makes of it the struct of the definition, the spec (the same fields, each with its place), its
/// reader, its printer, and what the JSON Schema and the reference say.
macro_rules! keys {
    (
        $(#[doc = $doc:literal])*
        $(#[derive($($derive:path),*)])?
        pub struct $name:ident, spec $spec:ident
        $(, kind $kind:literal)? $(, also [$($also:literal),*])? {
            $( $(#[doc = $field_doc:literal])* $field:ident: $ty:ty = $key:expr, )*
        }
        $(check: $check:path;)?
        $(missing: $missing:path;)?
        $(rules: $rules:expr;)?
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq $(, $($derive),*)?)]
        pub struct $name {
            $( $(#[doc = $field_doc])* pub $field: $ty, )*
        }

        #[cfg(feature = "compiler")]
        #[doc = concat!("[`", stringify!($name), "`] as it was written.")]
        #[derive(Debug, Clone)]
        pub struct $spec {
            $(
                $(#[doc = $field_doc])*
                pub $field: $crate::diagnostic::Spanned<
                    <$ty as $crate::keys::declare::KeyType>::Spec,
                >,
            )*
            /// Where it stands.
            pub at: $crate::diagnostic::Place,
        }

        #[cfg(feature = "compiler")]
        const _: () = {
            use $crate::keys::declare::*;

            struct Keys;

            impl Keys {
                $(
                    fn $field() -> Key<$ty> {
                        let key: Key<$ty> = $key;
                        key.of_field(stringify!($field), &[$($field_doc),*])
                    }
                )*
            }

            impl Group for $name {
                const KIND: &'static str = concat!($($kind)?);

                fn group() -> GroupShape {
                    GroupShape {
                        name: Self::KIND,
                        doc: paragraph(&[$($doc),*]),
                        synonyms: &[$($($also),*)?],
                        keys: vec![$( Keys::$field().shape(), )*],
                        rules: keys!(@or Vec::new(), $($rules)?),
                        open: false,
                    }
                }

                fn defaults() -> Option<Self> {
                    Some(Self { $( $field: Keys::$field().into_default()?, )* })
                }

                fn read_keys(mapping: &mut Mapping<'_, '_>) -> Option<$spec> {
                    $( let $field = mapping.key(&Keys::$field()); )*
                    // What is missing is told together, whichever keys those are.
                    $( $missing(mapping); )?
                    let at = mapping.place.clone();
                    let spec = $spec { $( $field: $field?, )* at };
                    $( if !$check(&spec, mapping) { return None; } )?
                    Some(spec)
                }

                fn print_keys(&self) -> Vec<(String, Printed)> {
                    let keys = [$( Keys::$field().print(&self.$field), )*];
                    let beside = [$( Keys::$field().printed_beside(), )*];
                    together(keys, beside)
                }
            }

            impl KeyType for $name {
                type Spec = $spec;

                fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<$spec> {
                    read::<Self>(format!("`{}`", info.name), node, findings)
                }

                fn plain(spec: &$spec) -> Self {
                    Self { $( $field: <$ty as KeyType>::plain(&spec.$field.value), )* }
                }

                fn at(self, place: &Place) -> $spec {
                    $spec {
                        $( $field: spanned(self.$field.at(place), place), )*
                        at: place.clone(),
                    }
                }

                fn print(&self, _: &Info) -> Printed {
                    Printed::Map(self.print_keys())
                }

                fn shape(_: &Info) -> Shape {
                    Shape::Group(Self::group())
                }

                fn facts(_: &'static str, spec: &Spanned<$spec>, facts: &mut Facts) {
                    $( <$ty as KeyType>::facts(
                        stringify!($field),
                        &spec.value.$field,
                        facts,
                    ); )*
                }
            }
        };
    };
    (@or $default:expr,) => { $default };
    (@or $default:expr, $given:expr) => { $given };
}

/// Declares a mapping whose keys depend on the value of one of them: a line for each kind, whose keys
/// are declared in the file of that kind; and those kinds that have no keys, with their documentation.
macro_rules! kinds {
    (
        $(#[doc = $doc:literal])*
        $(#[derive($($derive:path),*)] #[serde($($serde:tt)*)])?
        pub enum $name:ident, spec $spec:ident, key $key:literal {
            $( $file:ident::$kind:ident, )*
        }
        $( without keys {
            $(
                $(#[doc = $plain_doc:literal])*
                $plain:ident = $text:literal $(, also [$($also:literal),*])?;
            )*
        } )?
    ) => {
        $( pub use $file::$kind; )*

        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq $(, $($derive),*)?)]
        $(#[serde($($serde)*)])?
        pub enum $name {
            $(
                #[doc = concat!("See [`", stringify!($kind), "`].")]
                $kind($kind),
            )*
            $($( $(#[doc = $plain_doc])* $plain, )*)?
        }

        #[cfg(feature = "compiler")]
        #[doc = concat!("[`", stringify!($name), "`] as it was written.")]
        #[allow(clippy::large_enum_variant, reason = "there are a few of them, for a moment")]
        #[derive(Debug, Clone)]
        pub enum $spec {
            $(
                #[doc = concat!("See [`", stringify!($kind), "`].")]
                $kind(<$kind as $crate::keys::declare::KeyType>::Spec),
            )*
            $($( $(#[doc = $plain_doc])* $plain, )*)?
        }

        #[cfg(feature = "compiler")]
        impl $spec {
            /// The kind, as it is written.
            pub fn kind(&self) -> &'static str {
                match self {
                    $( Self::$kind(_) => <$kind as $crate::keys::declare::Group>::KIND, )*
                    $($( Self::$plain => $text, )*)?
                }
            }
        }

        #[cfg(feature = "compiler")]
        const _: () = {
            use $crate::keys::declare::*;

            impl Kinds for $name {
                fn kinds() -> KindsShape {
                    let with_keys = [$( <$kind as Group>::group(), )*];
                    let plain = [$($( GroupShape {
                        name: $text,
                        doc: paragraph(&[$($plain_doc),*]),
                        synonyms: &[$($($also),*)?],
                        ..GroupShape::default()
                    }, )*)?];
                    let kinds = with_keys.into_iter().chain(plain).collect();
                    KindsShape { key: $key, kinds, shared: Vec::new() }
                }

                fn read_kind(kind: &str, mapping: &mut Mapping<'_, '_>) -> Option<$spec> {
                    match kind {
                        $( <$kind as Group>::KIND => {
                            <$kind as Group>::read_keys(mapping).map($spec::$kind)
                        } )*
                        $($( $text => Some($spec::$plain), )*)?
                        _ => None,
                    }
                }

                fn print_kind(&self) -> Vec<(String, Printed)> {
                    let (kind, keys) = match self {
                        $( Self::$kind(kind) => (<$kind as Group>::KIND, kind.print_keys()), )*
                        $($( Self::$plain => ($text, Vec::new()), )*)?
                    };
                    let kind = ($key.to_owned(), Printed::Text(kind.to_owned()));
                    std::iter::once(kind).chain(keys).collect()
                }
            }

            impl KeyType for $name {
                type Spec = $spec;

                fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<$spec> {
                    read_kinds::<Self>(&format!("`{}`", info.name), node, findings)
                }

                fn plain(spec: &$spec) -> Self {
                    match spec {
                        $( $spec::$kind(kind) => Self::$kind(<$kind as KeyType>::plain(kind)), )*
                        $($( $spec::$plain => Self::$plain, )*)?
                    }
                }

                fn at(self, place: &Place) -> $spec {
                    match self {
                        $( Self::$kind(kind) => $spec::$kind(kind.at(place)), )*
                        $($( Self::$plain => $spec::$plain, )*)?
                    }
                }

                fn print(&self, _: &Info) -> Printed {
                    Printed::Map(self.print_kind())
                }

                fn shape(_: &Info) -> Shape {
                    Shape::Kinds(Self::kinds())
                }

                fn facts(name: &'static str, spec: &Spanned<$spec>, facts: &mut Facts) {
                    match &spec.value {
                        $( $spec::$kind(kind) => <$kind as KeyType>::facts(
                            name,
                            &spanned(kind.clone(), &spec.place),
                            facts,
                        ), )*
                        $($( $spec::$plain => {} )*)?
                    }
                }
            }
        };
    };
}

/// Declares a mapping with exactly one of several keys: a line for each, which is declared in the file
/// of that name: `key()` there says how the key is written.
macro_rules! ways {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident, spec $spec:ident {
            $( $(#[doc = $way_doc:literal])* $way:ident($ty:ty) in $file:ident, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $( $(#[doc = $way_doc])* $way($ty), )*
        }

        #[cfg(feature = "compiler")]
        #[doc = concat!("[`", stringify!($name), "`] as it was written.")]
        #[allow(clippy::large_enum_variant, reason = "there are a few of them, for a moment")]
        #[derive(Debug, Clone)]
        pub enum $spec {
            $(
                $(#[doc = $way_doc])*
                $way(
                    $crate::diagnostic::Spanned<
                        <$ty as $crate::keys::declare::KeyType>::Spec,
                    >,
                ),
            )*
        }

        #[cfg(feature = "compiler")]
        const _: () = {
            use $crate::keys::declare::*;

            fn group() -> GroupShape {
                let keys = vec![$( $file::key().shape().alternative(), )*];
                let one_of = keys.iter().map(|key| vec![key.info.name]).collect();
                GroupShape {
                    doc: paragraph(&[$($doc),*]),
                    keys,
                    rules: vec![Rule::one_of(one_of)],
                    ..GroupShape::default()
                }
            }

            impl KeyType for $name {
                type Spec = $spec;

                fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<$spec> {
                    let owner = format!("`{}`", info.name);
                    let mut mapping = Mapping::new(owner, node, findings)?;
                    let way = mapping.one_of(info, &group());
                    $( let $file = mapping.alternative(&$file::key()); )*
                    if !mapping.finish() || !way {
                        return None;
                    }
                    let ways = [$( $file.map($spec::$way), )*];
                    ways.into_iter().flatten().next()
                }

                fn plain(spec: &$spec) -> Self {
                    match spec {
                        $( $spec::$way(way) => Self::$way(<$ty as KeyType>::plain(&way.value)), )*
                    }
                }

                fn at(self, place: &Place) -> $spec {
                    match self {
                        $( Self::$way(way) => $spec::$way(spanned(way.at(place), place)), )*
                    }
                }

                fn print(&self, _: &Info) -> Printed {
                    Printed::Map(match self {
                        $( Self::$way(way) => $file::key().print(way), )*
                    }.into_iter().collect())
                }

                fn shape(_: &Info) -> Shape {
                    Shape::Group(group())
                }
            }
        };
    };
}

/// Declares a value that is one of several texts: a line for each, with what other tools call it.
macro_rules! choices {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident {
            $( $(#[doc = $choice_doc:literal])* $choice:ident = $text:literal $(, also [$($also:literal),*])?; )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $( $(#[doc = $choice_doc])* $choice, )*
        }

        impl $name {
            /// As it is written.
            pub fn name(self) -> &'static str {
                match self {
                    $( Self::$choice => $text, )*
                }
            }
        }

        #[cfg(feature = "compiler")]
        const _: () = {
            use $crate::keys::declare::*;

            impl $name {
                fn choices() -> Vec<(ChoiceShape, Self)> {
                    vec![$( (
                        ChoiceShape {
                            name: $text,
                            doc: paragraph(&[$($choice_doc),*]),
                            synonyms: &[$($($also),*)?],
                        },
                        Self::$choice,
                    ), )*]
                }
            }

            impl KeyType for $name {
                type Spec = Self;

                fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self> {
                    let text = string(info.name, node, findings)?;
                    let (names, values): (Vec<_>, Vec<_>) = Self::choices().into_iter().unzip();
                    let index = choose(info.name, &text, &names, findings)?;
                    values.get(index).copied()
                }

                fn plain(spec: &Self) -> Self {
                    *spec
                }

                fn at(self, _: &Place) -> Self {
                    self
                }

                fn print(&self, _: &Info) -> Printed {
                    Printed::Text(self.name().to_owned())
                }

                fn shape(_: &Info) -> Shape {
                    Shape::Choice(Self::choices().into_iter().map(|(choice, _)| choice).collect())
                }
            }
        };
    };
}

pub(crate) use {choices, keys, kinds, ways};
