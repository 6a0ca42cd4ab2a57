//! What a plugin is made of: listeners and a root process.

use crate::abi::ProcessFuture;
use crate::ffi::{NoMessages, into_process};
use crate::net::TcpStream;
use crate::supervisor::{Supervisor, root_process};
use std::fmt;

/// An application: what the plugin's function returns and the node asks.
#[derive(Debug, Default)]
pub struct Application {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) root: Option<Root>,
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
}

impl Root {
    pub(crate) fn start(&'static self) -> ProcessFuture {
        self.0.start()
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

    /// Runs a tree of processes under a root supervisor, in place of any other root: `supervisor` is called in its process when this version
    /// becomes current, at boot and at an upgrade.
    ///
    /// When another version becomes current, this version's tree is stopped in order, last child first, each in its time, those of its
    /// servers that would move otherwise too; then the other version's tree starts. So there is one tree at a time, and names that its
    /// children have go over with them; while neither runs, for as long as the old one takes to stop, calls to them fail. Processes outside of the tree, such as connections, finish as they are. When
    /// the node stops, the tree is stopped in order too, within the grace.
    ///
    /// If a child does not start, or the root supervisor gives up, the log says so, `cargo system status` shows the root as ended,
    /// and the node goes on to serve its listeners without the tree.
    #[must_use]
    pub fn supervise(mut self, supervisor: impl Fn() -> Supervisor + Send + Sync + 'static) -> Self {
        self.root = Some(Root(Box::new(RootSupervisor(supervisor))));
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
