//! What a plugin declares when it is initialised, found out in an OS process that is no node.
//!
//! A node that loads an image has it for good. So who only wants to know starts an OS process for this, which ends after it, as it may: with
//! nobody but itself.

use crate::host::HOST_TABLE;
use crate::image;
use crate::protocol::DeclaredListener;
use std::path::Path;

/// The listeners that the application of that file declares. Runs the plugin's code.
///
/// # Errors
/// It is no plugin, or cannot be initialised.
pub fn describe(file: &Path) -> Result<Vec<DeclaredListener>, String> {
    let facts = image::inspect(file).map_err(|error| error.to_string())?;
    let loaded = image::load(file, &facts, &facts.version.to_string(), &HOST_TABLE);
    let image = loaded.map_err(|error| format!("{}: {error}", facts.name))?;
    let listener = |listener: &image::Declared| DeclaredListener {
        name: listener.name.to_owned(),
        address: listener.address.to_owned(),
    };
    Ok(image.listeners.iter().map(listener).collect())
}
