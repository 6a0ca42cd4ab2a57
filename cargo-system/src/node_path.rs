//! A node's folder, whether somebody runs there or not, and what the system says of that.

use crate::failure::Failure;
use runtime::release::layout::Layout;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// The longest path that a Unix socket can have.
const SOCKET_PATH_MAX: usize = 107;
/// How often the lock is looked at while a node ends.
const LOOK: Duration = Duration::from_millis(10);

/// The node's folder, and why that one.
#[derive(Debug)]
pub(crate) struct NodePath {
    pub(crate) layout: Layout,
    pub(crate) reason: &'static str,
    /// What a person calls the command by: `cargo system` or `bin/<name>`.
    pub(crate) command: String,
}

impl NodePath {
    /// The folder need not exist, but a node must be able to live there.
    pub(crate) fn new(root: &Path, reason: &'static str, command: &str) -> Result<Self, Failure> {
        let root = std::path::absolute(root)
            .map_err(|error| Failure::error(format!("{} is no path: {error}", root.display())))?;
        let layout = Layout::new(root);
        let socket = layout.socket();
        let length = socket.as_os_str().len();
        if length > SOCKET_PATH_MAX {
            let message = format!(
                "the control socket's path {} has {length} bytes, and the system takes {SOCKET_PATH_MAX}",
                socket.display()
            );
            return Err(Failure::error(message).hint("give the node a shorter folder with --node"));
        }
        Ok(Self { layout, reason, command: command.to_owned() })
    }

    /// The command that starts a node there.
    pub(crate) fn start(&self) -> String {
        let verb = if self.command.starts_with("bin/") { "start" } else { "run" };
        format!("{} {verb}", self.command)
    }

    /// The folder, for messages.
    pub(crate) fn root(&self) -> std::path::Display<'_> {
        self.layout.root().display()
    }

    /// Does a node hold the folder's lock? True also for one that does not answer.
    pub(crate) fn is_running(&self) -> Result<bool, Failure> {
        let unknown = |error: io::Error| {
            Failure::error(format!("{} cannot be looked at: {error}", self.layout.lock().display()))
                .hint("only the node's own user and root may control it")
        };
        let lock = match File::open(self.layout.lock()) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(unknown(error)),
        };
        match lock.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(unknown(error)),
        }
    }

    /// An error when a node runs there.
    pub(crate) fn refuse_running(&self) -> Result<(), Failure> {
        if !self.is_running()? {
            return Ok(());
        }
        Err(Failure::error(format!("a node runs in {} already", self.root()))
            .hint(format!("{0} upgrade changes its code; {0} stop stops it", self.command)))
    }

    /// Waits for the end of a node that has said that it stops. False: it holds its lock still.
    pub(crate) fn wait_until_gone(&self, patience: Duration) -> Result<bool, Failure> {
        let until = Instant::now() + patience;
        while self.is_running()? {
            if Instant::now() >= until {
                return Ok(false);
            }
            std::thread::sleep(LOOK);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_no_socket_fits_in_is_refused() {
        let root = format!("/tmp/{}", "x".repeat(SOCKET_PATH_MAX));
        let error = NodePath::new(Path::new(&root), "a test's", "").expect_err("too long");
        assert!(error.message.contains("129 bytes, and the system takes 107"), "{}", error.message);
    }

    #[test]
    fn nobody_runs_in_a_folder_that_is_not_there() {
        let node = NodePath::new(Path::new("/nonexistent/node"), "a test's", "").expect("a path");
        assert!(!node.is_running().expect("known"));
    }
}
