//! Models of a mailbox, together with the word that says who wakes its process.

use crate::mailbox::{Full, Mailbox, Pushed};
use crate::message::Message;
use crate::state::{Leave, Run, State, Wake};
use crate::{explore, explore_within};
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
            self.put();
        }
    }

    /// As `host::messages` does it, to the first life in the slot.
    fn send(&self, value: u32) {
        if let Some(idle) = self.state.idle(1)
            && self.mailbox.awaits_first()
            && self.state.schedule_idle(idle)
        {
            assert!(self.mailbox.push(Message::new(value)).is_ok(), "it does not end before it is in a run queue");
            self.put();
            return;
        }
        if !self.state.try_acquire(1) {
            return;
        }
        match self.mailbox.push(Message::new(value)) {
            Ok(Pushed::First) => self.wake(),
            Ok(Pushed::Behind) | Err(Full::Limit(_) | Full::Closed(_)) => {}
        }
        self.release();
    }

    fn put(&self) {
        assert_eq!(self.queued.fetch_add(1, Ordering::SeqCst), 0, "one entry at a time");
    }

    /// Who gives the last reference back has the slot, and begins another life in it.
    fn release(&self) {
        if self.state.release() {
            // SAFETY: nobody has a reference.
            unsafe { self.mailbox.reopen(0) };
            self.state.begin();
        }
    }

    /// Ends the process, if it was killed and is in its run queue. True: its slot is another's, or somebody has a reference still.
    fn end(&self) -> bool {
        if self.queued.load(Ordering::SeqCst) == 0 {
            return false;
        }
        self.queued.fetch_sub(1, Ordering::SeqCst);
        assert_eq!(self.state.run(), Run::Kill);
        // SAFETY: taken out of the run queue: this is the runner.
        unsafe { self.mailbox.close() };
        self.state.end();
        self.release();
        true
    }

    /// One turn of a scheduler, if the process is in its run queue: takes all there is, and does not look again after the last.
    fn turn(&self, received: &mut Vec<u32>) {
        if self.queued.load(Ordering::SeqCst) == 0 {
            return;
        }
        self.queued.fetch_sub(1, Ordering::SeqCst);
        assert_eq!(self.state.run(), Run::Poll);
        // SAFETY: taken out of the run queue: this is the runner.
        while let Some(message) = unsafe { self.mailbox.take() } {
            received.push(message.value());
            // SAFETY: as above.
            if !unsafe { self.mailbox.has_more() } {
                break;
            }
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
    explore_within(2, || {
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

/// A message that meets the process's end is either taken by it and dropped, or comes back: never both, never neither (loom counts). And it
/// never comes to the next life in the slot.
#[test]
fn a_message_that_meets_the_end_has_one_owner_and_no_heir() {
    explore(|| {
        let process = Process::idle();
        let sender = {
            let process = Arc::clone(&process);
            thread::spawn(move || {
                process.send(1);
                process.send(2);
            })
        };
        if process.state.kill() == Wake::Enqueue {
            process.put();
        }
        let has_ended = process.end();
        sender.join().expect("a sender");
        assert!(has_ended || process.end(), "whoever has scheduled it has put it into the run queue");
        assert_eq!(process.state.generation(), 2, "the slot is another's");
        process.send(3);
        // SAFETY: nobody else is there.
        assert!(unsafe { process.mailbox.take() }.is_none(), "what was sent to one life came to the next");
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
