//! What a plugin is made of: listeners and a root process.

use crate::abi::ProcessFuture;
use crate::ffi::{NoMessages, into_process};
use crate::net::TcpStream;
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

    /// Runs a root process: started when this version becomes current. It should end when [`draining`](crate::draining) says so.
    #[must_use]
    pub fn start<F>(mut self, root: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.root = Some(Root(Box::new(root)));
        self
    }
}
