//! A console's talk: its lines in, its evaluator's lines out. The session ends with the client; nothing of it stays.

use super::evaluator::Evaluator;
use super::{Tools, exported, functions};
use crate::protocol::{ConsoleInput, ConsoleOutput, REQUEST_LEN_MAX};
use crate::timely::Timely;
use serde::Serialize;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// The evaluator's stack: expressions nest.
const STACK_LEN: usize = 8 << 20;

/// What the evaluator is to do.
type Wish = (String, Option<Duration>);

/// What the reader and the evaluator tell each other.
#[derive(Debug, Default)]
struct Shared {
    /// An evaluation lasts: from when it is taken until it has come to something.
    is_busy: AtomicBool,
    /// It is to end. Set while one lasts, or for good.
    interrupted: Arc<AtomicBool>,
}

/// Serves a console until its client hangs up; what it sends comes from `reader`, which may have some of it already. A line that has begun has to be
/// complete within `patience`, and taken within it.
pub(crate) fn serve(
    stream: &UnixStream,
    mut reader: BufReader<Timely<'_>>,
    patience: Duration,
    name: &str,
    version: &str,
    tools: &Tools,
) -> io::Result<()> {
    let (name, version) = (name.to_owned(), version.to_owned());
    let functions = [functions::names(), exported::names(tools)].concat();
    write(stream, patience, &ConsoleOutput::Ready { name, version, functions })?;
    let shared = Arc::<Shared>::default();
    // One at a time: there is room for it when none lasts.
    let (wishes, wished) = sync_channel::<Wish>(1);
    let (output, tools, with) = (stream.try_clone()?, tools.clone(), Arc::clone(&shared));
    let evaluate = move || evaluate(&output, patience, &tools, &with, &wished);
    let evaluator = std::thread::Builder::new().name("console".to_owned()).stack_size(STACK_LEN).spawn(evaluate)?;
    let read = read(stream, &mut reader, patience, &wishes, &shared);
    shared.interrupted.store(true, Ordering::SeqCst);
    drop(wishes);
    // It ends at its next operation.
    let _: std::thread::Result<()> = evaluator.join();
    read
}

fn evaluate(output: &UnixStream, patience: Duration, tools: &Tools, shared: &Shared, wished: &Receiver<Wish>) {
    let Ok(printer) = output.try_clone().map(Arc::new) else { return };
    let interrupted = Arc::clone(&shared.interrupted);
    let say = move |text: &str| {
        if write(&printer, patience, &ConsoleOutput::Printed { text: text.to_owned() }).is_err() {
            // Nobody reads it, and nothing that comes after it.
            interrupted.store(true, Ordering::SeqCst);
            let _: io::Result<()> = printer.shutdown(std::net::Shutdown::Both);
        }
    };
    let mut evaluator = Evaluator::new(tools, Arc::clone(&shared.interrupted), say);
    for (text, time) in wished {
        let come_to = evaluator.evaluate(&text, time);
        shared.is_busy.store(false, Ordering::SeqCst);
        if write(output, patience, &come_to).is_err() {
            // The reader hears of the end.
            let _: io::Result<()> = output.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

/// The client's lines, to their end.
fn read(
    stream: &UnixStream,
    reader: &mut BufReader<Timely<'_>>,
    patience: Duration,
    wishes: &SyncSender<Wish>,
    shared: &Shared,
) -> io::Result<()> {
    while let Some(line) = line(reader, patience)? {
        let refused = match serde_json::from_slice(&line) {
            Ok(ConsoleInput::Interrupt) => {
                let is_busy = shared.is_busy.load(Ordering::SeqCst);
                shared.interrupted.store(is_busy, Ordering::SeqCst);
                None
            }
            Ok(ConsoleInput::Eval { text, timeout_ms }) => {
                hand_on(wishes, shared, (text, timeout_ms.map(Duration::from_millis)))
            }
            Err(error) => Some(format!("the line is not understood: {error}")),
        };
        if let Some(message) = refused {
            write(stream, patience, &ConsoleOutput::Failed { message, is_interrupted: false })?;
        }
    }
    Ok(())
}

/// Why it is not taken, if it is not.
fn hand_on(wishes: &SyncSender<Wish>, shared: &Shared, wish: Wish) -> Option<String> {
    if shared.is_busy.load(Ordering::SeqCst) {
        return Some("another evaluation lasts; interrupt it first".to_owned());
    }
    // An interrupt that came too late for the one before is not for this one.
    shared.interrupted.store(false, Ordering::SeqCst);
    shared.is_busy.store(true, Ordering::SeqCst);
    wishes.try_send(wish).err().map(|_| "the session ends".to_owned())
}

/// The next line, however long nothing comes. `None`: the client has hung up between two.
fn line(reader: &mut BufReader<Timely<'_>>, patience: Duration) -> io::Result<Option<Vec<u8>>> {
    reader.get_mut().give(None);
    if reader.fill_buf()?.is_empty() {
        return Ok(None);
    }
    reader.get_mut().give(Some(patience));
    let mut line = Vec::new();
    reader.take(REQUEST_LEN_MAX).read_until(b'\n', &mut line)?;
    if line.ends_with(b"\n") { Ok(Some(line)) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn write(stream: &UnixStream, patience: Duration, output: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(output)?;
    line.push(b'\n');
    Timely::within(stream, patience).write_all(&line)
}
