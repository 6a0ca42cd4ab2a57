//! WebSocket clients that stay open for the whole run and number their messages.

use super::outcome::Failure;
use super::{Harvest, Run};
use crate::websocket::{Frame, WebSocket};
use std::time::{Duration, Instant};

/// Messages under way at once, so that one lost or doubled shows as a gap.
const AHEAD: u64 = 3;
/// Rest after a failure.
const AFTER_FAILURE: Duration = Duration::from_millis(5);

/// Runs until the load stops; a connection that fails is a failure, and a new one takes its place.
pub(super) fn run(run: &Run, number: u32) -> Harvest {
    let mut harvest = Harvest::default();
    while !run.stopped() {
        if let Err(failure) = session(run, number, &mut harvest) {
            harvest.tally.fail(&failure, "echo");
            std::thread::sleep(AFTER_FAILURE);
        }
    }
    harvest
}

fn session(run: &Run, number: u32, harvest: &mut Harvest) -> Result<(), Failure> {
    let mut socket = WebSocket::open(run.address, "/ws/echo")?;
    harvest.tally.connections += 1;
    let mut next = 0;
    while !run.stopped() {
        let sent = Instant::now();
        for ahead in 0..AHEAD {
            socket.send_text(&message(number, next + ahead))?;
        }
        for _ in 0..AHEAD {
            let right = message(number, next);
            match socket.receive()? {
                Frame::Text(text) if text == right => {}
                other => return Err(Failure::WrongAnswer(format!("{} instead of message {next}", other.short()))),
            }
            harvest.tally.ok += 1;
            harvest.tally.latency.record(sent.elapsed());
            next += 1;
        }
        run.rest();
    }
    socket.close()
}

/// A numbered message; every 50th is too long for the short forms of a frame's length.
fn message(number: u32, sequence: u64) -> String {
    let padding = match sequence % 50 {
        0 => 70_000,
        25 => 300,
        _ => 0,
    };
    format!("client {number} message {sequence} {}", "x".repeat(padding))
}
