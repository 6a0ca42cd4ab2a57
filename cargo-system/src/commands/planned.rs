//! `upgrade PLAN`: what `upgrade --dry-run --out PLAN` has shown, and nothing else.
//!
//! ```text
//! --dry-run --out plan.json ─► somebody reads it ─► upgrade plan.json ─► the same release, from the same release: done
//!                                                                      └► anything else: 14, and nothing has changed
//! ```
//!
//! The file says where the packed release is; what was built is built again, and has to come to the same version, which has a hash of the build in it.
//! Whether the node has moved on, the node says, when nobody can come between any more.

use super::follow::milliseconds;
use super::upgrade::{self, Planned, Wish};
use crate::answers::PlanFile;
use crate::cli::{Making, Waiting};
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, OrHint as _};
use anyhow::Context as _;
use runtime::protocol::Plan;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

/// Version of the file's shape.
const SCHEMA: u32 = 1;
const OUT_HINT: &str = "name a file in a folder that is there, and that you may write to, with --out";

/// Writes it whole, or not at all.
pub(super) fn write(out: &Path, release: Option<&Path>, wish: &Wish, plan: Plan) -> Result<(), Failure> {
    let unwritten = || format!("{} cannot be written", out.display());
    let release = release.map(std::path::absolute).transpose().context("the release has no path")?;
    let confirm_within_ms = wish.confirm_within.map(milliseconds);
    let file = PlanFile { schema: SCHEMA, release, force: wish.force, confirm_within_ms, plan };
    let text = serde_json::to_string_pretty(&file).with_context(unwritten)?;
    persist(out, &text).with_context(unwritten).or_hint(OUT_HINT)
}

fn persist(out: &Path, text: &str) -> anyhow::Result<()> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut making = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(making, "{text}")?;
    // Of its error, the file is no part: it goes.
    making.persist(out).map_err(|error| error.error)?;
    Ok(())
}

pub(super) fn upgrade(
    context: &Context,
    file: &Path,
    wait: bool,
    waiting: Waiting,
    making: &Making,
) -> Result<(), Failure> {
    let PlanFile { release, force, confirm_within_ms, plan, .. } = read(file)?;
    let planned = Some(Planned { from: plan.from, to: plan.to });
    let wish = Wish { force, confirm_within: confirm_within_ms.map(Duration::from_millis), wait, planned };
    upgrade::upgrade(context, release.as_deref(), wish, waiting, making)
}

fn read(path: &Path) -> Result<PlanFile, Failure> {
    let refused =
        |message| Failure::new(ExitCode::Refused, message).hint("cargo system upgrade --dry-run --out FILE writes one");
    let text =
        fs::read_to_string(path).map_err(|error| refused(format!("{} cannot be read: {error}", path.display())))?;
    let file: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| refused(format!("{} is no plan: {error}", path.display())))?;
    match file["schema"].as_u64() {
        Some(schema) if schema > u64::from(SCHEMA) => {
            Err(refused(format!("{} was written by a newer version of this tool", path.display()))
                .hint("carry it out with that one, or plan anew: cargo system upgrade --dry-run --out FILE"))
        }
        _ => serde_json::from_value(file).map_err(|error| refused(format!("{} is no plan: {error}", path.display()))),
    }
}
