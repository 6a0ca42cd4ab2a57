//! Loads a checked file and initialises it.

use super::application::{Application, Declared, take_text};
use super::inspect::PluginFacts;
use crate::counter::Counter;
use crate::schema::StateRecord;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use parking_lot::{Mutex, RwLock};
use plugin_abi::abi::{
    ApplicationHandle, ENTRY_SYMBOL, Entry, EntryFn, HostTable, IMAGE_CURRENT, ImageContext, LOG_INFO, OwnedBytes,
    RECORD_HEADER_LEN, STATUS_OK, Slice,
};
use std::collections::btree_map::{self, BTreeMap};
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A loaded, initialised build of a plugin, or the host itself.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) context: &'static ImageContext,
    /// The plugin's name. Empty: the host.
    pub(crate) plugin: &'static str,
    /// The plugin's version with the build's hash.
    pub(crate) version: &'static str,
    /// Hex SHA-256 of its file.
    pub(crate) hash: String,
    /// The file, without links. Empty: the host.
    pub(crate) path: PathBuf,
    /// The states that it declares.
    pub(crate) states: Vec<StateRecord>,
    /// The types by which it talks to other plugins.
    pub(crate) messages: Vec<StateRecord>,
    pub(crate) listeners: Vec<Declared>,
    /// The functions that its application gives the console.
    pub(crate) console: Vec<&'static str>,
    /// Processes alive on it.
    pub(crate) processes: Counter,
    /// Processes of it that have ended with a panic or an error.
    pub(crate) crashes: Counter,
    application: Option<Application>,
}

// SAFETY: the context's texts are statics, never written; everything else in an image is Sync by itself.
unsafe impl Sync for Image {}
// SAFETY: as above.
unsafe impl Send for Image {}

/// Why a checked plugin could not become an image. Nothing outside of the plugin has changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("the dynamic linker refuses it: {0}")]
    Linker(#[from] libloading::Error),
    #[error("the dynamic linker gave an image that was loaded before instead of this file")]
    Stale,
    #[error("what is in memory is not what the file declares")]
    Declaration,
    #[error("it was loaded before, and cannot be copied to be loaded again: {0}")]
    Copy(std::io::Error),
    #[error("its initialisation failed: {0}")]
    Init(String),
    #[error("{0}")]
    Listener(String),
    #[error("{0}")]
    Console(String),
}

impl Image {
    /// The application; the host's own image has none.
    pub(crate) fn application(&self) -> Option<&Application> {
        self.application.as_ref()
    }

    /// The index by which the application knows a listener.
    pub(crate) fn listener_index(&self, name: &str) -> Option<u32> {
        let index = self.listeners.iter().position(|listener| listener.name == name)?;
        u32::try_from(index).ok()
    }

    /// The version of that state which its processes have; 0: none has it.
    pub(crate) fn state_version(&self, name: &str) -> u32 {
        self.application.as_ref().map_or(0, |application| application.state_version(name))
    }

    fn log_changed(&self) {
        self.context.log_level.store(LOG_LEVEL.load(Ordering::SeqCst), Ordering::SeqCst);
        if let Some(application) = &self.application {
            application.log_changed();
        }
    }

    pub(crate) fn set_state(&self, state: u32) {
        self.context.state.store(state, Ordering::SeqCst);
    }
}

static IDS: AtomicU64 = AtomicU64::new(1);
/// The declarations that were loaded, by address, proof that a load brought something new; and whether each was initialised.
static LOADED: Mutex<BTreeMap<usize, bool>> = Mutex::new(BTreeMap::new());
/// What the copies of files are called whose first initialisation failed: see [`opened`].
pub(crate) const AGAIN: &str = "again-";

/// See `set_log_level`.
static LOG_LEVEL: AtomicU32 = AtomicU32::new(LOG_INFO);
/// How often it was called.
static LOG_CHANGES: AtomicU64 = AtomicU64::new(0);

