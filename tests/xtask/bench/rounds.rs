//! Rounds: in each, both sides are measured, the one first that was second before.

use super::side::Which;
use crate::shell::complain;
use anyhow::Result;
use std::fmt::Debug;

/// What ours and the peer measured, round by round.
pub(super) fn alternate<T: Debug>(rounds: u32, mut measure: impl FnMut(Which) -> Result<T>) -> Result<Vec<(T, T)>> {
    let mut measured = Vec::new();
    for round in 1..=rounds {
        let (ours, peer) = if round % 2 == 1 {
            let ours = measure(Which::Ours)?;
            (ours, measure(Which::Peer)?)
        } else {
            let peer = measure(Which::Peer)?;
            (measure(Which::Ours)?, peer)
        };
        complain(&format!("  round {round}: ours {ours:.1?}, peer {peer:.1?}"));
        measured.push((ours, peer));
    }
    Ok(measured)
}

/// One quantity of all rounds.
pub(super) fn pick<T>(rounds: &[(T, T)], quantity: impl Fn(&T) -> f64) -> Vec<(f64, f64)> {
    rounds.iter().map(|(ours, peer)| (quantity(ours), quantity(peer))).collect()
}
