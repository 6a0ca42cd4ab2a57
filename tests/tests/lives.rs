//! Supervisors in a real node, against a model: random trees, whose workers end in order, fail, panic and are killed. Who is stopped and
//! started then, in which order, and who gives up, is the model's answer.

mod tree_model;

use system_tests::random::Random;
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;
use tree_model::Model;

const LIVES: u64 = 400;
const ORDERS: usize = 16;

#[test]
fn trees_live_as_otps_manual_says() {
    let sandbox = Sandbox::new("supervised").expect("the fixture builds");
    let mut node = sandbox.run().expect("the fixture runs");
    let mut talk = Talk::open(node.address());
    let (mut restarts, mut given_up) = (0, 0);
    for seed in 0..LIVES {
        let model = Model::live(&mut Random(seed), ORDERS);
        (restarts, given_up) = (restarts + model.restarts, given_up + model.given_up);
        assert_eq!(talk.ask(&format!("life {}", model.script)), "as expected", "life {seed}: {}", model.script);
    }
    // Lives in which nothing happens would prove nothing.
    assert!(restarts > 500 && given_up > 200, "{restarts} restarts, {given_up} given up");
    assert!(node.is_alive());
}
