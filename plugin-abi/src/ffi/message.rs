//! Messages, both ways: a header in front of the value, in one box.

use crate::abi::{
    DownMessage, EXIT_ERROR, EXIT_KILLED, EXIT_NOPROC, EXIT_NORMAL, EXIT_PANIC, EXIT_SHUTDOWN, EncodedReply, ExitCode,
    ExitMessage, MESSAGE_DOWN, MESSAGE_ENCODED_REPLY, MESSAGE_EXIT, MESSAGE_REPLY, MESSAGE_USER, MessageHeader,
    MessageVtable, OwnedBytes, ReplyMessage, STATUS_FAILED, STATUS_OK, STATUS_PANICKED, Slice, Status,
};
use crate::exit::{Down, Exit, ExitReason, MonitorRef};
use crate::message::Message;
use crate::panic;
use crate::process::Pid;
use std::any::TypeId;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::AtomicPtr;

use super::boxed;
use super::entry::owned;
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

/// A header of type `H` in front of a value.
#[repr(C)]
struct Boxed<H, M> {
    header: H,
    value: M,
}

struct Vtable<H, M>(PhantomData<(H, M)>);

/// What stands in front of a value.
trait Header: 'static {
    const KIND: u32;
}

impl Header for MessageHeader {
    const KIND: u32 = MESSAGE_USER;
}

impl Header for ReplyMessage {
    const KIND: u32 = MESSAGE_REPLY;
}

impl<H: Header, M: Message> Vtable<H, M> {
    const VTABLE: &'static MessageVtable = &MessageVtable {
        size: size_of::<MessageVtable>(),
        kind: H::KIND,
        drop: drop_message::<H, M>,
        type_id: write_type_id::<M>,
        type_name: type_name::<M>,
        encode: if M::CODEC.is_some() { Some(encode::<H, M>) } else { None },
        decode: if M::CODEC.is_some() { Some(decode::<M>) } else { None },
    };
}

/// The messages that a process takes.
pub(crate) trait Takes: 'static {
    /// Null: none.
    const MESSAGE: *const MessageVtable;
}

/// A process that takes no messages.
#[derive(Debug)]
pub(crate) struct NoMessages;

impl Takes for NoMessages {
    const MESSAGE: *const MessageVtable = ptr::null();
}

/// A process that takes messages of type `M`.
#[derive(Debug)]
pub(crate) struct Messages<M>(PhantomData<M>);

impl<M: Message> Takes for Messages<M> {
    const MESSAGE: *const MessageVtable = Vtable::<MessageHeader, M>::VTABLE;
}

unsafe extern "C" fn drop_message<H, M>(message: *mut MessageHeader) -> Status {
    // SAFETY: the vtable stands in messages that were made of an `H` and an `M`, boxed; given away.
    let last = || unsafe { boxed::discard(message.cast::<Boxed<H, M>>()) };
    #[cfg(feature = "tokio")]
    let last = || crate::tokio_context::within(last);
    match catch_unwind(AssertUnwindSafe(last)) {
        Ok(()) => STATUS_OK,
        Err(payload) => {
            panic::discard(payload);
            STATUS_PANICKED
        }
    }
}

unsafe extern "C" fn encode<H, M: Message>(message: *const MessageHeader, out: *mut OwnedBytes) -> Status {
    // SAFETY: as in `drop_message`; borrowed for the call.
    let value = unsafe { &(*message.cast::<Boxed<H, M>>()).value };
    let encode = AssertUnwindSafe(|| M::CODEC.and_then(|codec| (codec.encode)(value)));
    match catch_unwind(encode) {
        Ok(Some(bytes)) => {
            // SAFETY: valid for a write.
            unsafe { out.write(owned(bytes)) };
            STATUS_OK
        }
        Ok(None) => STATUS_FAILED,
        Err(payload) => {
            panic::discard(payload);
            STATUS_PANICKED
        }
    }
}

unsafe extern "C" fn decode<M: Message>(bytes: Slice, out: *mut *mut MessageHeader) -> Status {
    // SAFETY: valid for the call.
    let bytes = unsafe { bytes.as_bytes() };
    match catch_unwind(|| M::CODEC.and_then(|codec| (codec.decode)(bytes))) {
        Ok(Some(value)) => {
            // SAFETY: valid for a write.
            unsafe { out.write(into_raw(value).into_raw()) };
            STATUS_OK
        }
        Ok(None) => STATUS_FAILED,
        Err(payload) => {
            panic::discard(payload);
            STATUS_PANICKED
        }
    }
}

extern "C" fn type_name<M>() -> Slice {
    Slice::text(std::any::type_name::<M>())
}

