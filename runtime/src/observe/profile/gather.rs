//! Stacks, counted by their addresses, and given names at the end, each address once.
//!
//! Bounds: [`WORDS_MAX`] addresses in all stacks that differ, 8 MiB; a stack that is new and does not fit is counted as dropped.

use super::super::files::Files;
use super::super::symbols::Symbols;
use super::super::unwind::Unwinder;
use crate::image;
use crate::protocol::ProfileStack;
use crate::scheduler::Sighting;
use std::collections::HashMap;

const WORDS_MAX: usize = 1 << 20;
/// A function's name is no longer, in characters.
const NAME_LEN_MAX: usize = 300;

/// A stack, innermost first, and whose it is.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Stack {
    type_name: &'static str,
    version: &'static str,
    addresses: Box<[u64]>,
}

/// See the file's head.
pub(super) struct Gathered {
    files: Files,
    unwinder: Unwinder,
    /// How many there were when the files were listed: another one may have been loaded since.
    images: usize,
    counts: HashMap<Stack, u64>,
    words: usize,
    /// Samples whose stacks did not fit.
    pub(super) dropped: u64,
    pub(super) functions: Vec<String>,
    pub(super) named: Vec<ProfileStack>,
}

impl Gathered {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            files: Files::new()?,
            unwinder: Unwinder::new(),
            images: image::all().len(),
            counts: HashMap::new(),
            words: 0,
            dropped: 0,
            functions: Vec::new(),
            named: Vec::new(),
        })
    }

    pub(super) fn add(&mut self, sighting: &Sighting) {
        let images = image::all().len();
        // What is loaded is never unloaded, so what is known stays true.
        if images != self.images && self.files.list().is_ok() {
            self.images = images;
        }
        let places = self.unwinder.places(&sighting.snapshot, &mut self.files);
        let stack = Stack {
            type_name: sighting.type_name,
            version: sighting.image.version,
            addresses: places.iter().map(|place| place.address).collect(),
        };
        self.count(stack);
    }

    fn count(&mut self, stack: Stack) {
        if let Some(count) = self.counts.get_mut(&stack) {
            *count += 1;
        } else if self.words + stack.addresses.len() <= WORDS_MAX {
            self.words += stack.addresses.len();
            self.counts.insert(stack, 1);
        } else {
            self.dropped += 1;
        }
    }

    /// Makes `functions` and `named` of what was counted.
    pub(super) fn name(&mut self) {
        let counts = std::mem::take(&mut self.counts);
        let mut names = Names::default();
        let inner = self.names_of(&mut names, counts.keys());
        let stacks = counts.iter().map(|(stack, samples)| {
            let mut frames = vec![names.number(stack.version), names.number(stack.type_name)];
            for address in stack.addresses.iter().rev() {
                frames.extend(inner.get(address).into_iter().flatten().rev());
            }
            ProfileStack { frames, samples: *samples }
        });
        self.named = stacks.collect();
        self.named.sort_by(|a, b| b.samples.cmp(&a.samples).then_with(|| a.frames.cmp(&b.frames)));
        self.functions = names.names;
    }

    /// The functions at each address, innermost first.
    fn names_of<'a>(&mut self, names: &mut Names, stacks: impl Iterator<Item = &'a Stack>) -> HashMap<u64, Vec<u32>> {
        let mut addresses: Vec<u64> = stacks.flat_map(|stack| stack.addresses.iter().copied()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let mut found = HashMap::with_capacity(addresses.len());
        // Sorted, a file's addresses stand together: its symbols are read once, and no two files' at a time.
        let mut rest = addresses.as_slice();
        while let [first, ..] = rest {
            let file = self.files.at(*first);
            let end = file.as_ref().map_or(1, |file| rest.partition_point(|address| *address < file.range.end).max(1));
            let (own, others) = rest.split_at(end);
            let read = file.as_ref().and_then(|file| Some((file.read().ok()?, file.bias)));
            let symbols = read.as_ref().map(|(read, bias)| Symbols::of(read, *bias));
            for address in own {
                let frames = symbols.as_ref().map_or_else(Vec::new, |symbols| symbols.frames(*address));
                let mut numbers: Vec<_> = frames.iter().map(|frame| names.number(&frame.function)).collect();
                if numbers.is_empty() {
                    numbers.push(names.number(&self.files.place(*address)));
                }
                found.insert(*address, numbers);
            }
            rest = others;
        }
        found
    }
}

/// Each name once.
#[derive(Debug, Default)]
struct Names {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        let name: String = name.chars().take(NAME_LEN_MAX).collect();
        *self.numbers.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            // There are no more than there are addresses.
            u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(addresses: &[u64]) -> Stack {
        Stack { type_name: "t", version: "v", addresses: addresses.into() }
    }

    #[test]
    fn stacks_are_counted_within_bounds_and_named_outermost_first() {
        let mut gathered = Gathered::new().expect("the map");
        let here = super::super::super::unwind::is_plugin as *const () as u64;
        for addresses in [&[here, 1][..], &[here, 1], &[2]] {
            gathered.count(stack(addresses));
        }
        for n in 0..40 {
            gathered.count(stack(&vec![n; WORDS_MAX / 32]));
        }
        assert_eq!(gathered.dropped, 9, "31 fit beside the others");
        gathered.count(stack(&[2]));
        gathered.counts.retain(|stack, _| stack.addresses.len() < 3);
        gathered.name();
        let named = |stack: &ProfileStack| -> Vec<&str> {
            stack.frames.iter().map(|number| gathered.functions[*number as usize].as_str()).collect()
        };
        let [first, second] = gathered.named.as_slice() else { panic!("two: {:?}", gathered.named) };
        assert_eq!((first.samples, second.samples), (2, 2));
        let stacks = [named(first), named(second)];
        assert!(stacks.iter().any(|frames| frames == &["v", "t", "0x2"]), "{stacks:?}");
        let found = stacks.iter().any(|frames| {
            frames[..3] == ["v", "t", "0x1"] && frames.last().is_some_and(|name| name.ends_with("unwind::is_plugin"))
        });
        assert!(found, "{stacks:?}");
    }
}
