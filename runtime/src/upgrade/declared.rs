//! What the declarations of the current image and of the next one say to an upgrade. Both were read from their files by this node.

use super::transaction::refused;
use crate::image::{Image, PluginFacts};
use crate::protocol::Failure;
use crate::release::check::{Declared, Finding, check as findings};

/// What one should know of the upgrade.
///
/// # Errors
/// What refuses it, the first with all that is known of it.
pub(super) fn check(current: Option<&Image>, next: &PluginFacts) -> Result<Vec<String>, Failure> {
    let Some(current) = current else { return Ok(Vec::new()) };
    let next = Declared::from(next);
    let Ok(version) = current.version.parse() else { return Ok(Vec::new()) };
    // Of this ABI and target it is, since it runs.
    let current = Declared { version, states: &current.states, ..next.clone() };
    let (refusals, warnings): (Vec<_>, Vec<_>) =
        findings(&current, &next).into_iter().partition(|finding| finding.refuses);
    match refusals.as_slice() {
        [] => Ok(warnings.into_iter().map(|finding| finding.message).collect()),
        [first, rest @ ..] => Err(refusal(first, rest)),
    }
}

fn refusal(first: &Finding, rest: &[Finding]) -> Failure {
    let mut details = first.details();
    for finding in rest {
        details.push_str(&format!("\nand {}\n{}", finding.message, finding.details()));
    }
    let details = Some(details.into_boxed_str()).filter(|details| !details.is_empty());
    Failure { details, ..refused("check", &first.message, Some(&first.hint)) }
}
