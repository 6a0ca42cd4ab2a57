//! Models of a mailbox, together with the word that says who wakes its process.

use crate::explore;
use crate::mailbox::{Full, Mailbox, Pushed};
use crate::message::Message;
use crate::state::{Leave, Run, State, Wake};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

/// A process as far as its mailbox goes. `queued`: run queue entries of it that nobody has taken yet.
struct Process {
    state: State,
    mailbox: Mailbox,
    queued: AtomicU32,
}

impl Process {
    /// Idle, with one reference.
    fn idle() -> Arc<Self> {
        let process = Self { state: State::unused(), mailbox: Mailbox::new(), queued: AtomicU32::new(0) };
        process.state.begin();
        assert_eq!(process.state.run(), Run::Poll);
        assert_eq!(process.state.leave(), Leave::Idle);
        Arc::new(process)
    }

    fn wake(&self) {
        if self.state.wake() == Wake::Enqueue {
            assert_eq!(self.queued.fetch_add(1, Ordering::SeqCst), 0, "one entry at a time");
        }
    }

    /// As `host::messages` does it.
    fn send(&self, value: u32) {
        match self.mailbox.push(Message::new(value)) {
            Ok(Pushed::First) => self.wake(),
            Ok(Pushed::Behind) | Err(Full::Limit(_) | Full::Closed(_)) => {}
        }
    }

    /// One turn of a scheduler, if the process is in its run queue: takes all there is.
    fn turn(&self, received: &mut Vec<u32>) {
        if self.queued.load(Ordering::SeqCst) == 0 {
            return;
        }
        self.queued.fetch_sub(1, Ordering::SeqCst);
        assert_eq!(self.state.run(), Run::Poll);
        // SAFETY: taken out of the run queue: this is the runner.
        while let Some(message) = unsafe { self.mailbox.take() } {
            received.push(message.value());
        }
        if self.state.leave() == Leave::Enqueue {
            self.queued.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Two senders, and a receiver that is run whenever it is in the run queue: every message arrives, each sender's in its order, and
/// none lies in the mailbox of a process that nobody will run.
#[test]
fn no_message_is_lost_and_none_sleeps() {
    explore(|| {
        let process = Process::idle();
        let senders: Vec<_> = [[1, 2], [11, 12]]
            .into_iter()
            .map(|values| {
                let process = Arc::clone(&process);
                thread::spawn(move || values.into_iter().for_each(|value| process.send(value)))
            })
            .collect();
        let mut received = Vec::new();
        process.turn(&mut received);
        for sender in senders {
            sender.join().expect("a sender");
        }
        while process.queued.load(Ordering::SeqCst) > 0 {
            process.turn(&mut received);
        }
        let of = |range: std::ops::Range<u32>| received.iter().copied().filter(move |value| range.contains(value));
        assert!(of(0..10).eq([1, 2]) && of(10..20).eq([11, 12]), "received {received:?}");
    });
}

/// A message that meets the mailbox's end is either taken by it and dropped, or comes back: never both, never neither (loom counts).
#[test]
fn a_message_that_meets_the_end_has_one_owner() {
    explore(|| {
        let process = Process::idle();
        let sender = {
            let process = Arc::clone(&process);
            thread::spawn(move || {
                process.send(1);
                process.send(2);
            })
        };
        process.wake();
        assert_eq!(process.state.run(), Run::Poll);
        // SAFETY: this is the runner.
        unsafe {
            drop(process.mailbox.take());
            process.mailbox.close();
        }
        sender.join().expect("a sender");
        assert!(matches!(process.mailbox.push(Message::new(3)), Err(Full::Closed(_))));
    });
}

/// What a receiver has kept and puts back stays in front of what comes meanwhile, in its order.
///
/// Seen to fail with a `put_back` that leaves what is behind it to itself.
#[test]
fn what_is_put_back_comes_first() {
    explore(|| {
        let mailbox = Arc::new(Mailbox::new());
        assert!(mailbox.push(Message::new(1)).is_ok() && mailbox.push(Message::new(2)).is_ok());
        let sender = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || [3, 4].into_iter().all(|value| mailbox.push(Message::new(value)).is_ok()))
        };
        let mut received = Vec::new();
        // SAFETY: the one receiver.
        unsafe {
            let kept = [mailbox.keep().expect("the first"), mailbox.keep().expect("the second")];
            let later = mailbox.keep();
            for message in later.into_iter().chain(kept.into_iter().rev()) {
                mailbox.put_back(message);
            }
            let seen = mailbox.len();
            assert!((2..=4).contains(&seen), "none was read: {seen}");
            assert!(sender.join().expect("the sender"));
            while let Some(message) = mailbox.take() {
                received.push(message.value());
            }
        }
        assert_eq!((received, mailbox.len()), (vec![1, 2, 3, 4], 0));
    });
}

/// A bounded mailbox never holds more than it may, however many send at once.
#[test]
fn a_bounded_mailbox_keeps_its_bound() {
    explore(|| {
        let mailbox = Arc::new(Mailbox::new());
        // SAFETY: nobody else has it yet.
        unsafe { mailbox.reopen(1) };
        let senders: Vec<_> = [1, 2]
            .into_iter()
            .map(|value| {
                let mailbox = Arc::clone(&mailbox);
                thread::spawn(move || mailbox.push(Message::new(value)).is_ok())
            })
            .collect();
        let pushed =
            senders.into_iter().map(|sender| sender.join().expect("a sender")).filter(|pushed| *pushed).count();
        let mut taken = 0;
        // SAFETY: the one receiver.
        while unsafe { mailbox.take() }.is_some() {
            taken += 1;
        }
        assert!(taken == pushed && taken <= 1, "{taken} taken, {pushed} pushed");
    });
}
