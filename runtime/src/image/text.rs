//! Where the code of plugins stands in memory.
//!
//! Read while a thread is stopped that may hold any lock: so the table is one of atomics, and only grows. An image whose code found no
//! place in it is taken for foreign: its processes are frozen only in system calls.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many runs of code: an image has one, as a rule.
const LEN: usize = 4096;

/// Beginning and end of a run; an end of 0: free.
static RUNS: [(AtomicUsize, AtomicUsize); LEN] = [const { (AtomicUsize::new(0), AtomicUsize::new(0)) }; LEN];
static USED: AtomicUsize = AtomicUsize::new(0);

/// Notes the code of a file that was loaded.
pub(super) fn note(path: &Path) {
    let Ok(path) = path.canonicalize() else { return };
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for (begin, end) in maps.lines().filter_map(|line| code_of(line, &path)) {
        let place = USED.fetch_add(1, Ordering::Relaxed);
        if let Some((first, last)) = RUNS.get(place) {
            first.store(begin, Ordering::Relaxed);
            last.store(end, Ordering::Release);
        }
    }
}

/// `begin-end r-xp offset device inode path`.
fn code_of(line: &str, path: &Path) -> Option<(usize, usize)> {
    let (range, rest) = line.split_once(' ')?;
    let (permissions, rest) = rest.split_once(' ')?;
    let name = &rest[rest.find('/')?..];
    if !permissions.contains('x') || OsStr::new(name) != path {
        return None;
    }
    let (begin, end) = range.split_once('-')?;
    Some((usize::from_str_radix(begin, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
}

/// Whether it is an address in a plugin's code. Takes no lock.
pub(crate) fn is_plugin_code(address: usize) -> bool {
    let used = USED.load(Ordering::Relaxed).min(LEN);
    RUNS[..used].iter().any(|(begin, end)| {
        let end = end.load(Ordering::Acquire);
        (begin.load(Ordering::Relaxed)..end).contains(&address)
    })
}

/// An address in code, for people: the object and the place in it.
pub(crate) fn place_of(address: usize) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let found = maps.lines().find_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (begin, end) = range.split_once('-')?;
        let (begin, end) = (usize::from_str_radix(begin, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
        let offset = usize::from_str_radix(rest.split(' ').nth(1)?, 16).ok()?;
        let name = Path::new(&rest[rest.find('/')?..]).file_name()?.to_str()?;
        (begin..end).contains(&address).then(|| format!("{name}+{:#x}", address - begin + offset))
    });
    found.unwrap_or_else(|| "a place that is not known".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_map_is_code_of_its_file_or_not() {
        let path = Path::new("/lib/a b.so");
        let line = "7f00-7f10 r-xp 00001000 08:01 42                         /lib/a b.so";
        assert_eq!(code_of(line, path), Some((0x7f00, 0x7f10)));
        assert_eq!(code_of(&line.replace("r-xp", "rw-p"), path), None);
        assert_eq!(code_of(line, Path::new("/lib/a")), None);
        assert_eq!(code_of("7f00-7f10 r-xp 00000000 00:00 0", path), None);
    }
}
