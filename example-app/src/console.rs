//! What a person can call in the console of the node: `cargo system eval 'sum(100)'`.

use crate::calculation;

/// ∑(1..n), as text: it may be more than the console counts with. Ctrl-C ends it, and its calculation.
pub(crate) async fn sum(n: i64) -> Result<String, String> {
    match calculation::run(n).await {
        Ok(Some(sum)) => Ok(sum.to_string()),
        Ok(None) => Err("the calculation died".to_owned()),
        Err(full) => Err(full.to_string()),
    }
}
