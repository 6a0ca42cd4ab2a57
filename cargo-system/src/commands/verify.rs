//! `release verify`: whether a release, archive or folder, is what its manifest says and nothing else, in one line. Who wants to see what it is made of calls
//! `inspect`.

use crate::answers::{Answer, Done, Verified};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::whole::{Depth, look};
use std::path::{Path, PathBuf};

pub(super) fn verify(context: &Context, path: &Path, keys: &[PathBuf]) -> Result<(), Failure> {
    let whole = look(path, keys, Depth::Alone)?;
    let manifest = &whole.manifest;
    if context.json() {
        output::json(Answer::Verified(Done::new(Verified {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            files: manifest.files.len(),
            signature: whole.signed_by(),
        })));
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
