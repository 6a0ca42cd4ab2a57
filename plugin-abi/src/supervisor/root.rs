//! The root supervisor of a plugin.
//!
//! ```text
//! this version becomes current ─► waits until the tree of the version before is gone ─► starts ─► serves ─► moves to the next version
//!                                                    │                                     │         │        └─► serves there
//!                        not current any more: ends ◄┘      a child does not start: ends ◄─┘         ▼
//!                                                       not moved and drains, or the node stops: stops its tree in order
//! ```
//!
//! A node that has just booted this version ends when its tree does not start: there is nothing to go back to, and whoever started the node is to hear
//! of it. One that was upgraded goes on without.
//!
//! One tree of a plugin at a time. As a rule the root moves, and the next version starts no other. If it cannot, because one of the versions has no tree, say, then
//! whatever its children hold, such as a name, has been given back before the next version's ask for it. The trees agree by
//! a name of their own, which the runtime frees at the end of a root, however it ends; several versions that wait, wait for each other. Who waits
//! is moved, too, and waits there.

use super::Supervisor;
use super::moving::Standing;
use super::reference::{Request, SupervisorRef};
use super::run::{Running, run_root};
use crate::abi::{ProcessFuture, STATUS_OK};
use crate::drain::{ImageState, draining, image_state};
use crate::exit::ExitReason;
use crate::ffi::{self, Messages, into_process};
use crate::mailbox::{Mailbox, in_mailbox};
use crate::moving::{self, Asked};
use crate::process::Pid;
use crate::time::timeout;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::OnceLock;
use std::task::Poll;
use std::time::Duration;

/// Who has this name has the tree of this plugin.
fn root_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| format!("plugin_abi::supervisor::root/{}", ffi::plugin()))
}

/// How often the log says that a tree is waited for.
const SAY: Duration = Duration::from_secs(10);

impl SupervisorRef {
    /// The root supervisor of this plugin, if it has one: of the current version, or of the one before while that one's tree still stops.
    #[must_use]
    pub fn root() -> Option<Self> {
        let pid = ffi::whereis(root_name());
        (pid != 0).then(|| Self::of(Pid::from_raw(pid)))
    }
}

/// The process of a root supervisor that `make` describes.
pub(crate) fn process(make: &'static (impl Fn() -> Supervisor + Send + Sync)) -> ProcessFuture {
    into_process::<Supervisor, Messages<Request>, _>(in_mailbox(move |mailbox| root(make, mailbox)))
}

pub(super) async fn root(make: impl FnOnce() -> Supervisor + Send, mut mailbox: Mailbox<Request>) -> ExitReason {
    if !take_over(&mut mailbox).await {
        return ExitReason::Normal;
    }
    match run_root(make(), mailbox, draining()).await {
        Ok(reason) => report(reason),
        Err(error) => {
            tracing::error!(%error, "the application's root supervisor did not start");
            ffi::start_failed(&error.to_string());
            ExitReason::Error(error.to_string())
        }
    }
}

/// One that has moved here.
pub(super) async fn go_on(mut running: Running) -> ExitReason {
    report(running.serve(draining()).await)
}

fn report(reason: ExitReason) -> ExitReason {
    if image_state() == ImageState::Current {
        tracing::error!(%reason, "the application's root supervisor has ended; the node goes on without its tree");
    }
    reason
}

/// Waits for its turn. False: this version is not current any more.
async fn take_over(mailbox: &mut Mailbox<Request>) -> bool {
    let own = mailbox.address().pid();
    while image_state() == ImageState::Current {
        if ffi::register(root_name(), own.get()) == STATUS_OK {
            return true;
        }
        let before = ffi::whereis(root_name());
        if before != 0 {
            mailbox.monitor(Pid::from_raw(before));
            wait_for_end(mailbox, Pid::from_raw(before)).await;
        }
    }
    false
}

/// What comes to a root that waits.
enum Heard {
    /// This version is not current any more.
    Draining,
    /// The node asks for something.
    Asked,
    Request(Request),
    Nothing,
}

/// Returns when it has ended, or this version is not current any more.
async fn wait_for_end(mailbox: &mut Mailbox<Request>, before: Pid) {
    let mut draining = pin!(draining());
    loop {
        let mut heard = pin!(timeout(SAY, mailbox.receive()));
        let heard = poll_fn(|cx| match draining.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Heard::Draining),
            Poll::Pending if moving::is_asked() => Poll::Ready(Heard::Asked),
            Poll::Pending => heard.as_mut().poll(cx).map(|heard| heard.map_or(Heard::Nothing, Heard::Request)),
        });
        match heard.await {
            Heard::Draining => return,
            Heard::Asked => answer().await,
            Heard::Request(Request::Down(down)) if down.pid == before => return,
            // Nobody knows it yet, so whatever else came was for another life: the caller hears that there is no answer.
            Heard::Request(_) => {}
            Heard::Nothing => tracing::warn!(%before, "the tree of the version before has not stopped yet: waiting"),
        }
    }
}

/// It has nothing yet: nothing to start, and nothing to stop.
async fn answer() {
    match moving::asked() {
        Asked::Nothing => {}
        Asked::State(wanted) => moving::give_as(wanted, |version| Standing::waiting().write(version)).await,
        Asked::Start | Asked::Settle => moving::done(Ok(())),
    }
}
