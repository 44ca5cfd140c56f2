//! What a planned query yields: a name, a type and a place for each column.

use std::collections::BTreeMap;
use std::ops::Range;

use datafusion::arrow::compute::can_cast_types;
use datafusion::arrow::datatypes::{DataType, Field as ArrowField};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{Expr, Ident, Select, SelectItem, SetExpr, Statement};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::context::{Context, HIDDEN};
use super::draft::{Draft, Site};
use super::text::{Text, Word};
use super::{nullability, words};
use crate::codes;
use crate::schema::{Field, Schema, arrow};

/// The columns of a query's rows, and where each stands.
pub(super) struct Row {
    /// Names, types, nullability.
    pub(super) schema: Schema,
    /// The bytes of each column's item in the `SELECT`.
    pub(super) places: Vec<Range<usize>>,
    /// The expression in it, as it is written; empty for `*`.
    pub(super) expressions: Vec<String>,
}

/// The row, and what is wrong with its names and types. The statement may be one that has been
/// fixed, to find out what else is wrong.
pub(super) fn row(
    context: &Context<'_>,
    statement: &Statement,
    plan: &LogicalPlan,
    is_fixed: bool,
) -> (Row, Vec<Draft>) {
    let fields = plan.schema().fields();
    let never_null = nullability::never_null(plan);
    let items = items(context, statement, fields.len());
    let mut row = Row { schema: Schema::default(), places: Vec::new(), expressions: Vec::new() };
    let mut drafts = Vec::new();
    let mut named: BTreeMap<&str, Range<usize>> = BTreeMap::new();
    for (index, field) in fields.iter().enumerate() {
        let item = items.get(index);
        let place = item.map_or_else(|| context.text.first(), |item| item.range.clone());
        let name = field.name().as_str();
        if !name.starts_with(HIDDEN) {
            if !is_named(context, item, name) {
                drafts.push(nameless(context.text, item, &place));
            } else if let Some(first) = named.get(name).or_else(|| renamed(&named, name)) {
                let first = Some(first.clone()).filter(|first| *first != place);
                drafts.push(duplicate(context.text, original(name), place.clone(), first));
            } else {
                named.insert(name, place.clone());
            }
        }
        match arrow::from_field(field) {
            Some(ty) => {
                let nullable = !never_null.get(index).copied().unwrap_or_default();
                row.schema.fields.push(Field::new(name, ty, nullable));
                row.places.push(place);
                let own = item.filter(|item| item.own.is_some());
                let written = own.map_or("", |item| context.text.slice(&item.expr));
                row.expressions.push(written.to_owned());
            }
            // What has been fixed with NULL is not the user's.
            None if is_fixed && field.data_type() == &DataType::Null => {}
            None => drafts.push(unsupported(context.text, item, field, &place)),
        }
    }
    // One finding is enough for one place.
    let mut seen: Vec<Range<usize>> = Vec::new();
    drafts.retain(|draft| {
        let is_new = !seen.contains(&draft.range);
        seen.push(draft.range.clone());
        is_new
    });
    (row, drafts)
}

/// Whether somebody has given the column its name: its item does, or behind a `*` a source or an
/// inner query does.
fn is_named(context: &Context<'_>, item: Option<&Item>, name: &str) -> bool {
    let known = || {
        let is_field =
            context.tables.iter().any(|table| table.schema.field(original(name)).is_some());
        let is_word = |word: &Word| match &word.token {
            Token::Word(word) => word.value == original(name),
            _ => false,
        };
        is_field || context.text.words().iter().any(is_word)
    };
    match item.map(|item| item.own.as_deref()) {
        Some(Some(own)) => own == name,
        Some(None) | None => known(),
    }
}

/// An item of a `SELECT`, or a part of what a `*` stands for.
#[derive(Clone)]
struct Item {
    /// Its bytes.
    range: Range<usize>,
    /// The bytes of the expression in it.
    expr: Range<usize>,
    /// The name that it gives itself; empty where it gives itself none. `None` for `*`.
    own: Option<String>,
}

