//! What a node runs, counted when asked.

use super::server::Controlled;
use crate::image::{self, Image};
use crate::listen;
use crate::process::{Pid, table};
use crate::protocol::{ListenerStatus, ProcessTypeStatus, RootStatus, Status, VersionStatus};
use crate::scheduler;
use crate::upgrade::drain_status;
use std::collections::HashMap;
use std::time::Instant;

/// Process types listed for a version.
const TYPES_MAX: usize = 10;
/// Processes named that hold a version.
const HOLDERS_MAX: usize = 5;

/// See [`Status`].
pub(crate) fn status(controlled: &Controlled) -> Status {
    let versions = versions(controlled);
    Status {
        name: controlled.name.clone(),
        os_pid: std::process::id(),
        uptime_ms: age_ms(controlled.started),
        runtime: env!("CARGO_PKG_VERSION").to_owned(),
        root: controlled.versions.store().layout().root().display().to_string(),
        memory_bytes: resident_bytes(),
        schedulers: u32::try_from(controlled.schedulers).unwrap_or(u32::MAX),
        schedulers_online: u32::try_from(scheduler::online()).unwrap_or(u32::MAX),
        long_runners: scheduler::long_runners(),
        hand_offs: scheduler::hand_offs(),
        frozen_threads: scheduler::frozen_threads(),
        leaked_bytes: scheduler::leaked_bytes(),
        processes: versions.iter().map(|version| version.processes).sum(),
        metrics: controlled.metrics.get().map(ToString::to_string),
        processes_max: table::limit(),
        listeners: listeners(controlled),
        probation: controlled.versions.on_probation(),
        versions,
    }
}

fn age_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn listeners(controlled: &Controlled) -> Vec<ListenerStatus> {
    let listeners = controlled.versions.listeners().lock();
    let status = |(name, address): (&str, std::net::SocketAddr)| ListenerStatus {
        name: name.to_owned(),
        address: address.to_string(),
    };
    listeners.addresses().map(status).collect()
}

fn versions(controlled: &Controlled) -> Vec<VersionStatus> {
    let current = listen::current().map(|image| image.context.id);
    let mut types = process_types();
    let mut images: Vec<(&Image, Instant)> = image::all()
        .into_iter()
        .filter_map(|image| Some((image, controlled.versions.current_since(image)?)))
        .filter(|(image, _)| Some(image.context.id) == current || image.processes.get() > 0)
        .collect();
    images.sort_by_key(|(_, since)| std::cmp::Reverse(*since));
    let held_by = |image: &Image| {
        let holders = table::all().filter(|process| process.image().context.id == image.context.id);
        holders.take(HOLDERS_MAX).map(|process| process.pid().to_string()).collect()
    };
    let status = |(image, since): (&Image, Instant)| VersionStatus {
        version: image.version.to_owned(),
        state: if Some(image.context.id) == current { "current" } else { "draining" }.to_owned(),
        processes: image.processes.get(),
        age_ms: age_ms(since),
        root: controlled.versions.root(image).map(root),
        drain: drain_status(image).filter(|_| Some(image.context.id) != current),
        held_by: if Some(image.context.id) == current { Vec::new() } else { held_by(image) },
        process_types: top(types.remove(&image.context.id).unwrap_or_default()),
    };
    images.into_iter().map(status).collect()
}

fn root(pid: Pid) -> RootStatus {
    let is_running = table::find(pid).is_some_and(|root| root.state.is_alive());
    let children = table::all().filter(|process| process.parent() == Some(pid)).count();
    RootStatus {
        pid: pid.to_string(),
        state: if is_running { "running" } else { "ended" }.to_owned(),
        children: children as u64,
    }
}

/// Image → process type → how many.
fn process_types() -> HashMap<u64, HashMap<&'static str, u64>> {
    let mut types: HashMap<u64, HashMap<&'static str, u64>> = HashMap::new();
    for process in table::all() {
        *types.entry(process.image().context.id).or_default().entry(process.type_name()).or_default() += 1;
    }
    types
}

fn top(types: HashMap<&'static str, u64>) -> Vec<ProcessTypeStatus> {
    let mut types: Vec<_> =
        types.into_iter().map(|(name, processes)| ProcessTypeStatus { name: name.to_owned(), processes }).collect();
    types.sort_by(|a, b| b.processes.cmp(&a.processes).then_with(|| a.name.cmp(&b.name)));
    types.truncate(TYPES_MAX);
    types
}

/// Resident memory of this OS process; 0 where it cannot be read.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|statm| statm.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}
