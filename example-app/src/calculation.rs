//! A calculation is a process of its own: it may take long, loop for ever or panic, and only it suffers.

use crate::sum::sum;
use futures_channel::oneshot;
use plugin_abi::{Pid, SpawnError, kill, spawn};

/// Starts a calculation; `done` gets the sum, in the calculation's process.
pub(crate) fn start(n: i64, done: impl FnOnce(i128) + Send + 'static) -> Result<Pid, SpawnError> {
    spawn(async move { done(sum(n)) })
}

/// Calculates and waits. `None`: the calculation died. Dropped while it waits, it kills the calculation.
pub(crate) async fn run(n: i64) -> Result<Option<i128>, SpawnError> {
    let (sender, receiver) = oneshot::channel();
    // Nobody may wait any more.
    let calculation = start(n, move |sum| _ = sender.send(sum))?;
    let _calculation = KilledOnDrop(calculation);
    Ok(receiver.await.ok())
}

struct KilledOnDrop(Pid);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        kill(self.0);
    }
}
