//! Who inside of a process is woken, and for what.

use super::*;
use crate::abi::{IMAGE_CURRENT, IMAGE_DRAINING, IMAGE_STOPPING};

fn woken(inner: &mut Inner, state: u32) -> usize {
    inner.take_woken(state).len()
}

#[test]
fn watchers_are_woken_by_news_and_by_nothing_else() {
    let mut inner = Inner::default();
    inner.watch(1, IMAGE_CURRENT, Waker::noop().clone());
    inner.watch(2, IMAGE_CURRENT, Waker::noop().clone());
    assert_eq!(woken(&mut inner, IMAGE_CURRENT), 0);
    inner.watch(1, IMAGE_CURRENT, Waker::noop().clone());
    assert_eq!(woken(&mut inner, IMAGE_CURRENT), 0);
    assert_eq!(woken(&mut inner, IMAGE_DRAINING), 2);
    assert_eq!(woken(&mut inner, IMAGE_STOPPING), 0, "they have been woken, and have not looked again");
}

#[test]
fn a_state_that_changes_while_watchers_look_is_news_for_those_who_saw_the_old_one() {
    let mut inner = Inner::default();
    inner.watch(1, IMAGE_CURRENT, Waker::noop().clone());
    inner.watch(2, IMAGE_DRAINING, Waker::noop().clone());
    assert_eq!(woken(&mut inner, IMAGE_DRAINING), 2);
}

#[test]
fn a_reader_is_not_woken_without_a_message() {
    let mut inner = Inner::default();
    inner.reader = Some(Reader { pid: 1, waker: Waker::noop().clone(), seen: 0 });
    assert_eq!(woken(&mut inner, IMAGE_CURRENT), 0);
    assert!(inner.reader.is_some());
}
