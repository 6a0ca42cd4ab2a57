//! Messages of the host's own: of an end, of an exit signal, and an answer from another image.

use super::message::{Encoded, Message};
use super::pid::Pid;
use plugin_abi::abi::{
    DownMessage, EXIT_NORMAL, EncodedReply, ExitCode, ExitMessage, MESSAGE_DOWN, MESSAGE_ENCODED_REPLY, MESSAGE_EXIT,
    MessageHeader, MessageVtable, STATUS_OK, Slice, Status,
};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::AtomicPtr;

/// Why a process ends, or shall end: a code and the text that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) code: ExitCode,
    pub(crate) detail: Option<Arc<str>>,
}

impl Reason {
    /// A reason without a text.
    pub(crate) const fn of(code: ExitCode) -> Self {
        Self { code, detail: None }
    }

    fn slice(&self) -> Slice {
        self.detail.as_deref().map_or(Slice::EMPTY, Slice::text)
    }
}

/// A message of the host with what its slices point into.
#[repr(C)]
#[derive(Debug)]
struct Owned<M, K> {
    message: M,
    keeps: K,
}

// SAFETY: the slices in a message point into what is kept beside it, which is Send.
unsafe impl<M, K: Send> Send for Owned<M, K> {}

impl<M, K> Owned<M, K> {
    /// # Safety
    /// `M` begins with its header, whose vtable is `vtable::<M, K>` of the same types.
    unsafe fn into_message(self: Box<Self>) -> Message {
        // SAFETY: `repr(C)`: the box begins with the message, which begins with the header.
        unsafe { Message::from_raw(Box::into_raw(self).cast()) }
    }
}

unsafe extern "C" fn drop_owned<M, K>(message: *mut MessageHeader) -> Status {
    // SAFETY: `Owned::into_message` alone makes messages with this function, out of a box of this type.
    drop(unsafe { Box::from_raw(message.cast::<Owned<M, K>>()) });
    STATUS_OK
}

const fn vtable<M, K>(kind: u32) -> MessageVtable {
    MessageVtable {
        size: size_of::<MessageVtable>(),
        kind,
        drop: drop_owned::<M, K>,
        type_id: no_type_id,
        type_name,
        encode: None,
        decode: None,
    }
}

static DOWN: MessageVtable = vtable::<DownMessage, Reason>(MESSAGE_DOWN);
static EXIT: MessageVtable = vtable::<ExitMessage, Reason>(MESSAGE_EXIT);
static REPLY: MessageVtable = vtable::<EncodedReply, Encoded>(MESSAGE_ENCODED_REPLY);

extern "C" fn type_name() -> Slice {
    Slice::text("a notice of the node")
}

unsafe extern "C" fn no_type_id(out: *mut [u64; 2]) {
    // SAFETY: the vtable's contract: `out` is valid for a write.
    unsafe { out.write([0; 2]) };
}

fn header(vtable: &'static MessageVtable) -> MessageHeader {
    MessageHeader { next: AtomicPtr::new(ptr::null_mut()), vtable, image: 0 }
}

/// A down message that is allocated when the monitor is set, so that an exit never allocates one.
#[derive(Debug)]
pub(crate) struct Down(Box<Owned<DownMessage, Reason>>);

impl Down {
    pub(crate) fn new(reference: u64, pid: Pid) -> Self {
        let reason = Reason::of(EXIT_NORMAL);
        let message =
            DownMessage { header: header(&DOWN), reference, pid: pid.get(), reason: reason.code, detail: Slice::EMPTY };
        Self(Box::new(Owned { message, keeps: reason }))
    }

    /// The message for that end.
    pub(crate) fn into_message(mut self, reason: &Reason) -> Message {
        self.0.keeps = reason.clone();
        self.0.message.reason = reason.code;
        self.0.message.detail = self.0.keeps.slice();
        // SAFETY: a down message with the vtable for it.
        unsafe { self.0.into_message() }
    }
}

/// What a process that traps exits gets for a signal.
pub(crate) fn exit_message(from: Option<Pid>, reason: Reason) -> Message {
    let pid = from.map_or(0, Pid::get);
    let message = ExitMessage { header: header(&EXIT), pid, reason: reason.code, detail: reason.slice() };
    // SAFETY: an exit message with the vtable for it; the text is behind an `Arc`, so it stays where it is.
    unsafe { Box::new(Owned { message, keeps: reason }).into_message() }
}

/// What a process gets for an answer of another image.
pub(crate) fn encoded_reply(reference: u64, type_name: &'static str, value: Encoded) -> Message {
    let (name, bytes) = (Slice::text(type_name), value.as_slice());
    let message = EncodedReply { header: header(&REPLY), reference, type_name: name, bytes };
    // SAFETY: an encoded reply with the vtable for it; the bytes are the plugin's allocation, which stays where it is.
    unsafe { Box::new(Owned { message, keeps: value }).into_message() }
}
