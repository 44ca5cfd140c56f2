//! A size in bytes as the value of a key: `128MiB`, or a number of bytes.

use super::key::{Info, KeyType};
use super::mapping::wrong_kind;
use super::printed::Printed;
use super::shape::Shape;
use crate::codes;
use crate::diagnostic::{Finding, Findings, Place};
use crate::size::Size;
use crate::tree::{Node, Value};

impl KeyType for Size {
    type Spec = Self;

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self> {
        let name = info.name;
        let found = match &node.value {
            Value::Integer(bytes) => u64::try_from(*bytes).ok().map(Self),
            Value::String(text) => text.parse().ok(),
            _ => {
                findings.push(wrong_kind(&format!("`{name}`"), "a size such as `128MiB`", node));
                return None;
            }
        };
        if let Some(size) = found.filter(|size| size.0 > 0) {
            return Some(size);
        }
        let written = node.written().unwrap_or_default();
        let finding = Finding::error(
            codes::INVALID_VALUE,
            format!("`{name}` cannot be `{written}`"),
            &node.place,
        );
        findings.push(finding.help("write a size such as `512KiB`, `128MiB` or `1GiB`"));
        None
    }

    fn plain(spec: &Self) -> Self {
        *spec
    }

    fn at(self, _: &Place) -> Self {
        self
    }

    fn print(&self, _: &Info) -> Printed {
        Printed::Text(self.to_string())
    }

    fn shape(_: &Info) -> Shape {
        Shape::Size
    }
}
