//! A report → a table that fits the screen, then what went wrong.
//!
//! The columns that say the least are left out first: those that repeat another one or hold nothing
//! but zeros, then those that matter less. JSON has all of them.

use anstyle::Style;
use comfy_table::CellAlignment;
use console::measure_text_width;

use super::{Numbers, PipelineReport, Report, Status};
use crate::Error;
use crate::commands::output::{ERROR, GOOD, WARNING, shortened, styled, wrapped};
use crate::commands::table::{plain, trimmed};

/// Of more pipelines, those that failed stand first.
const MANY: usize = 20;
/// The shortest that names are cut to.
const SHORTEST: usize = 8;

/// One column of the table.
struct Column {
    title: &'static str,
    cells: Vec<String>,
    is_number: bool,
    /// What is left out first has the lowest; the last ones stay.
    rank: usize,
}

impl Column {
    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| measure_text_width(cell));
        cells.max().unwrap_or_default().max(self.title.len()) + 2
    }
}

impl Report {
    /// The report with styles, in lines of at most so many columns where that can be.
    pub(crate) fn styled(&self, width: Option<usize>) -> String {
        let mut parts = Vec::new();
        if !self.pipelines.is_empty() {
            parts.push(self.table(width));
        }
        parts.extend(self.unknown_fields());
        parts.extend(self.absent_fields());
        parts.extend(self.remarks());
        parts.extend(self.waits());
        let error = styled(ERROR, "error");
        let errors = Error::merged(self.errors());
        parts.extend(errors.iter().map(|said| format!("{error}: {said}")));
        // The table fits as it is.
        let begin = usize::from(!self.pipelines.is_empty());
        parts.iter_mut().skip(begin).for_each(|part| *part = wrapped(part, width));
        parts.join("\n\n")
    }

    fn table(&self, width: Option<usize>) -> String {
        let mut lines: Vec<_> = self.pipelines.iter().collect();
        if lines.len() > MANY {
            lines.sort_by_key(|pipeline| pipeline.status != Status::Failed);
        }
        let mut columns = self.columns(&lines);
        fit(&mut columns, width);
        let mut table = plain(columns.iter().map(|column| column.title));
        for line in 0..columns.first().map_or(0, |column| column.cells.len()) {
            table.add_row(columns.iter().filter_map(|column| column.cells.get(line)));
        }
        for (place, _) in columns.iter().enumerate().filter(|(_, column)| column.is_number) {
            if let Some(column) = table.column_mut(place) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let results = lines.iter().map(|line| style(line.status)).chain([self.style()]);
        // The header and its rule have none.
        let styles = [None, None].into_iter().chain(results.map(Some));
        let laid_out = trimmed(&table);
        let coloured = laid_out.lines().zip(styles).map(|(line, style)| coloured(line, style));
        coloured.collect::<Vec<_>>().join("\n")
    }

    /// All columns, with a line for the sums where there are several pipelines.
    fn columns(&self, lines: &[&PipelineReport]) -> Vec<Column> {
        let sums = (lines.len() > 1).then_some(());
        let text = |title, rank, cell: &dyn Fn(&PipelineReport) -> String, sum: String| Column {
            title,
            cells: lines.iter().map(|line| cell(line)).chain(sums.map(|()| sum)).collect(),
            is_number: false,
            rank,
        };
        let number = |title, rank, cell: &dyn Fn(&Numbers) -> String| {
            let sum = cell(&self.total);
            let cell = |line: &PipelineReport| match (line.status, line.started) {
                (Status::Stopped, None) => "-".to_owned(),
                _ => cell(&line.numbers),
            };
            Column { is_number: true, ..text(title, rank, &cell, sum) }
        };
        let same = |a: &dyn Fn(&PipelineReport) -> bool| lines.iter().all(|line| a(line));
        let repeats_name = same(&|line| line.table == line.name);
        let repeats_rows = same(&|line| line.numbers.stored == line.numbers.rows);
        let no_retries = same(&|line| line.numbers.retries == 0);
        let some_unchanged = lines.iter().any(|line| line.numbers.unchanged > 0);
        let rank = |plain: usize, first: Option<usize>| first.unwrap_or(plain);
        let mut columns = vec![
            text("pipeline", 10, &|line| line.name.clone(), "total".to_owned()),
            text(
                "table",
                rank(5, repeats_name.then_some(1)),
                &|line| line.table.clone(),
                String::new(),
            ),
            number("pages", 4, &|numbers| grouped(numbers.pages)),
            number("records", 6, &|numbers| grouped(numbers.records)),
            number("rows", 8, &|numbers| grouped(numbers.rows)),
            number("stored", rank(7, repeats_rows.then_some(2)), &|numbers| {
                grouped(numbers.stored)
            }),
            number("bytes", 3, &|numbers| size(numbers.bytes)),
            number("retries", rank(7, no_retries.then_some(0)), &|numbers| {
                grouped(numbers.retries)
            }),
            number("seconds", 9, &|numbers| format!("{:.2}", numbers.seconds.as_secs_f64())),
            text("result", 11, &|line| result(line.status).to_owned(), self.result()),
        ];
        if some_unchanged {
            // Behind what was stored, which it explains.
            let unchanged = number("unchanged", 7, &|numbers| grouped(numbers.unchanged));
            columns.insert(6, unchanged);
        }
        columns
    }

    /// What is said of all pipelines together.
    fn result(&self) -> String {
        let count = |status| self.pipelines.iter().filter(|line| line.status == status).count();
        match (count(Status::Failed), count(Status::Stopped)) {
            (0, 0) => "ok".to_owned(),
            (0, stopped) => format!("{stopped} stopped"),
            (failed, 0) => format!("{failed} failed"),
            (failed, stopped) => format!("{failed} failed, {stopped} stopped"),
        }
    }

    /// How the result of all together is shown.
    fn style(&self) -> Style {
        let has = |status| self.pipelines.iter().any(|line| line.status == status);
        match (has(Status::Failed), has(Status::Stopped)) {
            (true, _) => ERROR,
            (false, true) => WARNING,
            (false, false) => GOOD,
        }
    }
}

fn result(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Failed => "failed",
        Status::Stopped => "stopped",
    }
}

