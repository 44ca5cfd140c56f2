//! Functions and operators that look into `json` columns.
//!
//! The functions are those of the crate `datafusion-functions-json`, with three differences: `->`
//! yields the `json` type, which can be stored, where theirs is a union that no table has; any step may
//! be a column; and they stay where the query has them, as other functions do.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, ListArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::sqlparser::ast::BinaryOperator;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion_functions_json::udfs;

use crate::schema::arrow::TYPE_KEY;

/// All of them.
pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let get = |inner, yields| Arc::new(ScalarUDF::from(OfJson::new(inner, yields)));
    vec![
        get(udfs::json_get_json_udf(), Yields::Json),
        get(udfs::json_get_array_udf(), Yields::ListOfJson),
        get(udfs::json_as_text_udf(), Yields::Plain),
        get(udfs::json_get_str_udf(), Yields::Plain),
        get(udfs::json_get_int_udf(), Yields::Plain),
        get(udfs::json_get_float_udf(), Yields::Plain),
        get(udfs::json_get_bool_udf(), Yields::Plain),
        get(udfs::json_length_udf(), Yields::Plain),
        get(udfs::json_contains_udf(), Yields::Plain),
        get(udfs::json_object_keys_udf(), Yields::Plain),
    ]
}

/// `a -> 'b'` and `a ->> 'b'` → calls of the functions.
#[derive(Debug)]
pub(super) struct Operators;

impl ExprPlanner for Operators {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        _schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let function = match expr.op {
            BinaryOperator::Arrow => OfJson::new(udfs::json_get_json_udf(), Yields::Json),
            BinaryOperator::LongArrow => OfJson::new(udfs::json_as_text_udf(), Yields::Plain),
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let mut arguments = steps(expr.left, &expr.right);
        arguments.push(expr.right);
        let call = ScalarFunction::new_udf(Arc::new(function.into()), arguments);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}

/// What a step is taken from: `a -> 'b'` is one call with the steps of both, so that the text between
/// them is never made.
fn steps(from: Expr, step: &Expr) -> Vec<Expr> {
    let is_constant = |expr: &Expr| matches!(expr, Expr::Literal(..));
    match from {
        Expr::ScalarFunction(call)
            if (call.func.inner().downcast_ref::<OfJson>())
                .is_some_and(|function| function.yields == Yields::Json)
                && call.args.iter().skip(1).chain([step]).all(is_constant) =>
        {
            call.args
        }
        other => vec![other],
    }
}

/// What a function yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Yields {
    /// Text that is JSON.
    Json,
    /// Lists of such texts.
    ListOfJson,
    /// What the crate says.
    Plain,
}

/// A function of the crate.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OfJson {
    inner: Arc<ScalarUDF>,
    yields: Yields,
    signature: Signature,
}

