//! `cargo xtask sanitize`: tests under the address or the thread sanitizer, whose runtimes ship with the compiler.
//!
//! ```text
//! unit tests of runtime and SDK ─► the binary, sanitized ─► end-to-end tests: node, plugins and tests are sanitized alike
//! ```
//!
//! A stable compiler takes the flags by `RUSTC_BOOTSTRAP`. The standard library is the one that ships, which is not sanitized: the address
//! sanitizer finds what our own code does to memory, and what the library does in functions that are compiled into it; the thread sanitizer does not
//! see how the library's own locks and fences order what they guard (a thread's end, a `LazyLock`, an `Arc`'s last drop), so its findings are no
//! failures: each needs a look. What is left out on purpose: leaks (slots,
//! seats and images are never freed), and tests that freeze threads or use up stacks, whose signal handlers the sanitizers
//! have ideas of their own about.
//!
//! All is built in a target folder of its own, since no file can be shared with another build.

use crate::shell::call;
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
}

/// Handlers of signals are the node's: for a stack that is used up it has one, on a stack of its own. Stacks have no zones that may not be
/// read: the node copies them as they are, for the stack of a crash.
const ADDRESS: Sanitizer = Sanitizer {
    name: "address",
    flags: "-Cllvm-args=-asan-stack=0",
    left_out: &[],
    options: ("ASAN_OPTIONS", "detect_leaks=0:use_sigaltstack=0:handle_segv=0:handle_abort=0"),
};
/// The standard library that ships is not sanitized: the compiler wants to be told that this is meant.
const THREAD: Sanitizer = Sanitizer {
    name: "thread",
    flags: "-Cunsafe-allow-abi-mismatch=sanitizer",
    // Too slow for its own times; and two in which a thread is stopped where it spins, which is the sanitizer's own code then.
    left_out: &["ten_thousand", "servers_and_tasks", "harms_nobody"],
    options: ("TSAN_OPTIONS", "halt_on_error=0:exitcode=0:report_signal_unsafe=0"),
};

/// Runs them; stops at the first part that fails.
pub(crate) fn run(options: &[&str]) -> Result<()> {
    let sanitizer = match options {
        [] | ["--address"] => ADDRESS,
        ["--thread"] => THREAD,
        _ => bail!("sanitize takes --address or --thread, not {options:?}"),
    };
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

const FEATURES: [&str; 2] = ["--features", "plugin-abi/http,plugin-abi/websocket,plugin-abi/tokio"];

impl Sanitizer {
    /// Cargo, as it builds and runs what is sanitized; and as the node under test builds its plugins.
    fn cargo(&self, target: &Path) -> Command {
        let mut command = Command::new(workspace::cargo());
        command.current_dir(workspace::root()).env("CARGO_TARGET_DIR", target).env("CARGO_BUILD_TARGET", TARGET);
        let flags = format!("-Zsanitizer={} -Cforce-frame-pointers=yes {}", self.name, self.flags);
        command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", flags).env(self.options.0, self.options.1);
        command
    }

    fn binary(&self, target: &Path) -> Result<PathBuf> {
        call(self.cargo(target).args(["build", "--release", "--package", "cargo-system", "--bin", "cargo-system"]))?;
        let binary = target.join(TARGET).join("release/cargo-system");
        binary.canonicalize().with_context(|| format!("cargo built no {}", binary.display()))
    }
}
