//! Where messages end in the bytes that come, by the lengths in the frames' headers (RFC 6455, section 5.2).
//!
//! ```text
//! frame of a message ─┬─ its last ─► the whole message
//!                     └─ not its last ─► the next frame; a control frame between goes first, by itself
//! frame of control ─► by itself
//! too long, by its header ─► refused before it is there
//! ```
//!
//! What a frame may be (opcodes, masks, what follows what) is the codec's to say: a frame that cannot belong to the message that has begun
//! ends it, so that the codec sees it at once.

use std::ops::Range;

/// A longer message is refused; so is one with more bytes than that in its frames' headers.
pub(super) const MESSAGE_LEN_MAX: usize = 1 << 20;

const FIN: u8 = 0x80;
const OPCODE: u8 = 0x0F;
const CONTROL: u8 = 0x08;
const CONTINUE: u8 = 0;
const BINARY: u8 = 2;
const MASKED: u8 = 0x80;

/// How far a message has been looked through. What it says follows from the bytes: it can be thrown away at any time.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Before this are whole frames of one message, and more of it comes.
    at: usize,
    payload: usize,
}

/// What stands in the bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A message or a frame of control, for the codec: then it is to be taken out.
    Whole(Range<usize>),
    /// Something that has not come to its end.
    More,
    /// A message of so many bytes or more.
    TooLong(usize),
}

/// A frame's header.
struct Head {
    first: u8,
    len: usize,
    payload: u64,
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Self> {
        let [first, second, rest @ ..] = bytes else { return None };
        let (extra, payload) = match second & !MASKED {
            126 => (2, u64::from(u16::from_be_bytes(*rest.first_chunk()?))),
            127 => (8, u64::from_be_bytes(*rest.first_chunk()?)),
            short => (0, u64::from(short)),
        };
        let mask = if second & MASKED == 0 { 0 } else { 4 };
        Some(Self { first: *first, len: 2 + extra + mask, payload })
    }
}

impl Scan {
    /// What comes next in all the bytes that are not taken out.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Found {
        loop {
            let Some(head) = bytes.get(self.at..).and_then(Head::read) else { return Found::More };
            let opcode = head.first & OPCODE;
            let is_control = opcode & CONTROL != 0;
            let before = if is_control { 0 } else { self.payload };
            let payload = usize::try_from(head.payload).unwrap_or(usize::MAX);
            let len = before.saturating_add(payload);
            if len > MESSAGE_LEN_MAX || self.at - self.payload > MESSAGE_LEN_MAX {
                return Found::TooLong(len);
            }
            let end = self.at + head.len + payload;
            if bytes.len() < end {
                return Found::More;
            }
            if is_control {
                return Found::Whole(self.at..end);
            }
            let follows = if self.at == 0 { opcode != CONTINUE && opcode <= BINARY } else { opcode == CONTINUE };
            if head.first & FIN != 0 || !follows {
                *self = Self::default();
                return Found::Whole(0..end);
            }
            (self.at, self.payload) = (end, len);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_frames_come_first_and_a_message_when_it_is_whole() {
        let (first, ping, last) = ([0x01, 2, 1, 2], [0x89, 1, 7], [0x80, 1, 3]);
        let mut scan = Scan::default();
        let mut bytes = Vec::new();
        for byte in first.into_iter().chain(ping) {
            assert_eq!(scan.next(&bytes), Found::More);
            bytes.push(byte);
        }
        assert_eq!(scan.next(&bytes), Found::Whole(4..7));
        bytes.drain(4..7);
        assert_eq!(scan.next(&bytes), Found::More);
        bytes.extend(last);
        assert_eq!(scan.next(&bytes), Found::Whole(0..7));
    }

    #[test]
    fn what_is_too_long_is_seen_by_its_header() {
        let long = |len: u64| [&[0x82, 127][..], &len.to_be_bytes()].concat();
        assert_eq!(Scan::default().next(&long(MESSAGE_LEN_MAX as u64)), Found::More);
        assert_eq!(Scan::default().next(&long(MESSAGE_LEN_MAX as u64 + 1)), Found::TooLong(MESSAGE_LEN_MAX + 1));
        assert_eq!(Scan::default().next(&long(u64::MAX)), Found::TooLong(usize::MAX));
        // Fragments, all together; and fragments without end that hold nothing.
        let fragments = [&[0x02, 3, 1, 2, 3][..], &[0x00, 127], &(MESSAGE_LEN_MAX as u64 - 2).to_be_bytes()].concat();
        assert_eq!(Scan::default().next(&fragments), Found::TooLong(MESSAGE_LEN_MAX + 1));
        let empty = [&[0x02, 0][..], &[0x00, 0].repeat(MESSAGE_LEN_MAX / 2 + 1)].concat();
        assert_eq!(Scan::default().next(&empty), Found::TooLong(0));
    }

    #[test]
    fn what_cannot_follow_ends_the_message() {
        for bytes in [&[0x01, 0, 0x01, 0][..], &[0x00, 0], &[0x03, 0], &[0x01, 0, 0x02, 0]] {
            assert_eq!(Scan::default().next(bytes), Found::Whole(0..bytes.len()));
        }
    }
}
