//! The SQL of a pipeline and the schemas of its sources → the row that it yields and the fields
//! that it reads, or findings with exact places.
//!
//! DataFusion plans the query to the end, as the runtime will. Knows nothing of files, of
//! templates, or of what the rows are for.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::cast;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::Statement;

use self::context::Context;
use self::draft::Draft;
use self::explain::explain;
use self::planner::{Plan, Planner};
use self::scope::Scope;
use self::text::{Text, overlap};
use super::stack;
use crate::codes;
use crate::definition::{Function, Pointer, TargetKind};
use crate::diagnostic::{Finding, Place, Severity};
use crate::engine;
use crate::schema::{Field, Schema, Type, arrow};
use crate::sql::{text, tree};
use crate::stored;

mod blame;
mod columns;
mod commas;
mod context;
mod costs;
mod dialects;
mod draft;
mod explain;
mod fallible;
mod function;
mod identity;
mod later;
mod lints;
mod mismatch;
mod mixed;
mod nullability;
mod parse;
mod planner;
mod probe;
mod reads;
mod rehearsal;
mod row;
mod scope;
mod spelling;
mod syntax;
#[cfg(test)]
mod tests;
mod units;
mod unnest;
mod unsupported;
mod untyped;
mod words;
mod wrong;

pub use function::{called, hides};
pub use identity::{Group, Joined, Rows};
pub use later::Later;
pub use spelling::for_engine;

/// A source, as the query sees it.
pub struct Table<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its fields.
    pub schema: &'a Schema,
    /// Where its fields are declared.
    pub declared: Option<Place>,
    /// Where each field is declared: dotted path (`customer.email`) → place.
    pub field_places: &'a BTreeMap<String, Place>,
    /// The names of the fields whose type is not known; the schema has some type for them.
    pub untyped: &'a BTreeSet<String>,
}

/// A function that is written in Rust, as the query sees it.
pub struct Callable<'a> {
    /// What it takes and gives.
    pub function: &'a Function,
    /// Where it is declared.
    pub declared: Option<Place>,
}

/// A query to plan.
pub struct Query<'a> {
    /// The SQL.
    pub sql: &'a str,
    /// The sources that it may read.
    pub tables: &'a [Table<'a>],
    /// The functions that it may call besides those of the engine.
    pub functions: &'a [Callable<'a>],
    /// Where bytes of the SQL were written.
    pub place: &'a dyn Fn(Range<usize>) -> Place,
    /// The target, whose values are tried out, too.
    pub target: Option<TargetKind>,
    /// Whether an expression that can fail on some value is an error.
    pub strict: bool,
}

/// A query that can run.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The columns that it yields.
    pub row: Schema,
    /// Source → the fields that are read of it, as [`crate::definition::Source::reads`] has them. A
    /// source that the query does not name is absent; one of which it only counts the records is there
    /// with no fields.
    pub reads: BTreeMap<String, BTreeSet<Pointer>>,
    /// Where each column stands in the `SELECT`.
    pub column_places: Vec<Place>,
    /// The expression that each column is, as it is written; empty where a `*` yields it.
    pub expressions: Vec<String>,
    /// What is known of the rows as a whole.
    pub rows: Rows,
    /// Where each outer join stands: the table behind the words `LEFT JOIN` and the like.
    pub outer_joins: Vec<(&'static str, Place)>,
    /// Where each source is read, in the order of the query.
    pub reads_at: Vec<(String, Place)>,
}

/// How many findings of the planner one query can have.
const FINDINGS: usize = 20;

