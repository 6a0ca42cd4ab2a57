//! What a command says that has failed; `check` and plans beside it what they have found.

use super::{Answer, Difference, Nodes, Preview};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use runtime::release::check::Finding;
use schemars::JsonSchema;
use semver::Version;
use serde::Serialize;

/// A command that has failed.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Failed {
    /// How the command ends.
    exit_code: ExitCode,
    /// The step of an upgrade that it failed in; null: it was in none.
    step: Option<String>,
    /// One sentence: what and why.
    message: String,
    /// More, in lines: of a state that changed both shapes, and the code that is missing; of an upgrade that was tried, what the node has logged.
    details: Option<Box<str>>,
    /// What to do next.
    hint: Option<String>,
    /// The version that serves now; null: it is not known, or nobody does.
    serving: Option<String>,
    /// The node, where it is on another machine, or one of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    /// Of several nodes, how far it has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<Nodes>,
}

/// The same, with what was found.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FailedWith<T> {
    #[serde(flatten)]
    failed: Failed,
    #[serde(flatten)]
    found: T,
}

/// What was found before it failed.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    Comparison(Comparison),
    Preview(Preview),
    Differences(Vec<Difference>),
}

/// Of a release and its manifest.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Differences {
    /// Each.
    differs: Vec<Difference>,
}

/// A build beside the release that runs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Comparison {
    /// The application's name.
    pub(crate) name: String,
    /// The release that runs, or would boot; null: there is none.
    pub(crate) from: Option<String>,
    /// The build's version.
    pub(crate) to: Version,
    /// What stands between them, what refuses the upgrade first.
    pub(crate) findings: Vec<Finding>,
    /// What no finding can tell, in sentences.
    pub(crate) not_compared: Vec<&'static str>,
}

impl From<&Failure> for Answer {
    fn from(failure: &Failure) -> Self {
        let failed = Failed {
            exit_code: failure.code,
            step: failure.step.clone(),
            message: failure.message.clone(),
            details: failure.more.details.clone(),
            hint: failure.hint.clone(),
            serving: failure.serving.clone(),
            node: failure.more.node.clone(),
            nodes: failure.more.nodes.clone(),
        };
        match failure.more.found.clone() {
            None => Self::Failed(failed),
            Some(Found::Comparison(found)) => Self::FailedCheck(FailedWith { failed, found }),
            Some(Found::Preview(found)) => Self::FailedPlan(FailedWith { failed, found }),
            Some(Found::Differences(differs)) => {
                Self::FailedVerification(FailedWith { failed, found: Differences { differs } })
            }
        }
    }
}
