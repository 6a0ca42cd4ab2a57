//! The compiler that cargo calls: for which machine it compiles, and what it calls its own library.

use crate::failure::Failure;
use crate::rustc::ask;
use cargo_metadata::camino::Utf8PathBuf;

/// See the file's head.
#[derive(Debug)]
pub(super) struct Compiler {
    /// Target triple.
    pub(super) host: String,
    /// Where the standard library's source is, if it is there.
    pub(super) library: Utf8PathBuf,
    /// What the library's files are called where its source is not there.
    pub(super) library_name: String,
}

impl Compiler {
    pub(super) fn ask() -> Result<Self, Failure> {
        let said = ask(&["--version", "--verbose"])?;
        let value = |key: &str| said.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        let host = value("host:").ok_or_else(|| Failure::error("rustc does not say for which machine it compiles"))?;
        // As cargo and the compiler itself do it: one that was built of no commit has its version there.
        let commit = value("commit-hash:").filter(|commit| *commit != "unknown").or_else(|| value("release:"));
        let sysroot = Utf8PathBuf::from(ask(&["--print", "sysroot"])?.trim());
        Ok(Self {
            host: host.to_owned(),
            library: sysroot.join("lib/rustlib/src/rust"),
            library_name: format!("/rustc/{}", commit.unwrap_or_default()),
        })
    }
}
