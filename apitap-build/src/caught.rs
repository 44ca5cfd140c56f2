//! A panic in a library → an error, without a word on standard error.
//!
//! Some libraries panic where others return an error: on a message that is cut off, on a combination of
//! types. What calls them here makes an error of it; what the panic would print helps nobody who reads
//! that error.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::pin::Pin;
use std::sync::Once;
use std::task::{Context, Poll};

thread_local! {
    /// Whether a panic of this thread becomes an error.
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Does the work.
///
/// Nothing may be looked at again that the work leaves half done.
///
/// # Errors
/// What it has panicked with.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let _quiet = Quiet::new();
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| message(panic.as_ref()))
}

/// The same of a future, which is not asked again once it has panicked.
///
/// # Errors
/// What it has panicked with.
pub async fn caught_later<F: Future>(work: F) -> Result<F::Output, String> {
    Caught { work: Box::pin(work) }.await
}

struct Caught<F> {
    work: Pin<Box<F>>,
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match caught(|| self.work.as_mut().poll(context)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
            Err(said) => Poll::Ready(Err(said)),
        }
    }
}

/// As long as this is there, a panic of this thread prints nothing.
struct Quiet {
    before: bool,
}

impl Quiet {
    fn new() -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let others = take_hook();
            set_hook(Box::new(move |panic| {
                if !IS_CAUGHT.get() {
                    others(panic);
                }
            }));
        });
        Self { before: IS_CAUGHT.replace(true) }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        IS_CAUGHT.set(self.before);
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_what_it_said() {
        let nothing: &[u8] = &[];
        let said = caught(|| nothing[0]).unwrap_err();
        assert_eq!(said, "index out of bounds: the len is 0 but the index is 0");
        assert_eq!(caught(|| 7), Ok(7));
        assert!(!IS_CAUGHT.get());
    }

    #[test]
    fn a_panic_within_work_that_is_caught_ends_the_inner_work_only() {
        let nothing: &[u8] = &[];
        assert_eq!(caught(|| (caught(|| nothing[0]).is_err(), IS_CAUGHT.get())), Ok((true, true)));
    }

    #[test]
    fn a_future_that_panics_has_ended() {
        let nothing: &[u8] = &[];
        let work = caught_later(async { nothing[0] });
        assert!(futures::executor::block_on(work).is_err());
    }
}
