//! From an address to function, file and line, inlined functions too: by a file's debug information, or else its symbols.

use super::files::Read;
use crate::protocol::Frame;
use addr2line::gimli::{self, EndianSlice, LittleEndian};
use addr2line::{Context, LookupResult};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

type Bytes<'a> = EndianSlice<'a, LittleEndian>;

/// The symbols of one file.
pub(super) struct Symbols<'a> {
    context: Option<Context<Bytes<'a>>>,
    file: Option<object::File<'a, &'a Read>>,
    /// What an address of the file has more in memory.
    bias: u64,
}

impl<'a> Symbols<'a> {
    pub(super) fn of(read: &'a Read, bias: u64) -> Self {
        let file = object::File::parse(read).ok();
        let context = file.as_ref().and_then(|file| Context::from_dwarf(dwarf(file)?).ok());
        Self { context, file, bias }
    }

    /// The functions at that address, innermost first. Empty: nothing is known of it.
    pub(super) fn frames(&self, address: u64) -> Vec<Frame> {
        let address = address.wrapping_sub(self.bias);
        let found = self.by_debug_information(address);
        if found.is_empty() { self.by_symbol(address).into_iter().collect() } else { found }
    }

    fn by_debug_information(&self, address: u64) -> Vec<Frame> {
        let Some(context) = &self.context else { return Vec::new() };
        // Debug information in files of its own is not looked for.
        let LookupResult::Output(Ok(mut found)) = context.find_frames(address) else { return Vec::new() };
        let mut frames = Vec::new();
        while let Ok(Some(frame)) = found.next() {
            let name = frame.function.as_ref().and_then(|function| Some(function.demangle().ok()?.into_owned()));
            let location = frame.location;
            frames.push(Frame {
                function: name.map_or_else(String::new, |name| without_hash(&name).to_owned()),
                file: location.as_ref().and_then(|location| location.file).map(|file| plain(file).to_owned()),
                line: location.as_ref().and_then(|location| location.line),
                is_inlined: true,
                version: None,
            });
        }
        if let Some(last) = frames.last_mut() {
            last.is_inlined = false;
            if last.function.is_empty()
                && let Some(symbol) = self.by_symbol(address)
            {
                last.function = symbol.function;
            }
        }
        frames.retain(|frame| !frame.function.is_empty() || frame.line.is_some());
        frames
    }

    fn by_symbol(&self, address: u64) -> Option<Frame> {
        let file = self.file.as_ref()?;
        let symbols = file.symbols().chain(file.dynamic_symbols());
        let at = symbols.filter(|symbol| symbol.is_definition() && symbol.address() <= address);
        let nearest = at.max_by_key(|symbol| symbol.address())?;
        let is_in_it = nearest.size() == 0 || address < nearest.address() + nearest.size();
        let name = nearest.name().ok().filter(|name| is_in_it && !name.is_empty())?;
        let name = addr2line::demangle_auto(name.into(), None);
        Some(Frame {
            function: without_hash(&name).to_owned(),
            file: None,
            line: None,
            is_inlined: false,
            version: None,
        })
    }
}

/// All of the debug information but for where variables are, which nobody asks for.
fn dwarf<'a>(file: &object::File<'a, &'a Read>) -> Option<gimli::Dwarf<Bytes<'a>>> {
    let section = |id: gimli::SectionId| -> Result<Bytes<'a>, gimli::Error> {
        let is_wanted = !matches!(id, gimli::SectionId::DebugLoc | gimli::SectionId::DebugLocLists);
        let section = file.section_by_name(id.name()).filter(|_| is_wanted);
        let bytes: &'a [u8] = section.and_then(|section| section.data().ok()).unwrap_or_default();
        Ok(EndianSlice::new(bytes, LittleEndian))
    };
    gimli::Dwarf::load(section).ok()
}

/// In a release the workspace, whose files are named from there, is called `.`.
fn plain(file: &str) -> &str {
    file.strip_prefix("./").unwrap_or(file)
}

/// A name without the hash that the compiler puts at its end.
fn without_hash(name: &str) -> &str {
    let is_hash =
        |end: &str| end.len() == 17 && end.starts_with('h') && end[1..].bytes().all(|b| b.is_ascii_hexdigit());
    name.rsplit_once("::").filter(|(_, end)| is_hash(end)).map_or(name, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::files::Files;

    #[test]
    fn a_hash_is_cut_off_and_nothing_else() {
        assert_eq!(without_hash("a::b::h0123456789abcdef"), "a::b");
        assert_eq!(without_hash("a::b::h0123456789abcdeg"), "a::b::h0123456789abcdeg");
        assert_eq!(without_hash("malloc"), "malloc");
    }

    #[test]
    fn a_function_of_this_program_is_found_with_file_and_line() {
        let mut files = Files::new().expect("the map");
        let here = without_hash as *const () as u64;
        let loaded = files.at(here).expect("a file");
        let read = loaded.read().expect("it is open");
        let frames = Symbols::of(&read, loaded.bias).frames(here);
        let last = frames.last().expect("a frame");
        assert!(last.function.ends_with("symbols::without_hash"), "{last:?}");
        assert!(last.file.as_ref().is_some_and(|file| file.ends_with("observe/symbols.rs")), "{last:?}");
        assert!(last.line.is_some_and(|line| line > 50), "{last:?}");
    }
}
