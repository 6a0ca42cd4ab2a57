//! What this is built on, as `deny.toml` has it: known holes, licences, doubles and sources, by `cargo deny`, which is built into the target folder where it is not
//! installed.

use crate::shell::{call, complain};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use system_tests::workspace;

/// What is built; what is installed is taken as it is.
const VERSION: &str = "0.20.2";

/// Checks what can be checked here.
///
/// # Errors
/// Something was found.
pub(crate) fn check(root: &Path) -> Result<()> {
    if let Err(error) = install() {
        complain(&format!(
            "known holes are not looked for, and tests alone check licences and sources, since cargo deny is not here: {error:#}; cargo install cargo-deny --locked"
        ));
        return Ok(());
    }
    call(deny(root)?.args(["check", "--hide-inclusion-graph", "licenses", "bans", "sources"]))?;
    // No network is no finding; but what the database says is one.
    if let Err(error) = call(deny(root)?.args(["fetch", "db"])) {
        complain(&format!("known holes are not looked for, since their database cannot be reached: {error:#}"));
        return Ok(());
    }
    call(deny(root)?.args(["--offline", "check", "advisories"]))
}

fn install() -> Result<()> {
    let is_there =
        deny(Path::new("."))?.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status()?.success();
    if is_there {
        return Ok(());
    }
    // It runs for seconds, and would be optimised for minutes.
    let mut install = Command::new(workspace::cargo());
    install.args(["install", "--quiet", "--locked", "--debug", "--version", VERSION, "--root"]);
    call(install.arg(tools()?).arg("cargo-deny"))
}

fn tools() -> Result<PathBuf> {
    Ok(workspace::target()?.join("tools").join(format!("cargo-deny-{VERSION}")))
}

fn deny(root: &Path) -> Result<Command> {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":");
    path.push(tools()?.join("bin"));
    let mut command = Command::new(workspace::cargo());
    command.arg("deny").current_dir(root).env("PATH", path);
    Ok(command)
}
