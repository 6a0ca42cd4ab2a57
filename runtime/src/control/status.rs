//! What a node runs, counted when asked.

use super::server::Controlled;
use crate::image::{self, Image};
use crate::listen;
use crate::observe;
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
        memory_bytes: observe::resident_bytes(),
        schedulers: u32::try_from(controlled.schedulers).unwrap_or(u32::MAX),
        schedulers_online: u32::try_from(scheduler::online()).unwrap_or(u32::MAX),
        long_runners: scheduler::long_runners(),
        hand_offs: scheduler::hand_offs(),
        frozen_threads: scheduler::frozen_threads(),
        leaked_bytes: scheduler::leaked_bytes(),
        quiet_images: quiet_images(),
        processes: versions.iter().map(|version| version.processes).sum(),
        metrics: controlled.metrics.get().map(ToString::to_string),
        processes_max: table::limit(),
        listeners: listeners(controlled),
        probation: controlled.versions.on_probation(),
        release: listen::current().map_or("", |running| &running.version).to_owned(),
        versions,
    }
}

/// Loaded, and neither current nor run by anybody.
fn quiet_images() -> u64 {
    let is_current = |image: &Image| listen::current().is_some_and(|running| running.has(image));
    image::all().iter().filter(|image| !is_current(image) && image.processes.get() == 0).count() as u64
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
    let is_current = |image: &Image| listen::current().is_some_and(|running| running.has(image));
    let mut images: Vec<(&Image, Instant)> = image::all()
        .into_iter()
        .filter_map(|image| Some((image, controlled.versions.current_since(image)?)))
        .filter(|(image, _)| is_current(image) || image.processes.get() > 0)
        .collect();
    images.sort_by_key(|(_, since)| std::cmp::Reverse(*since));
    let Census { mut held, children } = census(images.iter().filter_map(|(image, _)| controlled.versions.root(image)));
    let status = |(image, since): (&Image, Instant)| {
        let is_current = is_current(image);
        let Held { types, holders } = held.remove(&image.context.id).unwrap_or_default();
        VersionStatus {
            plugin: image.plugin.to_owned(),
            release: controlled.versions.release_of(image).unwrap_or(image.version).to_owned(),
            version: image.version.to_owned(),
            state: if is_current { "current" } else { "draining" }.to_owned(),
            processes: image.processes.get(),
            age_ms: age_ms(since),
            root: controlled.versions.root(image).map(|pid| root(pid, &children)),
            drain: drain_status(image).filter(|_| !is_current),
            held_by: if is_current { Vec::new() } else { holders.iter().map(Pid::to_string).collect() },
            process_types: top(types),
        }
    };
    images.into_iter().map(status).collect()
}

fn root(pid: Pid, children: &HashMap<Pid, u64>) -> RootStatus {
    let is_running = table::find(pid).is_some_and(|root| root.state.is_alive());
    RootStatus {
        pid: pid.to_string(),
        state: if is_running { "running" } else { "ended" }.to_owned(),
        children: children.get(&pid).copied().unwrap_or(0),
    }
}

/// The processes of an image.
#[derive(Default)]
struct Held {
    /// Process type → how many.
    types: HashMap<&'static str, u64>,
    /// The first of them.
    holders: Vec<Pid>,
}

/// What one walk through the processes finds.
struct Census {
    /// Image → its processes.
    held: HashMap<u64, Held>,
    /// Root → how many have it as their parent.
    children: HashMap<Pid, u64>,
}

fn census(roots: impl Iterator<Item = Pid>) -> Census {
    let mut census = Census { held: HashMap::new(), children: roots.map(|root| (root, 0)).collect() };
    observe::walk(|process| {
        let held = census.held.entry(process.image().context.id).or_default();
        *held.types.entry(process.type_name()).or_default() += 1;
        if held.holders.len() < HOLDERS_MAX {
            held.holders.push(process.pid());
        }
        if let Some(children) = process.parent().and_then(|parent| census.children.get_mut(&parent)) {
            *children += 1;
        }
    });
    census
}

fn top(types: HashMap<&'static str, u64>) -> Vec<ProcessTypeStatus> {
    let mut types: Vec<_> =
        types.into_iter().map(|(name, processes)| ProcessTypeStatus { name: name.to_owned(), processes }).collect();
    types.sort_by(|a, b| b.processes.cmp(&a.processes).then_with(|| a.name.cmp(&b.name)));
    types.truncate(TYPES_MAX);
    types
}
