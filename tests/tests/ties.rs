//! Links, monitors and exit signals in a real node, against a model: random lives of processes that are tied to each other, link, unlink,
//! monitor, trap, send signals, end and are killed. Who dies of what, and who hears it, is the model's answer.
//!
//! Seen to fail, each with one of these changes to `runtime/src/scheduler/exit.rs`: a normal end that kills links · a normal signal of one's
//! own that does not end · `unlink`, or `demonitor`, without effect · a kill that is told as a normal end · a link to the dead that is
//! not answered · exits that are not trapped.

mod tie_model;

use system_tests::random::Random;
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;
use tie_model::Model;

const LIVES: u64 = 1500;
const WORKERS: usize = 6;
const STEPS: usize = 40;

#[test]
fn ties_are_as_otps_manual_says() {
    let sandbox = Sandbox::new("ties").expect("the fixture builds");
    let mut node = sandbox.run().expect("the fixture runs");
    let mut talk = Talk::open(node.address());
    let (mut deaths, mut heard) = (0, 0);
    for seed in 0..LIVES {
        let model = Model::live(&mut Random(seed), WORKERS, STEPS);
        let (script, expected) = (model.script.join(" "), model.outcome());
        deaths += expected.split(' ').filter(|outcome| !outcome.starts_with("alive")).count();
        heard += expected.matches('|').count();
        assert_eq!(talk.ask(&script), expected, "life {seed}: {script}");
    }
    // Lives in which nothing happens would prove nothing.
    assert!(deaths > 1000 && heard > 1000, "{deaths} deaths, {heard} notices");
    assert!(node.is_alive());
}
