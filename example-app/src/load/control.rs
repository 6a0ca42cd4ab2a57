//! What is wished for: how many jobs, and how often they fail.
//!
//! Once a second it says its wishes again: to the meter, which shows them, and to whoever fills the groups, so that what was killed comes back.

use super::fill::fill;
use super::meter::{Meter, Said};
use plugin_abi::server::{Context, Flow, Info, Server, ServerRef};
use plugin_abi::{ExitReason, Pid, ReplyTo, State, register, spawn};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const NAME: &str = "load control";
const LOOK: Duration = Duration::from_secs(1);

/// Of a million turns of jobs, so many fail. Each version has one of its own, set within a second of an upgrade.
static FAILURES: AtomicU32 = AtomicU32::new(0);

/// Of a million turns of jobs, so many are to fail.
pub(super) fn failures() -> u32 {
    FAILURES.load(Ordering::Relaxed)
}

#[derive(Clone, Copy, Default, Serialize, Deserialize, State)]
pub(crate) struct Settings {
    pub(super) jobs: u32,
    /// Of a million.
    pub(super) failures: u32,
}

#[derive(Serialize, Deserialize, State)]
pub(crate) struct Control {
    settings: Settings,
    /// Who brings the groups to that number of jobs, if somebody does now.
    filling: Option<Pid>,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Call {
    SetJobs(u32, ReplyTo<()>),
    SetFailures(u32, ReplyTo<()>),
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Look;

impl Control {
    pub(super) fn find() -> Option<ServerRef<Self>> {
        ServerRef::whereis(NAME)
    }

    fn look(&mut self, context: &mut Context<Self>) {
        FAILURES.store(self.settings.failures, Ordering::Relaxed);
        if let Some(meter) = Meter::find() {
            // One that ends just now is told in a second, if it is there again.
            let _: Result<(), _> = meter.cast(Said::Settings(self.settings));
        }
        if self.filling.is_none() {
            let jobs = self.settings.jobs;
            match spawn(fill(jobs)) {
                Ok(pid) => {
                    context.monitor(pid);
                    self.filling = Some(pid);
                }
                Err(error) => tracing::warn!(%error, "nobody can start or stop jobs"),
            }
        }
    }
}

impl Server for Control {
    type Argument = ();
    type Call = Call;
    type Cast = Look;

    async fn init((): (), context: &mut Context<Self>) -> Result<Self, ExitReason> {
        register(NAME, context.myself().pid()).map_err(|error| ExitReason::Error(error.to_string()))?;
        Ok(Self { settings: Settings::default(), filling: None })
    }

    async fn handle_continue(&mut self, context: &mut Context<Self>) -> Flow {
        self.handle_cast(Look, context).await
    }

    async fn handle_call(&mut self, call: Call, context: &mut Context<Self>) -> Flow {
        let reply = match call {
            Call::SetJobs(jobs, reply) => {
                self.settings.jobs = jobs;
                reply
            }
            Call::SetFailures(failures, reply) => {
                self.settings.failures = failures;
                reply
            }
        };
        self.look(context);
        reply.send(());
        Flow::Continue
    }

    async fn handle_cast(&mut self, Look: Look, context: &mut Context<Self>) -> Flow {
        self.look(context);
        context.myself().cast_after(LOOK, Look);
        Flow::Continue
    }

    async fn handle_info(&mut self, info: Info, _: &mut Context<Self>) -> Flow {
        if matches!(info, Info::Down(down) if Some(down.pid) == self.filling) {
            self.filling = None;
        }
        Flow::Continue
    }
}
