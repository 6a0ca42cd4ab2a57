//! Real changes to a sandbox's copy of the example: each makes another build, which answers the same sums.

use crate::sandbox::Sandbox;
use anyhow::{Context, Result, ensure};
use std::fs;

/// The file with the calculation.
const SUM: &str = "src/sum.rs";
/// The line of it that an edit follows.
const ANCHOR: &str = "let one: i64 = black_box(1);";
/// Ends the line that an edit adds.
const MARK: &str = "// edited by a test";

/// Edits the calculation and the package's version. Every `number` makes another build.
///
/// # Errors
/// When the example does not have that code.
pub fn edit(sandbox: &Sandbox, number: u32) -> Result<()> {
    set_version(sandbox, &format!("0.1.{}", number + 1))?;
    edit_code(sandbox, number)
}

/// Edits the calculation alone; the package keeps its version.
///
/// # Errors
/// When the example does not have that code.
pub fn edit_code(sandbox: &Sandbox, number: u32) -> Result<()> {
    let path = sandbox.package().join(SUM);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    ensure!(text.matches(ANCHOR).count() == 1, "{ANCHOR:?} is not in {} once", path.display());
    let own = text.lines().filter(|line| !line.ends_with(MARK));
    // Work that the optimiser must keep: other machine code, not only another file.
    let added = format!("    black_box({number}_u64); {MARK}");
    let lines = own.flat_map(|line| if line.contains(ANCHOR) { vec![line, &added] } else { vec![line] });
    let edited = lines.collect::<Vec<_>>().join("\n") + "\n";
    fs::write(&path, edited).with_context(|| path.display().to_string())
}

/// Gives the package another version.
///
/// # Errors
/// When its manifest cannot be written.
pub fn set_version(sandbox: &Sandbox, version: &str) -> Result<()> {
    let path = sandbox.package().join("Cargo.toml");
    let text = fs::read_to_string(&path)?;
    let lines = text.lines().map(|line| match line.split_once(['.', ' ']) {
        Some(("version", _)) => format!("version = \"{version}\""),
        _ => line.to_owned(),
    });
    Ok(fs::write(&path, lines.collect::<Vec<_>>().join("\n") + "\n")?)
}
