//! What this is built on, as `deny.toml` has it: known holes, licences, doubles and sources, by `cargo deny`.
//!
//! It is run where it is installed. To install it takes longer than all lints do, so nobody is made to: licences and sources are checked by a test as well.

use crate::shell::{call, complain, succeeds};
use anyhow::Result;
use std::path::Path;
use std::process::Command;
use system_tests::workspace;

/// Checks what can be checked here.
///
/// # Errors
/// Something was found.
pub(crate) fn check(root: &Path) -> Result<()> {
    if !succeeds("cargo", &["deny", "--version"]) {
        complain(
            "cargo deny is not installed, so known holes are not looked for: cargo install cargo-deny --locked; tests check licences and sources",
        );
        return Ok(());
    }
    call(deny(root).args(["check", "licenses", "bans", "sources"]))?;
    // No network is no finding; but what the database says is one.
    if let Err(error) = call(deny(root).args(["fetch", "db"])) {
        complain(&format!("known holes are not looked for, since their database cannot be reached: {error:#}"));
        return Ok(());
    }
    call(deny(root).args(["check", "--disable-fetch", "advisories"]))
}

fn deny(root: &Path) -> Command {
    let mut command = Command::new(workspace::cargo());
    command.arg("deny").current_dir(root);
    command
}
