//! What `--json` prints: a type for each line, and no line that has none (`output::json` takes these alone). `cargo system schema` is made of them.
//!
//! ```text
//! Line ─┬─ Answer: what a command came to, told apart by "outcome"
//!       ├─ Event, Traced: what happens on the way, told apart by "event"
//!       └─ what has neither: a process, an event of the log, …
//! ```
//!
//! What a node says for itself (`runtime::protocol`) is printed as it says it; the rest is declared here. Each line has `schema` beside, the version
//! of all these shapes: another one as soon as a name goes, or means something else.

mod away;
mod done;
mod failed;
mod folder;
mod profile;
mod schema;

pub(crate) use away::{Away, EventOf, Everywhere, Nodes};
pub(crate) use done::{Created, Done, PlanFile, Preview, Released, Started, Upgraded};
pub(crate) use failed::{Comparison, Found};
pub(crate) use folder::{
    Difference, Generated, History, Inspected, KeyChange, KeyEntry, Keys, Release, Releases, SignedBy, Verified,
};
pub(crate) use profile::Profiled;
pub(crate) use schema::schema;

use failed::{Differences, Failed, FailedWith};
use runtime::protocol::{Event, Killed, Logged, ProcessStatus, Processes, Stack, Status, Top, TraceEnd, Traced, Trees};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A line of standard output.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Line {
    Answer(Box<Answer>),
    Event(Event),
    /// Of a node on another machine.
    EventOf(EventOf),
    Away(Away),
    /// `trace`: what has happened to the process.
    Traced(Traced),
    /// `ps --all`: a process, in no order.
    Process(Box<ProcessStatus>),
    /// `log`: what has been said.
    Logged(Box<Logged>),
    /// `version`: what the node runs.
    Running(Running),
    /// `pid`: the node's OS process.
    OsProcess(OsProcess),
    /// `service`: a unit for systemd.
    Unit(Unit),
}

/// What a command came to: its last line.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// Any command that fails.
    Failed(Failed),
    /// `check`, when something refuses the upgrade.
    #[serde(rename = "failed")]
    FailedCheck(FailedWith<Comparison>),
    /// `inspect`, `release verify`, when something is not as the manifest says.
    #[serde(rename = "failed")]
    FailedVerification(FailedWith<Differences>),
    /// `upgrade --dry-run`, `rollback --dry-run`, when a check of the plan refuses it.
    #[serde(rename = "failed")]
    FailedPlan(FailedWith<Preview>),
    /// `ping`, `stop`: done, and there is nothing to add.
    Ok,
    /// `status`: what the node runs.
    Status(Box<Status>),
    /// `ps`: the processes that were asked for. With `--all` each is a line before this one.
    Processes(Processes),
    /// `info`: a process.
    Process(Box<ProcessStatus>),
    /// `top`: who has used the processors.
    Top(Top),
    /// `tree`: who has started whom.
    Tree(Trees),
    /// `kill`: whether the process has ended. If not, a line that says `failed` follows.
    Killed(Killed),
    /// `stack`: where a process stands.
    Stack(Stack),
    /// `profile`: where processes spend their time.
    Profile(Profiled),
    /// `trace`: why it is over, behind a line for each event.
    Traced(TraceEnd),
    /// `metrics`: what can be counted.
    Metrics {
        /// OpenMetrics, version 1.0.
        text: String,
    },
    /// `log level`: what is logged.
    LogLevels {
        /// Directives, with commas between them.
        levels: String,
    },
    /// `eval`, `console`: what an expression came to.
    Value {
        /// Any value; null: none.
        value: Value,
    },
    /// `upgrade`, `rollback`, `confirm`: the version that was wanted serves.
    Upgraded(Done<Upgraded>),
    /// `upgrade --dry-run`, `rollback --dry-run`: what it would do.
    Planned(Done<Preview>),
    /// `upgrade`, `deploy` of several nodes: each has an answer of its own before this one.
    #[serde(rename = "done")]
    EverywhereDone(Done<Everywhere>),
    /// `upgrade --dry-run` of several nodes: each has an answer of its own before this one.
    #[serde(rename = "planned")]
    EverywherePlanned(Done<Everywhere>),
    /// `check`: nothing refuses the upgrade.
    Checked(Done<Comparison>),
    /// `release`: a release is there.
    Released(Done<Released>),
    /// `inspect`: the release is whole.
    Whole(Done<Inspected>),
    /// `release verify`: the release is what its manifest says, and nothing else.
    #[serde(rename = "whole")]
    Verified(Done<Verified>),
    /// `new`: a project is there.
    Created(Done<Created>),
    /// `daemon`: the node serves.
    Started(Done<Started>),
    /// `restart`: the node serves again.
    Restarted(Done<Started>),
    /// `releases`: what is in the node's folder.
    Releases(Releases),
    /// `history`: which upgrades were tried.
    History(History),
    /// `keys generate`: a pair of keys was made.
    Generated(Generated),
    /// `keys list`: whose releases the node takes.
    Keys(Keys),
    /// `keys trust`: the node takes what is signed with it.
    Trusted(KeyChange),
    /// `keys revoke`: the node never takes again what is signed with it.
    Revoked(KeyChange),
}

/// What a node runs.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Running {
    /// The application's name.
    pub(crate) name: String,
    /// The version of the release that serves.
    pub(crate) version: String,
    /// Version of the node's own executable.
    pub(crate) runtime: String,
}

/// A node, as the system knows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OsProcess {
    /// Its number.
    pub(crate) os_pid: u32,
}

/// A unit of systemd's.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Unit {
    /// The name that it is saved under.
    pub(crate) file: String,
    /// Its text.
    pub(crate) unit: String,
}

impl From<Answer> for Line {
    fn from(answer: Answer) -> Self {
        Self::Answer(Box::new(answer))
    }
}

impl From<Event> for Line {
    fn from(event: Event) -> Self {
        Self::Event(event)
    }
}

impl From<Away> for Line {
    fn from(away: Away) -> Self {
        Self::Away(away)
    }
}

impl From<EventOf> for Line {
    fn from(event: EventOf) -> Self {
        Self::EventOf(event)
    }
}
