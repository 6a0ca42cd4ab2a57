//! What a plugin is made of: listeners and a root process.

use crate::abi::ProcessFuture;
use crate::config::{Config, ConfigChange, Hearer};
use crate::console::Function;
use crate::exit::Outcome;
use crate::ffi::{NoMessages, into_process};
use crate::health::HealthCheck;
use crate::net::TcpStream;
use crate::supervisor::{Supervisor, root_process, set_tree};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::{self, Display};
use std::time::Duration;

/// An application: what the plugin's function returns and the node asks.
#[derive(Debug, Default)]
pub struct Application {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) root: Option<Root>,
    pub(crate) health_checks: Vec<HealthCheck>,
    pub(crate) config: Option<Config>,
    pub(crate) config_change: Option<Hearer>,
    pub(crate) console: Vec<Function>,
}

/// What serves the connections of a listener. Each connection is a process of its own.
pub trait Accept: Send + Sync + 'static {
    /// Serves one connection: the whole life of its process.
    fn serve(&'static self, stream: TcpStream) -> impl Future<Output = ()> + Send + 'static;
}

impl<H, F> Accept for H
where
    H: Fn(TcpStream) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    async fn serve(&'static self, stream: TcpStream) {
        self(stream).await;
    }
}

/// An [`Accept`] behind a pointer: it makes the process. Runs none of the user's code: that is the process's part.
pub(crate) trait Start: Send + Sync {
    fn start(&'static self, stream: TcpStream) -> ProcessFuture;
}

impl<A: Accept> Start for A {
    fn start(&'static self, stream: TcpStream) -> ProcessFuture {
        into_process::<A, NoMessages, _>(async move { self.serve(stream).await })
    }
}

pub(crate) struct Listener {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) accept: Box<dyn Start>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.name, self.address)
    }
}

/// Makes the root process.
pub(crate) struct Root(Box<dyn RootStart>);

trait RootStart: Send + Sync {
    fn start(&'static self) -> ProcessFuture;

    /// What makes its tree, if it has one.
    fn tree(&'static self) -> Option<&'static (dyn Fn() -> Supervisor + Send + Sync)> {
        None
    }
}

impl<R, F> RootStart for R
where
    R: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    fn start(&'static self) -> ProcessFuture {
        into_process::<R, NoMessages, _>(async move { self().await })
    }
}

/// A root supervisor.
struct RootSupervisor<S>(S);

impl<S: Fn() -> Supervisor + Send + Sync + 'static> RootStart for RootSupervisor<S> {
    fn start(&'static self) -> ProcessFuture {
        root_process(&self.0)
    }

    fn tree(&'static self) -> Option<&'static (dyn Fn() -> Supervisor + Send + Sync)> {
        Some(&self.0)
    }
}

impl Root {
    pub(crate) fn start(&'static self) -> ProcessFuture {
        self.0.start()
    }

    /// At the image's beginning.
    pub(crate) fn begin(&'static self) {
        if let Some(tree) = self.0.tree() {
            set_tree(tree);
        }
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("root")
    }
}

impl Application {
    /// An application that does nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves connections to `address`, an `IP:PORT`, unless the node is told to listen elsewhere.
    ///
    /// The socket belongs to the node and outlives the version: the next version gets it by the listener's name. Names are
    /// unique within an application; a node refuses one that has a name twice.
    #[must_use]
    pub fn listen(mut self, name: impl Into<String>, address: impl Into<String>, accept: impl Accept) -> Self {
        self.listeners.push(Listener { name: name.into(), address: address.into(), accept: Box::new(accept) });
        self
    }

    /// Runs a tree of processes under a root supervisor, in place of any other root. `supervisor` says what this version's tree is. It is called
    /// when the node boots, and at an upgrade for each supervisor that moves, and for each rehearsal of that: it should do no more than say it.
    ///
    /// When another version becomes current, the tree moves to it as it stands, supervisors and servers with a declared state in place: same pids,
    /// mailboxes, links, monitors, names. Its children are found again by their names along the way from the root, and from then on it is what the
    /// new version's `supervisor` says:
    ///
    /// - settings of restart, shutdown and intensity apply at once; restarts that have happened count;
    /// - children that were added start before the upgrade is done, first to last, in 20 seconds: if one does not, the upgrade is rolled back, and
    ///   the tree with all its state, too;
    /// - children that were taken out are stopped when it is done, last to first, each in its time;
    /// - a permanent child without a state that moves is stopped with those, and started anew: it would run the old version's code for good
    ///   otherwise. So is one that is something else now. That counts as no restart, and no strategy stops others for it;
    /// - a transient or a temporary child without such a state goes on as it is to its end, and a transient one that fails is started again by the
    ///   new version;
    /// - children that a [template](crate::supervisor::Supervisor::template) makes of an argument are made of it anew, by the new version's template.
    ///   If that does not understand an argument, the upgrade is refused;
    /// - others that were added, by [`start_child`](crate::supervisor::SupervisorRef::start_child), stay and move like all others; how they are
    ///   started is not known to the new version, so that they are temporary from then on, also if the upgrade is rolled back. Supervisors that were
    ///   added so stay on their version, as does one that a dynamic supervisor's own list has.
    ///
    /// A roll-back is the same the other way. If the new version has no tree, the old one's is stopped in order, and so it is if it was made with an
    /// SDK whose supervisors do not move; then the new one's starts. When the node stops, the tree is stopped in order, within the grace.
    ///
    /// If a child does not start at boot, or the root supervisor gives up, the log says so, `cargo system status` shows the root as ended, and the
    /// node goes on to serve its listeners without the tree.
    #[must_use]
    pub fn supervise(mut self, supervisor: impl Fn() -> Supervisor + Send + Sync + 'static) -> Self {
        self.root = Some(Root(Box::new(RootSupervisor(supervisor))));
        self
    }