/// Not inlined, so that a plugin has it once for each type as a rule: whose address is the same need not be called ([`is_of`]).
#[inline(never)]
unsafe extern "C" fn write_type_id<M: 'static>(out: *mut [u64; 2]) {
    // SAFETY: `out` is valid for a write of 16 bytes, as many as a `TypeId` has (asserted above).
    unsafe { out.cast::<TypeId>().write_unaligned(TypeId::of::<M>()) };
}

fn header<H: Header, M: Message>() -> MessageHeader {
    MessageHeader { next: AtomicPtr::new(ptr::null_mut()), vtable: Vtable::<H, M>::VTABLE, image: image_id() }
}

/// The message of a value.
pub(crate) fn into_raw<M: Message>(value: M) -> RawMessage {
    give_away(Boxed { header: header::<MessageHeader, M>(), value })
}

/// The answer to a call.
pub(crate) fn into_reply<M: Message>(reference: u64, value: M) -> RawMessage {
    let reply = ReplyMessage { header: header::<ReplyMessage, M>(), reference };
    give_away(Boxed { header: reply, value })
}

/// From here on it is whoever's it gets to.
fn give_away<H: Header, M: Message>(message: Boxed<H, M>) -> RawMessage {
    RawMessage(boxed::put(message).cast())
}

/// What a message turned out to be.
pub(crate) enum Received<M> {
    /// The value.
    Value(M),
    /// The host says something.
    Notice(Notice),
    /// Another type, or another image: its type's name.
    Foreign(String),
}

/// A notice of the host's.
pub(crate) enum Notice {
    /// A monitored process has ended.
    Down(Down),
    /// An exit signal has come.
    Exit(Exit),
}

impl RawMessage {
    /// The value, in its place. `None`: it is of another type, or no value.
    pub(super) fn value<M: Message>(&self) -> Option<&M> {
        // SAFETY: of this very image, kind and type, so it was made as a box of this type; ours, hence borrowed as long as `self`.
        self.is_of::<MessageHeader, M>().then(|| unsafe { &(*self.0.cast::<Boxed<MessageHeader, M>>()).value })
    }

    /// What the host says by it. `None`: it is no notice.
    pub(super) fn notice(&self) -> Option<Notice> {
        // SAFETY: messages of these kinds begin so, by the ABI, and are not dropped yet.
        unsafe {
            match self.kind() {
                MESSAGE_DOWN => Some(Notice::Down(down(&*self.0.cast::<DownMessage>()))),
                MESSAGE_EXIT => Some(Notice::Exit(exit(&*self.0.cast::<ExitMessage>()))),
                _ => None,
            }
        }
    }

    /// The name of its type.
    pub(super) fn type_name(&self) -> String {
        // SAFETY: a valid message has a valid vtable, and a type's name lives as long as the OS process.
        let name = unsafe { ((*(*self.0).vtable).type_name)().as_bytes() };
        String::from_utf8_lossy(name).into_owned()
    }

    fn kind(&self) -> u32 {
        // SAFETY: a valid message has a valid header and vtable.
        unsafe { (*(*self.0).vtable).kind }
    }

    /// The call that it answers. `None`: it is no reply.
    pub(super) fn replies_to(&self) -> Option<u64> {
        // SAFETY: messages of these kinds begin so, by the ABI.
        unsafe {
            match self.kind() {
                MESSAGE_REPLY => Some((*self.0.cast::<ReplyMessage>()).reference),
                MESSAGE_ENCODED_REPLY => Some((*self.0.cast::<EncodedReply>()).reference),
                _ => None,
            }
        }
    }

    /// The monitor whose process has ended. `None`: it is no news of an end.
    pub(super) fn tells_of(&self) -> Option<u64> {
        // SAFETY: messages of this kind begin so, by the ABI.
        (self.kind() == MESSAGE_DOWN).then(|| unsafe { (*self.0.cast::<DownMessage>()).reference })
    }

    /// Whether it is one that a process has sent, and no answer.
    #[inline]
    pub(super) fn is_users(&self) -> bool {
        self.kind() == MESSAGE_USER
    }

    fn is_of<H: Header, M: Message>(&self) -> bool {
        // SAFETY: a valid message has a valid header.
        let (image, vtable) = unsafe { ((*self.0).image, (*self.0).vtable) };
        self.kind() == H::KIND && image == image_id() && (ptr::eq(vtable, Vtable::<H, M>::VTABLE) || is_of::<M>(vtable))
    }

    /// The value of a message that has one of this type.
    pub(super) fn into_message<M: Message>(self) -> M {
        self.into_value::<MessageHeader, M>().unwrap_or_else(|_| unreachable!("asked before"))
    }