static IMAGES: RwLock<Vec<&'static Image>> = RwLock::new(Vec::new());

/// The image of the host's own processes: acceptors.
pub(crate) fn host() -> &'static Image {
    static HOST: LazyLock<Image> = LazyLock::new(|| Image {
        context: leak_context(0, env!("CARGO_PKG_VERSION")),
        plugin: "",
        version: env!("CARGO_PKG_VERSION"),
        hash: String::new(),
        path: PathBuf::new(),
        states: Vec::new(),
        messages: Vec::new(),
        listeners: Vec::new(),
        console: Vec::new(),
        processes: Counter::default(),
        crashes: Counter::default(),
        application: None,
    });
    &HOST
}

/// Loads the file that `facts` were read from, and runs the plugin's `init`. `version` is what it is called in this node. If that has failed before, what is
/// loaded is a copy, in the folder `spare`, where it stays if it is initialised.
///
/// # Errors
/// See [`LoadError`]. The file stays mapped: it is never unloaded. It can be tried again.
pub(crate) fn load(
    path: &Path,
    facts: &PluginFacts,
    version: &str,
    table: &'static HostTable,
    spare: &Path,
) -> Result<&'static Image, LoadError> {
    let Opened { entry, declared, copy } = opened(path, facts, spare)?;
    let path = copy.as_deref().unwrap_or(path);
    let image = initialised(entry, path, facts, version, table);
    match (&image, &copy) {
        (Ok(_), _) => {
            LOADED.lock().insert(declared, true);
        }
        // Where it is mapped its name is not needed. What cannot be removed now is so at the next boot.
        (Err(_), Some(copy)) => drop(std::fs::remove_file(copy)),
        (Err(_), None) => {}
    }
    image
}

/// A file that is mapped, and that nobody has initialised yet.
struct Opened {
    entry: &'static Entry,
    /// Where its declaration stands.
    declared: usize,
    /// Its name, if it is not the file itself.
    copy: Option<PathBuf>,
}

/// The linker gives what it has mapped before for a file that it knows, with whatever a failed initialisation has left there. A copy is another file.
fn opened(path: &Path, facts: &PluginFacts, spare: &Path) -> Result<Opened, LoadError> {
    let entry = open(path)?;
    let declared = check_declaration(entry, facts)?;
    match LOADED.lock().entry(declared) {
        btree_map::Entry::Vacant(new) => {
            new.insert(false);
            return Ok(Opened { entry, declared, copy: None });
        }
        btree_map::Entry::Occupied(before) if *before.get() => return Err(LoadError::Stale),
        btree_map::Entry::Occupied(_) => {}
    }
    let number = IDS.fetch_add(1, Ordering::Relaxed);
    let copy = spare.join(format!("{AGAIN}{number}-{}", path.file_name().unwrap_or_default().display()));
    let opened = std::fs::copy(path, &copy).map_err(LoadError::Copy).and_then(|_| open(&copy));
    let declared = opened.and_then(|entry| Ok((entry, check_declaration(entry, facts)?)));
    match declared {
        Ok((entry, declared)) if LOADED.lock().insert(declared, false).is_none() => {
            Ok(Opened { entry, declared, copy: Some(copy) })
        }
        other => {
            // It may not even have been made.
            drop(std::fs::remove_file(&copy));
            Err(other.err().unwrap_or(LoadError::Stale))
        }
    }
}

