//! The thread that makes names of addresses. It goes behind others, keeps what it has read while somebody asks, and ends when nobody has for a while:
//! then all of that is given back.
//!
//! ```text
//! none ─ a question ─► reads, answers ◄─┐
//!  ▲                     │ └─ a question ┘
//!  └── [`KEPT`] without ─┘
//! ```

use super::known::{Known, Shelf};
use super::stack::go_behind_others;
use parking_lot::Mutex;
use std::io;
use std::sync::mpsc::{Receiver, SendError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// How long what was read is kept without a question: some 100 MB, as large as the files are.
const KEPT: Duration = Duration::from_secs(20);
/// Questions that wait.
const BACKLOG: usize = 64;

type Question = Box<dyn for<'a> FnOnce(&mut Known<'a>) + Send>;

/// Who is asked, if anybody is there.
static NAMER: Mutex<Option<SyncSender<Question>>> = Mutex::new(None);

/// Has it done on that thread, with what is known. An answer that has not come within `patience` still makes what is known more.
pub(super) fn ask<T: Send + 'static>(
    patience: Duration,
    act: impl for<'a> FnOnce(&mut Known<'a>) -> T + Send + 'static,
) -> io::Result<T> {
    let (tell, told) = sync_channel(1);
    // Nobody may wait any more.
    hand_on(Box::new(move |known| drop(tell.send(act(known)))))?;
    told.recv_timeout(patience).map_err(|_| io::Error::other("its stack was not read in time"))
}

fn hand_on(mut question: Question) -> io::Result<()> {
    let mut namer = NAMER.lock();
    if let Some(there) = namer.as_ref() {
        match there.try_send(question) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(_)) => return Err(io::Error::other("too many stacks are read already")),
            // It has panicked on a file that it could not make sense of.
            Err(TrySendError::Disconnected(back)) => question = back,
        }
    }
    let (give, given) = sync_channel(BACKLOG);
    std::thread::Builder::new().name("names".to_owned()).spawn(move || answer(&given))?;
    give.send(question).map_err(|SendError(_)| io::Error::other("its stack cannot be read"))?;
    *namer = Some(give);
    Ok(())
}

fn answer(given: &Receiver<Question>) {
    go_behind_others();
    let shelf = Shelf::default();
    // Whoever asks hears that nobody answers.
    let Ok(mut known) = Known::new(&shelf) else { return };
    loop {
        while let Ok(question) = given.recv_timeout(KEPT) {
            question(&mut known);
        }
        let mut namer = NAMER.lock();
        // One that has come since is answered.
        match given.try_recv() {
            Ok(question) => {
                drop(namer);
                question(&mut known);
            }
            Err(_) => {
                *namer = None;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_answered_and_a_panic_is_not_the_end() {
        const PATIENCE: Duration = Duration::from_secs(60);
        assert_eq!(ask(PATIENCE, |_| 1).expect("an answer"), 1);
        let panicked = ask(PATIENCE, |_| panic!("a file without sense"));
        assert!(panicked.map(|(): ()| ()).is_err());
        // The thread may still be about to end.
        let after = (0..1_000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(10));
            ask(PATIENCE, |_| 2).ok()
        });
        assert_eq!(after, Some(2));
        let late = ask(Duration::ZERO, |_| std::thread::sleep(Duration::from_millis(20)));
        assert!(late.is_err());
        assert_eq!(ask(PATIENCE, |_| 3).expect("an answer"), 3);
    }
}
