//! What the names in a `FROM` stand for: sources, or rows that the query itself has made.

use std::ops::{ControlFlow, Range};

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Join, JoinOperator, ObjectName, Query, Select, Spanned, Statement, TableAlias,
    TableFactor, Visit, Visitor,
};

use super::Table;
use super::draft::{Draft, Site};
use super::text::Text;
use crate::check::list;
use crate::codes;
use crate::nearest::nearest;
use crate::schema::{Field, Type};

/// The names in all `FROM` clauses of a statement.
pub(super) struct Scope<'a> {
    tables: &'a [Table<'a>],
    bindings: Vec<Binding>,
    /// Calls in a `FROM`: `generate_series(1, 3)`.
    pub(super) calls: Vec<Range<usize>>,
    /// Names with columns, `t(a, b)`, and how many columns they name.
    pub(super) renamed: Vec<(Range<usize>, usize)>,
    /// All `SELECT`s, from the outside in.
    pub(super) selects: Vec<Select>,
    /// Sources that are not declared.
    unknown: Vec<(String, Range<usize>)>,
    /// Where each source is named.
    read: Vec<(usize, Range<usize>)>,
}

/// A name that columns can be qualified with.
struct Binding {
    /// The alias, else the table's own name.
    name: String,
    /// The source, if it is one.
    source: Option<usize>,
}

impl<'a> Scope<'a> {
    /// Reads the names out of a statement.
    pub(super) fn new(text: &Text<'_>, tables: &'a [Table<'a>], statement: &Statement) -> Self {
        let (bindings, calls, renamed, selects, unknown, read) = Default::default();
        let scope = Self { tables, bindings, calls, renamed, selects, unknown, read };
        let mut reader = Reader { text, scope, named: Vec::new() };
        let _: ControlFlow<()> = statement.visit(&mut reader);
        reader.scope
    }

    /// The names of all sources.
    pub(super) fn sources(&self) -> Vec<&'a str> {
        self.tables.iter().map(|table| table.name).collect()
    }

