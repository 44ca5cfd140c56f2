//! Literals that a function is called with get the types that it takes, before all other types are
//! agreed on.
//!
//! What `round(price, 2)` yields hangs on the 2. DataFusion converts it in a cast, takes that for a value
//! that is not known, agrees on types with the wrong one, and finds the right one only when it runs.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

/// The rule that gives them.
#[derive(Debug)]
pub(super) struct Literals;

impl AnalyzerRule for Literals {
    fn name(&self) -> &str {
        "literals"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let rewrite = |plan: LogicalPlan| {
            let schema = merge_schema(&plan.inputs());
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let typed = expr.transform_up(|expr| Ok(typed(expr, &schema)))?;
                Ok(typed.update_data(|expr| name.restore(expr)))
            })?
            .map_data(LogicalPlan::recompute_schema)
        };
        Ok(plan.transform_up_with_subqueries(rewrite)?.data)
    }
}

/// A call with its literals as the function takes them; as it is where that is not known yet.
fn typed(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::ScalarFunction(ScalarFunction { func, mut args }) = expr else {
        return Transformed::no(expr);
    };
    let is_literal = |arg: &Expr| matches!(arg, Expr::Literal(..));
    let field = |arg: &Expr| -> Result<FieldRef> {
        Ok(Arc::new(Field::new("argument", arg.get_type(schema)?, true)))
    };
    let has_both = args.iter().any(is_literal) && !args.iter().all(is_literal);
    let fields = args.iter().map(field).collect::<Result<Vec<_>>>().ok().filter(|_| has_both);
    let taken = fields.and_then(|fields| fields_with_udf(&fields, func.as_ref()).ok());
    let mut is_changed = false;
    for (arg, field) in args.iter_mut().zip(taken.iter().flatten()) {
        let Expr::Literal(value, _) = arg else { continue };
        if value.data_type() == *field.data_type() || !value.data_type().is_integer() {
            continue;
        }
        if let Ok(value) = value.cast_to(field.data_type()) {
            *arg = Expr::Literal(value, None);
            is_changed = true;
        }
    }
    let call = Expr::ScalarFunction(ScalarFunction { func, args });
    if is_changed { Transformed::yes(call) } else { Transformed::no(call) }
}
