//! The lines of a COPY → the numbers of their rows in the run.

/// Rows of one COPY, as runs of successive numbers.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    runs: Vec<(u64, u64)>,
    rows: u64,
}

impl Numbers {
    /// The next rows: `first`, `first + 1`, ….
    pub(super) fn push(&mut self, first: u64, rows: u64) {
        self.rows += rows;
        match self.runs.last_mut() {
            Some((start, length)) if *start + *length == first => *length += rows,
            _ => self.runs.push((first, rows)),
        }
    }

    /// The number of the row in a line, counted from 1.
    pub(super) fn at(&self, line: u64) -> Option<u64> {
        let mut before = 0;
        self.runs.iter().find_map(|(first, rows)| {
            let place = line.checked_sub(before + 1)?;
            before += rows;
            (place < *rows).then_some(first + place)
        })
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The number of the first row.
    pub(super) fn first(&self) -> Option<u64> {
        self.runs.first().map(|(first, _)| *first)
    }

    /// Whether a row of that number follows on those before.
    pub(super) fn lead_to(&self, number: u64) -> bool {
        self.runs.last().is_none_or(|(first, rows)| first + rows == number)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_copy_is_a_row_of_the_run() {
        let mut numbers = Numbers::default();
        [(1, 2), (3, 1), (10, 2), (12, 1), (20, 1)]
            .into_iter()
            .for_each(|(first, rows)| numbers.push(first, rows));
        let check = |line, expected| assert_eq!(numbers.at(line), expected, "line {line}");
        check(0, None);
        check(1, Some(1));
        check(3, Some(3));
        check(4, Some(10));
        check(6, Some(12));
        check(7, Some(20));
        check(8, None);
        assert_eq!((numbers.rows(), numbers.first()), (7, Some(1)));
        assert!(numbers.lead_to(21) && !numbers.lead_to(20));
    }
}
