//! A plan → the fields that are read of each source.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{LogicalPlan, TableScan, TableType};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::Statement;

/// Source → its top-level fields that are read. A source that only counts has none.
pub(super) type Reads = BTreeMap<String, BTreeSet<String>>;

/// What the optimized plan of a statement reads.
///
/// A source that the statement names is there even if the plan has done without it: the runtime
/// plans the same statement, and looks the name up.
pub(super) fn reads(statement: &Statement, plan: &LogicalPlan) -> Result<Reads> {
    let statement = DfStatement::Statement(Box::new(statement.clone()));
    let (named, _) = resolve_table_references(&statement, false)?;
    let mut reads: Reads =
        named.iter().map(|table| (table.table().to_owned(), BTreeSet::new())).collect();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && scan.source.table_type() == TableType::Base
            && let Some(fields) = reads.get_mut(scan.table_name.table())
        {
            fields.extend(of_scan(scan));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(reads)
}

fn of_scan(scan: &TableScan) -> BTreeSet<String> {
    let schema = scan.source.schema();
    let name = |index: usize| schema.fields().get(index).map(|field| field.name().clone());
    let mut fields: BTreeSet<String> = match &scan.projection {
        Some(indices) => indices.iter().filter_map(|index| name(*index)).collect(),
        None => schema.fields().iter().map(|field| field.name().clone()).collect(),
    };
    let filters = scan.filters.iter().flat_map(|filter| filter.column_refs());
    fields.extend(filters.map(|column| column.name.clone()));
    fields
}
