//! `release verify`: whether a release, archive or folder, is what its manifest says and nothing else, in one line. Who wants to see what it is made of calls
//! `inspect`.

use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;
use crate::whole::{Depth, look};
use serde_json::json;
use std::path::{Path, PathBuf};

pub(super) fn verify(context: &Context, path: &Path, keys: &[PathBuf]) -> Result<(), Failure> {
    let whole = look(path, keys, Depth::Alone)?;
    let manifest = &whole.manifest;
    if context.json() {
        output::json(&json!({
            "outcome": "whole",
            "exit_code": ExitCode::Done as u8,
            "name": manifest.name,
            "version": manifest.version,
            "files": manifest.files.len(),
            "signature": whole.signature_json(),
        }));
    } else {
        let files = manifest.files.len();
        output::line(&format!(
            "{} {}: {files} files are as its manifest says, {}",
            manifest.name,
            manifest.version,
            whole.signed()
        ));
    }
    Ok(())
}