/// Plans a query against the declared schemas; `None` if it cannot run, for the reasons given.
///
/// May be called from asynchronous code: it does no I/O.
pub fn plan(query: &Query<'_>) -> (Option<Planned>, Vec<Finding>) {
    let (sql, tables, functions) = (query.sql, query.tables, query.functions);
    let wanted = Wanted { target: query.target, strict: query.strict };
    let outcome = stack::large(|| outcome(sql, tables, functions, wanted));
    let (outcome, mut drafts) = outcome.unwrap_or_else(|message| {
        // There is nothing else to build from, so it is a finding, too.
        let whole = 0..sql.trim_end().len();
        (None, vec![Draft::error(codes::UNSUPPORTED_QUERY, message, whole)])
    });
    drafts.sort_by_key(|draft| draft.range.start);
    let findings: Vec<_> = drafts.into_iter().map(|draft| draft.finding(query.place)).collect();
    let is_error = |finding: &Finding| finding.severity == Severity::Error;
    let planned = outcome.filter(|_| !findings.iter().any(is_error)).map(|outcome| Planned {
        row: outcome.row.schema,
        rows: outcome.rows,
        reads: outcome.reads,
        expressions: outcome.row.expressions,
        column_places: outcome.row.places.into_iter().map(query.place).collect(),
        outer_joins: outcome
            .outer_joins
            .into_iter()
            .map(|(kind, range)| (kind, (query.place)(range)))
            .collect(),
        reads_at: outcome
            .reads_at
            .into_iter()
            .map(|(source, range)| (source, (query.place)(range)))
            .collect(),
    });
    (planned, findings)
}

/// What a query is wanted for.
#[derive(Clone, Copy)]
struct Wanted {
    target: Option<TargetKind>,
    strict: bool,
}

