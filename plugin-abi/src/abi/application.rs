//! What a plugin hands to the host when it is initialised.

use super::{HostTable, Opaque, OwnedBytes, ProcessFuture, ProcessShared, Slice, Status};
use core::sync::atomic::AtomicU32;

/// Type of the exported function [`ENTRY_SYMBOL`](super::ENTRY_SYMBOL). Pure: returns a static.
pub type EntryFn = extern "C" fn() -> *const Entry;

/// A plugin's door.
#[repr(C)]
#[derive(Debug)]
pub struct Entry {
    /// `size_of::<Self>()` on the plugin's side.
    pub size: usize,
    /// The declaration record in memory; must equal the file's.
    pub declaration: Slice,
    /// Called once, before anything else. The table and the context live as long as the OS process.
    /// On `STATUS_OK` the application is filled; else `error` is text.
    pub init: unsafe extern "C" fn(
        host: *const HostTable,
        image: *const ImageContext,
        application: *mut ApplicationHandle,
        error: *mut OwnedBytes,
    ) -> Status,
}

// SAFETY: plain pointers to statics of the plugin, never written.
#[expect(unsafe_code, reason = "a static of pointers to statics")]
unsafe impl Sync for Entry {}

/// What the host tells an image of itself. Read-only for the plugin.
#[repr(C)]
#[derive(Debug)]
pub struct ImageContext {
    /// `size_of::<Self>()` on the host's side.
    pub size: usize,
    /// Never 0, never given twice in a node's life.
    pub id: u64,
    /// Text: the plugin's version with the build's hash, such as `0.1.0+3f2a91bc`.
    pub version: Slice,
    /// `IMAGE_*`. When it changes, every process of the image is polled once.
    pub state: AtomicU32,
    /// `LOG_*`: events of a higher number are not logged; 0: none are. `log_enabled` says more.
    pub log_level: AtomicU32,
}

/// New processes start on this image.
pub const IMAGE_CURRENT: u32 = 0;
/// Another image is current: finish; an idle connection can be handed to it with `hand_over`.
pub const IMAGE_DRAINING: u32 = 1;
/// The node stops: finish and close.
pub const IMAGE_STOPPING: u32 = 2;

/// An initialised application. Never dropped: an image is never unloaded.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ApplicationHandle {
    /// Passed to each function.
    pub data: Opaque,
    /// The functions. Valid for the life of the OS process.
    pub vtable: *const ApplicationVtable,
}

