//! Reads all of a node's folder, by itself, and says what does not fit together.
//!
//! It knows the folder as a user would: by the documents that stand there, not by the product's code.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// What a folder says of itself.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
    /// The record.
    pub record: Value,
}

impl Folder {
    /// Reads the record and checks what holds at any time, whoever died: it can be read whole, what boots and what is named as a way back is there, with the right
    /// bytes, and no number is given twice.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(root: &Path) -> Result<Self> {
        let record = json(&root.join("releases/RELEASES"))?;
        let folder = Self { root: root.to_owned(), record };
        let permanent = folder.permanent()?;
        folder.check_release(&permanent).context("what boots")?;
        for old in texts(&folder.record["old"]) {
            folder.check_release(&old).context("an old release")?;
            ensure!(old != permanent, "{old} is old and permanent");
        }
        let numbers: Vec<_> = folder.history().iter().map(|entry| entry["number"].as_u64()).collect();
        ensure!(numbers.is_sorted_by(|a, b| a < b), "the history's numbers: {numbers:?}");
        let last = folder.record["in_progress"]["number"].as_u64().or(numbers.last().copied().flatten());
        ensure!(last <= folder.record["last_number"].as_u64(), "the last number is not the last");
        Ok(folder)
    }

    /// Checks what holds besides when a node has booted and nothing is in progress: nothing is left of what the dead had begun, and each release that is
    /// listed is whole.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check_settled(root: &Path) -> Result<Self> {
        let folder = Self::check(root)?;
        ensure!(folder.record["in_progress"].is_null(), "an attempt is still in progress: {}", folder.record);
        for name in names(&root.join("releases"))?.iter().filter(|name| *name != "RELEASES") {
            folder.check_release(name)?;
        }
        for plugin in names(&root.join("lib"))? {
            let files = names(&root.join("lib").join(&plugin))?;
            ensure!(files.len() == 1 && files[0].ends_with(".so"), "lib/{plugin} has {files:?}");
        }
        Ok(folder)
    }

    /// The version that boots.
    ///
    /// # Errors
    /// When the record names none.
    pub fn permanent(&self) -> Result<String> {
        self.record["permanent"].as_str().map(str::to_owned).context("no release is permanent")
    }

    /// What was tried, the oldest first.
    #[must_use]
    pub fn history(&self) -> &[Value] {
        self.record["history"].as_array().map_or(&[], Vec::as_slice)
    }

    fn check_release(&self, version: &str) -> Result<()> {
        let manifest = json(&self.root.join("releases").join(version).join("manifest.json"))?;
        ensure!(manifest["version"] == version, "the manifest of {version} is of {}", manifest["version"]);
        for plugin in manifest["plugins"].as_array().context("plugins")? {
            let path = self.root.join(plugin["file"].as_str().context("a plugin's file")?);
            let hash = hash(&path).with_context(|| path.display().to_string())?;
            ensure!(plugin["hash"] == hash.as_str(), "{} is not what the manifest of {version} names", path.display());
        }
        Ok(())
    }
}

/// The file's hex SHA-256. Folders that are checked a hundred times share their files, by hard links: each is read once.
fn hash(path: &Path) -> Result<String> {
    type File = (u64, u64, SystemTime);
    static KNOWN: Mutex<BTreeMap<File, String>> = Mutex::new(BTreeMap::new());
    let metadata = fs::metadata(path)?;
    let file = (metadata.ino(), metadata.len(), metadata.modified()?);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(hash) = known.get(&file) {
        return Ok(hash.clone());
    }
    let hash: String = Sha256::digest(fs::read(path)?).iter().map(|byte| format!("{byte:02x}")).collect();
    known.insert(file, hash.clone());
    Ok(hash)
}

fn json(path: &Path) -> Result<Value> {
    let shown = || path.display().to_string();
    let bytes = fs::read(path).with_context(shown)?;
    serde_json::from_slice(&bytes).with_context(shown)
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut names = Vec::new();
    for entry in entries {
        match entry?.file_name().into_string() {
            Ok(name) => names.push(name),
            Err(name) => bail!("{name:?} in {}", folder.display()),
        }
    }
    names.sort();
    Ok(names)
}
