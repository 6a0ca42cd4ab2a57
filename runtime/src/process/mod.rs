//! Processes: their life, mailboxes, books and the table of them all.
#![expect(
    unsafe_code,
    reason = "processes are shared by hand: one atomic word says who may touch what (cell.rs, state.rs)"
)]

mod cell;
mod fate;
mod handle;
mod mailbox;
mod message;
mod pid;
mod state;
pub(crate) mod table;

pub(crate) use cell::{Polled, Process};
pub(crate) use handle::Handle;
pub(crate) use message::{Down, Message};
pub(crate) use pid::Pid;
pub(crate) use state::{Leave, Run, Wake};
