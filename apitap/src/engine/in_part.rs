//! A plan → the sources of which it reads only what its first rows need: `LIMIT` ends the paging.
//!
//! Such a source is asked for its next page when the query wants more, and not before. Behind a sort, an
//! aggregate or a join all of it is read, whatever the limit.

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::streaming::StreamingTableExec;

use crate::source::table::Reading;

/// The steps that pass rows on as they come, and read no more when nobody wants more.
const PASSES: [&str; 7] = [
    "GlobalLimitExec",
    "LocalLimitExec",
    "FilterExec",
    "ProjectionExec",
    "CoalesceBatchesExec",
    "CooperativeExec",
    "StreamingTableExec",
];

/// Notes which sources a plan reads in part; `limited` where not all of its rows are wanted.
pub(super) fn note(plan: &Arc<dyn ExecutionPlan>, limited: bool, reading: &Reading) {
    let limited = PASSES.contains(&plan.name()) && (limited || has_limit(plan));
    if let (true, Some(scan)) = (limited, plan.downcast_ref::<StreamingTableExec>()) {
        scan.partitions().iter().for_each(|part| reading.reads_in_part(part));
    }
    plan.children().into_iter().for_each(|input| note(input, limited, reading));
}

fn has_limit(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let global = plan.downcast_ref::<GlobalLimitExec>().and_then(GlobalLimitExec::fetch);
    global.is_some() || plan.fetch().is_some()
}
