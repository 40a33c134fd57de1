//! The load: an open loop with its own arrival process, or a closed loop.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::super::rng::Lcg;
use super::arrival_queue::ArrivalQueue;
use super::client::{LoadConnection, RequestOutcome, ServiceTarget};
use super::tally::{RequestTimes, Tally};

/// The arrival process of an open loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(super) enum Arrivals {
    /// Poisson arrivals
    Poisson,
    /// Constant gaps
    Even,
}

/// If more than one request is due in this time on average, they are sent together.
const BATCH_WINDOW: Duration = Duration::from_micros(500);

/// The load to generate.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoadPlan {
    pub(super) connections: usize,
    /// Requests per second of an open loop; `None` for a closed loop.
    pub(super) rate: Option<f64>,
    pub(super) arrivals: Arrivals,
    /// Time before `duration` that is not recorded.
    pub(super) warm_up: Duration,
    pub(super) duration: Duration,
    /// A request that is overdue by more than this is not sent.
    pub(super) max_overdue: Duration,
}

/// The measurements.
#[derive(Debug)]
pub(super) struct LoadResult {
    pub(super) tally: Tally,
    /// Number of requests sent while recording.
    pub(super) sent: u64,
    /// Number of requests that were due while recording.
    pub(super) due: u64,
    /// From the start of the recording to its end, or to the last response if that was later.
    pub(super) elapsed: Duration,
}

/// State shared by all connections, which run on one thread.
struct LoadState {
    start: Instant,
    plan: LoadPlan,
    requests: Vec<Vec<u8>>,
    next_request: Cell<usize>,
    sent: Cell<u64>,
    last_done: Cell<Duration>,
    tally: RefCell<Tally>,
}

/// Runs the plan on this thread and waits for the last response.
pub(super) fn run(
    target: ServiceTarget,
    bodies: &[String],
    plan: LoadPlan,
) -> anyhow::Result<LoadResult> {
    let target = Rc::new(target);
    let requests = bodies.iter().map(|body| target.request(body.as_bytes()));
    let requests: Vec<Vec<u8>> = requests.collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        check_service(&target, requests.first().context("no queries")?).await?;
        let shared = Rc::new(LoadState {
            start: Instant::now(),
            plan,
            requests,
            next_request: Cell::new(0),
            sent: Cell::new(0),
            last_done: Cell::new(plan.warm_up + plan.duration),
            tally: RefCell::new(Tally::new()?),
        });
        let mut due = None;
        if let Some(rate) = plan.rate {
            due = Some(open_loop(&shared, &target, rate).await?);
        } else {
            closed_loop(&shared, &target).await?;
        }
        let shared = Rc::into_inner(shared).context("a connection is still busy")?;
        Ok(LoadResult {
            tally: shared.tally.into_inner(),
            sent: shared.sent.get(),
            due: due.unwrap_or(shared.sent.get()),
            elapsed: shared.last_done.get().saturating_sub(plan.warm_up),
        })
    })
}

/// Sends one request first, to report a wrong address or key.
async fn check_service(target: &Rc<ServiceTarget>, request: &[u8]) -> anyhow::Result<()> {
    match LoadConnection::new(Rc::clone(target)).send(request).await {
        RequestOutcome::Answered {
            status: 200..=299 | 429,
            ..
        } => Ok(()),
        RequestOutcome::Answered { status: 401, .. } => {
            anyhow::bail!("the service returned 401; pass its key with --key")
        }
        RequestOutcome::Answered { status, .. } => {
            anyhow::bail!("the first search returned {status}; is the service ready?")
        }
        RequestOutcome::TimedOut => anyhow::bail!("the service did not respond within --timeout"),
        RequestOutcome::ConnectionFailed(why) => anyhow::bail!(
            "cannot reach the service: {why}; start one with `antiphon serve`, or set --url"
        ),
    }
}

/// Every connection sends a request, waits for the response and repeats.
async fn closed_loop(shared: &Rc<LoadState>, target: &Rc<ServiceTarget>) -> anyhow::Result<()> {
    let end = shared.plan.warm_up + shared.plan.duration;
    let clients = (0..shared.plan.connections).map(|_| {
        let (shared, target) = (Rc::clone(shared), Rc::clone(target));
        tokio::task::spawn_local(async move {
            let mut connection = LoadConnection::new(target);
            loop {
                let now = shared.start.elapsed();
                if now >= end {
                    return Ok(());
                }
                shared.send(&mut connection, now).await?;
            }
        })
    });
    join_all(clients.collect()).await
}

