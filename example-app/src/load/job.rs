//! A job: once a second it sums up 1 to 50 and tells the meter, or fails.
//!
//! Its rhythm does not drift: each turn is due a second after the one before was due, however late that came. What has been missed by more than a
//! turn is not made up for.

use super::control::failures;
use super::meter::{Meter, Said};
use crate::random::random;
use plugin_abi::server::{Context, Flow, Info, Server, ServerRef};
use plugin_abi::{ExitReason, State};
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::time::{Duration, Instant};

const PERIOD: Duration = Duration::from_secs(1);

#[derive(Serialize, Deserialize, State)]
pub(crate) struct Job {
    meter: Option<ServerRef<Meter>>,
    /// A moment means nothing elsewhere. `None`: it is due when its time-out comes.
    #[serde(skip)]
    due: Option<Instant>,
}

impl Server for Job {
    type Argument = ();
    type Call = ();
    type Cast = ();

    async fn init((): (), _: &mut Context<Self>) -> Result<Self, ExitReason> {
        Ok(Self { meter: Meter::find(), due: None })
    }

    /// Jobs that start together do not work together.
    async fn handle_continue(&mut self, _: &mut Context<Self>) -> Flow {
        Flow::Timeout(PERIOD.mul_f64(f64::from(random(1_000_000)) / 1e6))
    }

    async fn handle_call(&mut self, (): (), _: &mut Context<Self>) -> Flow {
        self.rest()
    }

    async fn handle_info(&mut self, _: Info, _: &mut Context<Self>) -> Flow {
        if random(1_000_000) < failures() {
            return Flow::Stop(ExitReason::Error("jobs are set to fail".to_owned()));
        }
        black_box((1..=black_box(50_u64)).sum::<u64>());
        let now = Instant::now();
        self.due = Some((self.due.unwrap_or(now) + PERIOD).max(now));
        // A meter that has gone is looked for anew: there may be another one.
        if self.meter.is_none_or(|meter| meter.cast(Said::Done).is_err()) {
            self.meter = Meter::find();
        }
        self.rest()
    }
}

impl Job {
    fn rest(&self) -> Flow {
        Flow::Timeout(self.due.map_or(PERIOD, |due| due.saturating_duration_since(Instant::now())))
    }
}
