//! Names that stand for nothing: columns, fields of records, and columns of more than one table.

use std::ops::Range;

use datafusion::arrow::datatypes::{DataType, Field as ArrowField};
use datafusion::common::Column;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Ident, SelectItem, Spanned, Subscript, Value,
};

use super::Table;
use super::blame::Blame;
use super::context::{Context, Explained, Repair};
use super::draft::{Draft, Site};
use super::scope::{inner_fields, with_declaration};
use super::text::union;
use super::tree;
use super::words::describe;
use crate::check::list;
use crate::codes;
use crate::nearest::nearest;

/// One name of `a.b.c`, and where it stands.
#[derive(Debug, Clone)]
struct Part {
    name: String,
    range: Range<usize>,
    /// Whether it stands in `"`.
    quoted: bool,
}

/// A column that no table of the `FROM` has.
pub(super) fn unknown(
    context: &Context<'_>,
    blame: &Blame<'_>,
    column: &Column,
    valid: &[Column],
    range: Option<Range<usize>>,
) -> Explained {
    let node = locate(context, blame, column, range.as_ref());
    let expr = node.and_then(|node| blame.expr(node));
    let parts = match expr.as_ref().map(|expr| parts(context, expr)) {
        Some(parts) if !parts.is_empty() => parts,
        _ => vec![lone(context, column, range)],
    };
    let tables = tables(context, valid);
    let (draft, near) = match parts.as_slice() {
        [first, second, ..] => match tables.iter().find(|table| table.name == first.name) {
            Some(table) => missing(second, std::slice::from_ref(table)),
            None => unknown_qualifier(context, first, second, &tables),
        },
        [only] if tables.is_empty() && !context.scope.is_empty() => {
            let message = format!("column `{}` cannot stand here", only.name);
            let draft = Draft::error(codes::UNKNOWN_COLUMN, message, only.range.clone())
                .label("this is not computed for each row");
            (draft.help("write the value itself"), None)
        }
        [only] => match own_alias(context, only) {
            Some(draft) => (draft, None),
            None => missing(only, &tables),
        },
        [] => missing(&lone(context, column, None), &tables),
    };
    let repair = match (node, expr) {
        (Some(node), Some(expr)) => {
            let by = near.and_then(|near| corrected(&expr, draft.range.clone(), &near, context));
            let by = by.unwrap_or_else(|| tree::null_for(&expr));
            Some(Repair::Replace(vec![node], Box::new(by)))
        }
        _ => None,
    };
    Explained { draft, repair }
}

/// A name that the `SELECT` gives to a column, where it is not known yet.
fn own_alias(context: &Context<'_>, part: &Part) -> Option<Draft> {
    let items = context.scope.selects.iter().flat_map(|select| &select.projection);
    let (expr, alias) = items
        .filter_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } => Some((expr, alias)),
            _ => None,
        })
        .find(|(_, alias)| alias.value == part.name)?;
    let named = context.text.range(alias.span).filter(|named| *named != part.range)?;
    let message = format!("column `{}` is not known here yet", part.name);
    let draft = Draft::error(codes::UNKNOWN_COLUMN, message, part.range.clone())
        .label("this is looked at before the SELECT")
        .related(Site::Query(named), "it gets its name here");
    Some(draft.help(format!("write what it stands for: `{expr}`")))
}

/// A table of a `FROM`: its name there, its columns, and the source that it is.
struct Visible<'a> {
    name: String,
    columns: Vec<String>,
    source: Option<&'a Table<'a>>,
}

fn tables<'a>(context: &Context<'a>, valid: &[Column]) -> Vec<Visible<'a>> {
    let mut tables: Vec<Visible<'a>> = Vec::new();
    for column in valid {
        let name = column.relation.as_ref().map_or("", |relation| relation.table()).to_owned();
        let known = tables.iter_mut().find(|table| table.name == name);
        match known {
            Some(table) if table.columns.contains(&column.name) => {}
            Some(table) => table.columns.push(column.name.clone()),
            None => {
                let columns = vec![column.name.clone()];
                tables.push(Visible { name, columns, source: None });
            }
        }
    }
    // The columns of the SELECT itself, which ORDER BY sees too, belong to no table.
    if tables.iter().any(|table| !table.name.is_empty()) {
        tables.retain(|table| !table.name.is_empty());
    }
    for table in &mut tables {
        let columns: Vec<_> = table.columns.iter().map(String::as_str).collect();
        table.source = context.scope.source(&table.name, &columns);
    }
    tables
}

