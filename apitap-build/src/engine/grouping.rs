//! `ROLLUP`, `CUBE` and `GROUPING SETS` over constants: see the correction `ROLLUP_OF_CONSTANTS`.
//!
//! Where the engine knows that a column is constant, it takes the groups of several inputs for
//! complete, also those in which the column is left out. So it is not told.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    Aggregate, ColumnarValue, Expr, LogicalPlan, Projection, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

/// Hides from the engine which columns of grouping sets are constant.
#[derive(Debug)]
pub(super) struct GroupingSets;

impl AnalyzerRule for GroupingSets {
    fn name(&self) -> &str {
        "grouping_sets"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(hide)?.data)
    }
}

fn hide(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Aggregate(aggregate) = plan else { return Ok(Transformed::no(plan)) };
    if !aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let hidden = aggregate.input.schema().columns().into_iter().map(|column| {
        let (relation, name) = (column.relation.clone(), column.name.clone());
        opaque(Expr::Column(column)).alias_qualified(relation, name)
    });
    let hidden = hidden.collect::<Vec<_>>();
    let input = LogicalPlan::Projection(Projection::try_new(hidden, aggregate.input)?);
    let aggregate = Aggregate::try_new(Arc::new(input), aggregate.group_expr, aggregate.aggr_expr)?;
    Ok(Transformed::yes(LogicalPlan::Aggregate(aggregate)))
}

fn opaque(expr: Expr) -> Expr {
    let function =
        Arc::new(ScalarUDF::from(Opaque { signature: Signature::any(1, Volatility::Volatile) }));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![expr]))
}

/// What it is given.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Opaque {
    signature: Signature,
}

impl ScalarUDFImpl for Opaque {
    fn name(&self) -> &str {
        "opaque"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        internal_err!("opaque is asked for its field")
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        match arguments.arg_fields {
            [field] => Ok(Arc::clone(field)),
            all => internal_err!("opaque takes one argument, not {}", all.len()),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match arguments.args.into_iter().next() {
            Some(value) => Ok(value),
            None => internal_err!("opaque takes an argument"),
        }
    }
}
