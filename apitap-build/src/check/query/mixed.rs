//! Text and other values in one place, which the planner makes text of without a word: `id = code`
//! would compare `10` and `9` as texts, and a UNION of the two would store texts.
//!
//! The plan before its types are made to agree says whether there is any such place. Only then is
//! the statement searched for it.

use crate::codes;
use std::ops::Range;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator};
use datafusion::sql::sqlparser::ast::{self, BinaryOperator, SetExpr, Statement, Value};

use super::blame::Blame;
use super::context::Context;
use super::draft::Draft;
use super::row::item_ranges;
use super::words::{self, describe};
use super::{tree, units};

/// Functions that yield one of their arguments.
const ONE_OF: [&str; 6] = ["coalesce", "nvl", "ifnull", "nullif", "greatest", "least"];

/// The places where text and something else meet, and the statement with `NULL` in their stead;
/// `None` where there are none.
pub(super) fn mixed(
    context: &Context<'_>,
    statement: &Statement,
    named: &LogicalPlan,
) -> Option<(Vec<Draft>, Statement)> {
    let (mut drafts, mut fixed) = (Vec::new(), statement.clone());
    // What cannot be looked at is refused by the planner.
    let found = look(named).unwrap_or_default();
    if found.in_expressions {
        let error = DataFusionError::Internal(String::new());
        let blame = Blame::new(context.planner, context.text, statement, &error);
        let mut nodes = Vec::new();
        for node in blame.tree.all() {
            if let Some(draft) = expression(context, &blame, node) {
                drafts.push(draft);
                nodes.push(node);
            }
        }
        fixed = tree::replace(&fixed, &nodes, &tree::null());
        if drafts.is_empty()
            && let Some(range) = context.text.find("USING")
        {
            let message = "the columns of this join are text and another type, compared as text";
            let draft = Draft::error(codes::TYPE_MISMATCH, message, range);
            drafts.push(
                draft.help("write the condition out, and convert: `ON CAST(a.… AS …) = b.…`"),
            );
        }
    }
    drafts.extend(found.unions.iter().map(|union| in_union(context, statement, union)));
    (!drafts.is_empty()).then_some((drafts, fixed))
}

/// What was found in a plan.
#[derive(Default)]
struct Found {
    in_expressions: bool,
    unions: Vec<Union>,
}

/// Two sides of a UNION whose columns do not go together.
struct Union {
    /// Which side, from 0.
    side: usize,
    /// Which column, from 0.
    column: usize,
    first: FieldRef,
    other: FieldRef,
}

