//! Builds a plugin by cargo, with a profile of our own that is given on the command line: the user's Cargo.toml stays as it is.

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::origin::Origin;
use crate::progress::Heartbeat;
use crate::workspace::{Application, Plugin};
use crate::{hints, interrupt, rustflags};
use cargo_metadata::camino::Utf8PathBuf;
use cargo_metadata::{Message, TargetKind};
use runtime::image::TARGET;
use rustix::process::{Pid, Signal};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};

/// What a build is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose<'a> {
    /// To be upgraded again and again: optimised and incremental.
    Upgrade,
    /// To be shipped: optimised as a whole, and without a folder of this machine in it.
    Release(&'a Origin),
}

impl Purpose<'_> {
    fn profile(self) -> &'static str {
        match self {
            Self::Upgrade => "system-upgrade",
            Self::Release(_) => "system-release",
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
            Self::Release(_) => &[
                "inherits=\"release\"",
                "codegen-units=1",
                "debug=\"line-tables-only\"",
                "panic=\"unwind\"",
                "strip=\"none\"",
            ],
        }
    }
}

/// Builds an application's plugins, one after the other, and returns their shared objects' paths, in its order. cargo's own words go to stderr.
/// `target`: without it, what cargo is configured for.
pub(crate) fn build(
    application: &Application,
    purpose: Purpose<'_>,
    target: Option<&str>,
) -> Result<Vec<PathBuf>, Failure> {
    if let Some(target) = target.filter(|target| *target != TARGET) {
        let message = format!(
            "nothing can be built for {target} here: a release has this tool's own runtime, which is for {TARGET}"
        );
        return Err(
            Failure::new(ExitCode::Refused, message).hint("build it by a cargo-system that was built for that target")
        );
    }
    application.plugins.iter().map(|plugin| build_one(plugin, purpose, target)).collect()
}

fn build_one(plugin: &Plugin, purpose: Purpose<'_>, target: Option<&str>) -> Result<PathBuf, Failure> {
    interrupt::check()?;
    let failed = |error: io::Error| Failure::error(format!("cargo cannot be run: {error}")).hint(hints::CARGO);
    let mut child = command(plugin, purpose, target).stdout(Stdio::piped()).spawn().map_err(failed)?;
    let heart = Heartbeat::of(format!("building {}", plugin.name));
    let object = read_messages(&mut child, plugin.manifest_path.clone(), heart);
    let status = child.wait().map_err(failed)?;
    interrupt::check()?;
    if !status.success() {
        return Err(Failure::new(ExitCode::Refused, format!("the build of {} failed", plugin.name))
            .hint("mend it and save, or try again: nothing that runs has been touched"));
    }
    object.ok_or_else(|| {
        Failure::error(format!("cargo built no shared object for {}", plugin.name))
            .hint("the package needs crate-type = [\"cdylib\"] under [lib]")
    })
}

/// Reads what cargo says until it has no more to say. Ctrl-C is passed on: a terminal tells cargo too, `kill` does not.
fn read_messages(child: &mut Child, manifest_path: PathBuf, mut heart: Heartbeat) -> Option<PathBuf> {
    let stdout = child.stdout.take()?;
    let (found, objects) = sync_channel(1);
    std::thread::spawn(move || found.send(find_object(stdout, &manifest_path)));
    let mut is_told = false;
    loop {
        match objects.recv_timeout(interrupt::LOOK) {
            Ok(object) => return object,
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) if interrupt::happened() && !is_told => {
                is_told = true;
                // It may have ended; not yet waited for, its number is its own.
                let _: Result<(), _> = rustix::process::kill_process(Pid::from_child(child), Signal::INT);
            }
            Err(RecvTimeoutError::Timeout) => heart.beat(),
        }
    }
}

/// The shared object of that package among cargo's messages.
fn find_object(messages: impl Read, manifest_path: &Path) -> Option<PathBuf> {
    let mut object = None;
    for message in Message::parse_stream(BufReader::new(messages)) {
        if let Ok(Message::CompilerArtifact(artifact)) = message
            && artifact.manifest_path.as_std_path() == manifest_path
            && artifact.target.kind.contains(&TargetKind::CDyLib)
        {
            let is_object = |path: &&Utf8PathBuf| path.extension() == Some("so");
            object = artifact.filenames.iter().find(is_object).cloned();
        }
    }
    object.map(Utf8PathBuf::into_std_path_buf)
}

fn command(plugin: &Plugin, purpose: Purpose<'_>, target: Option<&str>) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // Without the rlib that a plugin may have as well, for its own tests: nobody needs it here.
    command.args(["rustc", "--lib", "--crate-type", "cdylib", "--manifest-path"]).arg(&plugin.manifest_path);
    command.args(["--message-format=json-render-diagnostics", "--profile", purpose.profile()]);
    if let Some(target) = target {
        command.args(["--target", target]);
    }
    for setting in purpose.settings() {
        command.arg("--config").arg(format!("profile.{}.{setting}", purpose.profile()));
    }
    // Stacks can be walked cheaply.
    let mut flags = vec!["-Cforce-frame-pointers=yes".to_owned()];
    if let Purpose::Release(origin) = purpose {
        flags.extend_from_slice(origin.flags());
    }
    rustflags::add(&mut command, &flags);
    if let Purpose::Release(origin) = purpose
        && let Some(object) = origin.object(plugin)
    {
        // Of the plugin alone, and behind all that is cargo's.
        command.arg("--").arg(format!("-Clink-arg={}", object.display()));
    }
    command.stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_of_the_package_is_found_among_the_messages() {
        let artifact = |package: &str, kind: &str, files: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"{package}","manifest_path":"/w/{package}/Cargo.toml","target":{{"kind":["{kind}"],"crate_types":["{kind}"],"name":"x","src_path":"/x.rs","edition":"2024","doctest":false,"test":false,"doc":false}},"profile":{{"opt_level":"3","debuginfo":0,"debug_assertions":false,"overflow_checks":false,"test":false}},"features":[],"filenames":[{files}],"executable":null,"fresh":true}}"#
            )
        };
        let messages = [
            artifact("other", "cdylib", r#""/t/libother.so""#),
            "a word of a build script".to_owned(),
            artifact("app", "custom-build", r#""/t/build.so""#),
            artifact("app", "cdylib", r#""/t/libapp.rlib","/t/libapp.so""#),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        let text = messages.join("\n");
        let found = find_object(text.as_bytes(), Path::new("/w/app/Cargo.toml"));
        assert_eq!(found.as_deref(), Some(Path::new("/t/libapp.so")));
        assert_eq!(find_object(text.as_bytes(), Path::new("/w/none/Cargo.toml")), None);
    }
}
