//! One figure for the memory of a run → every bound in bytes, and how much runs at once.
//!
//! Half of it is for the queries, which share one pool and spill to disk beyond it. An eighth is for
//! fetches that several queries read. The rest is divided among the pipelines under way, for what
//! waits between the request and the target. Knows nothing of what the bytes are.

use std::fmt;
use std::str::FromStr;

use apitap_build::engine::{MEMORY, query_memory};
use apitap_build::size::{NotASize, Size};

use crate::{Environment, Error, Result};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// The least that one pipeline under way is given, where several could share it.
const PIPELINE: usize = 3 * MIB;

/// More pipelines at once are not faster: they wait for the same cores, servers and target.
const MOST_AT_ONCE: usize = 64;

/// Connections to one target that are open at once.
const CONNECTIONS: usize = 8;

/// Bounds in bytes, and of how many things there are at once. All of them follow from [`Memory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of one body, what stays in memory; a larger one goes to a temporary file while it arrives.
    pub body: usize,
    /// The longest record, and the longest body whose text is read by a pagination in Rust.
    pub record: usize,
    /// Bodies that one source requests ahead; of larger pages, one is requested at a time.
    pub ahead: usize,
    /// Pages that wait for the only query that reads them; a larger page waits alone.
    pub waiting: usize,
    /// Pages of a fetch that several queries read, before they go to a temporary file.
    pub kept: usize,
    /// Records, or rows, of which a batch is made; a batch has at least one.
    pub batch: usize,
    /// What all queries of a run hold together; beyond it they spill to disk, or fail.
    pub query: usize,
    /// Encoded rows that one writer gathers before it sends them.
    pub copy: usize,
    /// Rows that one writer of files gathers, encoded, before it ends their row groups.
    pub files: usize,
    /// Pipelines under way at once; the others wait.
    pub at_once: usize,
    /// Connections to one target that are open at once.
    pub connections: usize,
}

impl Limits {
    /// The bounds for a run of so many pipelines.
    ///
    /// What one pipeline may hold shrinks with their number; the longest record does not, so that
    /// whether a run succeeds does not depend on what runs beside it.
    pub fn of(memory: Memory, pipelines: usize) -> Self {
        let Memory(memory) = memory;
        let (query, kept) = (query_memory(memory), memory / 8);
        let buffers = memory - query - kept;
        let at_once = (buffers / PIPELINE).clamp(1, MOST_AT_ONCE).min(pipelines.max(1));
        let share = buffers / at_once;
        // Beyond the figures on the right, more is not faster.
        Self {
            body: (share / 8).min(4 * MIB),
            // It is there twice: as it came, and as it is sent.
            record: memory / 2,
            ahead: (share / 4).min(8 * MIB),
            waiting: (share / 8).min(2 * MIB),
            // Fetches stay until their last query is done, however many are under way.
            kept: (kept / pipelines.max(1)).min(256 * KIB),
            batch: (share / 32).min(MIB / 2),
            query,
            copy: (share / 8).min(2 * MIB),
            files: (share / 4).min(64 * MIB),
            at_once,
            connections: CONNECTIONS,
        }
    }
}

/// What a run may hold in memory, beside the program itself.
///
/// Reads and shows as `256MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory(usize);

impl Default for Memory {
    fn default() -> Self {
        Self(MEMORY)
    }
}

impl Memory {
    /// The variable that names the figure.
    pub(crate) const VARIABLE: &str = "APITAP_MEMORY";

    /// The variable by which the earlier apitap named one of three figures.
    const MODE: &str = "APITAP_MEMORY_MODE";

    /// With less, a page and a batch would not fit beside each other.
    const LEAST: usize = 16 * MIB;

    /// What `APITAP_MEMORY` says, else `APITAP_MEMORY_MODE`, else 256 MiB.
    ///
    /// # Errors
    /// A config error: the figure or the mode cannot be read, or is too small.
    pub(crate) fn of(environment: &Environment) -> Result<Self> {
        let wrong = |name: &str, error: String| Error::config(format!("`{name}`: {error}"));
        if let Some(figure) = environment.get(Self::VARIABLE)? {
            return figure.parse().map_err(|error| wrong(Self::VARIABLE, error));
        }
        let Some(mode) = environment.get(Self::MODE)? else { return Ok(Self::default()) };
        match mode.to_ascii_lowercase().as_str() {
            "minimal" => Ok(Self(64 * MIB)),
            "balanced" => Ok(Self::default()),
            "performance" => Ok(Self(1 << 30)),
            _ => Err(wrong(Self::MODE, format!("`{mode}` is not a mode")).help(
                "use `minimal`, `balanced` or `performance`, or a figure in `APITAP_MEMORY`",
            )),
        }
    }
}

impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size: Size = text.parse().map_err(|error: NotASize| error.to_string())?;
        match usize::try_from(size.0).map(Self) {
            Ok(memory) if memory.0 >= Self::LEAST => Ok(memory),
            Ok(_) => Err(format!("a run needs at least {}, not `{text}`", Self(Self::LEAST))),
            Err(_) => Err(format!("`{text}` is more than this machine can address")),
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Size(self.0 as u64).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_read_with_its_unit() {
        let check = |text: &str, expected: Result<&str, &str>| {
            let found = text.parse::<Memory>().map(|memory| memory.to_string());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        };
        check("256MiB", Ok("256MiB"));
        check("256 mb", Ok("256MiB"));
        check("1g", Ok("1GiB"));
        check("1536M", Ok("1536MiB"));
        check("33554432", Ok("32MiB"));
        check("16777217 B", Ok("16777217B"));
        check("much", Err("`much` is not a number of bytes such as `256MiB` or `1GiB`"));
        check("-1GiB", Err("`-1GiB` is not a number of bytes such as `256MiB` or `1GiB`"));
        check(
            "99999999999GiB",
            Err("`99999999999GiB` is not a number of bytes such as `256MiB` or `1GiB`"),
        );
        check("1MiB", Err("a run needs at least 16MiB, not `1MiB`"));
        check("", Err("`` is not a number of bytes such as `256MiB` or `1GiB`"));
    }

    #[test]
    fn the_environment_says_the_figure() {
        let check = |variables: &[(&str, &str)], expected: Result<&str, &str>| {
            let environment: Environment = variables.iter().copied().collect();
            let found = Memory::of(&environment).map(|memory| memory.to_string());
            let found = found.map_err(|error| error.to_string());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{variables:?}");
        };
        check(&[], Ok("256MiB"));
        check(&[("APITAP_MEMORY", "")], Ok("256MiB"));
        check(&[("APITAP_MEMORY", "64MiB"), ("APITAP_MEMORY_MODE", "performance")], Ok("64MiB"));
        check(&[("APITAP_MEMORY_MODE", "minimal")], Ok("64MiB"));
        check(&[("APITAP_MEMORY_MODE", "Balanced")], Ok("256MiB"));
        check(&[("APITAP_MEMORY_MODE", "performance")], Ok("1GiB"));
        check(
            &[("APITAP_MEMORY_MODE", "fast")],
            Err("`APITAP_MEMORY_MODE`: `fast` is not a mode\n  help:     use `minimal`, \
                 `balanced` or `performance`, or a figure in `APITAP_MEMORY`"),
        );
        check(
            &[("APITAP_MEMORY", "1KiB")],
            Err("`APITAP_MEMORY`: a run needs at least 16MiB, not `1KiB`"),
        );
    }

    #[test]
    fn all_bounds_together_stay_below_the_figure() {
        let check = |memory: &str, pipelines: usize| {
            let memory: Memory = memory.parse().unwrap();
            let limits = Limits::of(memory, pipelines);
            // A batch is decoded, two wait, one is written: each as JSON and as Arrow. A target is a
            // database or a folder.
            let target = limits.copy.max(limits.files);
            let buffers = limits.body + limits.ahead + limits.waiting + target;
            let one = buffers + 8 * limits.batch;
            let all = limits.query + limits.at_once * one + limits.kept * pipelines;
            assert!(all <= memory.0, "{memory} {pipelines}: {all} {limits:?}");
            assert!((1..=pipelines).contains(&limits.at_once), "{limits:?}");
            assert!(limits.batch >= 64 * KIB && limits.copy >= 128 * KIB, "{limits:?}");
        };
        for memory in ["16MiB", "64MiB", "256MiB", "1GiB", "64GiB"] {
            [1, 2, 8, 50, 1000].into_iter().for_each(|pipelines| check(memory, pipelines));
        }
    }
}
