//! From the start of an OS process to the first connection that its listener takes.

use super::report::{Better, Measurement};
use super::rounds::alternate;
use super::side::{Sides, Which};
use anyhow::{Context, Result, bail};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: u32 = 9;
const TIME_MAX: Duration = Duration::from_secs(30);
/// Not of those that the system gives to clients: a client that was given the port it connects to would reach itself.
const PORTS: Range<u16> = 20_000..30_000;
const LOOK: Duration = Duration::from_micros(200);

/// Measures.
pub(super) fn run(sides: &Sides) -> Result<Vec<Measurement>> {
    // Built, and read from the disk, before the time begins.
    listening(sides, Which::Ours)?;
    listening(sides, Which::Peer)?;
    let rounds = alternate(ROUNDS, |which| listening(sides, which))?;
    Ok(vec![Measurement::new("start_to_listening", "ms", Better::Less, &rounds)])
}

fn listening(sides: &Sides, which: Which) -> Result<f64> {
    let port = PORTS.clone().find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).context("a free port")?;
    let mut command = sides.command(which, port)?;
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let _started = Started(command.spawn()?);
    while begun.elapsed() < TIME_MAX {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(begun.elapsed().as_secs_f64() * 1e3);
        }
        std::thread::sleep(LOOK);
    }
    bail!("nobody listens after {TIME_MAX:?}");
}

/// Killed when dropped.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended already.
        let _: std::io::Result<()> = self.0.kill();
        let _: std::io::Result<std::process::ExitStatus> = self.0.wait();
    }
}
