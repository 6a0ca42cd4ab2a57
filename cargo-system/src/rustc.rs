//! Asking the compiler that cargo calls.

use crate::failure::Failure;
use std::process::Command;

/// What it prints with these arguments.
pub(crate) fn ask(arguments: &[&str]) -> Result<String, Failure> {
    let rustc = std::env::var_os("RUSTC").filter(|rustc| !rustc.is_empty()).unwrap_or_else(|| "rustc".into());
    let failed = |why: String| {
        Failure::error(format!("rustc cannot be asked what it is: {why}")).hint("install rustc, or name it in RUSTC")
    };
    let said = Command::new(rustc).args(arguments).output().map_err(|error| failed(error.to_string()))?;
    if !said.status.success() {
        return Err(failed(String::from_utf8_lossy(&said.stderr).trim().to_owned()));
    }
    String::from_utf8(said.stdout).map_err(|_| failed("what it says is not text".to_owned()))
}
