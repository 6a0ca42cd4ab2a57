//! What this is built on, as `deny.toml` has it: known holes, licences, doubles and sources, by `cargo deny`.

use crate::shell::{call, complain};
use crate::tools::Tool;
use anyhow::Result;
use std::path::Path;

const DENY: Tool = Tool { package: "cargo-deny", version: "0.20.2", program: "cargo-deny", options: &[] };

/// Checks what can be checked here.
///
/// # Errors
/// Something was found.
pub(crate) fn check(root: &Path) -> Result<()> {
    if let Err(error) = DENY.install() {
        complain(&format!(
            "known holes are not looked for, and tests alone check licences and sources, since cargo deny is not here: {error:#}; cargo install cargo-deny --locked"
        ));
        return Ok(());
    }
    call(DENY.call(root)?.args(["check", "--hide-inclusion-graph", "licenses", "bans", "sources"]))?;
    // No network is no finding; but what the database says is one.
    if let Err(error) = call(DENY.call(root)?.args(["fetch", "db"])) {
        complain(&format!("known holes are not looked for, since their database cannot be reached: {error:#}"));
        return Ok(());
    }
    call(DENY.call(root)?.args(["--offline", "check", "advisories"]))
}
