//! What is claimed of functions is tried on them; what is claimed of queries is tried on rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::prelude::SessionContext;

use super::super::planner::session;
use super::functions::{self, Nulls};
use crate::engine;

mod random;

/// Calls of each function of the table: what it is called with, none of it null.
const CALLS: &[(&str, &[&str])] = &[
    ("abs", &["-1"]),
    ("abs", &["-1.5"]),
    ("acos", &["0.5"]),
    ("acos", &["2.5"]),
    ("acosh", &["0.5"]),
    ("array_to_string", &["[1, 2]", "','"]),
    ("array_to_string", &["[]", "','"]),
    ("ascii", &["''"]),
    ("ascii", &["'é'"]),
    ("asin", &["2.5"]),
    ("asinh", &["2.5"]),
    ("atan", &["2.5"]),
    ("atan2", &["0.0", "0.0"]),
    ("atanh", &["2.5"]),
    ("bit_length", &["''"]),
    ("btrim", &["' a '"]),
    ("btrim", &["''", "'a'"]),
    ("cardinality", &["[1, 2]"]),
    ("cardinality", &["[[1, 2], [3]]"]),
    ("cbrt", &["-2.5"]),
    ("ceil", &["2.5"]),
    ("ceil", &["CAST(2.5 AS DECIMAL(3, 1))"]),
    ("character_length", &["''"]),
    ("chr", &["65"]),
    ("coalesce", &["1"]),
    ("coalesce", &["'a'", "'b'"]),
    ("concat", &["''", "''"]),
    ("concat", &["'a'"]),
    ("concat_ws", &["','", "'a'", "'b'"]),
    ("concat_ws", &["''", "''"]),
    ("contains", &["'abc'", "''"]),
    ("cos", &["2.5"]),
    ("cosh", &["2.5"]),
    ("cot", &["0.0"]),
    ("current_date", &[]),
    ("current_time", &[]),
    ("date_bin", &["INTERVAL '1 day'", "TIMESTAMP '2026-01-31T12:00:00'"]),
    ("date_part", &["'year'", "TIMESTAMP '2026-01-31T12:00:00'"]),
    ("date_part", &["'dow'", "DATE '2026-01-31'"]),
    ("date_trunc", &["'month'", "TIMESTAMP '2026-01-31T12:00:00'"]),
    ("decode", &["'ff'", "'hex'"]),
    ("degrees", &["2.5"]),
    ("digest", &["''", "'md5'"]),
    ("encode", &["'a'", "'base64'"]),
    ("ends_with", &["''", "''"]),
    ("exp", &["1000.0"]),
    ("factorial", &["5"]),
    ("find_in_set", &["'d'", "'a,b'"]),
    ("find_in_set", &["''", "''"]),
    ("floor", &["-2.5"]),
    ("floor", &["CAST(2.5 AS DECIMAL(3, 1))"]),
    ("from_unixtime", &["0"]),
    ("gcd", &["0", "0"]),
    ("greatest", &["1", "2"]),
    ("initcap", &["''"]),
    ("isnan", &["0.0"]),
    ("iszero", &["0.0"]),
    ("lcm", &["0", "0"]),
    ("least", &["'a'", "'b'"]),
    ("left", &["'abc'", "-9"]),
    ("levenshtein", &["''", "'a'"]),
    ("ln", &["-1.0"]),
    ("ln", &["0.0"]),
    ("log", &["-1.0"]),
    ("log", &["2.0", "8.0"]),
    ("log10", &["0.0"]),
    ("log2", &["-1.0"]),
    ("lower", &["''"]),
    ("lpad", &["'a'", "0"]),
    ("lpad", &["'a'", "9", "''"]),
    ("ltrim", &["' a'"]),
    ("make_array", &["1", "2"]),
    ("make_date", &["2026", "1", "31"]),
    ("make_time", &["1", "2", "3"]),
    ("md5", &["''"]),
    ("named_struct", &["'a'", "1"]),
    ("nanvl", &["CAST('NaN' AS DOUBLE)", "1.0"]),
    ("now", &[]),
    ("nvl", &["1", "2"]),
    ("octet_length", &["''"]),
    ("overlay", &["'abc'", "'x'", "2"]),
    ("overlay", &["'abc'", "'x'", "2", "1"]),
    ("pi", &[]),
    ("power", &["-2.0", "0.5"]),
    ("power", &["2", "3"]),
    ("radians", &["2.5"]),
    ("random", &[]),
    ("regexp_count", &["'abc'", "'x'"]),
    ("regexp_instr", &["'abc'", "'x'"]),
    ("regexp_like", &["'abc'", "'x'"]),
    ("regexp_like", &["'abc'", "'B'", "'i'"]),
    ("regexp_replace", &["'abc'", "'x'", "''"]),
    ("regexp_replace", &["'abc'", "'b'", "'x'", "'g'"]),
    ("repeat", &["'a'", "0"]),
    ("replace", &["'a'", "''", "'b'"]),
    ("reverse", &["''"]),
    ("right", &["'abc'", "-9"]),
    ("round", &["2.5"]),
    ("round", &["2.55", "1"]),
    ("rpad", &["'a'", "0"]),
    ("rtrim", &["'a '"]),
    ("sha224", &["''"]),
    ("sha256", &["''"]),
    ("sha384", &["''"]),
    ("sha512", &["''"]),
    ("signum", &["0.0"]),
    ("sin", &["2.5"]),
    ("sinh", &["2.5"]),
    ("split_part", &["'a,b'", "','", "9"]),
    ("sqrt", &["2.5"]),
    ("starts_with", &["''", "''"]),
    ("strpos", &["'abc'", "'x'"]),
    ("struct", &["1", "2"]),
    ("substr", &["'abc'", "9"]),
    ("substr", &["'abc'", "-9", "2"]),
    ("substr_index", &["'a.b'", "'.'", "0"]),
    ("tan", &["2.5"]),
    ("tanh", &["2.5"]),
    ("to_char", &["TIMESTAMP '2026-01-31T12:00:00'", "'%Y'"]),
    ("to_char", &["DATE '2026-01-31'", "'%Y'"]),
    ("to_date", &["'2026-01-31'"]),
    ("to_hex", &["-1"]),
    ("to_local_time", &["TIMESTAMP '2026-01-31T12:00:00'"]),
    ("to_timestamp", &["'2026-01-31T12:00:00'"]),
    ("to_timestamp", &["0"]),
    ("to_timestamp_micros", &["0"]),
    ("to_timestamp_millis", &["0"]),
    ("to_timestamp_nanos", &["0"]),
    ("to_timestamp_seconds", &["0"]),
    ("to_unixtime", &["'2026-01-31T12:00:00Z'"]),
    ("translate", &["'abc'", "''", "''"]),
    ("trunc", &["2.5"]),
    ("trunc", &["2.55", "1"]),
    ("upper", &["''"]),
    ("uuid", &[]),
    ("version", &[]),
];

