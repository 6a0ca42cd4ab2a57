//! OS processes that the node starts: each has a time, and of what it says the end is kept, whatever the length.
//!
//! When the time is up, it is killed with all that it has started, its whole process group.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, PipeReader, Read as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// Of what one says, this much is kept in bytes …
const SAID_LEN_MAX: usize = 16 << 10;
/// … and this much shown, in lines and in characters of each.
const SHOWN_LINES: usize = 5;
const SHOWN_LINE_LEN: usize = 200;
/// How often its end is looked for while it says nothing …
const LOOK: Duration = Duration::from_millis(10);
/// … and when it has closed its output, which is its end as a rule.
const LAST_LOOK: Duration = Duration::from_millis(1);
/// How long a killed one may take to be gone.
const KILL_PATIENCE: Duration = Duration::from_secs(5);
/// How long to listen to one that has ended and whose output others hold open.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// See the file's head.
#[derive(Debug)]
pub(crate) struct OsProcess {
    child: Child,
    /// `None`: it has been read to its end.
    output: Option<PipeReader>,
    said: VecDeque<u8>,
}

impl OsProcess {
    /// Starts it, in a process group of its own. What it says comes here.
    ///
    /// # Errors
    /// It cannot be run.
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        let (output, input) = io::pipe()?;
        command.process_group(0).stdout(input.try_clone()?).stderr(input);
        // With the command goes this side's end of the input, or the output would never end.
        let child = command.spawn()?;
        Ok(Self { child, output: Some(output), said: VecDeque::new() })
    }

    /// Waits for its end. `None`: the time was up, and it is gone.
    ///
    /// # Errors
    /// It cannot be waited for, and was killed.
    pub(crate) fn end(&mut self, timeout: Duration) -> io::Result<Option<ExitStatus>> {
        let until = Instant::now() + timeout;
        let ended = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break Ok(Some(status)),
                Ok(None) if Instant::now() >= until => break self.kill().map(|()| None),
                Ok(None) => self.listen(),
                Err(error) => {
                    // What cannot be waited for must not go on either.
                    let _: io::Result<()> = self.kill();
                    break Err(error);
                }
            }
        };
        let until = Instant::now() + LAST_WORDS;
        while self.output.is_some() && Instant::now() < until {
            self.listen();
        }
        ended
    }

    fn kill(&mut self) -> io::Result<()> {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            // It may have ended just now; then there is none.
            let _: Result<(), _> = kill_process_group(group, Signal::KILL);
        }
        // Nothing but the kernel can hold what is killed.
        let until = Instant::now() + KILL_PATIENCE;
        while self.child.try_wait()?.is_none() && Instant::now() < until {
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Takes what is said within a short time; at the end of it, or when it cannot be read, the output is gone.
    fn listen(&mut self) {
        let Some(pipe) = &mut self.output else { return std::thread::sleep(LAST_LOOK) };
        let patience = Timespec { tv_sec: 0, tv_nsec: LOOK.subsec_nanos().into() };
        let ready = poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&patience));
        if !matches!(ready, Ok(1..)) {
            return;
        }
        let mut bytes = [0; 4096];
        match pipe.read(&mut bytes) {
            Ok(0) | Err(_) => self.output = None,
            Ok(len) => {
                self.said.extend(&bytes[..len]);
                let superfluous = self.said.len().saturating_sub(SAID_LEN_MAX);
                self.said.drain(..superfluous);
            }
        }
    }

    /// The last lines that it said, so far.
    pub(crate) fn last_lines(&self) -> Vec<String> {
        let bytes: Vec<u8> = self.said.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let printable = |line: &str| line.chars().filter(|c| !c.is_control()).take(SHOWN_LINE_LEN).collect::<String>();
        let lines: Vec<_> = text.lines().map(printable).filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].to_vec()
    }
}

/// How it ended, behind its name.
pub(crate) fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

/// What it said, behind how it ended.
pub(crate) fn shown(said: &[String]) -> impl fmt::Display + use<> {
    if said.is_empty() { String::new() } else { format!("; it said: {}", said.join(" | ")) }
}
