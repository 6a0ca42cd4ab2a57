//! A supervisor that moves to another version of its plugin. It is a type of the SDK's own, listed by no application.
//!
//! ```text
//! written: where it stands, its children and whether they run, its last restarts
//! restored: the other version's tree is made anew by `Application::supervise`; what stands at that place there ─┬─ its list and settings, and
//!                                                                                                               │  the children (`inherit.rs`)
//!                                                                                                               └─ nothing: the children alone
//! moved ─ asked to start ─► what is added starts ─ asked to settle ─► what left is stopped, what did not move is renewed (`settle.rs`)
//! ```
//!
//! What stands at no place in the other version is stopped by the supervisor above it when the upgrade is done; until then it knows how to stop its children,
//! and that none is started again.
//!
//! Invariants:
//! - It is written between two requests, when none is deferred.
//! - To restore one calls the application's function and starts nothing: a copy changes nothing.

use super::child::Child;
use super::inherit::{Now, Stood, inherit};
use super::place::Place;
use super::plan::{Key, Plan, State};
use super::reference::Request;
use super::root;
use super::run::Running;
use super::template::Template;
use super::window::Window;
use super::{Strategy, Supervisor};
use crate::abi::{ProcessFuture, SUPERVISOR_STATE};
use crate::ffi::{self, Messages, into_process};
use crate::mailbox::Mailbox;
use crate::moving::MovingType;
use crate::process::{Pid, self_pid};
use crate::state::{Chain, Shape, StateError};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::any::{Any, TypeId};
use std::collections::VecDeque;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What supervisors are to a node. No state of a plugin's has this name.
pub(crate) const CHAIN: &Chain = &Chain {
    name: SUPERVISOR_STATE,
    path: "plugin_abi::supervisor::Supervisor",
    version: 1,
    shape: &Shape::Opaque("plugin_abi::Supervisor"),
    before: None,
};

static TYPE: MovingType = MovingType { id: TypeId::of::<Supervisor>, chain: CHAIN, write, restore, convert };

type Make = &'static (dyn Fn() -> Supervisor + Send + Sync);

/// Makes this version's tree.
static TREE: OnceLock<Make> = OnceLock::new();

/// At the image's beginning: this version has a tree.
pub(crate) fn set_tree(make: Make) {
    // An image begins once.
    let _: Result<(), Make> = TREE.set(make);
}

/// What supervisors move by, if this version has a tree.
pub(crate) fn moving_type() -> Option<&'static MovingType> {
    TREE.get().map(|_| &TYPE)
}

/// A supervisor as its loop writes it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Standing {
    place: Place,
    /// `None`: a root that waits for its turn.
    tree: Option<Below>,
    /// Calls that it has made.
    calls: u64,
}

/// What it supervises.
#[derive(Debug, Serialize, Deserialize)]
struct Below {
    parent: Option<Pid>,
    strategy: Strategy,
    restarts_max: u32,
    within: Duration,
    /// How long ago each restart was that may still count, oldest first.
    restarts: Vec<Duration>,
    /// The names of its version's list.
    listed: Vec<String>,
    children: Vec<Stood>,
    /// The first key that was not given yet.
    next: Key,
}

impl Standing {
    /// A root that waits for its turn.
    pub(super) fn waiting() -> Self {
        Self { place: Place::root(), tree: None, calls: calls() }
    }

    pub(super) fn of(running: &Running, place: &Place) -> Self {
        let (plan, window) = (&running.plan, running.plan.window());
        let stood = |(_, entry): (Key, &super::plan::Entry)| Stood {
            name: entry.child.name.to_string(),
            restart: entry.child.restart,
            shutdown: entry.child.shutdown,
            kind: entry.child.kind,
            process: entry.child.state.as_deref().map(str::to_owned),
            argument: entry.child.argument.as_deref().map(|argument| ByteBuf::from(argument.to_vec())),
            is_listed: entry.is_listed,
            state: entry.state,
        };
        let tree = Below {
            parent: running.parent,
            strategy: plan.strategy(),
            restarts_max: window.restarts_max(),
            within: window.within(),
            restarts: window.ages(Instant::now()),
            listed: running.listed.clone(),
            children: plan.entries().map(stood).collect(),
            next: plan.next(),
        };
        Self { place: place.clone(), tree: Some(tree), calls: calls() }
    }

    /// As that version.
    pub(super) fn write(&self, version: u32) -> Result<Vec<u8>, StateError> {
        if version != CHAIN.version {
            return Err(StateError::no_version(CHAIN, version));
        }
        rmp_serde::to_vec_named(self).map_err(StateError::new)
    }

