//! A queue of due requests, and the idle connections that wait for them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::Duration;

/// Hands each request to one connection, on one thread. The longest idle connection is first, so that
/// all connections are used.
#[derive(Debug, Default)]
pub(super) struct ArrivalQueue {
    due_times: RefCell<VecDeque<Duration>>,
    idle: RefCell<VecDeque<Waker>>,
    closed: Cell<bool>,
}

impl ArrivalQueue {
    /// Adds the times at which requests are due.
    pub(super) fn push_all(&self, due: Vec<Duration>) {
        let count = due.len();
        self.due_times.borrow_mut().extend(due);
        let mut idle = self.idle.borrow_mut();
        let count = count.min(idle.len());
        idle.drain(..count).for_each(Waker::wake);
    }

    /// Closes the queue: no more requests will be added.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.idle.take().into_iter().for_each(Waker::wake);
    }

    /// Returns the next request; `None` if the queue is closed and empty.
    pub(super) async fn next(&self) -> Option<Duration> {
        poll_fn(|context| {
            let next = self.due_times.borrow_mut().pop_front();
            if next.is_some() || self.closed.get() {
                return Poll::Ready(next);
            }
            self.idle.borrow_mut().push_back(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use tokio::task::{LocalSet, spawn_local};

    use super::*;

    #[test]
    fn each_request_is_handed_to_one_connection() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        LocalSet::new().block_on(&runtime, async {
            let due = Rc::new(ArrivalQueue::default());
            let connections = (0..3).map(|_| {
                let due = Rc::clone(&due);
                spawn_local(async move {
                    let mut received = Vec::new();
                    while let Some(time) = due.next().await {
                        received.push(time);
                        tokio::task::yield_now().await;
                    }
                    received
                })
            });
            let connections: Vec<_> = connections.collect();
            tokio::task::yield_now().await;
            let times: Vec<Duration> = (0..10).map(Duration::from_millis).collect();
            due.push_all(times[..4].to_vec());
            tokio::task::yield_now().await;
            due.push_all(times[4..].to_vec());
            due.close();
            let mut all = Vec::new();
            for connection in connections {
                let received = connection.await.unwrap();
                assert!(!received.is_empty(), "all connections are used");
                all.extend(received);
            }
            all.sort_unstable();
            assert_eq!(all, times);
        });
    }
}