/// The items behind each of that many columns; empty where they cannot be told apart.
fn items(context: &Context<'_>, statement: &Statement, columns: usize) -> Vec<Item> {
    let Statement::Query(query) = statement else { return Vec::new() };
    let select = match leftmost(&query.body) {
        Some(select) => select,
        None => return vec![values(context.text); columns],
    };
    let mut items = Vec::new();
    for (item, written) in select.projection.iter().zip(read(context.text, select)) {
        let count = match item {
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                wildcard(context, statement, select, item, columns)
            }
            _ => Some(1),
        };
        let Some(count) = count else { return Vec::new() };
        items.extend(std::iter::repeat_n(written, count));
    }
    if items.len() == columns { items } else { Vec::new() }
}

/// A column of `VALUES` has no name of its own.
fn values(text: &Text<'_>) -> Item {
    let range = text.find("VALUES").unwrap_or_else(|| text.first());
    Item { expr: range.clone(), range, own: Some(String::new()) }
}

/// The `SELECT` that names the columns of a statement.
pub(super) fn leftmost_select(statement: &Statement) -> Option<&Select> {
    match statement {
        Statement::Query(query) => leftmost(&query.body),
        _ => None,
    }
}

/// The `SELECT` that names the columns: of a `UNION`, the first.
fn leftmost(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => leftmost(&query.body),
        SetExpr::SetOperation { left, .. } => leftmost(left),
        _ => None,
    }
}

fn leftmost_mut(body: &mut SetExpr) -> Option<&mut Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => leftmost_mut(&mut query.body),
        SetExpr::SetOperation { left, .. } => leftmost_mut(left),
        _ => None,
    }
}

/// How many columns a `*` stands for.
fn wildcard(
    context: &Context<'_>,
    statement: &Statement,
    select: &Select,
    item: &SelectItem,
    columns: usize,
) -> Option<usize> {
    let is_wildcard = |item: &&SelectItem| {
        matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
    };
    let wildcards = select.projection.iter().filter(is_wildcard).count();
    if wildcards == 1 {
        return (columns + 1).checked_sub(select.projection.len());
    }
    // The planner knows: it is asked for this item alone.
    let mut statement = statement.clone();
    let Statement::Query(query) = &mut statement else { return None };
    query.order_by = None;
    let alone = leftmost_mut(&mut query.body)?;
    alone.projection = vec![item.clone()];
    alone.distinct = None;
    let select = SetExpr::Select(Box::new(alone.clone()));
    *query.body = select;
    Some(context.planner.analyze(statement).ok()?.schema().fields().len())
}

/// The items of a `SELECT`; empty where they cannot be told apart.
fn read(text: &Text<'_>, select: &Select) -> Vec<Item> {
    let ranges = item_ranges(text, select);
    if ranges.len() != select.projection.len() {
        return Vec::new();
    }
    let item = |(item, range): (&SelectItem, Range<usize>)| {
        let (expr, own) = match item {
            SelectItem::ExprWithAlias { alias, .. } => {
                (before_alias(text, &range, alias), Some(alias.value.clone()))
            }
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) => {
                (range.clone(), Some(ident.value.clone()))
            }
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(idents)) => {
                (range.clone(), idents.last().map(|ident| ident.value.clone()))
            }
            SelectItem::UnnamedExpr(_) => (range.clone(), Some(String::new())),
            _ => (range.clone(), None),
        };
        Item { range, expr, own }
    };
    select.projection.iter().zip(ranges).map(item).collect()
}

/// `a + b AS c` → the bytes of `a + b`.
fn before_alias(text: &Text<'_>, item: &Range<usize>, alias: &Ident) -> Range<usize> {
    // A name that a repair has given stands nowhere.
    let Some(name) = text.range(alias.span) else { return item.clone() };
    let written = text.slice(&(item.start..name.start)).trim_end();
    let lower = written.to_ascii_lowercase();
    let written = if lower.ends_with("as") { &written[..written.len() - 2] } else { written };
    item.start..item.start + written.trim_end().len()
}

