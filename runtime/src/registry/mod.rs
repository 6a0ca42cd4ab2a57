//! Names and groups: how a process is found by others that have not got its pid.
//!
//! A name has one process; a group has any number of members. An entry stands here and in its process's books, and goes when
//! the process ends. It is made here first: the process's end then finds it in the books, or the books are closed, and whoever made the
//! entry takes it out again. An end may overtake that: so an entry is taken out only while it is still that process's.

use crate::process::{Pid, table};
use parking_lot::RwLock;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

type Table<V> = LazyLock<RwLock<HashMap<Arc<str>, V>>>;

static NAMES: Table<Pid> = LazyLock::new(RwLock::default);
static GROUPS: Table<BTreeSet<Pid>> = LazyLock::new(RwLock::default);

/// Why there is no new entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The name is another's, or the process is a member.
    Exists,
    /// There is no such process.
    NoProcess,
}

/// Gives a process a name.
pub(crate) fn register(name: &str, pid: Pid) -> Result<(), Refused> {
    let process = table::find(pid).ok_or(Refused::NoProcess)?;
    let name: Arc<str> = name.into();
    {
        let mut names = NAMES.write();
        if names.contains_key(&name) {
            return Err(Refused::Exists);
        }
        names.insert(Arc::clone(&name), pid);
    }
    let entered = process.fate.open(|books| books.names.push(Arc::clone(&name)));
    entered.ok_or_else(|| {
        forget_name(&name, pid);
        Refused::NoProcess
    })
}

/// Takes a name back. False: nobody has it.
pub(crate) fn unregister(name: &str) -> bool {
    let Some(pid) = NAMES.write().remove(name) else { return false };
    if let Some(process) = table::find(pid) {
        process.fate.if_open(|books| strike(&mut books.names, name));
    }
    true
}

/// Who has a name.
pub(crate) fn whereis(name: &str) -> Option<Pid> {
    NAMES.read().get(name).copied()
}

/// Makes a process a member of a group.
pub(crate) fn join(group: &str, pid: Pid) -> Result<(), Refused> {
    let process = table::find(pid).ok_or(Refused::NoProcess)?;
    let group: Arc<str> = group.into();
    if !GROUPS.write().entry(Arc::clone(&group)).or_default().insert(pid) {
        return Err(Refused::Exists);
    }
    let entered = process.fate.open(|books| books.groups.push(Arc::clone(&group)));
    entered.ok_or_else(|| {
        forget_member(&group, pid);
        Refused::NoProcess
    })
}

/// Takes a process out of a group. False: it is no member.
pub(crate) fn leave(group: &str, pid: Pid) -> bool {
    let was_member = forget_member(group, pid);
    if let Some(process) = table::find(pid) {
        process.fate.if_open(|books| strike(&mut books.groups, group));
    }
    was_member
}

/// The members of a group.
pub(crate) fn members(group: &str) -> Vec<Pid> {
    GROUPS.read().get(group).map(|members| members.iter().copied().collect()).unwrap_or_default()
}

/// A process has ended.
pub(crate) fn forget(pid: Pid, names: &[Arc<str>], groups: &[Arc<str>]) {
    for name in names {
        forget_name(name, pid);
    }
    for group in groups {
        forget_member(group, pid);
    }
}

/// Takes one entry out of a process's books: another of the same name is a newer one, made meanwhile.
fn strike(entries: &mut Vec<Arc<str>>, name: &str) {
    if let Some(at) = entries.iter().position(|entry| **entry == *name) {
        entries.swap_remove(at);
    }
}

fn forget_name(name: &str, pid: Pid) {
    let mut names = NAMES.write();
    if names.get(name) == Some(&pid) {
        names.remove(name);
    }
}

fn forget_member(group: &str, pid: Pid) -> bool {
    let mut groups = GROUPS.write();
    let Some(members) = groups.get_mut(group) else { return false };
    let was_member = members.remove(&pid);
    if members.is_empty() {
        groups.remove(group);
    }
    was_member
}
