//! `upgrade --newest`: to the newest release in the node's folder, which somebody has put there: what a service manager calls a reload.
//!
//! The newest is the highest version; of builds of one version, the one that was put there last. It is never older than what serves, and none that
//! was rolled back.

use super::follow;
use super::upgrade::Wish;
use super::version::{ask_status, current};
use crate::cli::Waiting;
use crate::client;
use crate::context::Context;
use crate::failure::Failure;
use crate::progress::Progress;
use runtime::release::record::Record;
use runtime::release::store::Store;
use semver::Version;
use std::time::SystemTime;

pub(super) fn upgrade(context: &Context, wish: Wish, waiting: Waiting) -> Result<(), Failure> {
    let node = context.node()?;
    let status = ask_status(&mut client::connect(&node)?)?;
    let store = Store::new(node.layout.clone());
    let (record, versions) = super::releases::read(&node, &store)?;
    let age = |version: &Version| {
        let manifest = store.layout().manifest(&version.to_string());
        // One that is gone just now was never put there.
        manifest.metadata().and_then(|manifest| manifest.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
    };
    let serving = current(&status);
    let release = newest(versions, serving, wish.force, &record, age).unwrap_or_else(|| serving.to_owned());
    // One that cannot be read has no wishes, and the node says what is wrong with it.
    let settings =
        release.parse().ok().and_then(|version| store.manifest(&version).ok()).map(|manifest| manifest.settings);
    let (command, waiting) = wish.command(&release, settings.as_ref(), waiting);
    follow::follow(context, &node, &status.name, command, waiting, Progress::new(context.json()))
}

fn newest(
    versions: Vec<Version>,
    serving: &str,
    force: bool,
    record: &Record,
    age: impl Fn(&Version) -> SystemTime,
) -> Option<String> {
    let serving: Option<Version> = serving.parse().ok();
    let is_older = |version: &Version| serving.as_ref().is_some_and(|serving| version.cmp_precedence(serving).is_lt());
    let candidates =
        versions.into_iter().filter(|version| !is_older(version) && (force || !record.is_quarantined(version)));
    let newest = candidates.max_by(|a, b| a.cmp_precedence(b).then_with(|| age(a).cmp(&age(b))));
    newest.map(|version| version.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_newest_is_the_highest_and_then_the_last_and_never_older_than_what_serves() {
        let version = |text: &str| text.parse::<Version>().expect("a version");
        let age = |version: &Version| SystemTime::UNIX_EPOCH + Duration::from_secs(version.build.as_str().len() as u64);
        let mut record = Record::default();
        let there = ["1.0.0+b", "1.0.0+aa", "1.1.0+bbb", "1.1.0+a", "1.2.0+a"].map(version).to_vec();
        let pick = |record: &Record, serving, force| newest(there.clone(), serving, force, record, age);
        assert_eq!(pick(&record, "1.0.0+b", false).as_deref(), Some("1.2.0+a"));
        record.quarantine(&version("1.2.0+a"));
        assert_eq!(pick(&record, "1.0.0+b", false).as_deref(), Some("1.1.0+bbb"));
        assert_eq!(pick(&record, "1.0.0+b", true).as_deref(), Some("1.2.0+a"));
        assert_eq!(pick(&record, "1.3.0", false), None);
    }
}
