//! The plan against what it promises, on any folder.

use super::super::history::{By, Conclusion, Kind, Outcome, Start};
use super::*;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

fn version(patch: u64) -> Version {
    Version::new(1, 0, patch)
}

fn plugin(patch: u64) -> String {
    format!("my-app-1.0.{patch}")
}

fn inventory(patches: impl IntoIterator<Item = u64>) -> Inventory {
    let releases: Vec<_> =
        patches.into_iter().map(|patch| (version(patch), Some(BTreeSet::from([plugin(patch)])))).collect();
    let plugins = releases.iter().flat_map(|(_, plugins)| plugins.clone().unwrap_or_default()).collect();
    Inventory { releases, plugins }
}

fn served(patches: impl IntoIterator<Item = u64>) -> Record {
    let mut record = Record::default();
    patches.into_iter().for_each(|patch| record.make_permanent(&version(patch)));
    record
}

#[test]
fn the_oldest_go_and_their_files_with_them() {
    let plan = plan(&served(1..=5), &inventory(1..=6), &BTreeSet::new(), 2);
    assert_eq!(plan.releases, BTreeSet::from([version(1), version(2)]));
    assert_eq!(plan.plugins, BTreeSet::from([plugin(1), plugin(2)]));
}

#[test]
fn what_runs_stays_and_what_was_before_stays_whatever_the_setting() {
    let plan = plan(&served(1..=4), &inventory(1..=4), &BTreeSet::from([version(1)]), 0);
    assert_eq!(plan.releases, BTreeSet::from([version(2)]));
}

#[test]
fn a_file_of_two_releases_stays_until_both_are_gone() {
    let mut inventory = inventory(1..=3);
    inventory.releases[0].1 = Some(BTreeSet::from([plugin(2)]));
    let plan = plan(&served(1..=3), &inventory, &BTreeSet::new(), 1);
    assert_eq!(plan.releases, BTreeSet::from([version(1)]));
    assert_eq!(plan.plugins, BTreeSet::from([plugin(1)]), "nobody names it");
}

#[test]
fn what_was_tried_in_vain_goes_after_a_while_and_what_was_never_tried_stays() {
    let mut record = served([1]);
    for patch in [2, 3, 4] {
        try_in_vain(&mut record, patch);
    }
    let plan = plan(&record, &inventory(1..=5), &BTreeSet::new(), 2);
    assert_eq!(plan.releases, BTreeSet::from([version(2)]));
}

#[test]
fn where_a_manifest_cannot_be_read_no_file_goes() {
    let mut inventory = inventory(1..=4);
    inventory.releases[3].1 = None;
    let plan = plan(&served(1..=4), &inventory, &BTreeSet::new(), 1);
    assert_eq!((plan.releases.len(), plan.plugins.len()), (2, 0));
}

fn try_in_vain(record: &mut Record, patch: u64) {
    record.begin(Start { kind: Kind::Upgrade, by: By::default(), at_ms: 0, from: None, to: version(patch) });
    record.end(Conclusion { outcome: Some(Outcome::Refused), ..Conclusion::default() });
}

proptest! {
    #[test]
    fn nothing_goes_that_is_needed(
        served_here in vec(0..12u64, 0..20),
        in_vain in vec(0..12u64, 0..20),
        there in btree_set(0..12u64, 0..12),
        running in btree_set(0..12u64, 0..4),
        attempt in proptest::option::of((0..12u64, 0..12u64)),
        keep in 0..6u16,
    ) {
        let mut record = served(served_here);
        in_vain.iter().for_each(|patch| try_in_vain(&mut record, *patch));
        if let Some((from, to)) = attempt {
            let start = Start { kind: Kind::Upgrade, by: By::default(), at_ms: 0, from: Some(version(from)), to: version(to) };
            record.begin(start);
        }
        let inventory = inventory(there.iter().copied());
        let running: BTreeSet<_> = running.into_iter().map(version).collect();
        let plan = plan(&record, &inventory, &running, keep);
        for gone in &plan.releases {
            prop_assert!(!running.contains(gone) && record.permanent.as_ref() != Some(gone));
            let was_tried = in_vain.iter().any(|patch| version(*patch) == *gone);
            prop_assert!(record.old.contains(gone) || was_tried, "what was never tried waits for its upgrade");
        }
        if let Some((from, to)) = attempt {
            prop_assert!(!plan.releases.contains(&version(from)) && !plan.releases.contains(&version(to)));
        }
        let ways_back: Vec<_> = record.old.iter().filter(|old| there.iter().any(|patch| version(*patch) == **old)).collect();
        let kept = ways_back.iter().filter(|old| !plan.releases.contains(**old)).count();
        prop_assert!(kept >= usize::from(keep.max(1)).min(ways_back.len()), "{kept} of {} ways back", ways_back.len());
        if let Some(before) = ways_back.first() {
            prop_assert!(!plan.releases.contains(*before), "the one before stays");
        }
        for patch in there {
            prop_assert_eq!(plan.plugins.contains(&plugin(patch)), plan.releases.contains(&version(patch)));
        }
    }
}
