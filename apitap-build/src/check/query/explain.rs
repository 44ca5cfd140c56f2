//! A planner's error → a finding in our words, and how to go on planning in spite of it.

use std::ops::Range;

use datafusion::common::diagnostic::DiagnosticNote;
use datafusion::common::{Column, DataFusionError, SchemaError};
use datafusion::sql::sqlparser::ast::{
    Expr, JoinConstraint, JoinOperator, SetExpr, Spanned, Statement,
};

use super::blame::{Blame, Culprit};
use super::context::{Context, Explained, Repair};
use super::draft::{Draft, Site};
use super::planner::innermost;
use super::text::Text;
use super::{columns, dialects, function, mismatch, tree, words};
use crate::codes;
use crate::nearest::nearest;
use grouping::{grouped_by_aggregate, grouping};

mod grouping;

/// Explains why a statement cannot be planned.
pub(super) fn explain(
    context: &Context<'_>,
    statement: &Statement,
    error: &DataFusionError,
) -> Explained {
    let first = first(error);
    let blame = Blame::new(context.planner, context.text, statement, error);
    let range = first.diagnostic().and_then(|diagnostic| diagnostic.span);
    let range = context.text.planner_range(range);
    match innermost(first) {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => {
                columns::unknown(context, &blame, field, valid_fields, range)
            }
            SchemaError::AmbiguousReference { field } => {
                let candidates = candidates(first);
                if candidates.is_empty() && super::row::items_named(context, &field.name).len() > 1
                {
                    return duplicate(context, &field.name, range);
                }
                columns::ambiguous(context, &blame, field, &candidates, range)
            }
            SchemaError::DuplicateQualifiedField { name, .. }
            | SchemaError::DuplicateUnqualifiedField { name } => duplicate(context, name, range),
        },
        inner => match sides(context, first) {
            Some(draft) => Explained { draft, repair: None },
            None => by_message(context, &blame, &inner.message(), range),
        },
    }
}

/// Of several errors, the first.
fn first(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Collection(errors) => errors.first().map_or(error, first),
        other => other,
    }
}

/// The notes of an ambiguity: `possible column orders.id`.
fn candidates(error: &DataFusionError) -> Vec<String> {
    let notes = error.diagnostic().map(|diagnostic| diagnostic.notes.as_slice());
    let names = notes.unwrap_or_default().iter();
    names.filter_map(|note| note.message.strip_prefix("possible column ")).map(Into::into).collect()
}

/// The two sides of a `UNION`, where one has more columns.
fn sides(context: &Context<'_>, error: &DataFusionError) -> Option<Draft> {
    let diagnostic = error.diagnostic()?;
    let operator = diagnostic.message.strip_suffix(" queries have different number of columns")?;
    let [left, right] = diagnostic.notes.as_slice() else { return None };
    let count = |note: &DiagnosticNote| {
        let count = note.message.strip_prefix("this side has ")?.strip_suffix(" fields")?;
        Some((count.to_owned(), context.text.planner_range(note.span)?))
    };
    let ((left, first), (right, second)) = (count(left)?, count(right)?);
    let message = format!("the sides of {operator} have {left} and {right} columns");
    Some(
        Draft::error(codes::TYPE_MISMATCH, message, second)
            .related(Site::Query(first), "the other side")
            .help(
                "select as many columns on both sides: `NULL AS name` for what one does not have",
            ),
    )
}

/// The kinds of errors that the planner tells apart by their words alone.
fn by_message(
    context: &Context<'_>,
    blame: &Blame<'_>,
    message: &str,
    range: Option<Range<usize>>,
) -> Explained {
    let has = |words: &str| message.contains(words);
    if message.starts_with("Invalid function '") {
        return unknown_function(context, blame, range);
    }
    if has("Table Functions are not supported") {
        return table_function(context);
    }
    if has("Aggregations require unique expression names") {
        return grouped_by_aggregate(context);
    }
    if has("require unique expression names") {
        return duplicate_at(context, message)
            .unwrap_or_else(|| duplicate(context, &duplicate_name(message), None));
    }
    if let Some(draft) = position_of_column(context, message) {
        return Explained { draft, repair: None };
    }
    if has("join condition should not be empty") {
        let range = join_without_condition(context);
        let draft = Draft::error(codes::UNSUPPORTED_QUERY, "this join has no condition", range)
            .help("write the condition after the table: `ON a.id = b.id`");
        return Explained { draft, repair: None };
    }
    if let Some(qualifier) = message.strip_prefix("Invalid qualifier ") {
        return unknown_wildcard(context, qualifier);
    }
    let culprit = blame.culprit();
    if has("Field ") && has("not found in struct")
        || has("Cannot access field")
        || has("could not parse compound identifier")
    {
        let node = culprit.map(Culprit::index);
        let explained = node.and_then(|node| columns::unknown_field(context, blame, node));
        if let Some(explained) = explained {
            return explained;
        }
    }
    let here = culprit.and_then(|culprit| blame.tree.range(culprit.index()));
    let draft = if let Some(draft) = grouping(context, blame, message, range.clone(), culprit) {
        return grouped(blame, draft);
    } else if let Some(draft) = culprit.and_then(|c| function::explain(context, blame, c)) {
        draft
    } else if let Some(draft) = mismatch::explain(context, blame, message, culprit) {
        draft
    } else {
        let fallback = || keyword(context.text, message);
        other(context, blame, message, here.or(range).unwrap_or_else(fallback))
    };
    let repair = culprit.map(Culprit::index).and_then(|node| {
        let expr = blame.expr(node)?;
        Some(Repair::Replace(blame.same(node), Box::new(tree::null_for(&expr))))
    });
    Explained { draft, repair }
}

