//! Builds a plugin by cargo, with a profile of our own that is given on the command line: the user's Cargo.toml stays as it is.

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::workspace::Plugin;
use cargo_metadata::{Message, TargetKind};
use std::ffi::OsString;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What a build is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be upgraded again and again: optimised and incremental.
    Upgrade,
    /// To be shipped: optimised as a whole.
    Release,
}

impl Purpose {
    fn profile(self) -> &'static str {
        match self {
            Self::Upgrade => "system-upgrade",
            Self::Release => "system-release",
        }
    }

    /// The profile's settings, as `--config` takes them. Measured: see docs/benchmarks.md.
    fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Upgrade => &[
                "inherits=\"release\"",
                "incremental=true",
                "codegen-units=256",
                "debug=\"line-tables-only\"",
                "lto=\"off\"",
                "panic=\"unwind\"",
                "strip=\"none\"",
            ],
            Self::Release => {
                &["inherits=\"release\"", "debug=\"line-tables-only\"", "panic=\"unwind\"", "strip=\"none\""]
            }
        }
    }
}

/// Builds the plugin and returns the shared object's path. cargo's own words go to stderr.
pub(crate) fn build(plugin: &Plugin, purpose: Purpose) -> Result<PathBuf, Failure> {
    let failed = |error: std::io::Error| Failure::error(format!("cargo cannot be run: {error}"));
    let mut child = command(plugin, purpose).stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut object = None;
    if let Some(stdout) = child.stdout.take() {
        for message in Message::parse_stream(BufReader::new(stdout)) {
            if let Ok(Message::CompilerArtifact(artifact)) = message
                && artifact.manifest_path.as_std_path() == plugin.manifest_path
                && artifact.target.kind.contains(&TargetKind::CDyLib)
            {
                let is_object = |path: &&cargo_metadata::camino::Utf8PathBuf| path.extension() == Some("so");
                object = artifact.filenames.iter().find(is_object).cloned();
            }
        }
    }
    let status = child.wait().map_err(failed)?;
    if !status.success() {
        return Err(Failure::new(ExitCode::Refused, format!("the build of {} failed", plugin.name)));
    }
    let none = || Failure::error(format!("cargo built no shared object for {}", plugin.name));
    object.map(cargo_metadata::camino::Utf8PathBuf::into_std_path_buf).ok_or_else(none)
}

fn command(plugin: &Plugin, purpose: Purpose) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.arg("build").arg("--lib").arg("--manifest-path").arg(&plugin.manifest_path);
    command.args(["--message-format=json-render-diagnostics", "--profile", purpose.profile()]);
    for setting in purpose.settings() {
        command.arg("--config").arg(format!("profile.{}.{setting}", purpose.profile()));
    }
    frame_pointers(&mut command);
    command.stdin(Stdio::null());
    command
}

/// Stacks can be walked cheaply. `RUSTFLAGS`, where it is set, hides every configured flag: then it is added to.
fn frame_pointers(command: &mut Command) {
    const FLAG: &str = "-Cforce-frame-pointers=yes";
    let own = |name: &str, separator: &str| {
        let mut flags: OsString = std::env::var_os(name).filter(|flags| !flags.is_empty())?;
        flags.push(separator);
        flags.push(FLAG);
        Some(flags)
    };
    if let Some(flags) = own("CARGO_ENCODED_RUSTFLAGS", "\u{1f}") {
        command.env("CARGO_ENCODED_RUSTFLAGS", flags);
    } else if let Some(flags) = own("RUSTFLAGS", " ") {
        command.env("RUSTFLAGS", flags);
    } else {
        command.arg("--config").arg(format!("target.'cfg(all())'.rustflags=[\"{FLAG}\"]"));
    }
}
