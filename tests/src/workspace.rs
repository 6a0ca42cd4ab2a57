//! Where things are: the repository, cargo, the target folder, and the binary under test.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Names the binary under test when it is built already, as `cargo xtask test` does.
pub const BINARY_VARIABLE: &str = "CARGO_SYSTEM_BIN";

/// The repository.
///
/// # Panics
/// When this package does not stand in its place.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the tests are a folder of the repository").to_owned()
}

/// The cargo that runs this test, or the one on the path.
#[must_use]
pub fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| "cargo".into(), Into::into)
}

/// Where cargo puts what it builds of this repository.
///
/// # Errors
/// When cargo cannot read the workspace.
pub fn target() -> Result<PathBuf> {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    if let Some(target) = TARGET.get() {
        return Ok(target.clone());
    }
    let mut command = Command::new(cargo());
    command.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root());
    let output = command.output().context("cargo metadata")?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata is no JSON")?;
    let target = metadata["target_directory"].as_str().context("cargo metadata names no target folder")?;
    Ok(TARGET.get_or_init(|| target.into()).clone())
}

/// The binary under test, built in the release profile. Cargo's own lock makes other test processes wait meanwhile.
///
/// # Errors
/// When it does not build.
pub fn binary() -> Result<PathBuf> {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    if let Some(binary) = BINARY.get() {
        return Ok(binary.clone());
    }
    let binary = match std::env::var_os(BINARY_VARIABLE) {
        Some(binary) => PathBuf::from(binary),
        None => build(&root(), &["--release", "--package", "cargo-system", "--bin", "cargo-system"], &[])?
            .into_iter()
            .find(|file| file.file_name().is_some_and(|name| name == "cargo-system"))
            .context("cargo reported no executable of cargo-system")?,
    };
    Ok(BINARY.get_or_init(|| binary).clone())
}

/// Builds with cargo and returns the files it reports for what was asked.
///
/// # Errors
/// When it does not build; the compiler's words are in the error.
pub fn build(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Vec<PathBuf>> {
    let mut command = Command::new(cargo());
    command.arg("build").arg("--message-format=json-render-diagnostics").args(arguments).current_dir(folder);
    command.envs(environment.iter().copied());
    let output = command.output().context("cargo build")?;
    if !output.status.success() {
        bail!("cargo build in {} failed:\n{}", folder.display(), String::from_utf8_lossy(&output.stderr));
    }
    let messages = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut files = Vec::new();
    for message in messages.filter_map(|line| serde_json::from_slice::<Value>(line).ok()) {
        if message["reason"] == "compiler-artifact" {
            let names = message["filenames"].as_array().into_iter().flatten();
            files.extend(names.chain([&message["executable"]]).filter_map(Value::as_str).map(PathBuf::from));
        }
    }
    Ok(files)
}
