//! Plans of releases that have several plugins.

use super::*;

/// The shop needs the stock, which serves with a hash of `c`; `hash`: of the candidate's.
fn with_stock(mut node: NodeFacts, mut candidate: CandidateFacts, hash: &str) -> (NodeFacts, CandidateFacts) {
    let (version, states) = (Version::new(2, 0, 0), vec![state("Shelf", Shape::U8)]);
    let serving = Serving {
        name: "stock".to_owned(),
        version: "2.0.0+cccccccc".to_owned(),
        hash: "c".repeat(64),
        states: states.clone(),
        messages: Vec::new(),
    };
    node.plugins.insert(0, serving);
    let of_stock =
        Alike { name: "stock::Shelf", plugin: "stock", version: "2.0.0+cccccccc", ..alike("", Some("Shelf"), false) };
    node.processes.push((of_stock, 5));
    candidate.plugins.insert(0, plugin("stock", version, hash.repeat(64), states));
    (node, candidate)
}

#[test]
fn only_plugins_that_changed_are_swapped() {
    let fate = |planned: &Planned, name: &str| {
        planned.plan.processes.iter().find(|types| types.name == name).expect("planned").fate
    };
    let (serving, next) = with_stock(node(), candidate(), "c");
    let planned = plan(&serving, &next);
    assert_eq!((fate(&planned, "stock::Shelf"), fate(&planned, "shop::Cart")), (Fate::Arrived, Fate::Moves));
    let versions: Vec<_> =
        planned.plan.plugins.iter().map(|plugin| (plugin.name.as_str(), plugin.from == plugin.to)).collect();
    assert_eq!(versions, [("stock", true), ("shop", false)]);
    let prepare =
        |planned: &Planned| planned.plan.steps.iter().find(|step| step.step == "prepare").expect("one").at_most_ms;
    let (both_serving, both) = with_stock(node(), candidate(), "d");
    let both = plan(&both_serving, &both);
    assert_eq!(fate(&both, "stock::Shelf"), Fate::Moves);
    assert_eq!(prepare(&both) - prepare(&planned), milliseconds(PREPARE_MAX), "each is loaded");

    let mut same = serving.clone();
    same.plugins[1].hash = "b".repeat(64);
    assert!(!plan(&same, &next).plan.changes);
    let other = with_stock(node(), candidate(), "d").1;
    assert!(plan(&same, &other).plan.changes, "one of them is enough");
}

#[test]
fn what_refuses_one_plugin_refuses_all_and_says_which() {
    let (serving, mut next) = with_stock(node(), candidate(), "d");
    next.plugins[0].states[0].shape = Shape::String;
    let failure = plan(&serving, &next).allow().expect_err("refused");
    assert!(failure.message.starts_with("stock: the state \"Shelf\" changed"), "{}", failure.message);
    next.plugins[0].hash = "c".repeat(64);
    assert!(plan(&serving, &next).allow().is_ok(), "one that is kept is not compared");
}

#[test]
fn a_message_that_is_not_understood_refuses_an_upgrade_and_not_a_roll_back() {
    let mut changed = candidate();
    changed.plugins[0].messages = vec![state("api::Call", Shape::String)];
    let planned = plan(&node(), &changed);
    assert_eq!(outcome(&planned, "messages"), Some(CheckOutcome::Refused));
    let back = plan(&node(), &CandidateFacts { kind: Kind::Rollback, ..changed });
    assert_eq!(outcome(&back, "messages"), Some(CheckOutcome::Warning));
    assert!(back.allow().is_ok());
    assert_eq!(
        outcome(&plan(&node(), &candidate()), "messages"),
        Some(CheckOutcome::Passed),
        "it is not declared any more"
    );
}

#[test]
fn a_plugin_comes_or_goes_with_a_release() {
    let (serving, _) = with_stock(node(), candidate(), "d");
    let planned = plan(&serving, &candidate());
    assert_eq!(outcome(&planned, "plugins"), Some(CheckOutcome::Warning));
    let shelf = planned.plan.processes.iter().find(|types| types.name == "stock::Shelf").expect("planned");
    assert_eq!(shelf.fate, Fate::Finishes, "nobody else knows its state");
    let gone = planned.plan.plugins.iter().find(|plugin| plugin.name == "stock").expect("planned");
    assert_eq!(gone.to, None);
    let (_, next) = with_stock(node(), candidate(), "d");
    let planned = plan(&node(), &next);
    assert!(planned.plan.changes && planned.allow().is_ok());
    assert_eq!(planned.plan.plugins[0].from, None);
    let mut only_gone = serving;
    only_gone.plugins[1].hash = "b".repeat(64);
    assert!(plan(&only_gone, &candidate()).plan.changes);
}
