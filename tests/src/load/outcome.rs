//! What can become of a request: the taxonomy, and tallies of it.

use super::histogram::Histogram;
use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;

/// Why a request failed, as its client saw it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// The connection was reset, or closed without notice before a byte of the answer.
    Reset,
    /// Nobody listened.
    Refused,
    /// The connection ended within an answer.
    Truncated,
    /// No answer in time.
    TimedOut,
    /// A complete answer that is not the right one.
    WrongAnswer(String),
}

impl Failure {
    /// What this system error means to a client.
    #[must_use]
    pub fn of(error: &std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Self::TimedOut,
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => Self::Reset,
            _ => Self::WrongAnswer(format!("system error: {error}")),
        }
    }

    /// The kind's name, for tables.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Refused => "refused",
            Self::Truncated => "truncated",
            Self::TimedOut => "time-out",
            Self::WrongAnswer(_) => "wrong answer",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongAnswer(what) => write!(f, "wrong answer: {what}"),
            other => f.write_str(other.name()),
        }
    }
}

impl std::error::Error for Failure {}

/// Examples of failures that a tally keeps.
const EXAMPLES_MAX: usize = 5;

/// What became of one kind of client's requests.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Right answers.
    pub ok: u64,
    /// Connections opened.
    pub connections: u64,
    /// Requests under way while the version changed, answered rightly.
    pub straddled: u64,
    /// Answers by another version than the one before, on one connection.
    pub handed_over: u64,
    /// Failures by name.
    pub failures: BTreeMap<&'static str, u64>,
    /// The first failures, in words.
    pub examples: Vec<String>,
    /// How long the right answers took.
    pub latency: Histogram,
}

impl Tally {
    /// Counts a failure.
    pub fn fail(&mut self, failure: &Failure, context: &str) {
        *self.failures.entry(failure.name()).or_default() += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(format!("{context}: {failure}"));
        }
    }

    /// All failures, of any kind.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// Adds another client's.
    pub fn add(&mut self, other: &Self) {
        self.ok += other.ok;
        self.connections += other.connections;
        self.straddled += other.straddled;
        self.handed_over += other.handed_over;
        self.latency.add(&other.latency);
        for (name, count) in &other.failures {
            *self.failures.entry(name).or_default() += count;
        }
        let room = EXAMPLES_MAX.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.iter().take(room).cloned());
    }
}

/// Tallies by kind of client.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// One for each kind that ran.
    pub kinds: BTreeMap<&'static str, Tally>,
}

impl Report {
    /// All right answers.
    #[must_use]
    pub fn ok(&self) -> u64 {
        self.kinds.values().map(|tally| tally.ok).sum()
    }

    /// All failures.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.kinds.values().map(Tally::failed).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "clients          ok  connections  straddled  handed over  failures   p50      p99      max")?;
        for (kind, tally) in &self.kinds {
            let [p50, p99, max] = [0.5, 0.99, 1.0].map(|at| format!("{:.1?}", tally.latency.quantile(at)));
            let Tally { ok, connections, straddled, handed_over, .. } = tally;
            let failed = tally.failed();
            writeln!(
                f,
                "{kind:<12}{ok:>8}{connections:>13}{straddled:>11}{handed_over:>13}{failed:>10}   {p50:<8} {p99:<8} {max}"
            )?;
            for (name, count) in &tally.failures {
                writeln!(f, "    {name}: {count}")?;
            }
            for example in &tally.examples {
                writeln!(f, "    such as {example}")?;
            }
        }
        Ok(())
    }
}
