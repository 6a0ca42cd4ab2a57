//! What a plan is made of: what the node is, and what the candidate says of itself. Data.

use crate::image::PluginFacts;
use crate::listen::Places;
use crate::moving::Limits;
use crate::protocol::{DeclaredListener, MovePolicy};
use crate::release::history::Kind;
use crate::release::manifest::Manifest;
use crate::schema::StateRecord;
use semver::Version;
use std::time::Duration;

/// The running node.
#[derive(Clone, Debug)]
pub(crate) struct NodeFacts {
    /// The application that it runs, if a release of one is permanent.
    pub(crate) name: Option<String>,
    /// The version that serves.
    pub(crate) version: String,
    /// Its plugins, in its order.
    pub(crate) plugins: Vec<Serving>,
    /// How processes moved to it, by its own wish: back from it they move in the same way.
    pub(crate) moves: MovePolicy,
    /// What was rolled back.
    pub(crate) quarantined: Vec<Version>,
    pub(crate) processes: Vec<Group>,
    /// How many versions have processes, the one that serves among them.
    pub(crate) live_versions: u64,
    pub(crate) places: Places,
    /// Hooks that are there: before, after.
    pub(crate) hooks: (bool, bool),
    /// What a process may take for its move.
    pub(crate) limits: Limits,
}

/// A plugin that serves.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    pub(crate) name: String,
    /// Of the build.
    pub(crate) version: String,
    /// Hex SHA-256 of its file.
    pub(crate) hash: String,
    /// The states that it declares.
    pub(crate) states: Vec<StateRecord>,
    /// The types by which it talks to other plugins.
    pub(crate) messages: Vec<StateRecord>,
}

/// Processes that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Alike {
    /// The type's name.
    pub(crate) name: &'static str,
    /// The plugin that they are of.
    pub(crate) plugin: &'static str,
    /// The version that they run on.
    pub(crate) version: &'static str,
    /// The name of their declared state.
    pub(crate) state: Option<&'static str>,
    /// The application's root supervisor, or in its tree.
    pub(crate) is_in_tree: bool,
}

/// So many of them.
pub(crate) type Group = (Alike, u64);

impl NodeFacts {
    /// What serves of that plugin.
    pub(crate) fn plugin(&self, name: &str) -> Option<&Serving> {
        self.plugins.iter().find(|plugin| plugin.name == name)
    }

    /// Is the same build what serves?
    pub(crate) fn serves(&self, plugin: &PluginFacts) -> bool {
        self.plugin(&plugin.name).is_some_and(|serving| serving.hash == plugin.hash)
    }
}

impl CandidateFacts {
    pub(crate) fn plugin(&self, name: &str) -> Option<&PluginFacts> {
        self.plugins.iter().find(|plugin| plugin.name == name)
    }

    /// Those that do not serve yet.
    pub(crate) fn fresh<'a>(&'a self, node: &'a NodeFacts) -> impl Iterator<Item = &'a PluginFacts> {
        self.plugins.iter().filter(|plugin| !node.serves(plugin))
    }

    /// Those that serve, and are not in it.
    pub(crate) fn dropped<'a>(&'a self, node: &'a NodeFacts) -> impl Iterator<Item = &'a Serving> {
        node.plugins.iter().filter(|serving| self.plugin(&serving.name).is_none())
    }

    /// Nobody has seen it serve, or somebody went back from it: it has to show first that it does well, by whatever name it is asked for.
    pub(crate) fn is_unproven(&self, node: &NodeFacts) -> bool {
        self.kind == Kind::Upgrade || !self.has_served || node.quarantined.contains(&self.manifest.version)
    }

    /// Is anything different?
    pub(crate) fn changes(&self, node: &NodeFacts) -> bool {
        self.fresh(node).next().is_some() || self.dropped(node).next().is_some()
    }
}

/// What the node is asked to run next.
#[derive(Clone, Debug)]
pub(crate) struct CandidateFacts {
    pub(crate) manifest: Manifest,
    /// What its plugins say of themselves, in its order.
    pub(crate) plugins: Vec<PluginFacts>,
    /// The key that it is signed with, if this node wants to know. One that is not trusted is not looked at.
    pub(crate) signed_with: Option<String>,
    /// Why its configuration, with the owner's, is none. What it means is found out when it is loaded.
    pub(crate) config: Result<(), String>,
    /// `None`: not known before it is loaded.
    pub(crate) listeners: Option<Vec<DeclaredListener>>,
    /// Forward or back.
    pub(crate) kind: Kind,
    /// It has been permanent here before.
    pub(crate) has_served: bool,
    /// How long it is on probation, if somebody has to confirm it.
    pub(crate) confirm_within: Option<Duration>,
    /// Also if it is in quarantine.
    pub(crate) is_forced: bool,
    /// Only if this release serves.
    pub(crate) from: Option<String>,
}
