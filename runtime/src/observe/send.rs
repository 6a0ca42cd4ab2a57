//! A person sends a process a message: a value that its image decodes, as one that comes from another version.

use super::{NoProcess, list};
use crate::process::{Full, Message, Pushed};
use crate::scheduler::{self, Happened, trace};
use serde_json::Value;

/// Puts it into the mailbox. A process of a version that moves meanwhile has it translated.
pub(crate) fn send(pid: &str, message: &Value) -> Result<(), NoProcess> {
    let process = list::find(pid)?;
    let refused = |why: &str| NoProcess::Refused(process.pid().to_string(), why.to_owned());
    let taken = process.message_type().ok_or_else(|| refused("it takes no messages"))?;
    let bytes = rmp_serde::to_vec_named(message).map_err(|error| refused(&error.to_string()))?;
    let decoded = Message::decode_bytes(taken, &bytes).ok_or_else(|| {
        refused(&format!(
            "{message} is no {}, or those stay within their version",
            crate::process::message_type_name(taken)
        ))
    })?;
    if trace::is_on() {
        trace::note(process.pid(), || Happened::Arrived(decoded.type_name(), None));
    }
    match process.mailbox.push(decoded) {
        Ok(Pushed::First) => {
            scheduler::wake(process.process());
            Ok(())
        }
        Ok(Pushed::Behind) => Ok(()),
        Err(Full::Limit(_)) => Err(refused("its mailbox is full")),
        Err(Full::Closed(_)) => Err(NoProcess::Gone(process.pid().to_string())),
    }
}
