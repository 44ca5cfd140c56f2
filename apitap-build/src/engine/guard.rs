//! An expression that can fail on some value → a function of the engine that computes the same, and
//! says, where it fails, which expression, where in the query, and on which values.
//!
//! Integer arithmetic that DataFusion lets wrap around is computed with checks here. Knows nothing
//! of which expressions can fail ([`super::fallible`]) nor of where guards are put ([`super::guards`]).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt64Array, new_empty_array,
};
use datafusion::arrow::compute::kernels::numeric::neg;
use datafusion::arrow::compute::{CastOptions, filter, prep_null_mask_filter, take};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{DataFusionError, Result, ScalarValue, Span, exec_err, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal};

use super::bounds;
use super::failure::Failure;
use super::fallible::{self, Fallible};

/// What a guard computes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A `CAST` to the type of that field.
    Cast(FieldRef),
    /// An operator between two expressions.
    Binary(Operator),
    /// A minus sign.
    Negate,
    /// A call of a function.
    Call(Arc<ScalarUDF>),
    /// A sum or an average, by its name: what rows come to together has no guard, and says by itself
    /// what it has met.
    Total(&'static str),
}

/// What happens to a value that cannot be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failing {
    /// It is an error.
    Fails,
    /// Another value stands in, so that what comes after it is tried out, too: see the rehearsal of
    /// a query. Never in a run.
    StandsIn,
}

/// Where an expression was written, as far as the engine knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// From the first to the last name of a column in it.
    pub span: Option<Span>,
    /// How many operations of the same kind with the same names stand in it.
    pub around: usize,
    /// The operands that are columns, by name.
    pub operands: Vec<Option<String>>,
}

/// An expression that can fail, as a function of what it is computed from.
///
/// A conditional one has one argument more, in front: which rows are computed at all. What it yields
/// for the others is looked at by nobody.
#[derive(Debug, Clone)]
pub struct Guard {
    /// What is computed.
    pub operation: Operation,
    /// Whether the first argument says for which rows.
    pub is_conditional: bool,
    /// As written.
    pub written: Written,
    failing: Failing,
    signature: Signature,
}

impl Guard {
    /// An operation, computed for each row.
    pub fn new(operation: Operation, written: Written, failing: Failing) -> Self {
        let volatility = match &operation {
            Operation::Call(function) => function.signature().volatility,
            _ => Volatility::Immutable,
        };
        let signature = Signature::user_defined(volatility);
        Self { operation, is_conditional: false, written, failing, signature }
    }

    /// The same for the rows only for which the first of its arguments is true.
    #[must_use]
    pub fn conditional(&self) -> Self {
        Self { is_conditional: true, ..self.clone() }
    }

    /// The same, computed for each row.
    #[must_use]
    pub fn unconditional(&self) -> Self {
        Self { is_conditional: false, ..self.clone() }
    }

    /// On what it can fail for operands of those types; `None` where there is another number of them.
    pub fn fallible(&self, types: &[DataType]) -> Option<Fallible> {
        Some(match (&self.operation, types) {
            (Operation::Cast(_), [_]) => Fallible::ByValue,
            (Operation::Negate, [_]) => Fallible::AtTheEnds,
            (Operation::Binary(operator), [left, right]) => {
                fallible::operator(left, *operator, right)
            }
            (Operation::Call(function), _) => fallible::function(function.name(), types),
            _ => return None,
        })
    }

