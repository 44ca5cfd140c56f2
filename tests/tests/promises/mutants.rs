//! Sound projects with one random edit each: what can be known is refused at the right line, what is
//! harmless is not, and what is accepted runs.
//!
//! `MUTANTS=3000 SEED=7 cargo test -p apitap-tests --test promises mutants -- --nocapture` tries more
//! of them, and prints what it has seen.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use apitap_tests::random::Random;

use self::edit::{Edit, Kind, Text};
use self::judge::{Judge, Verdict};
use super::runs::number;

mod api;
mod edit;
mod judge;
mod projects;

/// How many are tried where nobody says otherwise.
const MUTANTS: u64 = 200;
/// The edits that they are made with.
const SEED: u64 = 20_261_127;
/// The longest that a check may take, in a build without optimisation beside other tests.
const LONGEST: Duration = Duration::from_secs(10);

/// What was seen of all mutants.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<&'static str, u64>,
    wrong: Vec<String>,
    longest: Duration,
}

impl Tally {
    fn add(&mut self, name: &'static str) {
        *self.counts.entry(name).or_default() += 1;
    }

    fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }

    fn note(&mut self, what: &str, edit: &Edit, detail: &str) {
        self.wrong.push(format!("{what}: {edit}\n{detail}"));
    }
}

#[test]
fn sound_projects_run() {
    let judge = Judge::new();
    for project in projects::all() {
        let seen = judge.look(&project);
        assert!(matches!(seen.verdict, Verdict::Runs), "{}: {:?}", project.name, seen.verdict);
    }
}

#[test]
fn a_mistake_is_refused_where_it_is_and_what_is_accepted_runs() {
    let judge = Judge::new();
    let projects = projects::all();
    let mut random = Random::new(number("SEED", SEED));
    let mut tally = Tally::default();
    for turn in 0..number("MUTANTS", MUTANTS) {
        let project = &projects[random.below(projects.len())];
        let kind = match turn % 8 {
            0 => Kind::Harmless,
            1..=4 => Kind::Meaning,
            _ => Kind::Characters,
        };
        let Some(edit) = edit::edit(project, kind, &mut random) else { continue };
        let mutant = edit.apply(project);
        let start = Instant::now();
        let seen = judge.look(&mutant);
        let took = seen.checked_in.unwrap_or_else(|| start.elapsed());
        tally.longest = tally.longest.max(took);
        match (&seen.verdict, kind) {
            (Verdict::Crash(why), _) => {
                tally.add("crashes");
                tally.note("a crash", &edit, why);
            }
            (Verdict::Refused, Kind::Harmless) => {
                tally.add("harmless edits refused");
                tally.note("harmless, and refused", &edit, &seen.findings);
            }
            (Verdict::Refused, _) => {
                tally.add("refused");
                match seen.is_at(&edit) {
                    true => tally.add("refused at the line"),
                    false => tally.note("refused elsewhere", &edit, &seen.findings),
                }
            }
            (Verdict::Runs, Kind::Harmless) => tally.add("harmless edits accepted"),
            (Verdict::Runs, _) => tally.add("accepted, and run"),
            (Verdict::Data(why), _) => {
                tally.add("accepted, and contradicted by the data");
                println!("only the data contradict {edit}\n{why}\n");
            }
            (Verdict::Escape(why), _) => {
                tally.add("escapes");
                tally.note("an escape", &edit, why);
            }
        }
    }
    println!("{:#?}\nlongest check: {:?}", tally.counts, tally.longest);
    let wrong = tally.wrong.join("\n\n");
    println!("{wrong}");
    assert_eq!(tally.count("crashes"), 0, "{wrong}");
    assert_eq!(tally.count("escapes"), 0, "{wrong}");
    assert_eq!(tally.count("harmless edits refused"), 0, "{wrong}");
    assert!(tally.longest < LONGEST, "a check took {:?}", tally.longest);
    let (refused, placed) = (tally.count("refused"), tally.count("refused at the line"));
    assert!(refused > 0 && placed * 100 >= refused * 98, "{placed} of {refused}\n{wrong}");
}

/// How many typos are tried where nobody says otherwise.
const TYPOS: u64 = 60;

#[test]
fn fix_restores_what_was_a_typo() {
    let judge = Judge::new();
    let projects = projects::all();
    let mut random = Random::new(number("SEED", SEED) + 1);
    let mut tally = Tally::default();
    for _ in 0..number("TYPOS", TYPOS) {
        let project = &projects[random.below(projects.len())];
        let Some(edit) = edit::typo(project, &mut random) else { continue };
        tally.add("typos");
        let mutant = edit.apply(project);
        if !matches!(judge.check(&mutant), Verdict::Refused) {
            tally.add("accepted");
            continue;
        }
        let fixed = judge.fix(&mutant);
        if fixed == project.files {
            tally.add("restored");
        } else if fixed != mutant.files {
            tally.add("changed otherwise");
            let now = fixed.iter().zip(&project.files).find(|(now, was)| now != was);
            tally.note(
                "changed otherwise",
                &edit,
                &format!("{:?}", now.map(|(now, _)| line(now, &edit))),
            );
        } else {
            tally.add("left as it is");
            tally.note("left", &edit, "");
        }
    }
    println!("{:#?}", tally.counts);
    println!("{}", tally.wrong.join("\n"));
    let (restored, all) = (tally.count("restored"), tally.count("typos"));
    assert!(restored * 2 >= all, "{restored} of {all} are restored\n{}", tally.wrong.join("\n"));
}

/// The line of a file that an edit was made in.
fn line(file: &Text, edit: &Edit) -> String {
    file.text.lines().nth(edit.line - 1).unwrap_or_default().to_owned()
}