/// May be called from any thread, and from several at once.
#[repr(C)]
#[derive(Debug)]
pub struct ApplicationVtable {
    /// `size_of::<Self>()` on the plugin's side.
    pub size: usize,
    /// How many listeners the application declares.
    pub listener_count: unsafe extern "C" fn(data: Opaque) -> u32,
    /// The listener of that index, `0..listener_count`.
    pub listener: unsafe extern "C" fn(data: Opaque, index: u32, out: *mut ListenerDeclaration) -> Status,
    /// Makes the process that serves a connection. On any status but `STATUS_OK` the file descriptor is still the host's.
    pub accept: unsafe extern "C" fn(
        data: Opaque,
        index: u32,
        connection: *const Connection,
        out: *mut ProcessFuture,
    ) -> Status,
    /// The version of a state, by its name, that this image's processes have; 0: it has none of that name.
    pub state_version: unsafe extern "C" fn(data: Opaque, name: Slice) -> u32,
    /// Makes the process whose state is `bytes`, in that version of it. A copy that is not to be the process is dropped by `drop_moved`. On any status but `STATUS_OK` `error` is text.
    pub restore: unsafe extern "C" fn(
        data: Opaque,
        state: *const StateBytes,
        out: *mut ProcessFuture,
        error: *mut OwnedBytes,
    ) -> Status,
    /// Writes a state, which may be in any version that this image knows, as `version`. On any status but `STATUS_OK` `out` is text.
    pub convert:
        unsafe extern "C" fn(data: Opaque, state: *const StateBytes, version: u32, out: *mut OwnedBytes) -> Status,
    /// Makes the application's root process; `STATUS_NONE` when it has none. Called once, when the image becomes current.
    pub start: unsafe extern "C" fn(data: Opaque, out: *mut ProcessFuture) -> Status,
    /// How many health checks the application declares.
    pub health_check_count: unsafe extern "C" fn(data: Opaque) -> u32,
    /// The health check of that index, `0..health_check_count`.
    pub health_check: unsafe extern "C" fn(data: Opaque, index: u32, out: *mut HealthCheckDeclaration) -> Status,
    /// Makes the process that is the health check of that index: it passes by ending with `EXIT_NORMAL`.
    pub start_health_check: unsafe extern "C" fn(data: Opaque, index: u32, out: *mut ProcessFuture) -> Status,
    /// What `log_enabled` has answered may be otherwise from now on.
    pub log_changed: unsafe extern "C" fn(data: Opaque),
    /// Reads and checks a configuration, JSON, and keeps it under that number, which is higher than those before; `STATUS_NONE` when the application
    /// takes none. On any other status `error` is text. Changes nothing that processes see.
    pub configure: unsafe extern "C" fn(data: Opaque, number: u64, config: Slice, error: *mut OwnedBytes) -> Status,
    /// What `configure` keeps under that number is the image's configuration from here on; nothing, if it keeps none. Once before the image's first
    /// process runs, and as the image becomes current.
    pub take_config: unsafe extern "C" fn(data: Opaque, number: u64),
    /// Makes the process that hears what is different from the configuration of the version before: JSON, the lists of names `changed`,
    /// `new` and `removed`. `STATUS_NONE` when nobody wants to.
    pub config_change: unsafe extern "C" fn(data: Opaque, change: Slice, out: *mut ProcessFuture) -> Status,
    /// How many functions the application has for its node's console.
    pub console_function_count: unsafe extern "C" fn(data: Opaque) -> u32,
    /// The name of the function of that index, `0..console_function_count`: text, valid for the life of the OS process.
    pub console_function: unsafe extern "C" fn(data: Opaque, index: u32, out: *mut Slice) -> Status,
    /// Makes the process that calls the function of that index with these arguments, a JSON array.
    pub start_console_call:
        unsafe extern "C" fn(data: Opaque, index: u32, arguments: Slice, out: *mut ConsoleCall) -> Status,
    /// What a call has come to, once for each, when its process has ended or was dropped. `STATUS_OK`: JSON; `STATUS_FAILED`: text, why not;
    /// `STATUS_NONE`: nothing, as the process did not end by itself.
    pub take_console_answer: unsafe extern "C" fn(data: Opaque, answer: Opaque, out: *mut OwnedBytes) -> Status,
}

/// A call of a function for the console.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ConsoleCall {
    /// The process that calls it.
    pub process: ProcessFuture,
    /// For `take_console_answer`.
    pub answer: Opaque,
}

/// A health check that the node shall run.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HealthCheckDeclaration {
    /// Text: what it is called. Valid for the life of the OS process.
    pub name: Slice,
    /// How long it may take, in milliseconds.
    pub deadline_ms: u64,
}

/// A process's state, for the call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct StateBytes {
    /// `size_of::<Self>()` on the host's side.
    pub size: usize,
    /// Text: its name.
    pub name: Slice,
    /// Its version.
    pub version: u32,
    /// As an image gave it.
    pub bytes: Slice,
    /// What is allocated for it is charged there; null: nowhere.
    pub shared: *const ProcessShared,
}

/// A listening socket that the node shall own.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ListenerDeclaration {
    /// Text: the name by which the same listener is found again in the next version. Valid for the life of the OS process.
    pub name: Slice,
    /// Text: `IP:PORT` to bind unless the node's configuration says otherwise. Valid for the life of the OS process.
    pub address: Slice,
}

/// A connected stream socket, non-blocking, close-on-exec.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// The file descriptor. Owned by the process once `accept` has returned `STATUS_OK`.
    pub fd: i32,
    /// Text: the peer's `IP:PORT`.
    pub peer: Slice,
    /// Bytes already read from the socket and not used: they come before what is read next.
    pub unread: Slice,
}