    /// The arguments of the operation.
    pub fn operands<'a, T>(&self, arguments: &'a [T]) -> &'a [T] {
        match arguments {
            [_, operands @ ..] if self.is_conditional => operands,
            all => all,
        }
    }

    /// Computes it for operands of those fields.
    ///
    /// # Errors
    /// The engine's, without what this guard knows.
    pub fn compute(&self, arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let result = match &self.operation {
            Operation::Cast(to) => cast(arguments, to.data_type()),
            Operation::Binary(operator) => {
                bounds::check(&operator.to_string(), &arguments.args, arguments.number_rows)?;
                binary(arguments, *operator)
            }
            Operation::Negate => negate(arguments),
            Operation::Total(name) => internal_err!("{name} has no guard"),
            Operation::Call(function) => {
                bounds::check(function.name(), &arguments.args, arguments.number_rows)?;
                function.invoke_with_args(bounds::tamed(function.name(), arguments.clone())?)
            }
        }?;
        let promised = arguments.return_field.data_type();
        if result.data_type() != *promised {
            return exec_err!("it yields {} where {promised} was planned", result.data_type());
        }
        if let DataType::Decimal128(precision, scale) = promised {
            check_digits(&result, *precision, *scale)?;
        }
        Ok(result)
    }

    /// The field of what it yields for operands of these.
    fn yields(&self, fields: &[FieldRef], scalars: &[Option<&ScalarValue>]) -> Result<FieldRef> {
        let nullable = fields.iter().any(|field| field.is_nullable());
        let plain = |ty| Arc::new(Field::new(self.name(), ty, nullable));
        Ok(match (&self.operation, fields) {
            (Operation::Cast(to), [from]) => {
                // The engine keeps what it knows of the source where only a type was written.
                let is_type_only = to.name().is_empty() && to.metadata().is_empty();
                let known = if is_type_only { from.metadata() } else { to.metadata() };
                let field = Field::new(from.name(), to.data_type().clone(), from.is_nullable());
                Arc::new(field.with_metadata(known.clone()))
            }
            (Operation::Binary(operator), [left, right]) => {
                let types = (left.data_type(), right.data_type());
                plain(result_type(types.0, *operator, types.1)?)
            }
            (Operation::Negate, [of]) => plain(of.data_type().clone()),
            (Operation::Call(function), _) => {
                let arguments = ReturnFieldArgs { arg_fields: fields, scalar_arguments: scalars };
                function.return_field_from_args(arguments)?
            }
            _ => {
                return internal_err!(
                    "a guard of {:?} has {} operands",
                    self.operation,
                    fields.len()
                );
            }
        })
    }

    /// Computes the rows for which `condition` is true.
    fn compute_where(
        &self,
        condition: &ColumnarValue,
        arguments: ScalarFunctionArgs,
    ) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let mask = match condition {
            ColumnarValue::Scalar(ScalarValue::Boolean(Some(true))) => {
                return self.compute_or_say(&arguments);
            }
            ColumnarValue::Scalar(_) => BooleanArray::from(vec![false; rows]),
            ColumnarValue::Array(mask) => match mask.as_boolean() {
                mask if mask.null_count() == 0 => mask.clone(),
                mask => prep_null_mask_filter(mask),
            },
        };
        if mask.true_count() == rows {
            return spread(self.compute_or_say(&arguments)?, rows);
        }
        let ty = arguments.return_field.data_type().clone();
        if mask.true_count() == 0 {
            return Ok(ColumnarValue::Array(stand_in(&ty)?.to_array_of_size(rows)?));
        }
        let chosen = |value: ColumnarValue| match value {
            ColumnarValue::Array(array) => Ok(ColumnarValue::Array(filter(&array, &mask)?)),
            scalar => Ok::<_, DataFusionError>(scalar),
        };
        let args = arguments.args.into_iter().map(chosen).collect::<Result<_>>()?;
        let count = mask.true_count();
        let arguments = ScalarFunctionArgs { args, number_rows: count, ..arguments };
        let computed = spread(self.compute_or_say(&arguments)?, count)?.into_array(count)?;
        scattered(&computed, &mask).map(ColumnarValue::Array)
    }

    /// Computes all rows; an error names the expression and the values of the first row that fails.
    fn compute_or_say(&self, arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant =
            arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        if arguments.number_rows == 0 && !is_constant {
            // A branch of CASE may be taken by no row, and `to_char` panics where there is none.
            let ty = arguments.return_field.data_type();
            return Ok(ColumnarValue::Array(new_empty_array(ty)));
        }
        let error = match self.compute(arguments) {
            Ok(result) => return Ok(result),
            Err(error) => error,
        };
        match self.failing {
            Failing::StandsIn if !is_constant => self.stand_in_where_it_fails(arguments),
            _ => Err(self.failure(arguments, error)),
        }
    }

    /// What can be computed; another value for the rest.
    fn stand_in_where_it_fails(&self, arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ty = arguments.return_field.data_type();
        let row = |row| {
            let computed = self.compute(&row_of(arguments, row, 1)?);
            match computed.and_then(|value| value.into_array(1)) {
                Ok(array) => ScalarValue::try_from_array(&array, 0),
                Err(_) => stand_in(ty),
            }
        };
        let values = (0..arguments.number_rows).map(row).collect::<Result<Vec<_>>>()?;
        ScalarValue::iter_to_array(values).map(ColumnarValue::Array)
    }

    fn failure(&self, arguments: &ScalarFunctionArgs, error: DataFusionError) -> DataFusionError {
        let row = self.first_failing_row(arguments);
        let values = row.map(|row| values_at(arguments, row)).unwrap_or_default();
        let error = match row.and_then(|row| row_of(arguments, row, 1).ok()) {
            Some(row) => self.compute(&row).err().unwrap_or(error),
            None => error,
        };
        Failure::new(&self.operation, &self.written, values, &error).into()
    }

    /// The first row that cannot be computed, if one row alone is to blame.
    fn first_failing_row(&self, arguments: &ScalarFunctionArgs) -> Option<usize> {
        let fails = |start, rows| {
            let some = row_of(arguments, start, rows).ok()?;
            Some(self.compute(&some).is_err())
        };
        let (mut start, mut rows) = (0, arguments.number_rows);
        while rows > 1 {
            let half = rows / 2;
            if fails(start, half)? {
                rows = half;
            } else {
                (start, rows) = (start + half, rows - half);
            }
        }
        fails(start, rows)?.then_some(start)
    }
}

