//! Every function that a query may call, with values that nobody expects: it ends soon, takes no more
//! memory than it may, and fails only where it is known that it can.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use apitap_build::engine::{
    Failing, Fallible, Guard, Operation, Written, logical_plan, session_state,
};
use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;

use super::{Register as _, block_on};

/// The longest that a call may take, in a build without optimisation beside other tests.
const LONGEST: Duration = Duration::from_secs(30);
/// The most that its results may take.
const LARGEST: usize = 160 << 20;

/// Values at the ends and in unlucky forms, in pairs that differ from row to row.
fn values() -> RecordBatch {
    let long = "x".repeat(40_000);
    let texts =
        ["", "a", "%", "(", "-1", "UTC", "é\u{301}", &long, "2026-13-45", "NaN", "[1,2", &long];
    let ints =
        [0, 1, -1, i64::MAX, i64::MIN, 1_000_000_000, 64, 1_000_000_000, i64::MAX, 7, -7, 100_000];
    let times = ints.map(|n| n.clamp(-9_000_000_000_000_000, 9_000_000_000_000_000));
    let floats = ints.map(|n| match n {
        7 => f64::NAN,
        -7 => f64::INFINITY,
        n => n as f64,
    });
    let lists = ints.map(|n| Some(vec![Some(n), None, Some(1)]));
    let columns: [(&str, ArrayRef); 5] = [
        ("s", Arc::new(StringArray::from(texts.to_vec()))),
        ("i", Arc::new(Int64Array::from(ints.to_vec()))),
        ("t", Arc::new(TimestampMicrosecondArray::from(times.to_vec()).with_timezone("UTC"))),
        ("f", Arc::new(Float64Array::from(floats.to_vec()))),
        ("l", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Arguments of all kinds: alone, in pairs, and some in threes.
fn arguments() -> Vec<String> {
    let names = ["s", "i", "t", "f", "l"];
    let pairs = names.iter().flat_map(|a| names.iter().map(move |b| format!("{a}, {b}")));
    let threes =
        ["s, i, s", "s, s, i", "s, s, s", "i, i, i", "l, i, i", "l, s, s", "s, i, i", "t, t, i"];
    let alone = names.iter().map(|name| (*name).to_owned());
    alone.chain(pairs).chain(threes.map(str::to_owned)).collect()
}

/// Whether it is known that a call may fail.
fn may_fail(function: &Arc<ScalarUDF>, arguments: &str) -> bool {
    let operation = Operation::Call(Arc::clone(function));
    let guard = Guard::new(operation, Written::default(), Failing::Fails);
    let values = values().schema();
    let types = arguments.split(", ").map(|name| values.field_with_name(name).unwrap());
    let types: Vec<_> = types.map(|field| field.data_type().clone()).collect();
    guard.fallible(&types) != Some(Fallible::Never)
}

#[test]
fn a_function_ends_soon_in_bounded_memory_whatever_it_is_given() {
    let state = session_state();
    let context = SessionContext::new_with_state(state.clone());
    context.register_batch_as("v", values());
    let mut functions: Vec<_> = state.scalar_functions().values().collect();
    functions.sort_by_key(|function| function.name());
    functions.dedup_by_key(|function| function.name());
    let (mut wrong, mut calls) = (Vec::new(), 0);
    for function in functions {
        for arguments in arguments() {
            let call = format!("{}({arguments})", function.name());
            let sql = format!("SELECT {call} AS x FROM v");
            // Where the function cannot be called so, its values do not matter.
            let plan = block_on(logical_plan(&context.state(), &sql));
            let Ok(frame) = plan.map(|plan| block_on(context.execute_logical_plan(plan))) else {
                continue;
            };
            let begun = Instant::now();
            let plan = frame.map(|frame| block_on(frame.create_physical_plan()));
            let Ok(Ok(plan)) = plan else { continue };
            calls += 1;
            let collect = || block_on(datafusion::physical_plan::collect(plan, context.task_ctx()));
            let Ok(result) = catch_unwind(AssertUnwindSafe(collect)) else {
                wrong.push(format!("{call} panics"));
                continue;
            };
            let took = begun.elapsed();
            if took > LONGEST {
                wrong.push(format!("{call} takes {took:?}"));
            }
            match result {
                Ok(batches) => {
                    let size: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
                    if size > LARGEST {
                        wrong.push(format!("{call} yields {size} bytes"));
                    }
                }
                // Another expression, such as a cast, has its own guard.
                Err(error) if matches!(error.find_root(), DataFusionError::External(_)) => {}
                Err(error) if may_fail(function, &arguments) => {
                    wrong.push(format!("{call} has no guard: {error}"));
                }
                Err(error) => wrong.push(format!("{call} fails: {error}")),
            }
        }
    }
    assert!(calls > 500, "{calls} calls");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
