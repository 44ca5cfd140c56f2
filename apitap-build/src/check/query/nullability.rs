//! A plan → which of its columns are never null, though the schemas alone would allow it.
//!
//! The planner's own answer knows declarations only. Here filters count, too: behind
//! `WHERE email IS NOT NULL` the email is not null, behind `WHERE total > 0` the total is not, and
//! behind `LEFT JOIN … WHERE c.id > 0` nothing of `c` is null that its source declares not null.
//! What is claimed here is an error of the run where it turns out wrong, so nothing is guessed.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, NullEquality, NullHandling};
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, Join, JoinType, LogicalPlan, RecursiveQuery, Unnest, Window,
};

use crate::engine::canonical::{self, canonical};

mod expression;
mod functions;
mod predicate;
#[cfg(test)]
mod tests;

/// For each column of the plan, whether it is never null.
pub(super) fn never_null(plan: &LogicalPlan) -> Vec<bool> {
    // A guard is null where what it stands for is.
    let bare = canonical::without_guards(plan.clone());
    let facts = bare.map(|bare| Facts::of(&bare, &WorkTables::new())).unwrap_or_default();
    let columns = 0..plan.schema().fields().len();
    columns.map(|column| facts.holds(plan.schema(), &Path::column(column))).collect()
}

/// A column of a plan, or a field of the record that it holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Path {
    /// Its place in the plan's schema.
    column: usize,
    /// From the outside in.
    fields: Vec<String>,
}

impl Path {
    fn column(column: usize) -> Self {
        Self { column, fields: Vec::new() }
    }

    /// Whether that one is the same, or stands in it.
    fn covers(&self, other: &Self) -> bool {
        self.column == other.column && other.fields.starts_with(&self.fields)
    }

    fn shifted(&self, by: usize) -> Self {
        Self { column: self.column + by, fields: self.fields.clone() }
    }
}

/// What is not null where something holds.
#[derive(Debug, Clone, Default)]
struct NotNull {
    paths: BTreeSet<Path>,
    /// Expressions that are more than a name, such as `meta->>'id'`; canonical.
    computed: HashSet<Expr>,
}

impl NotNull {
    fn path(path: Path) -> Self {
        Self { paths: BTreeSet::from([path]), ..Self::default() }
    }

    /// This and that.
    fn union(mut self, other: Self) -> Self {
        self.paths.extend(other.paths);
        self.computed.extend(other.computed);
        self
    }

    /// What stands in both.
    fn intersection(mut self, other: &Self) -> Self {
        self.paths.retain(|path| other.paths.contains(path));
        self.computed.retain(|expr| other.computed.contains(expr));
        self
    }
}

/// Names of recursive queries, and what is known of the rows that they have so far.
type WorkTables = BTreeMap<String, Facts>;

/// What is known of every row of a plan.
#[derive(Debug, Clone, Default, PartialEq)]
struct Facts {
    /// What is never null.
    not_null: BTreeSet<Path>,
    /// Which expressions over these rows are never null, though what they are made of may be.
    computed: HashSet<Expr>,
    /// What is known as soon as something else is: the other side of an outer join.
    implied: Vec<Implied>,
}

/// As soon as any of these is not null, all of those are not.
#[derive(Debug, Clone, PartialEq)]
struct Implied {
    any_of: BTreeSet<Path>,
    then: BTreeSet<Path>,
}

