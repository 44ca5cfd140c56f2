//! Many pipelines in one run: projects of them, and a run that is watched from outside.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};

use crate::api::Api;
use crate::collection::{Collection, Pagination};
use crate::process::{Finished, Project, gather};
use crate::records::{ORDER_SCHEMA, Records};

/// How long the APIs here take to answer.
pub const LATENCY: Duration = Duration::from_millis(20);

/// Records of a page.
const PAGE: u64 = 20;

/// Many pipelines, the API that they read, and the database that they write.
#[derive(Debug)]
pub struct Many {
    /// The API.
    pub api: Api,
    /// The project.
    pub project: Project,
    /// How many rows there are in the end.
    pub rows: u64,
    /// How many pages are requested, each once; the empty one that ends a source counts.
    pub pages: u64,
}

impl Many {
    /// So many queries, each over one of two sources of so many records.
    pub fn queries(count: usize, records: u64, database: &str) -> Self {
        let collection =
            || Collection::new(Records::Orders(records), Pagination::next_url()).page_size(1000);
        let api = Api::serve_all([("/first", collection()), ("/second", collection())]);
        let sources =
            ["first", "second"].map(|name| source(name, &api.url_of(&format!("/{name}"))));
        let project = project(&sources, database);
        for number in 0..count {
            let from = if number % 2 == 0 { "first" } else { "second" };
            let sql = format!(
                "SELECT id, status, amount, placed_at FROM {{{{ use_source(\"{from}\") }}}} \
                 WHERE id % 4 = {}",
                number / 2 % 4
            );
            project.write(&format!("sql/p{number:04}.sql"), &sql);
        }
        let rows = (0..count as u64).map(|number| {
            let rest = number / 2 % 4;
            (1..=records).filter(|id| id % 4 == rest).count() as u64
        });
        Self { rows: rows.sum(), pages: 2 * records.div_ceil(1000), api, project }
    }

    /// So many pipelines, each with a source of its own of five pages.
    pub fn sources(count: usize, database: &str) -> Self {
        let collection = Collection::new(Records::Orders(5 * PAGE), Pagination::next_url());
        let api = Api::serve(collection.page_size(PAGE).latency(LATENCY));
        let sources: Vec<_> = (0..count)
            .map(|number| {
                source(&format!("s{number:04}"), &format!("{}?source={number}", api.url()))
            })
            .collect();
        let project = project(&sources, database);
        for number in 0..count {
            let sql = format!("SELECT id, status FROM {{{{ use_source(\"s{number:04}\") }}}}");
            project.write(&format!("sql/p{number:04}.sql"), &sql);
        }
        Self { api, project, rows: count as u64 * 5 * PAGE, pages: count as u64 * 5 }
    }

    /// So many quick pipelines behind a slow one, which is the first of them and takes so long.
    pub fn slow_beside(quick: usize, slow: Duration, database: &str) -> Self {
        let collection = Collection::new(Records::Orders(5 * PAGE), Pagination::next_url());
        Self::first_beside(collection.page_size(PAGE).latency(slow / 5), quick, database)
    }

    /// So many quick pipelines behind one that has no answer until all of them have asked.
    pub fn last_beside(quick: usize, database: &str) -> Self {
        let collection = Collection::new(Records::Orders(5 * PAGE), Pagination::next_url());
        Self::first_beside(collection.page_size(PAGE).after("/quick", quick), quick, database)
    }

    fn first_beside(first: Collection, quick: usize, database: &str) -> Self {
        let quick_one = Collection::new(Records::Orders(PAGE), Pagination::next_url());
        let quick_one = quick_one.page_size(PAGE).latency(LATENCY);
        let api = Api::serve_all([("/quick", quick_one), ("/slow", first)]);
        let patient = source("slow", &api.url_of("/slow")) + "    timeout: 10m\n";
        let mut sources = vec![patient];
        sources.extend((0..quick).map(|number| {
            source(&format!("s{number:04}"), &format!("{}?source={number}", api.url_of("/quick")))
        }));
        let project = project(&sources, database);
        let sql = "SELECT id, status FROM {{ use_source(\"slow\") }}";
        project.write("sql/a_slow.sql", sql);
        for number in 0..quick {
            let sql = format!("SELECT id, status FROM {{{{ use_source(\"s{number:04}\") }}}}");
            project.write(&format!("sql/p{number:04}.sql"), &sql);
        }
        let quick = quick as u64;
        Self { api, project, rows: (quick + 5) * PAGE, pages: quick + 5 }
    }

    /// Runs all of them with a program, which is `apitap` of some build.
    pub fn run(
        &self,
        program: &Path,
        arguments: &[&str],
        database: &str,
        limit: Duration,
    ) -> Watched {
        let mut command = Command::new(program);
        command.args(["run", "--format", "json", "--log-json", "--log-level", "info"]);
        command.args(arguments).current_dir(self.project.path());
        watch(&mut command, database, limit)
    }
}

