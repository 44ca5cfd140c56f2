//! A run while it is under way: live lines on a terminal, plain ones now and then elsewhere.
//!
//! The figures are the run's ([`Watch`]); they are drawn by a thread of their own, so that nothing in a
//! run waits for the screen. What is logged meanwhile goes above the lines ([`above`]).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use console::{Term, measure_text_width};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::{ERROR, FAINT, GOOD, TITLE, WARNING, shortened, styled, tell, width_of};
use crate::engine::watch::{self, Progress, Stage, Watch};
use crate::report::{grouped, size};

/// How often the lines are drawn.
const TICK: Duration = Duration::from_millis(120);
/// A run that is shorter shows nothing: a flicker would be all of it.
const PATIENCE: Duration = Duration::from_millis(300);
/// Where there is no terminal: after which time the first line comes, and the next ones.
const FIRST_LINE: Duration = Duration::from_secs(10);
const NEXT_LINES: Duration = Duration::from_secs(60);
/// How many pipelines have a plain line of their own.
const PLAIN_LINES: usize = 5;
/// Over which time a rate is taken.
const RATE: Duration = Duration::from_secs(3);
/// The width of names, if they do not take more than a third of the line.
const NAME: usize = 48;
/// Turns while something is going on.
const TURNS: [&str; 8] = ["⣾", "⣽", "⣻", "⢿", "⡿", "⣟", "⣯", "⣷"];

/// The lines of this process's run, hidden while there is none.
static LINES: LazyLock<MultiProgress> =
    LazyLock::new(|| MultiProgress::with_draw_target(ProgressDrawTarget::hidden()));

/// Does something that writes to the terminal, above the live lines.
pub(crate) fn above<T>(write: impl FnOnce() -> T) -> T {
    LINES.suspend(write)
}

/// Shows a run until it is dropped.
pub(super) struct Live {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Begins to show what `watch` tells: on a terminal as live lines, else as plain lines.
    pub(super) fn show(watch: &Arc<Watch>) -> Self {
        let (ended, watch) = (Arc::new(AtomicBool::new(false)), Arc::clone(watch));
        let until = Arc::clone(&ended);
        let term = Term::stderr();
        let show = move || match term.is_term() && !is_dumb() {
            true => live(&watch, &term, &until),
            false => plain(&watch, &until),
        };
        // Without a thread there is nothing to see, and all the same a run.
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(show).ok();
        Self { ended, thread }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.ended.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            drop(thread.join());
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "what a terminal can is in the environment")]
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term == "dumb")
}

/// Waits until the next look; whether the run is still under way.
fn next_look(ended: &AtomicBool, pause: Duration) -> bool {
    let until = Instant::now() + pause;
    while !ended.load(Relaxed) {
        match until.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => std::thread::park_timeout(left),
            _ => return true,
        }
    }
    false
}

fn live(watch: &Watch, term: &Term, ended: &AtomicBool) {
    if !next_look(ended, PATIENCE) {
        return;
    }
    LINES.set_draw_target(ProgressDrawTarget::stderr());
    let mut bars: Vec<ProgressBar> = Vec::new();
    let mut rates = Rates::default();
    let mut turn = 0;
    loop {
        // One that does not say its size is as large as the usual ones.
        let (height, _) = term.size();
        let width = width_of(term).unwrap_or_default();
        let screen = Screen {
            // One line less than there is: the cursor stands in the last one.
            lines: usize::from(height).saturating_sub(2).max(1),
            width: width.saturating_sub(1).max(20),
            turn: TURNS.get(turn % TURNS.len()).copied().unwrap_or_default(),
        };
        let lines = screen.lines(watch.pipelines(), &mut rates, Instant::now());
        while bars.len() < lines.len() {
            let bar = LINES.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bars.push(bar);
        }
        for bar in bars.drain(lines.len()..) {
            bar.finish_and_clear();
            LINES.remove(&bar);
        }
        bars.iter().zip(lines).for_each(|(bar, line)| bar.set_message(line));
        turn += 1;
        if !next_look(ended, TICK) {
            break;
        }
    }
    bars.iter().for_each(ProgressBar::finish_and_clear);
    drop(LINES.clear());
    LINES.set_draw_target(ProgressDrawTarget::hidden());
}

fn plain(watch: &Watch, ended: &AtomicBool) {
    let mut rates = Rates::default();
    let mut pause = FIRST_LINE;
    while next_look(ended, pause) {
        pause = NEXT_LINES;
        let now = Instant::now();
        let running =
            |one: &&Arc<Progress>| !matches!(one.stage(), Stage::Queued | Stage::Done { .. });
        let under_way: Vec<_> = watch.pipelines().iter().filter(running).collect();
        for progress in under_way.iter().take(PLAIN_LINES) {
            let parts = parts(progress, rates.of(progress, now), now);
            let parts: Vec<_> = parts.into_iter().map(|part| part.text).collect();
            let said = format!("{}: {}", progress.name, parts.join(", "));
            tell(&anstream::adapter::strip_str(&said).to_string());
        }
        if watch.pipelines().len() > 1 {
            let summary = summary(watch.pipelines(), usize::MAX);
            tell(&anstream::adapter::strip_str(&summary).to_string());
        }
    }
}

