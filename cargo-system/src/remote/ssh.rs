//! Calls of the system's `ssh`: the user's configuration, agent and known hosts count, and nothing here weakens what ssh checks.
//!
//! ```text
//! call ─► ssh ─┬─► the first one stays as the connection of all (ControlMaster), as long as this is not dropped, and 30 s longer if it is killed
//!              ├─► ends: what the remote command ended with
//!              └─► 255, killed, or nothing has moved for too long: lost
//! ```
//!
//! No call waits without an end: a connection is made within [`CONNECT_S`], one that is dead is noticed within three times [`ALIVE_S`], and each call says
//! how long it may be silent. Where nobody can be asked for a password, ssh is told so.

use super::address::Address;
use super::script;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, More};
use crate::interrupt;
use crate::output;
use anyhow::Context as _;
use rustix::process::{Pid, Signal};
use std::borrow::Borrow;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The command to call instead of `ssh`, with arguments if need be, as a shell reads it.
const VARIABLE: &str = "CARGO_SYSTEM_SSH";
/// What ssh ends with when it has failed itself.
const SSH_FAILED: i32 = 255;
/// What shells end with when a command cannot be called …
const NOT_EXECUTABLE: u8 = 126;
/// … or is not there.
const NOT_FOUND: u8 = 127;
/// A connection stands within this time.
const CONNECT_S: u32 = 10;
/// The other side is asked so often whether it is still there, and three times in vain at the most.
const ALIVE_S: u32 = 5;
/// The shared connection ends by itself so long after the last call, if nobody has ended it.
const PERSIST_S: u32 = 30;
/// A Unix socket's path has 107 bytes, of which ssh takes 17 while it makes one.
const SOCKET_PATH_MAX: usize = 90;
/// No line of an answer is longer.
const LINE_LEN_MAX: u64 = 16 << 20;
/// Lines that wait to be looked at.
const LINES_MAX: usize = 64;
/// So much is kept of what is said on standard error, from its end.
const SAID_LEN_MAX: usize = 16 << 10;
/// Who has ended has said all that it says within this time.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// See the file's head.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) address: Address,
    /// Where the shared connection's socket is; `None`: each call is a connection of its own, as the user's configuration has it.
    place: Option<TempDir>,
}

/// How a call ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The remote command's exit code, and what was said on standard error.
    Code(u8, String),
    /// ssh itself failed, or was given up: why.
    Lost(String),
}

/// What comes in while a call goes on.
pub(crate) enum News {
    Line(String),
    /// So many bytes were sent so far.
    Sent(u64),
}

/// A call that has been started.
struct Running {
    child: Child,
    said: Arc<Mutex<Vec<u8>>>,
    listener: JoinHandle<()>,
}

impl Connection {
    /// For many calls. Nothing is called yet.
    pub(crate) fn shared(address: &Address) -> Result<Self, Failure> {
        let place = tempfile::Builder::new().prefix("csys-ssh-").tempdir().context("there is no place for a socket")?;
        let is_short = place.path().as_os_str().len() + "/s".len() <= SOCKET_PATH_MAX;
        Ok(Self { address: address.clone(), place: Some(place).filter(|_| is_short) })
    }

    /// For one.
    pub(crate) fn single(address: &Address) -> Self {
        Self { address: address.clone(), place: None }
    }

