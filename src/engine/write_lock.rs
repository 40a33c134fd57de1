//! The write lock of a data directory.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// A fair lock: writers take turns in order of arrival, so that a corpus of many batches cannot starve a
/// client with one document. It can be awaited by clients and waited for by threads.
///
/// Locked before the store's mutex, which is held for moments only. Must not be locked inside
/// [`Engine::run_in_background`](super::Engine::run_in_background): the waiter would occupy a thread
/// that the holder may need.
#[derive(Default)]
pub(super) struct WriteLock(Arc<Mutex<()>>);

/// The turn of one writer, which ends when it is dropped.
#[derive(Debug)]
pub struct WriteTurn(#[expect(dead_code, reason = "held until it is dropped")] OwnedMutexGuard<()>);

impl WriteLock {
    /// Waits for the turns of all earlier callers.
    pub(super) async fn acquire(&self) -> WriteTurn {
        WriteTurn(Arc::clone(&self.0).lock_owned().await)
    }

    /// Waits like [`Self::acquire`], blocking the thread.
    pub(super) fn acquire_blocking(&self) -> WriteTurn {
        futures_executor::block_on(self.acquire())
    }

    /// Returns whether a caller would get its turn at once.
    pub(super) fn is_free(&self) -> bool {
        self.0.try_lock().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn waiters_take_turns_in_order_of_arrival() {
        let lock = WriteLock::default();
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            let turn = lock.acquire_blocking();
            assert!(!lock.is_free());
            for number in 0..8 {
                let (lock, sender) = (&lock, sender.clone());
                scope.spawn(move || {
                    let turn = lock.acquire_blocking();
                    sender.send(number).unwrap();
                    drop(turn);
                });
                // The next one arrives later.
                std::thread::sleep(Duration::from_millis(20));
            }
            drop(turn);
        });
        drop(sender);
        assert_eq!(
            receiver.iter().collect::<Vec<_>>(),
            (0..8).collect::<Vec<_>>()
        );
        assert!(lock.is_free());
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_loses_its_place() {
        let lock = WriteLock::default();
        let turn = lock.acquire().await;
        let given_up = tokio::time::timeout(Duration::from_millis(5), lock.acquire()).await;
        assert!(given_up.is_err());
        drop(turn);
        drop(lock.acquire().await);
    }
}
