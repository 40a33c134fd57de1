//! Requests that are due, and connections that have nothing to do.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::Duration;

/// Gives each request to one connection, on one thread. Who has waited longest goes first, so all
/// connections are used.
#[derive(Debug, Default)]
pub(super) struct Due {
    requests: RefCell<VecDeque<Duration>>,
    idle: RefCell<VecDeque<Waker>>,
    is_over: Cell<bool>,
}

impl Due {
    /// Takes the moments at which requests were to be sent.
    pub(super) fn add(&self, together: Vec<Duration>) {
        let woken = together.len();
        self.requests.borrow_mut().extend(together);
        let mut idle = self.idle.borrow_mut();
        let woken = woken.min(idle.len());
        idle.drain(..woken).for_each(Waker::wake);
    }

    /// Says that no more requests will come.
    pub(super) fn close(&self) {
        self.is_over.set(true);
        self.idle.take().into_iter().for_each(Waker::wake);
    }

    /// The next request, unless there are no more.
    pub(super) async fn next(&self) -> Option<Duration> {
        poll_fn(|context| {
            let next = self.requests.borrow_mut().pop_front();
            if next.is_some() || self.is_over.get() {
                return Poll::Ready(next);
            }
            self.idle.borrow_mut().push_back(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}
