//! The last events, for who asks; numbered, so that one who asks again hears what is new, and how much was missed.
//!
//! Bounded in number and in bytes: the oldest go.

use crate::protocol::Logged;
use std::collections::VecDeque;
use std::sync::Arc;

const EVENTS_MAX: usize = 10_000;
const BYTES_MAX: usize = 4 << 20;
/// What an event takes besides its texts, and a frame.
const EVENT_LEN: usize = 300;

/// See the file's head.
#[derive(Debug)]
pub(super) struct Ring {
    events: VecDeque<Arc<Logged>>,
    bytes: usize,
    /// The number of the next one; the first has 0.
    next: u64,
}

impl Ring {
    pub(super) const fn new() -> Self {
        Self { events: VecDeque::new(), bytes: 0, next: 0 }
    }

    pub(super) fn push(&mut self, event: Logged) {
        self.bytes += len(&event);
        self.events.push_back(Arc::new(event));
        self.next += 1;
        while self.events.len() > EVENTS_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= len(&oldest);
        }
    }

    /// From that number on, or from the oldest one on, at the most `count`; before them the number of the first.
    pub(super) fn from(&self, number: u64, count: usize) -> (u64, Vec<Arc<Logged>>) {
        let oldest = self.next - self.events.len() as u64;
        let first = number.clamp(oldest, self.next);
        let skipped = usize::try_from(first - oldest).unwrap_or(usize::MAX);
        (first, self.events.iter().skip(skipped).take(count).cloned().collect())
    }
}

fn len(event: &Logged) -> usize {
    let fields: usize = event.fields.iter().map(|(name, value)| name.len() + value.to_string().len()).sum();
    let of = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let frames: usize = event.stack.iter().map(|frame| EVENT_LEN + frame.function.len() + of(&frame.file)).sum();
    let place = event.target.len() + of(&event.file) + of(&event.process_type) + of(&event.version);
    EVENT_LEN + event.message.len() + place + fields + frames
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::event;

    #[test]
    fn who_asks_again_hears_what_is_new() {
        let mut ring = Ring::new();
        ["a", "b", "c"].into_iter().for_each(|message| ring.push(event(message)));
        let messages = |ring: &Ring, from, count| {
            let (first, events) = ring.from(from, count);
            (first, events.iter().map(|event| event.message.clone()).collect::<String>())
        };
        assert_eq!(messages(&ring, 0, 2), (0, "ab".to_owned()));
        assert_eq!(messages(&ring, 2, 10), (2, "c".to_owned()));
        assert_eq!(messages(&ring, 3, 10), (3, String::new()));
        assert_eq!(messages(&ring, 99, 10), (3, String::new()));
        ring.push(event("d"));
        assert_eq!(messages(&ring, 3, 10), (3, "d".to_owned()));
    }

    #[test]
    fn the_oldest_go_by_number_and_by_size() {
        let mut ring = Ring::new();
        (0..EVENTS_MAX + 5).for_each(|_| ring.push(event("")));
        let (first, events) = ring.from(0, usize::MAX);
        assert_eq!((first, events.len()), (5, EVENTS_MAX));
        let long = |len| Logged { message: "x".repeat(len), ..event("") };
        (0..5).for_each(|_| ring.push(long(BYTES_MAX / 4)));
        assert!(ring.from(0, usize::MAX).1.len() < 5 && ring.bytes <= BYTES_MAX);
        ring.push(long(BYTES_MAX));
        assert_eq!((ring.bytes, ring.from(0, 1).0), (0, ring.next), "one that does not fit is not kept");
        ring.push(Logged { target: "x".repeat(BYTES_MAX / 2), file: Some("x".repeat(BYTES_MAX / 2)), ..event("") });
        assert_eq!(ring.bytes, 0, "whichever of its texts is long");
    }
}
