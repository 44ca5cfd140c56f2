//! Calls of functions that are written in Rust: which there are, and how one can be wrong.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::common::DataFusionError;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Statement, UnaryOperator, Value, Visit,
    Visitor,
};

use super::Callable;
use super::blame::{Blame, Culprit};
use super::context::Context;
use super::draft::{Draft, Site};
use super::planner::session;
use super::text::Text;
use super::words::{describe, notation, sql};
use super::{parse, unsupported};
use crate::check::stack;
use crate::codes;
use crate::definition::Function;
use crate::engine;
use crate::schema::scalar::Domain;
use crate::schema::{Type, arrow};

/// Those of the names that a query calls; none where it cannot be parsed.
pub fn called(sql: &str, names: &BTreeSet<&str>) -> BTreeSet<String> {
    if names.is_empty() {
        return BTreeSet::new();
    }
    // A tree that is as deep as the query is long takes a stack to be made, read and dropped.
    let found = stack::large(|| {
        let text = Text::new(sql).ok().filter(|text| unsupported::too_long(text).is_none());
        let statement = text.and_then(|text| parse::parse(&text, &BTreeSet::new()).ok());
        let mut calls = Calls { names, found: BTreeSet::new() };
        if let Some(statement) = statement {
            let _: ControlFlow<()> = statement.visit(&mut calls);
        }
        calls.found
    });
    found.unwrap_or_default()
}

struct Calls<'a> {
    names: &'a BTreeSet<&'a str>,
    found: BTreeSet<String>,
}

impl Visitor for Calls<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Some(name) = name_of(expr)
            && self.names.contains(name.as_str())
        {
            self.found.insert(name);
        }
        ControlFlow::Continue(())
    }
}

/// The name of the function that an expression calls; without quotes it is in lower case.
fn name_of(expr: &Expr) -> Option<String> {
    let Expr::Function(call) = expr else { return None };
    let [part] = call.name.0.as_slice() else { return None };
    let ident = part.as_ident()?;
    Some(match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    })
}

/// What a function of that name would hide; `None` where a query can call it.
pub fn hides(name: &str) -> Option<&'static str> {
    let state = session();
    let built_in = state.scalar_functions().contains_key(name)
        || state.aggregate_functions().contains_key(name)
        || state.window_functions().contains_key(name)
        || state.higher_order_functions().contains_key(name);
    if built_in {
        return Some("a function of SQL");
    }
    let call = format!("SELECT {name}(1)");
    let is_word = FORMS.contains(&name) || called(&call, &BTreeSet::from([name])).is_empty();
    is_word.then_some("an SQL keyword")
}

/// What looks like a call, and is a form of its own: `CAST(a AS INT)`.
const FORMS: [&str; 13] = [
    "array",
    "case",
    "cast",
    "convert",
    "exists",
    "grouping",
    "interval",
    "map",
    "not",
    "overlay",
    "safe_cast",
    "struct",
    "try_cast",
];

/// The finding, if the culprit is a call of such a function.
pub(super) fn explain(context: &Context<'_>, blame: &Blame<'_>, culprit: Culprit) -> Option<Draft> {
    let Culprit::Expression(node) = culprit else { return None };
    let expr = blame.expr(node)?;
    let name = name_of(&expr)?;
    let callable = context.functions.iter().find(|callable| callable.function.name == name)?;
    let function = callable.function;
    let range = blame.tree.range(node)?;
    let draft = match arguments(&expr)? {
        Arguments::Named => Draft::error(
            codes::WRONG_ARGUMENTS,
            format!("the arguments of `{name}` have no names in a call"),
            range,
        )
        .help("write them in their order, without names"),
        Arguments::Plain(count) if count != function.parameters.len() => {
            Draft::error(codes::WRONG_ARGUMENTS, wrong_count(function, count), range)
        }
        Arguments::Plain(_) => wrong_type(context, blame, node, function)?,
    };
    let draft = draft.note(format!("it is called as `{}`", function.signature()));
    Some(match &callable.declared {
        Some(place) => draft.related(Site::Elsewhere(place.clone()), "it is declared here"),
        None => draft,
    })
}

