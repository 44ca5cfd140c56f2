//! A declared Rust function → a function of the engine with exactly its signature.
//!
//! The compiler plans with it and never calls it; the runtime gives it a body. An argument may be of
//! another type only where each of its values fits the parameter's exactly.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::definition::Function;
use crate::schema::scalar::Domain;
use crate::schema::{Field, Type, arrow};

/// What a function does with a batch: its arguments and the number of rows → as many results.
///
/// The arguments have the types of the parameters; a decimal has its own digits.
pub type Body = Arc<dyn Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync>;

/// The engine's function; without a body it can be planned with and not be called.
pub fn function(function: &Function, body: Option<Body>) -> ScalarUDF {
    // Whether a function of the user's gives the same for the same is not known.
    let signature = Signature::user_defined(Volatility::Volatile);
    ScalarUDF::from(Declared { function: function.clone(), signature, body })
}

/// What is declared of a function that is written in Rust; `None` for those of the engine.
pub fn declared(function: &ScalarUDF) -> Option<&Function> {
    function.inner().downcast_ref::<Declared>().map(|declared| &declared.function)
}

/// The type in which a parameter takes an argument; `None` where it does not.
pub fn takes(parameter: &Type, argument: &DataType) -> Option<DataType> {
    use DataType as Arrow;
    let own = arrow::data_type(parameter);
    if let Arrow::Dictionary(_, value) = argument {
        return takes(parameter, value);
    }
    let digits = |precision| Some(Arrow::Decimal128(precision, 0));
    if let Type::Decimal { .. } = parameter {
        return match argument {
            Arrow::Null => Some(own),
            Arrow::Decimal32(precision, scale)
            | Arrow::Decimal64(precision, scale)
            | Arrow::Decimal128(precision, scale) => Some(Arrow::Decimal128(*precision, *scale)),
            Arrow::Int8 | Arrow::UInt8 => digits(3),
            Arrow::Int16 | Arrow::UInt16 => digits(5),
            Arrow::Int32 | Arrow::UInt32 => digits(10),
            Arrow::Int64 | Arrow::UInt64 => digits(20),
            _ => None,
        };
    }
    let fits = match parameter.domain() {
        // A count is never so large that it does not fit; the cast refuses what is.
        Some(Domain::Whole(_, i64::MAX)) => argument.is_integer(),
        Some(domain @ Domain::Whole(..)) => is_within(argument, domain),
        Some(domain @ Domain::Float(_)) => {
            let is_narrower = argument.primitive_width() < own.primitive_width();
            argument.is_floating() && is_narrower || is_within(argument, domain)
        }
        Some(Domain::Text { .. }) => argument.is_string(),
        Some(Domain::Bytes) => argument.is_binary(),
        Some(Domain::Timestamp) => matches!(argument, Arrow::Timestamp(..)),
        Some(Domain::Time) => matches!(argument, Arrow::Time32(_)),
        _ => false,
    };
    (argument.is_null() || *argument == own || fits).then_some(own)
}

/// The type in which a parameter takes a number of the query that fits it: a whole one has 64 bits, and
/// one with a point is a decimal.
///
/// The compiler refuses what is no literal; here it is only seen that there is a type.
pub fn takes_literal(parameter: &Type, argument: &DataType) -> Option<DataType> {
    let takes = match parameter.domain() {
        Some(domain @ Domain::Whole(..)) => domain.is_narrow_number() && argument.is_integer(),
        Some(Domain::Float(_)) => argument.is_integer() || argument.is_decimal(),
        _ => false,
    };
    takes.then(|| arrow::data_type(parameter))
}

/// Whether all values of a type of whole numbers are among those of another.
fn is_within(argument: &DataType, domain: Domain) -> bool {
    let (least, most) = match argument {
        DataType::Int8 => (i8::MIN.into(), i8::MAX.into()),
        DataType::UInt8 => (0, u8::MAX.into()),
        DataType::Int16 => (i16::MIN.into(), i16::MAX.into()),
        DataType::UInt16 => (0, u16::MAX.into()),
        DataType::Int32 => (i32::MIN.into(), i32::MAX.into()),
        DataType::UInt32 => (0, u32::MAX.into()),
        DataType::Int64 => (i64::MIN.into(), i64::MAX.into()),
        DataType::UInt64 => (0, u64::MAX.into()),
        _ => return false,
    };
    domain.has_all(least, most)
}

/// Whether a function of the engine is one that is written in Rust.
pub(super) fn is_declared(function: &ScalarUDF) -> bool {
    function.inner().downcast_ref::<Declared>().is_some()
}

struct Declared {
    function: Function,
    signature: Signature,
    body: Option<Body>,
}

impl fmt::Debug for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Declared").field(&self.function).finish()
    }
}

impl PartialEq for Declared {
    fn eq(&self, other: &Self) -> bool {
        self.function == other.function
    }
}

impl Eq for Declared {}

impl Hash for Declared {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.hash(state);
    }
}

impl ScalarUDFImpl for Declared {
    fn name(&self) -> &str {
        &self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let parameters = &self.function.parameters;
        let types: Option<Vec<_>> = parameters
            .iter()
            .zip(arguments)
            .map(|(parameter, argument)| {
                takes(&parameter.ty, argument).or_else(|| takes_literal(&parameter.ty, argument))
            })
            .collect();
        match types {
            Some(types) if parameters.len() == arguments.len() => Ok(types),
            _ => plan_err!("`{}` does not take these arguments", self.function.name),
        }
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(arrow::data_type(&self.function.returns.ty))
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let returns = &self.function.returns;
        let mut pairs = self.function.parameters.iter().zip(arguments.arg_fields);
        let null_in =
            pairs.any(|(parameter, argument)| !parameter.nullable && argument.is_nullable());
        let field = Field::new(self.name(), returns.ty.clone(), returns.nullable || null_in);
        Ok(Arc::new(arrow::field(&field)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(body) = &self.body else {
            return exec_err!("`{}` is written in Rust, and is not in this program", self.name());
        };
        let rows = arguments.number_rows;
        let arrays = arguments.args.into_iter().map(|value| value.into_array(rows));
        body(&arrays.collect::<Result<Vec<_>>>()?, rows).map(ColumnarValue::Array)
    }
}
