//! A client of the control socket that may do as it likes, and what of it is left in the node.

use crate::node::Node;
use crate::wait;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// For whatever has to come some time: longer than a node has patience.
const LIMIT: Duration = Duration::from_secs(30);

/// See the file's head.
#[derive(Debug)]
pub struct Raw(BufReader<UnixStream>);

impl Raw {
    /// One that has said nothing yet.
    ///
    /// # Panics
    /// When the node does not listen.
    #[must_use]
    pub fn open(node: &Node) -> Self {
        let stream = UnixStream::connect(node.root().join("run/control.sock")).expect("connected");
        stream.set_read_timeout(Some(LIMIT)).expect("a time-out");
        Self(BufReader::new(stream))
    }

    /// One that has asked for a console.
    ///
    /// # Panics
    /// When the node does not listen.
    #[must_use]
    pub fn console(node: &Node) -> Self {
        Self::asking(node, "{\"schema\":1,\"command\":\"console\"}")
    }

    /// One that has asked for this.
    ///
    /// # Panics
    /// When the node does not listen.
    #[must_use]
    pub fn asking(node: &Node, request: &str) -> Self {
        let mut raw = Self::open(node);
        raw.say(&format!("{request}\n"));
        raw
    }

    /// Sends this, if the node still takes it: whether it does.
    pub fn say(&mut self, text: &str) -> bool {
        self.0.get_mut().write_all(text.as_bytes()).is_ok()
    }

    /// The next line, if there is one.
    ///
    /// # Panics
    /// When it is no JSON.
    pub fn hear(&mut self) -> Option<Value> {
        let mut line = String::new();
        let len = self.0.read_line(&mut line).ok()?;
        (len > 0).then(|| serde_json::from_str(&line).expect("JSON"))
    }
}

/// Folders of the node's threads whose names begin so.
///
/// # Panics
/// When the node has ended.
#[must_use]
pub fn threads_named(node: &Node, names: &[&str]) -> Vec<PathBuf> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", node.os_pid())).expect("its threads");
    let is_named = |task: &PathBuf| {
        let own = std::fs::read_to_string(task.join("comm")).unwrap_or_default();
        names.iter().any(|name| own.starts_with(name))
    };
    tasks.filter_map(|task| Some(task.ok()?.path())).filter(is_named).collect()
}

/// Threads of the node that clients are served by.
#[must_use]
pub fn threads(node: &Node) -> usize {
    threads_named(node, &["console", "control-client"]).len()
}

/// Waits until nobody is served any more.
///
/// # Panics
/// When somebody still is.
pub fn until_no_thread_is_left(node: &Node) {
    wait::until("nothing is left", LIMIT, || (threads(node) == 0).then_some(())).expect("no client's thread is left");
}
