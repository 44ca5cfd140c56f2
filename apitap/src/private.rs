//! What generated code is made of. Not for people: it may change with every version.

pub use crate::function::Arguments;
pub use crate::map::{Emit, Mapped, Records};
pub use crate::source::custom::RustType;
pub use crate::source::decode::Decoder;
pub use crate::source::decode::RecordDecoder;
pub use crate::source::decode::leaf::{
    Binary, Bool, Date, Decimal, Float32, Float64, Int16, Int32, Int64, Json, Text, Time,
    Timestamp, Uuid,
};
pub use crate::source::decode::list::List;
pub use crate::source::decode::record::{Field, Nested, NoFields, Record, Visit, skip};
pub use crate::source::decode::unknown::Unread;
pub use crate::source::json::{Cursor, Fault};
pub use crate::transform::Transform;
pub use crate::typed::{Columns, Reader, Struct, Writer};
pub use crate::value::{Cell, Datum, Fields};
pub use datafusion::arrow::array::ArrayRef;

/// A decoder whose type no longer matters.
#[must_use]
pub fn boxed(decoder: impl Decoder + 'static) -> Box<dyn Decoder> {
    Box::new(decoder)
}

/// What stands where a module with errors would do something: it does not compile.
#[must_use]
pub fn unfinished() -> Fault {
    Fault::misfit("this pipeline has errors")
}

/// Runs the program of `apitap::main!()`.
pub fn main(pipelines: &[&[&'static crate::Pipeline]]) -> std::process::ExitCode {
    crate::program::main(pipelines)
}
