//! `cargo xtask sanitize`: tests under the address or the thread sanitizer, whose runtimes ship with the compiler.
//!
//! ```text
//! unit tests of runtime and SDK ─► the binary, sanitized ─► end-to-end tests: node, plugins and tests are sanitized alike
//! ```
//!
//! A stable compiler takes the flags by `RUSTC_BOOTSTRAP`. Under the address sanitizer the standard library is the one that ships, which is not
//! sanitized: it finds what our own code does to memory, and what the library does in functions that are compiled into it. Under the thread
//! sanitizer the library is built with the rest, from its source (rustup's component `rust-src`): else it would not see how the library's locks
//! and fences order what they guard. A finding ends what it is found in, and fails the test. What is left out on purpose: leaks (slots,
//! seats and images are never freed), and tests that freeze threads or use up stacks, whose signal handlers the sanitizers
//! have ideas of their own about. docs/sanitizers.md says what ran, and what came of it.
//!
//! All is built in a target folder of its own, since no file can be shared with another build.

use crate::shell::{call, read};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use system_tests::workspace;

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// End-to-end tests that make much of memory: messages between versions, ties, supervisors, and moves.
const TESTS: [&str; 4] = ["messages", "ties", "supervision", "moving"];

/// A sanitizer, and how it and its runtime are told to behave.
struct Sanitizer {
    name: &'static str,
    flags: &'static str,
    /// Tests that are left out under it, by parts of their names.
    left_out: &'static [&'static str],
    options: (&'static str, &'static str),
    /// Parts of the standard library that are built with the rest; empty: none.
    std: &'static str,
}

/// Handlers of signals are the node's: for a stack that is used up it has one, on a stack of its own. Stacks have no zones that may not be
/// read: the node copies them as they are, for the stack of a crash.
const ADDRESS: Sanitizer = Sanitizer {
    name: "address",
    flags: "-Cllvm-args=-asan-stack=0",
    left_out: &[],
    options: ("ASAN_OPTIONS", "detect_leaks=0:use_sigaltstack=0:handle_segv=0:handle_abort=0"),
    std: "",
};
const THREAD: Sanitizer = Sanitizer {
    name: "thread",
    flags: "",
    // Too slow for its own times; and two in which a thread is stopped where it spins, which is the sanitizer's own code then.
    left_out: &["ten_thousand", "servers_and_tasks", "harms_nobody"],
    options: ("TSAN_OPTIONS", "halt_on_error=1:report_signal_unsafe=0"),
    std: "std,panic_unwind",
};

/// Runs them; stops at the first part that fails.
pub(crate) fn run(options: &[&str]) -> Result<()> {
    let sanitizer = match options {
        [] | ["--address"] => ADDRESS,
        ["--thread"] => THREAD,
        _ => bail!("sanitize takes --address or --thread, not {options:?}"),
    };
    if !sanitizer.std.is_empty() && !has_library_source()? {
        call(Command::new("rustup").args(["component", "add", "rust-src"]))
            .context("the standard library's source is not there")?;
    }
    let target = workspace::target()?.join(format!("sanitize-{}", sanitizer.name));
    call(
        sanitizer
            .cargo(&target)
            .args(["test", "--lib", "--package", "cargo-system-runtime", "--package", "plugin-abi"])
            .args(FEATURES),
    )?;
    let binary = sanitizer.binary(&target)?;
    let tests = &mut sanitizer.cargo(&target);
    tests.env(workspace::BINARY_VARIABLE, binary).args(["test", "--package", "system-tests", "--no-fail-fast"]);
    tests.args(TESTS.iter().flat_map(|test| ["--test", test]));
    tests.arg("--").args(sanitizer.left_out.iter().flat_map(|test| ["--skip", test]));
    call(tests)
}

/// Of the compiler that builds.
fn has_library_source() -> Result<bool> {
    let root = read(Command::new("rustc").args(["--print", "sysroot"]).current_dir(workspace::root()))?;
    Ok(Path::new(root.trim()).join("lib/rustlib/src/rust/library/Cargo.lock").exists())
}

const FEATURES: [&str; 2] = ["--features", "plugin-abi/http,plugin-abi/websocket,plugin-abi/tokio"];

impl Sanitizer {
    /// Cargo, as it builds and runs what is sanitized; and as the node under test builds its plugins.
    fn cargo(&self, target: &Path) -> Command {
        let mut command = Command::new(workspace::cargo());
        command.current_dir(workspace::root()).env("CARGO_TARGET_DIR", target).env("CARGO_BUILD_TARGET", TARGET);
        let flags = format!("-Zsanitizer={} --cfg=sanitized -Cforce-frame-pointers=yes {}", self.name, self.flags);
        command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", flags).env(self.options.0, self.options.1);
        if !self.std.is_empty() {
            command.env("CARGO_UNSTABLE_BUILD_STD", self.std);
        }
        command
    }

    fn binary(&self, target: &Path) -> Result<PathBuf> {
        call(self.cargo(target).args(["build", "--release", "--package", "cargo-system", "--bin", "cargo-system"]))?;
        let binary = target.join(TARGET).join("release/cargo-system");
        binary.canonicalize().with_context(|| format!("cargo built no {}", binary.display()))
    }
}
