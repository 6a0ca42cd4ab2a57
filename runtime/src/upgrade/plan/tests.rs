//! Plans, from facts that are made up.

mod plugins;

use super::*;
use crate::image::PluginFacts;
use crate::listen::{ListenOverride, Places};
use crate::protocol::{DeclaredListener, DrainPolicy, FailureKind, MovePolicy};
use crate::release::history::Kind;
use crate::release::manifest::{MANIFEST_SCHEMA, Manifest, RuntimeEntry, release_version};
use crate::schema::{Shape, StateRecord};
use proptest::prelude::*;
use semver::Version;

fn state(name: &str, shape: Shape) -> StateRecord {
    StateRecord { name: name.to_owned(), version: 1, shape, before: Vec::new() }
}

fn alike(name: &'static str, state: Option<&'static str>, is_in_tree: bool) -> Alike {
    Alike { name, plugin: "shop", version: "1.0.0+aaaaaaaa", state, is_in_tree }
}

fn node() -> NodeFacts {
    let at = |address: &str| address.parse().expect("an address");
    NodeFacts {
        name: Some("shop".to_owned()),
        version: "1.0.0+aaaaaaaa".to_owned(),
        plugins: vec![Serving {
            name: "shop".to_owned(),
            version: "1.0.0+aaaaaaaa".to_owned(),
            hash: "a".repeat(64),
            states: vec![state("Cart", Shape::U8), state("Desk", Shape::U8)],
            messages: vec![state("api::Call", Shape::U8)],
        }],
        moves: MovePolicy::Each,
        quarantined: Vec::new(),
        processes: vec![
            (alike("shop::serve", None, false), 3),
            (alike("shop::Cart", Some("Cart"), false), 20),
            (alike("shop::Desk", Some("Desk"), false), 2),
            (alike("shop::poll", None, true), 1),
            (Alike { version: "1.1.0+bbbbbbbb", ..alike("shop::serve", None, false) }, 1),
        ],
        live_versions: 2,
        places: Places {
            overrides: vec![ListenOverride { name: None, address: at("127.0.0.1:0") }],
            open: vec![("http".to_owned(), at("127.0.0.1:0"), at("127.0.0.1:5555"))],
        },
        hooks: (true, false),
        limits: Limits::default(),
    }
}

fn plugin(name: &str, version: Version, hash: String, states: Vec<StateRecord>) -> PluginFacts {
    PluginFacts {
        name: name.to_owned(),
        version,
        abi_major: 1,
        abi_minor: 0,
        target: "x86_64-unknown-linux-gnu".to_owned(),
        compiler: "rustc".to_owned(),
        hash,
        states,
        messages: Vec::new(),
        config: None,
        declaration: Vec::new(),
    }
}

fn candidate() -> CandidateFacts {
    let (version, hash) = (Version::new(1, 1, 0), "b".repeat(64));
    CandidateFacts {
        manifest: Manifest {
            schema: MANIFEST_SCHEMA,
            name: "shop".to_owned(),
            version: release_version(&version, &hash),
            runtime: RuntimeEntry { version: Version::new(0, 1, 0), file: String::new() },
            plugins: Vec::new(),
            settings: Settings::default(),
            files: Vec::new(),
        },
        plugins: vec![plugin("shop", version, hash, vec![state("Cart", Shape::U8)])],
        signed_with: None,
        config: Ok(()),
        listeners: None,
        kind: Kind::Upgrade,
        has_served: true,
        confirm_within: None,
        is_forced: false,
        from: None,
    }
}

fn outcome(planned: &Planned, check: &str) -> Option<CheckOutcome> {
    planned.plan.checks.iter().find(|planned| planned.check == check).map(|check| check.outcome)
}

