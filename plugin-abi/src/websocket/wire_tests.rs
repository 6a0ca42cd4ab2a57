//! The wire against a simple model: whatever the messages, their fragments, the pings between them and the pieces in which the bytes come,
//! and wherever wire and codec are taken apart and made again, what is received is what was sent.

use super::Message;
use super::codec::Got;
use super::scan::MESSAGE_LEN_MAX;
use super::wire::{Parts, UNSENT_HIGH, Wire};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::Error;

/// A socket: pieces come, and so many bytes may go.
#[derive(Debug, Default)]
struct Socket {
    pieces: VecDeque<Vec<u8>>,
    sent: Vec<u8>,
    room: usize,
    has_ended: bool,
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(mut piece) = self.pieces.pop_front() else {
            return if self.has_ended { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        let rest = piece.split_off(piece.len().min(buf.remaining()));
        buf.put_slice(&piece);
        if !rest.is_empty() {
            self.pieces.push_front(rest);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let len = buf.len().min(self.room);
        if len == 0 {
            return Poll::Pending;
        }
        self.room -= len;
        self.sent.extend_from_slice(&buf[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Numbers that look random, the same each time.
fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

fn below(seed: &mut u64, end: usize) -> usize {
    usize::try_from(next(seed) % end as u64).unwrap_or_default()
}

/// A client's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | u8::try_from(short).expect("short")),
        len @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(len).expect("16 bits").to_be_bytes());
        }
        len => {
            bytes.push(0x80 | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// What is sent, as bytes; and what is to be received and to be answered.
#[derive(Default)]
struct Script {
    bytes: Vec<u8>,
    messages: Vec<Message>,
    answers: Vec<u8>,
}

impl Script {
    fn random(seed: &mut u64) -> Self {
        let mut script = Self::default();
        for _ in 0..=below(seed, 6) {
            script.ping(seed);
            script.message(seed);
        }
        script.ping(seed);
        script
    }

    fn ping(&mut self, seed: &mut u64) {
        for _ in 0..below(seed, 3) {
            let payload = vec![b'p'; below(seed, 126)];
            self.bytes.extend(frame(0x89, &payload));
            self.answers.extend([0x8A, u8::try_from(payload.len()).expect("short")]);
            self.answers.extend(payload);
        }
    }

    fn message(&mut self, seed: &mut u64) {
        let len = [0, 1, 5, 125, 126, 300, 3000][below(seed, 7)];
        let text: String = std::iter::repeat_n('ä', len).collect();
        let is_text = below(seed, 2) == 0;
        let mut left = text.as_bytes();
        let mut first = if is_text { 1 } else { 2 };
        for _ in 0..below(seed, 4) {
            // In the middle of a character, too.
            let (fragment, rest) = left.split_at(below(seed, left.len() + 1));
            self.bytes.extend(frame(first, fragment));
            self.ping(seed);
            (first, left) = (0, rest);
        }
        self.bytes.extend(frame(0x80 | first, left));
        self.messages.push(if is_text { Message::Text(text) } else { Message::Binary(text.into_bytes()) });
    }
}

fn rebuilt(wire: Wire<Socket>) -> Wire<Socket> {
    let Parts { unread, unsent, .. } = wire.parts();
    Wire::new(Parts { stream: wire.into_stream(), unread, unsent })
}

/// Receives all that is there.
fn receive(wire: &mut Wire<Socket>, received: &mut Vec<Message>) {
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(got) = wire.poll_next(&mut cx) {
        match got.expect("nothing is wrong") {
            Got::Message(message) => received.push(message),
            other => panic!("{other:?}"),
        }
    }
}

fn open() -> Wire<Socket> {
    Wire::new(Parts { stream: Socket::default(), unread: Vec::new(), unsent: Vec::new() })
}

#[test]
fn taken_apart_at_each_byte_it_loses_and_doubles_nothing() {
    for round in 1..200 {
        let mut seed = round;
        let script = Script::random(&mut seed);
        let (mut wire, mut received) = (open(), Vec::new());
        for byte in &script.bytes {
            wire.stream_mut().pieces.push_back(vec![*byte]);
            wire.stream_mut().room += below(&mut seed, 3);
            receive(&mut wire, &mut received);
            wire = rebuilt(wire);
        }
        wire.stream_mut().room = usize::MAX;
        receive(&mut wire, &mut received);
        assert_eq!(received, script.messages, "round {round}");
        assert_eq!(wire.stream_mut().sent, script.answers, "round {round}");
    }
}

#[test]
fn in_whatever_pieces_bytes_come_and_wherever_it_is_taken_apart_it_receives_the_same() {
    for round in 1..1000 {
        let mut seed = round;
        let script = Script::random(&mut seed);
        let (mut wire, mut received, mut rest) = (open(), Vec::new(), script.bytes.as_slice());
        wire.stream_mut().room = usize::MAX;
        while !rest.is_empty() {
            for _ in 0..=below(&mut seed, 3) {
                let (piece, later) = rest.split_at(below(&mut seed, rest.len().min(9000) + 1));
                if !piece.is_empty() {
                    wire.stream_mut().pieces.push_back(piece.to_vec());
                }
                rest = later;
            }
            receive(&mut wire, &mut received);
            if below(&mut seed, 2) == 0 {
                wire = rebuilt(wire);
            }
        }
        assert_eq!(received, script.messages, "round {round}");
        assert_eq!(wire.stream_mut().sent, script.answers, "round {round}");
    }
}

fn error(bytes: Vec<u8>) -> (Error, Vec<u8>) {
    let mut wire = open();
    wire.stream_mut().room = usize::MAX;
    wire.stream_mut().pieces.push_back(bytes);
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Err(error)) = wire.poll_next(&mut cx) else { panic!("it is refused at once") };
    assert!(wire.poll_linger(&mut cx).is_pending(), "the peer has not closed");
    wire.stream_mut().has_ended = true;
    assert!(wire.poll_linger(&mut cx).is_ready());
    (error, std::mem::take(&mut wire.stream_mut().sent))
}

#[test]
fn what_is_against_the_protocol_is_answered_with_its_code() {
    let close = |code: u16| [&[0x88, 2][..], &code.to_be_bytes()].concat();
    let long = [&[0x82, 0x80 | 127][..], &(MESSAGE_LEN_MAX as u64 + 1).to_be_bytes(), &[0; 4]].concat();
    for (bytes, code) in [
        (long, 1009),
        (frame(0x81, &[0xFF]), 1007),
        (frame(0xC1, b"a"), 1002),
        (frame(0x80, b"a"), 1002),
        (frame(0x83, b""), 1002),
        (frame(0x89, &[0; 126]), 1002),
        (frame(0x09, b""), 1002),
        (vec![0x81, 0], 1002),
        ([frame(0x01, b"a"), frame(0x81, b"b")].concat(), 1002),
    ] {
        let (error, sent) = error(bytes.clone());
        assert_eq!(sent, close(code), "{bytes:?}: {error}");
    }
}

#[test]
fn a_message_as_long_as_may_be_is_received() {
    let mut wire = open();
    wire.stream_mut().pieces.push_back(frame(0x82, &vec![7; MESSAGE_LEN_MAX]));
    let mut received = Vec::new();
    while received.is_empty() {
        receive(&mut wire, &mut received);
    }
    assert_eq!(received, [Message::Binary(vec![7; MESSAGE_LEN_MAX])]);
}

#[test]
fn a_peer_that_sends_pings_and_does_not_read_is_not_read_from() {
    let mut wire = open();
    let ping = frame(0x89, &[0; 125]);
    for _ in 0..2000 {
        wire.stream_mut().pieces.push_back(ping.clone());
    }
    for _ in 0..100 {
        receive(&mut wire, &mut Vec::new());
    }
    assert!(wire.unsent_len() < 2 * UNSENT_HIGH && !wire.stream_mut().pieces.is_empty());
    wire.stream_mut().room = usize::MAX;
    for _ in 0..100 {
        receive(&mut wire, &mut Vec::new());
    }
    assert_eq!(wire.stream_mut().sent.len(), 2000 * 127, "each is answered once");
}

#[test]
fn an_idle_wire_has_no_buffers() {
    let mut wire = open();
    wire.stream_mut().room = usize::MAX;
    wire.stream_mut().pieces.push_back([frame(0x89, b"ping"), frame(0x81, b"text")].concat());
    let mut received = Vec::new();
    receive(&mut wire, &mut received);
    assert_eq!((received.len(), wire.capacity()), (1, 0));
}
