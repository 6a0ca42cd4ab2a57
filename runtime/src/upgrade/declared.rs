//! What the declarations of the current image and of the next one say to an upgrade. Both were read from their files by this node.

use super::step::Step;
use super::transaction::refused;
use crate::image::{Image, PluginFacts};
use crate::protocol::Failure;
use crate::release::check::{Declared, Finding, check as findings, states};
use crate::release::history::Kind;

/// What one should know of the upgrade.
///
/// # Errors
/// What refuses it, the first with all that is known of it.
pub(super) fn check(current: &Image, next: &PluginFacts, kind: Kind) -> Result<Vec<String>, Failure> {
    let next = Declared::from(next);
    let Ok(version) = current.version.parse() else { return Ok(Vec::new()) };
    // Of this ABI and target it is, since it runs.
    let current = Declared { version, states: &current.states, ..next.clone() };
    let found = match kind {
        Kind::Upgrade => findings(&current, &next),
        Kind::Rollback => states(&current, &next),
    };
    let (refusals, warnings): (Vec<_>, Vec<_>) = found.into_iter().partition(|finding| finding.refuses);
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
    Failure { details, ..refused(Step::Check, &first.message, Some(&first.hint)) }
}
