//! What is saved in some folders: an editor writes a file in several steps, and often several files, so a save is over when nothing has come for
//! a moment.
//!
//! Invariants: a save that comes while nobody waits is not lost, and many of them are one; what is only read is no save; a folder that is made
//! later is looked at from its first save on.

use crate::failure::{Failure, OrHint as _};
use anyhow::Context as _;
use notify::event::ModifyKind;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Nothing has come for so long: the save is over.
const SETTLED: Duration = Duration::from_millis(40);
/// What is written all the time is looked at all the same.
const SETTLED_MAX: Duration = Duration::from_secs(2);
/// By which cargo marks folders that hold nothing of anybody's own.
const CACHE_MARK: &str = "CACHEDIR.TAG";
/// What a workspace's root says of all its packages.
const OF_ALL: [&str; 2] = ["Cargo.toml", "Cargo.lock"];
const LIMIT_HINT: &str = "raise fs.inotify.max_user_watches, or use cargo system upgrade";

/// See the file's head.
#[derive(Debug)]
pub(super) struct Saves {
    saved: Receiver<()>,
    watcher: RecommendedWatcher,
    folders: Vec<PathBuf>,
}

impl Saves {
    /// In these folders and those below, but for cargo's own and hidden ones; and what the workspace's root says of all of them.
    pub(super) fn of(folders: &[PathBuf], root: &Path) -> Result<Self, Failure> {
        // One that waits stands for all that come before it is taken.
        let (save, saved) = sync_channel(1);
        let above = Some(root.to_owned()).filter(|root| !folders.contains(root));
        let of_all = above.clone();
        let watcher = notify::recommended_watcher(move |event| tell(&save, event, of_all.as_deref()));
        let watcher = watcher.context("nothing can be watched").or_hint(LIMIT_HINT)?;
        let mut saves = Self { saved, watcher, folders: folders.to_owned() };
        if let Some(root) = above {
            let watched = saves.watcher.watch(&root, RecursiveMode::NonRecursive);
            watched.with_context(|| format!("{} cannot be watched", root.display())).or_hint(LIMIT_HINT)?;
        }
        saves.watch()?;
        Ok(saves)
    }

    /// All that is there by now. What is watched already goes on to be.
    fn watch(&mut self) -> Result<(), Failure> {
        for folder in &self.folders {
            let watched = watch(&mut self.watcher, folder);
            watched.with_context(|| format!("{} cannot be watched", folder.display())).or_hint(LIMIT_HINT)?;
        }
        Ok(())
    }

    /// Waits for a save for that long, and until it is over. False: there was none.
    pub(super) fn wait(&mut self, patience: Duration) -> Result<bool, Failure> {
        match self.saved.recv_timeout(patience) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => return Ok(false),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(
                    Failure::error("the sources are not watched any more").hint("start cargo system watch again")
                );
            }
        }
        let until = Instant::now() + SETTLED_MAX;
        while Instant::now() < until && self.saved.recv_timeout(SETTLED).is_ok() {}
        // A folder that is gone for a moment, as when a branch is checked out, is there at one of the next saves.
        let _: Result<(), Failure> = self.watch();
        Ok(true)
    }
}

/// `root`: of what stands there itself, cargo's files alone are sources.
fn tell(save: &SyncSender<()>, event: notify::Result<Event>, root: Option<&Path>) {
    // An error may stand for anything: it is looked at as a save is.
    if event.as_ref().map_or(true, |event| is_save(event, root)) {
        // There is one that waits already, or nobody waits any more.
        let _: Result<(), _> = save.try_send(());
    }
}

fn is_save(event: &Event, root: Option<&Path>) -> bool {
    let is_write = match event.kind {
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) => false,
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => true,
    };
    let is_others = |path: &Path| path.parent() == root && !OF_ALL.iter().any(|name| path.ends_with(name));
    is_write && (event.paths.is_empty() || event.paths.iter().any(|path| is_source(path) && !is_others(path)))
}

/// Not an editor's own, nor a hidden one.
fn is_source(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !(name.starts_with('.') || name.ends_with('~') || name.ends_with(".swp") || name.ends_with(".tmp"))
}

/// The folder's own files, and all that is in those folders of it that hold sources.
fn watch(watcher: &mut RecommendedWatcher, folder: &Path) -> anyhow::Result<()> {
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && is_source(&path) && !path.join(CACHE_MARK).exists() {
            watcher.watch(&path, RecursiveMode::Recursive)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{AccessKind, CreateKind, DataChange, MetadataKind};
    use std::io;

    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(200);

    fn is_saved(kind: EventKind, path: &str) -> bool {
        is_save(&Event::new(kind).add_path(PathBuf::from(path)), Some(Path::new("/w")))
    }

    #[test]
    fn what_is_read_hidden_or_an_editors_own_is_no_save() {
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        assert!(is_saved(written, "/w/src/lib.rs"));
        assert!(is_saved(EventKind::Create(CreateKind::File), "/w/src/new.rs"));
        assert!(!is_saved(EventKind::Access(AccessKind::Any), "/w/src/lib.rs"));
        assert!(!is_saved(EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)), "/w/src/lib.rs"));
        assert!(is_saved(written, "/w/Cargo.toml") && !is_saved(written, "/w/notes.txt"));
        for own in ["/w/src/.lib.rs.swx", "/w/src/lib.rs~", "/w/src/lib.swp", "/w/.git"] {
            assert!(!is_saved(written, own), "{own}");
        }
    }

    #[test]
    fn a_save_is_told_once_also_when_it_came_before_anybody_waited() -> anyhow::Result<()> {
        let place = tempfile::tempdir()?;
        let folder = |name: &str| -> io::Result<PathBuf> {
            let path = place.path().join(name);
            fs::create_dir(&path).map(|()| path)
        };
        let (source, target) = (folder("src")?, folder("target")?);
        fs::write(target.join(CACHE_MARK), "")?;
        let mut saves =
            Saves::of(&[place.path().to_owned()], place.path()).map_err(|failure| anyhow::anyhow!(failure.message))?;
        let mut is_saved = |patience| saves.wait(patience).map_err(|failure| anyhow::anyhow!(failure.message));
        for file in ["a.rs", "b.rs"] {
            fs::write(source.join(file), "fn a() {}")?;
        }
        assert!(is_saved(LONG)?);
        assert!(!is_saved(SHORT)?, "both were one");
        fs::read(source.join("a.rs"))?;
        fs::write(target.join("built"), "")?;
        assert!(!is_saved(SHORT)?, "nothing of it is a source");
        let later = folder("later")?;
        assert!(is_saved(LONG)?);
        fs::write(later.join("c.rs"), "fn c() {}")?;
        assert!(is_saved(LONG)?, "it was made later");
        Ok(())
    }
}