/// The one value that was computed of constants, for so many rows.
fn spread(value: ColumnarValue, rows: usize) -> Result<ColumnarValue> {
    Ok(match value {
        ColumnarValue::Array(one) if one.len() == 1 && rows != 1 => {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&one, 0)?)
        }
        value => value,
    })
}

/// Those rows of the arguments.
fn row_of(arguments: &ScalarFunctionArgs, start: usize, rows: usize) -> Result<ScalarFunctionArgs> {
    let slice = |value: &ColumnarValue| match value {
        ColumnarValue::Array(array) => ColumnarValue::Array(array.slice(start, rows)),
        scalar => scalar.clone(),
    };
    let args = arguments.args.iter().map(slice).collect();
    Ok(ScalarFunctionArgs { args, number_rows: rows, ..arguments.clone() })
}

fn values_at(arguments: &ScalarFunctionArgs, row: usize) -> Vec<Option<ScalarValue>> {
    let value = |value: &ColumnarValue| match value {
        ColumnarValue::Array(array) => ScalarValue::try_from_array(array, row).ok(),
        ColumnarValue::Scalar(scalar) => Some(scalar.clone()),
    };
    arguments.args.iter().map(value).collect()
}

/// Values for the rows of the mask, in the rows of the whole; the others are like the first.
fn scattered(values: &ArrayRef, mask: &BooleanArray) -> Result<ArrayRef> {
    let mut next = 0;
    let index = |chosen| {
        let index = if chosen { next } else { 0 };
        next += u64::from(chosen);
        index
    };
    let indices: UInt64Array = mask.values().iter().map(index).collect();
    Ok(take(values, &indices, None)?)
}

/// A value that nobody looks at.
fn stand_in(ty: &DataType) -> Result<ScalarValue> {
    ScalarValue::new_default(ty).or_else(|_| ScalarValue::try_new_null(ty))
}

/// The type of `left operator right`, as the engine has it.
pub fn result_type(left: &DataType, operator: Operator, right: &DataType) -> Result<DataType> {
    datafusion::logical_expr::binary::BinaryTypeCoercer::new(left, &operator, right)
        .get_result_type()
}

/// The one argument.
fn only(arguments: &ScalarFunctionArgs) -> Result<&ColumnarValue> {
    match arguments.args.as_slice() {
        [only] => Ok(only),
        all => internal_err!("{} operands instead of one", all.len()),
    }
}

fn cast(arguments: &ScalarFunctionArgs, to: &DataType) -> Result<ColumnarValue> {
    only(arguments)?.cast_to(to, Some(&CastOptions { safe: false, ..CastOptions::default() }))
}

