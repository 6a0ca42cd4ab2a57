//! The way back of an upgrade that has failed behind its switch: all that had moved, and the tree, on the version before. `mod.rs` has the picture.

use super::attempt::{Attempt, Switched, give_way};
use super::candidate::{root_of, tell_change};
use super::contained::contained;
use super::moves;
use super::step::Step;
use super::swap::Swap;
use crate::listen;
use crate::log;
use crate::protocol::{Failure, FailureKind, MovePolicy};
use plugin_abi::abi::{IMAGE_CURRENT, LOG_WARN};

impl Attempt<'_> {
    fn make_current_again(&self, switched: &Switched) {
        switched.replaced().for_each(|image| image.set_state(IMAGE_CURRENT));
        self.versions.note_current(self.before);
        listen::set_current(self.before);
    }

    /// A switch that broke off in the middle is none.
    pub(super) fn keep_current(&self) {
        let Some(half) = listen::current().filter(|current| !std::ptr::eq(*current, self.before)) else { return };
        self.before.images.iter().for_each(|image| image.set_state(IMAGE_CURRENT));
        listen::set_current(self.before);
        half.images.iter().filter(|image| !self.before.has(image)).for_each(|image| give_way(image));
    }

    pub(super) fn rolled_back(&self, switched: &Switched, was_in_effect: bool, failure: Failure) -> Failure {
        let message = failure.message.clone();
        let back = contained(self.progress, || Ok(self.roll_back(switched, was_in_effect, failure)));
        back.unwrap_or_else(|broken| {
            let message = format!("{message}; and on the way back: {}", broken.message);
            Failure { kind: FailureKind::NotRolledBack, message, ..broken }
        })
    }

    /// The version before is current again, with all that had moved.
    fn roll_back(&self, switched: &Switched, was_in_effect: bool, failure: Failure) -> Failure {
        self.progress.step(Step::RollBack.name());
        if let Err(error) = self.journal.step(Step::RollBack) {
            log::host(LOG_WARN, "upgrade", &format!("the record does not say that it is rolled back: {error}"));
        }
        let replaced: Vec<_> = switched.replaced().collect();
        if self.moves.get() == MovePolicy::Barrier {
            let crossed = moves::cross(&replaced, || self.make_current_again(switched));
            if let Some(fault) = crossed.fault {
                log::host(LOG_WARN, "upgrade", &format!("back one by one, as not all can at once: {fault}"));
            }
        }
        self.make_current_again(switched);
        let until = moves::until();
        let back: Vec<_> = replaced.into_iter().filter_map(|image| moves::move_all(image, until).fault).collect();
        self.versions.listeners.lock().keep_only(self.before);
        switched.swaps.iter().for_each(|swap| self.undo(*swap, was_in_effect));
        let serving = Some(self.before.version.clone());
        let failure = Failure { kind: FailureKind::RolledBack, serving, ..failure };
        let Some(stuck) = back.first() else { return failure };
        let message = format!("{}; and on the way back: {stuck}", failure.message);
        log::host(LOG_WARN, "upgrade", &format!("some processes stay on {}: {stuck}", switched.running.version));
        Failure { kind: FailureKind::NotRolledBack, message, ..failure }
    }

    /// The tree of what serves again settles, and what served meanwhile gives way.
    fn undo(&self, Swap { before, then }: Swap, was_in_effect: bool) {
        if let Some(before) = before {
            // It was told to give way; if it has, it starts anew.
            let root = if was_in_effect { root_of(before) } else { Ok(None) };
            let root = root.unwrap_or_else(|error| {
                log::host(LOG_WARN, "upgrade", &format!("{}: {error}", before.version));
                None
            });
            let holds = if was_in_effect { then } else { Some(before) };
            let held = holds.and_then(|image| self.versions.root(image));
            self.versions.settle_root(held, before, root);
        }
        if let Some((before, then)) = before.zip(then).filter(|_| was_in_effect) {
            tell_change(before, &self.versions.config_change(then, before));
        }
        then.into_iter().for_each(give_way);
    }
}