/// The bytes of each item of a `SELECT`: what stands between its commas.
pub(super) fn item_ranges(text: &Text<'_>, select: &Select) -> Vec<Range<usize>> {
    let words = text.words();
    let Some(first) = text.range(select.select_token.0.span) else { return Vec::new() };
    let Some(mut at) = text.word_at(first.start).map(|select| select + 1) else {
        return Vec::new();
    };
    while is(text, at, &["DISTINCT", "ALL", "ON"]) {
        at = after_brackets(text, at + 1);
    }
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut range: Option<Range<usize>> = None;
    while let Some(word) = words.get(at) {
        let closes = text.partner(word).is_some_and(|open| open.range.start < word.range.start);
        // `* EXCEPT (a)` goes on.
        let except = is(text, at, &["EXCEPT"])
            && at
                .checked_sub(1)
                .and_then(|at| words.get(at))
                .is_some_and(|w| w.token == Token::Mul);
        if closes || word.token == Token::SemiColon || (is(text, at, &ENDS) && !except) {
            break;
        }
        if word.token == Token::Comma {
            ranges.extend(range.take());
            at += 1;
            continue;
        }
        let next = after_brackets(text, at).max(at + 1);
        let last = words.get(next - 1).unwrap_or(word);
        range = Some(range.map_or(word.range.start, |range| range.start)..last.range.end);
        at = next;
    }
    ranges.extend(range);
    ranges
}

/// The words that end the items of a `SELECT`.
const ENDS: [&str; 15] = [
    "FROM",
    "INTO",
    "WHERE",
    "GROUP",
    "HAVING",
    "WINDOW",
    "QUALIFY",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "FETCH",
    "MINUS",
];

/// Whether that word is one of these, and no name in quotes.
fn is(text: &Text<'_>, index: usize, list: &[&str]) -> bool {
    text.words().get(index).is_some_and(|word| match &word.token {
        Token::Word(name) => {
            name.quote_style.is_none()
                && list.iter().any(|one| name.value.eq_ignore_ascii_case(one))
        }
        _ => false,
    })
}

/// The index of the word after the brackets that open there; the same index where none do.
fn after_brackets(text: &Text<'_>, index: usize) -> usize {
    let open = text.words().get(index);
    let close = open.and_then(|open| Some((open, text.partner(open)?)));
    let close = close.filter(|(open, close)| close.range.start > open.range.start);
    close.and_then(|(_, close)| text.word_at(close.range.start)).map_or(index, |close| close + 1)
}

/// The items of the outermost `SELECT` that give themselves that name, or whatever else reads so.
pub(super) fn items_named(context: &Context<'_>, name: &str) -> Vec<Range<usize>> {
    let mut all = Vec::new();
    for select in &context.scope.selects {
        let items = read(context.text, select);
        let named = items.iter().filter(|item| item.own.as_deref() == Some(name));
        let mut ranges: Vec<_> = named.map(|item| item.range.clone()).collect();
        let wildcard = items.iter().find(|item| item.own.is_none());
        if let (Some(wildcard), [_]) = (wildcard, ranges.as_slice()) {
            ranges.insert(0, wildcard.range.clone());
        }
        if ranges.len() > 1 {
            return ranges;
        }
        all.extend(ranges);
    }
    all
}

/// The name of two items of a `SELECT`, and their bytes, where both give themselves that name.
pub(super) fn same_name(
    context: &Context<'_>,
    select: &Select,
    first: usize,
    second: usize,
) -> Option<(String, Range<usize>, Range<usize>)> {
    let items = read(context.text, select);
    // Behind a `*` nobody knows which number an item has.
    if items.iter().any(|item| item.own.is_none()) {
        return None;
    }
    let (first, second) = (items.get(first)?, items.get(second)?);
    let name = first.own.clone().filter(|name| !name.is_empty())?;
    (second.own == first.own).then(|| (name, first.range.clone(), second.range.clone()))
}

