//! `sum` and `avg` of exact numbers that say where the result does not fit: DataFusion's wrap around.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array, PrimitiveArray,
};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, DecimalType, Field, FieldRef, Int64Type,
    UInt64Type,
};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, Signature,
};

use super::failure::Failure;
use super::guard::{Operation, Written};
use crate::schema::described::describe_type;

/// The function of ours in the place of one of the engine's, if there is one.
pub(super) fn function(theirs: &Arc<AggregateUDF>) -> Option<AggregateUDF> {
    let average = match theirs.name() {
        "sum" => false,
        "avg" => true,
        _ => return None,
    };
    Some(AggregateUDF::from(Sum { inner: Arc::clone(theirs), average }))
}

/// `sum`, or `avg`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Sum {
    inner: Arc<AggregateUDF>,
    average: bool,
}

/// What is added up.
#[derive(Debug, Clone)]
struct Exact {
    /// The type of the numbers.
    of: DataType,
    /// The type of the result.
    to: DataType,
    average: bool,
}

impl Sum {
    /// How these are added up here; `None` where the engine does it.
    fn exact(&self, fields: &[FieldRef], to: &DataType) -> Option<Exact> {
        let of = fields.first()?.data_type().clone();
        let is_exact = match (&of, self.average) {
            (DataType::Decimal128(..), _) => matches!(to, DataType::Decimal128(..)),
            (DataType::Int64 | DataType::UInt64, false) => of == *to,
            _ => false,
        };
        is_exact.then(|| Exact { of, to: to.clone(), average: self.average })
    }
}

impl Exact {
    fn digits(ty: &DataType) -> (u8, i8) {
        match ty {
            DataType::Decimal128(precision, scale) => (*precision, *scale),
            _ => (38, 0),
        }
    }

    /// The values as whole numbers.
    fn read(&self, values: &dyn Array) -> Result<Numbers> {
        Ok(match &self.of {
            DataType::Int64 => Numbers::Int(values.as_primitive::<Int64Type>().clone()),
            DataType::UInt64 => Numbers::Uint(values.as_primitive::<UInt64Type>().clone()),
            DataType::Decimal128(..) => {
                Numbers::Decimal(values.as_primitive::<Decimal128Type>().clone())
            }
            other => return internal_err!("{other} is not exact"),
        })
    }

    /// The result of a group.
    fn result(&self, total: Total) -> Result<Option<i128>> {
        if total.count == 0 {
            return Ok(None);
        }
        let (precision, scale) = Self::digits(&self.to);
        let result = match self.average {
            false => Some(total.sum),
            true => {
                let (_, from) = Self::digits(&self.of);
                let shift = u32::try_from(scale - from).unwrap_or(0);
                let scaled = 10_i128.checked_pow(shift).and_then(|by| total.sum.checked_mul(by));
                scaled.map(|scaled| scaled / i128::from(total.count))
            }
        };
        let fits = |value: &i128| match &self.to {
            DataType::Int64 => i64::try_from(*value).is_ok(),
            DataType::UInt64 => u64::try_from(*value).is_ok(),
            _ => Decimal128Type::validate_decimal_precision(*value, precision, scale).is_ok(),
        };
        match result.filter(fits) {
            Some(value) => Ok(Some(value)),
            None => overflow(self),
        }
    }

    fn results(&self, totals: Vec<Total>) -> Result<ArrayRef> {
        let results = totals.into_iter().map(|total| self.result(total));
        let results = results.collect::<Result<Vec<_>>>()?;
        Ok(match &self.to {
            DataType::Int64 => narrowed::<Int64Type>(&results),
            DataType::UInt64 => narrowed::<UInt64Type>(&results),
            to => {
                let array = Decimal128Array::from(results);
                Arc::new(array.with_data_type(to.clone()))
            }
        })
    }
}

/// Values that are known to fit.
fn narrowed<T: ArrowPrimitiveType>(values: &[Option<i128>]) -> ArrayRef
where
    T::Native: TryFrom<i128>,
{
    let fits = |value: &Option<i128>| value.and_then(|value| T::Native::try_from(value).ok());
    Arc::new(values.iter().map(fits).collect::<PrimitiveArray<T>>())
}

