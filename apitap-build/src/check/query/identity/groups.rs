//! A plan whose rows are groups → what tells one group from another, and which columns of the rows have it.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Aggregate, Distinct, Expr, LogicalPlan, Operator};

use super::field;

/// One of the expressions that tell groups apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// As it is written, more or less.
    pub written: String,
    /// The columns of the rows that are it, or are made of it.
    pub columns: BTreeSet<usize>,
    /// The source and the path, where it is a field of one.
    pub field: Option<(String, String)>,
    /// Whether it is a time, or a day.
    pub is_time: bool,
}

/// What tells the rows apart; nothing where they are no groups.
pub(super) fn of(plan: &LogicalPlan) -> Vec<Group> {
    match plan {
        LogicalPlan::Aggregate(aggregate) => grouped(aggregate),
        LogicalPlan::Distinct(Distinct::All(input)) => distinct(input),
        LogicalPlan::Projection(projection) => {
            let mut groups = of(&projection.input);
            for group in &mut groups {
                let is_made_of = |expr: &Expr| reads(expr, &projection.input, &group.columns);
                let columns = projection.expr.iter().enumerate();
                let columns = columns.filter(|(_, expr)| is_made_of(expr));
                group.columns = columns.map(|(column, _)| column).collect();
            }
            groups
        }
        LogicalPlan::Filter(filter) => {
            let mut groups = of(&filter.input);
            let fixed = fixed(&filter.predicate, &filter.input);
            groups.retain(|group| group.columns.is_disjoint(&fixed));
            groups
        }
        LogicalPlan::Sort(sort) => of(&sort.input),
        LogicalPlan::Limit(limit) => of(&limit.input),
        LogicalPlan::SubqueryAlias(alias) => of(&alias.input),
        _ => Vec::new(),
    }
}

fn grouped(aggregate: &Aggregate) -> Vec<Group> {
    let exprs = &aggregate.group_expr;
    if exprs.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
        return Vec::new();
    }
    let input = &aggregate.input;
    let fixed = fixed_below(input);
    let groups = exprs.iter().enumerate().filter(|(_, expr)| match bare(expr) {
        Expr::Literal(..) => false,
        Expr::Column(column) => {
            input.schema().maybe_index_of_column(column).is_none_or(|index| !fixed.contains(&index))
        }
        _ => true,
    });
    groups
        .map(|(index, expr)| {
            let source = match bare(expr) {
                Expr::Column(column) => input.schema().maybe_index_of_column(column),
                _ => None,
            };
            let written = match bare(expr) {
                Expr::Column(column) => column.name.clone(),
                other => other.human_display().to_string(),
            };
            let ty = aggregate.schema.fields().get(index).map(|field| field.data_type());
            Group {
                written,
                columns: BTreeSet::from([index]),
                field: source.and_then(|column| field(input, column)),
                is_time: ty.is_some_and(is_time),
            }
        })
        .collect()
}

fn distinct(input: &LogicalPlan) -> Vec<Group> {
    let fields = input.schema().fields().iter().enumerate();
    fields
        .map(|(index, column)| Group {
            written: column.name().clone(),
            columns: BTreeSet::from([index]),
            field: field(input, index),
            is_time: is_time(column.data_type()),
        })
        .collect()
}

fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => bare(&alias.expr),
        other => other,
    }
}

fn is_time(ty: &DataType) -> bool {
    matches!(ty, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..))
}

/// Whether an expression reads one of those columns of its input.
fn reads(expr: &Expr, input: &LogicalPlan, columns: &BTreeSet<usize>) -> bool {
    let mut found = false;
    let _ = expr.apply(|expr| {
        if let Expr::Column(column) = expr {
            let index = input.schema().maybe_index_of_column(column);
            found |= index.is_some_and(|index| columns.contains(&index));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// The columns that have one value only, because a condition says so.
fn fixed(predicate: &Expr, input: &LogicalPlan) -> BTreeSet<usize> {
    let mut columns = BTreeSet::new();
    let mut waiting = vec![predicate];
    while let Some(expr) = waiting.pop() {
        let Expr::BinaryExpr(binary) = expr else { continue };
        match (binary.op, &*binary.left, &*binary.right) {
            (Operator::And, left, right) => waiting.extend([left, right]),
            (Operator::Eq, Expr::Column(column), Expr::Literal(..))
            | (Operator::Eq, Expr::Literal(..), Expr::Column(column)) => {
                columns.extend(input.schema().maybe_index_of_column(column));
            }
            _ => {}
        }
    }
    columns
}

fn fixed_below(plan: &LogicalPlan) -> BTreeSet<usize> {
    match plan {
        LogicalPlan::Filter(filter) => {
            let mut columns = fixed_below(&filter.input);
            columns.extend(fixed(&filter.predicate, &filter.input));
            columns
        }
        _ => BTreeSet::new(),
    }
}
