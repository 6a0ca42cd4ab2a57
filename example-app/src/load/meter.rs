//! The meter: counts jobs that are done, and ten times a second takes a sample.
//!
//! Pages ask for the next view and get it with the next sample: rendered once for all of them, and never more often than a page takes it.

use super::control::Settings;
use super::session::Load;
use super::view::View;
use super::window::{Sample, Window};
use plugin_abi::server::{Context, Flow, Server, ServerRef};
use plugin_abi::system::{NodeInfo, node_info};
use plugin_abi::websocket::SessionRef;
use plugin_abi::{ExitReason, State, register, version};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const NAME: &str = "load meter";
const PERIOD: Duration = Duration::from_millis(100);
/// No more pages wait for a view.
const WAITING_MAX: usize = 10_000;

#[derive(Serialize, Deserialize, State)]
pub(crate) struct Meter {
    /// Jobs that are done since the last sample.
    done: u64,
    /// When that was, since the node was started, and the processor time that schedulers had used.
    at: Duration,
    cpu: Duration,
    window: Window,
    settings: Settings,
    waiting: Vec<SessionRef<Load>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Said {
    /// A job is.
    Done,
    /// By the control.
    Settings(Settings),
    /// A page wants the next view.
    Next(SessionRef<Load>),
    /// It is time.
    Sample,
}

impl Meter {
    pub(super) fn find() -> Option<ServerRef<Self>> {
        ServerRef::whereis(NAME)
    }

    fn sample(&mut self, node: &NodeInfo) {
        let since = node.uptime.saturating_sub(self.at).as_secs_f64();
        let used = node.cpu.saturating_sub(self.cpu).as_secs_f64();
        if since > 0.0 {
            let sample = Sample::new(self.done as f64 / since, used / since);
            self.window.push(sample, version());
        }
        (self.done, self.at, self.cpu) = (0, node.uptime, node.cpu);
        if !self.waiting.is_empty() {
            let view = View::new(&self.window, node, self.settings);
            for session in self.waiting.drain(..) {
                // A page that has gone does not want it.
                let _: Result<(), _> = session.send(view.clone());
            }
        }
    }
}

impl Server for Meter {
    type Argument = ();
    type Call = ();
    type Cast = Said;

    async fn init((): (), context: &mut Context<Self>) -> Result<Self, ExitReason> {
        register(NAME, context.myself().pid()).map_err(|error| ExitReason::Error(error.to_string()))?;
        let node = node_info().ok_or_else(|| ExitReason::Error("the node says nothing of itself".to_owned()))?;
        let (window, settings) = (Window::default(), Settings::default());
        Ok(Self { done: 0, at: node.uptime, cpu: node.cpu, window, settings, waiting: Vec::new() })
    }

    async fn handle_continue(&mut self, context: &mut Context<Self>) -> Flow {
        context.myself().cast_after(PERIOD, Said::Sample);
        Flow::Continue
    }

    async fn handle_call(&mut self, (): (), _: &mut Context<Self>) -> Flow {
        Flow::Continue
    }

    async fn handle_cast(&mut self, said: Said, context: &mut Context<Self>) -> Flow {
        match said {
            Said::Done => self.done += 1,
            Said::Settings(settings) => self.settings = settings,
            Said::Next(session) if self.waiting.len() < WAITING_MAX && !self.waiting.contains(&session) => {
                self.waiting.push(session);
            }
            // It asks again, if it is there.
            Said::Next(_) => {}
            Said::Sample => {
                if let Some(node) = node_info() {
                    self.sample(&node);
                }
                context.myself().cast_after(PERIOD, Said::Sample);
            }
        }
        Flow::Continue
    }
}
