//! Paths of Rust items as written, which the generated code names.

use super::key::{Info, KeyType};
use super::printed::Printed;
use super::shape::Shape;
use crate::codes;
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::tree::Node;

/// Whether the text is a path that means the same wherever it stands; a finding says why not.
///
/// Whether there is such an item is for rustc to say.
pub(crate) fn rust_path(written: &Spanned<String>, findings: &mut Findings) -> bool {
    let text = &written.value;
    let name = text.rsplit("::").next().unwrap_or(text);
    let finding = match syn::parse_str::<syn::Path>(text) {
        Ok(path) if path.segments.iter().any(|segment| !segment.arguments.is_none()) => {
            Finding::error(
                codes::INVALID_PATH,
                format!("`{text}` has generic arguments"),
                &written.place,
            )
            .help("name an item that needs none: wrap it in one of your own")
        }
        Ok(path) => {
            let first = path.segments.first().map(|segment| segment.ident.to_string());
            let absolute = path.leading_colon.is_some() || first.as_deref() == Some("crate");
            if absolute && path.segments.len() > 1 {
                return true;
            }
            Finding::error(
                codes::INVALID_PATH,
                format!("`{text}` is not a whole path"),
                &written.place,
            )
            .note("the generated code is in a module of its own")
            .help(format!(
                "begin with `crate::`, or with `::` and the name of a dependency: `crate::{}`",
                text.trim_start_matches("self::").trim_start_matches("::")
            ))
        }
        Err(_) => Finding::error(
            codes::INVALID_PATH,
            format!("`{text}` is not a path of Rust"),
            &written.place,
        )
        .help(match syn::parse_str::<syn::Ident>(name) {
            Ok(_) => format!("write `crate::module::{name}`"),
            Err(_) => "write the item's path, as in `crate::module::item`".to_owned(),
        }),
    };
    findings.push(finding);
    false
}

/// The path of a Rust item.
#[derive(Debug, Clone, PartialEq)]
pub struct RustPath(pub String);

impl KeyType for RustPath {
    type Spec = Self;

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self> {
        String::read(info, node, findings).map(Self)
    }

    fn plain(spec: &Self) -> Self {
        spec.clone()
    }

    fn at(self, _: &Place) -> Self {
        self
    }

    fn print(&self, _: &Info) -> Printed {
        Printed::Text(self.0.clone())
    }

    fn shape(_: &Info) -> Shape {
        Shape::RustPath
    }
}
