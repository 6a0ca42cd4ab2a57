//! A message as it crosses: a header in front of a payload that only its own image can read.
//!
//! The sender's image allocates; the host links it into the receiver's mailbox by `next`, without another allocation;
//! whoever takes it out calls `vtable.drop` once. It takes out messages of its own image, and the host's.
//!
//! A message of another image is translated when it is sent: `encode` of the sender's image, then `decode` of the receiver's, by the
//! vtable of the same `type_name`. Format: MessagePack, structs as maps by field name, so that fields can be added.
//! A type without `encode` is local to its image.

use super::{ExitCode, OwnedBytes, Pid, Slice, Status};
use core::sync::atomic::AtomicPtr;

/// First field of every message.
#[repr(C)]
#[derive(Debug)]
pub struct MessageHeader {
    /// The host's, while the message is in a mailbox.
    pub next: AtomicPtr<MessageHeader>,
    /// The functions. Valid for the life of the OS process.
    pub vtable: *const MessageVtable,
    /// [`ImageContext::id`](super::ImageContext::id) of the image that allocated it; 0: the host.
    pub image: u64,
}

/// The functions of one message type. May be called from any thread.
#[repr(C)]
#[derive(Debug)]
pub struct MessageVtable {
    /// `size_of::<Self>()` on the side that made it.
    pub size: usize,
    /// `MESSAGE_*`.
    pub kind: u32,
    /// Drops payload and allocation.
    pub drop: unsafe extern "C" fn(message: *mut MessageHeader) -> Status,
    /// Writes the type's identity within its image: 16 bytes.
    pub type_id: unsafe extern "C" fn(out: *mut [u64; 2]),
    /// Text: the type's stable name. Valid for the life of the OS process.
    pub type_name: extern "C" fn() -> Slice,
    /// Encodes the payload. `None`: the type is local to its image.
    pub encode: Option<unsafe extern "C" fn(message: *const MessageHeader, out: *mut OwnedBytes) -> Status>,
    /// Makes a message of the same type of encoded bytes. `None` where `encode` is.
    pub decode: Option<unsafe extern "C" fn(bytes: Slice, out: *mut *mut MessageHeader) -> Status>,
}

/// A message of a plugin's own type.
pub const MESSAGE_USER: u32 = 0;
/// A [`DownMessage`] of the host.
pub const MESSAGE_DOWN: u32 = 1;
/// An [`ExitMessage`] of the host.
pub const MESSAGE_EXIT: u32 = 2;
/// A plugin's answer to a call: begins with a [`ReplyMessage`].
pub const MESSAGE_REPLY: u32 = 3;
/// A [`MESSAGE_REPLY`] of another image, encoded: an [`EncodedReply`] of the host.
pub const MESSAGE_ENCODED_REPLY: u32 = 4;

/// The answer to a call. Goes to any process, bounded mailbox or not: the one that called knows the type.
#[repr(C)]
#[derive(Debug)]
pub struct ReplyMessage {
    /// The header; `kind` is [`MESSAGE_REPLY`].
    pub header: MessageHeader,
    /// Names the call within the calling process.
    pub reference: u64,
}

/// An answer from another image.
#[repr(C)]
#[derive(Debug)]
pub struct EncodedReply {
    /// The header; `kind` is [`MESSAGE_ENCODED_REPLY`].
    pub header: MessageHeader,
    /// As in the [`ReplyMessage`].
    pub reference: u64,
    /// Text: the type's name at the sender. Valid until the message is dropped.
    pub type_name: Slice,
    /// The value, encoded. Valid until the message is dropped.
    pub bytes: Slice,
}

/// A linked process has ended, or another has sent an exit signal, and this one traps them. Allocated by the host.
#[repr(C)]
#[derive(Debug)]
pub struct ExitMessage {
    /// The header; `kind` is [`MESSAGE_EXIT`].
    pub header: MessageHeader,
    /// Who ended, or who sent the signal; 0: the node.
    pub pid: Pid,
    /// Why.
    pub reason: ExitCode,
    /// Text that goes with the reason. Valid until the message is dropped.
    pub detail: Slice,
}

/// A monitored process has ended. Allocated by the host.
#[repr(C)]
#[derive(Debug)]
pub struct DownMessage {
    /// The header; `kind` is [`MESSAGE_DOWN`].
    pub header: MessageHeader,
    /// What `monitor` returned.
    pub reference: u64,
    /// Who ended.
    pub pid: Pid,
    /// Why.
    pub reason: ExitCode,
    /// Text that goes with the reason. Valid until the message is dropped.
    pub detail: Slice,
}