fn source(name: &str, url: &str) -> String {
    let schema = ORDER_SCHEMA.replace('\n', "\n      ");
    format!(
        "  - name: {name}\n    url: \"{url}\"\n    data_path: /data\n    \
         pagination: {{kind: next_url, path: /links/next}}\n    schema:\n      {schema}\n"
    )
}

fn project(sources: &[String], database: &str) -> Project {
    let project = Project::new([]);
    let yaml = format!(
        "sources:\n{}\ntargets:\n  - {{name: here, type: postgres, url: \"{database}\"}}\n",
        sources.concat()
    );
    project.write("pipelines.yaml", &yaml);
    project
}

/// How a run ended, and what it took.
#[derive(Debug)]
pub struct Watched {
    /// What it said.
    pub finished: Finished,
    /// From its start to its end.
    pub seconds: f64,
    /// CPU time of the process, all threads, without PostgreSQL's.
    pub cpu_seconds: f64,
    /// The most memory that was resident at once, the mapped program included, in MiB.
    pub peak_mib: f64,
    /// The most memory that was resident and of no file, in MiB.
    pub anonymous_mib: f64,
    /// The most connections that it had open at once.
    pub connections: u64,
}

impl Watched {
    /// The names of the pipelines, in the order in which they were committed, and when.
    pub fn committed(&self) -> Vec<(String, String)> {
        let lines = self.finished.stderr.lines();
        let events = lines.filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        events
            .filter(|event| event["message"] == "committed")
            .map(|event| {
                let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
                (text("pipeline"), text("timestamp"))
            })
            .collect()
    }

    /// One line for people.
    pub fn summary(&self, rows: u64) -> String {
        let mut line = String::new();
        write!(
            line,
            "{rows} rows in {:.2} s: {:.0} rows/s, CPU/wall {:.2}, peak RSS {:.1} MiB \
             ({:.1} MiB anonymous), at most {} connections",
            self.seconds,
            rows as f64 / self.seconds,
            self.cpu_seconds / self.seconds,
            self.peak_mib,
            self.anonymous_mib,
            self.connections
        )
        .unwrap();
        line
    }
}

/// Runs a program to its end, and looks at it and at its connections all the while.
pub fn watch(command: &mut Command, database: &str, limit: Duration) -> Watched {
    let connections = Connections::count(database);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (stdout, stderr) = (gather(child.stdout.take()), gather(child.stderr.take()));
    let mut seen = Seen::default();
    let status = loop {
        seen.look(&child);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > limit {
            child.kill().and_then(|()| child.wait()).unwrap();
            panic!("{command:?} did not end within {limit:?}");
        }
        thread::sleep(Duration::from_millis(2));
    };
    let seconds = started.elapsed().as_secs_f64();
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    Watched {
        finished: Finished { code: status.code(), stdout, stderr },
        seconds,
        cpu_seconds: seen.cpu_ticks as f64 / 100.0,
        peak_mib: seen.peak_kib as f64 / 1024.0,
        anonymous_mib: seen.anonymous_kib as f64 / 1024.0,
        connections: connections.most(),
    }
}

/// What Linux tells of a process while it lives.
#[derive(Debug, Default)]
struct Seen {
    peak_kib: u64,
    anonymous_kib: u64,
    cpu_ticks: u64,
}

impl Seen {
    fn look(&mut self, child: &Child) {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", child.id()));
        let (status, stat) = (read("status").unwrap_or_default(), read("stat").unwrap_or_default());
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| {
                line.trim_start_matches(':').trim().split(' ').next()?.parse().ok()
            })
        };
        self.peak_kib = self.peak_kib.max(kib("VmHWM").unwrap_or(0));
        self.anonymous_kib = self.anonymous_kib.max(kib("RssAnon").unwrap_or(0));
        // Behind the name in parentheses, which may hold spaces: state, …, utime and stime.
        let numbers = stat.rsplit_once(')').map_or("", |(_, numbers)| numbers);
        let numbers: Vec<_> = numbers.split_whitespace().collect();
        let ticks = |at: usize| numbers.get(at).and_then(|ticks| ticks.parse::<u64>().ok());
        let both = ticks(11).unwrap_or(0) + ticks(12).unwrap_or(0);
        self.cpu_ticks = self.cpu_ticks.max(both);
    }
}

/// Counts the connections of programs of ours to a database, until it is asked for the most.
struct Connections {
    ended: Arc<AtomicBool>,
    most: Arc<AtomicU64>,
    thread: thread::JoinHandle<()>,
}

impl Connections {
    fn count(database: &str) -> Self {
        let (ended, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stop, highest, url) = (Arc::clone(&ended), Arc::clone(&most), database.to_owned());
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                let sql = "SELECT count(*) FROM pg_stat_activity \
                           WHERE application_name = 'apitap' AND datname = current_database()";
                while !stop.load(Ordering::Relaxed) {
                    let count: i64 =
                        sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
                    highest.fetch_max(count.unsigned_abs(), Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            });
        });
        Self { ended, most, thread }
    }

    fn most(self) -> u64 {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.most.load(Ordering::Relaxed)
    }
}