    fn read(version: u32, bytes: &[u8]) -> Result<Self, StateError> {
        if version != CHAIN.version {
            return Err(StateError::no_version(CHAIN, version));
        }
        rmp_serde::from_slice(bytes).map_err(StateError::new)
    }
}

fn calls() -> u64 {
    ffi::with_local(ffi::Local::calls).unwrap_or_default()
}

fn write(state: &dyn Any, version: u32) -> Result<Vec<u8>, StateError> {
    let standing: &Standing = state.downcast_ref().ok_or_else(|| StateError::new("it is no supervisor"))?;
    standing.write(version)
}

fn convert(from: u32, bytes: &[u8], to: u32) -> Result<Vec<u8>, StateError> {
    Standing::read(from, bytes)?.write(to)
}

/// What a supervisor has on this version.
struct Moved {
    plan: Plan,
    listed: Vec<String>,
    template: Option<Template>,
    parent: Option<Pid>,
}

fn restore(version: u32, bytes: &[u8]) -> Result<ProcessFuture, StateError> {
    let make = TREE.get().ok_or_else(|| StateError::new("this version has no tree"))?;
    let Standing { place, tree, calls } = Standing::read(version, bytes)?;
    let Some(below) = tree else {
        return Ok(into_process::<Supervisor, Messages<Request>, _>(async move {
            let mailbox = arrive(calls);
            root::root(make, mailbox).await
        }));
    };
    let Moved { plan, listed, template, parent } = moved(below, &place, place.find(make()))?;
    Ok(into_process::<Supervisor, Messages<Request>, _>(async move {
        let mailbox = arrive(calls);
        let is_root = place.is_root();
        let (place, deferred) = (Some(place), VecDeque::new());
        let running = Running { plan, mailbox, parent, listed, template, place, deferred };
        running.retry_failed();
        if is_root { root::go_on(running).await } else { running.go_on().await }
    }))
}

fn arrive(calls: u64) -> Mailbox<Request> {
    ffi::with_local(|local| local.arrive(calls));
    Mailbox::of_moved(self_pid().expect("a process has a pid"))
}

/// `found`: what stands at its place in this version.
fn moved(below: Below, place: &Place, found: Option<Supervisor>) -> Result<Moved, StateError> {
    let Below { parent, strategy, restarts_max, within, restarts, listed, children, next } = below;
    let moment = Instant::now();
    let Some(found) = found else {
        let window = Window::moved(restarts_max, within, &restarts, moment);
        let nothing = Now { list: &[], template: None, are_names_identities: false };
        let heirs = inherit(&children, &[], nothing).map_err(StateError::new)?;
        return Ok(Moved {
            plan: Plan::moved(strategy, window, heirs, next),
            listed: Vec::new(),
            template: None,
            parent,
        });
    };
    let is_dynamic = found.strategy == Strategy::Dynamic;
    if is_dynamic != (strategy == Strategy::Dynamic) {
        let is = if is_dynamic { "became dynamic" } else { "is dynamic no more" };
        return Err(StateError::new(format_args!(
            "{place} {is}: its children are known otherwise. Give it another name"
        )));
    }
    if let Some(name) = twice(&found.children).filter(|_| !is_dynamic) {
        return Err(StateError::new(format_args!("{place}: two children are named {name:?}")));
    }
    let now = Now { list: &found.children, template: found.template.as_ref(), are_names_identities: !is_dynamic };
    let heirs = inherit(&children, &listed, now);
    let heirs = heirs.map_err(|error| StateError::new(format_args!("{place}: {error}")))?;
    let window = Window::moved(found.restarts_max, found.within, &restarts, moment);
    let plan = Plan::moved(found.strategy, window, heirs, next);
    Ok(Moved { plan, listed: names(&found.children), template: found.template, parent })
}

/// The names of a list.
pub(super) fn names(children: &[Child]) -> Vec<String> {
    children.iter().map(|child| child.name.to_string()).collect()
}

fn twice(children: &[Child]) -> Option<&str> {
    let is_before = |(at, child): &(usize, &Child)| children[..*at].iter().any(|other| other.name == child.name);
    children.iter().enumerate().find(is_before).map(|(_, child)| &*child.name)
}

impl Running {
    /// Starts that had failed are tried again: what was noted of them went by another version's keys.
    fn retry_failed(&self) {
        for (key, _) in self.plan.entries().filter(|(_, entry)| entry.state == State::Restarting) {
            // Its own mailbox is open and not limited.
            drop(self.mailbox.address().send(Request::Retry(key)));
        }
    }
}
