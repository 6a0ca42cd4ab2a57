//! Supervisors: processes that start others, and start them again when they end.
//!
//! ```text
//!            ┌─► plan.rs: what to do next (pure) ◄─ window.rs: how often is too often
//! run.rs ────┤
//!            └─► stop.rs: exit signals, time-outs, kills
//! root.rs: an application's own
//! reference.rs: what others ask of a supervisor      child.rs: what a child is      tree.rs: who is below whom
//! template.rs: children of an argument
//! moving.rs: to another version ─► inherit.rs: its children there (pure)   place.rs: where it stands   settle.rs: who starts and stops for it
//! ```
//!
//! Words and rules are those of OTP's `supervisor`. What differs is said where it does.

mod child;
mod inherit;
#[cfg(test)]
mod inherit_tests;
mod moving;
mod place;
mod plan;
#[cfg(test)]
mod plan_tests;
mod reference;
mod root;
mod run;
mod settle;
mod stop;
mod template;
mod tree;
mod window;

pub use child::{Child, ChildKind, Restart, Shutdown};
pub use reference::{ChildCount, ChildError, ChildId, ChildInfo, SupervisorRef};
pub use tree::Tree;

pub(crate) use moving::{CHAIN, moving_type, set_tree};
pub(crate) use root::process as root_process;

use crate::ffi::Messages;
use crate::mailbox::in_mailbox;
use crate::process::Pid;
use crate::spawn::Spawn;
use crate::start::{StartError, start};
use place::Place;
use reference::Request;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use template::Template;

/// OTP's: more than one restart in five seconds is too many.
const RESTARTS_MAX: u32 = 1;
const WITHIN: Duration = Duration::from_secs(5);

/// Who else is started again with a child that has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    /// Nobody.
    #[default]
    OneForOne,
    /// All others: they are stopped first, last to first.
    OneForAll,
    /// Those that were started after it: they are stopped first, last to first.
    RestForOne,
    /// Nobody; and children are known by pid, not by name: see [`Supervisor::dynamic`].
    Dynamic,
}

/// A supervisor that is to be started: a strategy, how many restarts are too many, and children in order.
///
/// ```no_run
/// use plugin_abi::{Application, ExitReason, supervisor::{Child, Restart, Strategy, Supervisor}};
/// use std::time::Duration;
///
/// plugin_abi::application!(app);
///
/// fn app() -> Application {
///     Application::new().supervise(|| {
///         Supervisor::new(Strategy::RestForOne)
///             .intensity(3, Duration::from_secs(5))
///             .child(Child::new("clock", clock))
///             .child(Child::new("import", import).restart(Restart::Transient))
///     })
/// }
///
/// async fn clock() {
///     loop {
///         plugin_abi::time::sleep(Duration::from_secs(1)).await;
///         tracing::info!("tick");
///     }
/// }
///
/// async fn import() -> Result<(), std::io::Error> {
///     // An error, like a panic, has it started again.
///     std::fs::read_to_string("import.txt").map(drop)
/// }
/// # fn main() {}
/// ```
///
/// A child that ends too often ends its supervisor: that stops its other children, says so in the log, and ends for the reason
/// [`Shutdown`](crate::ExitReason::Shutdown), so that the supervisor above acts by its own rules.
#[derive(Clone, Debug)]
#[must_use = "a supervisor does nothing unless it is started"]
pub struct Supervisor {
    strategy: Strategy,
    restarts_max: u32,
    within: Duration,
    children: Vec<Child>,
    template: Option<Template>,
}

impl Supervisor {
    /// A supervisor without children.
    pub fn new(strategy: Strategy) -> Self {
        Self { strategy, restarts_max: RESTARTS_MAX, within: WITHIN, children: Vec::new(), template: None }
    }

    /// A supervisor for any number of children that come and go, as Elixir's `DynamicSupervisor`: they are known by their pids, names may
    /// be given many times, one that has ended for good is forgotten, and at the supervisor's end all are stopped at once.
    pub fn dynamic() -> Self {
        Self::new(Strategy::Dynamic)
    }

    /// How many restarts are allowed within how long: one more, and the supervisor gives up. 1 in 5 seconds, if nothing is said.
    pub fn intensity(mut self, restarts_max: u32, within: Duration) -> Self {
        (self.restarts_max, self.within) = (restarts_max, within);
        self
    }

    /// One more child, which is started after those before it and stopped before them.
    pub fn child(mut self, child: Child) -> Self {
        self.children.push(child);
        self
    }

    /// How a child is made of an argument, for [`SupervisorRef::start_from`]: OTP's `simple_one_for_one`. At an upgrade such children move as those of
    /// the list do: each version makes them anew of their arguments, by its own template, which must understand those that there are.
    ///
    /// ```
    /// # use plugin_abi::supervisor::{Child, Supervisor};
    /// # async fn room(name: String) {}
    /// let rooms = Supervisor::dynamic().template(|name: String| Child::new("room", move || room(name.clone())));
    /// ```
    pub fn template<A: DeserializeOwned>(mut self, child: impl Fn(A) -> Child + Send + Sync + 'static) -> Self {
        self.template = Some(Template::new(child));
        self
    }

    /// Starts it, linked to the current process, and waits until all its children have started.
    ///
    /// # Errors
    /// See [`StartError`]: a child that does not start stops those before it.
    ///
    /// # Panics
    /// Outside of a process.
    pub async fn start(self) -> Result<SupervisorRef, StartError> {
        self.start_at(None).await
    }

    /// The same; `place`: where it stands in the application's tree. Only there it moves.
    async fn start_at(self, place: Option<Place>) -> Result<SupervisorRef, StartError> {
        let started = start(|ready| {
            let is_placed = place.is_some();
            let process = in_mailbox(move |mailbox| run::run(self, place, mailbox, ready));
            let spawn = Spawn::new().link();
            let spawned = if is_placed {
                spawn.start_as::<Self, Messages<Request>, _>(process, 0)?
            } else {
                spawn.start_as::<Unplaced, Messages<Request>, _>(process, 0)?
            };
            Ok(Pid::from_raw(spawned.pid))
        });
        started.await.map(SupervisorRef::of)
    }
}

/// A supervisor that no version's tree knows: it stays on its version.
struct Unplaced;
