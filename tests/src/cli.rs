//! Calls a command as a person or a script would, and keeps what it said.

use crate::{schema, wait, workspace};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// No command takes longer; builds of all dependencies included.
const TIME_MAX: Duration = Duration::from_secs(600);

/// Variables of the test's own surroundings that a command must not see.
const FORGOTTEN: &[&str] = &[
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MANIFEST_DIR",
    "CARGO_SYSTEM_LOG_FORMAT",
    "CARGO_SYSTEM_METRICS",
    "CARGO_SYSTEM_NODE",
    "CARGO_SYSTEM_SSH",
    "CARGO_TARGET_DIR",
    "CI",
    "GITHUB_ACTIONS",
    "GITHUB_OUTPUT",
    "GITHUB_STEP_SUMMARY",
    "NOTIFY_SOCKET",
    "PORT",
    "RUSTFLAGS",
    "RUST_BACKTRACE",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

/// A command to be called.
#[derive(Debug)]
pub struct Cli {
    command: Command,
}

/// What a command left.
#[derive(Clone, Debug)]
pub struct Said {
    /// The exit code; 128 + n after signal n.
    pub code: i32,
    /// Results.
    pub stdout: String,
    /// Progress and errors.
    pub stderr: String,
}

impl Cli {
    /// `cargo-system …`
    ///
    /// # Errors
    /// When the binary under test does not build.
    pub fn new<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<Self> {
        Ok(Self::of(&workspace::binary()?).args(arguments))
    }

    /// Another program.
    #[must_use]
    pub fn of(program: &Path) -> Self {
        let mut command = Command::new(program);
        let ours = std::env::vars_os().map(|(key, _)| key).filter(|key| {
            let key = key.to_string_lossy();
            FORGOTTEN.contains(&&*key) || key.starts_with("CARGO_PKG_") || key.starts_with("NEXTEST")
        });
        for key in ours {
            command.env_remove(key);
        }
        command.env("NO_COLOR", "1").stdin(Stdio::null());
        Self { command }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Takes a variable away.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        self.command.env_remove(key);
        self
    }

    /// Calls it in this folder.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// The command itself, for what only a test needs.
    #[must_use]
    pub fn into_command(self) -> Command {
        self.command
    }

    /// Calls it and waits for its end. What it prints with `--json` is held against the schema.
    ///
    /// # Errors
    /// When it cannot be started, does not end in time (then it is killed), or prints what the schema does not know, or another exit code than its own.
    pub fn run(mut self) -> Result<Said> {
        let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
        self.command.stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
        let mut child = self.command.spawn().with_context(|| format!("{:?}", self.command))?;
        let ended = wait::until("the end of a command", TIME_MAX, || child.try_wait().transpose());
        let status = ended.inspect_err(|_| {
            // It may have ended just now.
            let _: std::io::Result<()> = child.kill();
        });
        let status = status.with_context(|| format!("{:?}", self.command))??;
        let signal = std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or_default();
        let code = status.code().unwrap_or(128 + signal);
        let said = Said { code, stdout: whole(&mut stdout)?, stderr: whole(&mut stderr)? };
        if self.command.get_args().any(|argument| argument == "--json") {
            let spoken_of = schema::check(&said.stdout).with_context(|| format!("{:?}", self.command))?;
            ensure!(
                spoken_of.is_none_or(|spoken_of| spoken_of == i64::from(code)),
                "{spoken_of:?} is said, it ended with {code}"
            );
        }
        Ok(said)
    }

    /// Calls it and insists on its exit code.
    ///
    /// # Panics
    /// When it exits otherwise; with all that it said.
    #[must_use]
    #[track_caller]
    pub fn expect(self, code: i32) -> Said {
        let shown = format!("{:?}", self.command);
        let said = self.run().expect("a command that can be called");
        assert_eq!(
            said.code, code,
            "{shown}\nended with {} instead of {code}\n--- stdout\n{}\n--- stderr\n{}",
            said.code, said.stdout, said.stderr
        );
        said
    }
}

impl Said {
    /// Standard output, one JSON value a line.
    ///
    /// # Panics
    /// When a line is no JSON.
    #[must_use]
    pub fn json_lines(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
        self.stdout.lines().filter(|line| !line.trim().is_empty()).map(parse).collect()
    }

    /// The last JSON value of standard output: the result.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn json(&self) -> Value {
        self.json_lines().pop().unwrap_or_else(|| panic!("no JSON on stdout; stderr:\n{}", self.stderr))
    }

    /// The line of standard error that begins with `error: `, without it, and the hint's if there is one.
    #[must_use]
    pub fn complaint(&self) -> (Option<&str>, Option<&str>) {
        let line = |prefix| self.stderr.lines().rev().find_map(move |line| line.trim_start().strip_prefix(prefix));
        (line("error: "), line("hint: "))
    }
}

fn whole(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
