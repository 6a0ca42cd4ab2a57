//! The files whose code is in memory: where each stands, and the file itself, opened when a stack leads there. Of its bytes, nearly all of
//! which tell of source lines, only those are read that somebody needs.
//!
//! The table of mappings is read anew for each stack, so that an image which was loaded a moment ago is in it (std, and the `backtrace`
//! crate, would not see it).

use crate::image::{self, Image};
use object::{Object as _, ObjectSection as _, ObjectSegment as _, ReadCache};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A larger file is left alone.
const FILE_LEN_MAX: u64 = 1 << 30;

/// A mapping of code.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mapping {
    range: Range<u64>,
    offset: u64,
    path: PathBuf,
}

/// A file in memory.
#[derive(Debug)]
pub(super) struct Loaded {
    /// Open, so that it stays what it was, whatever its name leads to by now.
    file: File,
    /// Where its code is mapped.
    pub(super) range: Range<u64>,
    /// What is to be added to an address of the file.
    pub(super) bias: u64,
    pub(super) name: String,
    /// The version, if it is an image's.
    pub(super) image: Option<&'static Image>,
    /// The node itself.
    pub(super) is_node: bool,
}

/// What was read of a file.
pub(super) type Read = ReadCache<File>;

impl Loaded {
    /// What reads it, and keeps what was read. Not for two threads at a time: they would move each other's place in the file.
    pub(super) fn read(&self) -> io::Result<Read> {
        reader(&self.file)
    }
}

fn reader(file: &File) -> io::Result<Read> {
    file.try_clone().map(ReadCache::new)
}

/// See the file's head.
#[derive(Debug)]
pub(super) struct Files {
    mappings: Vec<Mapping>,
    node: Option<PathBuf>,
    read: HashMap<u64, Option<Arc<Loaded>>>,
}

impl Files {
    pub(super) fn new() -> io::Result<Self> {
        let mut files = Self { mappings: Vec::new(), node: std::env::current_exe().ok(), read: HashMap::new() };
        files.list()?;
        Ok(files)
    }

    /// Reads the table of mappings anew. What was read of files stays.
    pub(super) fn list(&mut self) -> io::Result<()> {
        let maps = std::fs::read_to_string("/proc/self/maps")?;
        self.mappings = maps.lines().filter_map(code_of).collect();
        // What could not be opened may be now.
        self.read.retain(|_, file| file.is_some());
        Ok(())
    }

    /// The file that the code at that address is of. `None`: no file's, or it cannot be read.
    pub(super) fn at(&mut self, address: u64) -> Option<Arc<Loaded>> {
        let mapping = self.mappings.iter().find(|mapping| mapping.range.contains(&address))?;
        let node = self.node.as_deref();
        self.read.entry(mapping.range.start).or_insert_with(|| load(mapping, node).map(Arc::new)).clone()
    }

    /// An address that nothing is known of, for people.
    pub(super) fn place(&self, address: u64) -> String {
        let found = self.mappings.iter().find(|mapping| mapping.range.contains(&address));
        let name = found.and_then(|mapping| mapping.path.file_name()).map(|name| name.to_string_lossy().into_owned());
        match (found, name) {
            (Some(mapping), Some(name)) => {
                format!("{name}+{:#x}", address - mapping.range.start + mapping.offset)
            }
            _ => format!("{address:#x}"),
        }
    }
}

/// `begin-end r-xp offset device inode path`.
fn code_of(line: &str) -> Option<Mapping> {
    let mut words = line.split_ascii_whitespace();
    let (begin, end) = words.next()?.split_once('-')?;
    let is_code = words.next()?.contains('x');
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    let offset = number(words.next()?)?;
    let path = PathBuf::from(&line[line.find('/')?..]);
    is_code.then_some(Mapping { range: number(begin)?..number(end)?, offset, path })
}

fn load(mapping: &Mapping, node: Option<&Path>) -> Option<Loaded> {
    // A node whose executable was replaced since still finds its own here.
    let is_node = node == Some(mapping.path.as_path());
    let path = if is_node { Path::new("/proc/self/exe") } else { &mapping.path };
    let opened = File::open(path).ok().filter(|file| file.metadata().is_ok_and(|known| known.len() <= FILE_LEN_MAX))?;
    let read = reader(&opened).ok()?;
    let file = object::File::parse(&read).ok()?;
    let bias = file.segments().find_map(|segment| {
        let (offset, len) = segment.file_range();
        let is_it = offset <= mapping.offset + 0xFFF && mapping.offset < offset + len && len > 0;
        let first = segment.address().wrapping_sub(offset).wrapping_add(mapping.offset);
        (is_it && covers_code(&file, segment.address(), len)).then(|| mapping.range.start.wrapping_sub(first))
    })?;
    let image = image::all().into_iter().find(|image| image.path == mapping.path);
    let name = mapping.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Some(Loaded { file: opened, range: mapping.range.clone(), bias, name, image, is_node })
}

/// Segments that share a page of the file are told apart by which has the code.
fn covers_code<'a>(file: &object::File<'a, &'a Read>, address: u64, len: u64) -> bool {
    let Some(text) = file.section_by_name(".text") else { return true };
    (address..address + len).contains(&text.address())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_map_is_code_of_a_file_or_not() {
        let line = "7f00-7f10 r-xp 00001000 08:01 42                         /lib/a b.so";
        let expected = Mapping { range: 0x7f00..0x7f10, offset: 0x1000, path: "/lib/a b.so".into() };
        assert_eq!(code_of(line), Some(expected));
        assert_eq!(code_of(&line.replace("r-xp", "rw-p")), None);
        assert_eq!(code_of("7f00-7f10 r-xp 00000000 00:00 0 [vdso]"), None);
        assert_eq!(code_of("rubbish"), None);
    }

    #[test]
    fn this_program_is_found_at_its_own_code() {
        let mut files = Files::new().expect("its map");
        let here = this_program_is_found_at_its_own_code as *const () as u64;
        let loaded = files.at(here).expect("it is a file");
        assert!(loaded.is_node && loaded.image.is_none());
        assert!(files.at(0).is_none());
    }
}
