//! What a console and a node say to each other: after the request, lines of JSON both ways, until the client hangs up.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A line of the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "kebab-case")]
pub enum ConsoleInput {
    /// Evaluate this; answered with any number of [`ConsoleOutput::Printed`] and one `value` or `failed`.
    Eval {
        /// Source text.
        text: String,
        /// For so long at the most, in milliseconds; none: the node's own limit.
        #[serde(default)]
        timeout_ms: Option<u64>,
    },
    /// Stop what is being evaluated, if anything is.
    Interrupt,
}

/// A line of the node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "output", rename_all = "kebab-case")]
pub enum ConsoleOutput {
    /// The first line.
    Ready {
        /// The application's name.
        name: String,
        /// The version that is current.
        version: String,
        /// Functions that can be called.
        functions: Vec<String>,
    },
    /// An evaluation has said something on its way.
    Printed {
        /// What.
        text: String,
    },
    /// What an evaluation has come to.
    Value {
        /// The value.
        value: Value,
        /// Variables that there are now.
        variables: Vec<String>,
    },
    /// An evaluation has come to nothing.
    Failed {
        /// Why.
        message: String,
        /// It was interrupted, or took too long.
        is_interrupted: bool,
    },
}