    /// A finding for each table of a `FROM` that has the name of one before it.
    pub(super) fn same_names(&self, text: &Text<'_>) -> Vec<Draft> {
        let mut drafts = Vec::new();
        for select in &self.selects {
            let mut known: Vec<(String, Range<usize>)> = Vec::new();
            let tables = select.from.iter().flat_map(|from| {
                std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation))
            });
            for (name, range) in tables.filter_map(|table| name_of(text, table)) {
                let Some((_, first)) = known.iter().find(|(other, _)| *other == name) else {
                    known.push((name, range));
                    continue;
                };
                let message = format!("two tables have the name `{name}`");
                drafts.push(
                    Draft::error(codes::DUPLICATE_COLUMN, message, range.clone())
                        .label("the second one")
                        .related(Site::Query(first.clone()), "the first one")
                        .help(format!("give one of them another name: `… AS other_{name}`")),
                );
            }
        }
        drafts
    }

    /// A finding for each source that is not declared.
    pub(super) fn unknown_sources(&self) -> Vec<Draft> {
        let finding = |(name, range): &(String, Range<usize>)| {
            let message = format!("source `{name}` is not known to this query");
            let sources = self.sources();
            let draft =
                Draft::error(codes::UNKNOWN_TABLE, message, range.clone()).label("no such source");
            if sources.is_empty() {
                return draft
                    .help("declare a source of that name, and say that the query reads it");
            }
            draft.suggest("source", name, sources)
        };
        self.unknown.iter().map(finding).collect()
    }

    /// For each source that is not declared: which one is probably meant.
    pub(super) fn probably_meant(&self) -> Vec<(String, Option<usize>)> {
        let meant = |(name, _): &(String, Range<usize>)| (name.clone(), self.similar(name));
        self.unknown.iter().map(meant).collect()
    }

    fn similar(&self, name: &str) -> Option<usize> {
        let near = nearest(name, self.sources())?;
        self.tables.iter().position(|table| table.name == near)
    }

    /// The name under which a source is read here.
    pub(super) fn alias_of(&self, source: &str) -> Option<&str> {
        let is_it = |binding: &&Binding| {
            let table = binding.source.and_then(|index| self.tables.get(index));
            table.is_some_and(|table| table.name == source) && binding.name != source
        };
        self.bindings.iter().find(is_it).map(|binding| binding.name.as_str())
    }

    /// Whether any table is read.
    pub(super) fn is_empty(&self) -> bool {
        self.bindings.is_empty() && self.calls.is_empty()
    }

    /// The names in all `FROM` clauses.
    pub(super) fn names(&self) -> String {
        let mut names: Vec<_> = self.bindings.iter().map(|binding| binding.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        list(&names)
    }

    /// The field of a source that an expression names; `None` where that is not clear.
    pub(super) fn field(&self, expr: &Expr) -> Option<&'a Field> {
        let names: Vec<_> = match expr {
            Expr::Identifier(name) => vec![name.value.as_str()],
            Expr::CompoundIdentifier(names) => {
                names.iter().map(|name| name.value.as_str()).collect()
            }
            _ => return None,
        };
        let table = |binding: &Binding| self.tables.get(binding.source?);
        let (first, rest) = names.split_first()?;
        let mut of_name = self.bindings.iter().filter(|binding| binding.name == *first);
        if let (Some(binding), None) = (of_name.next(), of_name.next()) {
            return inside(&table(binding)?.schema.fields, rest);
        }
        // A name alone is a source's only where there is nothing but sources, and one that has it.
        let tables: Option<Vec<_>> = self.bindings.iter().map(table).collect();
        let having = tables?.into_iter().filter(|table| table.schema.field(first).is_some());
        let having: Vec<_> = having.collect();
        match having.as_slice() {
            [only] => inside(&only.schema.fields, &names),
            _ => None,
        }
    }

    /// Whether an expression names a field of a source that is declared not null, and so are the records
    /// around it.
    pub(super) fn is_never_null(&self, expr: &Expr) -> bool {
        let names: Vec<&Ident> = match expr {
            Expr::Identifier(name) => vec![name],
            Expr::CompoundIdentifier(names) => names.iter().collect(),
            _ => return false,
        };
        let is_null = |end: usize| {
            let path = names.iter().take(end).map(|name| (*name).clone()).collect();
            self.field(&Expr::CompoundIdentifier(path)).is_some_and(|field| field.nullable)
        };
        self.field(expr).is_some() && !(1..=names.len()).any(is_null)
    }

    /// The name by which a column that an expression names is qualified, or could be.
    pub(super) fn table_of(&self, expr: &Expr) -> Option<&str> {
        let first = match expr {
            Expr::Identifier(name) => name,
            Expr::CompoundIdentifier(names) => names.first()?,
            _ => return None,
        };
        let names = |binding: &&Binding| binding.name == first.value;
        if let (Expr::CompoundIdentifier(_), Some(named)) = (expr, self.bindings.iter().find(names))
        {
            return Some(&named.name);
        }
        let sources = self.bindings.iter().map(|binding| {
            let table = self.tables.get(binding.source?)?;
            Some((binding.name.as_str(), table.schema.field(&first.value).is_some()))
        });
        let sources: Vec<_> = sources.collect::<Option<_>>()?;
        let mut having = sources.into_iter().filter(|(_, has_it)| *has_it);
        match (having.next(), having.next()) {
            (Some((name, _)), None) => Some(name),
            _ => None,
        }
    }

    /// Whether any join makes rows without a partner.
    pub(super) fn has_outer_joins(&self) -> bool {
        self.joins().any(|join| outer(join).is_some())
    }

    /// The joins that make rows without a partner: what kind each is, and the table that is joined.
    pub(super) fn outer_joins(&self, text: &Text<'_>) -> Vec<(&'static str, Range<usize>)> {
        let outer = |join: &Join| Some((outer(join)?, text.range(join.relation.span())?));
        self.joins().filter_map(outer).collect()
    }

    /// Where each source is read, in the order of the query.
    pub(super) fn reads_at(&self) -> Vec<(String, Range<usize>)> {
        let named = |(source, range): &(usize, Range<usize>)| {
            Some((self.tables.get(*source)?.name.to_owned(), range.clone()))
        };
        let mut found: Vec<_> = self.read.iter().filter_map(named).collect();
        found.sort_by_key(|(_, range)| range.start);
        found
    }

    fn joins(&self) -> impl Iterator<Item = &Join> {
        self.selects.iter().flat_map(|select| &select.from).flat_map(|from| &from.joins)
    }

    /// The source behind a name, if it has these columns and no others.
    pub(super) fn source(&self, binding: &str, columns: &[&str]) -> Option<&'a Table<'a>> {
        self.bindings
            .iter()
            .filter(|other| other.name == binding)
            .filter_map(|binding| self.tables.get(binding.source?))
            .find(|table| {
                let fields = &table.schema.fields;
                fields.iter().all(|field| columns.contains(&field.name.as_str()))
                    && columns.iter().all(|column| table.schema.field(column).is_some())
            })
    }
}

/// Says where a source declares its fields; where it declares that one, if it is given.
pub(super) fn with_declaration(draft: Draft, table: &Table<'_>, field: Option<&str>) -> Draft {
    let of_field = field.and_then(|field| table.field_places.get(field));
    match of_field.or(table.declared.as_ref()) {
        Some(place) => draft.related(
            Site::Elsewhere(place.clone()),
            format!("`{}` declares its fields here", table.name),
        ),
        None => draft,
    }
}

