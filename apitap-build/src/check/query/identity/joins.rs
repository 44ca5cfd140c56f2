//! A plan that is a join of sources → what each of them is joined by, and which columns of the rows are
//! made of it.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, Join, JoinType, LogicalPlan, Operator};

use super::field;

/// A source of a join.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joined {
    /// The source.
    pub source: String,
    /// Its fields that are equal to something of another one.
    pub by: BTreeSet<String>,
    /// Whether other conditions say which of its records are joined.
    pub is_filtered: bool,
    /// The columns of the rows that are made of it.
    pub columns: BTreeSet<usize>,
}

/// The sources of a join; nothing where there is no join, or something else in it than sources.
pub(super) fn of(plan: &LogicalPlan) -> Vec<Joined> {
    match plan {
        LogicalPlan::Join(_) => joined(plan).unwrap_or_default(),
        LogicalPlan::Projection(projection) => {
            let mut sides = of(&projection.input);
            for side in &mut sides {
                let exprs = projection.expr.iter().enumerate();
                let is_made_of = |expr: &Expr| {
                    let read = columns(expr, &projection.input);
                    !read.is_disjoint(&side.columns)
                };
                let made = exprs.filter(|(_, expr)| is_made_of(expr));
                side.columns = made.map(|(column, _)| column).collect();
            }
            sides
        }
        LogicalPlan::Filter(filter) => {
            let mut sides = of(&filter.input);
            conditions(&filter.predicate, &filter.input, &mut sides);
            sides
        }
        LogicalPlan::Sort(sort) => of(&sort.input),
        LogicalPlan::SubqueryAlias(alias) => of(&alias.input),
        _ => Vec::new(),
    }
}

/// The outer join that fills a column with nulls, in the words of SQL, where one does.
pub(super) fn filled(plan: &LogicalPlan, column: usize) -> Option<&'static str> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let read = columns(projection.expr.get(column)?, &projection.input);
            read.into_iter().find_map(|column| filled(&projection.input, column))
        }
        LogicalPlan::Filter(filter) => filled(&filter.input, column),
        LogicalPlan::Sort(sort) => filled(&sort.input, column),
        LogicalPlan::Limit(limit) => filled(&limit.input, column),
        LogicalPlan::SubqueryAlias(alias) => filled(&alias.input, column),
        LogicalPlan::Join(join) => {
            let is_left = column < join.left.schema().fields().len();
            match (join.join_type, is_left) {
                (JoinType::Left, false) => Some("LEFT JOIN"),
                (JoinType::Right, true) => Some("RIGHT JOIN"),
                (JoinType::Full, _) => Some("FULL JOIN"),
                (_, true) => filled(&join.left, column),
                (_, false) => filled(&join.right, column - join.left.schema().fields().len()),
            }
        }
        _ => None,
    }
}

/// The sources of joins that stand in each other.
fn joined(plan: &LogicalPlan) -> Option<Vec<Joined>> {
    match plan {
        LogicalPlan::Join(join) => {
            let is_plain = matches!(
                join.join_type,
                JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full
            );
            if !is_plain {
                return None;
            }
            let width = join.left.schema().fields().len();
            let mut sides = joined(&join.left)?;
            sides.extend(joined(&join.right)?.into_iter().map(|side| Joined {
                columns: side.columns.iter().map(|column| column + width).collect(),
                ..side
            }));
            let all = LogicalPlan::Join(join.clone());
            for (left, right) in pairs(join) {
                equal(left, right, &all, &mut sides);
            }
            if let Some(filter) = &join.filter {
                conditions(filter, &all, &mut sides);
            }
            Some(sides)
        }
        LogicalPlan::SubqueryAlias(alias) => joined(&alias.input),
        LogicalPlan::TableScan(scan) => {
            let columns = (0..scan.projected_schema.fields().len()).collect();
            let source = scan.table_name.table().to_owned();
            Some(vec![Joined { source, columns, ..Joined::default() }])
        }
        _ => None,
    }
}

fn pairs(join: &Join) -> impl Iterator<Item = (&Expr, &Expr)> {
    join.on.iter().map(|(left, right)| (left, right))
}

/// What a condition says of the sources.
fn conditions(predicate: &Expr, plan: &LogicalPlan, sides: &mut [Joined]) {
    let mut waiting = vec![predicate];
    while let Some(expr) = waiting.pop() {
        match expr {
            Expr::BinaryExpr(binary) if binary.op == Operator::And => {
                waiting.extend([&*binary.left, &*binary.right]);
            }
            Expr::BinaryExpr(binary) if binary.op == Operator::Eq => {
                equal(&binary.left, &binary.right, plan, sides);
            }
            Expr::IsNotNull(_) => {}
            other => {
                let read = columns(other, plan);
                let named = sides.iter_mut().filter(|side| !side.columns.is_disjoint(&read));
                named.for_each(|side| side.is_filtered = true);
            }
        }
    }
}

/// Two expressions that are equal in all rows.
fn equal(left: &Expr, right: &Expr, plan: &LogicalPlan, sides: &mut [Joined]) {
    for (one, other) in [(left, right), (right, left)] {
        let (one_reads, other_reads) = (columns(one, plan), columns(other, plan));
        for side in sides.iter_mut().filter(|side| !side.columns.is_disjoint(&one_reads)) {
            let of_another = !other_reads.is_empty() && side.columns.is_disjoint(&other_reads);
            let name = match one {
                Expr::Column(column) => plan.schema().maybe_index_of_column(column),
                _ => None,
            };
            match name.and_then(|column| field(plan, column)) {
                Some((_, path)) if of_another => {
                    side.by.insert(path);
                }
                _ => side.is_filtered = true,
            }
        }
    }
}

/// The columns of a plan that an expression reads.
fn columns(expr: &Expr, plan: &LogicalPlan) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let _ = expr.apply(|expr| {
        if let Expr::Column(column) = expr {
            found.extend(plan.schema().maybe_index_of_column(column));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}
