//! What is known of the files whose code is in memory, and of addresses in it: read once for any number of stacks.
//!
//! ```text
//! snapshot ─ unwinder ─► addresses ─ names (each once) ◄─ symbols (of each file once) ◄─ shelf (the files)
//! ```
//!
//! What is loaded is never unloaded, so what is known stays true.

use super::files::{Files, Loaded, Read};
use super::symbols::Symbols;
use super::unwind::{Place, Unwinder, is_plugin};
use crate::protocol::Frame;
use crate::scheduler::Snapshot;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// So many addresses at the most; beyond that it begins anew.
const ADDRESSES_MAX: usize = 20_000;

/// Files, one behind the other: what stands here stays where it is, for those who point to it.
#[derive(Debug, Default)]
pub(super) struct Shelf(OnceCell<Box<(Read, Shelf)>>);

impl Shelf {
    fn put(&self, read: Read) -> &Read {
        match self.0.get() {
            Some(next) => next.1.put(read),
            None => &self.0.get_or_init(|| Box::new((read, Self::default()))).0,
        }
    }
}

/// See the file's head.
pub(super) struct Known<'a> {
    shelf: &'a Shelf,
    files: Files,
    unwinder: Unwinder,
    /// By where the file's code begins.
    symbols: HashMap<u64, Symbols<'a>>,
    names: HashMap<u64, Vec<Frame>>,
}

impl<'a> Known<'a> {
    pub(super) fn new(shelf: &'a Shelf) -> std::io::Result<Self> {
        let (symbols, names) = (HashMap::new(), HashMap::new());
        Ok(Self { shelf, files: Files::new()?, unwinder: Unwinder::new(), symbols, names })
    }

    /// An image may have been loaded since it was asked before.
    pub(super) fn renew(&mut self) -> std::io::Result<()> {
        if self.names.len() > ADDRESSES_MAX {
            self.names.clear();
        }
        self.files.list()
    }

    /// The functions on a stack, innermost first. Of one that waits, from where the plugin's code begins: what is further in is how the node looks at it.
    pub(super) fn frames(&mut self, snapshot: &Snapshot, is_waiting: bool) -> Vec<Frame> {
        let mut places = self.unwinder.places(snapshot, &mut self.files);
        if is_waiting {
            let inner = places.iter().position(is_plugin).unwrap_or(places.len());
            places.drain(..inner);
        }
        places.iter().flat_map(|place| self.named(place)).collect()
    }

    fn named(&mut self, place: &Place) -> Vec<Frame> {
        if let Some(frames) = self.names.get(&place.address) {
            return frames.clone();
        }
        let frames = self.look_up(place);
        // A file that cannot be read now can be later.
        if place.file.as_ref().is_none_or(|file| self.symbols.contains_key(&file.range.start)) {
            self.names.insert(place.address, frames.clone());
        }
        frames
    }

    fn look_up(&mut self, place: &Place) -> Vec<Frame> {
        let symbols = place.file.as_ref().and_then(|file| self.symbols(file));
        let mut frames = symbols.map_or_else(Vec::new, |symbols| symbols.frames(place.address));
        if frames.is_empty() {
            let function = self.files.place(place.address);
            frames.push(Frame { function, file: None, line: None, is_inlined: false, version: None });
        }
        let image = place.file.as_ref().and_then(|file| file.image);
        for frame in &mut frames {
            frame.version = image.map(|image| image.version.to_owned());
        }
        frames
    }

    /// `None`: the file cannot be read.
    fn symbols(&mut self, file: &Loaded) -> Option<&Symbols<'a>> {
        Some(match self.symbols.entry(file.range.start) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Symbols::of(self.shelf.put(file.read().ok()?), file.bias)),
        })
    }
}
