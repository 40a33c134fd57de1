//! A mutex that serves its waiters in order of arrival.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A fair lock: a corpus of many batches cannot starve a client with one document, as it could with a
/// mutex.
///
/// Must not be locked inside
/// [`Engine::run_in_background`](super::Engine::run_in_background): the waiter would occupy a thread
/// that the holder may need.
#[derive(Default)]
pub(super) struct TicketLock {
    counters: Mutex<TicketCounters>,
    turn_changed: Condvar,
}

#[derive(Default)]
struct TicketCounters {
    /// The ticket of the next waiter to arrive.
    next_ticket: u64,
    /// The ticket whose holder has the lock.
    now_serving: u64,
}

/// Holds the lock until it is dropped.
pub(super) struct TicketGuard<'a>(&'a TicketLock);

impl TicketLock {
    /// Waits for all earlier callers to release the lock.
    pub(super) fn lock(&self) -> TicketGuard<'_> {
        let mut counters = self.counters();
        let ticket = counters.next_ticket;
        counters.next_ticket += 1;
        while counters.now_serving != ticket {
            let woken = self.turn_changed.wait(counters);
            counters = woken.unwrap_or_else(PoisonError::into_inner);
        }
        TicketGuard(self)
    }

    fn counters(&self) -> MutexGuard<'_, TicketCounters> {
        // No code panics while it is locked.
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TicketGuard<'_> {
    fn drop(&mut self) {
        self.0.counters().now_serving += 1;
        self.0.turn_changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn waiters_are_served_in_arrival_order() {
        let lock = TicketLock::default();
        let (sender, receiver) = mpsc::channel();
        let held = lock.lock();
        std::thread::scope(|scope| {
            for number in 0..5 {
                let (lock, sender) = (&lock, sender.clone());
                scope.spawn(move || {
                    let _guard = lock.lock();
                    sender.send(number).unwrap();
                });
                while lock.counters().next_ticket != number + 2 {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            drop(held);
        });
        drop(sender);
        assert_eq!(receiver.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_panicking_holder_releases_the_lock() {
        let lock = TicketLock::default();
        let panicked = std::thread::scope(|scope| {
            let holder = scope.spawn(|| {
                let _guard = lock.lock();
                panic!("on purpose");
            });
            holder.join().is_err()
        });
        assert!(panicked);
        drop(lock.lock());
    }
}