/// Two columns of one name.
pub(super) fn duplicate(
    text: &Text<'_>,
    name: &str,
    range: Range<usize>,
    first: Option<Range<usize>>,
) -> Draft {
    let is_wildcard = text.slice(&range).ends_with('*');
    let mut draft =
        Draft::error(codes::DUPLICATE_COLUMN, format!("two columns are named `{name}`"), range)
            .label("the second one");
    if let Some(first) = first {
        draft = draft.related(Site::Query(first), "the first one");
    }
    if is_wildcard {
        return draft
            .help(format!("write the columns out in place of `*`, one as `… AS other_{name}`"));
    }
    draft.help(format!("give one of them another name: `… AS other_{name}`"))
}

/// `id:1`, which the planner makes of the second `id` of a subquery.
fn renamed<'a>(named: &'a BTreeMap<&str, Range<usize>>, name: &str) -> Option<&'a Range<usize>> {
    let original = original(name);
    if original == name { None } else { named.get(original) }
}

fn original(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((original, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => original,
        _ => name,
    }
}

fn nameless(text: &Text<'_>, item: Option<&Item>, place: &Range<usize>) -> Draft {
    let error = |message: &str| Draft::error(codes::UNNAMED_COLUMN, message, place.clone());
    let written = one_line(text.slice(place));
    match item.map(|item| item.own.as_deref()) {
        _ if written.eq_ignore_ascii_case("VALUES") => error("the columns of VALUES have no names")
            .help("name them: `SELECT * FROM (VALUES …) AS t(a, b)`"),
        Some(Some(own)) => {
            let name = if own.is_empty() { suggestion(&written) } else { own.to_owned() };
            error("this column has no name")
                .label("what is it called in the table?")
                .help(format!("name it: `{written} AS {name}`"))
        }
        _ => error("one of these columns has no name")
            .help("name it in the inner query: `… AS name`"),
    }
}

/// `count(*)` → `count`.
fn suggestion(written: &str) -> String {
    let name: String = written.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let called = written.chars().nth(name.chars().count()) == Some('(') && written.ends_with(')');
    let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let is_cast = name.to_uppercase().ends_with("CAST");
    if called && is_name && !is_cast { name.to_lowercase() } else { "name".to_owned() }
}

/// What is written, or its begin.
pub(super) fn begin(written: &str) -> String {
    let line = written.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default().trim_end()),
        None => line,
    }
}

/// What is written, if it is short.
pub(super) fn one_line(written: &str) -> String {
    let words: Vec<_> = written.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() > 40 { "…".to_owned() } else { line }
}

fn unsupported(
    text: &Text<'_>,
    item: Option<&Item>,
    field: &ArrowField,
    place: &Range<usize>,
) -> Draft {
    let name = field.name();
    let message = format!("column `{name}` is {}, which no table can hold", words::describe(field));
    let written = item.map_or("…".to_owned(), |item| one_line(text.slice(&item.expr)));
    let draft = Draft::error(codes::UNSTORABLE_COLUMN, message, place.clone());
    let cast = |ty: &str| format!("`CAST({written} AS {ty}) AS {name}`");
    match field.data_type() {
        DataType::Null => draft.help(format!("say which type it has: {}", cast("VARCHAR"))),
        DataType::Decimal128(_, scale) if *scale < 0 => {
            draft.help(format!("convert it: {}", cast("DECIMAL(38, 0)")))
        }
        DataType::Decimal256(_, scale) => {
            draft.help(format!("convert it: {}", cast(&format!("DECIMAL(38, {scale})"))))
        }
        other if can_cast_types(other, &DataType::Utf8) => {
            draft.help(format!("convert it: {}", cast("VARCHAR")))
        }
        _ => draft.help("select the parts of it that are needed"),
    }
}
