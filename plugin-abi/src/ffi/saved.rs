//! Selective receive: messages that wait in their process, looked at where they are, from the oldest on.
//!
//! They are lent out by the process's [`Local`](super::local::Local) meanwhile, and back in front when this is dropped: so whoever looks
//! at them may do what he likes, and if he panics, none is lost but the one he looked at.

use super::future::with_local;
use super::host;
use super::message::{Notice, RawMessage, into_raw};
use crate::abi::Pid;
use crate::message::Message;
use std::collections::VecDeque;

/// See the file's head.
pub(crate) struct Saved(VecDeque<RawMessage>);

/// What is to become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// It is taken out.
    Wanted,
    /// It stays where it is.
    PassedOver,
    /// It is dropped.
    Useless,
}

impl Saved {
    /// All messages of `pid`, the current process. `None`: not in a poll.
    pub(crate) fn borrow(pid: Pid) -> Option<Self> {
        with_local(|local| Self(local.lend(pid)))
    }

    /// Takes the oldest one out that `is_wanted`; the first `looked`, which then counts on, were passed over before. A notice of the
    /// host's becomes a message when it is looked at first, by `read`, or is dropped.
    pub(crate) fn select<M: Message>(
        &mut self,
        looked: &mut usize,
        read: impl Fn(Notice) -> Option<M>,
        mut is_wanted: impl FnMut(&M) -> bool,
    ) -> Option<M> {
        let before = self.0.len();
        let selected = select(&mut self.0, looked, |message| {
            if let Some(notice) = message.notice() {
                match read(notice) {
                    Some(value) => *message = into_raw(value),
                    None => return Look::Useless,
                }
            }
            match message.value() {
                Some(value) if is_wanted(value) => Look::Wanted,
                Some(_) => Look::PassedOver,
                None => Look::Useless,
            }
        });
        host::read_kept(u32::try_from(before - self.0.len()).unwrap_or(u32::MAX));
        selected.map(RawMessage::into_message)
    }
}

impl Drop for Saved {
    fn drop(&mut self) {
        let saved = std::mem::take(&mut self.0);
        with_local(|local| local.give_back(saved));
    }
}

fn select<T>(queue: &mut VecDeque<T>, looked: &mut usize, mut look: impl FnMut(&mut T) -> Look) -> Option<T> {
    while let Some(message) = queue.get_mut(*looked) {
        match look(message) {
            Look::Wanted => return queue.remove(*looked),
            Look::PassedOver => *looked += 1,
            Look::Useless => drop(queue.remove(*looked)),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The model: looks at all of them, each time.
    fn model(queue: &mut Vec<u64>, remainder: u64) -> Option<u64> {
        queue.retain(|message| message % 11 != 0);
        queue.iter().position(|message| message % 7 == remainder).map(|at| queue.remove(at))
    }

    fn look(message: u64, remainder: u64) -> Look {
        match (message % 11, message % 7) {
            (0, _) => Look::Useless,
            (_, rest) if rest == remainder => Look::Wanted,
            _ => Look::PassedOver,
        }
    }

    /// Numbers that look random, the same each time.
    fn next(seed: &mut u64) -> u64 {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        *seed
    }

    #[test]
    fn it_selects_what_a_look_at_all_of_them_would_and_looks_at_each_once_in_a_wait() {
        for round in 1..500 {
            let (mut seed, mut queue, mut all) = (round, VecDeque::new(), Vec::new());
            for _ in 0..40 {
                let remainder = next(&mut seed) % 7;
                let (mut looked, mut looks, mut came) = (0, 0, queue.len());
                // A wait: messages come, until one is wanted or the waiting one is dropped.
                for _ in 0..next(&mut seed) % 5 {
                    let new = next(&mut seed) % 1000;
                    queue.push_back(new);
                    all.push(new);
                    came += 1;
                    let selected = select(&mut queue, &mut looked, |message| {
                        looks += 1;
                        look(*message, remainder)
                    });
                    assert_eq!(selected, model(&mut all, remainder), "round {round}");
                    if selected.is_some() {
                        break;
                    }
                    assert_eq!(queue, all, "round {round}: nothing is lost, and the order stays");
                }
                assert!(looks <= came, "round {round}: {looks} looks at {came} messages");
            }
        }
    }
}
