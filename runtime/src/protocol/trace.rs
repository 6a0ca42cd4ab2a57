//! What the control socket says of a trace: what happens to a process, event by event.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What has happened, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Traced {
    /// Nanoseconds since the trace began.
    pub at_ns: u64,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// What happens to a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Happening {
    /// A message is put into its mailbox.
    Arrived {
        /// The message's type.
        message_type: String,
        /// Who has sent it; none: the node, a timer or a person.
        from: Option<String>,
    },
    /// It takes a message out of its mailbox.
    Received {
        /// The message's type.
        message_type: String,
    },
    /// It sends a message.
    Sent {
        /// The message's type.
        message_type: String,
        /// To whom.
        to: String,
    },
    /// The message before was not delivered.
    Refused {
        /// Why not.
        why: String,
    },
    /// A poll has ended.
    Polled {
        /// Nanoseconds that it took.
        took_ns: u64,
        /// `pending`, `ready`, `exited`, `killed` or `suspended`.
        outcome: String,
    },
    /// It has started a process.
    Spawned {
        /// Which.
        pid: String,
    },
    /// It is linked with a process.
    Linked {
        /// Which.
        pid: String,
    },
    /// It is no longer.
    Unlinked {
        /// Which.
        pid: String,
    },
    /// It monitors a process.
    Monitors {
        /// Which.
        pid: String,
    },
    /// It does no longer.
    Demonitors {
        /// Which.
        pid: String,
    },
    /// A process monitors it.
    MonitoredBy {
        /// Which.
        pid: String,
    },
    /// An exit signal comes.
    ExitSignal {
        /// Whose; none: the node's or a person's.
        from: Option<String>,
        /// For which reason.
        reason: String,
    },
    /// It has ended.
    Ended {
        /// For which reason.
        reason: String,
    },
    /// So much more has happened here than there was room for.
    Lost {
        /// Events.
        events: u64,
    },
}

/// Answer to `trace`; the events come before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraceEnd {
    /// Of whom.
    pub pid: String,
    /// Events that were told.
    pub events: u64,
    /// Events that there was no room for.
    pub lost: u64,
    /// Why it is over: `time`, `count`, or `ended`, the process.
    pub because: String,
}
