//! A node that has nothing to do uses next to nothing.

use std::time::{Duration, Instant};
use system_tests::runaway::{Control, LIMIT, node};
use system_tests::{processor, wait};

/// For so long it is watched.
const WATCHED: Duration = Duration::from_secs(5);
const PROCESSES: u32 = 10_000;

/// With ten thousand processes that wait, and an open connection. Processor time is the node's own, whatever else the machine does.
#[test]
fn an_idle_node_uses_less_than_a_hundredth_of_a_core() {
    let (_sandbox, node) = node();
    let mut control = Control::open(&node);
    assert!(control.ask(&format!("many {PROCESSES} await")).starts_with('<'));
    let used = || processor::time(node.os_pid()).expect("it lives");
    // What the start has left to do is done when one look differs from the next by nothing.
    let mut last = used();
    wait::until("it comes to rest", LIMIT, || {
        let before = std::mem::replace(&mut last, used());
        // Less than before: a thread has ended.
        last.checked_sub(before).filter(|used| *used < Duration::from_millis(1)).map(drop)
    })
    .expect("it does");
    let used = || processor::time_in_all(node.os_pid()).expect("it lives");
    let (begun, before) = (Instant::now(), used());
    std::thread::sleep(WATCHED);
    let (watched, used) = (begun.elapsed(), used() - before);
    assert!(used * 100 < watched, "{used:?} of processor time in {watched:?}");
    assert_eq!(control.ask("nap"), "rested", "it is there all the same");
}
