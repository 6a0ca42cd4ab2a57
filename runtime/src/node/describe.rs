//! What a plugin declares when it is initialised, found out in an OS process that is no node.
//!
//! A node that loads an image has it for good, and what ends the OS process ends the node. So who only wants to know, and a node before it loads what it
//! has not loaded before, start an OS process for this, which ends after it, as it may: with nobody but itself.

use crate::host::HOST_TABLE;
use crate::image;
use crate::protocol::DeclaredListener;
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use std::path::Path;

/// An initialisation takes no more memory, in bytes: as much as all states that are converted at a time ([`Limits`](crate::moving::Limits)).
// A sanitizer keeps more beside the memory than that.
const MEMORY_MAX: u64 = if cfg!(sanitized) { u64::MAX } else { 1 << 30 };
/// Nor more processor time, in seconds: more than anybody waits for it.
const PROCESSOR_TIME_MAX: u64 = 60;
/// The kernel ends this OS process before all others if there is no memory left.
const FIRST_TO_GO: &str = "1000";

/// The listeners that the application of that file declares. Runs the plugin's code: all of it that runs before its first process does, if there is
/// a configuration, JSON, to begin with. This OS process has limits from then on, and ends with who has started it.
///
/// # Errors
/// It is no plugin, or cannot be initialised.
pub fn describe(file: &Path, begin_with: Option<&[u8]>) -> Result<Vec<DeclaredListener>, String> {
    limit();
    let facts = image::inspect(file).map_err(|error| error.to_string())?;
    let loaded = image::load(file, &facts, &facts.version.to_string(), &HOST_TABLE, &std::env::temp_dir());
    let image = loaded.map_err(|error| format!("{}: {error}", facts.name))?;
    if let (Some(application), Some(config)) = (image.application(), begin_with) {
        // What fails with a reason is no danger: the node hears it itself. The future of the root is left, unpolled, to the end of this OS process.
        if let Ok(configured) = application.configure(config) {
            application.take_config(configured);
            let _: Result<Option<_>, _> = application.start();
        }
    }
    let listener = |listener: &image::Declared| DeclaredListener {
        name: listener.name.to_owned(),
        address: listener.address.to_owned(),
    };
    Ok(image.listeners.iter().map(listener).collect())
}

/// Where the system refuses one, the others hold, and the time that somebody waits.
fn limit() {
    let limits = [(Resource::Data, MEMORY_MAX), (Resource::Cpu, PROCESSOR_TIME_MAX), (Resource::Core, 0)];
    for (resource, most) in limits {
        let _: Result<(), _> = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    }
    let _: Result<(), _> = set_parent_process_death_signal(Some(Signal::KILL));
    let _: std::io::Result<()> = std::fs::write("/proc/self/oom_score_adj", FIRST_TO_GO);
}
