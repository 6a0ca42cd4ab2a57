//! The application's functions for the console: where the host comes in. Each catches panics.

use super::entry::{application, guarded, owned, write_text};
use crate::abi::{ConsoleCall, Opaque, OwnedBytes, STATUS_FAILED, STATUS_NONE, STATUS_OK, Slice, Status};
use crate::console::{Answer, Place};
use std::sync::{Arc, OnceLock};

pub(super) unsafe extern "C" fn count(data: Opaque) -> u32 {
    // SAFETY: the vtable's contract.
    u32::try_from(unsafe { application(data) }.console.len()).unwrap_or(u32::MAX)
}

pub(super) unsafe extern "C" fn name(data: Opaque, index: u32, out: *mut Slice) -> Status {
    // SAFETY: the vtable's contract.
    let Some(function) = unsafe { application(data) }.console.get(index as usize) else { return STATUS_NONE };
    // SAFETY: valid for a write; the application lives for ever, and so does the name.
    unsafe { out.write(Slice::text(&function.name)) };
    STATUS_OK
}

pub(super) unsafe extern "C" fn start(data: Opaque, index: u32, arguments: Slice, out: *mut ConsoleCall) -> Status {
    guarded(|| {
        // SAFETY: the vtable's contract; the bytes are valid for the call.
        let (application, arguments) = unsafe { (application(data), arguments.as_bytes()) };
        let Some(function) = application.console.get(index as usize) else { return STATUS_NONE };
        let place = Place::default();
        let process = function.start(arguments, Arc::clone(&place));
        let answer = Arc::into_raw(place).cast_mut().cast();
        // SAFETY: valid for a write.
        unsafe { out.write(ConsoleCall { process, answer }) };
        STATUS_OK
    })
}

pub(super) unsafe extern "C" fn take_answer(_: Opaque, answer: Opaque, out: *mut OwnedBytes) -> Status {
    guarded(|| {
        // SAFETY: what `start` has given; given back once.
        let place = unsafe { Arc::from_raw(answer.cast_const().cast::<OnceLock<Answer>>()) };
        // A process that was stopped where it was has its part of it for ever.
        match place.get().cloned() {
            None => STATUS_NONE,
            Some(Ok(json)) => {
                // SAFETY: valid for a write.
                unsafe { out.write(owned(json)) };
                STATUS_OK
            }
            // SAFETY: as above.
            Some(Err(why)) => unsafe { write_text((STATUS_FAILED, why), out) },
        }
    })
}