#[test]
fn an_upgrade_takes_all_steps_in_their_order() {
    let planned = plan(&node(), &candidate());
    let expected = [
        Step::Check,
        Step::Before,
        Step::Prepare,
        Step::Rehearse,
        Step::Switch,
        Step::Move,
        Step::Health,
        Step::Commit,
    ];
    assert_eq!(planned.steps, expected);
    let names: Vec<_> = planned.plan.steps.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(names, expected.map(Step::name), "what is printed is what is taken");
    assert!(planned.plan.steps.iter().all(|step| step.at_most_ms > 0), "each is bounded");
    let limits = Limits::default();
    let step = |name: &str| planned.plan.steps.iter().find(|step| step.step == name).expect("planned").clone();
    let (rehearse, moved) = (step("rehearse"), step("move"));
    // To a boundary, until a helper begins, and until it is done.
    let each = milliseconds(limits.boundary * 2 + limits.conversion);
    assert_eq!((rehearse.each_at_most_ms, moved.each_at_most_ms), (Some(each), Some(each)));
    assert_eq!(rehearse.at_most_ms, milliseconds(RECORD_PATIENCE + limits.total));
    assert_eq!(moved.at_most_ms - rehearse.at_most_ms, milliseconds(START_TIME), "a tree starts what it adds");
    assert_eq!(step("prepare").at_most_ms, milliseconds(RECORD_PATIENCE + PREPARE_MAX));
    assert_eq!(step("prepare").each_at_most_ms, None);
    assert!(planned.allow().is_ok());
    // The Desk is not declared any more.
    assert_eq!(outcome(&planned, "states"), Some(CheckOutcome::Warning));
    assert_eq!(planned.warnings().count(), 1);
    let without = NodeFacts { hooks: (false, true), ..node() };
    let planned = plan(&without, &candidate());
    assert!(!planned.steps.contains(&Step::Before));
    assert_eq!(planned.plan.hooks[0].hook, "after");
}

#[test]
fn a_probation_is_by_request_or_by_the_release_and_not_for_a_roll_back_to_what_has_served_well() {
    let asked = CandidateFacts { confirm_within: Some(Duration::from_secs(300)), ..candidate() };
    let planned = plan(&node(), &asked);
    assert!(planned.steps.ends_with(&[Step::Health, Step::Probation, Step::Commit]));
    assert_eq!(planned.plan.unconfirmed, Some(Unconfirmed::RolledBack));
    let step = planned.plan.steps.iter().find(|step| step.step == "probation").expect("planned");
    assert_eq!(step.at_most_ms, 300_000);
    let mut watched = candidate();
    watched.manifest.settings.probation_s = 7;
    let planned = plan(&node(), &watched);
    assert_eq!(planned.probation, Some((Duration::from_secs(7), Unconfirmed::Permanent)));
    let back = CandidateFacts { kind: Kind::Rollback, ..watched };
    let planned = plan(&node(), &back);
    assert!(planned.steps.ends_with(&[Step::Move, Step::Commit]), "{:?}", planned.steps);
    let all = [Step::Move, Step::Health, Step::Probation, Step::Commit];
    let quarantined = NodeFacts { quarantined: vec![back.manifest.version.clone()], ..node() };
    let forced = plan(&quarantined, &CandidateFacts { is_forced: true, ..back.clone() });
    assert!(forced.steps.ends_with(&all), "{:?}", forced.steps);
    let never = plan(&node(), &CandidateFacts { has_served: false, ..back });
    assert!(never.steps.ends_with(&all), "{:?}", never.steps);
}

#[test]
fn no_more_versions_live_than_the_release_allows() {
    let mut few = candidate();
    few.manifest.settings.live_versions = 3;
    assert_eq!(outcome(&plan(&node(), &few), "versions"), Some(CheckOutcome::Passed));
    few.manifest.settings.live_versions = 2;
    let refused = plan(&node(), &few).allow().expect_err("there are two already");
    assert_eq!(refused.message, "2 versions have processes, and this release allows 2 with it");
    let back = CandidateFacts { kind: Kind::Rollback, ..few };
    assert!(plan(&node(), &back).allow().is_ok());
}

#[test]
fn a_barrier_is_by_choice_of_the_release_and_holds_on_the_way_back() {
    let switch = |planned: &Planned| planned.plan.steps.iter().find(|step| step.step == "switch").expect("one").clone();
    let each = plan(&node(), &candidate());
    assert_eq!(each.plan.moves, MovePolicy::Each);
    let mut barred = candidate();
    barred.manifest.settings.moves = MovePolicy::Barrier;
    let planned = plan(&node(), &barred);
    assert_eq!((planned.plan.moves, &planned.steps), (MovePolicy::Barrier, &each.steps));
    let more = switch(&planned).at_most_ms - switch(&each).at_most_ms;
    assert_eq!(u128::from(more), Limits::default().barrier.as_millis(), "all of it stands in this step");
    let from_barred = NodeFacts { moves: MovePolicy::Barrier, ..node() };
    let back = CandidateFacts { kind: Kind::Rollback, ..candidate() };
    assert_eq!(plan(&from_barred, &back).plan.moves, MovePolicy::Barrier);
    assert_eq!(plan(&from_barred, &candidate()).plan.moves, MovePolicy::Each, "forward, the new release decides");
}

