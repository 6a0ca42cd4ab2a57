//! A release's bill of materials: CycloneDX 1.5 as JSON (<https://cyclonedx.org/docs/1.5/json/>), for scanners and for whoever has to know what runs.
//!
//! ```text
//! the release ─┬─► the host executable        what that is linked of is not known here, and it says so
//!              └─► each plugin ─► packages    each with where it comes from, its checksum and its licence
//! ```
//!
//! The format wants neither a serial number nor a time, and here it has none: both would make another file of the same release.

use super::licence::Licence;
use super::linked::{Linked, Package};
use super::{Origin, purl};
use runtime::release::manifest::PluginEntry;
use semver::Version;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// See the file's head.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sbom {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    version: u32,
    metadata: Metadata,
    components: Vec<Component>,
    dependencies: Vec<Dependency>,
    compositions: Vec<Composition>,
}

#[derive(Debug, Serialize)]
struct Metadata {
    tools: Tools,
    component: Component,
}

#[derive(Debug, Serialize)]
struct Tools {
    components: Vec<Component>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Component {
    r#type: &'static str,
    bom_ref: String,
    name: String,
    version: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<Licence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
}

#[derive(Debug, Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

/// What one component uses.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    r#ref: String,
    depends_on: Vec<String>,
}

/// How much is known of what these use.
#[derive(Debug, Serialize)]
struct Composition {
    aggregate: &'static str,
    dependencies: Vec<String>,
}

/// The release itself, and what runs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Release<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a Version,
    pub(crate) plugins: &'a [PluginEntry],
    /// Hex SHA-256 of the host executable.
    pub(crate) executable: &'a str,
}

impl Sbom {
    /// Of a release whose plugins were built of that.
    pub(crate) fn of(release: Release<'_>, origin: &Origin) -> Self {
        let (host, this) = (host(Some(release.executable)), of_release(release));
        let (mut components, mut uses) = (BTreeMap::new(), BTreeMap::<String, BTreeSet<String>>::new());
        let mut roots = vec![host.bom_ref.clone()];
        for linked in origin.linked() {
            let purls: Vec<_> = linked.packages.iter().map(purl::of).collect();
            for (package, own) in linked.packages.iter().zip(&purls) {
                let used = package.dependencies.iter().map(|number| purls[*number].clone());
                uses.entry(own.clone()).or_default().extend(used);
                components.entry(own.clone()).or_insert_with(|| library(package, own));
            }
            let root = purls[linked.root].clone();
            built(&mut components, &root, release.plugins, linked);
            roots.push(root);
        }
        let ends = [(this.bom_ref.clone(), roots.into_iter().collect()), (host.bom_ref.clone(), BTreeSet::new())];
        let dependency =
            |(own, used): (String, BTreeSet<String>)| Dependency { r#ref: own, depends_on: used.into_iter().collect() };
        Self {
            schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
            bom_format: "CycloneDX",
            spec_version: "1.5",
            version: 1,
            compositions: vec![Composition { aggregate: "unknown", dependencies: vec![host.bom_ref.clone()] }],
            metadata: Metadata { tools: Tools { components: vec![self::host(None)] }, component: this },
            components: [host].into_iter().chain(components.into_values()).collect(),
            dependencies: ends.into_iter().chain(uses).map(dependency).collect(),
        }
    }

    /// As it is written.
    pub(crate) fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

fn of_release(release: Release<'_>) -> Component {
    Component {
        r#type: "application",
        bom_ref: format!("release:{}@{}", release.name, release.version),
        name: release.name.to_owned(),
        version: release.version.to_string(),
        hashes: Vec::new(),
        licenses: Vec::new(),
        purl: None,
    }
}

/// The executable that this is, and that a release has a copy of.
fn host(hash: Option<&str>) -> Component {
    let purl = purl::plain(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let role = if hash.is_some() { "host" } else { "tool" };
    Component {
        r#type: "application",
        bom_ref: format!("{role}:{purl}"),
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        hashes: hash.map(sha256).into_iter().collect(),
        licenses: vec![Licence::of(env!("CARGO_PKG_LICENSE"))],
        purl: Some(purl),
    }
}

fn library(package: &Package, purl: &str) -> Component {
    Component {
        r#type: "library",
        bom_ref: purl.to_owned(),
        name: package.name.clone(),
        version: package.version.to_string(),
        hashes: package.checksum.as_deref().map(sha256).into_iter().collect(),
        licenses: package.licence.as_deref().map(Licence::of).into_iter().collect(),
        purl: Some(purl.to_owned()),
    }
}

/// What is known of a plugin once it is built: its file's hash.
fn built(components: &mut BTreeMap<String, Component>, root: &str, plugins: &[PluginEntry], linked: &Linked) {
    let name = &linked.packages[linked.root].name;
    let plugin = plugins.iter().find(|plugin| plugin.name == *name);
    if let Some((component, plugin)) = components.get_mut(root).zip(plugin) {
        component.hashes = vec![sha256(&plugin.hash)];
    }
}

fn sha256(hash: &str) -> Hash {
    Hash { alg: "SHA-256", content: hash.to_owned() }
}

#[cfg(test)]
mod tests;