/// `source `orders``, `` `recent` ``, or nothing for rows without a name.
fn places(tables: &[Visible<'_>]) -> String {
    let mut sources: Vec<_> = tables.iter().filter_map(|t| t.source.map(|s| s.name)).collect();
    sources.dedup();
    match (tables, sources.as_slice()) {
        ([], _) => ": the query reads no table".to_owned(),
        ([only], []) if only.name.is_empty() => String::new(),
        (_, [source]) if tables.iter().all(|table| table.source.is_some()) => {
            format!(" in source `{source}`")
        }
        _ => {
            let names: Vec<_> = tables.iter().map(|table| table.name.as_str()).collect();
            format!(" in {}", list(&names))
        }
    }
}

/// The finding, and the name that is probably meant.
fn missing(part: &Part, tables: &[Visible<'_>]) -> (Draft, Option<String>) {
    let name = &part.name;
    let message = format!("column `{name}` not found{}", places(tables));
    let mut draft = Draft::error(codes::UNKNOWN_COLUMN, message, part.range.clone());
    let columns: Vec<_> =
        tables.iter().flat_map(|table| table.columns.iter().map(String::as_str)).collect();
    let near = nearest(name, columns.iter().copied());
    let inner: Vec<_> = tables
        .iter()
        .filter_map(|table| Some((table, inner_fields(&table.source?.schema.fields, name))))
        .find(|(_, paths)| !paths.is_empty())
        .into_iter()
        .collect();
    let owner = tables
        .iter()
        .find(|table| near.is_some_and(|near| table.columns.iter().any(|column| column == near)));
    let (about, field) = match inner.first() {
        Some((table, paths)) => (Some(*table), paths.first().map(String::as_str)),
        None => (owner.or(tables.first()), near),
    };
    if let Some(source) = about.and_then(|table| table.source) {
        draft = with_declaration(draft, source, field);
    }
    if let Some(json) = name.strip_suffix('#').filter(|_| !part.quoted) {
        let help = format!("`#>` and `#>>` are not there: write `{json}->'key'->>'key'`");
        return (draft.help(help), None);
    }
    if part.quoted {
        draft = draft.help(format!("text is written in single quotes: `'{name}'`"));
    }
    let kind = if about.is_some_and(|table| table.source.is_some()) { "field" } else { "column" };
    draft = match inner.first().and_then(|(_, paths)| paths.first()) {
        Some(path) => draft.help(format!("a record has a field of that name: `{path}`")),
        None if columns.is_empty() => draft.help("say what is read: `FROM …`"),
        // It may as well be a text in the wrong quotes: `status = "stat"`.
        None if part.quoted => draft.suggest(kind, name, columns.iter().copied()).unsure(),
        None => draft.suggest(kind, name, columns.iter().copied()),
    };
    let near = near.filter(|_| inner.is_empty()).map(str::to_owned);
    (draft, near)
}

/// `custmer.email`, where `custmer` is neither a table nor a column.
fn unknown_qualifier(
    context: &Context<'_>,
    first: &Part,
    second: &Part,
    tables: &[Visible<'_>],
) -> (Draft, Option<String>) {
    let name = &first.name;
    let error = |message: String| Draft::error(codes::UNKNOWN_TABLE, message, first.range.clone());
    if context.scope.sources().contains(&name.as_str()) {
        if let Some(alias) = context.scope.alias_of(name) {
            let draft = error(format!("source `{name}` goes by the name `{alias}` here"))
                .help(format!("write `{alias}.{}`", second.name));
            return (draft, Some(alias.to_owned()));
        }
        let draft = error(format!("source `{name}` is not in the FROM of this query"))
            .label("not read here")
            .help(format!("join it: `JOIN {name} ON …`"));
        return (draft, None);
    }
    let names: Vec<_> = tables.iter().map(|table| table.name.as_str()).collect();
    let columns = tables.iter().flat_map(|table| table.columns.iter().map(String::as_str));
    let similar_table = nearest(name, names.iter().copied());
    let has_column = |table: &Visible<'_>| table.columns.contains(&second.name);
    let is_column_of_it =
        tables.iter().any(|table| Some(table.name.as_str()) == similar_table && has_column(table));
    match similar_table {
        Some(similar) if is_column_of_it || nearest(name, columns).is_none() => {
            let draft = error(format!("table `{name}` not found in this query")).suggest(
                "table",
                name,
                [similar],
            );
            (draft, Some(similar.to_owned()))
        }
        _ => missing(first, tables),
    }
}

/// The expression with one name corrected.
fn corrected(expr: &Expr, range: Range<usize>, near: &str, context: &Context<'_>) -> Option<Expr> {
    let correct = |ident: &Ident| match context.text.range(ident.span) {
        Some(here) if here == range => Ident { value: near.to_owned(), ..ident.clone() },
        _ => ident.clone(),
    };
    match expr {
        Expr::Identifier(ident) => Some(Expr::Identifier(correct(ident))),
        Expr::CompoundIdentifier(idents) => {
            Some(Expr::CompoundIdentifier(idents.iter().map(correct).collect()))
        }
        _ => None,
    }
}

/// The expression that names the column.
fn locate(
    context: &Context<'_>,
    blame: &Blame<'_>,
    column: &Column,
    range: Option<&Range<usize>>,
) -> Option<usize> {
    let names_it = |node: &usize| {
        let Some(expr) = blame.expr(*node) else { return false };
        let parts = parts(context, &expr);
        match range {
            Some(range) => covered(&parts).is_some_and(|covered| covered == *range),
            None => {
                let names: Vec<_> = parts.iter().map(|part| part.name.as_str()).collect();
                names.join(".") == column.flat_name()
            }
        }
    };
    let nodes: Vec<_> = blame.tree.all().filter(names_it).collect();
    match nodes.as_slice() {
        [] => None,
        [only] => Some(*only),
        [first, ..] => {
            Some(nodes.iter().copied().find(|node| blame.goes_without(*node)).unwrap_or(*first))
        }
    }
}

fn covered(parts: &[Part]) -> Option<Range<usize>> {
    parts.iter().map(|part| part.range.clone()).reduce(|all, range| union(all, &range))
}

/// The names of `a` or `a.b.c`; nothing for other expressions.
fn parts(context: &Context<'_>, expr: &Expr) -> Vec<Part> {
    let part = |ident: &Ident| {
        let range = context.text.range(ident.span)?;
        let quoted = ident.quote_style == Some('"');
        Some(Part { name: ident.value.clone(), range, quoted })
    };
    match expr {
        Expr::Identifier(ident) => part(ident).into_iter().collect(),
        Expr::CompoundIdentifier(idents) => idents.iter().filter_map(part).collect(),
        _ => Vec::new(),
    }
}

/// A name that stands in no expression: `USING (id)`, `EXCEPT (id)`.
fn lone(context: &Context<'_>, column: &Column, range: Option<Range<usize>>) -> Part {
    let name = column.name.clone();
    let quoted = format!("\"{name}\"");
    let range = range
        .or_else(|| context.text.find(&name))
        .or_else(|| context.text.find(&quoted))
        .unwrap_or_else(|| context.text.first());
    Part { name, range, quoted: false }
}

/// A column that several tables have.
pub(super) fn ambiguous(
    context: &Context<'_>,
    blame: &Blame<'_>,
    column: &Column,
    candidates: &[String],
    range: Option<Range<usize>>,
) -> Explained {
    let node = locate(context, blame, column, range.as_ref());
    let here = node.and_then(|node| blame.tree.range(node));
    let range = here.or(range).unwrap_or_else(|| lone(context, column, None).range);
    let name = &column.name;
    let message = format!("column `{name}` is ambiguous: more than one table has it");
    let names: Vec<_> = candidates.iter().map(|name| format!("`{name}`")).collect();
    let help = match names.as_slice() {
        [] => format!("write which table is meant: `… .{name}`"),
        names => format!("write which one is meant: {}", names.join(" or ")),
    };
    let draft = Draft::error(codes::AMBIGUOUS_COLUMN, message, range).help(help);
    let repair = node.and_then(|node| {
        Some(Repair::Replace(vec![node], Box::new(tree::null_for(&blame.expr(node)?))))
    });
    Explained { draft, repair }
}

/// A field that a record does not have, or of something that is no record; `None` where the
/// expression does not reach into a record.
pub(super) fn unknown_field(
    context: &Context<'_>,
    blame: &Blame<'_>,
    node: usize,
) -> Option<Explained> {
    let expr = blame.expr(node)?;
    let (base, path) = access(context, blame, node, &expr)?;
    let whole = blame.tree.range(node)?;
    if let (Expr::Value(key), [part, ..]) = (&base, path.as_slice()) {
        let draft = behind_a_key(&key.to_string(), part);
        return Some(Explained { draft, repair: replace_by_null(node, &expr) });
    }
    let mut field = blame.type_of(node, base)?;
    let mut names: Vec<String> = Vec::new();
    for part in &path {
        let before = context.text.slice(&(whole.start..part.range.start));
        let before = before.trim_end_matches(['.', '[', '\'', ' ']).to_owned();
        let DataType::Struct(fields) = field.data_type() else {
            let draft = not_a_record(&before, &field, part);
            return Some(Explained { draft, repair: replace_by_null(node, &expr) });
        };
        let Some(inner) = fields.iter().find(|inner| inner.name() == &part.name) else {
            let known: Vec<_> = fields.iter().map(|field| field.name().as_str()).collect();
            let message = format!("field `{}` not found in record `{before}`", part.name);
            let mut draft = Draft::error(codes::UNKNOWN_FIELD, message, part.range.clone());
            if let Some((table, path)) = declared(context, &before) {
                let near = nearest(&part.name, known.iter().copied()).unwrap_or_default();
                let near = format!("{path}.{near}");
                let key = if table.field_places.contains_key(&near) { near } else { path };
                draft = with_declaration(draft, table, Some(&key));
            }
            let draft = draft.suggest("field", &part.name, known);
            return Some(Explained { draft, repair: replace_by_null(node, &expr) });
        };
        names.push(part.name.clone());
        field = std::sync::Arc::clone(inner);
    }
    None
}

fn replace_by_null(node: usize, expr: &Expr) -> Option<Repair> {
    Some(Repair::Replace(vec![node], Box::new(tree::null_for(expr))))
}

/// `meta->'address'.city`, where the point belongs to the text.
fn behind_a_key(key: &str, part: &Part) -> Draft {
    let message = format!("{key} is a text, and has no fields");
    let next = part.name.replace('\'', "''");
    Draft::error(codes::UNKNOWN_FIELD, message, part.range.clone())
        .label(format!("there is no field `{}` in it", part.name))
        .help(format!("an arrow leads from key to key in JSON: `…->{key}->>'{next}'`"))
}

fn not_a_record(before: &str, field: &ArrowField, part: &Part) -> Draft {
    let message = format!("`{before}` is not a record, but {}", describe(field));
    let draft = Draft::error(codes::UNKNOWN_FIELD, message, part.range.clone())
        .label(format!("there is no field `{}` in it", part.name));
    match describe(field).as_str() {
        "`json`" => {
            let key = part.name.replace('\'', "''");
            draft
                .help(format!("take the key out of the JSON: `{before}->>'{key}'`"))
                .help("or declare the fields that it has: `{name: type, …}` in place of `json`")
        }
        list if list.starts_with("a list") || list.starts_with("`[") => {
            draft.help(format!("take one element of the list first: `{before}[1]`"))
        }
        _ => draft.help(format!("select the value itself: `{before}`")),
    }
}

/// The source and the dotted path that an expression names: `o.customer` → `orders`, `customer`.
fn declared<'a>(context: &Context<'a>, written: &str) -> Option<(&'a Table<'a>, String)> {
    let paths = [Some(written), written.split_once('.').map(|(_, rest)| rest)];
    let tables = context.tables.iter();
    paths.into_iter().flatten().find_map(|path| {
        let first = path.split('.').next().unwrap_or(path);
        let mut having = tables.clone().filter(|table| table.schema.field(first).is_some());
        match (having.next(), having.next()) {
            (Some(table), None) => Some((table, path.to_owned())),
            _ => None,
        }
    })
}

/// `a.b.c` → the column, and the names of the fields in it.
fn access(
    context: &Context<'_>,
    blame: &Blame<'_>,
    node: usize,
    expr: &Expr,
) -> Option<(Expr, Vec<Part>)> {
    match expr {
        Expr::CompoundIdentifier(idents) => {
            let parts = parts(context, expr);
            // The column is behind as many names as it takes to be something.
            (1..parts.len()).find_map(|count| {
                let base = match idents.get(..count)? {
                    [only] => Expr::Identifier(only.clone()),
                    several => Expr::CompoundIdentifier(several.to_vec()),
                };
                blame.type_of(node, base.clone())?;
                Some((base, parts.get(count..)?.to_vec()))
            })
        }
        Expr::CompoundFieldAccess { root, access_chain } => {
            let part = |access: &AccessExpr| match access {
                AccessExpr::Dot(Expr::Value(value))
                | AccessExpr::Subscript(Subscript::Index { index: Expr::Value(value) }) => {
                    let Value::SingleQuotedString(name) = &value.value else { return None };
                    let range = context.text.range(value.span())?;
                    Some(Part { name: name.clone(), range, quoted: false })
                }
                _ => None,
            };
            let parts: Option<Vec<_>> = access_chain.iter().map(part).collect();
            Some((root.as_ref().clone(), parts?))
        }
        _ => None,
    }
}
