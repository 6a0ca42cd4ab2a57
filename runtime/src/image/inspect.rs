//! Reads what a plugin says of itself from its file. None of its code runs: a wrong plugin is refused here.
//!
//! The file is hashed in pieces, and of the rest only that is read which is looked at: most of it is debug lines. So an upgrade's thread does not
//! leave the file's size behind in its allocator's arena.

use crate::schema::StateRecord;
use object::{
    Architecture, BinaryFormat, Object as _, ObjectKind, ObjectSection as _, ObjectSymbol as _, ReadCache, ReadRef,
};
use plugin_abi::abi::{
    ABI_MAJOR, ABI_MINOR, ENTRY_SYMBOL, RECORD_CONFIG, RECORD_MESSAGE, RECORD_PLUGIN, RECORD_STATE, Record, SECTION,
    TARGET, split_record, text_value,
};
use semver::Version;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Cursor, ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};

/// So much of the file is hashed at a time.
const PIECE_LEN: usize = 64 << 10;

/// What a plugin's file says of itself, checked against this runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginFacts {
    /// Package name.
    pub name: String,
    /// Package version.
    pub version: Version,
    /// ABI that it was built for.
    pub abi_major: u32,
    /// ABI that it was built for.
    pub abi_minor: u32,
    /// Target triple.
    pub target: String,
    /// `rustc --version`.
    pub compiler: String,
    /// Hex SHA-256 of the file.
    pub hash: String,
    /// The states that move from version to version, by name.
    pub states: Vec<StateRecord>,
    /// The types by which it talks to other plugins.
    pub messages: Vec<StateRecord>,
    /// The configuration that it brings: TOML.
    pub config: Option<String>,
    /// The declaration's text, to be compared with what is found in memory.
    pub(crate) declaration: Vec<u8>,
}

/// Why a file is refused as a plugin.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be loaded: {reason}", .path.display())]
pub struct InspectError {
    path: PathBuf,
    reason: Refusal,
}

impl InspectError {
    /// The sentence without the file's name.
    #[must_use]
    pub fn reason(&self) -> String {
        format!("cannot be loaded: {}", self.reason)
    }
}

