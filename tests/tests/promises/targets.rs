//! A target of a user's own, as docs/targets.md has it: it keeps what every target promises, and pipelines run into it.

use apitap::{Environment, run_into};
use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::readme::blocks_of;

use page::Memory;

/// The page's Rust, compiled with these tests.
#[allow(unreachable_pub, reason = "a user's module is reached from elsewhere")]
mod page {
    include!("targets/memory.rs");
    include!("targets/check.rs");
}

#[apitap::pipeline]
mod events {
    #[source(
        name = "events",
        url = "${API}",
        data_path = "/data",
        pagination(kind = "next_url", path = "/links/next"),
        incremental(field = "at", mode = "client")
    )]
    pub(super) struct Event {
        pub(super) id: i64,
        pub(super) at: apitap::types::DateTime<apitap::types::Utc>,
    }

    #[target(type = "jsonl", path = "${NOT_SET}", table = "events", mode = "append")]
    #[sql("SELECT id, at FROM events")]
    pub(super) struct Row {
        pub(super) id: i64,
        pub(super) at: apitap::types::DateTime<apitap::types::Utc>,
    }
}

fn api(minutes: std::ops::Range<u32>) -> Api {
    let all: Vec<_> = minutes.map(|minute| (i64::from(minute), minute)).collect();
    Api::serve(Collection::new(super::runs::events(&all), Pagination::next_url()))
}

#[test]
fn the_page_is_what_is_compiled_here() {
    let blocks: Vec<_> = blocks_of("docs/targets.md", "rust").into_iter().map(|b| b.text).collect();
    assert_eq!(blocks[0], include_str!("targets/memory.rs"));
    assert_eq!(blocks[1], include_str!("targets/check.rs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_runs_into_a_target_of_your_own() {
    let memory = Memory::default();
    let target: std::sync::Arc<dyn apitap::sink::Target> = std::sync::Arc::new(memory.clone());
    for (minutes, stored) in [(0..30, 30), (20..40, 10)] {
        let api = api(minutes);
        let environment = Environment::from_iter([("API", api.url())]);
        let report = run_into(&target, &[&events::PIPELINE], environment).await;
        assert_eq!(report.exit_code(), 0, "{report:?}");
        assert_eq!(report.total.stored, stored, "{report:?}");
    }
    let tables = memory.tables();
    let rows: usize = tables.rows["events"].iter().map(arrow::array::RecordBatch::num_rows).sum();
    assert_eq!(rows, 40);
    let state = &tables.states["events"].partitions;
    assert_eq!(state["events"]["cursor"], "2026-01-01T00:39:00Z");
}
