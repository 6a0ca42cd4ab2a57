//! The calls of a process that wait for their answers, by references that count up. As a rule there is one, and it costs no allocation.
//!
//! A call may watch the process that is to answer: then news of its end is for the call, and no message for the process.
//!
//! ```text
//! watched ─┬─ the news has come ─► kept with the call
//!          └─ not wanted any more ─┬─ the monitor was taken back ─► forgotten
//!                                  └─ too late: the news is on its way ─► dropped when it comes
//! ```

use super::message::RawMessage;
use std::collections::BTreeMap;
use std::task::Waker;

/// See the file's head.
#[derive(Default)]
pub(super) struct Calls {
    one: Option<(u64, Call)>,
    more: BTreeMap<u64, Call>,
    /// The last reference that was given.
    last: u64,
    /// The call that each monitor is for; `None`: none any more.
    monitors: BTreeMap<u64, Option<u64>>,
}

/// A call that waits.
#[derive(Default)]
pub(super) struct Call {
    pub(super) reply: Option<RawMessage>,
    /// The end of the process that it watches.
    pub(super) down: Option<RawMessage>,
    /// Of an executor of the process's own.
    pub(super) waker: Option<Waker>,
}

impl Call {
    /// Whether there is something to see.
    pub(super) fn has_news(&self) -> bool {
        self.reply.is_some() || self.down.is_some()
    }
}

impl Calls {
    /// A new call's reference.
    #[inline]
    pub(super) fn begin(&mut self) -> u64 {
        self.last += 1;
        if self.one.is_none() {
            self.one = Some((self.last, Call::default()));
        } else {
            self.more.insert(self.last, Call::default());
        }
        self.last
    }

    /// `None`: nobody waits for its answer.
    #[inline]
    pub(super) fn get_mut(&mut self, reference: u64) -> Option<&mut Call> {
        match &mut self.one {
            Some((one, call)) if *one == reference => Some(call),
            _ => self.more.get_mut(&reference),
        }
    }

    /// Nobody waits for its answer any more.
    #[inline]
    pub(super) fn end(&mut self, reference: u64) -> Option<Call> {
        let one = self.one.take_if(|(one, _)| *one == reference);
        one.map(|(_, call)| call).or_else(|| self.more.remove(&reference))
    }

    /// News of that monitor is for that call.
    pub(super) fn watch(&mut self, reference: u64, monitor: u64) {
        self.monitors.insert(monitor, Some(reference));
    }

    /// It is for nobody any more. True: it has not come.
    pub(super) fn unwatch(&mut self, monitor: u64) -> bool {
        self.monitors.remove(&monitor).is_some()
    }

    /// It is on its way, and is to be dropped.
    pub(super) fn ignore(&mut self, monitor: u64) {
        self.monitors.insert(monitor, None);
    }

    /// Takes a message that is for a call; one that is for nobody any more comes back, to be dropped. `Err`: it is a message for the
    /// process.
    pub(super) fn claim(&mut self, message: RawMessage) -> Result<Option<RawMessage>, RawMessage> {
        if let Some(reference) = message.replies_to() {
            return Ok(match self.get_mut(reference) {
                Some(call) => call.reply.replace(message),
                None => Some(message),
            });
        }
        let Some(monitor) = message.tells_of() else { return Err(message) };
        let Some(reference) = self.monitors.remove(&monitor) else { return Err(message) };
        Ok(match reference.and_then(|reference| self.get_mut(reference)) {
            Some(call) => call.down.replace(message),
            None => Some(message),
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Call> {
        self.one.iter().map(|(_, call)| call).chain(self.more.values())
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Call> {
        self.one.iter_mut().map(|(_, call)| call).chain(self.more.values_mut())
    }

    /// The last reference that was given.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// The next one is numbered on from there. None waits yet.
    pub(super) fn number_from(&mut self, last: u64) {
        self.last = last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_found_by_its_reference_until_it_ends() {
        let mut calls = Calls::default();
        calls.number_from(6);
        let [first, second, third] = [calls.begin(), calls.begin(), calls.begin()];
        assert_eq!([first, second, third], [7, 8, 9]);
        calls.get_mut(second).expect("it waits").waker = Some(Waker::noop().clone());
        assert!(calls.end(first).is_some() && calls.get_mut(first).is_none() && calls.end(first).is_none());
        assert_eq!(calls.begin(), 10);
        assert!(calls.get_mut(second).expect("it waits").waker.is_some() && calls.get_mut(third).is_some());
        assert!(calls.get_mut(10).is_some() && calls.get_mut(11).is_none() && calls.get_mut(0).is_none());
        assert!(calls.end(third).is_some() && calls.end(10).is_some());
        assert_eq!((calls.iter().count(), calls.last()), (1, 10));
    }
}