/// Arguments that are wider than their parameters, which the engine would cut down: only a literal
/// is known to fit.
pub(super) fn too_wide(context: &Context<'_>, statement: &Statement) -> Vec<Draft> {
    let is_narrow = |callable: &&Callable<'_>| {
        let parameters = callable.function.parameters.iter();
        parameters.filter_map(|parameter| parameter.ty.domain()).any(Domain::is_narrow_number)
    };
    let functions: Vec<_> = context.functions.iter().filter(is_narrow).collect();
    let names = functions.iter().map(|callable| callable.function.name.as_str()).collect();
    let mut calls = Calls { names: &names, found: BTreeSet::new() };
    let _: ControlFlow<()> = statement.visit(&mut calls);
    if calls.found.is_empty() {
        return Vec::new();
    }
    let error = DataFusionError::Internal(String::new());
    let blame = Blame::new(context.planner, context.text, statement, &error);
    let calls = blame.tree.all().filter_map(|node| {
        let name = name_of(&blame.expr(node)?)?;
        let callable = functions.iter().find(|callable| callable.function.name == name)?;
        let draft = wrong_type(context, &blame, node, callable.function)?;
        let draft = draft.note(format!("it is called as `{}`", callable.function.signature()));
        Some(match &callable.declared {
            Some(place) => draft.related(Site::Elsewhere(place.clone()), "it is declared here"),
            None => draft,
        })
    });
    calls.collect()
}

/// Whether a literal is one of the values of a type.
fn fits(expr: &Expr, ty: &Type) -> bool {
    let (sign, expr) = match expr {
        Expr::Nested(expr) | Expr::UnaryOp { op: UnaryOperator::Plus, expr } => {
            return fits(expr, ty);
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => ("-", &**expr),
        expr => ("", expr),
    };
    let Expr::Value(value) = expr else { return false };
    let Value::Number(digits, _) = &value.value else { return false };
    let Some(domain) = ty.domain() else { return false };
    let Ok(number) = format!("{sign}{digits}").parse::<i64>() else {
        // What has a point is meant as the number that is nearest to it.
        let nearest = match ty {
            Type::Float32 => digits.parse().map(f32::is_finite),
            _ => digits.parse().map(f64::is_finite),
        };
        return matches!(domain, Domain::Float(_)) && nearest.is_ok_and(|is_finite| is_finite);
    };
    domain.has_all(number.into(), number.into())
}

/// What stands in the brackets of a call.
enum Arguments {
    /// So many expressions.
    Plain(usize),
    /// Some of them with names.
    Named,
}

fn arguments(expr: &Expr) -> Option<Arguments> {
    let Expr::Function(call) = expr else { return None };
    Some(match &call.args {
        FunctionArguments::None => Arguments::Plain(0),
        FunctionArguments::Subquery(_) => Arguments::Plain(1),
        FunctionArguments::List(list) => {
            let is_plain = |argument: &FunctionArg| {
                matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(_)))
            };
            match list.args.iter().all(is_plain) {
                true => Arguments::Plain(list.args.len()),
                false => Arguments::Named,
            }
        }
    })
}

fn wrong_count(function: &Function, given: usize) -> String {
    let wanted = match function.parameters.len() {
        0 => "no arguments".to_owned(),
        1 => "1 argument".to_owned(),
        count => format!("{count} arguments"),
    };
    let given = if given == 0 { "none".to_owned() } else { given.to_string() };
    format!("`{}` takes {wanted}, not {given}", function.name)
}

/// The first argument of a type that its parameter does not take.
fn wrong_type(
    context: &Context<'_>,
    blame: &Blame<'_>,
    node: usize,
    function: &Function,
) -> Option<Draft> {
    let children: Vec<_> = blame.tree.children(node).collect();
    for (parameter, child) in function.parameters.iter().zip(children) {
        let argument = blame.expr(child)?;
        let field = blame.type_of(child, argument.clone())?;
        if engine::takes(&parameter.ty, field.data_type()).is_some()
            || fits(&argument, &parameter.ty)
        {
            continue;
        }
        let range = blame.tree.range(child)?;
        let written = context.text.slice(&range).to_owned();
        let message = format!(
            "`{}` of `{}` is `{}`, not {}",
            parameter.name,
            function.name,
            notation(&parameter.ty),
            describe(&field)
        );
        let draft = Draft::error(codes::WRONG_ARGUMENTS, message, range);
        let to = sql(&arrow::field(parameter));
        return Some(match (arrow::from_field(&field), to) {
            (Some(Type::Record(fields)), _) => {
                let first = fields.first().map_or("…", |field| field.name.as_str());
                draft.help(format!("take a field of the record: `{written}.{first}`"))
            }
            (Some(Type::List(_)) | None, _) | (_, None) => draft,
            (Some(_), Some(to)) => draft.help(format!("convert it: `CAST({written} AS {to})`")),
        });
    }
    None
}
