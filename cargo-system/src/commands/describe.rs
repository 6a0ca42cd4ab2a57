//! `describe`: what a plugin declares when it is initialised. It is asked in an OS process of its own, since that runs its code.

use crate::failure::Failure;
use crate::{interrupt, output};
use runtime::node;
use runtime::protocol::DeclaredListener;
use serde::{Deserialize, Serialize};
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A plugin that is not initialised by then is not described.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(10);
/// No answer is longer, in bytes.
const ANSWER_LEN_MAX: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Described {
    listeners: Vec<DeclaredListener>,
}

/// The command itself.
pub(super) fn describe(file: &Path, begin: bool) -> Result<(), Failure> {
    let mut config = Vec::new();
    if begin {
        let read = std::io::stdin().read_to_end(&mut config);
        read.map_err(|error| Failure::error(format!("the configuration cannot be read: {error}")))?;
    }
    let listeners = node::describe(file, begin.then_some(&config)).map_err(Failure::error)?;
    output::inner(&Described { listeners });
    Ok(())
}

/// Has another OS process describe the file. Its last words are the reason when it cannot.
pub(super) fn ask(file: &Path) -> Result<Vec<DeclaredListener>, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let (mut output, mut errors) = (file_of_its_own()?, file_of_its_own()?);
    let mut command = Command::new(own);
    command.arg("describe").arg(file).stdin(Stdio::null());
    command.stdout(output.try_clone().map_err(|error| error.to_string())?);
    command.stderr(errors.try_clone().map_err(|error| error.to_string())?);
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let ended = wait(&mut child);
    if ended? {
        let answer = text(&mut output);
        let described: Described = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
        return Ok(described.listeners);
    }
    let said = text(&mut errors);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it did not say why");
    Err(last.trim_start_matches("error: ").to_owned())
}

fn file_of_its_own() -> Result<std::fs::File, String> {
    tempfile::tempfile().map_err(|error| error.to_string())
}

/// Whether it ended well; within its time, or it is killed.
fn wait(child: &mut Child) -> Result<bool, String> {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(status.success());
        }
        if Instant::now() >= until || interrupt::happened() {
            // It may have ended just now.
            let _: std::io::Result<()> = child.kill();
            let _: std::io::Result<_> = child.wait();
            return Err(format!("its initialisation has not ended within {PATIENCE:?}"));
        }
        std::thread::sleep(LOOK);
    }
}

fn text(file: &mut std::fs::File) -> String {
    use std::io::Seek as _;
    let mut bytes = Vec::new();
    // What cannot be read is as good as not said.
    let _: std::io::Result<usize> = file.rewind().and_then(|()| file.take(ANSWER_LEN_MAX).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}