fn overflow<T>(exact: &Exact) -> Result<T> {
    let operation = Operation::Total(if exact.average { "avg" } else { "sum" });
    let why = format!("the result does not fit {}", describe_type(&exact.to));
    Err(Failure { operation, written: Written::default(), values: Vec::new(), why }.into())
}

/// The sum or average that an aggregate function is, and whether rows such as APIs send can come to
/// more than its type holds; `None` where they cannot, whatever they are.
pub(super) fn risk(function: &AggregateUDF, of: &DataType) -> Option<(Operation, bool)> {
    let sum: &Sum = function.inner().downcast_ref()?;
    let to = sum.return_type(std::slice::from_ref(of)).ok()?;
    let fields = [Arc::new(Field::new("value", of.clone(), true)) as FieldRef];
    let exact = sum.exact(&fields, &to)?;
    // A sum has ten digits more than what is added up, as long as there are so many.
    let (precision, _) = Exact::digits(of);
    let is_remote = !of.is_decimal() || precision <= 28;
    Some((Operation::Total(if exact.average { "avg" } else { "sum" }), is_remote))
}

/// Numbers of a batch.
enum Numbers {
    Int(PrimitiveArray<Int64Type>),
    Uint(PrimitiveArray<UInt64Type>),
    Decimal(PrimitiveArray<Decimal128Type>),
}

impl Numbers {
    /// The value of a row; `None` for null.
    fn get(&self, row: usize) -> Option<i128> {
        match self {
            Self::Int(array) => array.is_valid(row).then(|| i128::from(array.value(row))),
            Self::Uint(array) => array.is_valid(row).then(|| i128::from(array.value(row))),
            Self::Decimal(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }
}

/// The sum of a group so far, and of how many values.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    sum: i128,
    count: i64,
}

impl Total {
    /// With so many values more, whose sum is that.
    fn add(&mut self, sum: i128, count: i64) -> Option<()> {
        self.sum = self.sum.checked_add(sum)?;
        self.count = self.count.checked_add(count)?;
        Some(())
    }
}

/// The sums of all groups.
#[derive(Debug)]
struct Groups {
    exact: Exact,
    totals: Vec<Total>,
}

impl Groups {
    fn take(&mut self, emit: EmitTo) -> Vec<Total> {
        emit.take_needed(&mut self.totals)
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        let [values] = values else { return internal_err!("{} columns to add up", values.len()) };
        self.totals.resize(count, Total::default());
        let numbers = self.exact.read(values)?;
        for (row, group) in groups.iter().enumerate() {
            let is_kept = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            let Some(value) = numbers.get(row).filter(|_| is_kept) else { continue };
            let added = self.totals.get_mut(*group).and_then(|total| total.add(value, 1));
            if added.is_none() {
                return overflow(&self.exact);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let totals = self.take(emit);
        self.exact.results(totals)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let totals = self.take(emit);
        let sums = Decimal128Array::from_iter_values(totals.iter().map(|total| total.sum));
        let counts = Int64Array::from_iter_values(totals.iter().map(|total| total.count));
        Ok(vec![Arc::new(sums.with_data_type(SUM)), Arc::new(counts)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.totals.resize(count, Total::default());
        let (sums, counts) = states_of(states)?;
        for (row, group) in groups.iter().enumerate() {
            let total = self.totals.get_mut(*group);
            if total.and_then(|total| total.add(sums.value(row), counts.value(row))).is_none() {
                return overflow(&self.exact);
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |values| values.len());
        let mut each = Self { exact: self.exact.clone(), totals: Vec::new() };
        each.update_batch(values, &(0..rows).collect::<Vec<_>>(), filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.totals.capacity() * size_of::<Total>()
    }
}

/// How sums travel: whole numbers of 128 bits.
const SUM: DataType = DataType::Decimal128(38, 0);

fn states_of(states: &[ArrayRef]) -> Result<(&PrimitiveArray<Decimal128Type>, &Int64Array)> {
    let [sums, counts] = states else {
        return internal_err!("{} columns of a sum's state", states.len());
    };
    Ok((sums.as_primitive(), counts.as_primitive()))
}

/// One sum, of a group or of the rows of a window.
#[derive(Debug)]
struct One {
    exact: Exact,
    total: Total,
    /// How often each value is in it, where only different ones count.
    distinct: Option<HashMap<i128, i64>>,
}

impl One {
    fn add(&mut self, value: i128, count: i64) -> Result<()> {
        let is_counted = match &mut self.distinct {
            None => true,
            Some(known) => {
                let times = known.entry(value).or_default();
                let before = *times;
                *times += count;
                let (was, is) = (before > 0, *times > 0);
                if !is {
                    known.remove(&value);
                }
                was != is
            }
        };
        let signed = if count < 0 { value.checked_neg() } else { Some(value) };
        let added = match is_counted {
            true => signed.and_then(|signed| self.total.add(signed, count)),
            false => Some(()),
        };
        match added {
            Some(()) => Ok(()),
            None => overflow(&self.exact),
        }
    }

    fn each(&mut self, values: &[ArrayRef], count: i64) -> Result<()> {
        let [values] = values else { return internal_err!("{} columns to add up", values.len()) };
        let numbers = self.exact.read(values)?;
        (0..values.len())
            .filter_map(|row| numbers.get(row))
            .try_for_each(|value| self.add(value, count))
    }
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.each(values, 1)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.each(values, -1)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.exact.results(vec![self.total])?, 0)
    }

    fn size(&self) -> usize {
        let known = self.distinct.as_ref().map_or(0, HashMap::capacity);
        size_of::<Self>() + known * size_of::<(i128, i64)>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let sum = |sum| ScalarValue::Decimal128(Some(sum), 38, 0);
        match &self.distinct {
            None => Ok(vec![sum(self.total.sum), ScalarValue::Int64(Some(self.total.count))]),
            Some(known) => {
                let values: Vec<_> = known.keys().map(|value| sum(*value)).collect();
                Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&values, &SUM))])
            }
        }
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        if self.distinct.is_none() {
            let (sums, counts) = states_of(states)?;
            for row in 0..sums.len() {
                if self.total.add(sums.value(row), counts.value(row)).is_none() {
                    return overflow(&self.exact);
                }
            }
            return Ok(());
        }
        let [lists] = states else { return internal_err!("{} columns of a state", states.len()) };
        for list in lists.as_list::<i32>().iter().flatten() {
            for value in list.as_primitive::<Decimal128Type>().iter().flatten() {
                self.add(value, 1)?;
            }
        }
        Ok(())
    }
}

impl AggregateUDFImpl for Sum {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match self.exact(arguments.expr_fields, arguments.return_field.data_type()) {
            Some(exact) => {
                let distinct = arguments.is_distinct.then(HashMap::new);
                Ok(Box::new(One { exact, total: Total::default(), distinct }))
            }
            None => self.inner.accumulator(arguments),
        }
    }

