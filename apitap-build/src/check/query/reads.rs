//! A plan → what is read of each source: whole fields, or single fields of a record in one.
//!
//! The plan is followed from what it yields down to the scans, with what is needed of each column on
//! the way. Where a step of the plan is not known here, it needs all of its columns.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::{
    Aggregate, Expr, Join, JoinType, LogicalPlan, Projection, Subquery, TableScan, TableType,
    Window,
};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::Statement;

use crate::definition::Pointer;

/// Source → what is read of its records. A source that only counts has nothing.
pub(super) type Reads = BTreeMap<String, BTreeSet<Pointer>>;

/// What the optimized plan of a statement reads.
///
/// A source that the statement names is there even if the plan has done without it: the runtime
/// plans the same statement, and looks the name up.
pub(super) fn reads(statement: &Statement, plan: &LogicalPlan) -> Result<Reads> {
    let statement = DfStatement::Statement(Box::new(statement.clone()));
    let (named, _) = resolve_table_references(&statement, false)?;
    let mut sources: BTreeMap<_, _> =
        named.iter().map(|table| (table.table().to_owned(), BTreeMap::new())).collect();
    follow(plan, vec![Need::Whole; plan.schema().fields().len()], &mut sources)?;
    let pointers = |fields: BTreeMap<String, Need>| {
        let mut pointers = BTreeSet::new();
        fields
            .iter()
            .for_each(|(name, need)| need.pointers(Pointer::default().child(name), &mut pointers));
        pointers
    };
    Ok(sources.into_iter().map(|(name, fields)| (name, pointers(fields))).collect())
}

/// Source → field → what is needed of it.
type Sources = BTreeMap<String, BTreeMap<String, Need>>;

/// What is needed of a column.
#[derive(Debug, Clone, PartialEq)]
enum Need {
    /// All of it.
    Whole,
    /// Of a record, these fields.
    Fields(BTreeMap<String, Need>),
}

impl Need {
    fn nothing() -> Self {
        Self::Fields(BTreeMap::new())
    }

    fn add(&mut self, other: Self) {
        match (self, other) {
            (Self::Whole, _) => {}
            (Self::Fields(fields), Self::Fields(others)) => {
                for (name, need) in others {
                    fields.entry(name).or_insert_with(Self::nothing).add(need);
                }
            }
            (whole, Self::Whole) => *whole = Self::Whole,
        }
    }

    /// The same of a record whose field at the path it is.
    fn within(self, path: &[&str]) -> Self {
        let wrap = |need, name: &&str| Self::Fields([((*name).to_owned(), need)].into());
        path.iter().rev().fold(self, wrap)
    }

    fn pointers(&self, at: Pointer, pointers: &mut BTreeSet<Pointer>) {
        match self {
            Self::Fields(fields) if !fields.is_empty() => {
                fields.iter().for_each(|(name, need)| need.pointers(at.child(name), pointers));
            }
            // Whether there is a record at all is known only where it is read.
            Self::Whole | Self::Fields(_) => {
                pointers.insert(at);
            }
        }
    }
}

/// What is needed of each column of a plan's input.
struct Needs<'p> {
    schema: &'p DFSchema,
    columns: Vec<Need>,
}

impl<'p> Needs<'p> {
    fn of(plan: &'p LogicalPlan, columns: Vec<Need>) -> Self {
        let mut columns = columns;
        columns.resize(plan.schema().fields().len(), Need::nothing());
        Self { schema: plan.schema(), columns }
    }

    fn nothing(plan: &'p LogicalPlan) -> Self {
        Self::of(plan, Vec::new())
    }

