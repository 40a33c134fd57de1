//! One writer at a time, in the order in which they came.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A lock that serves those who wait in their order: a corpus of many batches cannot keep a client
/// with one document out, as it could with a mutex.
///
/// A turn is not taken inside of [`Engine::in_background`](super::Engine::in_background): who waits
/// there holds a thread that the writer may need.
#[derive(Default)]
pub(super) struct Turns {
    numbers: Mutex<Numbers>,
    called: Condvar,
}

#[derive(Default)]
struct Numbers {
    /// For the next to come.
    next: u64,
    /// Of the one whose turn it is.
    serving: u64,
}

/// The right to write, until it is dropped.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    /// Waits for everybody who came before.
    pub(super) fn take(&self) -> Turn<'_> {
        let mut numbers = self.numbers();
        let own = numbers.next;
        numbers.next += 1;
        while numbers.serving != own {
            let waited = self.called.wait(numbers);
            numbers = waited.unwrap_or_else(PoisonError::into_inner);
        }
        Turn(self)
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        // Nothing that holds it can panic.
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.numbers().serving += 1;
        self.0.called.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn those_who_wait_are_served_in_their_order() {
        let turns = Turns::default();
        let (tell, told) = mpsc::channel();
        let held = turns.take();
        std::thread::scope(|scope| {
            for number in 0..5 {
                let (turns, tell) = (&turns, tell.clone());
                scope.spawn(move || {
                    let _turn = turns.take();
                    tell.send(number).unwrap();
                });
                while turns.numbers().next != number + 2 {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            drop(held);
        });
        drop(tell);
        assert_eq!(told.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_writer_that_panics_gives_up_its_turn() {
        let turns = Turns::default();
        let panicked = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let _turn = turns.take();
                panic!("on purpose");
            });
            writer.join().is_err()
        });
        assert!(panicked);
        drop(turns.take());
    }
}
