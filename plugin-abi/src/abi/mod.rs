//! The C ABI, version 1: everything that crosses between the runtime and a plugin.
//!
//! Only `#[repr(C)]` data and `extern "C"` functions stand here: no Rust type's layout, no vtable of Rust's and
//! no unwinding crosses, so the two sides may come from different compilers, versions and flags.
//!
//! Life of a plugin, as the runtime sees it:
//!
//! ```text
//! file ─ read declaration ─► checked ─ dlopen, entry() ─► loaded ─ init() ─► image ─► current ─► draining ─► drained
//!        (no code runs)       │ refused: nothing happened           │ refused: nothing visible happened
//! ```
//!
//! Invariants:
//! - Tables ([`HostTable`], [`ProcessVtable`], …) begin with their size and are append-only within a major version.
//! - Who allocates frees: what crosses carries the function that frees it.
//! - Every function of a plugin catches panics before it returns. No function of the host unwinds.
//! - A host function may be called from any thread; those that speak of "the current process" only from inside a
//!   poll or drop of a process.
//!
//! `tests/layout.rs` pins every size and offset: a change of this ABI is deliberate or does not build.

mod application;
mod declaration;
mod host;
mod message;
mod node;
mod process;
mod waker;

pub use application::*;
pub use declaration::*;
pub use host::*;
pub use message::*;
pub use node::*;
pub use process::*;
pub use waker::*;

use core::ffi::c_void;

/// A plugin and a host understand each other only within one major version.
pub const ABI_MAJOR: u32 = 1;
/// A plugin of minor version *n* runs on every host of minor version ≥ *n*.
pub const ABI_MINOR: u32 = 1;

/// A borrowed run of bytes; UTF-8 where the field says text. Valid for the call it is passed to, unless said otherwise.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// First byte; may dangle when `len` is 0.
    pub ptr: *const u8,
    /// Number of bytes.
    pub len: usize,
}

// SAFETY: a pointer and a length; to read through them is unsafe and has its own contract.
#[expect(unsafe_code, reason = "a slice without its lifetime crosses threads as one with it does")]
unsafe impl Sync for Slice {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "a slice without its lifetime crosses threads as one with it does")]
unsafe impl Send for Slice {}

impl Slice {
    /// No bytes.
    pub const EMPTY: Self = Self::new(&[]);

    /// The same bytes, without their lifetime.
    #[must_use]
    pub const fn new(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len() }
    }

    /// The same text, without its lifetime.
    #[must_use]
    pub const fn text(text: &str) -> Self {
        Self::new(text.as_bytes())
    }

    /// The bytes.
    ///
    /// # Safety
    /// `ptr` is valid for reads of `len` bytes for all of `'a`, as the function that passed the slice promises.
    #[must_use]
    #[expect(unsafe_code, reason = "the one place where a foreign slice becomes a Rust slice")]
    pub const unsafe fn as_bytes<'a>(self) -> &'a [u8] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: by this function's contract.
        unsafe { core::slice::from_raw_parts(self.ptr, self.len) }
    }
}

/// Bytes that the other side allocated and that it frees.
#[repr(C)]
#[derive(Debug)]
pub struct OwnedBytes {
    /// First byte.
    pub ptr: *mut u8,
    /// Number of bytes in use.
    pub len: usize,
    /// For `free` alone.
    pub capacity: usize,
    /// Frees the bytes; called once at the most. `None`: nothing to free.
    pub free: Option<unsafe extern "C" fn(ptr: *mut u8, len: usize, capacity: usize)>,
}

impl OwnedBytes {
    /// No bytes, nothing to free.
    pub const EMPTY: Self = Self { ptr: core::ptr::null_mut(), len: 0, capacity: 0, free: None };

    /// The bytes, with none left in their place.
    #[must_use]
    pub const fn take(&mut self) -> Self {
        core::mem::replace(self, Self::EMPTY)
    }
}

/// The answer of a function that can fail. Values: `STATUS_*`.
pub type Status = u32;
/// Done.
pub const STATUS_OK: Status = 0;
/// The called code panicked; the panic was caught and its text reported.
pub const STATUS_PANICKED: Status = 1;
/// There is nothing there: no such process, an empty mailbox, no root process.
pub const STATUS_NONE: Status = 2;
/// A limit of the node is reached: processes, mailbox.
pub const STATUS_LIMIT: Status = 3;
/// Not allowed from here, such as another process's mailbox.
pub const STATUS_DENIED: Status = 4;
/// The operation failed; the message says how.
pub const STATUS_FAILED: Status = 5;
/// It is there already.
pub const STATUS_EXISTS: Status = 6;
/// Done, and there was no other: the mailbox is empty now.
pub const STATUS_LAST: Status = 7;

/// A process's identity: never 0, never given twice in a node's life.
pub type Pid = u64;

/// An opaque pointer of the side that gave it.
pub type Opaque = *mut c_void;