/// A session as queries run in it.
fn context() -> SessionContext {
    SessionContext::new_with_state(engine::session_state())
}

/// The rows that a query yields.
fn rows(context: &SessionContext, sql: &str) -> datafusion::common::Result<Vec<RecordBatch>> {
    let run = async { context.sql(sql).await?.collect().await };
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(run)
}

/// Whether the only column of each row is null.
fn are_null(batches: &[RecordBatch]) -> Vec<bool> {
    let all = batches.iter().flat_map(|batch| {
        let column = Arc::clone(batch.column(0));
        (0..batch.num_rows()).map(move |row| column.is_null(row))
    });
    all.collect()
}

/// Calls a function twice, with literals and with columns, and says whether it yields null. Some
/// arguments can only be literals.
fn call(context: &SessionContext, name: &str, arguments: &[String]) -> Vec<bool> {
    let literal = format!("SELECT {name}({})", arguments.join(", "));
    let literal = rows(context, &literal).unwrap_or_else(|error| panic!("{literal}: {error}"));
    let mut found = are_null(&literal);
    if !arguments.is_empty() {
        let columns: Vec<_> = (0..arguments.len()).map(|index| format!("a{index}")).collect();
        let columns = columns.join(", ");
        let row = format!("({})", arguments.join(", "));
        let sql = format!("SELECT {name}({columns}) FROM (VALUES {row}, {row}) AS t({columns})");
        found.extend(rows(context, &sql).map(|rows| are_null(&rows)).unwrap_or_default());
    }
    found
}

