//! The calls of a process that wait for their answers, in the order of their references, which count up: as a rule there is one.

use super::message::RawMessage;
use std::task::Waker;

/// See the file's head.
#[derive(Default)]
pub(super) struct Calls {
    waiting: Vec<(u64, Call)>,
    /// The last reference that was given.
    last: u64,
}

/// A call that waits.
#[derive(Default)]
pub(super) struct Call {
    pub(super) reply: Option<RawMessage>,
    /// Of an executor of the process's own.
    pub(super) waker: Option<Waker>,
}

impl Calls {
    /// A new call's reference.
    #[inline]
    pub(super) fn begin(&mut self) -> u64 {
        self.last += 1;
        self.waiting.push((self.last, Call::default()));
        self.last
    }

    /// `None`: nobody waits for its answer.
    #[inline]
    pub(super) fn get_mut(&mut self, reference: u64) -> Option<&mut Call> {
        let place = self.place(reference)?;
        Some(&mut self.waiting[place].1)
    }

    /// Nobody waits for its answer any more.
    #[inline]
    pub(super) fn end(&mut self, reference: u64) -> Option<Call> {
        let place = self.place(reference)?;
        Some(self.waiting.remove(place).1)
    }

    fn place(&self, reference: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&reference, |(known, _)| *known).ok()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Call> {
        self.waiting.iter().map(|(_, call)| call)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Call> {
        self.waiting.iter_mut().map(|(_, call)| call)
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
        assert!(calls.get_mut(second).expect("it waits").waker.is_some() && calls.get_mut(third).is_some());
        assert!(calls.get_mut(10).is_none() && calls.get_mut(0).is_none());
        assert_eq!((calls.iter().count(), calls.last()), (2, 9));
    }
}
