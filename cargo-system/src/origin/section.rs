//! What a plugin is linked of, in its shared object: the section `.dep-v0`, as `cargo auditable` writes it and as `cargo audit bin`, trivy, syft and others
//! read it. It is JSON, compressed by zlib.
//!
//! The section comes in an object file that is handed to the linker with the rest. It has no flags: it is not loaded, so that it costs a node nothing; and
//! linkers throw away only what would be.

use super::linked::{Linked, Source};
use crate::failure::Failure;
use auditable_serde::{DependencyKind, Package, Source as Written, VersionInfo};
use miniz_oxide::deflate::compress_to_vec_zlib;
use object::write::Object;
use object::{Architecture, BinaryFormat, Endianness, SectionKind};

/// How hard zlib tries: the data is small.
const LEVEL: u8 = 9;
/// Of the format: it was made of `cargo metadata`, and what procedural macros need is not taken for linked.
const FORMAT: u32 = 1;

/// An object file with that section alone.
pub(super) fn object(linked: &Linked) -> Result<Vec<u8>, Failure> {
    let json = serde_json::to_vec(&version_info(linked)).map_err(Failure::error)?;
    let architecture = match std::env::consts::ARCH {
        "aarch64" => Architecture::Aarch64,
        _ => Architecture::X86_64,
    };
    let mut file = Object::new(BinaryFormat::Elf, architecture, Endianness::Little);
    add(&mut file, ".dep-v0", &compress_to_vec_zlib(&json, LEVEL));
    // Else linkers would think that this file needs a stack with code on it.
    add(&mut file, ".note.GNU-stack", b"");
    file.write().map_err(Failure::error)
}

fn add(file: &mut Object<'_>, name: &str, data: &[u8]) {
    let section = file.add_section(Vec::new(), name.as_bytes().to_vec(), SectionKind::Other);
    file.append_section_data(section, data, 1);
}

fn version_info(linked: &Linked) -> VersionInfo {
    let packages = linked.packages.iter().enumerate().map(|(number, package)| Package {
        name: package.name.clone(),
        version: package.version.clone(),
        source: match package.source {
            Source::CratesIo => Written::CratesIo,
            Source::Registry(_) => Written::Registry,
            Source::Git { .. } => Written::Git,
            Source::Local(_) => Written::Local,
        },
        kind: DependencyKind::Runtime,
        dependencies: package.dependencies.clone(),
        root: number == linked.root,
    });
    VersionInfo { packages: packages.collect(), format: FORMAT }
}