impl Facts {
    fn of(plan: &LogicalPlan, work: &WorkTables) -> Self {
        match plan {
            LogicalPlan::Projection(projection) => {
                let input = &projection.input;
                Self::of(input, work).projected(&projection.expr, input.schema())
            }
            LogicalPlan::Filter(filter) => {
                let facts = Self::of(&filter.input, work);
                facts.and_true(&filter.predicate, filter.input.schema())
            }
            LogicalPlan::Join(join) => Self::of_join(join, work),
            LogicalPlan::Aggregate(aggregate) => Self::of_aggregate(aggregate, work),
            LogicalPlan::Window(window) => Self::of_window(window, work),
            LogicalPlan::Distinct(Distinct::On(on)) => {
                Self::of(&on.input, work).projected(&on.select_expr, on.input.schema())
            }
            LogicalPlan::Distinct(Distinct::All(input)) => Self::of(input, work),
            LogicalPlan::Sort(sort) => Self::of(&sort.input, work),
            LogicalPlan::Limit(limit) => Self::of(&limit.input, work),
            LogicalPlan::Repartition(repartition) => Self::of(&repartition.input, work),
            LogicalPlan::SubqueryAlias(alias) => Self::of(&alias.input, work),
            LogicalPlan::Subquery(subquery) => Self::of(&subquery.subquery, work),
            LogicalPlan::Union(union) => {
                let sides = union.inputs.iter().map(|input| {
                    let facts = Self::of(input, work);
                    facts.declared(input.schema())
                });
                sides.reduce(Self::common).unwrap_or_default()
            }
            LogicalPlan::Unnest(unnest) => Self::of_unnest(unnest, work),
            LogicalPlan::RecursiveQuery(query) => Self::of_recursion(query, work),
            LogicalPlan::TableScan(scan) => match work.get(scan.table_name.table()) {
                Some(facts) => facts.clone(),
                None => {
                    let facts = Self::declared_in(&scan.projected_schema);
                    scan.filters
                        .iter()
                        .fold(facts, |facts, filter| facts.and_true(filter, &scan.projected_schema))
                }
            },
            other => Self::declared_in(other.schema()),
        }
    }

    /// What the schema says of the columns themselves.
    fn declared_in(schema: &DFSchema) -> Self {
        let columns = schema.fields().iter().enumerate();
        let not_null = columns.filter(|(_, field)| !field.is_nullable());
        let not_null = not_null.map(|(column, _)| Path::column(column)).collect();
        Self { not_null, ..Self::default() }
    }

    /// With the fields of records that are declared not null, one by one: what is common to two
    /// sides must not depend on the type of one.
    fn declared(mut self, schema: &DFSchema) -> Self {
        let mut known: Vec<_> = self.not_null.iter().cloned().collect();
        while let Some(path) = known.pop() {
            let Some(DataType::Struct(fields)) = data_type(schema, &path) else { continue };
            for field in fields.iter().filter(|field| !field.is_nullable()) {
                let mut inner = path.clone();
                inner.fields.push(field.name().clone());
                if self.not_null.insert(inner.clone()) {
                    known.push(inner);
                }
            }
        }
        self
    }

    /// Whether that is never null.
    fn holds(&self, schema: &DFSchema, path: &Path) -> bool {
        if self.not_null.contains(path) {
            return true;
        }
        let Some((last, around)) = path.fields.split_last() else { return false };
        let around = Path { column: path.column, fields: around.to_vec() };
        let Some(DataType::Struct(fields)) = data_type(schema, &around) else { return false };
        let is_required = |name: &String| {
            let field = fields.iter().find(|field| field.name() == name);
            field.is_some_and(|field| !field.is_nullable())
        };
        is_required(last) && self.holds(schema, &around)
    }

    /// Notes that something is not null, and what follows from it.
    fn add(&mut self, path: &Path) {
        for depth in 0..=path.fields.len() {
            let fields = path.fields.get(..depth).unwrap_or_default().to_vec();
            self.not_null.insert(Path { column: path.column, fields });
        }
        let follows = |implied: &Implied| implied.any_of.iter().any(|guard| guard.covers(path));
        let (now, later) = std::mem::take(&mut self.implied).into_iter().partition(follows);
        self.implied = later;
        for implied in now {
            implied.then.iter().for_each(|path| self.add(path));
        }
    }

    fn add_all(&mut self, found: NotNull) {
        found.paths.iter().for_each(|path| self.add(path));
        self.computed.extend(found.computed);
    }

    /// What is known of the rows for which a condition is true.
    fn and_true(mut self, condition: &Expr, schema: &DFSchema) -> Self {
        self.add_all(predicate::not_null_if(condition, true, schema));
        self
    }

    /// What is known of the rows for which a condition is false or unknown.
    fn and_not_true(mut self, condition: &Expr, schema: &DFSchema) -> Self {
        self.add_all(predicate::not_null_unless(condition, schema));
        self
    }

    /// What is known of two plans whose rows come one after the other.
    fn common(mut self, other: Self) -> Self {
        self.not_null.retain(|path| other.not_null.contains(path));
        self.computed.retain(|expr| other.computed.contains(expr));
        self.implied.clear();
        self
    }

