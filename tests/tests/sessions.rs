//! Open WebSockets go on in the new version: with their state, and with what was under way in the middle of a frame.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::websocket::{FIN, Frame, OPCODE_CONTINUE, OPCODE_PING, OPCODE_TEXT, WebSocket, frame};

const UPGRADES: u64 = 20;
/// Sessions that are in the middle of something at each upgrade …
const CUT: usize = 24;
/// … and those that go on talking meanwhile.
const BUSY: usize = 26;
/// Long messages to a client that does not read: more than the sockets hold.
const FLOOD: usize = 150;
/// Messages under way at once, of a busy session.
const AHEAD: u64 = 3;

fn fixture() -> (Sandbox, Node) {
    let sandbox = Sandbox::new("sessions").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    (sandbox, node)
}

/// The build that `upgrade` number so and so brings.
fn build(number: u64) -> &'static str {
    if number.is_multiple_of(2) { "a" } else { "b" }
}

fn upgrade(sandbox: &Sandbox, number: u64) {
    let line = |build| format!("const BUILD: &str = {build:?};");
    sandbox.edit("src/lib.rs", &line(build(number - 1)), &line(build(number))).expect("an edit");
    sandbox.upgrade().expect("an upgrade");
}

/// What an upgrade falls into the middle of.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// A frame's header, or its payload: after so many bytes.
    Frame(usize),
    /// A message of fragments, a ping among them.
    Fragments,
    /// Answers that the client does not read.
    Unread,
}

/// A client's end of a session.
struct Client {
    socket: WebSocket,
    cut: Cut,
    sent: u64,
}

impl Client {
    fn open(node: &Node, path: &str, cut: Cut) -> Self {
        Self { socket: WebSocket::open(node.address(), path).expect("a WebSocket"), cut, sent: 0 }
    }

    /// The message that is cut in two, as bytes.
    fn halves(&self) -> (Vec<u8>, Vec<u8>) {
        match self.cut {
            Cut::Frame(at) => {
                let bytes = frame(FIN | OPCODE_TEXT, "cut".repeat(100).as_bytes());
                let (first, rest) = bytes.split_at(at);
                (first.to_vec(), rest.to_vec())
            }
            Cut::Fragments => {
                let first =
                    [frame(OPCODE_TEXT, b"cu"), frame(FIN | OPCODE_PING, b"ping"), frame(OPCODE_CONTINUE, b"tcut")];
                (first.concat(), frame(FIN | OPCODE_CONTINUE, "cut".repeat(98).as_bytes()))
            }
            Cut::Unread => (frame(FIN | OPCODE_TEXT, format!("flood {FLOOD}").as_bytes()), Vec::new()),
        }
    }

    fn begin(&mut self) {
        self.socket.send_bytes(&self.halves().0).expect("the first half");
        self.sent += 1;
    }

    /// Sends the rest, and says what is wrong with what comes then.
    fn finish(&mut self, before: &str, after: &str) -> Result<(), String> {
        self.socket.send_bytes(&self.halves().1).map_err(|failure| format!("{failure:?}"))?;
        let (answerer, text) = match self.cut {
            Cut::Unread => {
                for number in 0..FLOOD {
                    let text = self.text()?;
                    if !text.starts_with(&format!("{number} xxx")) {
                        return Err(format!("{:.40} instead of long message {number}", text));
                    }
                }
                (before, format!("flood {FLOOD}"))
            }
            Cut::Frame(_) | Cut::Fragments => (after, "cut".repeat(100)),
        };
        let count = self.sent;
        self.expect(&format!("{answerer} {count} {text}"))?;
        self.sent += 1;
        self.socket.send_text("whole").map_err(|failure| format!("{failure:?}"))?;
        self.expect(&format!("{after} {} whole", self.sent))
    }

    fn expect(&mut self, right: &str) -> Result<(), String> {
        let text = self.text()?;
        if text == right { Ok(()) } else { Err(format!("{text:.40} instead of {right:.40}")) }
    }

    fn text(&mut self) -> Result<String, String> {
        match self.socket.receive() {
            Ok(Frame::Text(text)) => Ok(text),
            other => Err(format!("{other:?}")),
        }
    }
}

/// Talks until it is told to stop: each answer comes once, in order, from a session that has counted all.
fn talk(socket: &mut WebSocket, is_over: &AtomicBool, answers: &AtomicU64) {
    let mut count = 0;
    while !is_over.load(Ordering::Relaxed) {
        for ahead in 1..=AHEAD {
            socket.send_text(&format!("message {}", count + ahead)).expect("the server reads");
        }
        for _ in 0..AHEAD {
            count += 1;
            let Ok(Frame::Text(text)) = socket.receive() else { panic!("no answer to message {count}") };
            let (_, rest) = text.split_once(' ').expect("a build");
            assert_eq!(rest, format!("{count} message {count}"));
            answers.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn fifty_sessions_go_on_through_twenty_upgrades_in_the_middle_of_whatever_they_do() {
    let (sandbox, node) = fixture();
    let cut = |number: usize| match number {
        0 => Cut::Unread,
        number if number.is_multiple_of(3) => Cut::Fragments,
        number => Cut::Frame(number),
    };
    let mut clients: Vec<_> = (0..CUT).map(|number| Client::open(&node, "/count", cut(number))).collect();
    let (is_over, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..BUSY {
            let mut socket = WebSocket::open(node.address(), "/count").expect("a WebSocket");
            let (is_over, answers) = (&is_over, &answers);
            scope.spawn(move || talk(&mut socket, is_over, answers));
        }
        // Else the busy ones would go on for ever when this fails.
        let _over = Over(&is_over);
        for number in 1..=UPGRADES {
            clients.iter_mut().for_each(Client::begin);
            // What was sent before has been read by now, as far as it can be.
            let mut after = WebSocket::open(node.address(), "/count").expect("a WebSocket");
            after.send_text("after").expect("sent");
            assert!(matches!(after.receive(), Ok(Frame::Text(_))));
            upgrade(&sandbox, number);
            for client in &mut clients {
                let finished = client.finish(build(number - 1), build(number));
                finished.unwrap_or_else(|wrong| panic!("{:?}, upgrade {number}: {wrong}", client.cut));
            }
        }
    });
    let answers = answers.into_inner();
    assert!(answers > UPGRADES * BUSY as u64, "only {answers} answers to those that went on");
}

/// Says so when it is dropped.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The proof that the test above can fail: one that stays is seen to.
#[test]
fn a_session_that_is_not_listed_stays_and_is_seen_to_stay() {
    let (sandbox, node) = fixture();
    let mut moves = Client::open(&node, "/count", Cut::Frame(10));
    let mut stays = Client::open(&node, "/stay", Cut::Frame(10));
    moves.begin();
    stays.begin();
    upgrade(&sandbox, 1);
    assert_eq!(moves.finish("a", "b"), Ok(()));
    let wrong = stays.finish("a", "b").expect_err("the old version answers");
    assert!(wrong.starts_with("a 1 cut"), "{wrong}");
}

#[test]
fn a_message_that_is_too_long_is_refused_with_its_code() {
    let (_sandbox, node) = fixture();
    let mut socket = WebSocket::open(node.address(), "/count").expect("a WebSocket");
    // All of it is sent before anything is read: a reset would take the answer away.
    socket.send_bytes(&frame(FIN | OPCODE_TEXT, &vec![b'x'; (1 << 20) + 1])).expect("read to its end");
    assert_eq!(socket.receive().expect("an answer"), Frame::Close(Some(1009)));
}