/// The word JOIN of the first join that has no condition.
fn join_without_condition(context: &Context<'_>) -> Range<usize> {
    let joins = context.scope.selects.iter().flat_map(|select| &select.from);
    let mut joins = joins.flat_map(|from| &from.joins);
    let bare = joins.find(|join| {
        matches!(
            &join.join_operator,
            JoinOperator::Join(JoinConstraint::None)
                | JoinOperator::Inner(JoinConstraint::None)
                | JoinOperator::Left(JoinConstraint::None)
                | JoinOperator::LeftOuter(JoinConstraint::None)
                | JoinOperator::Right(JoinConstraint::None)
                | JoinOperator::RightOuter(JoinConstraint::None)
                | JoinOperator::FullOuter(JoinConstraint::None)
        )
    });
    let table = bare.and_then(|join| context.text.range(join.relation.span()));
    let word = table.and_then(|table| context.text.before(&table)).map(|word| word.range.clone());
    word.or_else(|| context.text.find("JOIN")).unwrap_or_else(|| context.text.first())
}

/// `GROUP BY 3` or `ORDER BY 3`, where the `SELECT` has fewer columns.
fn position_of_column(context: &Context<'_>, message: &str) -> Option<Draft> {
    let (clause, rest) = message
        .split_once("column with position ")
        .map(|(_, rest)| ("GROUP", rest))
        .or_else(|| message.split_once("out of bounds, specified: ").map(|(_, r)| ("ORDER", r)))?;
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let (position, columns) = (numbers.next()?, numbers.next_back()?);
    let start = context.text.find(clause).map_or(0, |range| range.end);
    let after = |word: &&super::text::Word| {
        word.range.start >= start && context.text.slice(&word.range) == position
    };
    let range = context.text.words().iter().find(after).map(|word| word.range.clone());
    let message = format!("{clause} BY names column {position}, but the SELECT has {columns}");
    Some(
        Draft::error(
            codes::MISPLACED_AGGREGATE,
            message,
            range.unwrap_or_else(|| context.text.first()),
        )
        .help("write the column's name"),
    )
}

/// The expression that a finding points at is left out, wherever it is.
fn grouped(blame: &Blame<'_>, draft: Draft) -> Explained {
    let is_it = |node: &usize| blame.tree.range(*node).as_ref() == Some(&draft.range);
    let repair = blame.tree.all().find(is_it).and_then(|node| {
        Some(Repair::Replace(vec![node], Box::new(tree::null_for(&blame.expr(node)?))))
    });
    Explained { draft, repair }
}

