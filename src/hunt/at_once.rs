//! Many small pieces of work, on as many threads as a hunt may use.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Items that a thread takes at a time.
const BLOCK: usize = 8;

/// What `work` makes of each item, in their order, by so many threads at a time; few items are not worth a second one.
pub(super) fn at_once<T: Sync, R: Send>(jobs: usize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let blocks: Vec<&[T]> = items.chunks(BLOCK).collect();
    let beside = jobs.min(blocks.len()).saturating_sub(1);
    if beside == 0 {
        return items.iter().map(work).collect();
    }
    let (work, blocks, next) = (&work, &blocks, &AtomicUsize::new(0));
    let take = move || {
        let mut made: Vec<(usize, Vec<R>)> = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(block) = blocks.get(number) else { return made };
            made.push((number, block.iter().map(work).collect()));
        }
    };
    let mut made = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..beside).map(|_| scope.spawn(take)).collect();
        let mut made = take();
        for thread in threads {
            made.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        made
    });
    made.sort_unstable_by_key(|(number, _)| *number);
    made.into_iter().flat_map(|(_, block)| block).collect()
}

#[cfg(test)]
mod tests {
    use super::at_once;

    #[test]
    fn the_order_is_that_of_the_items() {
        for count in [0, 1, 7, 8, 9, 1_000] {
            let items: Vec<usize> = (0..count).collect();
            let expected: Vec<usize> = items.iter().map(|item| item * 3).collect();
            for jobs in [0, 1, 2, 5, 64] {
                assert_eq!(at_once(jobs, &items, |item| item * 3), expected, "{count} items, {jobs} jobs");
            }
        }
    }
}