/// One clear sentence each.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("it cannot be read: {0}")]
    Read(#[from] std::io::Error),
    #[error("it is not a shared object, or it is cut short: {0}")]
    Parse(#[from] object::Error),
    #[error("it is {found}, and this runtime takes 64-bit ELF shared objects for {}", std::env::consts::ARCH)]
    Format { found: String },
    #[error("it declares no plugin (it has no section {SECTION}); does the crate call plugin_abi::application!?")]
    NoDeclaration,
    #[error("its declaration is damaged: {0}")]
    Damaged(&'static str),
    #[error("it was built for ABI {major}.{minor}, and this runtime speaks {ABI_MAJOR}.{ABI_MINOR}")]
    Abi { major: u32, minor: u32 },
    #[error("it was built for {found}, and this runtime is {TARGET}")]
    Target { found: String },
    #[error("it was built with panic = \"abort\", so a panic would end the node; build it with panic = \"unwind\"")]
    PanicAbort,
    #[error("it does not export {ENTRY_SYMBOL}")]
    NoEntry,
}

/// Reads and checks a plugin's file.
///
/// # Errors
/// One sentence that says why this file is no plugin for this runtime.
pub fn inspect(path: &Path) -> Result<PluginFacts, InspectError> {
    let refuse = |reason| InspectError { path: path.to_owned(), reason };
    let file = File::open(path).map_err(|error| refuse(error.into()))?;
    read_facts(file).map_err(refuse)
}

/// The same, with all that is in the file: the facts are of these bytes, whatever becomes of it.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_whole(path: &Path) -> Result<(PluginFacts, Vec<u8>), InspectError> {
    let refuse = |reason| InspectError { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(|error| refuse(error.into()))?;
    let facts = read_facts(Cursor::new(&bytes)).map_err(refuse)?;
    Ok((facts, bytes))
}

fn read_facts(mut bytes: impl Read + Seek) -> Result<PluginFacts, Refusal> {
    let hash = hash(&mut bytes)?;
    let bytes = ReadCache::new(bytes);
    let file = object::File::parse(&bytes)?;
    check_format(&file)?;
    let section = file.section_by_name(SECTION).ok_or(Refusal::NoDeclaration)?;
    let records = records(section.data()?)?;
    let record = records.iter().find(|record| record.kind == RECORD_PLUGIN).ok_or(Refusal::NoDeclaration)?;
    if record.abi_major != ABI_MAJOR || record.abi_minor > ABI_MINOR {
        return Err(Refusal::Abi { major: record.abi_major, minor: record.abi_minor });
    }
    let text = str::from_utf8(record.text).map_err(|_| Refusal::Damaged("it is not text"))?;
    let value = |key, missing| text_value(text, key).ok_or(Refusal::Damaged(missing));
    let target = value("target", "it names no target")?;
    if target != TARGET {
        return Err(Refusal::Target { found: target.to_owned() });
    }
    if value("panic", "it names no panic strategy")? != "unwind" {
        return Err(Refusal::PanicAbort);
    }
    if !file.dynamic_symbols().any(|symbol| symbol.is_definition() && symbol.name() == Ok(ENTRY_SYMBOL)) {
        return Err(Refusal::NoEntry);
    }
    let version = value("version", "it names no version")?;
    Ok(PluginFacts {
        name: value("name", "it has no name")?.to_owned(),
        version: Version::parse(version).map_err(|_| Refusal::Damaged("its version is not a semantic version"))?,
        abi_major: record.abi_major,
        abi_minor: record.abi_minor,
        target: target.to_owned(),
        compiler: value("compiler", "it names no compiler")?.to_owned(),
        hash,
        states: shapes(&records, RECORD_STATE).map_err(Refusal::Damaged)?,
        messages: shapes(&records, RECORD_MESSAGE).map_err(Refusal::Damaged)?,
        config: config(&records).map_err(Refusal::Damaged)?,
        declaration: record.text.to_vec(),
    })
}

/// Hex SHA-256 of a file.
pub(crate) fn hash_file(path: &Path) -> std::io::Result<String> {
    hash(&mut File::open(path)?)
}

fn hash(bytes: &mut impl Read) -> std::io::Result<String> {
    let mut sha256 = Sha256::new();
    let mut piece = vec![0; PIECE_LEN];
    loop {
        match bytes.read(&mut piece) {
            Ok(0) => return Ok(hex(&sha256.finalize())),
            Ok(len) => sha256.update(&piece[..len]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn check_format<'data>(file: &object::File<'data, impl ReadRef<'data>>) -> Result<(), Refusal> {
    let expected = match std::env::consts::ARCH {
        "x86_64" => Architecture::X86_64,
        "aarch64" => Architecture::Aarch64,
        _ => Architecture::Unknown,
    };
    let right = file.format() == BinaryFormat::Elf
        && file.is_64()
        && file.is_little_endian()
        && file.kind() == ObjectKind::Dynamic
        && file.architecture() == expected;
    if right {
        return Ok(());
    }
    let found = format!("{:?} {:?} for {:?}", file.format(), file.kind(), file.architecture());
    Err(Refusal::Format { found })
}

fn records(mut section: &[u8]) -> Result<Vec<Record<'_>>, Refusal> {
    let mut records = Vec::new();
    while !section.is_empty() {
        let (record, rest) = split_record(section).ok_or(Refusal::Damaged("its section holds something else"))?;
        records.push(record);
        section = rest;
    }
    Ok(records)
}

fn config(records: &[Record<'_>]) -> Result<Option<String>, &'static str> {
    let mut texts = records.iter().filter(|record| record.kind == RECORD_CONFIG).map(|record| record.text);
    let text = texts.next();
    if texts.next().is_some() {
        return Err("it has two configurations");
    }
    text.map(|text| str::from_utf8(text).map(str::to_owned)).transpose().or(Err("its configuration is not text"))
}

/// The states or the messages that it declares.
fn shapes(records: &[Record<'_>], kind: u32) -> Result<Vec<StateRecord>, &'static str> {
    let shapes = records.iter().filter(|record| record.kind == kind).map(|record| StateRecord::parse(record.text));
    let mut shapes = shapes.collect::<Result<Vec<_>, _>>()?;
    shapes.sort_by(|one, other| one.name.cmp(&other.name));
    let is_twice = shapes.windows(2).any(|pair| pair[0].name == pair[1].name);
    if is_twice { Err("two states or messages in it have one name") } else { Ok(shapes) }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plugin_is_refused_in_one_sentence() {
        let own = std::env::current_exe().expect("a test has an executable");
        let error = inspect(&own).expect_err("an executable is no plugin").to_string();
        assert!(!error.contains('\n'), "{error}");
        let error = inspect(Path::new("/nonexistent/plugin.so")).expect_err("no file").to_string();
        assert_eq!(
            error,
            "/nonexistent/plugin.so cannot be loaded: it cannot be read: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic() {
        let own = std::fs::read(std::env::current_exe().expect("an executable")).expect("readable");
        for len in [0, 1, 4, 16, 63, 64, 65, 4096, own.len() / 2, own.len() - 1] {
            assert!(read_facts(Cursor::new(&own[..len])).is_err(), "{len} bytes");
        }
    }
}