#[test]
fn who_does_not_finish_is_treated_as_its_type_is() {
    let mut strict = candidate();
    strict.manifest.settings.drain = DrainPolicy::Ask;
    strict.manifest.settings.drain_types = [("shop::Desk".to_owned(), DrainPolicy::Kill)].into();
    let planned = plan(&node(), &strict).plan;
    let then = |name: &str| planned.processes.iter().find(|types| types.name == name).expect("planned").then;
    assert_eq!((then("shop::serve"), then("shop::Desk")), (DrainPolicy::Ask, DrainPolicy::Kill));
    assert_eq!(planned.drain_deadline_ms, 300_000);
}

#[test]
fn each_process_has_its_fate() {
    let planned = plan(&node(), &candidate()).plan.processes;
    let fates: Vec<_> = planned.iter().map(|types| (types.name.as_str(), types.processes, types.fate)).collect();
    let expected = [
        ("shop::Cart", 20, Fate::Moves),
        ("shop::serve", 3, Fate::Finishes),
        ("shop::Desk", 2, Fate::Finishes),
        ("shop::poll", 1, Fate::Renewed),
        ("shop::serve", 1, Fate::Arrived),
    ];
    assert_eq!(fates, expected);
}

#[test]
fn listeners_are_planned_when_they_are_known() {
    assert_eq!(plan(&node(), &candidate()).plan.listeners, None);
    let listener = |name: &str, address: &str| DeclaredListener { name: name.to_owned(), address: address.to_owned() };
    let declared = vec![listener("http", "127.0.0.1:80"), listener("admin", "127.0.0.1:81")];
    let known = CandidateFacts { listeners: Some(declared), ..candidate() };
    let planned = plan(&node(), &known).plan.listeners.expect("known");
    let planned: Vec<_> = planned.iter().map(|listener| (listener.address.as_str(), listener.change)).collect();
    assert_eq!(planned, [("127.0.0.1:5555", ListenerChange::Kept), ("127.0.0.1:81", ListenerChange::Added)]);
    let wrong = CandidateFacts { listeners: Some(vec![listener("http", "x"), listener("http", "x")]), ..candidate() };
    let planned = plan(&node(), &wrong);
    assert_eq!(outcome(&planned, "listeners"), Some(CheckOutcome::Refused));
    assert_eq!(planned.steps, [Step::Check]);
}

#[test]
fn a_configuration_that_is_none_is_refused_before_anything_is_loaded() {
    assert_eq!(outcome(&plan(&node(), &candidate()), "config"), Some(CheckOutcome::Passed));
    let planned = plan(&node(), &CandidateFacts { config: Err("line 2".to_owned()), ..candidate() });
    assert_eq!(planned.steps, [Step::Check]);
    assert_eq!(planned.allow().expect_err("refused").message, "line 2");
}

#[test]
fn the_same_build_again_is_nothing_to_do() {
    let mut same = node();
    same.plugins[0].hash = "b".repeat(64);
    let planned = plan(&same, &candidate());
    assert!(!planned.plan.changes && planned.allow().is_ok());
    assert_eq!(planned.steps, [Step::Check]);
}

#[test]
fn what_refuses_is_said_first_and_all_of_it() {
    let mut changed = candidate();
    changed.plugins[0].version = Version::new(0, 9, 0);
    changed.plugins[0].states[0].shape = Shape::String;
    let failure = plan(&node(), &changed).allow().expect_err("refused");
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(failure.message.contains("is older than"), "{}", failure.message);
    let details = failure.details.expect("the other reason");
    assert!(details.contains("the state \"Cart\" changed"), "{details}");
    // Back to an older one is what a roll-back is.
    let back = CandidateFacts { kind: Kind::Rollback, ..changed };
    let failure = plan(&node(), &back).allow().expect_err("refused");
    assert!(failure.message.contains("the state \"Cart\" changed"), "{}", failure.message);
}

#[test]
fn a_release_in_quarantine_or_of_another_application_is_looked_at_no_further() {
    let quarantined = NodeFacts { quarantined: vec![candidate().manifest.version], ..node() };
    let planned = plan(&quarantined, &candidate());
    assert_eq!(outcome(&planned, "quarantine"), Some(CheckOutcome::Refused));
    assert_eq!(planned.plan.checks.len(), 2);
    let forced = CandidateFacts { is_forced: true, ..candidate() };
    assert!(plan(&quarantined, &forced).allow().is_ok());
    let other = NodeFacts { name: Some("mail".to_owned()), ..node() };
    assert_eq!(outcome(&plan(&other, &candidate()), "application"), Some(CheckOutcome::Refused));
}