/// What there is room for.
struct Screen {
    lines: usize,
    width: usize,
    turn: &'static str,
}

impl Screen {
    /// A line for each pipeline that is under way, as many as fit; the others are summed up, but for some of those
    /// that have failed, which stand first.
    fn lines(&self, all: &[Arc<Progress>], rates: &mut Rates, now: Instant) -> Vec<String> {
        let fits = all.len() <= self.lines.min(12);
        let is_shown = |one: &&Arc<Progress>| match one.stage() {
            Stage::Running { .. } | Stage::Committing { .. } => true,
            Stage::Queued | Stage::Done { .. } => fits,
        };
        let most = if fits { self.lines } else { self.lines - 1 };
        let has_failed = |one: &&Arc<Progress>| one.stage() == Stage::Done { good: false };
        let first = if fits { 0 } else { most / 3 };
        let failed = all.iter().filter(has_failed).take(first);
        let shown: Vec<_> = failed.chain(all.iter().filter(is_shown)).take(most).collect();
        let longest = shown.iter().map(|one| measure_text_width(&one.name)).max();
        let name = longest.unwrap_or_default().min(NAME).min(self.width / 3);
        let mut lines: Vec<_> =
            shown.into_iter().map(|one| self.line(one, name, rates.of(one, now), now)).collect();
        if !fits {
            lines.push(summary(all, self.width));
        }
        lines
    }

    fn line(&self, progress: &Progress, name: usize, rate: f64, now: Instant) -> String {
        let (mark, style) = match progress.stage() {
            Stage::Queued => ("·", FAINT),
            Stage::Running { .. } | Stage::Committing { .. } => (self.turn, TITLE),
            Stage::Done { good: true } => ("✓", GOOD),
            Stage::Done { good: false } => ("✗", ERROR),
        };
        let shown = shortened(&progress.name, name);
        let padding = " ".repeat(name.saturating_sub(measure_text_width(&shown)));
        let head = format!("{} {shown}{padding}", styled(style, mark));
        let room = self.width.saturating_sub(name + 2);
        format!("{head}{}", joined(parts(progress, rate, now), room))
    }
}

/// A part of a line; what does not fit is left out, the highest rank first.
struct Part {
    text: String,
    rank: usize,
}

/// What is said of a pipeline.
fn parts(progress: &Progress, rate: f64, now: Instant) -> Vec<Part> {
    let part = |rank, text: String| Part { text, rank };
    let numbers = progress.numbers();
    let since = match progress.stage() {
        Stage::Queued => return vec![part(0, styled(FAINT, "waits for others"))],
        Stage::Done { good: false } => return vec![part(0, styled(ERROR, "failed"))],
        Stage::Done { good: true } => {
            return vec![part(0, format!("{} rows", grouped(numbers.rows)))];
        }
        Stage::Running { since } | Stage::Committing { since } => since,
    };
    let committing = matches!(progress.stage(), Stage::Committing { .. });
    let expected = progress.expected().filter(|all| *all >= numbers.records && *all > 0);
    let mut parts = match (numbers.pages, expected) {
        (0, _) => vec![part(0, styled(FAINT, "no page yet"))],
        (pages, Some(all)) => {
            let records = format!("{} of {} records", grouped(numbers.records), grouped(all));
            vec![part(4, counted(pages, "page")), part(0, records)]
        }
        (pages, None) => {
            let records = format!("{} records", grouped(numbers.records));
            vec![part(4, counted(pages, "page")), part(0, records)]
        }
    };
    if rate >= 1.0 && !committing {
        parts.push(part(2, format!("{}/s", grouped(rate as u64))));
    }
    if numbers.pages > 0 {
        parts.push(part(3, size(numbers.bytes)));
    }
    if numbers.retries > 0 {
        let retries = if numbers.retries == 1 { "retry" } else { "retries" };
        parts.push(part(5, styled(WARNING, format_args!("{} {retries}", numbers.retries))));
    }
    let elapsed = now.saturating_duration_since(since);
    let last = if let Some(since) = progress.locked() {
        let waited = now.saturating_duration_since(since);
        styled(WARNING, format_args!("waits for a lock, {}", lasting(waited)))
    } else if committing {
        styled(FAINT, format_args!("storing {} rows", grouped(numbers.rows)))
    } else if let Some(waits) = progress.waits() {
        // The second that has begun counts: it never says 0.
        let left = waits.until.saturating_duration_since(now) + Duration::from_millis(999);
        styled(WARNING, format_args!("{} {}", waits.reason, lasting(left)))
    } else if let Some(left) = expected.and_then(|all| left(all, numbers.records, elapsed)) {
        format!("{} left", lasting(left))
    } else {
        styled(FAINT, lasting(elapsed))
    };
    // What keeps it from going on says more than how far it has come.
    let waits = progress.locked().is_some() || committing || progress.waits().is_some();
    if waits {
        parts.iter_mut().filter(|part| part.rank == 0).for_each(|part| part.rank = 1);
    }
    parts.push(part(if waits { 0 } else { 1 }, last));
    parts
}

