//! The YAML file as a whole: what stands in it at the top.

use super::api::Api;
use super::declare::{Group as _, GroupShape, Kinds as _, KindsShape, Shape, required};
use super::function::FunctionKeys;
use super::key::Key;
use super::shape::{KeyShape, Presence};
use super::source::{Described, Request};
use super::target::{Commits, Named, TargetKeys};

/// What is declared of the file.
pub(crate) fn file() -> GroupShape {
    let functions = Shape::Named(Box::new(Shape::Group(FunctionKeys::group())));
    GroupShape {
        doc: "Where records come from, and where rows go. The queries between them are SQL files."
            .to_owned(),
        keys: vec![
            KeyShape {
                shape: Shape::List(Box::new(Shape::Group(Api::group()))),
                presence: Presence::Optional,
                ..key("apis", "What several sources of one API share.").shape()
            },
            KeyShape {
                shape: Shape::List(Box::new(Shape::Group(source()))),
                ..key("sources", "The APIs: each is a table for the queries, by its name.").shape()
            },
            KeyShape {
                shape: Shape::List(Box::new(Shape::Kinds(target()))),
                ..key("targets", "The databases: each is named by `sink(name=…)` of a query.")
                    .shape()
            },
            KeyShape {
                shape: functions,
                presence: Presence::Optional,
                ..key(
                    "functions",
                    "Rust functions that the queries may call, by their names in SQL.",
                )
                .shape()
            },
        ],
        ..GroupShape::default()
    }
}

fn key(name: &'static str, doc: &str) -> Key<String> {
    Key::named(required("[]"), name).doc(doc)
}

/// What is declared of an entry of `sources`.
pub fn source() -> GroupShape {
    let mut source = Request::group();
    source.keys.extend(Described::group().keys);
    source
}

/// What is declared of an entry of `targets`.
pub fn target() -> KindsShape {
    let shared = Named::group().keys.into_iter().chain(Commits::group().keys).collect();
    KindsShape { shared, ..TargetKeys::kinds() }
}
