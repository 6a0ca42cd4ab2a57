//! Changes a release folder as a mistake or an attack would: another plugin file, with everything else in order.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// A release folder that tests may spoil.
#[derive(Debug)]
pub struct ReleaseFolder {
    root: PathBuf,
}

impl ReleaseFolder {
    /// The folder that `release` made.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The one manifest in it.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn manifest(&self) -> Result<(PathBuf, Value)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.root.join("releases"))? {
            let path = entry?.path().join("manifest.json");
            if path.exists() {
                found.push(path);
            }
        }
        ensure!(found.len() == 1, "{} manifests in {}", found.len(), self.root.display());
        let path = found.remove(0);
        let manifest = serde_json::from_slice(&fs::read(&path)?)?;
        Ok((path, manifest))
    }

    /// The plugin's file.
    ///
    /// # Errors
    /// When the manifest names none.
    pub fn plugin(&self) -> Result<PathBuf> {
        let (_, manifest) = self.manifest()?;
        Ok(self.root.join(manifest["plugins"][0]["file"].as_str().context("the manifest names no plugin")?))
    }

    /// Puts `bytes` in place of the plugin's file, with the hash, the version and the paths that such a plugin would
    /// have: only what the file says of itself can give it away. Returns the release's version.
    ///
    /// # Errors
    /// When the folder is not as `release` makes it.
    pub fn replace_plugin(&self, bytes: &[u8]) -> Result<String> {
        let (manifest_path, mut manifest) = self.manifest()?;
        let old_file = self.plugin()?;
        let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let plugin = &mut manifest["plugins"][0];
        let text = |value: &Value| value.as_str().map(str::to_owned).context("text in the manifest");
        let (name, version) = (text(&plugin["name"])?, text(&plugin["version"])?);
        let file_name = old_file.file_name().context("a file's name")?.to_string_lossy().into_owned();
        let file = format!("lib/{name}-{version}-{}/{file_name}", &hash[..8]);
        plugin["file"] = file.as_str().into();
        plugin["hash"] = hash.as_str().into();
        let old_name = old_file.strip_prefix(&self.root)?.display().to_string();
        let files = manifest["files"].as_array_mut().context("the manifest names no files")?;
        // What is linked into it is not known any more, and stood beside the manifest.
        files.retain(|entry| entry["path"].as_str().is_none_or(|path| !path.starts_with("releases/")));
        let entry = files.iter_mut().find(|entry| entry["path"] == old_name.as_str()).context("the plugin's file")?;
        entry["path"] = file.as_str().into();
        entry["hash"] = hash.as_str().into();
        entry["size"] = bytes.len().into();
        let release = format!("{version}+{}", &hash[..8]);
        manifest["version"] = release.as_str().into();

        fs::remove_dir_all(old_file.parent().context("the plugin's folder")?)?;
        fs::remove_dir_all(manifest_path.parent().context("the release's folder")?)?;
        let new_file = self.root.join(file);
        fs::create_dir_all(new_file.parent().context("the plugin's folder")?)?;
        fs::write(new_file, bytes)?;
        let folder = self.root.join("releases").join(&release);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("manifest.json"), serde_json::to_vec_pretty(&manifest)?)?;
        self.make_permanent(&release)?;
        Ok(release)
    }

    fn make_permanent(&self, release: &str) -> Result<()> {
        let path = self.root.join("releases/RELEASES");
        let mut record: Value = serde_json::from_slice(&fs::read(&path)?)?;
        record["permanent"] = release.into();
        fs::write(path, serde_json::to_vec_pretty(&record)?)?;
        Ok(())
    }
}
