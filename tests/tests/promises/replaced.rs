//! A table that is replaced by no rows at all: the run says how many it had.

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::process::{Finished, Project, finish};

use super::runs::{LIMIT, events, events_project, with_target};
use super::state::targets;

fn run(project: &Project, all: &[(i64, u32)]) -> Finished {
    let api = Api::serve(Collection::new(events(all), Pagination::next_url()));
    let finished = finish(project.apitap(["run"]).env("API", api.url()), LIMIT);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    finished
}

#[test]
fn a_table_that_is_replaced_by_no_rows_is_told_with_those_that_it_had() {
    for target in targets() {
        let project = events_project("allow_empty: true", "mode=\"replace\"");
        with_target(&project, &target);
        // A new table, rows in place of none, and none in place of three; then it has none.
        for (all, told) in
            [(&[][..], false), (&[(1, 1), (2, 2), (3, 3)], false), (&[], true), (&[], false)]
        {
            let said = run(&project, all).stderr;
            let expected =
                "`events`: the query yielded no rows, so `events`, which had 3, is empty now";
            assert_eq!(said.contains(expected), told, "{target} {all:?}: {said}");
            assert_eq!(said.contains("is empty now"), told, "{target} {all:?}: {said}");
        }
    }
}