fn unknown_function(
    context: &Context<'_>,
    blame: &Blame<'_>,
    range: Option<Range<usize>>,
) -> Explained {
    let is_it = |node: &usize| match blame.expr(*node) {
        Some(Expr::Function(function)) => context.text.range(function.name.span()) == range,
        _ => false,
    };
    let node = range.as_ref().and_then(|_| blame.tree.all().find(is_it));
    let range = range.unwrap_or_else(|| context.text.first());
    let name = context.text.slice(&range);
    let functions = context.planner.functions();
    let near = nearest(name, functions.iter().map(String::as_str));
    let draft = if functions.iter().any(|function| function.eq_ignore_ascii_case(name)) {
        let message = format!("`{name}` is computed over a window, but there is none");
        Draft::error(codes::UNKNOWN_FUNCTION, message, range.clone())
            .help(format!("say over which rows: `{name}(…) OVER (ORDER BY …)`"))
    } else {
        let message = format!("function `{name}` not found");
        let draft =
            Draft::error(codes::UNKNOWN_FUNCTION, message, range.clone()).label("no such function");
        match (dialects::function(name), near) {
            (Some(ours), _) => draft.help(format!("write `{ours}`")),
            (None, Some(near)) => {
                let same = context.planner.same_function(near);
                let others = functions.iter().filter(|other| !same.contains(other));
                let candidates = std::iter::once(near).chain(others.map(String::as_str));
                draft.suggest("function", name, candidates.collect::<Vec<_>>())
            }
            (None, None) => draft.help("docs/reference.md names the functions that there are"),
        }
    };
    let repair = node.and_then(|node| {
        Some(Repair::Replace(vec![node], Box::new(tree::null_for(&blame.expr(node)?))))
    });
    Explained { draft, repair }
}

fn table_function(context: &Context<'_>) -> Explained {
    let range = context.scope.calls.first().cloned().unwrap_or_else(|| context.text.first());
    let name = context.text.slice(&range);
    let draft =
        Draft::error(codes::UNKNOWN_FUNCTION, format!("function `{name}` yields no table"), range)
            .label("a query reads sources, and nothing else")
            .help("write the rows out: `(VALUES (…), (…)) AS t(a)`");
    Explained { draft, repair: None }
}

/// `x.*`, where there is no `x`.
fn unknown_wildcard(context: &Context<'_>, qualifier: &str) -> Explained {
    let range = context.text.find(qualifier).unwrap_or_else(|| context.text.first());
    let message = format!("table `{qualifier}` not found in this query");
    let draft = Draft::error(codes::UNKNOWN_TABLE, message, range);
    let draft = match context.scope.alias_of(qualifier) {
        Some(alias) => draft.help(format!("it goes by the name `{alias}` here: `{alias}.*`")),
        None => draft.help(format!("name a table of the FROM: {}", context.scope.names())),
    };
    Explained { draft, repair: None }
}

/// `… expression "orders.id" at position 0 and …` → `id`.
fn duplicate_name(message: &str) -> String {
    let name = message.split('"').nth(1).unwrap_or_default();
    if let Some((_, alias)) = name.rsplit_once(" AS ") {
        return alias.to_owned();
    }
    Column::from_qualified_name_ignore_case(name).name
}

/// The two columns that `… at position 0 and … at position 3` tells of, where one `SELECT` alone
/// has two of one name there.
fn duplicate_at(context: &Context<'_>, message: &str) -> Option<Explained> {
    let mut positions = message.split("at position ").skip(1).filter_map(|rest| {
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<usize>().ok()
    });
    let (first, second) = (positions.next()?, positions.next()?);
    let selects = context.scope.selects.iter();
    let mut found =
        selects.filter_map(|select| super::row::same_name(context, select, first, second));
    let (name, first, second) = found.next()?;
    found.next().is_none().then(|| Explained {
        draft: super::row::duplicate(context.text, &name, second.clone(), Some(first)),
        repair: Some(Repair::Name(second)),
    })
}

/// A name that two columns have.
fn duplicate(context: &Context<'_>, name: &str, range: Option<Range<usize>>) -> Explained {
    let items = super::row::items_named(context, name);
    if items.is_empty() && name.contains('(') && context.text.find("GROUP").is_some() {
        return grouped_by_aggregate(context);
    }
    let mut ranges = items.into_iter();
    let (first, second) = (ranges.next(), ranges.next());
    let at = second.clone().or(first.clone()).or(range);
    let at = at.unwrap_or_else(|| context.text.first());
    let first = second.and(first);
    let repair = Some(Repair::Name(at.clone()));
    Explained { draft: super::row::duplicate(context.text, name, at, first), repair }
}

