//! Messages, both ways: a header in front of the value, in one box.

use crate::abi::{
    DownMessage, EXIT_KILLED, EXIT_NOPROC, EXIT_NORMAL, EXIT_PANIC, MESSAGE_DOWN, MESSAGE_USER, MessageHeader,
    MessageVtable, STATUS_OK, STATUS_PANICKED, Slice, Status,
};
use crate::mailbox::{Down, ExitReason, MonitorRef};
use crate::panic;
use crate::process::Pid;
use std::any::TypeId;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::AtomicPtr;

use super::host::image_id;

const _: () = assert!(size_of::<TypeId>() == 16, "a type's identity crosses as 16 bytes");

/// An owned message of whatever image and type.
pub(crate) struct RawMessage(*mut MessageHeader);

impl RawMessage {
    /// # Safety
    /// A valid message that the caller owns and gives away.
    pub(super) unsafe fn from_raw(raw: *mut MessageHeader) -> Self {
        Self(raw)
    }

    pub(super) fn into_raw(self) -> *mut MessageHeader {
        let raw = self.0;
        std::mem::forget(self);
        raw
    }
}

impl Drop for RawMessage {
    fn drop(&mut self) {
        // SAFETY: a valid message, ours; dropped once.
        unsafe { ((*(*self.0).vtable).drop)(self.0) };
    }
}

#[repr(C)]
struct Message<M> {
    header: MessageHeader,
    value: M,
}

struct Vtable<M>(PhantomData<M>);

impl<M: Send + 'static> Vtable<M> {
    const VTABLE: &'static MessageVtable = &MessageVtable {
        size: size_of::<MessageVtable>(),
        kind: MESSAGE_USER,
        drop: drop_message::<M>,
        type_id: write_type_id::<M>,
        type_name: type_name::<M>,
        encode: None,
    };
}

unsafe extern "C" fn drop_message<M>(message: *mut MessageHeader) -> Status {
    // SAFETY: the vtable stands in messages that `into_raw` made of an `M`, boxed.
    let message = unsafe { Box::from_raw(message.cast::<Message<M>>()) };
    let last = move || drop(message);
    #[cfg(feature = "tokio")]
    let last = move || crate::tokio_context::within(last);
    match catch_unwind(AssertUnwindSafe(last)) {
        Ok(()) => STATUS_OK,
        Err(payload) => {
            panic::discard(payload);
            STATUS_PANICKED
        }
    }
}

extern "C" fn type_name<M>() -> Slice {
    Slice::text(std::any::type_name::<M>())
}

unsafe extern "C" fn write_type_id<M: 'static>(out: *mut [u64; 2]) {
    // SAFETY: `out` is valid for a write of 16 bytes, as many as a `TypeId` has (asserted above).
    unsafe { out.cast::<TypeId>().write_unaligned(TypeId::of::<M>()) };
}

/// The message of a value.
pub(crate) fn into_raw<M: Send + 'static>(value: M) -> RawMessage {
    let header =
        MessageHeader { next: AtomicPtr::new(ptr::null_mut()), vtable: Vtable::<M>::VTABLE, image: image_id() };
    RawMessage(Box::into_raw(Box::new(Message { header, value })).cast())
}

/// What a message turned out to be.
pub(crate) enum Received<M> {
    /// The value.
    Value(M),
    /// The host says that a monitored process has ended.
    Down(Down),
    /// Another type, or another image: its type's name.
    Foreign(String),
}

/// Reads a message, and drops it if it is not for the reader.
pub(crate) fn from_raw<M: Send + 'static>(message: RawMessage) -> Received<M> {
    // SAFETY: a valid message has a valid header and vtable.
    let (kind, image, vtable) = unsafe { ((*(*message.0).vtable).kind, (*message.0).image, (*message.0).vtable) };
    if kind == MESSAGE_DOWN && image == 0 {
        // SAFETY: the host's messages of this kind are `DownMessage`s.
        return Received::Down(unsafe { down(&*message.0.cast::<DownMessage>()) });
    }
    if kind == MESSAGE_USER && image == image_id() && (ptr::eq(vtable, Vtable::<M>::VTABLE) || is_of::<M>(vtable)) {
        let raw = message.into_raw();
        // SAFETY: of this very image and of type `M`, so `into_raw` made it as a box of this type.
        return Received::Value(unsafe { Box::from_raw(raw.cast::<Message<M>>()) }.value);
    }
    // SAFETY: a type's name lives as long as the OS process.
    Received::Foreign(unsafe { String::from_utf8_lossy(((*vtable).type_name)().as_bytes()).into_owned() })
}

/// For a vtable of this image.
fn is_of<M: 'static>(vtable: *const MessageVtable) -> bool {
    let (mut theirs, mut ours) = ([0; 2], [0; 2]);
    // SAFETY: both write 16 bytes.
    unsafe {
        ((*vtable).type_id)(&raw mut theirs);
        write_type_id::<M>(&raw mut ours);
    }
    theirs == ours
}

fn down(message: &DownMessage) -> Down {
    let reason = match message.reason {
        EXIT_NORMAL => ExitReason::Normal,
        EXIT_KILLED => ExitReason::Killed,
        EXIT_NOPROC => ExitReason::NoProcess,
        EXIT_PANIC => {
            // SAFETY: the text is valid until the message is dropped.
            ExitReason::Panic(String::from_utf8_lossy(unsafe { message.detail.as_bytes() }).into_owned())
        }
        _ => ExitReason::Shutdown,
    };
    Down { reference: MonitorRef::from_raw(message.reference), pid: Pid::from_raw(message.pid), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_by_its_type_not_by_its_layout_or_name() {
        mod other {
            pub(super) struct Same;
        }
        struct Same;
        assert!(is_of::<Same>(Vtable::<Same>::VTABLE));
        assert!(!is_of::<Same>(Vtable::<other::Same>::VTABLE));
        assert!(!is_of::<u64>(Vtable::<i64>::VTABLE));
        assert!(!is_of::<Vec<u8>>(Vtable::<Vec<i8>>::VTABLE));
    }
}
