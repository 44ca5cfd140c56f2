//! Units of time that are written out (`date_trunc('dya', …)`): the function itself is asked
//! whether it knows them, for planning does not.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs,
};

use super::context::Context;
use super::draft::{Draft, Fix};
use crate::codes;
use crate::engine::each_expression;
use crate::nearest::{Suggestion, did_you_mean};

/// Functions whose first argument is a unit, and whose second is a time.
pub(super) const FUNCTIONS: [&str; 2] = ["date_trunc", "date_part"];

/// The units that people mean.
const UNITS: [&str; 9] =
    ["year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond"];

/// A finding for each unit that its function does not know.
pub(super) fn unknown(context: &Context<'_>, plan: &LogicalPlan) -> Vec<Draft> {
    let mut units: Vec<String> = Vec::new();
    each_expression(plan, |_, expr| units.extend(unknown_unit(expr)));
    units.sort();
    units.dedup();
    let find = |unit: &String| {
        let range = [format!("'{unit}'"), unit.clone()]
            .iter()
            .find_map(|written| context.text.find(written))
            .unwrap_or_else(|| context.text.first());
        let help = did_you_mean("unit", unit, UNITS);
        let message = format!("`{unit}` is not a unit of time here");
        let draft = Draft::error(codes::UNKNOWN_UNIT, message, range.clone());
        match Suggestion::of(unit, UNITS) {
            Some(Suggestion { name, sure }) => {
                draft.fix(help, Fix { range, replacement: format!("'{name}'"), sure })
            }
            None => draft.help(help),
        }
    };
    units.iter().map(find).collect()
}

/// The unit of a call, if the function fails with it and not with another.
fn unknown_unit(expr: &Expr) -> Option<String> {
    let Expr::ScalarFunction(call) = expr else { return None };
    if !FUNCTIONS.contains(&call.name()) {
        return None;
    }
    let Expr::Literal(unit, _) = call.args.first()? else { return None };
    let unit = unit.try_as_str()??;
    (fails(call, unit) && !fails(call, "day")).then(|| unit.to_owned())
}

fn fails(call: &ScalarFunction, unit: &str) -> bool {
    let time = ScalarValue::TimestampMicrosecond(Some(0), None);
    let unit = ScalarValue::Utf8(Some(unit.to_owned()));
    let arg_fields = vec![
        Arc::new(Field::new("unit", DataType::Utf8, false)),
        Arc::new(Field::new("time", DataType::Timestamp(TimeUnit::Microsecond, None), false)),
    ];
    let scalar_arguments = [Some(&unit), None];
    let asked = ReturnFieldArgs { arg_fields: &arg_fields, scalar_arguments: &scalar_arguments };
    let Ok(return_field) = call.func.return_field_from_args(asked) else { return true };
    let args = ScalarFunctionArgs {
        args: vec![ColumnarValue::Scalar(unit.clone()), ColumnarValue::Scalar(time)],
        arg_fields,
        number_rows: 1,
        return_field,
        config_options: Arc::new(ConfigOptions::default()),
    };
    call.func.invoke_with_args(args).is_err()
}
