//! How long `apitap check` takes: `check-time APITAP [PIPELINES…]`, with the path of a built `apitap`;
//! 10, 200 and 1,000 pipelines where no number is given.
//!
//! Each project has queries of ten kinds, in turn, over sources of their own. What is printed is the
//! best of five calls, by the clock and in CPU time.

use std::path::{Path, PathBuf};
use std::process::Command;

use apitap_tests::process::Project;

type Error = Box<dyn std::error::Error>;

/// How often a project is checked.
const TURNS: usize = 5;

/// Pipelines that read one source.
const QUERIES_OF_A_SOURCE: usize = 5;

const SCHEMA: &str = "{id: int64!, status: string!, amount: \"decimal(12,2)\", quantity: int32, \
                      placed_at: timestamp!, due: date, code: string, customer: {id: int64!, email: \
                      string, address: {city: string, zip: string}}, lines: [{sku: string!, price: \
                      \"decimal(9,2)\"}], tags: [string], paid: bool, rate: float64}";

/// What a query may be: `@` is its source, `&` another one.
const QUERIES: [&str; 10] = [
    "SELECT id, status, amount, placed_at FROM @ WHERE status = 'paid' AND amount > 10",
    "SELECT id, customer.email AS email, customer.address.city AS city FROM @ WHERE customer.email IS NOT NULL",
    "SELECT date_trunc('month', placed_at) AS month, status, count(*) AS orders, sum(amount) AS total FROM @ GROUP BY date_trunc('month', placed_at), status",
    "SELECT o.id, o.amount, p.amount AS other FROM @ AS o LEFT JOIN & AS p ON p.id = o.id AND p.status = o.status",
    "WITH lines AS (SELECT id, unnest(lines) AS line FROM @) SELECT id, line.sku AS sku, line.price AS price FROM lines",
    "SELECT id, row_number() OVER (PARTITION BY status ORDER BY placed_at) AS n, lag(amount) OVER (PARTITION BY status ORDER BY placed_at) AS before FROM @",
    "SELECT id, TRY_CAST(code AS INT) AS code, CASE WHEN quantity > 5 THEN 'many' WHEN quantity > 1 THEN 'some' ELSE 'one' END AS size, coalesce(rate, 0.0) * 1.19 AS rate FROM @",
    "SELECT id, status FROM @ UNION ALL SELECT id, upper(status) AS status FROM &",
    "SELECT id, round(amount / nullif(quantity, 0), 2) AS each, to_char(placed_at, '%Y-%m') AS month, array_length(tags) AS tags FROM @ WHERE placed_at >= '2026-01-01'",
    "SELECT id, amount FROM @ WHERE id IN (SELECT id FROM & WHERE paid) AND amount > (SELECT avg(amount) FROM @)",
];

fn project(pipelines: usize) -> Project {
    let sources = pipelines.div_ceil(QUERIES_OF_A_SOURCE).max(2);
    let source = |number: usize| {
        format!(
            "  - name: s{number}\n    url: https://api.example.com/v1/s{number}\n    data_path: \
             /data\n    pagination: {{kind: cursor, cursor_param: after, cursor_path: /next}}\n    \
             retry: {{max_attempts: 5}}\n    schema: {SCHEMA}\n"
        )
    };
    let yaml = format!(
        "sources:\n{}targets:\n  - {{name: here, type: postgres, url: \"${{DATABASE_URL}}\"}}\n",
        (0..sources).map(source).collect::<String>()
    );
    let project = Project::new([("pipelines.yaml", &*yaml)]);
    for number in 0..pipelines {
        let named = |shift: usize| {
            let source = (number / QUERIES_OF_A_SOURCE + shift) % sources;
            format!("{{{{ use_source(\"s{source}\") }}}}")
        };
        let query = QUERIES[number % QUERIES.len()].replace('@', &named(0));
        let query = query.replace('&', &named(1));
        project.write(
            &format!("sql/p{number:04}.sql"),
            &format!("{{{{ sink(table=\"p{number}\", mode=\"replace\") }}}}\n{query}\n"),
        );
    }
    project
}

/// Seconds by the clock, and of CPU.
fn check(apitap: &Path, project: &Project) -> Result<(f64, f64), Error> {
    let script = "TIMEFORMAT='%R %U %S'; time \"$0\" check >/dev/null";
    let mut bash = Command::new("bash");
    let output = bash.args(["-c", script]).arg(apitap).current_dir(project.path()).output()?;
    let said = String::from_utf8(output.stderr)?;
    if !output.status.success() {
        return Err(format!("the check has failed:\n{said}").into());
    }
    let times = said.lines().last().unwrap_or_default().split(' ').map(str::parse);
    match times.collect::<Result<Vec<f64>, _>>()?.as_slice() {
        [wall, user, system] => Ok((*wall, user + system)),
        _ => Err(format!("no times in {said:?}").into()),
    }
}

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let apitap = arguments.next().ok_or("say which: `check-time target/release/apitap`")?;
    let apitap = PathBuf::from(apitap).canonicalize()?;
    let counts = arguments.map(|count| count.parse()).collect::<Result<Vec<usize>, _>>()?;
    let counts = if counts.is_empty() { vec![10, 200, 1000] } else { counts };
    for count in counts {
        let project = project(count);
        let (mut wall, mut cpu) = (f64::MAX, f64::MAX);
        for _ in 0..TURNS {
            let (by_clock, of_cpu) = check(&apitap, &project)?;
            (wall, cpu) = (wall.min(by_clock), cpu.min(of_cpu));
        }
        println!("{count} pipelines: {wall:.3} s, {cpu:.3} s of CPU");
    }
    Ok(())
}
