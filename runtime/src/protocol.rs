//! The control socket's language: what `cargo system` and a node say to each other.
//!
//! A client connects to `<root>/run/control.sock`, writes one [`Request`] as a line of JSON, and reads lines of JSON, each a
//! [`Reply`]: any number of events, then one that ends the talk (`done` or `failed`). Unknown fields are skipped; a request
//! whose `schema` is newer than the node's is refused.

mod console;
mod failure;
mod history;
mod inside;
mod later;
mod log;
mod plan;
mod profile;
mod status;
mod trace;
mod upgraded;

pub use console::{ConsoleInput, ConsoleOutput};
pub use failure::{Failure, FailureKind};
pub use history::{History, PastUpgrade};
pub use inside::{Frame, Killed, ProcessStatus, Processes, Selection, Sort, Stack, Top, TreeNode, Trees, VersionTree};
pub use later::{DrainPolicy, MovePolicy, OnDrain, OnProbation, Unconfirmed};
pub use log::{LogLevel, Logged};
pub use plan::{
    CheckOutcome, DeclaredListener, Fate, ListenerChange, Plan, PlannedCheck, PlannedHook, PlannedListener,
    PlannedPlugin, PlannedProcesses, PlannedStep,
};
pub use profile::{Profile, ProfileStack, ProfileTarget};
pub use status::{ListenerStatus, ProcessTypeStatus, RootStatus, Status, VersionStatus};
pub use trace::{Happening, TraceEnd, Traced};
pub use upgraded::{PauseBucket, Pauses, Upgraded};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of every JSON shape here, and of `--json` output.
pub const SCHEMA: u32 = 1;
/// A request's line is no longer than this.
pub const REQUEST_LEN_MAX: u64 = 64 * 1024;

/// What a client asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// [`SCHEMA`] of the client.
    pub schema: u32,
    /// What the client is, such as `cargo-system 0.1.0`: for the history.
    #[serde(default)]
    pub client: Option<String>,
    /// The command.
    #[serde(flatten)]
    pub command: Command,
}

/// The commands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Command {
    /// Are you there? Answers with an empty `done`.
    Ping,
    /// What runs? Answers with `done` and a [`Status`].
    Status,
    /// Which processes are there? Answers with `done` and [`Processes`]; when all are wanted, they come before it as events.
    Processes {
        /// Which, and in which order.
        #[serde(flatten)]
        selection: Selection,
    },
    /// What is known of a process? Answers with `done` and a [`ProcessStatus`].
    Info {
        /// Its pid.
        pid: String,
    },
    /// Who uses the processors? Answers with `done` and a [`Top`], after the interval.
    Top {
        /// To be measured, in milliseconds.
        interval_ms: u64,
        /// The first so many are told with the function that they stand in.
        #[serde(default)]
        functions: u32,
        /// Which, and in which order.
        #[serde(flatten)]
        selection: Selection,
    },
    /// Who has started whom? Answers with `done` and [`Trees`].
    Tree,
    /// End a process. Answers with `done` and a [`Killed`].
    Kill {
        /// Its pid.
        pid: String,
        /// An exit signal with this reason, `shutdown` or a text, instead of a kill.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Where does a process stand? Answers with `done` and a [`Stack`].
    Stack {
        /// Its pid.
        pid: String,
    },
    /// Where do processes spend their time? Functions and stacks as events, then `done` with a [`Profile`].
    Profile {
        /// Whose.
        target: ProfileTarget,
        /// For so long, in milliseconds.
        time_ms: u64,
        /// So many looks a second.
        hz: u32,
    },
    /// What happens to a process? Events, then `done` with a [`TraceEnd`].
    Trace {
        /// Its pid.
        pid: String,
        /// For so long at the most, in milliseconds.
        time_ms: u64,
        /// So many events at the most.
        count: u64,
    },
    /// Which upgrades were there? Answers with `done` and a [`History`].
    History {
        /// So many of the last ones at the most.
        count: u32,
    },
    /// What can be counted? Answers with `done` and OpenMetrics text.
    Metrics,
    /// What was said? Events, then `done` when all is told that is kept; or, if it is followed, no end.
    Log {
        /// So many of the last ones at the most.
        count: u32,
        /// Those alone that matter as much.
        #[serde(default)]
        level: Option<LogLevel>,
        /// Go on with what is said from now on, until the client hangs up.
        #[serde(default)]
        follow: bool,
    },
    /// What is logged? Answers with `done` and [`Outcome::LogLevels`].
    LogLevel {
        /// To be changed before: `[MODULE=]LEVEL` each.
        #[serde(default)]
        set: Vec<String>,
    },
    /// Evaluate what comes. Answers with [`ConsoleOutput`]s to [`ConsoleInput`]s, until the client hangs up.
    Console,
    /// Make a release current that has been put into the node's folder. Events, then `done` with an [`Upgraded`].
    Upgrade {
        /// The release's version: the folder `releases/<version>` holds its manifest.
        release: String,
        /// Also if it was rolled back before.
        #[serde(default)]
        force: bool,
        /// It is on probation for so long, in milliseconds, and rolled back then unless it is confirmed.
        #[serde(default)]
        confirm_within_ms: Option<u64>,
        /// Wait for the end of a probation, too.
        #[serde(default)]
        wait: bool,
        /// Only if this release serves, as a plan has it.
        #[serde(default)]
        from: Option<String>,
        /// Go on reporting the drain for this long at the most, in milliseconds, after the switch.
        follow_drain_ms: u64,
    },
    /// What would an upgrade do? Nothing is changed. Answers with `done` and a [`Plan`].
    Plan {
        /// The release's version.
        release: String,
        /// The folder that has it, laid out as a node's; none: the node's own.
        #[serde(default)]
        root: Option<String>,
        /// Also if it was rolled back before.
        #[serde(default)]
        force: bool,
        /// As with `upgrade`.
        #[serde(default)]
        confirm_within_ms: Option<u64>,
        /// What it listens on, if that was found out elsewhere: the node loads nothing for a plan.
        #[serde(default)]
        listeners: Option<Vec<DeclaredListener>>,
    },
    /// What would a roll-back do? Nothing is changed. Answers with `done` and a [`Plan`].
    PlanRollback {
        /// The release's version; none: the one before.
        release: Option<String>,
        /// Also if it was rolled back before.
        #[serde(default)]
        force: bool,
    },
    /// Make a release current again, as a rule one that was permanent before. Events, then `done` with an [`Upgraded`].
    Rollback {
        /// Its version; none: the last one that was permanent before, and was not rolled back.
        release: Option<String>,
        /// Also if it was rolled back before.
        #[serde(default)]
        force: bool,
        /// As with `upgrade`.
        follow_drain_ms: u64,
    },
    /// The version that is on probation stays. Events, then `done` with an [`Upgraded`].
    Confirm,
    /// Stop in order. `done` is sent when the node is about to exit.
    Stop {
        /// How long processes may take to finish, in milliseconds.
        grace_ms: u64,
    },
}

