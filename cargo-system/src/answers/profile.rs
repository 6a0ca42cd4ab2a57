//! What `profile --json` prints: the functions of each stack by name, where the node says numbers.

use runtime::protocol::Profile;
use schemars::JsonSchema;
use serde::Serialize;

/// A profile, with its functions by name.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Profiled {
    /// Of whom: a pid, a version, or `the node`.
    of: String,
    /// Looks a second that were wished for.
    hz: u32,
    /// How long it took, in milliseconds, the search for names included.
    time_ms: u64,
    /// Looks at all threads.
    looks: u64,
    /// Stacks that were met: of those who used a processor.
    samples: u64,
    /// Stacks that were not copied or taken in time.
    missed: u64,
    /// Samples that are in no stack, since so many differ.
    dropped: u64,
    /// The process has ended before the time was up.
    has_ended: bool,
    /// Nanoseconds for which a copy kept its thread, without the kernel's part.
    cost_mean_ns: u64,
    /// The longest of them.
    cost_max_ns: u64,
    /// The stacks, most samples first.
    stacks: Vec<ProfiledStack>,
}

/// A stack that was met.
#[derive(Debug, Serialize, JsonSchema)]
struct ProfiledStack {
    /// Functions, outermost first; before them the version and the process's type.
    frames: Vec<String>,
    /// How often.
    samples: u64,
}

impl From<&Profile> for Profiled {
    fn from(profile: &Profile) -> Self {
        let stacks = profile.stacks.iter().map(|stack| ProfiledStack {
            frames: profile.names(stack).map(str::to_owned).collect(),
            samples: stack.samples,
        });
        Self {
            of: profile.of.clone(),
            hz: profile.hz,
            time_ms: profile.time_ms,
            looks: profile.looks,
            samples: profile.samples,
            missed: profile.missed,
            dropped: profile.dropped,
            has_ended: profile.has_ended,
            cost_mean_ns: profile.cost_mean_ns,
            cost_max_ns: profile.cost_max_ns,
            stacks: stacks.collect(),
        }
    }
}
