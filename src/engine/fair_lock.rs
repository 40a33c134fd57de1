//! One writer at a time, in the order in which they came.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A lock that serves those who wait in their order: a corpus of many batches cannot keep a client
/// with one document out, as it could with a mutex.
///
/// A turn is not taken inside of [`Engine::in_background`](super::Engine::in_background): who waits
/// there holds a thread that the writer may need.
#[derive(Default)]
pub(super) struct TicketLock {
    counters: Mutex<TicketCounters>,
    turn_changed: Condvar,
}

#[derive(Default)]
struct TicketCounters {
    /// For the next to come.
    next_ticket: u64,
    /// Of the one whose turn it is.
    now_serving: u64,
}

/// The right to write, until it is dropped.
pub(super) struct TicketGuard<'a>(&'a TicketLock);

impl TicketLock {
    /// Waits for everybody who came before.
    pub(super) fn lock(&self) -> TicketGuard<'_> {
        let mut numbers = self.counters();
        let own = numbers.next_ticket;
        numbers.next_ticket += 1;
        while numbers.now_serving != own {
            let waited = self.turn_changed.wait(numbers);
            numbers = waited.unwrap_or_else(PoisonError::into_inner);
        }
        TicketGuard(self)
    }

    fn counters(&self) -> MutexGuard<'_, TicketCounters> {
        // Nothing that holds it can panic.
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
        let turns = TicketLock::default();
        let (tell, told) = mpsc::channel();
        let held = turns.lock();
        std::thread::scope(|scope| {
            for number in 0..5 {
                let (turns, tell) = (&turns, tell.clone());
                scope.spawn(move || {
                    let _turn = turns.lock();
                    tell.send(number).unwrap();
                });
                while turns.counters().next_ticket != number + 2 {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            drop(held);
        });
        drop(tell);
        assert_eq!(told.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_panicking_holder_releases_the_lock() {
        let turns = TicketLock::default();
        let panicked = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let _turn = turns.lock();
                panic!("on purpose");
            });
            writer.join().is_err()
        });
        assert!(panicked);
        drop(turns.lock());
    }
}
