//! `schema`: what `--json` prints, as a JSON schema. `docs/schema.json` is the same, for those who look at it there.

use crate::failure::Failure;
use crate::{answers, output};

pub(super) fn schema() -> Result<(), Failure> {
    output::line(&format!("{:#}", answers::schema()));
    Ok(())
}
