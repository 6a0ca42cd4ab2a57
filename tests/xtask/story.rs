//! `cargo xtask story`: tells the example's story in a browser, as its test does, and keeps the pictures.

use crate::packages;
use crate::shell::call;
use anyhow::Result;
use std::process::Command;
use system_tests::browser::PICTURES_VARIABLE;
use system_tests::workspace;

/// Runs the test; its pictures go to `docs/story`.
pub(crate) fn run() -> Result<()> {
    packages::install(&[packages::CHROMIUM]);
    let root = workspace::root();
    let mut tests = Command::new(workspace::cargo());
    tests.current_dir(&root).env(PICTURES_VARIABLE, root.join("docs/story"));
    call(tests.args(["test", "--package", "system-tests", "--test", "story", "browser"]))
}