struct Outcome {
    row: row::Row,
    rows: Rows,
    reads: reads::Reads,
    outer_joins: Vec<(&'static str, Range<usize>)>,
    reads_at: Vec<(String, Range<usize>)>,
}

fn outcome(
    sql: &str,
    tables: &[Table<'_>],
    functions: &[Callable<'_>],
    wanted: Wanted,
) -> (Option<Outcome>, Vec<Draft>) {
    let text = match Text::new(sql) {
        Ok(text) => text,
        Err(error) => return (None, vec![syntax::unreadable(sql, &error)]),
    };
    if let Some(draft) = unsupported::too_long(&text) {
        return (None, vec![draft]);
    }
    let fields = tables.iter().flat_map(|table| names(&table.schema.fields)).collect();
    let statement = match parse::parse(&text, &fields) {
        Ok(statement) => statement,
        Err(draft) => return (None, vec![*draft]),
    };
    if let Some(draft) = unsupported::too_large(&text, &statement) {
        return (None, vec![draft]);
    }
    let scope = Scope::new(&text, tables, &statement);
    let mut drafts = unsupported::check(&text, &statement);
    let own = tables.iter().flat_map(|table| &table.schema.fields);
    let own = own.map(|field| field.name.as_str()).collect();
    drafts.extend(spelling::misread(&text, &statement, &own));
    drafts.extend(wrong::in_statement(&text, &statement));
    drafts.extend(scope.unknown_sources());
    let unnested = unnest::in_from(&text, &scope);
    if !unnested.is_empty() {
        drafts.extend(unnested);
        return (None, drafts);
    }
    let twice = scope.same_names(&text);
    if !twice.is_empty() {
        drafts.extend(twice);
        return (None, drafts);
    }
    let meant = scope.probably_meant();
    if meant.iter().any(|(_, source)| source.is_none()) {
        return (None, drafts);
    }
    // Under the name of a source that is not known stands the one that is meant: its columns can be
    // checked all the same.
    let known = tables.iter().enumerate().map(|(index, table)| (table.name.to_owned(), index));
    let meant = meant.into_iter().filter_map(|(name, source)| Some((name, source?)));
    let schema =
        |(name, index): (String, usize)| Some((name, arrow::schema(tables.get(index)?.schema)));
    let planner = Planner::new(
        known.chain(meant).filter_map(schema),
        functions.iter().map(|callable| callable.function),
    );
    let context = Context { text: &text, tables, functions, scope: &scope, planner: &planner };
    let outcome = plan_or_explain(&context, statement, wanted, &mut drafts);
    match untyped::Untyped::read_by(&context) {
        Some(untyped) => (None, untyped.certain(drafts)),
        None => (outcome, drafts),
    }
}

/// The names of fields, those inside of records among them.
fn names(fields: &[Field]) -> Vec<&str> {
    fn inside(ty: &Type) -> Vec<&str> {
        match ty {
            Type::Record(fields) => names(fields),
            Type::List(item) => inside(&item.ty),
            _ => Vec::new(),
        }
    }
    let mut found = Vec::new();
    for field in fields {
        found.push(field.name.as_str());
        found.extend(inside(&field.ty));
    }
    found
}

/// Adds what is found elsewhere than what is known: what comes up where something has been fixed
/// follows from what was wrong there.
fn extend(drafts: &mut Vec<Draft>, found: Vec<Draft>) {
    let known = drafts.len();
    let is_new = |draft: &Draft, drafts: &[Draft]| {
        drafts.iter().take(known).all(|old| !overlap(&old.range, &draft.range))
    };
    for draft in found {
        if is_new(&draft, drafts) {
            drafts.push(draft);
        }
    }
}

/// What cannot work for any record, or else what fails for some.
fn tried_out(
    context: &Context<'_>,
    statement: &Statement,
    plan: &Plan,
    row: &row::Row,
    wanted: Wanted,
) -> Vec<Draft> {
    let guards = engine::guards(&plan.analyzed);
    let refuses = |batch: &RecordBatch| {
        let kind = wanted.target?;
        let mut columns = row.schema.fields.iter().zip(batch.columns()).enumerate();
        columns.find_map(|(column, (field, values))| {
            let values = cast(values, &arrow::data_type(&field.ty)).ok()?;
            Some((column, stored::refused(kind, &field.ty, &values)?.why))
        })
    };
    let row = (&row.schema, row.places.as_slice());
    let mut wrong = rehearsal::rehearse(context, statement, &guards, plan, row, &refuses);
    extend(&mut wrong, fallible::hopeless(context, statement, &guards));
    if !wrong.is_empty() {
        return wrong;
    }
    fallible::notes(context, statement, &guards, wanted.strict)
}

/// The plan before types have been agreed on, as far as there is one.
fn named<'p>(
    context: &Context<'_>,
    statement: &Statement,
    planned: &'p datafusion::common::Result<Plan>,
) -> Option<Cow<'p, LogicalPlan>> {
    match planned {
        Ok(plan) => Some(Cow::Borrowed(&plan.named)),
        Err(_) => context.planner.named(statement.clone()).ok().map(Cow::Owned),
    }
}

/// Plans; on an error notes it, fixes the statement and plans again, so that all errors show.
fn plan_or_explain(
    context: &Context<'_>,
    mut statement: Statement,
    wanted: Wanted,
    drafts: &mut Vec<Draft>,
) -> Option<Outcome> {
    let mut planned = context.planner.plan(statement.clone());
    let mut is_looked_at = false;
    for _ in 0..FINDINGS {
        // As soon as all names are known, types are looked at as they were written.
        if !is_looked_at && let Some(named) = named(context, &statement, &planned) {
            is_looked_at = true;
            extend(drafts, units::unknown(context, &named));
            extend(drafts, function::too_wide(context, &statement));
            extend(drafts, wrong::in_plan(context.text, &named));
            if let Some((found, fixed)) = mixed::mixed(context, &statement, &named) {
                extend(drafts, found);
                statement = fixed;
                planned = context.planner.plan(statement.clone());
            }
        }
        let error = match planned {
            Ok(plan) => {
                extend(drafts, wrong::operators(context.text, &plan.analyzed));
                let (row, found) =
                    row::row(context, &statement, &plan.analyzed, !drafts.is_empty());
                extend(drafts, found);
                if drafts.is_empty() {
                    drafts.extend(commas::missing(context, &statement));
                    drafts.extend(lints::warnings(context, &statement));
                    drafts.extend(costs::notes(context.text, &statement, &plan.optimized));
                    drafts.extend(tried_out(context, &statement, &plan, &row, wanted));
                }
                match reads::reads(&statement, &plan.optimized) {
                    Ok(reads) => {
                        let rows = identity::rows(context.text, &plan.analyzed);
                        let outer_joins = context.scope.outer_joins(context.text);
                        let reads_at = context.scope.reads_at();
                        return Some(Outcome { row, rows, reads, outer_joins, reads_at });
                    }
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        let explained = explain(context, &statement, &error);
        let range = explained.draft.range.clone();
        // What comes up where something has been fixed follows from what was wrong there.
        let is_vague = explained.draft.is_vague() && !drafts.is_empty();
        if !is_vague && drafts.iter().all(|draft| !overlap(&draft.range, &range)) {
            drafts.push(explained.draft);
        } else if is_vague || drafts.iter().any(|draft| draft.range == range) {
            return None;
        }
        statement = explained.repair?.apply(context.text, &statement);
        planned = context.planner.plan(statement.clone());
    }
    None
}
