//! Numbers that nobody can foresee, as the standard library has them for its maps.

use std::hash::{BuildHasher as _, RandomState};

/// One of `0..below`; 0 if there is none.
pub(crate) fn random(below: u32) -> u32 {
    let random = RandomState::new().hash_one(());
    // The upper half of a product is as evenly spread as the number itself.
    let scaled = (u128::from(random) * u128::from(below)) >> 64;
    u32::try_from(scaled).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::random;

    #[test]
    fn numbers_are_spread_and_below() {
        let mut seen = [0_u32; 10];
        for _ in 0..10_000 {
            seen[random(10) as usize] += 1;
        }
        assert!(seen.iter().all(|seen| (700..1300).contains(seen)), "{seen:?}");
        assert_eq!(random(0), 0);
    }
}
