//! An owned message, of whatever image.

use plugin_abi::abi::{
    MESSAGE_REPLY, MESSAGE_USER, MessageHeader, MessageVtable, OwnedBytes, ReplyMessage, STATUS_OK, Slice,
};
use std::ptr::{self, NonNull};

/// Dropped by its own image's function.
#[derive(Debug)]
pub(crate) struct Message(NonNull<MessageHeader>);

// SAFETY: a message's functions may be called from any thread (`MessageVtable`'s contract).
unsafe impl Send for Message {}

/// Bytes that a plugin allocated and that it frees.
#[derive(Debug)]
pub(crate) struct Encoded(OwnedBytes);

// SAFETY: plain bytes; `OwnedBytes::free` may be called from any thread, as a plugin's allocator may.
unsafe impl Send for Encoded {}

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

    fn vtable(&self) -> &'static MessageVtable {
        // SAFETY: we own a valid message, whose vtable lives as long as the OS process.
        unsafe { &*self.0.as_ref().vtable }
    }

    /// The image that allocated it; 0: the host.
    pub(crate) fn image(&self) -> u64 {
        // SAFETY: we own a valid message.
        unsafe { self.0.as_ref().image }
    }

    /// `MESSAGE_*`.
    pub(crate) fn kind(&self) -> u32 {
        self.vtable().kind
    }

    /// The name of its type.
    pub(crate) fn type_name(&self) -> &'static str {
        type_name(self.vtable())
    }

    /// Whether it is of the type that `vtable`, of the same image, describes.
    pub(crate) fn is_of(&self, vtable: &'static MessageVtable) -> bool {
        let own = self.vtable();
        if ptr::eq(own, vtable) {
            return true;
        }
        if own.kind != MESSAGE_USER {
            return false;
        }
        // A compiler makes a vtable in each of its units, but the function once; and one function gives one identity.
        if ptr::fn_addr_eq(own.type_id, vtable.type_id) {
            return true;
        }
        let (mut theirs, mut ours) = ([0; 2], [0; 2]);
        // SAFETY: both functions write 16 bytes.
        unsafe {
            (vtable.type_id)(&raw mut theirs);
            (own.type_id)(&raw mut ours);
        }
        theirs == ours
    }

    /// The call that it answers. `None`: it is no reply.
    pub(crate) fn replies_to(&self) -> Option<u64> {
        // SAFETY: a message of this kind is a `ReplyMessage`, by the ABI.
        (self.kind() == MESSAGE_REPLY).then(|| unsafe { self.0.cast::<ReplyMessage>().as_ref().reference })
    }

    /// Whether its type stays within its image.
    pub(crate) fn is_local(&self) -> bool {
        self.vtable().encode.is_none()
    }

    /// Its value, encoded. `None`: its type is local to its image, or the encoding failed.
    pub(crate) fn encode(&self) -> Option<Encoded> {
        let encode = self.vtable().encode?;
        let mut bytes = Encoded(OwnedBytes::EMPTY);
        // SAFETY: we own a valid message; `bytes` is ours to write to.
        let status = unsafe { encode(self.0.as_ptr(), &raw mut bytes.0) };
        (status == STATUS_OK).then_some(bytes)
    }

    /// The message that `vtable` makes of the bytes. `None`: it does not understand them.
    pub(crate) fn decode(vtable: &'static MessageVtable, bytes: &Encoded) -> Option<Self> {
        Self::decode_bytes(vtable, bytes.as_bytes())
    }

    /// The same of the node's own bytes.
    pub(crate) fn decode_bytes(vtable: &'static MessageVtable, bytes: &[u8]) -> Option<Self> {
        let decode = vtable.decode?;
        let mut message = ptr::null_mut();
        let bytes = Slice { ptr: bytes.as_ptr(), len: bytes.len() };
        // SAFETY: the bytes are valid for the call; `message` is ours to write to.
        let status = unsafe { decode(bytes, &raw mut message) };
        // SAFETY: a decoder that says OK gives a valid message away.
        (status == STATUS_OK && !message.is_null()).then(|| unsafe { Self::from_raw(message) })
    }
}

/// The name of a message type.
pub(crate) fn type_name(vtable: &'static MessageVtable) -> &'static str {
    // SAFETY: the name lives as long as the OS process; it is text by contract, checked here.
    unsafe { str::from_utf8((vtable.type_name)().as_bytes()).unwrap_or("?") }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: we own a valid message; its vtable lives as long as the OS process, its drop is called once.
        unsafe { (self.vtable().drop)(self.0.as_ptr()) };
    }
}

impl Encoded {
    /// # Safety
    /// Valid bytes, which the caller gives away.
    pub(crate) unsafe fn from_raw(bytes: OwnedBytes) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        // SAFETY: the plugin's own bytes, valid until they are freed.
        unsafe { self.as_slice().as_bytes() }
    }

    /// The bytes as text.
    pub(crate) fn to_text(&self) -> String {
        String::from_utf8_lossy(self.as_bytes()).into_owned()
    }

    pub(crate) fn as_slice(&self) -> Slice {
        Slice { ptr: self.0.ptr, len: self.0.len }
    }
}

impl Drop for Encoded {
    fn drop(&mut self) {
        if let Some(free) = self.0.free {
            // SAFETY: the plugin's own bytes, freed once.
            unsafe { free(self.0.ptr, self.0.len, self.0.capacity) };
        }
    }
}
