//! What something came to that was done: exit code 0.

use crate::exit_code::ExitCode;
use runtime::protocol::{OnProbation, Pauses, Plan};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use semver::Version;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Done, or already there.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Done<T> {
    /// Done, or already there.
    #[schemars(schema_with = "zero")]
    exit_code: ExitCode,
    #[serde(flatten)]
    what: T,
}

impl<T> Done<T> {
    pub(crate) fn new(what: T) -> Self {
        Self { exit_code: ExitCode::Done, what }
    }
}

fn zero(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "const": ExitCode::Done })
}

/// An upgrade or a roll-back.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Upgraded {
    /// The application's name.
    pub(crate) name: String,
    /// False: the version that was wanted served already.
    pub(crate) changed: bool,
    /// The version that served before.
    pub(crate) from: String,
    /// The version that serves now.
    pub(crate) to: String,
    /// From request to switch, in microseconds.
    pub(crate) switched_after_us: u64,
    /// Processes that still run on versions that are not current.
    pub(crate) draining: u64,
    /// How long each process that moved stood still.
    pub(crate) pauses: Pauses,
    /// It is not permanent yet; null: it is.
    pub(crate) probation: Option<OnProbation>,
    /// The node, where it is on another machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
}

/// What an upgrade would do.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Preview {
    /// The plan.
    pub(crate) plan: Plan,
    /// Why it is not known what the application listens on; null: it is known.
    pub(crate) listeners_unknown: Option<String>,
}

/// A release, as a folder and as an archive.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Released {
    /// False: the same release was there already.
    pub(crate) changed: bool,
    /// The application's name.
    pub(crate) name: String,
    /// The release's version.
    pub(crate) version: Version,
    /// The folder's path.
    pub(crate) folder: String,
    /// The archive's path.
    pub(crate) archive: String,
}

/// A project that was made.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Created {
    /// The package's name.
    pub(crate) name: String,
    /// Its folder, as it was asked for.
    pub(crate) path: String,
}

/// A node in the background, which serves.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Started {
    /// The application's name.
    pub(crate) name: String,
    /// The version of the release that serves.
    pub(crate) version: String,
    /// The node's OS process.
    pub(crate) os_pid: u32,
    /// The node, where it is on another machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
}

/// What `--dry-run --out FILE` writes, to be upgraded by later.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PlanFile {
    /// Version of the file's shape.
    pub(crate) schema: u32,
    /// The packed release's path; null: it is built of the workspace.
    pub(crate) release: Option<PathBuf>,
    /// Also to a release that was rolled back.
    pub(crate) force: bool,
    /// It is on probation for so long, in milliseconds; null: as the release says.
    pub(crate) confirm_within_ms: Option<u64>,
    /// The plan.
    pub(crate) plan: Plan,
}
