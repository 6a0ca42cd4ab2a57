//! An owned message, of whatever image.

use super::pid::Pid;
use plugin_abi::abi::{
    DownMessage, EXIT_NORMAL, ExitCode, MESSAGE_DOWN, MessageHeader, MessageVtable, STATUS_OK, Slice, Status,
};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::AtomicPtr;

/// Dropped by its own image's function.
#[derive(Debug)]
pub(crate) struct Message(NonNull<MessageHeader>);

// SAFETY: a message's functions may be called from any thread (`MessageVtable`'s contract).
unsafe impl Send for Message {}

impl Message {
    /// # Safety
    /// `raw` is a valid message that the caller owns and gives away here.
    pub(crate) unsafe fn from_raw(raw: *mut MessageHeader) -> Self {
        // SAFETY: a valid message is not null.
        Self(unsafe { NonNull::new_unchecked(raw) })
    }

    /// Gives the ownership to the caller.
    pub(crate) fn into_raw(self) -> *mut MessageHeader {
        let raw = self.0.as_ptr();
        std::mem::forget(self);
        raw
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: we own a valid message; its vtable lives as long as the OS process, its drop is called once.
        unsafe { ((*(*self.0.as_ptr()).vtable).drop)(self.0.as_ptr()) };
    }
}

/// A down message that is allocated when the monitor is set, so that an exit never allocates one.
#[derive(Debug)]
pub(crate) struct Down(Box<OwnedDown>);

#[repr(C)]
#[derive(Debug)]
struct OwnedDown {
    message: DownMessage,
    /// Keeps `message.detail` alive.
    detail: Option<Arc<str>>,
}

// SAFETY: `detail` in the message points into the `Arc` beside it, which is Send.
unsafe impl Send for OwnedDown {}

impl Down {
    pub(crate) fn new(reference: u64, pid: Pid) -> Self {
        let header = MessageHeader { next: AtomicPtr::new(ptr::null_mut()), vtable: &raw const DOWN, image: 0 };
        let message = DownMessage { header, reference, pid: pid.get(), reason: EXIT_NORMAL, detail: Slice::EMPTY };
        Self(Box::new(OwnedDown { message, detail: None }))
    }

    /// The message for that exit.
    pub(crate) fn into_message(mut self, reason: ExitCode, detail: Option<&Arc<str>>) -> Message {
        self.0.message.reason = reason;
        self.0.detail = detail.cloned();
        self.0.message.detail = self.0.detail.as_deref().map_or(Slice::EMPTY, Slice::text);
        let raw: *mut OwnedDown = Box::into_raw(self.0);
        // SAFETY: a `repr(C)` struct begins with its first field, the message, which begins with the header.
        unsafe { Message::from_raw(raw.cast()) }
    }
}

static DOWN: MessageVtable = MessageVtable {
    size: size_of::<MessageVtable>(),
    kind: MESSAGE_DOWN,
    drop: drop_down,
    type_id: no_type_id,
    type_name: down_name,
    encode: None,
};

unsafe extern "C" fn drop_down(message: *mut MessageHeader) -> Status {
    // SAFETY: only `into_message` makes messages with this vtable, out of a box of this type.
    drop(unsafe { Box::from_raw(message.cast::<OwnedDown>()) });
    STATUS_OK
}

extern "C" fn down_name() -> Slice {
    Slice::text("down")
}

unsafe extern "C" fn no_type_id(out: *mut [u64; 2]) {
    // SAFETY: the vtable's contract: `out` is valid for a write.
    unsafe { out.write([0; 2]) };
}
