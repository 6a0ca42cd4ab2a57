//! `upgrade --newest`: to the newest release in the node's folder, which somebody has put there: what a service manager calls a reload.
//!
//! The newest is the highest version; of builds of one version, the one that was put there last. It is never older than what serves, and none that
//! was rolled back. Which was the last, the files' times say; so where one was put there at a time that is still to come, nobody can tell, and who asks is told that.

use super::follow;
use super::upgrade::Wish;
use super::version::{ask_status, current};
use crate::cli::Waiting;
use crate::client;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::progress::Progress;
use runtime::release::record::Record;
use runtime::release::store::Store;
use semver::Version;
use std::cmp::Ordering;
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
    let newest = newest(versions, serving, wish.force, &record, age, SystemTime::now());
    let newest = newest.map_err(|ahead| {
        let manifest = store.layout().manifest(&ahead.to_string());
        let message = format!("the newest build cannot be told: {ahead} was put there at a time that is still to come, by a clock that was set back since");
        let hint = format!("cargo system upgrade --release FOLDER takes the one you name; or touch {}", manifest.display());
        Failure { serving: Some(serving.to_owned()), ..Failure::new(ExitCode::Refused, message).hint(hint) }
    })?;
    let release = newest.unwrap_or_else(|| serving.to_owned());
    // One that cannot be read has no wishes, and the node says what is wrong with it.
    let settings =
        release.parse().ok().and_then(|version| store.manifest(&version).ok()).map(|manifest| manifest.settings);
    let (command, waiting) = wish.command(&release, settings.as_ref(), waiting);
    follow::follow(context, &node, &status.name, command, waiting, Progress::new(context.json()))
}

/// # Errors
/// Of several builds of the highest version, this one has a time that is still to come.
fn newest(
    versions: Vec<Version>,
    serving: &str,
    force: bool,
    record: &Record,
    age: impl Fn(&Version) -> SystemTime,
    now: SystemTime,
) -> Result<Option<String>, Version> {
    let serving: Option<Version> = serving.parse().ok();
    let is_older = |version: &Version| serving.as_ref().is_some_and(|serving| version.cmp_precedence(serving).is_lt());
    let mut builds: Vec<(Version, SystemTime)> = Vec::new();
    for version in versions {
        if is_older(&version) || !force && record.is_quarantined(&version) {
            continue;
        }
        match builds.first().map(|(highest, _)| version.cmp_precedence(highest)) {
            Some(Ordering::Less) => continue,
            Some(Ordering::Greater) => builds.clear(),
            Some(Ordering::Equal) | None => {}
        }
        let age = age(&version);
        builds.push((version, age));
    }
    let ahead = builds.iter().find(|(_, age)| builds.len() > 1 && *age > now);
    match ahead {
        Some((ahead, _)) => Err(ahead.clone()),
        None => Ok(builds.into_iter().max_by_key(|(_, age)| *age).map(|(version, _)| version.to_string())),
    }
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
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let pick = |record: &Record, serving, force| newest(there.clone(), serving, force, record, age, at(3));
        let is = |build: &str| Ok(Some(build.to_owned()));
        assert_eq!(pick(&record, "1.0.0+b", false), is("1.2.0+a"));
        record.quarantine(&version("1.2.0+a"));
        assert_eq!(pick(&record, "1.0.0+b", false), is("1.1.0+bbb"));
        assert_eq!(pick(&record, "1.0.0+b", true), is("1.2.0+a"));
        assert_eq!(pick(&record, "1.3.0", false), Ok(None));

        // The clock was set back.
        let pick = |force| newest(there.clone(), "1.0.0+b", force, &record, age, at(0));
        assert_eq!(pick(false), Err(version("1.1.0+bbb")));
        assert_eq!(pick(true), is("1.2.0+a"), "there is one build of it");
    }
}
