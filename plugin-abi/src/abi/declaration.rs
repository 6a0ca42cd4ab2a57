//! What a plugin says of itself, readable from the file before any of its code runs.
//!
//! The ELF section [`SECTION`] holds records, one after the other, without padding. A record is a
//! [`RECORD_HEADER_LEN`]-byte header (little-endian: magic, ABI major, ABI minor, kind, length of the text) and UTF-8 text.
//! Of [`RECORD_PLUGIN`] there is one: text of `key=value` lines. Of [`RECORD_STATE`] there is one for each state that moves from version
//! to version: JSON, as `state::record` describes it. [`RECORD_CONFIG`] is the plugin's configuration. Of
//! [`RECORD_MESSAGE`] there is one for each type by which it talks to other plugins. Readers skip kinds and keys that they do not know.

/// The ELF section that holds the records.
pub const SECTION: &str = ".cargo_system";
/// The exported function of type [`EntryFn`](super::EntryFn).
pub const ENTRY_SYMBOL: &str = "cargo_system_entry";
/// Each record begins with these bytes.
pub const RECORD_MAGIC: [u8; 8] = *b"\x7fCSYSREC";
/// Bytes before a record's text.
pub const RECORD_HEADER_LEN: usize = 24;
/// The record that names the plugin.
pub const RECORD_PLUGIN: u32 = 1;
/// A record that declares a state.
pub const RECORD_STATE: u32 = 2;
/// The record that is the configuration which the plugin brings: TOML. One at the most.
pub const RECORD_CONFIG: u32 = 3;
/// A message that is declared.
pub const RECORD_MESSAGE: u32 = 4;

/// Target triple of this build.
pub const TARGET: &str = env!("PLUGIN_ABI_TARGET");
/// `rustc --version` of this build.
pub const COMPILER: &str = env!("PLUGIN_ABI_COMPILER");

/// One record's header and text, as found: an allegation until the caller has checked its versions and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// ABI major version of the side that wrote it.
    pub abi_major: u32,
    /// ABI minor version of the side that wrote it.
    pub abi_minor: u32,
    /// `RECORD_*`.
    pub kind: u32,
    /// The text.
    pub text: &'a [u8],
}

/// Splits a section into its records. `None` where the next bytes are no record.
#[must_use]
pub fn split_record(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (header, rest) = bytes.split_at_checked(RECORD_HEADER_LEN)?;
    if header[..8] != RECORD_MAGIC {
        return None;
    }
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (text, rest) = rest.split_at_checked(word(20) as usize)?;
    Some((Record { abi_major: word(8), abi_minor: word(12), kind: word(16), text }, rest))
}

/// The value of a `key=value` line.
#[must_use]
pub fn text_value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}

/// Bytes of a record whose text is these parts, one after the other.
#[must_use]
pub const fn record_len(parts: &[&str]) -> usize {
    let mut len = RECORD_HEADER_LEN;
    let mut part = 0;
    while part < parts.len() {
        len += parts[part].len();
        part += 1;
    }
    len
}

/// Builds a record at compile time. `N` must be [`record_len`] of the same parts.
///
/// # Panics
/// At compile time, when `N` is another number.
#[must_use]
pub const fn record<const N: usize>(kind: u32, parts: &[&str]) -> [u8; N] {
    assert!(N == record_len(parts), "N must be record_len(parts)");
    let mut bytes = [0; N];
    put(&mut bytes, 0, &RECORD_MAGIC);
    put(&mut bytes, 8, &super::ABI_MAJOR.to_le_bytes());
    put(&mut bytes, 12, &super::ABI_MINOR.to_le_bytes());
    put(&mut bytes, 16, &kind.to_le_bytes());
    #[expect(clippy::cast_possible_truncation, reason = "a declaration of 4 GiB cannot be compiled")]
    let text_len = (N - RECORD_HEADER_LEN) as u32;
    put(&mut bytes, 20, &text_len.to_le_bytes());
    let mut at = RECORD_HEADER_LEN;
    let mut part = 0;
    while part < parts.len() {
        put(&mut bytes, at, parts[part].as_bytes());
        at += parts[part].len();
        part += 1;
    }
    bytes
}

const fn put(into: &mut [u8], at: usize, from: &[u8]) {
    let mut i = 0;
    while i < from.len() {
        into[at + i] = from[i];
        i += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: &[&str] = &["name=", "sum", "\nversion=1.2.3\n"];
    const BYTES: [u8; record_len(PARTS)] = record(RECORD_PLUGIN, PARTS);

    #[test]
    fn a_record_reads_back() {
        let (record, rest) = split_record(&BYTES).expect("a record");
        assert!(rest.is_empty());
        assert_eq!(
            (record.abi_major, record.abi_minor, record.kind),
            (super::super::ABI_MAJOR, super::super::ABI_MINOR, 1)
        );
        let text = core::str::from_utf8(record.text).expect("text");
        assert_eq!(text_value(text, "name"), Some("sum"));
        assert_eq!(text_value(text, "version"), Some("1.2.3"));
        assert_eq!(text_value(text, "vers"), None);
    }

    #[test]
    fn every_shorter_run_of_bytes_is_no_record() {
        for len in 0..BYTES.len() {
            assert_eq!(split_record(&BYTES[..len]), None, "{len} bytes");
        }
    }
}
