//! An image's application: the safe door to the functions that a plugin handed over.

use plugin_abi::abi::{
    ApplicationHandle, ApplicationVtable, Connection, ConsoleCall, HealthCheckDeclaration, ListenerDeclaration, Opaque,
    OwnedBytes, ProcessFuture, ProcessShared, STATUS_FAILED, STATUS_NONE, STATUS_OK, Slice, StateBytes, Status,
};
use std::mem::offset_of;
use std::os::fd::{AsRawFd as _, IntoRawFd as _, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// See the file's head.
#[derive(Debug)]
pub(crate) struct Application(ApplicationHandle);

// SAFETY: an application's functions may be called from any thread and several at once (`ApplicationVtable`).
unsafe impl Sync for Application {}
// SAFETY: as above.
unsafe impl Send for Application {}

/// A configuration that an application has checked, by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Configured(u64);

/// The next one's number.
static NEXT_CONFIG: AtomicU64 = AtomicU64::new(1);

/// A listener as the application declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) name: &'static str,
    pub(crate) address: &'static str,
}

/// A health check as the application declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HealthCheck {
    pub(crate) name: &'static str,
    pub(crate) deadline: Duration,
}

/// A process's state, borrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: u32,
    pub(crate) bytes: &'a [u8],
}

impl State<'_> {
    fn to_abi(self, shared: *const ProcessShared) -> StateBytes {
        StateBytes {
            size: size_of::<StateBytes>(),
            name: Slice::text(self.name),
            version: self.version,
            bytes: Slice::new(self.bytes),
            shared,
        }
    }
}

/// A copy of bytes that a plugin has given, which are freed.
fn take_bytes(bytes: OwnedBytes) -> Vec<u8> {
    // SAFETY: a plugin's bytes are valid until they are freed, which happens once, here.
    unsafe {
        let copy = Slice { ptr: bytes.ptr, len: bytes.len }.as_bytes().to_vec();
        if let Some(free) = bytes.free {
            free(bytes.ptr, bytes.len, bytes.capacity);
        }
        copy
    }
}