    /// Declares what must be right before this version stays: when an upgrade has moved what moves, and again and again while it is on
    /// probation, the node runs each check as a process of this version. If one ends with an error or a panic, or not by its deadline, all goes back to the
    /// version before. A node gives none more than a minute.
    ///
    /// ```
    /// # use plugin_abi::Application;
    /// # use std::time::Duration;
    /// # async fn ping() -> bool { true }
    /// Application::new().health_check("database", Duration::from_secs(5), || async {
    ///     if ping().await { Ok(()) } else { Err("it does not answer".to_owned()) }
    /// });
    /// ```
    #[must_use]
    pub fn health_check<F>(
        mut self,
        name: impl Into<String>,
        deadline: Duration,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        self.health_checks.push(HealthCheck::new(name.into(), deadline, check));
        self
    }

    /// Declares the type of the application's configuration, and what must hold of it; processes have it from [`config`](crate::config()).
    ///
    /// It is the `config.toml` of the package, named by `application!(app, config: "config.toml")`, with what the `config.toml` in the node's folder says
    /// otherwise. Each version reads its own before it serves: what cannot be read, or does not pass `check`, refuses the boot, or the upgrade, and
    /// nothing has changed.
    ///
    /// ```
    /// # use plugin_abi::Application;
    /// #[derive(serde::Deserialize)]
    /// struct Config { limit: u32 }
    ///
    /// # fn app() -> Application {
    /// Application::new().config(|config: &Config| match config.limit {
    ///     0 => Err("limit is 0, and nobody could do anything".to_owned()),
    ///     _ => Ok(()),
    /// })
    /// # }
    /// ```
    #[must_use]
    pub fn config<T>(mut self, check: impl Fn(&T) -> Result<(), String> + Send + Sync + 'static) -> Self
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        self.config = Some(Config::new(check));
        self
    }

    /// Runs `hear` as a process of this version when it has taken over from one with another configuration, by an upgrade or back: as OTP's `config_change`.
    /// Processes that have moved have the new configuration by then, if they ask for it.
    #[must_use]
    pub fn config_change<F>(mut self, hear: impl Fn(ConfigChange) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        self.config_change = Some(Hearer::new(hear));
        self
    }

    /// Gives people a function in the console of the node: `cargo system console` calls it by this name, `eval` too. A release of several plugins has it as
    /// `<plugin>_<name>`.
    ///
    /// A call runs as a process of the version that is current by then. It is killed when whoever waits for it presses Ctrl-C, goes away, or has waited
    /// for a minute. `A` is `()` for a function that takes nothing, the argument's type for one that takes one, and a tuple for up to four. What it
    /// comes to is shown as serde writes it, 1 MiB at the most; an error is shown as text.
    ///
    /// A name is a word of letters, digits and `_` that the console does not have itself, such as `top`; a node refuses a version with another.
    ///
    /// ```
    /// # use plugin_abi::Application;
    /// # async fn level(_: &str) -> Option<u64> { None }
    /// Application::new().console("level", |product: String| async move {
    ///     level(&product).await.ok_or_else(|| format!("there is no {product}"))
    /// });
    /// ```
    #[must_use]
    pub fn console<A, F, R, E>(
        mut self,
        name: impl Into<String>,
        function: impl Fn(A) -> F + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
        R: Serialize + 'static,
        E: Display + 'static,
    {
        self.console.push(Function::new(name.into(), function));
        self
    }

    /// Runs a root process, in place of any other root: started when this version becomes current. It should end when [`draining`](crate::draining) says so.
    #[must_use]
    pub fn start<F>(mut self, root: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.root = Some(Root(Box::new(root)));
        self
    }
}
