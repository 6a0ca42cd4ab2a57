//! Looks at the node for all pages that want to see it: one look at a time of each kind, however many pages there are.
//!
//! ```text
//! page ─ next ─► waits ─┬─ nobody looks ─► a process looks ─ seen ─► all that wait get it, rendered once
//!                       └─ somebody does                 └─ died ─► pages ask again
//! ```

use crate::shared::Shared;
use crate::system::{self, System};
use crate::top::{self, Top};
use plugin_abi::server::{Context, Flow, Info, Server, ServerRef};
use plugin_abi::supervisor::Child;
use plugin_abi::websocket::SessionRef;
use plugin_abi::{ExitReason, Pid, State, register, spawn};
use serde::{Deserialize, Serialize};

const NAME: &str = "watcher";
/// No more pages wait.
const WAITING_MAX: usize = 10_000;

/// What can be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, State)]
pub(crate) enum Topic {
    Top,
    System,
}

/// A page that waits.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, State)]
pub(crate) enum Page {
    Top(SessionRef<Top>),
    System(SessionRef<System>),
}

#[derive(Serialize, Deserialize, State)]
pub(crate) struct Watcher {
    waiting: Vec<Page>,
    /// Who looks.
    looking: Vec<(Topic, Pid)>,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Said {
    /// A page wants the next look.
    Next(Page),
    /// What somebody has seen, as HTML.
    Seen(Topic, Shared),
}

pub(crate) fn child() -> Child {
    Child::server::<Watcher>("watcher", ())
}

/// A page asks for the next look. One that gets none asks again.
pub(crate) fn ask(page: Page) {
    if let Some(watcher) = ServerRef::<Watcher>::whereis(NAME) {
        let _: Result<(), _> = watcher.cast(Said::Next(page));
    }
}

impl Page {
    fn topic(self) -> Topic {
        match self {
            Self::Top(_) => Topic::Top,
            Self::System(_) => Topic::System,
        }
    }

    fn send(self, seen: Shared) {
        // A page that has gone does not want it.
        let _: Result<(), _> = match self {
            Self::Top(session) => session.send(top::Heard::Seen(seen)),
            Self::System(session) => session.send(seen),
        };
    }
}

async fn look(topic: Topic, watcher: ServerRef<Watcher>) {
    let seen = match topic {
        Topic::Top => top::look().await,
        Topic::System => system::look().await,
    };
    // If it is gone, so is who waited there.
    let _: Result<(), _> = watcher.cast(Said::Seen(topic, seen.into()));
}

impl Watcher {
    fn next(&mut self, page: Page, context: &mut Context<Self>) {
        if self.waiting.len() < WAITING_MAX && !self.waiting.contains(&page) {
            self.waiting.push(page);
        }
        let topic = page.topic();
        if self.looking.iter().all(|(other, _)| *other != topic)
            && let Ok(pid) = spawn(look(topic, context.myself()))
        {
            context.monitor(pid);
            self.looking.push((topic, pid));
        }
    }
}

impl Server for Watcher {
    type Argument = ();
    type Call = ();
    type Cast = Said;

    async fn init((): (), context: &mut Context<Self>) -> Result<Self, ExitReason> {
        register(NAME, context.myself().pid()).map_err(|error| ExitReason::Error(error.to_string()))?;
        Ok(Self { waiting: Vec::new(), looking: Vec::new() })
    }

    async fn handle_call(&mut self, (): (), _: &mut Context<Self>) -> Flow {
        Flow::Continue
    }

    async fn handle_cast(&mut self, said: Said, context: &mut Context<Self>) -> Flow {
        match said {
            Said::Next(page) => self.next(page, context),
            Said::Seen(topic, seen) => {
                self.looking.retain(|(other, _)| *other != topic);
                let (ready, waiting) = self.waiting.drain(..).partition(|page| page.topic() == topic);
                self.waiting = waiting;
                let ready: Vec<Page> = ready;
                ready.into_iter().for_each(|page| page.send(seen.clone()));
            }
        }
        Flow::Continue
    }

    async fn handle_info(&mut self, info: Info, _: &mut Context<Self>) -> Flow {
        if let Info::Down(down) = info {
            self.looking.retain(|(_, pid)| *pid != down.pid);
        }
        Flow::Continue
    }
}
