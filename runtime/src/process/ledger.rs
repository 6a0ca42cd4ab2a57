//! A map that holds its first entry itself: most processes that have any tie have one, and it costs no allocation.

use std::collections::{BTreeMap, btree_map};

/// See the file's head.
#[derive(Debug)]
pub(crate) struct Ledger<K, V> {
    first: Option<(K, V)>,
    rest: BTreeMap<K, V>,
}

impl<K, V> Default for Ledger<K, V> {
    fn default() -> Self {
        Self { first: None, rest: BTreeMap::new() }
    }
}

impl<K: Ord, V> Ledger<K, V> {
    /// Enters a value; returns the one that was there.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match &mut self.first {
            Some((first, held)) if *first == key => Some(std::mem::replace(held, value)),
            None if !self.rest.contains_key(&key) => {
                self.first = Some((key, value));
                None
            }
            _ => self.rest.insert(key, value),
        }
    }

    /// Strikes an entry out.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        match self.first.take_if(|(first, _)| first == key) {
            Some((_, value)) => Some(value),
            None => self.rest.remove(key),
        }
    }

    /// The value of an entry.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        match &self.first {
            Some((first, value)) if first == key => Some(value),
            _ => self.rest.get(key),
        }
    }
}

impl<K, V> IntoIterator for Ledger<K, V> {
    type Item = (K, V);
    type IntoIter = std::iter::Chain<std::option::IntoIter<(K, V)>, btree_map::IntoIter<K, V>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the map that it is, after every step of many.
    #[test]
    fn it_is_a_map() {
        let (mut ledger, mut model) = (Ledger::default(), BTreeMap::new());
        let mut random = 1_u32;
        for step in 0..10_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let key = random >> 29;
            if random >> 16 & 1 == 0 {
                assert_eq!(ledger.insert(key, step), model.insert(key, step));
            } else {
                assert_eq!(ledger.remove(&key), model.remove(&key));
            }
            assert!((0..8).all(|key| ledger.get(&key) == model.get(&key)));
        }
        let mut left: Vec<_> = ledger.into_iter().collect();
        left.sort_unstable();
        assert!(left.into_iter().eq(model));
    }
}