    /// What is known of the expressions that are made of these rows.
    fn projected(&self, exprs: &[Expr], schema: &DFSchema) -> Self {
        let paths: Vec<_> = exprs.iter().map(|expr| expression::path(expr, schema)).collect();
        let moved = |known: &BTreeSet<Path>| {
            let mut moved = BTreeSet::new();
            for (column, from) in paths.iter().enumerate() {
                let Some(from) = from else { continue };
                let inside = known.iter().filter(|path| from.covers(path));
                moved.extend(inside.map(|path| Path {
                    column,
                    fields: path.fields.get(from.fields.len()..).unwrap_or_default().to_vec(),
                }));
            }
            moved
        };
        let mut not_null = moved(&self.not_null);
        let columns = exprs.iter().enumerate();
        let never = columns.filter(|(_, expr)| expression::is_never_null(expr, self, schema));
        not_null.extend(never.map(|(column, _)| Path::column(column)));
        let implied = self.implied.iter().map(|implied| Implied {
            // What stands in a guard shows as much as the guard itself.
            any_of: paths
                .iter()
                .enumerate()
                .filter(|(_, from)| {
                    let from = from.as_ref();
                    from.is_some_and(|from| implied.any_of.iter().any(|guard| guard.covers(from)))
                })
                .map(|(column, _)| Path::column(column))
                .collect(),
            then: moved(&implied.then),
        });
        let is_useful = |implied: &Implied| !implied.any_of.is_empty() && !implied.then.is_empty();
        let implied = implied.filter(is_useful).collect();
        Self { not_null, computed: self.computed_of(exprs, schema), implied }
    }

    /// The expressions that are never null, over the rows that are made of these.
    fn computed_of(&self, exprs: &[Expr], schema: &DFSchema) -> HashSet<Expr> {
        if self.computed.is_empty() {
            return HashSet::new();
        }
        let made: Vec<_> = exprs.iter().map(|expr| canonical(expr, schema)).collect();
        self.computed.iter().filter_map(|expr| canonical::over(expr, &made)).collect()
    }

    /// The same of columns that stand behind so many others.
    fn shifted(&self, by: usize) -> Self {
        let shift = |paths: &BTreeSet<Path>| paths.iter().map(|path| path.shifted(by)).collect();
        let implied = self
            .implied
            .iter()
            .map(|implied| Implied { any_of: shift(&implied.any_of), then: shift(&implied.then) });
        let computed = self.computed.iter().map(|expr| canonical::shifted(expr, by)).collect();
        Self { not_null: shift(&self.not_null), computed, implied: implied.collect() }
    }

    /// Of a side of a join that may be missing as a whole.
    fn or_missing(mut self, columns: std::ops::Range<usize>) -> Self {
        self.computed.clear();
        let then = std::mem::take(&mut self.not_null);
        self.implied.push(Implied { any_of: columns.map(Path::column).collect(), then });
        self
    }

    /// What is known of two sides together.
    fn beside(mut self, other: Self) -> Self {
        self.not_null.extend(other.not_null);
        self.computed.extend(other.computed);
        self.implied.extend(other.implied);
        self
    }

    fn of_join(join: &Join, work: &WorkTables) -> Self {
        let (left, right) = (Self::of(&join.left, work), Self::of(&join.right, work));
        let width = join.left.schema().fields().len();
        let all = width + join.right.schema().fields().len();
        match join.join_type {
            JoinType::LeftSemi => return left.matched_on(join, |pair| &pair.0, join.left.schema()),
            JoinType::RightSemi => {
                return right.matched_on(join, |pair| &pair.1, join.right.schema());
            }
            JoinType::LeftAnti => return left,
            JoinType::RightAnti => return right,
            JoinType::LeftMark | JoinType::RightMark => return Self::default(),
            _ => {}
        }
        let right = right.shifted(width);
        match join.join_type {
            JoinType::Left => left.beside(right.or_missing(width..all)),
            JoinType::Right => left.or_missing(0..width).beside(right),
            JoinType::Full => left.or_missing(0..width).beside(right.or_missing(width..all)),
            _ => left.beside(right).matched_on(join, |pair| &pair.0, &join.schema).matched_on(
                join,
                |pair| &pair.1,
                &join.schema,
            ),
        }
    }