fn look(plan: &LogicalPlan) -> Result<Found> {
    let mut found = Found::default();
    plan.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        for expr in node.expressions() {
            expr.apply(|expr| {
                found.in_expressions |= is_mixed(expr, &schema);
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        if let LogicalPlan::Join(join) = node {
            found.in_expressions |= join.on.iter().any(|(a, b)| disagree(&[a, b], &schema, true));
        }
        if let LogicalPlan::Union(_) = node {
            found.unions.extend(union(node));
            // The sides are looked at as one, however they are nested.
            let mut sides = Vec::new();
            leaves(node, &mut sides);
            for side in sides {
                let inner = look(side)?;
                found.in_expressions |= inner.in_expressions;
                found.unions.extend(inner.unions);
            }
            return Ok(TreeNodeRecursion::Jump);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

fn leaves<'a>(plan: &'a LogicalPlan, sides: &mut Vec<&'a LogicalPlan>) {
    match plan {
        LogicalPlan::Union(union) => union.inputs.iter().for_each(|input| leaves(input, sides)),
        LogicalPlan::Distinct(distinct) => leaves(distinct.input(), sides),
        other => sides.push(other),
    }
}

/// The first column of a side that does not go with that of the first side.
fn union(plan: &LogicalPlan) -> Vec<Union> {
    let mut sides = Vec::new();
    leaves(plan, &mut sides);
    let Some((first, others)) = sides.split_first() else { return Vec::new() };
    let fields = first.schema().fields();
    let columns = |(side, plan): (usize, &&LogicalPlan)| {
        let pairs = fields.iter().zip(plan.schema().fields()).enumerate();
        let apart = pairs.filter(|(_, (a, b))| are_apart(a.data_type(), b.data_type()));
        let union = |(column, (first, other)): (usize, (&FieldRef, &FieldRef))| Union {
            side: side + 1,
            column,
            first: first.clone(),
            other: other.clone(),
        };
        apart.map(union).collect::<Vec<_>>()
    };
    others.iter().enumerate().flat_map(columns).collect()
}

fn is_mixed(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::BinaryExpr(binary) if is_division(binary.op) => is_zero(&binary.right),
        Expr::BinaryExpr(binary) => {
            is_comparison(binary.op) && disagree(&[&binary.left, &binary.right], schema, true)
        }
        Expr::InList(list) => {
            let all: Vec<_> = std::iter::once(&*list.expr).chain(&list.list).collect();
            disagree(&all, schema, true)
        }
        Expr::Between(between) => {
            disagree(&[&between.expr, &between.low, &between.high], schema, true)
        }
        Expr::InSubquery(within) => {
            let column = within.subquery.subquery.schema().fields().first();
            let ty = within.expr.get_type(schema).ok();
            column.zip(ty).is_some_and(|(column, ty)| are_apart(column.data_type(), &ty))
        }
        Expr::Case(case)
            if case.expr.is_none()
                && case.when_then_expr.iter().any(|(when, _)| {
                    when.get_type(schema).is_ok_and(|ty| ty != DataType::Boolean && !ty.is_null())
                }) =>
        {
            true
        }
        Expr::Case(case) => {
            let then = case.when_then_expr.iter().map(|(_, then)| &**then);
            let all: Vec<_> = then.chain(case.else_expr.as_deref()).collect();
            disagree(&all, schema, false)
        }
        Expr::ScalarFunction(call) if takes_time(call.name()) => {
            let is_text = |arg: &Expr| arg.get_type(schema).is_ok_and(|ty| ty.is_string());
            let time = call.args.get(TIME);
            time.is_some_and(|arg| !matches!(arg, Expr::Literal(..)) && is_text(arg))
        }
        Expr::ScalarFunction(call) if ONE_OF.contains(&call.name()) => {
            disagree(&call.args.iter().collect::<Vec<_>>(), schema, false)
        }
        _ => false,
    }
}

/// Which argument of a function of times is one.
const TIME: usize = 1;

/// Whether that argument of a function is a time: a text in its stead would be read as one, whatever it says.
fn takes_time(function: &str) -> bool {
    let others = ["date_bin", "datepart", "datetrunc"];
    units::FUNCTIONS.iter().chain(&others).any(|name| *name == function)
}

fn is_division(op: Operator) -> bool {
    matches!(op, Operator::Divide | Operator::Modulo)
}

/// The whole number 0: what is divided by it is an error when the query runs.
fn is_zero(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(ScalarValue::Int64(Some(0)), _))
}

fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

/// Whether the first of these is text and another is not, or the other way round. A literal text
/// is read as what it is compared with.
fn disagree(all: &[&Expr], schema: &DFSchema, literals_are_read: bool) -> bool {
    let ty = |expr: &&Expr| match expr {
        Expr::Literal(value, _) if value.data_type().is_string() && literals_are_read => None,
        expr => expr.get_type(schema).ok(),
    };
    let types: Vec<_> = all.iter().filter_map(ty).collect();
    let Some((first, others)) = types.split_first() else { return false };
    others.iter().any(|other| are_apart(first, other))
}

/// Text, and a number, a time or a truth value: the planner would make text of both.
fn are_apart(a: &DataType, b: &DataType) -> bool {
    let is_other = |ty: &DataType| ty.is_numeric() || ty.is_temporal() || *ty == DataType::Boolean;
    (a.is_string() && is_other(b)) || (b.is_string() && is_other(a))
}

/// What of an expression must agree; whether texts that are written out are read as the others;
/// and what makes text of them, if they are not compared.
fn parts(expr: &ast::Expr, count: usize) -> Option<(Vec<usize>, bool, Option<String>)> {
    Some(match expr {
        ast::Expr::BinaryOp { op, .. } if super::mismatch::is_comparison(op) => {
            ((0..count).collect(), true, None)
        }
        ast::Expr::InList { .. } | ast::Expr::Between { .. } => ((0..count).collect(), true, None),
        ast::Expr::Case { operand, .. } => {
            let skip = usize::from(operand.is_some());
            let yields = |at: &usize| (*at - skip) % 2 == 1 || *at + 1 == count;
            ((skip..count).filter(yields).collect(), false, Some("CASE".to_owned()))
        }
        ast::Expr::Function(function) => {
            let name = function.name.to_string().to_lowercase();
            ONE_OF.contains(&name.as_str()).then_some(())?;
            ((0..count).collect(), false, Some(format!("`{name}`")))
        }
        _ => return None,
    })
}

fn expression(context: &Context<'_>, blame: &Blame<'_>, node: usize) -> Option<Draft> {
    let expr = blame.expr(node)?;
    let children: Vec<_> = blame.tree.children(node).collect();
    if let ast::Expr::InSubquery { subquery, .. } = &expr {
        let field = blame.type_of(node, blame.expr(*children.first()?)?)?;
        let inner = context.planner.named(Statement::Query(subquery.clone())).ok()?;
        let column = inner.schema().fields().first()?;
        are_apart(field.data_type(), column.data_type()).then_some(())?;
        let message = format!("{} and {} are compared as text", describe(&field), describe(column));
        let draft = Draft::error(codes::TYPE_MISMATCH, message, blame.tree.range(node)?);
        return Some(draft.help("convert one of them: `CAST(… AS …)`"));
    }
    if let ast::Expr::BinaryOp {
        op: BinaryOperator::Divide | BinaryOperator::Modulo, right, ..
    } = &expr
        && right.to_string() == "0"
    {
        let draft =
            Draft::error(codes::TYPE_MISMATCH, "this divides by 0", blame.tree.range(node)?);
        return Some(draft.help("a query that computes it fails when it runs"));
    }
    if let ast::Expr::Case { operand: None, conditions, .. } = &expr
        && let Some(draft) = condition(context, blame, &children, conditions.len())
    {
        return Some(draft);
    }
    if let Some(draft) = text_as_time(context, blame, &expr, &children) {
        return Some(draft);
    }
    let (parts, literals_are_read, by) = parts(&expr, children.len())?;
    let part = |at: usize| {
        let child = *children.get(at)?;
        let expr = blame.expr(child)?;
        let is_read = literals_are_read && is_text(&expr);
        let field = blame.type_of(child, expr.clone()).filter(|_| !is_read)?;
        let is_literal = is_number(&expr) || is_text(&expr);
        Some((shown(context.text.slice(&blame.tree.range(child)?)), field, is_literal))
    };
    let parts: Vec<_> = parts.into_iter().filter_map(part).collect();
    let (first, others) = parts.split_first()?;
    let other = others.iter().find(|part| are_apart(first.1.data_type(), part.1.data_type()))?;
    let types = format!("{} and {}", describe(&first.1), describe(&other.1));
    let message = match by {
        Some(by) => format!("{by} makes text of {types}"),
        None => format!("{types} are compared as text"),
    };
    let draft = Draft::error(codes::TYPE_MISMATCH, message, blame.tree.range(node)?);
    let (text, value) =
        if first.1.data_type().is_string() { (first, other) } else { (other, first) };
    let draft = match literals_are_read && value.1.data_type().is_numeric() {
        true => draft.note("as texts, `10` comes before `9`"),
        false => draft,
    };
    let to = words::sql(&value.1)?;
    Some(match (literals_are_read, value.2) {
        (true, true) => draft.help(format!(
            "convert the text: `CAST({} AS {to})`; or compare with a text: `'{}'`",
            text.0, value.0
        )),
        (true, false) => draft.help(format!("convert one of them: `CAST({} AS {to})`", text.0)),
        (false, _) if text.2 => {
            draft.help(format!("if that is meant, say so: `CAST({} AS VARCHAR)`", value.0))
        }
        (false, _) => draft.help(format!(
            "say so, `CAST({} AS VARCHAR)`, or convert the text: `CAST({} AS {to})`",
            value.0, text.0
        )),
    })
}

/// A column of texts where a function takes a time.
fn text_as_time(
    context: &Context<'_>,
    blame: &Blame<'_>,
    expr: &ast::Expr,
    children: &[usize],
) -> Option<Draft> {
    let (name, index) = match expr {
        ast::Expr::Extract { .. } => ("EXTRACT".to_owned(), 0),
        ast::Expr::Function(function) => {
            let name = function.name.to_string().to_lowercase();
            takes_time(&name).then_some((name, TIME))?
        }
        _ => return None,
    };
    let child = *children.get(index)?;
    let written = blame.expr(child)?;
    let field = blame.type_of(child, written.clone())?;
    (field.data_type().is_string() && !is_text(&written)).then_some(())?;
    let range = blame.tree.range(child)?;
    let text = shown(context.text.slice(&range));
    let message = format!("`{name}` takes a time, not {}", describe(&field));
    let draft = Draft::error(codes::TYPE_MISMATCH, message, range.clone());
    Some(draft.help(format!("convert it: `CAST({text} AS TIMESTAMP)`")))
}

/// The first condition of a CASE that is none.
fn condition(
    context: &Context<'_>,
    blame: &Blame<'_>,
    children: &[usize],
    count: usize,
) -> Option<Draft> {
    let condition = |child: &usize| {
        let field = blame.type_of(*child, blame.expr(*child)?)?;
        let is_condition = field.data_type() == &DataType::Boolean || field.data_type().is_null();
        (!is_condition).then_some((*child, field))
    };
    let (child, field) = children.iter().step_by(2).take(count).find_map(condition)?;
    let range = blame.tree.range(child)?;
    let written = shown(context.text.slice(&range)).to_owned();
    let message = format!("a condition is `bool`, not {}", describe(&field));
    let help = format!("compare the value: `{written} = …`, `{written} IS NOT NULL`");
    Some(Draft::error(codes::TYPE_MISMATCH, message, range).help(help))
}

/// What is written, if it is short.
fn shown(written: &str) -> &str {
    if written.chars().count() > 30 || written.contains('\n') { "…" } else { written }
}

fn is_text(expr: &ast::Expr) -> bool {
    matches!(expr, ast::Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)))
}

