//! Receiving, as a future's poll does it.
//!
//! The host says with a message whether it was the last. Whatever comes after that wakes the process, so a future that would wait for a
//! message need not ask again in the same poll: a process that is woken for one message crosses once. That the mailbox was seen empty is
//! noted beside the current process, until the poll returns.

use super::future::{with_local, with_mailbox};
use super::host;
use super::local::Local;
use super::message::RawMessage;
use super::waker::{is_process_waker, is_untraced};
use crate::abi::Pid;
use std::cell::Cell;
use std::task::Waker;

/// The oldest message of the current process that is no answer to a call.
///
/// # Panics
/// When `pid` is not the current process.
#[inline]
pub(crate) fn receive(pid: Pid) -> Option<RawMessage> {
    with_mailbox(|local, emptied| take(local, pid, emptied)).unwrap_or_else(|| host::receive(pid).0)
}

/// The same for the task behind `waker`, which waits if there is none. A poll that is traced asks in any case: the host sees from where.
///
/// # Panics
/// When `pid` is not the current process.
#[inline]
pub(crate) fn receive_to_wait(pid: Pid, waker: &Waker) -> Option<RawMessage> {
    let received = with_mailbox(|local, emptied| {
        let is_empty = emptied.get() == pid && is_untraced(waker);
        if is_empty { local.take_saved() } else { take(local, pid, emptied) }
    });
    received.unwrap_or_else(|| host::receive(pid).0)
}

#[inline]
fn take(local: &Local, pid: Pid, emptied: &Cell<Pid>) -> Option<RawMessage> {
    let saved = local.take_saved();
    if saved.is_some() {
        return saved;
    }
    loop {
        let (message, has_more) = host::receive(pid);
        if !has_more {
            emptied.set(pid);
        }
        let message = message?;
        if message.is_users() {
            return Some(message);
        }
        match local.claim(message) {
            Ok(useless) => drop(useless),
            Err(message) => return Some(message),
        }
    }
}

/// Sees to it that the task behind `waker`, which has seen no message for `pid`, the current process, that it wants, is polled when there is one.
#[inline]
pub(crate) fn wait_for_message(pid: Pid, waker: &Waker) {
    // The process's own task is polled whenever the host wakes it.
    if !is_process_waker(waker) {
        with_local(|local| local.wait_for_message(pid, waker.clone()));
    }
}
