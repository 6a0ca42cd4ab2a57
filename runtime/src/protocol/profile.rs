//! What the control socket says of a profile: stacks that were sampled, and how often each was met.

use serde::{Deserialize, Serialize};

/// Whom to profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileTarget {
    /// All processes.
    Node,
    /// The process of that pid.
    Process(String),
    /// The processes of that version.
    Version(String),
}

/// Answer to `profile`; its functions and stacks come before it, as events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Of whom: a pid, a version, or `the node`.
    pub of: String,
    /// Looks a second that were wished for.
    pub hz: u32,
    /// How long it took, in milliseconds, the search for names included.
    pub time_ms: u64,
    /// Looks at all threads.
    pub looks: u64,
    /// Stacks that were met: of those who used a processor.
    pub samples: u64,
    /// Stacks that were not copied or taken in time.
    pub missed: u64,
    /// Samples that are in no stack, since so many differ.
    pub dropped: u64,
    /// The process has ended before the time was up.
    pub has_ended: bool,
    /// Nanoseconds for which a copy kept its thread, without the kernel's part.
    pub cost_mean_ns: u64,
    /// The longest of them.
    pub cost_max_ns: u64,
    /// Names, by number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<String>,
    /// The stacks, most samples first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stacks: Vec<ProfileStack>,
}

/// A stack that was met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileStack {
    /// Numbers of functions, outermost first; before them the version and the process's type.
    pub frames: Vec<u32>,
    /// How often.
    pub samples: u64,
}

impl Profile {
    /// The names on a stack.
    pub fn names<'a>(&'a self, stack: &'a ProfileStack) -> impl Iterator<Item = &'a str> {
        let name = |number: &u32| self.functions.get(*number as usize).map_or("?", String::as_str);
        stack.frames.iter().map(name)
    }

    /// Folded stacks, as other tools read them: `outer;inner count`, a line each.
    #[must_use]
    pub fn folded(&self) -> String {
        let line = |stack: &ProfileStack| {
            let names: Vec<_> = self.names(stack).map(foldable).collect();
            format!("{} {}\n", names.join(";"), stack.samples)
        };
        self.stacks.iter().map(line).collect()
    }
}

/// What would end a name or a line is shown otherwise.
fn foldable(name: &str) -> String {
    name.chars().map(|c| if c == ';' || c.is_control() { ':' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_are_folded_a_line_each() {
        let profile = Profile {
            functions: ["1.0", "app::work", "sum<[u8; 4]>"].map(str::to_owned).to_vec(),
            stacks: vec![
                ProfileStack { frames: vec![0, 1, 2], samples: 7 },
                ProfileStack { frames: vec![0, 9], samples: 1 },
            ],
            ..Profile::default()
        };
        assert_eq!(profile.folded(), "1.0;app::work;sum<[u8: 4]> 7\n1.0;? 1\n");
    }
}
