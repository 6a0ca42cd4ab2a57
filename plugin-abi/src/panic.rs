//! Panics: each image has its own copy of std, hence a hook of its own, which sends what happened to the node's log.

use crate::abi::LOG_ERROR;
use crate::ffi::{self, Event};
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

thread_local! {
    /// Text of this thread's last panic, until somebody takes it.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Sends panics to the node's log from here on.
pub(crate) fn install_hook() {
    std::panic::set_hook(Box::new(hook));
}

fn hook(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("a value that is no text");
    let (file, line) = info.location().map_or(("", 0), |location| (location.file(), location.line()));
    let text = format!("panicked: {message}");
    ffi::log(&Event { level: LOG_ERROR, line, file, target: "panic", message: &text, fields: "" });
    // A panic while this thread ends has nobody to read it.
    let _: Result<(), _> = LAST.try_with(|last| *last.borrow_mut() = Some(format!("{message} at {file}:{line}")));
}

/// Text of this thread's last panic.
pub(crate) fn take_last() -> Option<String> {
    LAST.try_with(|last| last.borrow_mut().take()).ok().flatten()
}

/// Tells the host why the current process ends.
pub(crate) fn report_exit() {
    ffi::set_exit_detail(take_last().as_deref().unwrap_or("a panic"));
}

/// Drops what a panic carried. Its destructor may panic too: then what it carried is leaked, and no more.
pub(crate) fn discard(payload: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
        std::mem::forget(again);
    }
}
