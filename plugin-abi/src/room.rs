//! Sends that wait for room in a bounded mailbox.
//!
//! ```text
//! send ─┬─ taken, or refused for another reason ─► done
//!       └─ full ─► gives way, then pauses of twice the length each time, to [`PAUSE_MAX`] ─► sends again, until the time is up
//! ```
//!
//! Who waits is in no queue: nobody is woken for room, which costs those nothing who do not wait; and when there is some, whoever tries first
//! has it.

use crate::mailbox::{Address, SendError};
use crate::message::Message;
use crate::process::yield_now;
use crate::time::{after, sleep};
use std::time::{Duration, Instant};

const PAUSE_MIN: Duration = Duration::from_micros(50);
const PAUSE_MAX: Duration = Duration::from_millis(5);

impl<M: Message> Address<M> {
    /// Sends a message, and waits for room in a full mailbox, for so long at the most: a receiver that is slow slows its senders down. Two
    /// messages of one sender come in their order; between several that wait there is none. Dropped while it waits, it drops the message.
    ///
    /// # Errors
    /// See [`SendError`]; the message comes back. [`SendError::Full`]: the time was up.
    pub async fn send_within(&self, time: Duration, message: M) -> Result<(), SendError<M>> {
        let deadline = after(time);
        let (mut message, mut pause) = (message, Duration::ZERO);
        loop {
            message = match self.send(message) {
                Err(SendError::Full(message)) => message,
                done => return done,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(SendError::Full(message));
            }
            if pause.is_zero() {
                yield_now().await;
            } else {
                sleep(pause.min(left)).await;
            }
            pause = (2 * pause).clamp(PAUSE_MIN, PAUSE_MAX);
        }
    }
}
