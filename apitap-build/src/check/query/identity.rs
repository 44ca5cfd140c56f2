//! A plan → what is known of its rows as a whole: which columns are the same in all of them, and
//! whether one record makes several.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Distinct, Expr, JoinType, LogicalPlan, Volatility};

use super::later::{self, Later, Together};
use super::text::Text;
use crate::engine::each_step;

mod groups;
mod joins;

pub use groups::Group;
pub use joins::Joined;

/// What is known of the rows of a query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// The columns that are the same in all rows of a run.
    pub constant: BTreeSet<usize>,
    /// The columns that depend on an element of a list that is unnested.
    pub of_elements: BTreeSet<usize>,
    /// Whether each element of a list makes a row.
    pub are_elements: bool,
    /// The columns that a function makes anew in each run, such as `uuid()`.
    pub random: BTreeSet<usize>,
    /// Whether each row stands for a group of records.
    pub are_groups: bool,
    /// What tells the rows apart, where they are groups.
    pub groups: Vec<Group>,
    /// The sources of a join, where that is all that there is.
    pub joined: Vec<Joined>,
    /// The columns that an outer join may fill with nulls, and which kind of join that is.
    pub filled: BTreeMap<usize, &'static str>,
    /// What looks at several records at once, if anything does: a row is right only where all of them
    /// are read.
    pub together: Option<&'static str>,
    /// What needs all records before it yields a row, or reads more than one source, if anything does: only
    /// without it can the rows of some records be committed before the others are read.
    pub at_once: Option<&'static str>,
    /// The columns that are fields of a source, which may be null by its declaration alone: the
    /// source and the dotted path.
    pub fields: BTreeMap<usize, (String, String)>,
    /// The conditions that a record may come to meet only later.
    pub later: Vec<Later>,
    /// The sources whose records are brought together.
    pub sides: Vec<Together>,
}

/// What is known of the rows of an analyzed plan.
pub(super) fn rows(text: &Text<'_>, plan: &LogicalPlan) -> Rows {
    let columns = 0..plan.schema().fields().len();
    let (mut constant, mut of_elements) = (BTreeSet::new(), BTreeSet::new());
    let mut origins = Columns::<Origin>::new();
    for column in columns {
        match origins.of(plan, column) {
            Origin::Constant => constant.insert(column),
            Origin::Element => of_elements.insert(column),
            Origin::Other => false,
        };
    }
    let are_elements = makes_rows_of_elements(plan);
    let all = 0..plan.schema().fields().len();
    let mut randoms = Columns::<bool>::new();
    let random = all.filter(|column| randoms.is_random(plan, *column)).collect();
    let (groups, joined) = (groups::of(plan), joins::of(plan));
    let all = 0..plan.schema().fields().len();
    let filled = all.filter_map(|column| Some((column, joins::filled(plan, column)?))).collect();
    let named = 0..plan.schema().fields().len();
    let fields = named.filter_map(|column| Some((column, field(plan, column)?))).collect();
    let together = together(plan);
    let (are_groups, at_once) = (are_groups(plan), together.or_else(|| at_once(plan)));
    let (later, sides) = (later::conditions(text, plan), later::sides(plan));
    Rows {
        constant,
        of_elements,
        are_elements,
        random,
        are_groups,
        groups,
        joined,
        filled,
        together,
        at_once,
        fields,
        later,
        sides,
    }
}

/// What else than filters and expressions over the records of one source there is, in the words of SQL.
fn at_once(plan: &LogicalPlan) -> Option<&'static str> {
    let (mut found, mut scans) = (None, 0);
    each_step(plan, |step| {
        found = found.or(match step {
            LogicalPlan::TableScan(_) => {
                scans += 1;
                None
            }
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Unnest(_) => None,
            LogicalPlan::Sort(_) => Some("`ORDER BY`"),
            LogicalPlan::Join(_) => Some("a join"),
            LogicalPlan::Union(_) => Some("`UNION`"),
            LogicalPlan::Subquery(_) => Some("a subquery"),
            _ => Some("the query"),
        });
    });
    found.or((scans != 1).then_some("the query"))
}