/// The engine's own operator; overflow is an error.
fn binary(arguments: &ScalarFunctionArgs, operator: Operator) -> Result<ColumnarValue> {
    let mut columns = Vec::new();
    let mut fields = Vec::new();
    let mut operand = |value: &ColumnarValue| -> Arc<dyn PhysicalExpr> {
        match value {
            ColumnarValue::Scalar(scalar) => Arc::new(Literal::new(scalar.clone())),
            ColumnarValue::Array(array) => {
                let name = columns.len().to_string();
                let column = Column::new(&name, columns.len());
                fields.push(Field::new(name, array.data_type().clone(), true));
                columns.push(Arc::clone(array));
                Arc::new(column)
            }
        }
    };
    let [left, right] = arguments.args.as_slice() else {
        return internal_err!("{} operands instead of two", arguments.args.len());
    };
    let expr = BinaryExpr::new(operand(left), operator, operand(right)).with_fail_on_overflow(true);
    let rows = Some(arguments.number_rows);
    let options = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(rows);
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new_with_options(schema, columns, &options)?;
    expr.evaluate(&batch)
}

fn negate(arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    Ok(match only(arguments)? {
        ColumnarValue::Array(array) => ColumnarValue::Array(neg(array)?),
        ColumnarValue::Scalar(scalar) => ColumnarValue::Scalar(scalar.arithmetic_negate()?),
    })
}

/// A decimal may have more digits than its type says: the engine computes with 128 bits.
fn check_digits(value: &ColumnarValue, precision: u8, scale: i8) -> Result<()> {
    use datafusion::arrow::datatypes::{Decimal128Type, DecimalType};
    match value {
        ColumnarValue::Scalar(ScalarValue::Decimal128(Some(value), _, _)) => {
            Decimal128Type::validate_decimal_precision(*value, precision, scale)?;
        }
        ColumnarValue::Array(array) => {
            array.as_primitive::<Decimal128Type>().validate_decimal_precision(precision)?;
        }
        ColumnarValue::Scalar(_) => {}
    }
    Ok(())
}

impl PartialEq for Guard {
    fn eq(&self, other: &Self) -> bool {
        self.operation == other.operation
            && self.is_conditional == other.is_conditional
            && self.failing == other.failing
    }
}

impl Eq for Guard {}

impl Hash for Guard {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.operation, self.is_conditional).hash(state);
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cast(to) => write!(f, "cast to {}", to.data_type()),
            Self::Binary(operator) => write!(f, "{operator}"),
            Self::Negate => f.write_str("minus"),
            Self::Call(function) => f.write_str(function.name()),
            Self::Total(name) => f.write_str(name),
        }
    }
}

impl ScalarUDFImpl for Guard {
    fn name(&self) -> &str {
        match &self.operation {
            Operation::Cast(_) => "cast",
            Operation::Binary(_) => "operator",
            Operation::Negate => "minus",
            Operation::Call(function) => function.name(),
            Operation::Total(name) => name,
        }
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        let condition = if self.is_conditional { " if" } else { "" };
        let is_leaf = |expr: &Expr| matches!(expr, Expr::Column(_) | Expr::Literal(..));
        if !arguments.iter().all(is_leaf) {
            // The engine asks for the name of each part again and again: names of names would take
            // cubic time. Columns keep the names that they had without guards.
            let mut hasher = std::hash::DefaultHasher::new();
            (self, arguments).hash(&mut hasher);
            return Ok(format!("{}{condition}#{:016x}", self.operation, hasher.finish()));
        }
        let names: Vec<_> = arguments.iter().map(|e| e.schema_name().to_string()).collect();
        Ok(format!("{}{condition}({})", self.operation, names.join(",")))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        // Types have been agreed on before a guard is put.
        Ok(types.to_vec())
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        internal_err!("a guard is asked for its field")
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let scalars = self.operands(arguments.scalar_arguments);
        self.yields(self.operands(arguments.arg_fields), scalars)
    }

    fn invoke_with_args(&self, mut arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if !self.is_conditional {
            return self.compute_or_say(&arguments);
        }
        if arguments.args.is_empty() || arguments.arg_fields.is_empty() {
            return internal_err!("a conditional guard has no condition");
        }
        let condition = arguments.args.remove(0);
        arguments.arg_fields.remove(0);
        self.compute_where(&condition, arguments)
    }

    fn is_strict(&self) -> bool {
        !self.is_conditional
            && match &self.operation {
                Operation::Call(function) => function.inner().is_strict(),
                _ => true,
            }
    }
}