    /// Adds what an expression needs, of whose value so much is needed.
    fn add(&mut self, expr: &Expr, need: Need) -> Result<()> {
        if let Some((column, path)) = path(expr) {
            self.add_column(column, need.within(&path));
            return Ok(());
        }
        expr.apply_children(|child| {
            self.add(child, Need::Whole)?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(())
    }

    fn add_all<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>) -> Result<()> {
        exprs.into_iter().try_for_each(|expr| self.add(expr, Need::Whole))
    }

    fn add_column(&mut self, column: &Column, need: Need) {
        let index = self.schema.maybe_index_of_column(column);
        if let Some(known) = index.and_then(|index| self.columns.get_mut(index)) {
            known.add(need);
        }
    }
}

/// The column, and the path in the record that it holds, where an expression is nothing else.
fn path(expr: &Expr) -> Option<(&Column, Vec<&str>)> {
    match expr {
        Expr::Column(column) => Some((column, Vec::new())),
        Expr::Alias(alias) => path(&alias.expr),
        Expr::ScalarFunction(call) if call.name() == "get_field" => {
            let (record, names) = call.args.split_first()?;
            let (column, mut path) = path(record)?;
            for name in names {
                let Expr::Literal(ScalarValue::Utf8(Some(name)), _) = name else { return None };
                path.push(name);
            }
            Some((column, path))
        }
        _ => None,
    }
}

/// Follows what is needed of a plan's columns down to the scans.
fn follow(plan: &LogicalPlan, needed: Vec<Need>, sources: &mut Sources) -> Result<()> {
    subqueries(plan, sources)?;
    match plan {
        LogicalPlan::TableScan(scan) => scan_needs(scan, needed, sources),
        LogicalPlan::Projection(Projection { expr, input, .. }) => {
            let mut needs = Needs::nothing(input);
            for (expr, need) in expr.iter().zip(needed) {
                needs.add(expr, need)?;
            }
            follow(input, needs.columns, sources)
        }
        LogicalPlan::Filter(filter) => {
            let mut needs = Needs::of(&filter.input, needed);
            needs.add(&filter.predicate, Need::Whole)?;
            follow(&filter.input, needs.columns, sources)
        }
        LogicalPlan::Sort(sort) => {
            let mut needs = Needs::of(&sort.input, needed);
            needs.add_all(sort.expr.iter().map(|sort| &sort.expr))?;
            follow(&sort.input, needs.columns, sources)
        }
        LogicalPlan::Limit(limit) => follow(&limit.input, needed, sources),
        LogicalPlan::SubqueryAlias(alias) => follow(&alias.input, needed, sources),
        LogicalPlan::Union(union) => {
            union.inputs.iter().try_for_each(|input| follow(input, needed.clone(), sources))
        }
        LogicalPlan::Aggregate(Aggregate { input, group_expr, aggr_expr, .. }) => {
            let mut needs = Needs::nothing(input);
            needs.add_all(group_expr.iter().chain(aggr_expr))?;
            follow(input, needs.columns, sources)
        }
        LogicalPlan::Window(Window { input, window_expr, .. }) => {
            // Its input's columns come first.
            let passed = needed.into_iter().take(input.schema().fields().len()).collect();
            let mut needs = Needs::of(input, passed);
            needs.add_all(window_expr)?;
            follow(input, needs.columns, sources)
        }
        LogicalPlan::Join(join) => join_needs(join, needed, sources),
        other => other.inputs().into_iter().try_for_each(|input| {
            follow(input, vec![Need::Whole; input.schema().fields().len()], sources)
        }),
    }
}

fn join_needs(join: &Join, needed: Vec<Need>, sources: &mut Sources) -> Result<()> {
    let left_columns = join.left.schema().fields().len();
    let (left, right): (Vec<_>, Vec<_>) = match join.join_type {
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
            let mut left = needed;
            let right = left.split_off(left_columns.min(left.len()));
            (left, right)
        }
        JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => {
            (needed.into_iter().take(left_columns).collect(), Vec::new())
        }
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => (Vec::new(), needed),
    };
    let (mut left, mut right) = (Needs::of(&join.left, left), Needs::of(&join.right, right));
    for needs in [&mut left, &mut right] {
        // A column of the other side is not found in this one's.
        needs.add_all(join.on.iter().flat_map(|(left, right)| [left, right]))?;
        needs.add_all(&join.filter)?;
    }
    follow(&join.left, left.columns, sources)?;
    follow(&join.right, right.columns, sources)
}

/// The plans within a node's expressions, and what they need of the columns around them.
fn subqueries(plan: &LogicalPlan, sources: &mut Sources) -> Result<()> {
    plan.apply_expressions(|expr| {
        expr.apply(|expr| {
            let subquery = match expr {
                Expr::ScalarSubquery(subquery) => subquery,
                Expr::Exists(exists) => &exists.subquery,
                Expr::InSubquery(within) => &within.subquery,
                _ => return Ok(TreeNodeRecursion::Continue),
            };
            follow_subquery(plan, subquery, sources)?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(())
}

fn follow_subquery(around: &LogicalPlan, subquery: &Subquery, sources: &mut Sources) -> Result<()> {
    let inner = &subquery.subquery;
    follow(inner, vec![Need::Whole; inner.schema().fields().len()], sources)?;
    if subquery.outer_ref_columns.is_empty() {
        return Ok(());
    }
    // The columns around it are named in it in ways of their own: all of them are needed.
    around.inputs().into_iter().try_for_each(|input| {
        follow(input, vec![Need::Whole; input.schema().fields().len()], sources)
    })
}

fn scan_needs(scan: &TableScan, needed: Vec<Need>, sources: &mut Sources) -> Result<()> {
    if scan.source.table_type() == TableType::Temporary {
        return Ok(());
    }
    let Some(fields) = sources.get_mut(scan.table_name.table()) else { return Ok(()) };
    let mut add = |name: &str, ty: &DataType, need: Need| {
        // Only a record can be read in part.
        let need = if matches!(ty, DataType::Struct(_)) { need } else { Need::Whole };
        fields.entry(name.to_owned()).or_insert_with(Need::nothing).add(need);
    };
    for (field, need) in scan.projected_schema.fields().iter().zip(needed) {
        add(field.name(), field.data_type(), need);
    }
    for column in scan.filters.iter().flat_map(Expr::column_refs) {
        if let Ok(field) = scan.source.schema().field_with_name(&column.name) {
            add(&column.name, field.data_type(), Need::Whole);
        }
    }
    Ok(())
}