/// `1 page`, `2 pages`.
fn counted(number: u64, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", grouped(number))
}

/// How long it will take, if it goes on as it did; `None` where all is there, or that is not to be said yet.
fn left(all: u64, done: u64, elapsed: Duration) -> Option<Duration> {
    let todo = all.saturating_sub(done) as f64;
    (done > 0 && done < all && elapsed > RATE).then(|| elapsed.mul_f64(todo / done as f64))
}

/// The parts that fit, in their order.
fn joined(mut parts: Vec<Part>, room: usize) -> String {
    let width =
        |parts: &[Part]| parts.iter().map(|part| measure_text_width(&part.text) + 2).sum::<usize>();
    while parts.len() > 1 && width(&parts) > room {
        let Some(worst) = parts.iter().map(|part| part.rank).max() else { break };
        parts.retain(|part| part.rank != worst);
    }
    parts.iter().map(|part| format!("  {}", part.text)).collect()
}

/// All pipelines in one line, as far as it has room: `12 of 50 done, 1 failed, 8 under way, 29 wait`.
fn summary(all: &[Arc<Progress>], room: usize) -> String {
    let count = |is: &dyn Fn(Stage) -> bool| all.iter().filter(|one| is(one.stage())).count();
    let done = count(&|stage| matches!(stage, Stage::Done { .. }));
    let failed = count(&|stage| stage == Stage::Done { good: false });
    let queued = count(&|stage| stage == Stage::Queued);
    let mut parts = vec![format!("{done} of {} done", all.len())];
    if failed > 0 {
        parts.push(styled(ERROR, format_args!("{failed} failed")));
    }
    parts.push(format!("{} under way", all.len() - done - queued));
    if queued > 0 {
        parts.push(format!("{queued} wait"));
    }
    parts.push(format!("{} records", grouped(watch::records(all))));
    while parts.len() > 1 && measure_text_width(&parts.join(", ")) > room {
        parts.pop();
    }
    parts.join(", ")
}

