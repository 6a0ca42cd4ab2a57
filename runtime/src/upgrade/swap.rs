//! What an upgrade does to each plugin of a release.
//!
//! ```text
//! before    then
//! image     another    swapped: who can move does, and the tree with them, or it starts anew; the rest drains
//! image     the same   kept: nothing happens to it, and it is no swap
//! image     none       dropped: all of it drains
//! none      image      added: its tree starts
//! ```
//!
//! In the order of the release that is then: a plugin comes behind those that it needs. What is dropped comes last, those first that need others.

use crate::image::Image;
use crate::listen::Running;
use std::ptr;

/// A plugin that is not the same then; one of both is an image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Swap {
    pub(super) before: Option<&'static Image>,
    pub(super) then: Option<&'static Image>,
}

/// What becomes of each plugin that is not kept.
pub(super) fn swaps(before: &Running, then: &Running) -> Vec<Swap> {
    let is_plugin = |a: &&'static Image, b: &&'static Image| a.plugin == b.plugin;
    let pairs = pairs(&before.images, &then.images, is_plugin, |a, b| ptr::eq(*a, *b));
    pairs.into_iter().map(|(before, then)| Swap { before, then }).collect()
}

/// Pure: see the file's head.
fn pairs<T: Copy>(
    before: &[T],
    then: &[T],
    is_plugin: impl Fn(&T, &T) -> bool,
    is_same: impl Fn(&T, &T) -> bool,
) -> Vec<(Option<T>, Option<T>)> {
    let of_before = |image: &T| before.iter().find(|other| is_plugin(other, image)).copied();
    let there = then.iter().map(|image| (of_before(image), Some(*image)));
    let changed = there.filter(|(before, then)| !before.zip(*then).is_some_and(|(a, b)| is_same(&a, &b)));
    let is_dropped = |image: &&T| !then.iter().any(|other| is_plugin(other, image));
    let dropped = before.iter().rev().filter(is_dropped).map(|image| (Some(*image), None));
    changed.chain(dropped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_no_swap_and_the_rest_comes_in_the_order_of_the_release() {
        let before = [("stock", 1), ("old", 1), ("older", 1), ("mail", 1), ("shop", 1)];
        let then = [("new", 1), ("stock", 1), ("mail", 2), ("shop", 2)];
        let found = pairs(&before, &then, |a, b| a.0 == b.0, |a, b| a == b);
        let expected = [
            (None, Some(("new", 1))),
            (Some(("mail", 1)), Some(("mail", 2))),
            (Some(("shop", 1)), Some(("shop", 2))),
            (Some(("older", 1)), None),
            (Some(("old", 1)), None),
        ];
        assert_eq!(found, expected);
        assert_eq!(pairs(&then, &then, |a, b| a.0 == b.0, |a, b| a == b), []);
    }
}
