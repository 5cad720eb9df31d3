//! The tasks of a runtime, counted before something is done on it and after: none may be left.

use tokio::runtime::Handle;
use tokio::task::yield_now;

/// So many turns in which no task ends are given to those that were told to: such a one needs a single turn, and few
/// others are in its way then.
const IDLE_TURNS_MAX: u32 = 16;

/// What `work` gives, and how many tasks more there are behind it than before. Inside a runtime of this thread alone.
///
/// Reading of files is no task: it ends on threads that the runtime waits for.
pub(super) async fn counted<T>(work: impl Future<Output = T>) -> (T, u64) {
    let before = alive();
    let done = work.await;
    let (mut left, mut idle) = (alive(), 0);
    while left > before && idle < IDLE_TURNS_MAX {
        yield_now().await;
        let now = alive();
        idle = if now < left { 0 } else { idle + 1 };
        left = now;
    }
    (done, left.saturating_sub(before) as u64)
}

fn alive() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::task::{AbortHandle, spawn_local};

    use super::counted;
    use crate::run::threads::runtime;

    /// A task that nobody ends.
    fn endless() -> AbortHandle {
        spawn_local(pending::<()>()).abort_handle()
    }

    #[test]
    fn a_task_that_does_not_end_is_counted_as_left_and_what_was_there_before_is_not() {
        runtime().expect("a runtime").block_on(async {
            endless();
            let work = async {
                endless();
                endless();
                spawn_local(async {}).await.expect("it ends");
                "done"
            };
            assert_eq!(counted(work).await, ("done", 2));
            assert_eq!(counted(async {}).await, ((), 0));
        });
    }

    #[test]
    fn tasks_that_were_told_to_end_are_waited_for_however_many_they_are() {
        runtime().expect("a runtime").block_on(async {
            let many = || -> Vec<_> { (0..10_000).map(|_| endless()).collect() };
            let work = async { many().iter().for_each(AbortHandle::abort) };
            assert_eq!(counted(work).await, ((), 0));
            // Those that end are no reason to overlook one that stays.
            let work = async {
                let told = many();
                endless();
                told.iter().for_each(AbortHandle::abort);
            };
            assert_eq!(counted(work).await, ((), 1));
        });
    }
}
