//! What all load pages show alike, as HTML: rendered once, and shared.

use super::control::Settings;
use super::window::{LEN_MAX, Window};
use crate::chart::{self, Chart};
use crate::shared::Shared;
use plugin_abi::system::NodeInfo;
use serde::{Deserialize, Serialize};

const _: () = assert!(chart::LEN == LEN_MAX);

/// See the file's head.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct View {
    pub(super) jobs: Shared,
    pub(super) usage: Shared,
    pub(super) figures: Shared,
}

impl View {
    pub(super) fn new(window: &Window, node: &NodeInfo, settings: Settings) -> Self {
        let (jobs, usage) = (window.mean(|sample| sample.jobs), percent(window.mean(|sample| sample.usage)));
        let (jobs, usage) = (format!("{jobs:.0}"), format!("{usage:.1} %"));
        let of_jobs =
            Chart { id: "jobs-chart", title: "jobs a second", now: &jobs, unit: "", least: settings_least(settings) };
        let of_usage = Chart {
            id: "usage-chart",
            title: "scheduler usage, of one",
            now: &usage,
            unit: " %",
            least: percent(node.schedulers_online as f32),
        };
        let samples = window.samples();
        Self {
            jobs: chart::svg(&of_jobs, samples.clone().map(|sample| sample.jobs), window.upgrades()).into(),
            usage: chart::svg(&of_usage, samples.map(|sample| percent(sample.usage)), window.upgrades()).into(),
            figures: figures(node, settings).into(),
        }
    }
}

fn percent(share: f32) -> f32 {
    share * 100.0
}

/// What is wished for is on the axis.
#[expect(clippy::cast_precision_loss, reason = "an axis")]
fn settings_least(settings: Settings) -> f32 {
    settings.jobs.max(10) as f32 * 1.1
}

#[expect(clippy::cast_precision_loss, reason = "megabytes, to one digit")]
fn figures(node: &NodeInfo, settings: Settings) -> String {
    let figures = [
        ("jobs", settings.jobs.to_string()),
        ("failures", format!("{} %", f64::from(settings.failures) / 1e4)),
        ("schedulers", format!("{} of {}", node.schedulers_online, node.schedulers)),
        ("memory", format!("{:.1} MB", node.memory as f64 / 1e6)),
        ("processes", node.processes.to_string()),
    ];
    let figures = figures.map(|(name, value)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>"));
    format!("<dl id=\"figures\">{}</dl>", figures.concat())
}