/// The paths of the fields of that name inside of records: `customer.email`.
pub(super) fn inner_fields(fields: &[Field], name: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for field in fields {
        let Type::Record(inner) = &field.ty else { continue };
        if inner.iter().any(|field| field.name == name) {
            paths.push(format!("{}.{name}", field.name));
        }
        let deeper = inner_fields(inner, name);
        paths.extend(deeper.iter().map(|path| format!("{}.{path}", field.name)));
    }
    paths
}

/// The name of a table in a `FROM`, and where it gets it.
fn name_of(text: &Text<'_>, table: &TableFactor) -> Option<(String, Range<usize>)> {
    match table {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. } => {
            Some((alias.name.value.clone(), text.range(alias.name.span)?))
        }
        TableFactor::Table { name, alias: None, args: None, .. } => {
            Some((plain(name), text.range(name.span())?))
        }
        _ => None,
    }
}

/// The kind of an outer join.
fn outer(join: &Join) -> Option<&'static str> {
    use JoinOperator::{FullOuter, Left, LeftOuter, Right, RightOuter};
    Some(match join.join_operator {
        Left(_) | LeftOuter(_) => "LEFT JOIN",
        Right(_) | RightOuter(_) => "RIGHT JOIN",
        FullOuter(_) => "FULL JOIN",
        _ => return None,
    })
}

/// The field of a path of names.
fn inside<'a>(fields: &'a [Field], path: &[&str]) -> Option<&'a Field> {
    let (first, rest) = path.split_first()?;
    let field = fields.iter().find(|field| field.name == *first)?;
    match (&field.ty, rest) {
        (_, []) => Some(field),
        (Type::Record(fields), rest) => inside(fields, rest),
        _ => None,
    }
}

struct Reader<'a, 'b> {
    text: &'b Text<'b>,
    scope: Scope<'a>,
    /// The names of `WITH` clauses that are in force: one list for each query around.
    named: Vec<Vec<String>>,
}

impl Reader<'_, '_> {
    fn is_named(&self, name: &str) -> bool {
        self.named.iter().flatten().any(|other| other == name)
    }

    fn read_alias(&mut self, alias: &TableAlias) {
        let range = self.text.range(alias.span()).map(|range| self.text.balanced(range));
        if let Some(range) = range.filter(|_| !alias.columns.is_empty()) {
            self.scope.renamed.push((range, alias.columns.len()));
        }
    }

    fn read(&mut self, name: &ObjectName, alias: Option<&Ident>) {
        let table = plain(name);
        let source = match self.is_named(&table) {
            true => None,
            false => self
                .scope
                .tables
                .iter()
                .position(|source| source.name == table)
                .or_else(|| self.scope.similar(&table)),
        };
        self.scope.read.extend(source.zip(self.text.range(name.span())));
        let name = alias.map_or(table, |alias| alias.value.clone());
        self.scope.bindings.push(Binding { name, source });
    }
}

impl Visitor for Reader<'_, '_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.named.push(Vec::new());
        let Some(with) = &query.with else { return ControlFlow::Continue(()) };
        for cte in &with.cte_tables {
            let name = cte.alias.name.value.clone();
            self.read_alias(&cte.alias);
            // A query of a WITH clause does not see its own name, but those before it: what it
            // reads is read here, and met again, to no effect, when all names are known.
            if !with.recursive {
                let _ = cte.query.visit(self);
            }
            if let Some(names) = self.named.last_mut() {
                names.push(name);
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.named.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if !self.scope.selects.contains(select) {
            self.scope.selects.push(select.clone());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
        let table = plain(name);
        let range = self.text.range(name.span()).unwrap_or_else(|| self.text.first());
        let is_call = self
            .text
            .after(&range)
            .is_some_and(|word| word.token == datafusion::sql::sqlparser::tokenizer::Token::LParen);
        let is_known = self.scope.tables.iter().any(|source| source.name == table);
        if is_call {
            self.scope.calls.push(range);
        } else if !is_known && !self.is_named(&table) {
            let unknown = (table, range);
            if !self.scope.unknown.contains(&unknown) {
                self.scope.unknown.push(unknown);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. } = factor
        {
            self.read_alias(alias);
        }
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                self.read(name, alias.as_ref().map(|alias| &alias.name));
            }
            TableFactor::Derived { alias: Some(alias), .. } => {
                let name = alias.name.value.clone();
                self.scope.bindings.push(Binding { name, source: None });
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// A table's name without quotes.
pub(super) fn plain(name: &ObjectName) -> String {
    let part = |part: &datafusion::sql::sqlparser::ast::ObjectNamePart| match part.as_ident() {
        Some(ident) => ident.value.clone(),
        None => part.to_string(),
    };
    name.0.iter().map(part).collect::<Vec<_>>().join(".")
}