/// Text that a plugin has given, which is freed.
pub(super) fn take_text(bytes: OwnedBytes) -> String {
    match take_bytes(bytes) {
        bytes if bytes.is_empty() => "it gave no reason".to_owned(),
        bytes => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// Where a console call's answer will be. One that nobody takes is lost.
#[derive(Debug)]
pub(crate) struct Answer {
    application: &'static Application,
    place: Opaque,
}

impl Answer {
    /// What it has come to, JSON, or why to nothing; `None`: its process did not end by itself. Its process has ended.
    pub(crate) fn take(self) -> Option<Result<Vec<u8>, String>> {
        let (mut out, vtable) = (OwnedBytes::EMPTY, self.application.0.vtable);
        // SAFETY: an initialised application, whose vtable has it; given by `start_console_call`, and taken once.
        match unsafe { ((*vtable).take_console_answer)(self.application.0.data, self.place, &raw mut out) } {
            STATUS_OK => Some(Ok(take_bytes(out))),
            STATUS_FAILED => Some(Err(take_text(out))),
            _ => None,
        }
    }
}

const NO_PROCESS: ProcessFuture = ProcessFuture { data: ptr::null_mut(), vtable: ptr::null() };

impl Application {
    /// # Safety
    /// `handle` was filled by a plugin's `init` that returned `STATUS_OK`.
    pub(crate) unsafe fn new(handle: ApplicationHandle) -> Self {
        Self(handle)
    }

    /// All declared listeners, or the one that is not text.
    pub(crate) fn listeners(&self) -> Result<Vec<Declared>, String> {
        // SAFETY: an initialised application.
        let count = unsafe { ((*self.0.vtable).listener_count)(self.0.data) };
        (0..count).map(|index| self.listener(index)).collect()
    }

    fn listener(&self, index: u32) -> Result<Declared, String> {
        let mut out = ListenerDeclaration { name: Slice::EMPTY, address: Slice::EMPTY };
        // SAFETY: an initialised application; `out` is ours.
        let status = unsafe { ((*self.0.vtable).listener)(self.0.data, index, &raw mut out) };
        if status != STATUS_OK {
            return Err(format!("its listener {index} cannot be read (status {status})"));
        }
        let text = |slice: Slice| {
            // SAFETY: `ListenerDeclaration`'s texts live as long as the OS process.
            str::from_utf8(unsafe { slice.as_bytes() }).map_err(|_| format!("its listener {index} is not text"))
        };
        Ok(Declared { name: text(out.name)?, address: text(out.address)? })
    }

    /// The process that serves a connection; or the socket back, when the application cannot make one.
    pub(crate) fn accept(&self, index: u32, fd: OwnedFd, peer: &str, unread: &[u8]) -> Result<ProcessFuture, OwnedFd> {
        let connection = Connection { fd: fd.as_raw_fd(), peer: Slice::text(peer), unread: Slice::new(unread) };
        let mut out = NO_PROCESS;
        // SAFETY: an initialised application; the pointers are valid for the call.
        let status = unsafe { ((*self.0.vtable).accept)(self.0.data, index, &raw const connection, &raw mut out) };
        if status == STATUS_OK {
            // The process closes it from here on.
            let _: i32 = fd.into_raw_fd();
            Ok(out)
        } else {
            Err(fd)
        }
    }

    /// The version of that state which its processes have; 0: none has it.
    pub(crate) fn state_version(&self, name: &str) -> u32 {
        // SAFETY: an initialised application; the name is valid for the call.
        unsafe { ((*self.0.vtable).state_version)(self.0.data, Slice::text(name)) }
    }

    /// The process of that state, or why there is none. What is allocated is charged to `shared`.
    ///
    /// # Safety
    /// `shared` is null, or the calling process's own.
    pub(crate) unsafe fn restore(
        &self,
        state: &State<'_>,
        shared: *const ProcessShared,
    ) -> Result<ProcessFuture, String> {
        let (mut out, mut error) = (NO_PROCESS, OwnedBytes::EMPTY);
        let state = state.to_abi(shared);
        // SAFETY: an initialised application; all pointers are valid for the call.
        let status = unsafe { ((*self.0.vtable).restore)(self.0.data, &raw const state, &raw mut out, &raw mut error) };
        if status == STATUS_OK { Ok(out) } else { Err(take_text(error)) }
    }

    /// The state as another version of it, or why that cannot be.
    ///
    /// # Safety
    /// As `restore`.
    pub(crate) unsafe fn convert(
        &self,
        state: &State<'_>,
        version: u32,
        shared: *const ProcessShared,
    ) -> Result<Vec<u8>, String> {
        let mut out = OwnedBytes::EMPTY;
        let state = state.to_abi(shared);
        // SAFETY: an initialised application; all pointers are valid for the call.
        let status = unsafe { ((*self.0.vtable).convert)(self.0.data, &raw const state, version, &raw mut out) };
        if status == STATUS_OK { Ok(take_bytes(out)) } else { Err(take_text(out)) }
    }

    /// All declared health checks, or which one is not text.
    pub(crate) fn health_checks(&self) -> Result<Vec<HealthCheck>, String> {
        // SAFETY: an initialised application's vtable.
        if unsafe { (*self.0.vtable).size } <= offset_of!(ApplicationVtable, start_health_check) {
            // Built before there were any.
            return Ok(Vec::new());
        }
        // SAFETY: an initialised application, whose vtable has it.
        let count = unsafe { ((*self.0.vtable).health_check_count)(self.0.data) };
        (0..count).map(|index| self.health_check(index)).collect()
    }

    fn health_check(&self, index: u32) -> Result<HealthCheck, String> {
        let mut out = HealthCheckDeclaration { name: Slice::EMPTY, deadline_ms: 0 };
        // SAFETY: an initialised application, whose vtable has it; `out` is ours.
        let status = unsafe { ((*self.0.vtable).health_check)(self.0.data, index, &raw mut out) };
        // SAFETY: the name lives as long as the OS process.
        let name = str::from_utf8(unsafe { out.name.as_bytes() });
        match (status, name) {
            (STATUS_OK, Ok(name)) => Ok(HealthCheck { name, deadline: Duration::from_millis(out.deadline_ms) }),
            _ => Err(format!("its health check {index} cannot be read (status {status})")),
        }
    }

    /// The process of the health check of that index, which is one of [`health_checks`](Self::health_checks). `None`: it cannot be made.
    pub(crate) fn start_health_check(&self, index: u32) -> Option<ProcessFuture> {
        let mut out = NO_PROCESS;
        // SAFETY: an initialised application, whose vtable has it; `out` is ours.
        let status = unsafe { ((*self.0.vtable).start_health_check)(self.0.data, index, &raw mut out) };
        (status == STATUS_OK).then_some(out)
    }

    /// What is logged has changed.
    pub(crate) fn log_changed(&self) {
        // SAFETY: an initialised application's vtable.
        if unsafe { (*self.0.vtable).size } <= offset_of!(ApplicationVtable, log_changed) {
            // Built before it could.
            return;
        }
        // SAFETY: an initialised application, whose vtable has it.
        unsafe { ((*self.0.vtable).log_changed)(self.0.data) };
    }

    /// Has the image check this configuration, JSON: it can be taken then. Or why it cannot.
    pub(crate) fn configure(&self, config: &[u8]) -> Result<Configured, String> {
        let configured = Configured(NEXT_CONFIG.fetch_add(1, Ordering::Relaxed));
        if !self.has_config() {
            return Ok(configured);
        }
        let mut error = OwnedBytes::EMPTY;
        // SAFETY: an initialised application, whose vtable has it; the pointers are valid for the call.
        match unsafe { ((*self.0.vtable).configure)(self.0.data, configured.0, Slice::new(config), &raw mut error) } {
            STATUS_OK | STATUS_NONE => Ok(configured),
            _ => Err(take_text(error)),
        }
    }

    /// That configuration is the image's from here on.
    pub(crate) fn take_config(&self, configured: Configured) {
        if self.has_config() {
            // SAFETY: an initialised application, whose vtable has it.
            unsafe { ((*self.0.vtable).take_config)(self.0.data, configured.0) };
        }
    }

    /// False: built before there was any.
    fn has_config(&self) -> bool {
        // SAFETY: an initialised application's vtable.
        unsafe { (*self.0.vtable).size > offset_of!(ApplicationVtable, config_change) }
    }

    /// The process that hears what is different in the configuration, JSON, if somebody wants to.
    pub(crate) fn config_change(&self, change: &[u8]) -> Result<Option<ProcessFuture>, Status> {
        if !self.has_config() {
            return Ok(None);
        }
        let mut out = NO_PROCESS;
        // SAFETY: an initialised application, whose vtable has it; the pointers are valid for the call.
        match unsafe { ((*self.0.vtable).config_change)(self.0.data, Slice::new(change), &raw mut out) } {
            STATUS_OK => Ok(Some(out)),
            STATUS_NONE => Ok(None),
            failed => Err(failed),
        }
    }

    /// The names of all functions for the console, or which one is not text.
    pub(crate) fn console_functions(&self) -> Result<Vec<&'static str>, String> {
        // SAFETY: an initialised application's vtable.
        if unsafe { (*self.0.vtable).size } <= offset_of!(ApplicationVtable, take_console_answer) {
            // Built before there were any.
            return Ok(Vec::new());
        }
        // SAFETY: an initialised application, whose vtable has it.
        let count = unsafe { ((*self.0.vtable).console_function_count)(self.0.data) };
        (0..count).map(|index| self.console_function(index)).collect()
    }

    fn console_function(&self, index: u32) -> Result<&'static str, String> {
        let mut out = Slice::EMPTY;
        // SAFETY: an initialised application, whose vtable has it; `out` is ours.
        let status = unsafe { ((*self.0.vtable).console_function)(self.0.data, index, &raw mut out) };
        // SAFETY: the name lives as long as the OS process.
        match (status, str::from_utf8(unsafe { out.as_bytes() })) {
            (STATUS_OK, Ok(name)) => Ok(name),
            _ => Err(format!("its console function {index} cannot be read (status {status})")),
        }
    }

    /// A call of the console function of that index, which is one of [`console_functions`](Self::console_functions), with these arguments, a JSON array.
    /// `None`: it cannot be made.
    pub(crate) fn start_console_call(&'static self, index: u32, arguments: &[u8]) -> Option<(ProcessFuture, Answer)> {
        let mut out = ConsoleCall { process: NO_PROCESS, answer: ptr::null_mut() };
        let arguments = Slice::new(arguments);
        // SAFETY: an initialised application, whose vtable has it; the pointers are valid for the call.
        let status = unsafe { ((*self.0.vtable).start_console_call)(self.0.data, index, arguments, &raw mut out) };
        (status == STATUS_OK).then_some((out.process, Answer { application: self, place: out.answer }))
    }

    /// The root process, if there is one.
    pub(crate) fn start(&self) -> Result<Option<ProcessFuture>, Status> {
        let mut out = NO_PROCESS;
        // SAFETY: an initialised application; `out` is ours.
        match unsafe { ((*self.0.vtable).start)(self.0.data, &raw mut out) } {
            STATUS_OK => Ok(Some(out)),
            STATUS_NONE => Ok(None),
            failed => Err(failed),
        }
    }
}
