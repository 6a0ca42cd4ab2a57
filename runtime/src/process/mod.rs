//! Processes: their life, mailboxes, books and the table of them all.
#![expect(
    unsafe_code,
    reason = "processes are shared by hand: one atomic word says who may touch what (cell.rs, state.rs)"
)]

mod cell;
mod fate;
mod handle;
mod ledger;
mod mailbox;
mod message;
mod notice;
mod pid;
mod shared;
mod state;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub(crate) use cell::{Birth, Polled, Priority, Process};
pub(crate) use fate::Open;
pub(crate) use handle::Handle;
pub(crate) use mailbox::{Full, Pushed};
pub(crate) use message::{Encoded, Message, type_name as message_type_name};
pub(crate) use notice::{Down, Reason, encoded_reply, exit_message};
pub(crate) use pid::{NoPid, Pid};
pub(crate) use state::{Leave, Run, Wake};
