//! What to do next, where several failures have it in common.

/// cargo cannot be run.
pub(crate) const CARGO: &str = "install cargo, or put it on PATH";
/// cargo has said what is wrong.
pub(crate) const NAMED_BY_CARGO: &str = "mend what cargo names, and try again";
/// There is no place for what is needed for a moment.
pub(crate) const TEMPORARY: &str = "make room in the folder for temporary files, or name another one in TMPDIR";
/// A node says what this tool does not know.
pub(crate) const ANOTHER_VERSION: &str =
    "the node may be of another version: use the cargo-system that it was started with";
/// Nobody has heard what came of it.
pub(crate) const STATUS: &str = "cargo system status shows what runs";