/// What looks at several records at once, in the words of SQL.
fn together(plan: &LogicalPlan) -> Option<&'static str> {
    let mut found = None;
    each_step(plan, |step| {
        found = found.or(match step {
            LogicalPlan::Aggregate(_) => Some("an aggregate"),
            LogicalPlan::Distinct(_) => Some("`DISTINCT`"),
            LogicalPlan::Window(_) => Some("a window"),
            LogicalPlan::Limit(_) => Some("`LIMIT`"),
            LogicalPlan::RecursiveQuery(_) => Some("a recursive query"),
            LogicalPlan::Join(join) if join.join_type != JoinType::Inner => {
                Some("a join that is not an inner one")
            }
            _ => None,
        });
    });
    found
}

/// The source and the path of the field that a column is.
pub(super) fn field(plan: &LogicalPlan, column: usize) -> Option<(String, String)> {
    match plan {
        LogicalPlan::Projection(projection) => {
            expression_field(projection.expr.get(column)?, &projection.input)
        }
        LogicalPlan::Distinct(Distinct::All(input)) => field(input, column),
        LogicalPlan::Window(window) => {
            (column < window.input.schema().fields().len()).then_some(())?;
            field(&window.input, column)
        }
        LogicalPlan::Join(join) => {
            let width = join.left.schema().fields().len();
            let keeps_left = !matches!(join.join_type, JoinType::Right | JoinType::Full);
            let keeps_right = !matches!(join.join_type, JoinType::Left | JoinType::Full);
            match column.checked_sub(width) {
                None if keeps_left => field(&join.left, column),
                Some(column) if keeps_right => field(&join.right, column),
                _ => None,
            }
        }
        LogicalPlan::TableScan(scan) => {
            let field = scan.projected_schema.fields().get(column)?;
            Some((scan.table_name.table().to_owned(), field.name().clone()))
        }
        step => field(passed_on(step)?, column),
    }
}

/// The source and the path of the field that an expression over the rows of a plan is, and nothing else.
pub(super) fn expression_field(expr: &Expr, input: &LogicalPlan) -> Option<(String, String)> {
    let (mut expr, mut names) = (expr, Vec::new());
    loop {
        match expr {
            Expr::Alias(alias) => expr = &alias.expr,
            Expr::ScalarFunction(call) if call.name() == "get_field" => {
                let (base, path) = call.args.split_first()?;
                let path: Option<Vec<_>> = path.iter().map(name_of).collect();
                names.splice(0..0, path?);
                expr = base;
            }
            Expr::Column(name) => {
                let index = input.schema().maybe_index_of_column(name)?;
                let (source, path) = field(input, index)?;
                let path = std::iter::once(path).chain(names).collect::<Vec<_>>();
                return Some((source, path.join(".")));
            }
            _ => return None,
        }
    }
}

fn name_of(expr: &Expr) -> Option<String> {
    let Expr::Literal(name, _) = expr else { return None };
    Some(name.try_as_str()??.to_owned())
}

/// Where the values of a column come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Constant,
    Element,
    Other,
}

/// What is known of the columns of a plan and of its inputs.
struct Columns<T> {
    /// A column may be computed of another one twice at each level: without this, the work doubles with each.
    known: HashMap<(*const LogicalPlan, usize), T>,
}

impl<T: Copy> Columns<T> {
    fn new() -> Self {
        Self { known: HashMap::new() }
    }

    fn once(
        &mut self,
        plan: &LogicalPlan,
        column: usize,
        find: fn(&mut Self, &LogicalPlan, usize) -> T,
    ) -> T {
        let key = (&raw const *plan, column);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let found = find(self, plan, column);
        self.known.insert(key, found);
        found
    }
}

impl Columns<Origin> {
    fn of(&mut self, plan: &LogicalPlan, column: usize) -> Origin {
        self.once(plan, column, Self::find)
    }