    fn create_sliding_accumulator(
        &self,
        arguments: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        match self.exact(arguments.expr_fields, arguments.return_field.data_type()) {
            Some(_) => self.accumulator(arguments),
            None => self.inner.create_sliding_accumulator(arguments),
        }
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let exact = self.exact(arguments.input_fields, arguments.return_field.data_type());
        if exact.is_none() {
            return self.inner.state_fields(arguments);
        }
        let name = |part: &str| format_state_name(arguments.name, part);
        Ok(match arguments.is_distinct {
            true => {
                let item = Field::new_list_field(SUM, true);
                vec![Arc::new(Field::new_list(name("sum distinct"), item, false))]
            }
            false => vec![
                Arc::new(Field::new(name("sum"), SUM, false)),
                Arc::new(Field::new(name("count"), DataType::Int64, false)),
            ],
        })
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs<'_>) -> bool {
        match self.exact(arguments.expr_fields, arguments.return_field.data_type()) {
            Some(_) => !arguments.is_distinct,
            None => self.inner.groups_accumulator_supported(arguments),
        }
    }

    fn create_groups_accumulator(
        &self,
        arguments: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        match self.exact(arguments.expr_fields, arguments.return_field.data_type()) {
            Some(exact) => Ok(Box::new(Groups { exact, totals: Vec::new() })),
            None => self.inner.create_groups_accumulator(arguments),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.inner.reverse_udf()
    }

    fn order_sensitivity(&self) -> datafusion::logical_expr::utils::AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }
}
