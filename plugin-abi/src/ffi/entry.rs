//! `init` and the application's functions: where the host comes in. Each catches panics.

use super::console;
use super::future::charged;
use super::host::set_host;
use crate::abi::{
    ApplicationHandle, ApplicationVtable, Connection, HealthCheckDeclaration, HostTable, ImageContext,
    ListenerDeclaration, Opaque, OwnedBytes, ProcessFuture, STATUS_FAILED, STATUS_NONE, STATUS_OK, STATUS_PANICKED,
    Slice, StateBytes, Status,
};
use crate::application::Application;
use crate::moving::{self, MovingType};
use crate::net::TcpStream;
use crate::state::StateError;
use crate::{config, log, panic};
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

static VTABLE: ApplicationVtable = ApplicationVtable {
    size: size_of::<ApplicationVtable>(),
    listener_count,
    listener,
    accept,
    state_version,
    restore,
    convert,
    start,
    health_check_count,
    health_check,
    start_health_check,
    log_changed,
    configure,
    take_config,
    config_change,
    console_function_count: console::count,
    console_function: console::name,
    start_console_call: console::start,
    take_console_answer: console::take_answer,
};

/// The body of a plugin's `init`.
///
/// # Safety
/// As `Entry::init`'s contract says.
pub(crate) unsafe fn init(
    plugin: &'static str,
    app: fn() -> Application,
    types: &'static [&'static MovingType],
    table: *const HostTable,
    image: *const ImageContext,
    application: *mut ApplicationHandle,
    error: *mut OwnedBytes,
) -> Status {
    let make = AssertUnwindSafe(|| {
        // SAFETY: by the contract.
        unsafe { set_host(plugin, table, image) }?;
        moving::set_types(types)?;
        panic::install_hook();
        log::install();
        Ok::<Application, String>(app())
    });
    let failure = match catch_unwind(make) {
        Ok(Ok(made)) => {
            let made: &'static Application = Box::leak(Box::new(made));
            if let Some(root) = &made.root {
                root.begin();
            }
            let data = std::ptr::from_ref(made).cast_mut().cast();
            let handle = ApplicationHandle { data, vtable: &raw const VTABLE };
            // SAFETY: valid for a write.
            unsafe { application.write(handle) };
            return STATUS_OK;
        }
        Ok(Err(message)) => (STATUS_FAILED, message),
        Err(payload) => (STATUS_PANICKED, panic::into_text(payload)),
    };
    // SAFETY: valid for a write.
    unsafe { error.write(owned(failure.1.into_bytes())) };
    failure.0
}

pub(super) fn owned(bytes: Vec<u8>) -> OwnedBytes {
    let mut bytes = std::mem::ManuallyDrop::new(bytes);
    OwnedBytes { ptr: bytes.as_mut_ptr(), len: bytes.len(), capacity: bytes.capacity(), free: Some(free) }
}

unsafe extern "C" fn free(ptr: *mut u8, len: usize, capacity: usize) {
    // SAFETY: the parts of the vector that `owned` took apart; called once.
    drop(unsafe { Vec::from_raw_parts(ptr, len, capacity) });
}

/// # Safety
/// `data` is the host's copy of what `init` gave.
pub(super) unsafe fn application(data: Opaque) -> &'static Application {
    // SAFETY: a boxed application that is never dropped: an image is never unloaded.
    unsafe { &*data.cast::<Application>() }
}

pub(super) fn guarded(act: impl FnOnce() -> Status) -> Status {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|payload| {
        panic::discard(payload);
        STATUS_PANICKED
    })
}

unsafe extern "C" fn listener_count(data: Opaque) -> u32 {
    // SAFETY: the vtable's contract.
    u32::try_from(unsafe { application(data) }.listeners.len()).unwrap_or(u32::MAX)
}

unsafe extern "C" fn listener(data: Opaque, index: u32, out: *mut ListenerDeclaration) -> Status {
    // SAFETY: the vtable's contract.
    let Some(listener) = unsafe { application(data) }.listeners.get(index as usize) else { return STATUS_NONE };
    let declaration =
        ListenerDeclaration { name: Slice::text(&listener.name), address: Slice::text(&listener.address) };
    // SAFETY: valid for a write; the application lives for ever, and so do the texts.
    unsafe { out.write(declaration) };
    STATUS_OK
}

unsafe extern "C" fn accept(
    data: Opaque,
    index: u32,
    connection: *const Connection,
    out: *mut ProcessFuture,
) -> Status {
    guarded(|| {
        // SAFETY: the vtable's contract.
        let Some(listener) = unsafe { application(data) }.listeners.get(index as usize) else { return STATUS_NONE };
        // SAFETY: the connection is valid for the call.
        let (fd, peer, unread) =
            unsafe { ((*connection).fd, (*connection).peer.as_bytes(), (*connection).unread.as_bytes()) };
        // SAFETY: the host's, and ours if we answer OK. A panic below would close it under the host: nothing below
        // panics, since the handler's own code runs in the process that is made here, not yet.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let stream = TcpStream::from_connection(fd, &listener.name, &String::from_utf8_lossy(peer), unread);
        let process = listener.accept.start(stream);
        // SAFETY: valid for a write.
        unsafe { out.write(process) };
        STATUS_OK
    })
}

unsafe extern "C" fn state_version(_: Opaque, name: Slice) -> u32 {
    // SAFETY: valid for the call.
    let name = unsafe { name.as_bytes() };
    str::from_utf8(name).ok().and_then(moving::find).map_or(0, |moving| moving.chain.version)
}