#[test]
fn what_was_planned_for_another_release_than_the_one_that_serves_is_refused_unless_it_is_there_already() {
    let as_planned = CandidateFacts { from: Some(node().version), ..candidate() };
    assert!(plan(&node(), &as_planned).allow().is_ok());
    let planned_before = CandidateFacts { from: Some("0.9.0+cccccccc".to_owned()), ..candidate() };
    let failure = plan(&node(), &planned_before).allow().expect_err("refused");
    assert!(failure.message.contains("the plan goes from 0.9.0+cccccccc"), "{}", failure.message);
    let mut there = node();
    there.plugins[0].hash = "b".repeat(64);
    assert!(plan(&there, &planned_before).allow().is_ok());
}

fn some_alike() -> impl Strategy<Value = Alike> {
    let names = prop_oneof![Just("a::A"), Just("b::B"), Just("c::C")];
    let versions = prop_oneof![Just("0.9.0+cccccccc"), Just("1.0.0+aaaaaaaa"), Just("1.1.0+bbbbbbbb")];
    let states = prop_oneof![Just(None), Just(Some("Cart")), Just(Some("Desk"))];
    (names, versions, states, any::<bool>()).prop_map(|(name, version, state, is_in_tree)| Alike {
        name,
        plugin: "shop",
        version,
        state,
        is_in_tree,
    })
}

prop_compose! {
    fn some_node()(
        processes in prop::collection::btree_map(some_alike(), 1u64..1000, 0..8),
        hooks in any::<(bool, bool)>(),
        is_same in any::<bool>(),
        is_quarantined in any::<bool>(),
        name in prop_oneof![Just(None), Just(Some("shop".to_owned())), Just(Some("mail".to_owned()))],
    ) -> NodeFacts {
        let mut node = node();
        node.plugins[0].hash = if is_same { "b" } else { "a" }.repeat(64);
        let quarantined = if is_quarantined { vec![candidate().manifest.version] } else { Vec::new() };
        NodeFacts { processes: processes.into_iter().collect(), hooks, quarantined, name, ..node }
    }
}

prop_compose! {
    fn some_candidate()(is_forced in any::<bool>(), major in 0u64..3, shape in prop_oneof![Just(Shape::U8), Just(Shape::String)], is_rollback in any::<bool>()) -> CandidateFacts {
        let mut candidate = candidate();
        candidate.plugins[0].version.major = major;
        candidate.manifest.version = release_version(&candidate.plugins[0].version, &candidate.plugins[0].hash);
        candidate.plugins[0].states[0].shape = shape;
        candidate.kind = if is_rollback { Kind::Rollback } else { Kind::Upgrade };
        CandidateFacts { is_forced, ..candidate }
    }
}

proptest! {
    #[test]
    fn a_plan_is_whole_or_stops_at_the_checks(node in some_node(), candidate in some_candidate()) {
        let planned = plan(&node, &candidate);
        prop_assert_eq!(&planned, &plan(&node, &candidate), "the same facts, the same plan");
        let is_refused = planned.plan.checks.iter().any(|check| check.outcome == CheckOutcome::Refused);
        prop_assert_eq!(planned.allow().is_err(), is_refused);
        prop_assert_eq!(planned.steps[0], Step::Check);
        let goes_on = planned.plan.changes && !is_refused;
        prop_assert_eq!(planned.steps.len() > 1, goes_on);
        if goes_on {
            prop_assert_eq!(planned.steps.contains(&Step::Before), node.hooks.0);
            prop_assert_eq!(planned.steps.last(), Some(&Step::Commit));
            // The point of no return is behind all that may fail harmlessly.
            let at = planned.steps.iter().position(|step| !step.is_harmless());
            prop_assert!(planned.steps[at.expect("one")..].iter().all(|step| !step.is_harmless()));
        }
        let names: Vec<_> = planned.plan.steps.iter().map(|step| step.step.as_str()).collect();
        let taken: Vec<_> = planned.steps.iter().map(|step| step.name()).collect();
        prop_assert_eq!(names, taken);
    }

    #[test]
    fn nobody_is_forgotten_and_nobody_moves_without_a_state(node in some_node(), candidate in some_candidate()) {
        let planned = plan(&node, &candidate).plan;
        if !planned.changes {
            return Ok(());
        }
        let all: u64 = node.processes.iter().map(|(_, count)| count).sum();
        prop_assert_eq!(planned.processes.iter().map(|types| types.processes).sum::<u64>(), all);
        for types in &planned.processes {
            let moves = types.fate == Fate::Moves;
            prop_assert!(!moves || types.state.as_deref() == Some("Cart"));
            prop_assert_eq!(types.fate == Fate::Arrived, types.version == planned.to);
        }
    }
}
