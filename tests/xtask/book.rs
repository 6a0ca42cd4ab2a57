//! The book, as mdBook makes it.

use crate::shell::{call, complain};
use crate::tools::Tool;
use anyhow::Result;
use std::path::Path;

/// Without its server and its search, which are half of it.
const MDBOOK: Tool =
    Tool { package: "mdbook", version: "0.5.4", program: "mdbook", options: &["--no-default-features"] };

/// Makes it, in the target folder.
///
/// # Errors
/// When it is no book.
pub(crate) fn check(root: &Path) -> Result<()> {
    if let Err(error) = MDBOOK.install() {
        complain(&format!("the book is not made, since mdbook is not here: {error:#}; cargo install mdbook --locked"));
        return Ok(());
    }
    call(MDBOOK.call(root)?.args(["build", "docs/book"]))
}