fn is_number(expr: &ast::Expr) -> bool {
    matches!(expr, ast::Expr::Value(value) if matches!(value.value, Value::Number(..)))
}

fn in_union(context: &Context<'_>, statement: &Statement, union: &Union) -> Draft {
    let range = side(statement, union.side)
        .and_then(|select| item_ranges(context.text, select).get(union.column).cloned());
    let range: Range<usize> =
        range.or_else(|| context.text.find("UNION")).unwrap_or_else(|| context.text.first());
    let (first, other) = (describe(&union.first), describe(&union.other));
    let message = format!("this is {other}, but the same column is {first} above");
    Draft::error(codes::TYPE_MISMATCH, message, range)
        .note("the column would be text on both sides")
        .help("convert one of them: `CAST(… AS …)`")
}

/// The `SELECT` of that number of the outermost set operation.
fn side(statement: &Statement, number: usize) -> Option<&ast::Select> {
    fn collect<'a>(body: &'a SetExpr, sides: &mut Vec<Option<&'a ast::Select>>) {
        match body {
            SetExpr::SetOperation { left, right, .. } => {
                collect(left, sides);
                collect(right, sides);
            }
            SetExpr::Query(query) => collect(&query.body, sides),
            SetExpr::Select(select) => sides.push(Some(select)),
            _ => sides.push(None),
        }
    }
    let Statement::Query(query) = statement else { return None };
    let mut sides = Vec::new();
    collect(&query.body, &mut sides);
    sides.get(number).copied().flatten()
}
