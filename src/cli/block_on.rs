//! Waits for calls of the archive, which commands make one at a time.

use std::future::Future;

use anyhow::Context;

/// Runs a call to its end.
pub(super) fn block_on<T, E>(call: impl Future<Output = Result<T, E>>) -> anyhow::Result<T>
where
    anyhow::Error: From<E>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .context("cannot start a runtime")?;
    Ok(runtime.block_on(call)?)
}
