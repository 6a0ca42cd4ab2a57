//! Spoils a plugin's file in one chosen place.

use anyhow::{Context, Result};

/// Bytes that begin a plugin's declaration; `plugin-abi` calls them `RECORD_MAGIC`.
const RECORD_MAGIC: &[u8] = b"\x7fCSYSREC";
/// Offset of `e_machine` in an ELF header.
const MACHINE_AT: usize = 18;
/// `EM_RISCV`: no runtime of this project runs on it.
const MACHINE_RISCV: u16 = 243;

/// The same file, declared for another ABI version.
///
/// # Errors
/// When the file has no declaration.
pub fn with_abi(plugin: &[u8], major: u32, minor: u32) -> Result<Vec<u8>> {
    let mut bytes = plugin.to_vec();
    let windows = bytes.windows(RECORD_MAGIC.len()).enumerate();
    let places: Vec<_> = windows.filter(|(_, window)| *window == RECORD_MAGIC).map(|(at, _)| at).collect();
    places.first().context("the plugin has no declaration")?;
    for at in places {
        put(&mut bytes, at + 8, &major.to_le_bytes());
        put(&mut bytes, at + 12, &minor.to_le_bytes());
    }
    Ok(bytes)
}

/// The same file, for another machine.
#[must_use]
pub fn for_another_machine(plugin: &[u8]) -> Vec<u8> {
    let mut bytes = plugin.to_vec();
    put(&mut bytes, MACHINE_AT, &MACHINE_RISCV.to_le_bytes());
    bytes
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}