/// Anything else that the planner refuses.
fn other(context: &Context<'_>, blame: &Blame<'_>, message: &str, range: Range<usize>) -> Draft {
    if message.contains("OuterReferenceColumn") || message.contains("outer reference") {
        let message = "this reads a column of the query around it, in a way that cannot be planned";
        return Draft::error(codes::UNSUPPORTED_QUERY, message, range)
            .help("join the tables instead, or aggregate in the inner query");
    }
    if message.contains("logical expression ScalarSubquery")
        && let Some((range, written)) = subquery_of_nothing(context, blame)
    {
        return Draft::error(codes::UNSUPPORTED_QUERY, "this subquery reads no table", range)
            .help(format!("write what it selects alone: `{written}`"));
    }
    if message.contains("Correlated scalar subquery") {
        let message = "this subquery may yield several values where one is needed";
        let range = subquery_around(blame, &range).unwrap_or(range);
        return Draft::error(codes::UNSUPPORTED_QUERY, message, range)
            .help("aggregate in it, as in `SELECT max(…)`, or join the tables instead");
    }
    if message.contains("Placeholder") || message.contains("has no type information") {
        let message = "a query has no parameters";
        return Draft::error(codes::UNSUPPORTED_QUERY, message, range)
            .help("write the value itself");
    }
    if message.contains("should only return one column") {
        let message = "a subquery yields one column here, this one yields more";
        let range = subquery_around(blame, &range).unwrap_or(range);
        return Draft::error(codes::UNSUPPORTED_QUERY, message, range).help("leave the others out");
    }
    if message.contains("Substring without for/from") {
        let message = "this needs the place of the first character";
        return Draft::error(codes::TYPE_MISMATCH, message, range)
            .help("write it second, from 1, and a length third: `substr(text, 1, 10)`");
    }
    if message.contains("Inconsistent data length across values") {
        let message = "the rows of VALUES have different numbers of columns";
        let range = context.text.find("VALUES").unwrap_or(range);
        return Draft::error(codes::UNSUPPORTED_QUERY, message, range)
            .help("write NULL for what is not known");
    }
    if message.contains("logical expression InSubquery")
        || message.contains("logical expression Exists")
    {
        let message = "IN and EXISTS over a query can only be conditions, in WHERE or HAVING";
        let help =
            "count instead: `(SELECT count(*) FROM b WHERE b.id = a.id) > 0`, or join the tables";
        return Draft::error(codes::UNSUPPORTED_QUERY, message, range).help(help);
    }
    if message.contains("does not support logical expression WindowFunction") {
        let message = "a window cannot be looked at here";
        return Draft::error(codes::UNSUPPORTED_QUERY, message, range)
            .help("compute it in an inner query, or write the condition after QUALIFY");
    }
    if message.contains("Source table contains") {
        return renamed_columns(context, message, range);
    }
    let sentence = words::sentence(message);
    let is_clause = sentence.chars().all(|c| c.is_ascii_uppercase() || c == ' ');
    let verdict = if is_clause { " is not supported" } else { "" };
    let draft = Draft::error(codes::UNSUPPORTED_QUERY, format!("{sentence}{verdict}"), range);
    match dialects::clause(&sentence) {
        Some(help) => draft.help(help),
        None => draft,
    }
}

/// `AS t(a, b)`, where `t` has another number of columns: `Source table contains 8 columns but …`.
fn renamed_columns(context: &Context<'_>, message: &str, range: Range<usize>) -> Draft {
    let count = message.split(' ').find_map(|word| word.parse::<usize>().ok()).unwrap_or_default();
    let given = context.scope.renamed.iter().find(|(_, given)| *given != count);
    let (range, given) = given.cloned().unwrap_or((range, 0));
    let message = format!("{given} names are given to a table of {count} columns");
    Draft::error(codes::UNSUPPORTED_QUERY, message, range).help("name all of them, or none")
}

/// A subquery without FROM, and what it selects.
fn subquery_of_nothing(context: &Context<'_>, blame: &Blame<'_>) -> Option<(Range<usize>, String)> {
    blame.tree.all().find_map(|node| {
        let Some(Expr::Subquery(query)) = blame.expr(node) else { return None };
        let SetExpr::Select(select) = &*query.body else { return None };
        let range = blame.tree.range(node).filter(|_| select.from.is_empty())?;
        let item = super::row::item_ranges(context.text, select).first().cloned()?;
        Some((range, context.text.slice(&item).to_owned()))
    })
}

/// The innermost subquery that these bytes stand in.
fn subquery_around(blame: &Blame<'_>, range: &Range<usize>) -> Option<Range<usize>> {
    let around = |node: &usize| matches!(blame.expr(*node), Some(Expr::Subquery(_)));
    let ranges = blame.tree.all().filter(around).filter_map(|node| blame.tree.range(node));
    let covers = |outer: &Range<usize>| outer.start <= range.start && range.end <= outer.end;
    ranges.filter(covers).min_by_key(|range| range.len())
}

/// The word of SQL that a message names: `FETCH clause is not supported yet`.
fn keyword(text: &Text<'_>, message: &str) -> Range<usize> {
    message
        .split(|c: char| !c.is_ascii_uppercase())
        .filter(|word| word.len() > 1)
        .find_map(|word| text.find(word))
        .unwrap_or_else(|| text.first())
}