    /// Calls a script that reads `input` and answers in lines. It may be silent for so long.
    pub(super) fn call(
        &self,
        script: &str,
        arguments: &[impl Borrow<str>],
        input: impl Read + Send + 'static,
        patience: Duration,
        on_news: &mut dyn FnMut(News),
    ) -> Result<Ended, Failure> {
        interrupt::check()?;
        let mut ssh = self.ssh("-T");
        ssh.arg(script::command(script, &[], arguments));
        let mut running = Running::start(ssh)?;
        let sent = Arc::new(AtomicU64::new(0));
        let (to, counter) = (running.child.stdin.take(), Arc::clone(&sent));
        // Both end with the call.
        std::thread::spawn(move || to.map(|to| write(input, to, &counter)));
        let (lines, read) = sync_channel(LINES_MAX);
        let from = running.child.stdout.take();
        std::thread::spawn(move || from.map(|from| read_lines(from, &lines)));
        let (mut last, mut moved) = (Instant::now(), 0);
        loop {
            match read.recv_timeout(interrupt::LOOK) {
                Ok(line) => {
                    last = Instant::now();
                    on_news(News::Line(line));
                }
                Err(RecvTimeoutError::Timeout) => on_news(News::Sent(sent.load(Ordering::Relaxed))),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if sent.load(Ordering::Relaxed) > moved {
                (last, moved) = (Instant::now(), sent.load(Ordering::Relaxed));
            }
            if interrupt::happened() {
                running.kill();
                return Err(interrupt::failure());
            }
            if last.elapsed() >= patience {
                running.kill();
                return Ok(Ended::Lost(format!("nothing has moved for {patience:?}")));
            }
        }
        running.ended(patience)
    }

    /// Calls a script whose streams are ours; `is_watched`: it reads nothing, and ends with us. Returns its exit code.
    ///
    /// # Errors
    /// ssh itself failed. What it said stands on standard error.
    pub(super) fn pass(
        &self,
        script: &str,
        arguments: &[String],
        is_terminal: bool,
        is_watched: bool,
    ) -> Result<u8, Failure> {
        let mut ssh = self.ssh(if is_terminal { "-t" } else { "-T" });
        ssh.arg(script::command(script, &surroundings(), arguments)).stdin(Stdio::inherit()).stdout(Stdio::inherit());
        if is_watched {
            // Never written to, and closed with this process, however that ends.
            ssh.stdin(Stdio::piped());
        }
        let mut running = Running::start_shown(ssh)?;
        let status = loop {
            if let Some(status) = running.child.try_wait().context("ssh cannot be waited for")? {
                break status;
            }
            // On a terminal, Ctrl-C is a key for the other side; else it ends ssh as well, and if it was for us alone, now.
            if interrupt::happened() {
                running.stop();
                return Err(interrupt::failure());
            }
            std::thread::sleep(interrupt::LOOK / 10);
        };
        match running.conclude(status) {
            // No shell, here or there.
            Ended::Code(NOT_EXECUTABLE | NOT_FOUND, said) => Err(self.failed(&said)),
            Ended::Code(code, _) => Ok(code),
            Ended::Lost(_) if interrupt::happened() => Err(interrupt::failure()),
            Ended::Lost(said) => Err(self.failed(&said)),
        }
    }

    /// ssh has not come to call anything.
    pub(crate) fn failed(&self, said: &str) -> Failure {
        let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
        let last = lines.next_back().unwrap_or("it did not say why");
        let details = lines.next().is_some().then(|| said.trim().into());
        let failure = Failure::error(format!("{} cannot be reached: {last}", self.address));
        Failure { more: Box::new(More { details, ..More::default() }), ..failure }
            .hint(format!("ssh has to get there by itself: try it by hand, {}", self.address.by_hand()))
    }

    fn ssh(&self, terminal: &str) -> Command {
        let mut ssh = ssh();
        ssh.arg(terminal);
        let options = [("ConnectTimeout", CONNECT_S), ("ServerAliveInterval", ALIVE_S), ("ServerAliveCountMax", 3)];
        for (option, value) in options {
            ssh.arg("-o").arg(format!("{option}={value}"));
        }
        if !can_ask() {
            ssh.args(["-o", "BatchMode=yes"]);
        }
        if let Some(socket) = self.socket() {
            ssh.args(["-o", "ControlMaster=auto", "-o"])
                .arg(format!("ControlPersist={PERSIST_S}"))
                .arg("-S")
                .arg(socket);
        }
        self.to(ssh)
    }

    /// Adds where to.
    fn to(&self, mut ssh: Command) -> Command {
        let Address { user, host, port, .. } = &self.address;
        if let Some(user) = user {
            ssh.args(["-l", user]);
        }
        if let Some(port) = port {
            ssh.args(["-p", &port.to_string()]);
        }
        // Behind `--` nothing is an option.
        ssh.args(["--", host]);
        ssh
    }

    /// As ssh takes it: it replaces what stands behind a percent sign.
    fn socket(&self) -> Option<PathBuf> {
        let path = self.place.as_ref()?.path().join("s");
        Some(path.to_str()?.replace('%', "%%").into())
    }
}

impl Drop for Connection {
    /// The shared connection ends.
    fn drop(&mut self) {
        let is_there = self.place.as_ref().is_some_and(|place| place.path().join("s").exists());
        let Some(socket) = self.socket().filter(|_| is_there) else { return };
        let mut ssh = ssh();
        ssh.arg("-S").arg(socket).args(["-O", "exit"]);
        let mut ssh = self.to(ssh);
        ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // If it cannot be told, it ends by itself.
        if let Ok(mut child) = ssh.spawn() {
            let until = Instant::now() + LAST_WORDS;
            while matches!(child.try_wait(), Ok(None)) && Instant::now() < until {
                std::thread::sleep(interrupt::LOOK / 10);
            }
            end(&mut child);
        }
    }
}

impl Running {
    fn start(mut ssh: Command) -> Result<Self, Failure> {
        ssh.stdin(Stdio::piped()).stdout(Stdio::piped());
        Self::spawn(ssh, |_| ())
    }

