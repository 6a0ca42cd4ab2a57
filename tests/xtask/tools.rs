//! Programs of cargo's registry that checks call: taken as they are where they are installed, else built into the target folder.

use crate::shell::call;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use system_tests::workspace;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    pub(crate) package: &'static str,
    /// What is built, if it is.
    pub(crate) version: &'static str,
    /// What it is called by.
    pub(crate) program: &'static str,
    /// How it is built.
    pub(crate) options: &'static [&'static str],
}

impl Tool {
    /// Has it there.
    ///
    /// # Errors
    /// When it is not, and cannot be built.
    pub(crate) fn install(self) -> Result<()> {
        let asked = self.call(Path::new("."))?.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if asked.is_ok_and(|status| status.success()) {
            return Ok(());
        }
        // It runs for seconds, and would be optimised for minutes.
        let mut install = Command::new(workspace::cargo());
        install.args(["install", "--quiet", "--locked", "--debug", "--version", self.version]).args(self.options);
        call(install.arg("--root").arg(self.folder()?).arg(self.package))
    }

    /// It, in that folder.
    ///
    /// # Errors
    /// When nobody knows where the target folder is.
    pub(crate) fn call(self, folder: &Path) -> Result<Command> {
        let built = self.folder()?.join("bin").join(self.program);
        let mut command = if built.exists() { Command::new(built) } else { Command::new(self.program) };
        command.current_dir(folder);
        Ok(command)
    }

    fn folder(self) -> Result<PathBuf> {
        Ok(workspace::target()?.join("tools").join(format!("{}-{}", self.package, self.version)))
    }
}