/// One line of an answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// Something happened on the way.
    Event(Event),
    /// The end: it worked.
    Done(Outcome),
    /// The end: it did not.
    Failed(Failure),
}

/// What happens during an upgrade; and what is told in parts, each of which `--json` prints as it is: in its schema, the parts stand alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// This client watches an upgrade that another one started.
    Attached {
        /// The release being installed.
        release: String,
    },
    /// A step begins: `check`, `before` (the hook), `prepare`, `rehearse`, `switch`, `move`, `health`, `probation`, `commit`; or `roll-back`.
    Step {
        /// The step's name.
        step: String,
    },
    /// Something that one should know of what comes.
    Warning {
        /// One sentence.
        message: String,
    },
    /// New processes start on the new version from here on.
    Switched {
        /// Version before.
        from: String,
        /// Version now.
        to: String,
    },
    /// Some of the processes that are there.
    #[schemars(skip)]
    Processes {
        /// In no order.
        processes: Vec<ProcessStatus>,
    },
    /// What has happened to a process, in order.
    #[schemars(skip)]
    Traced {
        /// Oldest first.
        happened: Vec<Traced>,
    },
    /// What has been said, in order.
    #[schemars(skip)]
    Logged {
        /// Oldest first.
        events: Vec<Logged>,
        /// So many before them are not kept any more.
        #[serde(default)]
        lost: u64,
    },
    /// Some of a profile's functions and stacks, in order.
    #[schemars(skip)]
    Profiled {
        /// Names; numbers count on from event to event.
        functions: Vec<String>,
        /// Stacks, most samples first.
        stacks: Vec<ProfileStack>,
    },
    /// The new version serves, and what boots is the one before. The answer ends here, and the probation goes on.
    Probation(OnProbation),
    /// Processes that still run on versions that are not current.
    Draining {
        /// Number of processes.
        processes: u64,
    },
}

/// What a command came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing to add.
    Ok,
    /// Answer to `status`.
    Status(Status),
    /// Answer to `processes`.
    Processes(Processes),
    /// Answer to `info`.
    Process(ProcessStatus),
    /// Answer to `top`.
    Top(Top),
    /// Answer to `tree`.
    Tree(Trees),
    /// Answer to `kill`.
    Killed(Killed),
    /// Answer to `stack`.
    Stack(Stack),
    /// Answer to `profile`.
    Profile(Profile),
    /// Answer to `trace`.
    Traced(TraceEnd),
    /// Answer to `history`.
    History(History),
    /// Answer to `metrics`.
    Metrics {
        /// OpenMetrics, version 1.0.
        text: String,
    },
    /// Answer to `log-level`.
    LogLevels {
        /// What is logged, as directives with commas between them.
        levels: String,
    },
    /// Answer to `upgrade`.
    Upgraded(Upgraded),
    /// Answer to `plan`.
    Plan(Plan),
}
