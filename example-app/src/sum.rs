//! The calculation, with its bugs, which are on purpose: they are what a node has to live with, and what an upgrade mends.
//!
//! It counts up from 1 until it meets n, so with n < 1 it never ends (it would wrap around first, in some centuries); and 13 panics.

use std::hint::black_box;

/// ∑(1..n), one term after the other.
///
/// # Panics
/// For 13.
pub(crate) fn sum(n: i64) -> i128 {
    assert_ne!(n, 13, "13 brings bad luck");
    // What the compiler does not know it cannot fold into a formula; the loop itself stays as fast as it gets.
    let one: i64 = black_box(1);
    let (mut term, mut sum) = (1_i64, 1_i128);
    while term != n {
        term = term.wrapping_add(one);
        sum += i128::from(term);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn it_is_gauss_sum() {
        for n in [1, 2, 10, 12, 14, 100, 1_000_000] {
            assert_eq!(sum(n), i128::from(n) * (i128::from(n) + 1) / 2, "{n}");
        }
    }

    #[test]
    #[should_panic(expected = "13 brings bad luck")]
    fn thirteen_panics() {
        sum(13);
    }
}
