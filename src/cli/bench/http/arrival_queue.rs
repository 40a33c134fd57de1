//! Requests that are due, and connections that have nothing to do.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::Duration;

/// Gives each request to one connection, on one thread. Who has waited longest goes first, so all
/// connections are used.
#[derive(Debug, Default)]
pub(super) struct ArrivalQueue {
    due_times: RefCell<VecDeque<Duration>>,
    idle: RefCell<VecDeque<Waker>>,
    closed: Cell<bool>,
}

impl ArrivalQueue {
    /// Takes the moments at which requests were to be sent.
    pub(super) fn push_all(&self, due: Vec<Duration>) {
        let woken = due.len();
        self.due_times.borrow_mut().extend(due);
        let mut idle = self.idle.borrow_mut();
        let woken = woken.min(idle.len());
        idle.drain(..woken).for_each(Waker::wake);
    }

    /// Says that no more requests will come.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.idle.take().into_iter().for_each(Waker::wake);
    }

    /// The next request, unless there are no more.
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
    fn each_request_goes_to_one_connection_until_there_are_no_more() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        LocalSet::new().block_on(&runtime, async {
            let due = Rc::new(ArrivalQueue::default());
            let connections = (0..3).map(|_| {
                let due = Rc::clone(&due);
                spawn_local(async move {
                    let mut taken = Vec::new();
                    while let Some(moment) = due.next().await {
                        taken.push(moment);
                        tokio::task::yield_now().await;
                    }
                    taken
                })
            });
            let connections: Vec<_> = connections.collect();
            tokio::task::yield_now().await;
            let moments: Vec<Duration> = (0..10).map(Duration::from_millis).collect();
            due.push_all(moments[..4].to_vec());
            tokio::task::yield_now().await;
            due.push_all(moments[4..].to_vec());
            due.close();
            let mut all = Vec::new();
            for connection in connections {
                let taken = connection.await.unwrap();
                assert!(!taken.is_empty(), "all connections are used");
                all.extend(taken);
            }
            all.sort_unstable();
            assert_eq!(all, moments);
        });
    }
}
