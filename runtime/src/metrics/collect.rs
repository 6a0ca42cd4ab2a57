//! The numbers, gathered when they are asked for.

use super::text::{Kind, Text, number_of};
use crate::log;
use crate::observe;
use crate::protocol::{Status, VersionStatus};
use crate::scheduler;
use crate::upgrade;

/// All of them, beside what `status` says anyway.
pub(crate) fn text(status: &Status) -> String {
    let mut text = Text::default();
    node(&mut text, status);
    versions(&mut text, status);
    processes(&mut text);
    schedulers(&mut text, status);
    ends(&mut text);
    log(&mut text);
    upgrades(&mut text);
    text.finish()
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a node's life")]
fn node(text: &mut Text, status: &Status) {
    let labels: &[(&str, &str)] = &[("name", &status.name), ("runtime", &status.runtime)];
    text.family("node", Kind::Info, "The application, and the version of the runtime.", [(labels, 1.0)]);
    let uptime = status.uptime_ms as f64 / 1e3;
    text.one("uptime_seconds", Kind::Gauge, "Time since the node was up.", uptime);
    let resident = number_of(status.memory_bytes);
    text.one("resident_memory_bytes", Kind::Gauge, "Resident memory of the node.", resident);
}

fn versions(text: &mut Text, status: &Status) {
    let labels: Vec<_> = status
        .versions
        .iter()
        .map(|VersionStatus { plugin, version, state, processes, .. }| {
            ([("plugin", plugin.as_str()), ("version", version.as_str()), ("state", state.as_str())], *processes)
        })
        .collect();
    let samples = labels.iter().map(|(labels, processes)| (labels.as_slice(), number_of(*processes)));
    text.family("version_processes", Kind::Gauge, "Processes of each version that lives.", samples);
    let crashes = upgrade::crashes();
    let labels: Vec<_> = crashes
        .iter()
        .map(|(plugin, version, crashes)| ([("plugin", *plugin), ("version", *version)], *crashes))
        .collect();
    let samples = labels.iter().map(|(labels, crashes)| (labels.as_slice(), number_of(*crashes)));
    let help = "Processes of each version that have ended with a panic or an error.";
    text.family("version_crashes", Kind::Counter, help, samples);
}

#[expect(clippy::cast_precision_loss, reason = "bytes of memory, far below 2^53")]
fn processes(text: &mut Text) {
    let totals = observe::totals();
    let labels: Vec<_> = totals.states.iter().map(|(state, number)| ([("state", *state)], *number)).collect();
    let samples = labels.iter().map(|(labels, number)| (labels.as_slice(), number_of(*number)));
    text.family("processes", Kind::Gauge, "Processes alive, by what they do.", samples);
    let help = "Messages that wait in all mailboxes.";
    text.one("mailbox_messages", Kind::Gauge, help, number_of(totals.mailbox));
    let help = "Messages that wait in the longest mailbox.";
    text.one("mailbox_messages_max", Kind::Gauge, help, totals.mailbox_max.into());
    let help = "Bytes that processes have allocated, as far as their versions count them.";
    text.one("process_memory_bytes", Kind::Gauge, help, totals.memory as f64);
}

fn schedulers(text: &mut Text, status: &Status) {
    text.one("schedulers", Kind::Gauge, "Schedulers.", status.schedulers.into());
    text.one("schedulers_online", Kind::Gauge, "Schedulers that work.", status.schedulers_online.into());
    let help = "Processor time of all scheduler threads; its rate by the schedulers online is their utilisation.";
    text.one("scheduler_cpu_seconds", Kind::Counter, help, scheduler::cpu_time().as_secs_f64());
    let (own, common) = scheduler::run_queues();
    let names: Vec<_> = (0..own.len()).map(|number| number.to_string()).chain(["common".to_owned()]).collect();
    let labels: Vec<_> = names.iter().map(|name| [("scheduler", name.as_str())]).collect();
    let lengths = own.into_iter().chain([common]).map(|len| number_of(len as u64));
    let samples = labels.iter().map(<[_; 1]>::as_slice).zip(lengths);
    text.family("run_queue_processes", Kind::Gauge, "Processes that wait for a scheduler, by queue.", samples);
    let help = "How often a scheduler went on on another thread, since its process did not give way.";
    text.one("hand_offs", Kind::Counter, help, number_of(status.hand_offs));
    let help = "Long turns that have held their scheduler, since as many long runners as may be were there, or the system gave no thread.";
    text.one("hand_off_refusals", Kind::Counter, help, number_of(scheduler::hand_off_refusals()));
    let help = "Processes that do not give way, on threads of their own.";
    text.one("long_runners", Kind::Gauge, help, number_of(status.long_runners));
}

fn ends(text: &mut Text) {
    text.one("kills", Kind::Counter, "Processes that were killed.", number_of(scheduler::kills()));
    let help = "Threads that never run again, since what was killed on them did not give way.";
    text.one("frozen_threads", Kind::Gauge, help, number_of(scheduler::frozen_threads()));
    text.one("leaked_bytes", Kind::Gauge, "Bytes that those hold.", number_of(scheduler::leaked_bytes()));
}

fn log(text: &mut Text) {
    let totals = log::totals();
    let fates = [
        ("written", totals.written),
        ("repeated", totals.repeated),
        ("dropped", totals.dropped),
        ("unwritten", totals.unwritten),
    ];
    let labels = fates.map(|(fate, number)| ([("fate", fate)], number));
    let samples = labels.iter().map(|(labels, number)| (labels.as_slice(), number_of(*number)));
    let help =
        "Events of the log: written, counted as repeated, dropped as too many came, or not written to its files.";
    text.family("log_events", Kind::Counter, help, samples);
}

fn upgrades(text: &mut Text) {
    let outcomes = upgrade::outcomes();
    let labels: Vec<_> = outcomes.iter().map(|(outcome, number)| ([("outcome", *outcome)], *number)).collect();
    let samples = labels.iter().map(|(labels, number)| (labels.as_slice(), number_of(*number)));
    text.family("upgrades", Kind::Counter, "Upgrades that were tried since the node was up.", samples);
    let pauses = upgrade::pauses();
    let help = "How long processes stood still that moved to another version.";
    text.histogram("upgrade_pause_seconds", help, &pauses.below, pauses.count, pauses.sum);
}
