//! `releases`: what is in a node's folder, and what of it runs. Read from disk, so that it needs no node.

use super::version::ask_status;
use crate::answers::{self, Answer, Release};
use crate::client;
use crate::context::Context;
use crate::failure::Failure;
use crate::node_path::NodePath;
use crate::output;
use crate::table::table;
use runtime::protocol::{Status, VersionStatus};
use runtime::release::record::Record;
use runtime::release::store::Store;
use semver::Version;

pub(super) fn releases(context: &Context) -> Result<(), Failure> {
    let node = context.node()?;
    let store = Store::new(node.layout.clone());
    let (record, versions) = read(&node, &store)?;
    let status = if node.is_running()? { Some(ask_status(&mut client::connect(&node)?)?) } else { None };
    let releases = releases_of(&record, versions, status.as_ref());
    if context.json() {
        output::json(Answer::Releases(answers::Releases { root: node.root().to_string(), releases }));
    } else {
        output::line(render(&releases).trim_end());
    }
    Ok(())
}

/// What a node's folder says of itself; a folder without releases is no node's.
pub(super) fn read(node: &NodePath, store: &Store) -> Result<(Record, Vec<Version>), Failure> {
    let record = store.record()?;
    let versions = store.versions()?;
    if record.permanent.is_none() && versions.is_empty() {
        return Err(Failure::error(format!("{} holds no release ({})", node.root(), node.reason))
            .hint(format!("{} makes one, or name another node's folder with --node", node.start())));
    }
    Ok((record, versions))
}

/// Newest version first.
fn releases_of(record: &Record, versions: Vec<Version>, status: Option<&Status>) -> Vec<Release> {
    let release = |version: Version| {
        let name = version.to_string();
        let is_of_it = |running: &&VersionStatus| match running.release.as_str() {
            "" => running.version == name,
            release => release == name,
        };
        let running: Vec<_> = status.iter().flat_map(|status| &status.versions).filter(is_of_it).collect();
        // A plugin that it shares with what serves is said of that.
        let state = running.iter().map(|running| &running.state).min();
        Release {
            state: record.state(&version),
            quarantined: record.is_quarantined(&version),
            running: state.cloned(),
            processes: running.iter().map(|running| running.processes).sum(),
            version,
        }
    };
    versions.into_iter().rev().map(release).collect()
}

fn render(releases: &[Release]) -> String {
    let row = |release: &Release| {
        let quarantined = if release.quarantined { ", quarantined" } else { "" };
        let runs = match &release.running {
            Some(state) => format!("{state}, {} processes", release.processes),
            None => String::new(),
        };
        [release.version.to_string(), format!("{}{quarantined}", release.state.name()), runs]
    };
    table(["VERSION", "STATE", "RUNS"], &releases.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().expect("a version")
    }

    #[test]
    fn each_release_has_its_state_and_what_runs_of_it() {
        let mut record = Record::default();
        record.make_permanent(&version("0.1.0+00c0ffee"));
        record.make_permanent(&version("0.1.1+3f2a91bc"));
        record.quarantine(&version("0.10.0+0badc0de"));
        let versions = ["0.1.0+00c0ffee", "0.1.1+3f2a91bc", "0.10.0+0badc0de"].map(version).to_vec();
        let mut releases = releases_of(&record, versions, None);
        releases[1].running = Some("current".to_owned());
        releases[1].processes = 212;
        let expected = "\
VERSION          STATE                  RUNS
0.10.0+0badc0de  unpacked, quarantined
0.1.1+3f2a91bc   permanent              current, 212 processes
0.1.0+00c0ffee   old
";
        assert_eq!(render(&releases), expected);
    }
}