unsafe extern "C" fn restore(
    _: Opaque,
    state: *const StateBytes,
    out: *mut ProcessFuture,
    error: *mut OwnedBytes,
) -> Status {
    // SAFETY: the vtable's contract.
    let restored = unsafe { read(state, |moving, version, bytes| moving.restore(version, bytes)) };
    // SAFETY: valid for a write.
    unsafe {
        match restored {
            Ok(process) => out.write(process),
            Err(refused) => return write_text(refused, error),
        }
    }
    STATUS_OK
}

unsafe extern "C" fn convert(_: Opaque, state: *const StateBytes, version: u32, out: *mut OwnedBytes) -> Status {
    // SAFETY: the vtable's contract.
    let converted = unsafe { read(state, |moving, from, bytes| (moving.convert)(from, bytes, version)) };
    // SAFETY: valid for a write.
    unsafe {
        match converted {
            Ok(bytes) => out.write(owned(bytes)),
            Err(refused) => return write_text(refused, out),
        }
    }
    STATUS_OK
}

/// Does something with a state; the failure's status and text.
///
/// # Safety
/// `state` and what it points to are valid for the call.
unsafe fn read<R>(
    state: *const StateBytes,
    act: impl FnOnce(&'static MovingType, u32, &[u8]) -> Result<R, StateError>,
) -> Result<R, (Status, String)> {
    // SAFETY: by the contract.
    let (state, name, bytes) = unsafe { (&*state, (*state).name.as_bytes(), (*state).bytes.as_bytes()) };
    // SAFETY: by the contract: the process that runs this, which is polled by nobody else.
    let _charged = unsafe { charged(state.shared) };
    let act = AssertUnwindSafe(|| match str::from_utf8(name).ok().and_then(moving::find) {
        Some(moving) => act(moving, state.version, bytes).map_err(|error| (STATUS_FAILED, error.to_string())),
        None => Err((STATUS_NONE, "this version has no such state".to_owned())),
    });
    catch_unwind(act).unwrap_or_else(|payload| Err((STATUS_PANICKED, panic::into_text(payload))))
}

/// # Safety
/// `out` is valid for a write.
pub(super) unsafe fn write_text((status, text): (Status, String), out: *mut OwnedBytes) -> Status {
    // SAFETY: by the contract.
    unsafe { out.write(owned(text.into_bytes())) };
    status
}

unsafe extern "C" fn start(data: Opaque, out: *mut ProcessFuture) -> Status {
    guarded(|| {
        // SAFETY: the vtable's contract.
        let Some(root) = &unsafe { application(data) }.root else { return STATUS_NONE };
        // SAFETY: valid for a write.
        unsafe { out.write(root.start()) };
        STATUS_OK
    })
}

unsafe extern "C" fn health_check_count(data: Opaque) -> u32 {
    // SAFETY: the vtable's contract.
    u32::try_from(unsafe { application(data) }.health_checks.len()).unwrap_or(u32::MAX)
}

unsafe extern "C" fn health_check(data: Opaque, index: u32, out: *mut HealthCheckDeclaration) -> Status {
    // SAFETY: the vtable's contract.
    let Some(check) = unsafe { application(data) }.health_checks.get(index as usize) else { return STATUS_NONE };
    let deadline_ms = u64::try_from(check.deadline.as_millis()).unwrap_or(u64::MAX);
    // SAFETY: valid for a write; the application lives for ever, and so does the name.
    unsafe { out.write(HealthCheckDeclaration { name: Slice::text(&check.name), deadline_ms }) };
    STATUS_OK
}

extern "C" fn log_changed(_: Opaque) {
    guarded(|| {
        log::ask_again();
        STATUS_OK
    });
}

unsafe extern "C" fn start_health_check(data: Opaque, index: u32, out: *mut ProcessFuture) -> Status {
    guarded(|| {
        // SAFETY: the vtable's contract.
        let Some(check) = unsafe { application(data) }.health_checks.get(index as usize) else { return STATUS_NONE };
        // SAFETY: valid for a write.
        unsafe { out.write(check.start()) };
        STATUS_OK
    })
}

unsafe extern "C" fn configure(data: Opaque, number: u64, config: Slice, error: *mut OwnedBytes) -> Status {
    // SAFETY: the vtable's contract; the bytes are valid for the call.
    let (application, bytes) = unsafe { (application(data), config.as_bytes()) };
    let Some(declared) = &application.config else { return STATUS_NONE };
    let refused = match catch_unwind(AssertUnwindSafe(|| declared.check(number, bytes))) {
        Ok(Ok(())) => return STATUS_OK,
        Ok(Err(reason)) => (STATUS_FAILED, reason),
        Err(payload) => (STATUS_PANICKED, panic::into_text(payload)),
    };
    // SAFETY: valid for a write.
    unsafe { write_text(refused, error) }
}

extern "C" fn take_config(_: Opaque, number: u64) {
    guarded(|| {
        config::take(number);
        STATUS_OK
    });
}

unsafe extern "C" fn config_change(data: Opaque, change: Slice, out: *mut ProcessFuture) -> Status {
    guarded(|| {
        // SAFETY: the vtable's contract; the bytes are valid for the call.
        let (application, change) = unsafe { (application(data), change.as_bytes()) };
        let Some(hearer) = &application.config_change else { return STATUS_NONE };
        let Some(process) = hearer.start(change) else { return STATUS_FAILED };
        // SAFETY: valid for a write.
        unsafe { out.write(process) };
        STATUS_OK
    })
}
