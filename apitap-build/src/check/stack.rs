//! Work that recurses as deeply as a query nests → the same on a thread whose stack is large enough.
//!
//! A thread that checks many queries has such a stack from the start, so that not each of them maps one
//! and touches it for the first time.

use std::cell::Cell;
use std::thread::{Builder, Scope, ScopedJoinHandle};

use crate::caught::caught;

/// The planner recurses as deeply as a query nests, and in a debug build takes more than 100 KB for each
/// level. Only what is used takes memory.
const STACK: usize = 256 << 20;

thread_local! {
    /// Whether this thread has a large stack.
    static IS_LARGE: Cell<bool> = const { Cell::new(false) };
}

/// Starts a thread with a large stack; `None` where there is none to be had.
pub(super) fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Option<ScopedJoinHandle<'scope, T>> {
    let work = || {
        IS_LARGE.set(true);
        work()
    };
    Builder::new().stack_size(STACK).spawn_scoped(scope, work).ok()
}

/// Does the work on a large stack: here if this thread has one, else on a thread of its own.
///
/// # Errors
/// Where there is no such thread to be had, or the work panics.
pub(super) fn large<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    let work = || {
        caught(work).map_err(|said| {
            format!("the planner has a defect that this query brings to light: {said}")
        })
    };
    if IS_LARGE.get() {
        return work();
    }
    std::thread::scope(|scope| match spawn(scope, work) {
        // What it does is caught.
        Some(thread) => {
            thread.join().unwrap_or_else(|_| Err("the planner has a defect".to_owned()))
        }
        None => Err("there is no thread or no memory to plan this query".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_within_work_stays_on_the_same_stack() {
        let here = || std::thread::current().id();
        let (outer, inner) = large(|| (here(), large(here))).unwrap();
        assert_ne!(outer, here());
        assert_eq!(inner, Ok(outer));
    }

    #[test]
    fn a_panic_is_an_error_on_either_stack() {
        let panics = || -> u8 { std::panic::resume_unwind(Box::new("a defect")) };
        assert!(large(panics).is_err());
        assert_eq!(large(|| large(panics).is_err()), Ok(true));
    }
}