#[test]
fn functions_yield_null_when_the_table_says_so() {
    let context = context();
    let mut wrong = Vec::new();
    for (name, nulls) in functions::known() {
        let calls: Vec<_> = CALLS.iter().filter(|(called, _)| *called == name).collect();
        assert!(!calls.is_empty(), "`{name}` is not tried");
        for (_, arguments) in calls {
            let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
            if call(&context, name, &arguments).contains(&true) {
                wrong.push(format!("{name}({}) is null", arguments.join(", ")));
            }
            for (index, argument) in arguments.iter().enumerate() {
                let mut with_null = arguments.clone();
                with_null[index] = format!("CASE WHEN 1 = 2 THEN {argument} END");
                let is_name = name == "named_struct" && index % 2 == 0;
                let expected = match nulls {
                    _ if is_name => continue,
                    Nulls::Never => false,
                    Nulls::OfArguments => true,
                    Nulls::OfFirst => index == 0,
                    Nulls::IfAll => arguments.len() == 1,
                    Nulls::OnlyIfAny => continue,
                };
                if call(&context, name, &with_null).contains(&!expected) {
                    wrong.push(format!("{name}({}): null is {}", with_null.join(", "), !expected));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Functions that yield null for other things than null, too, or of which nothing is claimed.
const UNKNOWN: &[&str] = &[
    "array_add",
    "array_any_value",
    "array_append",
    "array_avg",
    "array_compact",
    "array_concat",
    "array_dims",
    "array_distance",
    "array_distinct",
    "array_element",
    "array_except",
    "array_has",
    "array_has_all",
    "array_has_any",
    "array_intersect",
    "array_length",
    "array_max",
    "array_min",
    "array_ndims",
    "array_normalize",
    "array_pop_back",
    "array_pop_front",
    "array_position",
    "array_positions",
    "array_prepend",
    "array_product",
    "array_remove",
    "array_remove_all",
    "array_remove_n",
    "array_repeat",
    "array_replace",
    "array_replace_all",
    "array_replace_n",
    "array_resize",
    "array_reverse",
    "array_scale",
    "array_slice",
    "array_sort",
    "array_subtract",
    "array_sum",
    "array_union",
    "arrays_zip",
    "arrow_cast",
    "arrow_field",
    "arrow_metadata",
    "arrow_try_cast",
    "arrow_typeof",
    "cast_to_type",
    "cosine_distance",
    "empty",
    "file_row_index",
    "flatten",
    "generate_series",
    "get_field",
    "inner_product",
    "input_file_name",
    "json_as_text",
    "json_contains",
    "json_get_array",
    "json_get_bool",
    "json_get_float",
    "json_get_int",
    "json_get_json",
    "json_get_str",
    "json_length",
    "json_object_keys",
    "map",
    "map_entries",
    "map_extract",
    "map_keys",
    "map_values",
    "nullif",
    "nvl2",
    "range",
    "regexp_match",
    "string_to_array",
    "to_time",
    "try_cast_to_type",
    "union_extract",
    "union_tag",
    "with_metadata",
];

#[test]
fn every_function_of_the_engine_is_in_the_table_or_known_to_yield_null() {
    let known: BTreeSet<_> = functions::known().map(|(name, _)| name).collect();
    let functions = session().scalar_functions();
    let names: BTreeSet<_> = functions.values().map(|function| function.name()).collect();
    let missing: Vec<_> =
        names.iter().filter(|name| !known.contains(**name) && !UNKNOWN.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let gone: Vec<_> = known.iter().filter(|name| !names.contains(**name)).collect();
    assert!(gone.is_empty(), "{gone:?}");
}
