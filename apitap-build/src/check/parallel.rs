//! The same work on many things, on all cores and on large stacks, with the results in the order of the things.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::stack;

/// What the work makes of each item.
pub(super) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let share = || {
        let mut done = Vec::new();
        while let Some((index, item)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            items.get(index).map(|item| (index, item))
        } {
            done.push((index, work(item)));
        }
        done
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> =
            (0..cores.min(items.len())).filter_map(|_| stack::spawn(scope, share)).collect();
        // Where there was no other thread to be had, it is this one's.
        let mut done = if others.is_empty() { share() } else { Vec::new() };
        for other in others {
            // A panic is a defect of ours, and stays one.
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let items: Vec<_> = (0..1000).collect();
        assert_eq!(map(&items, |item| item * 2), (0..2000).step_by(2).collect::<Vec<_>>());
        assert_eq!(map(&[] as &[i32], |item| item * 2), Vec::<i32>::new());
    }
}