    fn find(&mut self, plan: &LogicalPlan, column: usize) -> Origin {
        match plan {
            LogicalPlan::Projection(projection) => match projection.expr.get(column) {
                Some(expr) => self.of_expression(expr, &projection.input),
                None => Origin::Other,
            },
            LogicalPlan::Distinct(Distinct::All(input)) => self.of(input, column),
            LogicalPlan::Unnest(unnest) => {
                let Some(from) = unnest.dependency_indices.get(column) else {
                    return Origin::Other;
                };
                let is_list = unnest.list_type_columns.iter().any(|(list, _)| list == from);
                if is_list { Origin::Element } else { self.of(&unnest.input, *from) }
            }
            LogicalPlan::Window(window) => {
                let width = window.input.schema().fields().len();
                // Such a function tells the rows apart, if anything does.
                if column < width { self.of(&window.input, column) } else { Origin::Element }
            }
            step => passed_on(step).map_or(Origin::Other, |input| self.of(input, column)),
        }
    }

    fn of_expression(&mut self, expr: &Expr, input: &LogicalPlan) -> Origin {
        let mut found = Origin::Constant;
        let _ = expr.apply(|expr| {
            let here = match expr {
                Expr::Column(column) => match input.schema().maybe_index_of_column(column) {
                    Some(index) => self.of(input, index),
                    None => Origin::Other,
                },
                Expr::ScalarFunction(call) if is_volatile(call.func.signature().volatility) => {
                    Origin::Element
                }
                Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) => Origin::Other,
                _ => Origin::Constant,
            };
            found = match (found, here) {
                (Origin::Element, _) | (_, Origin::Element) => Origin::Element,
                (Origin::Other, _) | (_, Origin::Other) => Origin::Other,
                _ => Origin::Constant,
            };
            Ok(TreeNodeRecursion::Continue)
        });
        found
    }
}

impl Columns<bool> {
    /// Whether the values of a column are made anew whenever the query runs.
    fn is_random(&mut self, plan: &LogicalPlan, column: usize) -> bool {
        self.once(plan, column, Self::find)
    }

    fn find(&mut self, plan: &LogicalPlan, column: usize) -> bool {
        match plan {
            LogicalPlan::Projection(projection) => {
                let input = &*projection.input;
                let mut found = false;
                let Some(expr) = projection.expr.get(column) else { return false };
                let _ = expr.apply(|expr| {
                    found |= match expr {
                        Expr::ScalarFunction(call) => is_volatile(call.func.signature().volatility),
                        Expr::Column(column) => input
                            .schema()
                            .maybe_index_of_column(column)
                            .is_some_and(|index| self.is_random(input, index)),
                        _ => false,
                    };
                    Ok(TreeNodeRecursion::Continue)
                });
                found
            }
            step => passed_on(step).is_some_and(|input| self.is_random(input, column)),
        }
    }
}

/// The input of a step that yields some of its rows, with all their columns.
fn passed_on(step: &LogicalPlan) -> Option<&LogicalPlan> {
    match step {
        LogicalPlan::Filter(filter) => Some(&filter.input),
        LogicalPlan::Sort(sort) => Some(&sort.input),
        LogicalPlan::Limit(limit) => Some(&limit.input),
        LogicalPlan::SubqueryAlias(alias) => Some(&alias.input),
        _ => None,
    }
}

fn is_volatile(volatility: Volatility) -> bool {
    volatility == Volatility::Volatile
}

/// Whether lists are unnested, and their elements not brought together again.
fn makes_rows_of_elements(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Unnest(unnest) => !unnest.list_type_columns.is_empty(),
        LogicalPlan::Projection(projection) => makes_rows_of_elements(&projection.input),
        LogicalPlan::Filter(filter) => makes_rows_of_elements(&filter.input),
        LogicalPlan::Sort(sort) => makes_rows_of_elements(&sort.input),
        LogicalPlan::SubqueryAlias(alias) => makes_rows_of_elements(&alias.input),
        LogicalPlan::Window(window) => makes_rows_of_elements(&window.input),
        _ => false,
    }
}

fn are_groups(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => !aggregate.aggr_expr.is_empty(),
        LogicalPlan::Projection(projection) => are_groups(&projection.input),
        step => passed_on(step).is_some_and(are_groups),
    }
}