/// Sends requests at the given rate regardless of responses; returns the number that was due while
/// recording.
async fn open_loop(
    shared: &Rc<LoadState>,
    target: &Rc<ServiceTarget>,
    rate: f64,
) -> anyhow::Result<u64> {
    let (arrivals_tx, mut arrivals) = mpsc::unbounded_channel();
    let (start, plan) = (shared.start, shared.plan);
    // A thread sleeps more precisely than the runtime, whose timer has a resolution of a millisecond.
    let pacer = std::thread::Builder::new()
        .name("pacer".to_owned())
        .spawn(move || pace(start, &plan, rate, &arrivals_tx))?;
    let due = Rc::new(ArrivalQueue::default());
    let clients = (0..plan.connections).map(|_| {
        let (shared, target) = (Rc::clone(shared), Rc::clone(target));
        let due = Rc::clone(&due);
        tokio::task::spawn_local(async move {
            let mut connection = LoadConnection::new(target);
            while let Some(intended) = due.next().await {
                if shared.start.elapsed() > intended + shared.plan.max_overdue {
                    shared.record_not_sent(intended);
                } else {
                    shared.send(&mut connection, intended).await?;
                }
            }
            Ok(())
        })
    });
    let clients = clients.collect();
    while let Some(batch) = arrivals.recv().await {
        due.push_all(batch);
    }
    due.close();
    join_all(clients).await?;
    pacer
        .join()
        .map_err(|_| anyhow::anyhow!("the pacing thread panicked"))
}

/// Sends every arrival when it is due, or slightly later in a batch; returns the number of those to be
/// recorded.
fn pace(
    start: Instant,
    plan: &LoadPlan,
    rate: f64,
    arrivals_tx: &mpsc::UnboundedSender<Vec<Duration>>,
) -> u64 {
    use_precise_timers();
    let mut recorded = 0;
    // Waking two threads per request would cost more than the request.
    let min_interval = if rate * BATCH_WINDOW.as_secs_f64() > 1.0 {
        BATCH_WINDOW
    } else {
        Duration::ZERO
    };
    let mut schedule = schedule(plan.arrivals, rate, plan.warm_up + plan.duration).peekable();
    let mut woken = Duration::ZERO;
    while let Some(next) = schedule.peek() {
        let delay = (*next)
            .max(woken + min_interval)
            .saturating_sub(start.elapsed());
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
        woken = start.elapsed();
        let mut batch = Vec::new();
        while let Some(intended) = schedule.next_if(|intended| *intended <= woken) {
            recorded += u64::from(intended >= plan.warm_up);
            batch.push(intended);
        }
        if arrivals_tx.send(batch).is_err() {
            break;
        }
    }
    recorded
}

/// Disables the timer slack of 50 µs, within which Linux merges wake-ups.
fn use_precise_timers() {
    #[cfg(target_os = "linux")]
    {
        // If it is refused, requests are sent slightly later; the delay is reported.
        let _ = rustix::thread::set_current_timer_slack(Some(std::num::NonZeroU64::MIN));
    }
}

/// Returns the times at which requests are due, since the start.
fn schedule(arrivals: Arrivals, rate: f64, end: Duration) -> impl Iterator<Item = Duration> {
    let mut rng = Lcg::new();
    let mut time = 0.0;
    std::iter::from_fn(move || {
        let gap = match arrivals {
            Arrivals::Even => 1.0,
            Arrivals::Poisson => -(1.0 - rng.next_unit()).ln(),
        };
        time += gap / rate;
        Duration::try_from_secs_f64(time).ok()
    })
    .take_while(move |time| *time < end)
}

async fn join_all(clients: Vec<tokio::task::JoinHandle<anyhow::Result<()>>>) -> anyhow::Result<()> {
    for client in clients {
        client.await??;
    }
    Ok(())
}

impl LoadState {
    /// Counts a request for which no connection became idle in time.
    fn record_not_sent(&self, intended: Duration) {
        if intended >= self.plan.warm_up {
            self.tally.borrow_mut().record_error("not_sent");
        }
    }

    async fn send(
        &self,
        connection: &mut LoadConnection,
        intended: Duration,
    ) -> anyhow::Result<()> {
        let index = self.next_request.get();
        self.next_request
            .set((index + 1) % self.requests.len().max(1));
        let request = self.requests.get(index).map_or(&[][..], Vec::as_slice);
        let recorded = intended >= self.plan.warm_up;
        self.sent.set(self.sent.get() + u64::from(recorded));
        let sent = self.start.elapsed();
        let outcome = connection.send(request).await;
        let done = self.start.elapsed();
        // Do not retry in a busy loop.
        if matches!(outcome, RequestOutcome::ConnectionFailed(_)) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if recorded {
            self.last_done.set(self.last_done.get().max(done));
            let times = RequestTimes {
                intended,
                sent,
                done,
            };
            self.tally.borrow_mut().record(times, outcome)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_match_the_rate() {
        let end = Duration::from_secs(100);
        let even: Vec<_> = schedule(Arrivals::Even, 50.0, end).collect();
        assert!((4_998..=5_000).contains(&even.len()), "{}", even.len());
        let poisson: Vec<_> = schedule(Arrivals::Poisson, 50.0, end).collect();
        assert!(poisson.len().abs_diff(5_000) < 300, "{}", poisson.len());
        assert!(poisson.is_sorted());
        // The standard deviation of exponentially distributed gaps equals their mean.
        let gaps: Vec<f64> = poisson
            .windows(2)
            .map(|pair| pair[1].saturating_sub(pair[0]).as_secs_f64() * 50.0)
            .collect();
        let variance = gaps.iter().map(|gap| (gap - 1.0).powi(2)).sum::<f64>() / 5_000.0;
        assert!((variance - 1.0).abs() < 0.2, "{variance}");
    }
}