fn initialised(
    entry: &'static Entry,
    path: &Path,
    facts: &PluginFacts,
    version: &str,
    table: &'static HostTable,
) -> Result<&'static Image, LoadError> {
    let plugin: &'static str = facts.name.clone().leak();
    let version: &'static str = version.to_owned().leak();
    let changes = LOG_CHANGES.load(Ordering::SeqCst);
    let context = leak_context(IDS.fetch_add(1, Ordering::Relaxed), version);
    super::text::note(path);
    let application = init(entry, context, table)?;
    let listeners = application.listeners().map_err(LoadError::Listener)?;
    let console = application.console_functions().map_err(LoadError::Console)?;
    super::exported::check(&console).map_err(LoadError::Console)?;
    let image: &'static Image = Box::leak(Box::new(Image {
        context,
        plugin,
        version,
        hash: facts.hash.clone(),
        path: path.canonicalize().unwrap_or_default(),
        states: facts.states.clone(),
        messages: facts.messages.clone(),
        listeners,
        console,
        processes: Counter::default(),
        crashes: Counter::default(),
        application: Some(application),
    }));
    IMAGES.write().push(image);
    // It may have asked before, and have been told nothing since, as it was not here yet.
    if LOG_CHANGES.load(Ordering::SeqCst) != changes {
        image.log_changed();
    }
    Ok(image)
}

/// What is logged has changed; `most`, one of `LOG_*`, or 0, is all that anybody logs. Every image asks anew.
pub(crate) fn set_log_level(most: u32) {
    LOG_LEVEL.store(most, Ordering::SeqCst);
    LOG_CHANGES.fetch_add(1, Ordering::SeqCst);
    all().into_iter().for_each(Image::log_changed);
}

/// Every image that was initialised, oldest first.
pub(crate) fn all() -> Vec<&'static Image> {
    IMAGES.read().clone()
}

/// The image of that number.
pub(crate) fn find(id: u64) -> Option<&'static Image> {
    IMAGES.read().iter().rev().find(|image| image.context.id == id).copied()
}

fn open(path: &Path) -> Result<&'static Entry, LoadError> {
    // SAFETY: the file was inspected: a shared object of ours for this target. Its initialisers run here, as those of any
    // native dependency do: who may put files into the node's folder may run code in the node.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }?;
    // Never unloaded: see the module's head.
    let library: &'static Library = Box::leak(Box::new(library));
    // SAFETY: the declaration's ABI version says that the symbol has this type.
    let entry = unsafe { library.get::<EntryFn>(ENTRY_SYMBOL.as_bytes()) }?();
    if entry.is_null() {
        return Err(LoadError::Declaration);
    }
    // SAFETY: not null, and by `EntryFn`'s contract a static of the plugin.
    Ok(unsafe { &*entry })
}

/// The address of its declaration.
fn check_declaration(entry: &'static Entry, facts: &PluginFacts) -> Result<usize, LoadError> {
    if entry.size < size_of::<Entry>() {
        return Err(LoadError::Declaration);
    }
    // SAFETY: the entry's declaration is a static of the plugin.
    let declared: &'static [u8] = unsafe { entry.declaration.as_bytes() };
    if declared.get(RECORD_HEADER_LEN..) != Some(&facts.declaration[..]) {
        return Err(LoadError::Declaration);
    }
    Ok(declared.as_ptr().addr())
}

fn leak_context(id: u64, version: &'static str) -> &'static ImageContext {
    Box::leak(Box::new(ImageContext {
        size: size_of::<ImageContext>(),
        id,
        version: Slice::text(version),
        state: AtomicU32::new(IMAGE_CURRENT),
        log_level: AtomicU32::new(LOG_LEVEL.load(Ordering::SeqCst)),
    }))
}

fn init(
    entry: &'static Entry,
    context: &'static ImageContext,
    table: &'static HostTable,
) -> Result<Application, LoadError> {
    let mut handle = MaybeUninit::<ApplicationHandle>::uninit();
    let mut error = OwnedBytes::EMPTY;
    // SAFETY: table and context are statics; the out pointers are ours; called once for this image.
    let status = unsafe { (entry.init)(table, context, handle.as_mut_ptr(), &raw mut error) };
    if status == STATUS_OK {
        // SAFETY: filled, since `init` says it worked.
        return Ok(unsafe { Application::new(handle.assume_init()) });
    }
    Err(LoadError::Init(take_text(error)))
}