/// `3 s`, `2 min 5 s`, `1 h 2 min`.
fn lasting(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ ..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Records a second of each pipeline, over the last seconds.
#[derive(Default)]
struct Rates(HashMap<String, Vec<(Instant, u64)>>);

impl Rates {
    fn of(&mut self, progress: &Progress, now: Instant) -> f64 {
        let records = progress.numbers().records;
        let seen = self.0.entry(progress.name.clone()).or_default();
        seen.push((now, records));
        // One that is older stays, so that there is always a time to measure.
        while seen.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= RATE) {
            seen.remove(0);
        }
        let Some((first, before)) = seen.first() else { return 0.0 };
        let seconds = now.saturating_duration_since(*first).as_secs_f64();
        if seconds < 0.5 { 0.0 } else { records.saturating_sub(*before) as f64 / seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Fetched;

    /// A pipeline that has fetched so much.
    fn progress(name: &str, records: u64, expected: u64, retries: u64) -> Arc<Progress> {
        let fetched = Fetched::default();
        fetched.pages.store(records / 100, Relaxed);
        fetched.records.store(records, Relaxed);
        fetched.bytes.store(records * 283, Relaxed);
        fetched.retries.store(retries, Relaxed);
        fetched.expected.store(expected, Relaxed);
        Arc::new(Progress::new(name, vec![Arc::new(fetched)]))
    }

    fn check(all: &[Arc<Progress>], lines: usize, width: usize, expected: &[&str]) {
        let screen = Screen { lines, width, turn: "*" };
        let found = screen.lines(all, &mut Rates::default(), Instant::now());
        let found: Vec<_> =
            found.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(found, expected);
        let longest = found.iter().map(|line| measure_text_width(line)).max();
        assert!(longest <= Some(width), "{found:#?}");
    }

    #[test]
    fn a_line_says_what_fits() {
        let orders = progress("orders", 12_000, 0, 2);
        check(&[Arc::clone(&orders)], 20, 100, &["· orders  waits for others"]);
        orders.begin();
        let all = [orders];
        check(&all, 20, 100, &["* orders  120 pages  12,000 records  3.4 MB  2 retries  0 s"]);
        check(&all, 20, 45, &["* orders  12,000 records  3.4 MB  0 s"]);
        check(&all, 20, 30, &["* orders  12,000 records  0 s"]);
        all[0].add_rows(11_000);
        all[0].commits();
        check(&all, 20, 60, &["* orders  12,000 records  3.4 MB  storing 11,000 rows"]);
        check(&all, 20, 30, &["* orders  storing 11,000 rows"]);
        all[0].end(true);
        check(&all, 20, 60, &["✓ orders  11,000 rows"]);
        let known = progress("orders", 12_000, 48_000, 0);
        known.begin();
        check(&[known], 20, 60, &["* orders  120 pages  12,000 of 48,000 records  3.4 MB  0 s"]);
    }

    #[tokio::test]
    async fn what_is_waited_for_is_said_with_its_time() {
        let fetched = Arc::new(Fetched::default());
        let orders = Arc::new(Progress::new("orders", vec![Arc::clone(&fetched)]));
        orders.begin();
        let wait = async move {
            fetched.wait("tries again in", Duration::from_millis(500)).await;
            fetched.wait("waits for the rate limit", Duration::from_secs(90)).await;
        };
        let waiting = tokio::spawn(wait);
        tokio::task::yield_now().await;
        let all = [orders];
        check(&all, 20, 80, &["* orders  no page yet  0 s"]);
        tokio::time::sleep(Duration::from_millis(600)).await;
        let expected = "* orders  no page yet  waits for the rate limit 1 min 30 s";
        check(&all, 20, 80, &[expected]);
        waiting.abort();
        all[0].add_rows(11_000);
        all[0].commits();
        let since = Instant::now().checked_sub(Duration::from_secs(12)).unwrap();
        let locked = async {
            let _locked = crate::engine::watch::locked(since);
            check(&all, 20, 80, &["* orders  no page yet  waits for a lock, 12 s"]);
        };
        crate::engine::watch::working(Arc::clone(&all[0]), locked).await;
        check(&all, 20, 80, &["* orders  no page yet  storing 11,000 rows"]);
    }

    #[test]
    fn of_more_pipelines_than_lines_the_rest_is_summed_up() {
        let all: Vec<_> = (0..50).map(|n| progress(&format!("p{n}"), 100, 0, 0)).collect();
        all.iter().take(8).for_each(|one| one.begin());
        all[0].end(true);
        all[1].end(false);
        let expected = [
            "* p2  1 page  100 records  28.3 kB  0 s",
            "* p3  1 page  100 records  28.3 kB  0 s",
            "2 of 50 done, 1 failed, 6 under way, 42 wait, 5,000 records",
        ];
        check(&all, 3, 80, &expected);
        check(&all, 1, 50, &["2 of 50 done, 1 failed, 6 under way, 42 wait"]);
        let expected = [
            "✗ p1  failed",
            "* p2  1 page  100 records  28.3 kB  0 s",
            "* p3  1 page  100 records  28.3 kB  0 s",
            "2 of 50 done, 1 failed, 6 under way, 42 wait, 5,000 records",
        ];
        check(&all, 4, 80, &expected);
    }

    #[test]
    fn a_long_name_keeps_its_end() {
        let all = [progress("customers_of_the_shop_in_all_countries_13", 100, 100, 0)];
        all[0].begin();
        check(&all, 20, 60, &["* customers…untries_13  100 of 100 records  28.3 kB  0 s"]);
        let name = "* customers_of_the_shop_in_all_countries_13";
        check(&all, 20, 130, &[&format!("{name}  1 page  100 of 100 records  28.3 kB  0 s")]);
        assert_eq!(left(100, 100, Duration::from_secs(60)), None);
    }

    #[test]
    fn a_source_that_several_pipelines_read_counts_once_in_their_sum() {
        let shared = Arc::new(Fetched::default());
        shared.records.store(1_800, Relaxed);
        let of = |name: &str| Arc::new(Progress::new(name, vec![Arc::clone(&shared)]));
        let all = [of("a"), of("b"), of("c")];
        check(&all, 1, 80, &["0 of 3 done, 0 under way, 3 wait, 1,800 records"]);
    }

    #[test]
    fn times_are_easy_to_read() {
        let check = |seconds, expected: &str| {
            assert_eq!(lasting(Duration::from_secs(seconds)), expected);
        };
        check(3, "3 s");
        check(125, "2 min 5 s");
        check(3_720, "1 h 2 min");
        let ten = Duration::from_secs(10);
        assert_eq!(left(400, 100, ten), Some(Duration::from_secs(30)));
        assert_eq!(left(400, 0, ten), None);
    }
}
