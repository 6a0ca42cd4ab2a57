//! From a copy of a stack to the addresses on it, by the unwind tables of the files that it leads through. Code may have frame pointers or
//! none, and none of it runs.

use super::files::{Files, Loaded};
use crate::scheduler::Snapshot;
use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{ExplicitModuleSectionInfo, FrameAddress, Module, Unwinder as _};
use object::{Object as _, ObjectSection as _};
use std::ops::Range;
use std::sync::Arc;

/// A stack that goes on beyond is cut off.
const FRAMES_MAX: usize = 256;

/// A place in code: the address to look up, and its file.
pub(super) struct Place {
    pub(super) address: u64,
    pub(super) file: Option<Arc<Loaded>>,
}

/// What is known of the files' unwind tables, for any number of stacks.
pub(super) struct Unwinder {
    unwinder: UnwinderX86_64<Vec<u8>>,
    cache: CacheX86_64<framehop::MayAllocateDuringUnwind>,
    /// Where the files begin whose tables it has.
    known: Vec<u64>,
}

impl Unwinder {
    pub(super) fn new() -> Self {
        Self { unwinder: UnwinderX86_64::new(), cache: CacheX86_64::<_>::new(), known: Vec::new() }
    }

    /// The places on the stack, innermost first, up to where the node has called the process.
    pub(super) fn places(&mut self, snapshot: &Snapshot, files: &mut Files) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        let mut registers = UnwindRegsX86_64::new(snapshot.pc as u64, snapshot.sp as u64, snapshot.fp as u64);
        let mut read = |address: u64| word(snapshot, address);
        let mut next = Some(FrameAddress::from_instruction_pointer(snapshot.pc as u64));
        while let Some(frame) = next.filter(|_| places.len() < FRAMES_MAX) {
            let address = frame.address_for_lookup();
            let file = files.at(address);
            if let Some(file) = file.as_ref().filter(|file| !self.known.contains(&file.range.start))
                && let Some(module) = module(file)
            {
                self.known.push(file.range.start);
                self.unwinder.add_module(module);
            }
            let is_node = file.as_ref().is_some_and(|file| file.is_node);
            if is_node && places.iter().any(is_plugin) {
                break;
            }
            places.push(Place { address, file });
            let caller = self.unwinder.unwind_frame(frame, &mut registers, &mut self.cache, &mut read);
            next = caller.ok().flatten().and_then(FrameAddress::from_return_address);
        }
        places
    }
}

pub(super) fn is_plugin(place: &Place) -> bool {
    place.file.as_ref().is_some_and(|file| file.image.is_some())
}

fn word(snapshot: &Snapshot, address: u64) -> Result<u64, ()> {
    let offset = address.checked_sub(snapshot.sp as u64).filter(|offset| offset.is_multiple_of(8)).ok_or(())?;
    snapshot.words.get((offset / 8) as usize).map(|word| *word as u64).ok_or(())
}

/// `None`: it cannot be read now.
fn module(file: &Loaded) -> Option<Module<Vec<u8>>> {
    let read = file.read().ok()?;
    let parsed = object::File::parse(&read).ok();
    let section = |name: &str| parsed.as_ref().and_then(|parsed| parsed.section_by_name(name));
    let range = |name: &str| section(name).map(|section| section.address()..section.address() + section.size());
    let data = |name: &str| section(name).and_then(|section| section.data().ok()).map(<[u8]>::to_vec);
    let text: Option<Range<u64>> = range(".text");
    let sections = ExplicitModuleSectionInfo {
        base_svma: 0,
        text_svma: text,
        text: data(".text"),
        got_svma: range(".got"),
        eh_frame_svma: range(".eh_frame"),
        eh_frame: data(".eh_frame"),
        eh_frame_hdr_svma: range(".eh_frame_hdr"),
        eh_frame_hdr: data(".eh_frame_hdr"),
        ..ExplicitModuleSectionInfo::default()
    };
    Some(Module::new(file.name.clone(), file.range.clone(), file.bias, sections))
}
