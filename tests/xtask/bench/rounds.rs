//! Rounds: in each, both sides are measured, the one first that was second before.

use super::side::Which;
use crate::shell::complain;
use anyhow::Result;
use std::fmt::Debug;

/// What ours and the peer measured, round by round.
pub(super) fn alternate<T: Debug>(rounds: u32, measure: impl FnMut(Which) -> Result<T>) -> Result<Vec<(T, T)>> {
    let shown = |round, ours: &T, peer: &T| complain(&format!("  round {round}: ours {ours:.1?}, peer {peer:.1?}"));
    in_turns(rounds, measure, shown)
}

/// The same of rounds so short that nobody reads each.
pub(super) fn alternate_quickly<T>(rounds: u32, measure: impl FnMut(Which) -> Result<T>) -> Result<Vec<(T, T)>> {
    in_turns(rounds, measure, |_, _, _| {})
}

fn in_turns<T>(
    rounds: u32,
    mut measure: impl FnMut(Which) -> Result<T>,
    show: impl Fn(u32, &T, &T),
) -> Result<Vec<(T, T)>> {
    let mut measured = Vec::new();
    for round in 1..=rounds {
        let (ours, peer) = if round % 2 == 1 {
            let ours = measure(Which::Ours)?;
            (ours, measure(Which::Peer)?)
        } else {
            let peer = measure(Which::Peer)?;
            (measure(Which::Ours)?, peer)
        };
        show(round, &ours, &peer);
        measured.push((ours, peer));
    }
    Ok(measured)
}

/// One quantity of all rounds.
pub(super) fn pick<T>(rounds: &[(T, T)], quantity: impl Fn(&T) -> f64) -> Vec<(f64, f64)> {
    rounds.iter().map(|(ours, peer)| (quantity(ours), quantity(peer))).collect()
}
