//! A message as it crosses: a header in front of a payload that only its own image can read.
//!
//! The sender's image allocates; the host links it into the receiver's mailbox by `next`, without another allocation;
//! whoever takes it out calls `vtable.drop` once. A receiver reads the payload in place only when `image` is its own
//! image and `type_id` is its own type's; else it asks for `encode`, or refuses.

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
    /// Encodes the payload in the self-describing format. `None`: the type is local to its image.
    pub encode: Option<unsafe extern "C" fn(message: *const MessageHeader, out: *mut OwnedBytes) -> Status>,
}

/// A message of a plugin's own type.
pub const MESSAGE_USER: u32 = 0;
/// A [`DownMessage`] of the host.
pub const MESSAGE_DOWN: u32 = 1;

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
    /// Text of a panic. Valid until the message is dropped.
    pub detail: Slice,
}
