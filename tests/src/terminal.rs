//! A program on a pseudo-terminal: what it shows, and keys for it.
//!
//! The terminal answers what line editors ask: where the cursor is. It is no controlling one, so Ctrl-C is a key and no signal.

use crate::cli::Cli;
use crate::wait;
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// For whatever has to be shown some time.
const LIMIT: Duration = Duration::from_secs(60);
/// What an editor asks, and the answer: in the first column of the first line.
const WHERE: &[u8] = b"\x1b[6n";
const HERE: &[u8] = b"\x1b[1;1R";

/// See the file's head.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keys: File,
    shown: Arc<Mutex<Vec<u8>>>,
    /// Shown up to here has been seen.
    seen: usize,
}

impl Terminal {
    /// Starts the command on a terminal of that size.
    ///
    /// # Errors
    /// When the system gives no terminal, or the command cannot be started.
    pub fn start(cli: Cli, columns: u16, rows: u16) -> Result<Self> {
        Self::of_kind("xterm", cli, columns, rows)
    }

    /// The same, on another kind of terminal.
    ///
    /// # Errors
    /// As `start`.
    pub fn of_kind(kind: &str, cli: Cli, columns: u16, rows: u16) -> Result<Self> {
        let own = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&own)?;
        unlockpt(&own)?;
        let name = ptsname(&own, Vec::new())?.into_string()?;
        let theirs = File::options().read(true).write(true).open(name)?;
        tcsetwinsize(&theirs, size(columns, rows))?;
        let mut command = cli.env("TERM", kind).into_command();
        command.stdin(Stdio::from(theirs.try_clone()?)).stdout(Stdio::from(theirs.try_clone()?)).stderr(theirs);
        let child = command.spawn().context("a program on a terminal")?;
        // The child alone holds the other end from here on: its end is the end of what is shown.
        drop(command);
        let keys = File::from(own);
        let shown = Arc::<Mutex<Vec<u8>>>::default();
        let (output, reply, into) = (keys.try_clone()?, keys.try_clone()?, Arc::clone(&shown));
        std::thread::spawn(move || show(output, reply, &into));
        Ok(Self { child, keys, shown, seen: 0 })
    }

    /// Presses keys.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Makes it another size, and tells the program, as a controlling terminal does.
    ///
    /// # Errors
    /// When the terminal or the program is gone.
    pub fn resize(&self, columns: u16, rows: u16) -> Result<()> {
        tcsetwinsize(&self.keys, size(columns, rows))?;
        Ok(kill_process(Pid::from_child(&self.child), Signal::WINCH)?)
    }

    /// Waits until this is shown, after what was waited for before. Returns what was shown up to it, without what moves the cursor.
    ///
    /// # Panics
    /// When it is not shown in time; with all that was.
    pub fn until(&mut self, text: &str) -> String {
        let found = wait::until(text, LIMIT, || {
            let shown = plain(&self.all()[self.seen..]);
            shown.find(text).map(|at| shown[..at + text.len()].to_owned())
        });
        let found = found.unwrap_or_else(|error| panic!("{error}; shown:\n{}", plain(&self.all())));
        self.seen = self.all().len();
        found
    }

    /// All that was shown.
    #[must_use]
    pub fn all(&self) -> Vec<u8> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The program's OS process.
    #[must_use]
    pub fn os_pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end of the program.
    ///
    /// # Errors
    /// When it goes on.
    pub fn ended(&mut self) -> Result<ExitStatus> {
        wait::until("the program's end", LIMIT, || self.child.try_wait().transpose())?.context("its exit status")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended.
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<ExitStatus> = self.child.wait();
    }
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn show(mut output: File, mut reply: File, into: &Mutex<Vec<u8>>) {
    let mut chunk = [0; 4096];
    // An error: nobody has the other end any more.
    while let Ok(len @ 1..) = output.read(&mut chunk) {
        let new = &chunk[..len];
        for _ in new.windows(WHERE.len()).filter(|window| *window == WHERE) {
            let _: std::io::Result<()> = reply.write_all(HERE);
        }
        into.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(new);
    }
}

/// Text without escape sequences.
#[must_use]
pub fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut plain = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\x1b' if rest.next_if_eq(&'[').is_some() => {
                // Parameters, then one letter.
                while rest.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
            }
            '\x1b' if rest.next_if_eq(&']').is_some() => while rest.next().is_some_and(|c| c != '\x07' && c != '\\') {},
            '\x1b' => drop(rest.next()),
            c => plain.push(c),
        }
    }
    plain
}