fn style(status: Status) -> Style {
    match status {
        Status::Ok => GOOD,
        Status::Failed => ERROR,
        Status::Stopped => WARNING,
    }
}

/// A line of the table with its result, which is behind the last two spaces, in a style: the table's
/// layout knows nothing of styles.
fn coloured(line: &str, style: Option<Style>) -> String {
    match (line.rsplit_once("  "), style) {
        (Some((numbers, result)), Some(style)) => {
            format!("{numbers}  {}", styled(style, result))
        }
        _ => line.to_owned(),
    }
}

/// Leaves out columns, and at last shortens names, until a line fits.
fn fit(columns: &mut Vec<Column>, width: Option<usize>) {
    let Some(width) = width else { return };
    let total = |columns: &[Column]| columns.iter().map(Column::width).sum::<usize>();
    for rank in 0..8 {
        if total(columns) <= width {
            return;
        }
        columns.retain(|column| column.rank != rank);
    }
    let over = total(columns).saturating_sub(width);
    if let Some(names) = columns.first_mut() {
        let room = names.width().saturating_sub(over + 2).max(SHORTEST);
        for cell in &mut names.cells {
            *cell = shortened(cell, room);
        }
    }
}

/// `1234567` → `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1234567` → `1.2 MB`.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    for unit in ["kB", "MB", "GB"] {
        if value < 999.95 {
            return format!("{value:.1} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        let check = |number, expected: (&str, &str)| {
            assert_eq!((grouped(number).as_str(), size(number).as_str()), expected);
        };
        check(0, ("0", "0 B"));
        check(999, ("999", "999 B"));
        check(1_000, ("1,000", "1.0 kB"));
        check(999_949, ("999,949", "999.9 kB"));
        check(999_999, ("999,999", "1.0 MB"));
        check(12_345_678_901, ("12,345,678,901", "12.3 GB"));
    }

    fn pipeline(name: &str, status: Status, retries: u64) -> PipelineReport {
        let error = (status == Status::Failed)
            .then(|| Error::request("the API answered `500`").in_pipeline(name));
        let numbers = Numbers {
            pages: 120,
            records: 12_000,
            rows: 11_999,
            stored: 11_999,
            bytes: 3_400_000,
            retries,
            seconds: Duration::from_millis(2_340),
            ..Numbers::default()
        };
        PipelineReport {
            name: name.to_owned(),
            table: name.to_owned(),
            status,
            started: None,
            ended: None,
            error,
            went_on_behind: None,
            goes_on: false,
            numbers,
            unknown_fields: BTreeMap::new(),
            absent_fields: BTreeMap::new(),
            warnings: Vec::new(),
        }
    }

    fn check(pipelines: Vec<PipelineReport>, width: Option<usize>, expected: &str) {
        let total = Numbers { pages: 240, records: 24_000, ..Numbers::default() };
        let report = Report { error: None, pipelines, total, started: None, ended: None };
        let found = anstream::adapter::strip_str(&report.styled(width)).to_string();
        assert_eq!(found, expected, "\n{found}");
        let longest = found.lines().map(measure_text_width).max().unwrap_or_default();
        assert!(width.is_none_or(|width| longest <= width), "{longest} columns\n{found}");
    }

    #[test]
    fn a_table_fits_the_screen() {
        let orders = || vec![pipeline("orders", Status::Ok, 0)];
        let check = |pipelines, width, header: &str, line: &str| {
            let rule = "─".repeat(width);
            check(pipelines, Some(width), &format!("{header}\n{rule}\n{line}"));
        };
        check(
            orders(),
            84,
            " pipeline  table   pages  records    rows  stored   bytes  retries  seconds  result",
            " orders    orders    120   12,000  11,999  11,999  3.4 MB        0     2.34  ok",
        );
        check(
            orders(),
            59,
            " pipeline  pages  records    rows   bytes  seconds  result",
            " orders      120   12,000  11,999  3.4 MB     2.34  ok",
        );
        let long = "customers_of_the_shop_in_all_countries_by_month";
        check(
            vec![pipeline(long, Status::Ok, 3)],
            60,
            &format!(" {:33}    rows  seconds  result", "pipeline"),
            " customers_of_the…untries_by_month  11,999     2.34  ok",
        );
    }

    #[test]
    fn rows_that_were_there_already_have_a_column_of_their_own() {
        let mut orders = pipeline("orders", Status::Ok, 0);
        (orders.numbers.stored, orders.numbers.unchanged) = (9, 11_990);
        let mut others = orders.clone();
        others.numbers.unchanged = 0;
        let header = |line: Vec<PipelineReport>| {
            let text = Report {
                error: None,
                pipelines: line,
                total: Numbers::default(),
                started: None,
                ended: None,
            }
            .to_string();
            text.lines()
                .next()
                .map(|line| line.split_whitespace().skip(4).take(3).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(header(vec![orders]).as_deref(), Some("rows stored unchanged"));
        assert_eq!(header(vec![others]).as_deref(), Some("rows stored bytes"));
    }

    #[test]
    fn of_many_pipelines_those_that_failed_stand_first() {
        let mut all: Vec<_> =
            (0..MANY).map(|n| pipeline(&format!("p{n}"), Status::Ok, 0)).collect();
        all.push(pipeline("bad", Status::Failed, 0));
        all.push(pipeline("late", Status::Stopped, 0));
        let report = Report {
            error: None,
            pipelines: all,
            total: Numbers::default(),
            started: None,
            ended: None,
        };
        let text = report.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[2].starts_with(" bad ") && lines[2].ends_with(" failed"), "{text}");
        assert!(lines[3].starts_with(" p0 "), "{text}");
        assert!(text.contains("1 failed, 1 stopped"), "{text}");
        assert!(text.ends_with("error: the API answered `500`\n  pipeline: bad"), "{text}");
    }
}
