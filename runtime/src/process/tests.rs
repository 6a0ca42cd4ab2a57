//! A process's state word, step by step. (`tests/loom` has its interleavings.)

use super::state::{Leave, Run, State, Wake};

#[test]
fn a_life_from_begin_to_free() {
    let state = State::unused();
    assert!(!state.is_alive() && !state.try_acquire(0), "nobody gets a reference to an unused slot");
    assert_eq!(state.begin(), 1);
    assert_eq!(state.wake(), Wake::Nothing, "it begins scheduled");
    assert_eq!(state.run(), Run::Poll);
    assert_eq!(state.wake(), Wake::Nothing, "the runner will see it");
    assert_eq!(state.leave(), Leave::Enqueue);
    assert_eq!(state.run(), Run::Poll);
    assert_eq!(state.leave(), Leave::Idle);
    assert_eq!(state.wake(), Wake::Enqueue);
    assert_eq!(state.kill(), Wake::Nothing);
    assert_eq!(state.run(), Run::Kill);
    assert!(state.try_acquire(1));
    state.end();
    assert_eq!(state.wake(), Wake::Nothing, "the dead stay");
    assert!(!state.is_alive());
    assert!(!state.release());
    assert!(state.release());
    assert!(!state.try_acquire(1), "the life is over");
    assert_eq!(state.begin(), 2);
    assert!(!state.try_acquire(1), "the slot is another's");
}

#[test]
fn a_kill_during_a_poll_is_seen_when_it_leaves() {
    let state = State::unused();
    state.begin();
    assert_eq!(state.run(), Run::Poll);
    assert_eq!(state.kill(), Wake::Nothing);
    assert_eq!(state.leave(), Leave::Kill);
}
