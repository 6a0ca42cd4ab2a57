//! Foreign code that has limited time: it runs on a thread of its own, which is left alone when the time is up.

use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

/// What `act` gives; or why it gives nothing in time. What comes too late is dropped by its own thread.
pub(super) fn within<T: Send + 'static>(
    time: Duration,
    what: &str,
    act: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let (done, wait) = sync_channel(1);
    let thread = thread::Builder::new().name(what.to_owned());
    // Nobody waits any more for what cannot be sent.
    let thread = thread.spawn(move || drop(done.send(act())));
    thread.map_err(|error| format!("the system gives no thread for it: {error}"))?;
    wait.recv_timeout(time).map_err(|error| match error {
        std::sync::mpsc::RecvTimeoutError::Timeout => format!("it has not come back within {time:?}"),
        std::sync::mpsc::RecvTimeoutError::Disconnected => "it has panicked: the log says how".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_in_time_is_given_and_nobody_waits_for_the_rest() {
        assert_eq!(within(Duration::from_secs(60), "quick", || 7), Ok(7));
        let (hold, held) = sync_channel::<()>(0);
        let late = within(Duration::from_millis(1), "late", move || held.recv().is_ok());
        assert_eq!(late, Err("it has not come back within 1ms".to_owned()));
        drop(hold);
        let broken: Result<(), _> = within(Duration::from_secs(60), "broken", || panic!("on purpose"));
        assert_eq!(broken, Err("it has panicked: the log says how".to_owned()));
    }
}