    /// The value of a message that has one of this type; or the message.
    #[inline]
    fn into_value<H: Header, M: Message>(self) -> Result<M, Self> {
        if !self.is_of::<H, M>() {
            return Err(self);
        }
        let raw = self.into_raw();
        // SAFETY: of this very image, kind and type, so it was made as a box of this type.
        Ok(unsafe { boxed::take(raw.cast::<Boxed<H, M>>()) }.value)
    }
}

/// Reads a message, and drops it if it is not for the reader.
pub(crate) fn from_raw<M: Message>(message: RawMessage) -> Received<M> {
    let message = match message.into_value::<MessageHeader, M>() {
        Ok(value) => return Received::Value(value),
        Err(message) => message,
    };
    message.notice().map_or_else(|| Received::Foreign(message.type_name()), Received::Notice)
}

/// Reads the answer to a call. `None`: it is of another type, or cannot be decoded.
pub(crate) fn from_reply<M: Message>(message: RawMessage) -> Option<M> {
    if message.kind() != MESSAGE_ENCODED_REPLY {
        return message.into_value::<ReplyMessage, M>().ok();
    }
    // SAFETY: a message of this kind is an `EncodedReply`, whose slices are valid until it is dropped, below.
    let (name, bytes) = unsafe {
        let reply = &*message.0.cast::<EncodedReply>();
        (reply.type_name.as_bytes(), reply.bytes.as_bytes())
    };
    let is_of_type = name == std::any::type_name::<M>().as_bytes();
    M::CODEC.filter(|_| is_of_type).and_then(|codec| (codec.decode)(bytes))
}

/// For a vtable of this image.
fn is_of<M: 'static>(vtable: *const MessageVtable) -> bool {
    let own: unsafe extern "C" fn(*mut [u64; 2]) = write_type_id::<M>;
    // A compiler makes a vtable in each of its units, but the function once; and one function gives one identity.
    // SAFETY: a vtable lives as long as the OS process.
    if ptr::fn_addr_eq(unsafe { (*vtable).type_id }, own) {
        return true;
    }
    let (mut theirs, mut ours) = ([0; 2], [0; 2]);
    // SAFETY: both write 16 bytes.
    unsafe {
        ((*vtable).type_id)(&raw mut theirs);
        write_type_id::<M>(&raw mut ours);
    }
    theirs == ours
}

/// # Safety
/// The detail is text that is valid for the call.
unsafe fn reason(code: ExitCode, detail: Slice) -> ExitReason {
    // SAFETY: by the contract.
    let text = || String::from_utf8_lossy(unsafe { detail.as_bytes() }).into_owned();
    match code {
        EXIT_NORMAL => ExitReason::Normal,
        EXIT_KILLED => ExitReason::Killed,
        EXIT_NOPROC => ExitReason::NoProcess,
        EXIT_PANIC => ExitReason::Panic(text()),
        EXIT_SHUTDOWN => ExitReason::Shutdown,
        _ => ExitReason::Error(text()),
    }
}

/// A reason as it crosses.
pub(super) fn reason_parts(reason: &ExitReason) -> (ExitCode, &str) {
    match reason {
        ExitReason::Normal => (EXIT_NORMAL, ""),
        ExitReason::Killed => (EXIT_KILLED, ""),
        ExitReason::NoProcess => (EXIT_NOPROC, ""),
        ExitReason::Panic(text) => (EXIT_PANIC, text),
        ExitReason::Shutdown => (EXIT_SHUTDOWN, ""),
        ExitReason::Error(text) => (EXIT_ERROR, text),
    }
}

/// # Safety
/// A message of the host's, not dropped yet.
unsafe fn down(message: &DownMessage) -> Down {
    // SAFETY: the text is valid until the message is dropped.
    let reason = unsafe { reason(message.reason, message.detail) };
    Down { reference: MonitorRef::from_raw(message.reference), pid: Pid::from_raw(message.pid), reason }
}

/// # Safety
/// As above.
unsafe fn exit(message: &ExitMessage) -> Exit {
    // SAFETY: as above.
    let reason = unsafe { reason(message.reason, message.detail) };
    Exit { pid: (message.pid != 0).then(|| Pid::from_raw(message.pid)), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_by_its_type_not_by_its_layout_or_name() {
        use crate::Local;
        mod other {
            pub(super) struct Same;
        }
        struct Same;
        assert!(is_of::<Local<Same>>(Vtable::<MessageHeader, Local<Same>>::VTABLE));
        assert!(!is_of::<Local<Same>>(Vtable::<MessageHeader, Local<other::Same>>::VTABLE));
        assert!(!is_of::<u64>(Vtable::<MessageHeader, i64>::VTABLE));
        assert!(!is_of::<Vec<u8>>(Vtable::<MessageHeader, Vec<i8>>::VTABLE));
    }
}
