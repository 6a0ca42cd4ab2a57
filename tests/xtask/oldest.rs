//! The oldest compiler that is supported, which Cargo.toml names: all is checked by it.

use crate::shell::{call, complain, read};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;
use system_tests::workspace;

/// Checks by that compiler, unless it is the one that all else is done by.
///
/// # Errors
/// When something needs a newer one.
pub(crate) fn check(root: &Path) -> Result<()> {
    let oldest = stated(root)?;
    let here = read(Command::new("rustc").arg("--version"))?;
    let version = here.split(' ').nth(1).unwrap_or_default();
    if version.starts_with(&format!("{oldest}.")) && !version.contains('-') {
        complain(&format!("Rust {oldest}, the oldest that is supported, is what all is done by here"));
        return Ok(());
    }
    let toolchain = format!("{oldest}.0");
    let mut is_there = Command::new("rustup");
    is_there.args(["run", "--install", &toolchain, "rustc", "--version"]);
    if let Err(error) = call(&mut is_there) {
        complain(&format!("nothing is checked by Rust {oldest}, the oldest that is supported: {error:#}"));
        return Ok(());
    }
    // In a target folder of its own: else each would build anew what the other has built.
    let mut check = Command::new("rustup");
    check.args([
        "run",
        &toolchain,
        "cargo",
        "check",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--locked",
        "--target-dir",
    ]);
    call(
        check
            .arg(workspace::target()?.join("oldest"))
            .current_dir(root)
            .env_remove("CARGO")
            .env_remove("RUSTUP_TOOLCHAIN"),
    )
}

/// `rust-version`, such as `1.95`.
fn stated(root: &Path) -> Result<String> {
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?.parse::<toml::Table>()?;
    let package = manifest.get("workspace").and_then(|workspace| workspace.get("package"));
    let version = package.and_then(|package| package.get("rust-version")).and_then(toml::Value::as_str);
    version.map(str::to_owned).context("Cargo.toml states no rust-version")
}