impl OfJson {
    fn new(inner: Arc<ScalarUDF>, yields: Yields) -> Self {
        Self { inner, yields, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for OfJson {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        static GET: std::sync::LazyLock<[String; 1]> =
            std::sync::LazyLock::new(|| ["json_get".to_owned()]);
        match self.yields {
            Yields::Json => &*GET,
            _ => &[],
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let Some((json, steps)) = arguments.split_first() else {
            return plan_err!("{} requires JSON as its first argument", self.name());
        };
        if steps.is_empty() && self.name() == "json_contains" {
            return plan_err!("{} requires a key or a position as an argument", self.name());
        }
        let steps = steps.iter().map(|step| match step {
            step if step.is_string() => Ok(step.clone()),
            step if step.is_integer() => Ok(DataType::Int64),
            _ => plan_err!("{} expected keys and positions", self.name()),
        });
        let json = match json {
            json if json.is_string() => json.clone(),
            json if json.is_null() => DataType::Utf8,
            _ => return plan_err!("{} expected JSON", self.name()),
        };
        std::iter::once(Ok(json)).chain(steps).collect()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(match self.yields {
            Yields::ListOfJson => DataType::List(json("item")),
            _ => self.inner.return_type(arguments)?,
        })
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types = arguments.arg_fields.iter().map(|field| field.data_type().clone());
        let ty = self.return_type(&types.collect::<Vec<_>>())?;
        Ok(match self.yields {
            Yields::Json => json(self.name()),
            _ => Arc::new(Field::new(self.name(), ty, true)),
        })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let computed = self.inner.inner().invoke_with_args(before_the_last(arguments)?)?;
        if self.yields != Yields::ListOfJson {
            return Ok(computed);
        }
        Ok(match computed {
            ColumnarValue::Array(array) => ColumnarValue::Array(Arc::new(of_json(&array)?)),
            ColumnarValue::Scalar(scalar) => {
                let list = of_json(&scalar.to_array()?)?;
                ColumnarValue::Scalar(ScalarValue::List(Arc::new(list)))
            }
        })
    }
}

/// Takes all steps but the last, one by one: the crate takes several only where they are the same for
/// all rows.
fn before_the_last(mut arguments: ScalarFunctionArgs) -> Result<ScalarFunctionArgs> {
    let is_column = |step: &ColumnarValue| matches!(step, ColumnarValue::Array(_));
    while arguments.args.len() > 2 && arguments.args.iter().skip(1).any(is_column) {
        let rest = arguments.args.split_off(2);
        let get = udfs::json_get_json_udf();
        let got = get.inner().invoke_with_args(arguments.clone())?;
        arguments.args = std::iter::once(got).chain(rest).collect();
    }
    Ok(arguments)
}

/// A field of the type `json`.
fn json(name: &str) -> FieldRef {
    let tag = HashMap::from([(TYPE_KEY.to_owned(), "json".to_owned())]);
    Arc::new(Field::new(name, DataType::Utf8, true).with_metadata(tag))
}

/// The same lists, their elements of the type `json`.
fn of_json(array: &ArrayRef) -> Result<ListArray> {
    let (_, offsets, texts, nulls) = array.as_list::<i32>().clone().into_parts();
    Ok(ListArray::try_new(json("item"), offsets, texts, nulls)?)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Array as _;
    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::prelude::SessionContext;

    use super::super::{logical_plan, session_state};

    const META: &str = r#"{"plan": "pro", "n": 42, "f": 1.50, "big": 123456789012345678901234567890,
        "on": true, "none": null, "tags": ["a", {"b": [1, 2]}], "a": {"b": {"c": "deep"}, "0": "zero"}}"#;

    /// The one value of an expression over a column `meta`.
    fn value(expression: &str) -> Result<String, String> {
        let sql =
            format!("SELECT {expression} AS x FROM (SELECT '{META}' AS meta, 'n' AS key, 1 AS at)");
        let context = SessionContext::new_with_state(session_state());
        let batches = futures::executor::block_on(async {
            let plan = logical_plan(&context.state(), &sql).await?;
            context.execute_logical_plan(plan).await?.collect().await
        });
        let batches = batches.map_err(|error| error.strip_backtrace())?;
        let column = batches[0].column(0);
        if column.is_null(0) {
            return Ok("NULL".to_owned());
        }
        Ok(array_value_to_string(column, 0).unwrap())
    }

    #[track_caller]
    fn check(expression: &str, expected: &str) {
        assert_eq!(value(expression).as_deref(), Ok(expected), "{expression}");
    }

    #[test]
    fn operators_take_one_step_after_the_other() {
        check("meta->>'plan'", "pro");
        check("meta->'plan'", r#""pro""#);
        check("meta->'a'->'b'->>'c'", "deep");
        check("meta->'a'->>'b'", r#"{"c": "deep"}"#);
        check("meta->'tags'->1->'b'->>0", "1");
        check("meta->'tags'->>-2", "a");
        check("meta->'a'->>'0'", "zero");
        check("meta->>key", "42");
        check("meta->'tags'->>at", r#"{"b": [1, 2]}"#);
        check("json_as_text(meta, 'tags', at, 'b', at)", "2");
        check("json_get_int(meta, key)", "42");
    }

    #[test]
    fn operators_bind_as_in_postgresql() {
        check("meta->>'plan' = 'pro'", "true");
        check("meta->>'plan' || '!'", "pro!");
        check("meta->>'plan' IN ('pro', 'free') AND meta->>'none' IS NULL", "true");
        check("meta->>'plan' LIKE 'p%'", "true");
        check("NOT meta->>'plan' = 'free'", "true");
        check("(meta->>'n')::int + 1", "43");
        check("meta->>'plan' ~ '^p' ", "true");
        check("meta->>'plan' IS DISTINCT FROM 'pro'", "false");
    }

    #[test]
    fn a_number_stays_as_it_was_written() {
        check("meta->>'big'", "123456789012345678901234567890");
        check("meta->'f'", "1.50");
        check("(meta->>'f')::decimal(12,2)", "1.50");
        check("(meta->'n')::int", "42");
    }

    #[test]
    fn what_is_not_there_is_null_and_a_null_of_json_is_one_as_text() {
        check("meta->>'nothing'", "NULL");
        check("meta->'nothing'->>'more'", "NULL");
        check("meta->>'none'", "NULL");
        check("meta->'none'", "null");
        check("NULL->>'a'", "NULL");
    }

    #[test]
    fn functions_yield_values_of_their_type_or_null() {
        check("json_get_str(meta, 'plan')", "pro");
        check("json_get_str(meta, 'n')", "NULL");
        check("json_get_int(meta, 'n')", "42");
        check("json_get_int(meta, 'f')", "NULL");
        check("json_get_int(meta, 'big')", "NULL");
        check("json_get_float(meta, 'f')", "1.5");
        check("json_get_bool(meta, 'on')", "true");
        check("json_get_bool(meta, 'plan')", "NULL");
        check("json_get(meta, 'a', 'b')", r#"{"c": "deep"}"#);
        check("json_get_json(meta, 'plan')", r#""pro""#);
        check("json_as_text(meta, 'tags', 1, 'b')", "[1, 2]");
        check("json_length(meta, 'tags')", "2");
        check("json_length(meta, 'plan')", "NULL");
        check("json_contains(meta, 'none')", "true");
        check("json_contains(meta, 'nothing')", "false");
        check("json_object_keys(meta, 'a')", "[b, 0]");
        check("json_get_array(meta, 'tags')", r#"["a", {"b": [1, 2]}]"#);
        check("json_get_array(meta, 'tags')[1]", r#""a""#);
    }

    #[test]
    fn what_cannot_be_computed_is_refused_before_a_run() {
        let refused = |expression, reason: &str| {
            let error = value(expression).unwrap_err();
            assert!(error.contains(reason), "{expression}: {error}");
        };
        refused("at->>'a'", "json_as_text expected JSON");
        refused("meta->>true", "json_as_text expected keys and positions");
        refused("json_contains(meta)", "requires a key");
        refused("json_length()", "");
    }
}
