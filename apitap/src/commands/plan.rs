//! `plan`: what pipelines will do, without doing it.

use std::process::ExitCode;

use apitap_build::engine::Risk;
use serde_json::json;

use super::output::{FAINT, TITLE, failed, print, styled};
use super::{Format, Options};
use crate::definition::{Definition, Source, Transform};
use crate::engine::Explained;
use crate::report::grouped;
use crate::schema::notation;
use crate::{Pipeline, Result, blocking, engine};

mod reads;

/// Prints the plans of pipelines, in their order.
pub(super) fn plan(pipelines: &[&Pipeline], options: &Options) -> ExitCode {
    let described = pipelines.iter().map(|pipeline| describe(pipeline, options.format));
    match described.collect::<Result<Vec<_>>>() {
        Ok(all) => {
            let text = match options.format {
                Format::Text => all.join("\n\n"),
                Format::Json => format!("[{}]", all.join(",\n")),
            };
            print(&text, ExitCode::SUCCESS)
        }
        Err(error) => failed(error),
    }
}

fn describe(pipeline: &Pipeline, format: Format) -> Result<String> {
    let definition = pipeline.definition()?;
    let plan = match definition.row {
        Some(_) => Some(blocking::block_on(engine::explain(pipeline))?),
        None => None,
    };
    Ok(match format {
        Format::Text => text(definition, plan.as_ref()),
        Format::Json => format!("{:#}", machine(definition, plan.as_ref())),
    })
}

fn text(definition: &Definition, plan: Option<&Explained>) -> String {
    let mut parts = vec![styled(TITLE, &definition.name)];
    parts.extend(definition.description.as_ref().map(|text| format!("  {}", styled(FAINT, text))));
    let asked = |source: &Source| plan.and_then(|plan| plan.asked.get(&source.name));
    let reads = |source: &Source| section("reads", &reads::text(source, asked(source)));
    parts.extend(definition.requested().map(reads));
    let transform = match &definition.transform {
        Transform::Sql(sql) => section("query", sql.trim()),
        Transform::Map(map) => section("map", &map.name),
    };
    parts.push(transform);
    let unknown = "known in a run only, as a source has no `schema:`";
    let steps = plan.map_or(unknown, |plan| plan.steps.trim_end());
    parts.push(section("plan", steps));
    let risks: Vec<_> = plan.iter().flat_map(|plan| &plan.risks).map(risk).collect();
    if !risks.is_empty() {
        parts.push(section("can fail", &risks.join("\n")));
    }
    parts.push(section("writes", &writes(definition)));
    parts.join("\n")
}

/// An expression that can fail, and what to write instead.
fn risk(risk: &Risk) -> String {
    let Risk { place, expression, why, is_remote, instead } = risk;
    let place = place.as_ref().map(|place| format!("{}:{}: ", place.line, place.column));
    let place = place.unwrap_or_default();
    let remote = if *is_remote { ", which is far from what APIs send" } else { "" };
    let instead = instead.as_ref().map(|instead| format!("\n  {instead}")).unwrap_or_default();
    format!("{place}`{expression}` {why}{remote}{instead}")
}

/// A title, and lines that are indented below it.
fn section(title: &str, lines: &str) -> String {
    let lines: Vec<_> = lines.lines().map(|line| format!("    {line}")).collect();
    format!("  {}\n{}", styled(FAINT, title), lines.join("\n"))
}

fn writes(definition: &Definition) -> String {
    let Definition { table, target, mode, key, row, .. } = definition;
    let by = if key.is_empty() { String::new() } else { format!(" by {}", key.join(", ")) };
    let mode = serde_json::to_value(mode).unwrap_or_default();
    let mode = mode.as_str().unwrap_or_default();
    let mut lines = vec![format!("{table} in `{}`: {mode}{by}", target.name)];
    lines.extend(commits(definition).map(|commits| format!("  commits {commits}")));
    for field in row.iter().flat_map(|row| &row.fields) {
        lines.push(format!("  {}: {}", field.name, notation::type_text(&field.ty, field.nullable)));
    }
    lines.join("\n")
}

/// When it commits, where its target says how often; else that is at its end.
fn commits(definition: &Definition) -> Option<String> {
    let written = definition.target.checkpoint.as_ref()?;
    Some(match &definition.checkpoint {
        Some(_) => {
            let (rows, seconds) = (grouped(written.rows), written.seconds);
            format!("every {rows} records, or {seconds} s")
        }
        None => "once, at its end: `apitap check` says why".to_owned(),
    })
}

fn machine(definition: &Definition, plan: Option<&Explained>) -> serde_json::Value {
    let risk = |risk: &Risk| {
        json!({
            "expression": risk.expression,
            "line": risk.place.as_ref().map(|place| place.line),
            "column": risk.place.as_ref().map(|place| place.column),
            "why": risk.why,
            "remote": risk.is_remote,
            "instead": risk.instead,
        })
    };
    let source = |source: &Source| {
        let asked = plan.and_then(|plan| plan.asked.get(&source.name));
        reads::machine(source, asked)
    };
    json!({
        "name": definition.name,
        "sources": definition.requested().map(source).collect::<Vec<_>>(),
        "query": definition.sql(),
        "plan": plan.map(|plan| &plan.steps),
        "can_fail": plan.map(|plan| plan.risks.iter().map(risk).collect::<Vec<_>>()),
        "target": definition.target.name,
        "table": definition.table,
        "mode": definition.mode,
        "key": definition.key,
        "checkpoint": definition.checkpoint,
        "columns": definition.row.as_ref().map(|row| &row.fields),
    })
}