    /// What is said on standard error is shown as it comes.
    fn start_shown(ssh: Command) -> Result<Self, Failure> {
        Self::spawn(ssh, |bytes| {
            // Whoever does not read it does not want it.
            let _: io::Result<()> = io::stderr().lock().write_all(bytes);
        })
    }

    fn spawn(mut ssh: Command, show: impl Fn(&[u8]) + Send + 'static) -> Result<Self, Failure> {
        let mut child = ssh.stderr(Stdio::piped()).spawn().map_err(|error| {
            Failure::error(format!("ssh cannot be called: {error}"))
                .hint(format!("install an OpenSSH client, or name another command in {VARIABLE}"))
        })?;
        let said = Arc::<Mutex<Vec<u8>>>::default();
        let (from, into) = (child.stderr.take(), Arc::clone(&said));
        let listener = std::thread::spawn(move || {
            if let Some(from) = from {
                listen(from, &into, show);
            }
        });
        Ok(Self { child, said, listener })
    }

    fn kill(&mut self) {
        end(&mut self.child);
    }

    /// Asks it to end, so that it gives the terminal back as it found it; then it is killed.
    fn stop(&mut self) {
        // It may have ended; not yet waited for, its number is its own.
        let _: Result<(), _> = rustix::process::kill_process(Pid::from_child(&self.child), Signal::TERM);
        let until = Instant::now() + LAST_WORDS;
        while Instant::now() < until && self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            std::thread::sleep(interrupt::LOOK / 10);
        }
        self.kill();
    }

    /// It has said all, and ends.
    fn ended(mut self, patience: Duration) -> Result<Ended, Failure> {
        let until = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().context("ssh cannot be waited for")? {
                return Ok(self.conclude(status));
            }
            if interrupt::happened() || Instant::now() >= until {
                self.kill();
                interrupt::check()?;
                return Ok(Ended::Lost(format!("it has not ended within {patience:?}")));
            }
            std::thread::sleep(interrupt::LOOK / 10);
        }
    }

    fn conclude(self, status: ExitStatus) -> Ended {
        // A connection that goes on in the background may hold the pipe's other end.
        let until = Instant::now() + LAST_WORDS;
        while !self.listener.is_finished() && Instant::now() < until {
            std::thread::sleep(interrupt::LOOK / 10);
        }
        let said = String::from_utf8_lossy(&self.said.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
        match status.code() {
            Some(SSH_FAILED) => Ended::Lost(said),
            Some(code) => Ended::Code(u8::try_from(code).unwrap_or(ExitCode::Error as u8), said),
            None => Ended::Lost(format!("ssh ended with {status}")),
        }
    }
}

/// The command, with the arguments that its variable gives it.
fn ssh() -> Command {
    match std::env::var_os(VARIABLE).filter(|command| !command.is_empty()) {
        Some(mut command) => {
            command.push(" \"$@\"");
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(command).arg("ssh");
            shell
        }
        None => Command::new("ssh"),
    }
}

/// Is there somebody to ask for a password, or whether a host is the right one?
fn can_ask() -> bool {
    !output::is_set("CI") && File::open("/dev/tty").is_ok()
}

/// What changes how a command speaks: the other side shows things to whoever looks here.
fn surroundings() -> Vec<(&'static str, String)> {
    let known = ["CI", "GITHUB_ACTIONS", "NO_COLOR"].map(|name| (name, std::env::var(name).ok()));
    known.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?))).collect()
}

fn end(child: &mut Child) {
    // It may have ended.
    let _: io::Result<()> = child.kill();
    let _: io::Result<ExitStatus> = child.wait();
}

/// Until there is no more, or nobody takes it any more: the exit code says which.
fn write(mut from: impl Read, mut to: impl io::Write, sent: &AtomicU64) {
    let mut piece = vec![0; 32 << 10];
    while let Ok(len @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..len]).is_err() {
            return;
        }
        sent.fetch_add(len as u64, Ordering::Relaxed);
    }
}

fn read_lines(from: impl Read, to: &SyncSender<String>) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while let Ok(1..) = (&mut from).take(LINE_LEN_MAX).read_until(b'\n', &mut line) {
        let text = String::from_utf8_lossy(&line);
        if to.send(text.trim_end_matches(['\n', '\r']).to_owned()).is_err() {
            return;
        }
        line.clear();
    }
}

fn listen(mut from: impl Read, into: &Mutex<Vec<u8>>, show: impl Fn(&[u8])) {
    let mut piece = [0; 4096];
    while let Ok(len @ 1..) = from.read(&mut piece) {
        show(&piece[..len]);
        let mut said = into.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend_from_slice(&piece[..len]);
        let more = said.len().saturating_sub(SAID_LEN_MAX);
        said.drain(..more);
    }
}
