//! Whether one program can watch another here: by `strace`, as some tests do.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};

/// Can one program watch another here? If not, says so.
///
/// # Panics
/// If not, where it ought to be possible: nobody reads what a test says that passes.
#[must_use]
pub fn is_possible() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-e", "trace=none", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    let is_possible = strace.status().is_ok_and(|status| status.success());
    if !is_possible {
        let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        let is_expected = is_root || std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!is_expected, "strace is not installed, or may not watch other programs here");
        skipped("strace is not installed, or may not watch other programs here");
    }
    is_possible
}

#[expect(clippy::print_stderr, reason = "a test that did not run has to say so")]
fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}
