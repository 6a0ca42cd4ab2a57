//! Panics: each image has its own copy of std, hence a hook of its own, which sends what happened to the node's log.

use crate::abi::LOG_ERROR;
use crate::ffi::{self, Event};
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

const NO_TEXT: &str = "a value that is no text";

/// A panic as the hook saw it.
struct Seen {
    message: String,
    place: String,
}

thread_local! {
    /// This thread's last panic, until somebody takes it.
    static LAST: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

/// Sends panics to the node's log from here on.
pub(crate) fn install_hook() {
    std::panic::set_hook(Box::new(hook));
}

fn hook(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or(NO_TEXT);
    let (file, line) = info.location().map_or(("", 0), |location| (location.file(), location.line()));
    let text = format!("panicked: {message}");
    ffi::log(&Event { level: LOG_ERROR, line, file, target: "panic", message: &text, fields: "" });
    let seen = Seen { message: message.to_owned(), place: format!("{file}:{line}") };
    // A panic while this thread ends has nobody to read it.
    let _: Result<(), _> = LAST.try_with(|last| *last.borrow_mut() = Some(seen));
}

/// Message and place of the panic that was caught with this payload, which is dropped.
pub(crate) fn into_text(payload: Box<dyn Any + Send>) -> String {
    let seen = LAST.try_with(|last| last.borrow_mut().take()).ok().flatten();
    let text = tell(&*payload, seen);
    discard(payload);
    text
}

/// A panic that goes on (`resume_unwind`) passes no hook: then the last one that did may be another, caught by the plugin itself
/// long ago. So its place is told only if its message is the payload's.
fn tell(payload: &(dyn Any + Send), seen: Option<Seen>) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = text.unwrap_or(NO_TEXT);
    match seen {
        Some(seen) if seen.message == message => format!("{message} at {}", seen.place),
        _ => message.to_owned(),
    }
}

/// Drops what a panic carried. Its destructor may panic too: then what it carried is leaked, and no more.
pub(crate) fn discard(payload: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
        std::mem::forget(again);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_its_own_place_or_none() {
        let seen = |message: &str| Some(Seen { message: message.to_owned(), place: "src/lib.rs:7".to_owned() });
        assert_eq!(tell(&"boom", seen("boom")), "boom at src/lib.rs:7");
        assert_eq!(tell(&"boom".to_owned(), seen("boom")), "boom at src/lib.rs:7");
        assert_eq!(tell(&5, seen(NO_TEXT)), "a value that is no text at src/lib.rs:7");
        assert_eq!(tell(&"boom", seen("another, long ago")), "boom");
        assert_eq!(tell(&"boom", None), "boom");
    }
}
