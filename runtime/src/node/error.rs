//! Why a node cannot serve.

use crate::protocol::Failure;
use crate::release::store::StoreError;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// One sentence each; [`NodeError::hint`] says what next.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The control socket's path does not fit.
    #[error("the control socket's path {} has {length} bytes, and the system takes 107", path.display())]
    SocketPath {
        /// The path.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
    /// The node's folder cannot be used.
    #[error("the node's folder {} cannot be used: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another node runs in the same folder.
    #[error("a node runs in {} already", root.display())]
    Running {
        /// The folder.
        root: PathBuf,
    },
    /// The folder holds no release to boot.
    #[error("{} holds no release", root.display())]
    NoRelease {
        /// The folder.
        root: PathBuf,
    },
    /// What the folder holds cannot be read.
    #[error(transparent)]
    Store(Box<StoreError>),
    /// It is not said right what is logged.
    #[error("what is to be logged is not understood: {0}")]
    Log(String),
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signals(io::Error),
    /// No threads.
    #[error("the system gives no threads for the schedulers: {0}")]
    Threads(io::Error),
    /// The release cannot be booted.
    #[error("{}", .0.message)]
    Boot(Failure),
    /// The address for metrics cannot be listened on.
    #[error("metrics cannot be served on {address}: {source}")]
    Metrics {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The application's tree did not start.
    #[error("the application did not start: {reason}")]
    Start {
        /// Whose start failed, and why.
        reason: String,
    },
    /// The control socket cannot be made.
    #[error("the control socket {} cannot be made: {source}", path.display())]
    Socket {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl NodeError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::SocketPath { .. } => Some("give the node a shorter folder with --node".to_owned()),
            Self::Folder { .. } | Self::Socket { .. } => Some("give a folder that you may write to with --node".to_owned()),
            Self::Running { .. } => {
                Some("cargo system upgrade changes its code; cargo system stop stops it".to_owned())
            }
            Self::Log(_) => Some("write [MODULE=]LEVEL, such as debug or my_app::orders=debug".to_owned()),
            Self::NoRelease { .. } => Some("cargo system run or cargo system release makes one".to_owned()),
            Self::Metrics { .. } => Some("give another address with --metrics, or none".to_owned()),
            Self::Boot(failure) => failure.hint.clone(),
            Self::Start { .. } => {
                Some("the log above says what its children did; mend the start that failed, or what it needs, and start the node again".to_owned())
            }
            Self::Store(error) => Some(error.hint().to_owned()),
            Self::Signals(_) => Some("try it again".to_owned()),
            Self::Threads(_) => {
                Some("raise the limit of threads (ulimit -u), or give fewer with --schedulers".to_owned())
            }
        }
    }
}
