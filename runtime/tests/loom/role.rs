//! A model of taking a role over: `Tenure`, with threads that want the same term, and a monitor that looks at whoever holds it.
//!
//! Seen to fail, each with one of these changes to `tenure.rs`: `begin` without its look at the term · `begin` as it once was, which
//! exchanges the term and writes the holder afterwards, without a lock around both · `held` that reads the term once it has given the
//! lock back.

use crate::explore;
use crate::tenure::{Begun, Tenure};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

/// A role whose holders are known by the number of the thread.
struct Role {
    tenure: Tenure<usize>,
    /// The seats' count of turns, odd while one runs: of each thread.
    turns: [AtomicU32; 3],
    /// Who began each term, plus one.
    began: [AtomicU32; 4],
}

impl Role {
    /// Held by thread 0, in a turn that lasts.
    fn held() -> Arc<Self> {
        let role = Self {
            tenure: Tenure::new(),
            turns: std::array::from_fn(|_| AtomicU32::new(0)),
            began: std::array::from_fn(|_| AtomicU32::new(0)),
        };
        assert_eq!(role.tenure.held(), (0, None));
        let role = Arc::new(role);
        assert_eq!(role.begin(0, 0), Ok(None));
        role
    }

    /// What `start_thread` has a thread do: it begins a term, if nobody has, and a turn.
    fn begin(&self, term: u64, thread: usize) -> Result<Option<usize>, Begun> {
        let before = self.tenure.begin(term, thread)?;
        let number = u32::try_from(thread).expect("small") + 1;
        let place = &self.began[usize::try_from(term).expect("small") + 1];
        assert_eq!(place.swap(number, Ordering::SeqCst), 0, "a term begins once");
        self.step_turn(thread);
        Ok(before)
    }

    fn step_turn(&self, thread: usize) {
        self.turns[thread].fetch_add(1, Ordering::SeqCst);
    }

    /// Has the role taken over from whoever holds it, as the monitor sees it.
    fn take_over(&self, thread: usize) -> Option<u64> {
        let (term, holder) = self.tenure.held();
        let before = self.begin(term, thread).ok()?;
        assert_eq!(before, holder, "it is taken over from the one that was seen");
        Some(term + 1)
    }
}

/// Two threads are started for one long turn: one of them takes the role over.
#[test]
fn one_thread_takes_a_role_over() {
    explore(|| {
        let role = Role::held();
        let other = {
            let role = Arc::clone(&role);
            thread::spawn(move || role.begin(1, 1).is_ok())
        };
        let ours = role.begin(1, 2).is_ok();
        let theirs = other.join().expect("the other");
        assert!(ours != theirs, "one of the two");
        assert_eq!(role.tenure.held(), (2, Some(if ours { 2 } else { 1 })));
    });
}

/// The role is taken over twice, also while the first to do so has only just come to it: the last one's turn is the one that the monitor
/// sees, and nobody is taken for the holder of another's term.
#[test]
fn the_monitor_sees_the_holders_turn() {
    explore(|| {
        let role = Role::held();
        let threads: Vec<_> = [1, 2]
            .into_iter()
            .map(|number| {
                let role = Arc::clone(&role);
                thread::spawn(move || role.take_over(number))
            })
            .collect();
        let (term, holder) = role.tenure.held();
        let holder = holder.expect("there is one");
        let begun = role.began[usize::try_from(term).expect("small")].load(Ordering::SeqCst);
        assert!(begun == 0 || begun as usize == holder + 1, "term and holder belong together");
        // The first thread's turn ends, however late: that is its own affair.
        role.step_turn(0);
        let terms: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("a thread")).collect();
        let (term, holder) = role.tenure.held();
        let last = terms.iter().position(|begun| *begun == Some(term)).expect("somebody began it") + 1;
        assert_eq!(holder, Some(last), "whoever began the term that lasts holds it");
        assert_eq!(role.turns[last].load(Ordering::SeqCst) % 2, 1, "and its turn is seen to run");
    });
}