    /// What rows have in common that were matched by the conditions of a join.
    fn matched_on(
        mut self,
        join: &Join,
        side: impl Fn(&(Expr, Expr)) -> &Expr,
        schema: &DFSchema,
    ) -> Self {
        if join.null_equality == NullEquality::NullEqualsNothing {
            for pair in &join.on {
                self.add_all(predicate::not_null_with(side(pair), schema));
            }
        }
        match &join.filter {
            Some(filter) => self.and_true(filter, schema),
            None => self,
        }
    }

    fn of_aggregate(aggregate: &Aggregate, work: &WorkTables) -> Self {
        let schema = aggregate.input.schema();
        let facts = Self::of(&aggregate.input, work);
        let is_plain = !matches!(aggregate.group_expr.as_slice(), [Expr::GroupingSet(_)]);
        // A column of a grouping set is null in the rows of the others.
        let groups = if is_plain { aggregate.group_expr.as_slice() } else { &[] };
        let mut found = facts.projected(groups, schema);
        // Without groups there is a row even where nothing is aggregated.
        let has_rows = is_plain && !groups.is_empty();
        let width = aggregate.schema.fields().len().saturating_sub(aggregate.aggr_expr.len());
        for (index, expr) in aggregate.aggr_expr.iter().enumerate() {
            if expression::is_aggregate_never_null(expr, has_rows, &facts, schema) {
                found.not_null.insert(Path::column(width + index));
            }
        }
        found
    }

    fn of_window(window: &Window, work: &WorkTables) -> Self {
        let schema = window.input.schema();
        let mut facts = Self::of(&window.input, work);
        let width = schema.fields().len();
        let columns = window.window_expr.iter().enumerate();
        let never = columns
            .filter(|(_, expr)| expression::is_window_never_null(expr, &facts, schema))
            .map(|(index, _)| Path::column(width + index));
        let never: Vec<_> = never.collect();
        facts.not_null.extend(never);
        facts
    }

    fn of_unnest(unnest: &Unnest, work: &WorkTables) -> Self {
        let input = Self::of(&unnest.input, work);
        let is_taken_apart = |column: usize| {
            unnest.list_type_columns.iter().any(|(list, _)| *list == column)
                || unnest.struct_type_columns.contains(&column)
        };
        // Of several lists the shorter ones are filled with nulls.
        let single = match unnest.list_type_columns.as_slice() {
            [(column, list)]
                if list.depth == 1 && unnest.options.null_handling == NullHandling::Drop =>
            {
                Some(*column)
            }
            _ => None,
        };
        let has_required_elements = |column: usize| {
            let field = unnest.input.schema().fields().get(column);
            match field.map(|field| field.data_type()) {
                Some(DataType::List(item) | DataType::LargeList(item)) => !item.is_nullable(),
                _ => false,
            }
        };
        let mut facts = Self::default();
        for (column, from) in unnest.dependency_indices.iter().enumerate() {
            if Some(*from) == single && has_required_elements(*from) {
                facts.not_null.insert(Path::column(column));
            } else if !is_taken_apart(*from) {
                let kept = input.not_null.iter().filter(|path| path.column == *from);
                facts.not_null.extend(kept.map(|path| Path { column, ..path.clone() }));
            }
        }
        facts
    }

    /// The rows of a recursive query are those of its start and of each step over all of them.
    fn of_recursion(query: &RecursiveQuery, work: &WorkTables) -> Self {
        let start = Self::of(&query.static_term, work);
        let mut facts = start.declared(query.static_term.schema());
        facts.implied.clear();
        facts.computed.clear();
        loop {
            let mut work = work.clone();
            work.insert(query.name.clone(), facts.clone());
            let step = Self::of(&query.recursive_term, &work);
            let step = step.declared(query.recursive_term.schema());
            let both = facts.clone().common(step);
            if both == facts {
                return facts;
            }
            facts = both;
        }
    }
}

/// The type of a column, or of a field in it.
fn data_type<'a>(schema: &'a DFSchema, path: &Path) -> Option<&'a DataType> {
    let mut ty = schema.fields().get(path.column)?.data_type();
    for name in &path.fields {
        let DataType::Struct(fields) = ty else { return None };
        ty = fields.iter().find(|field| field.name() == name)?.data_type();
    }
    Some(ty)
}
