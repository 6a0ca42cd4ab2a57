//! The shapes of this crate's own types.

use super::shape::{Shape, Shaped};
use crate::call::ReplyTo;
use crate::exit::{Down, Exit, ExitReason, MonitorRef};
use crate::mailbox::Address;
use crate::message::Message;
use crate::process::Pid;
use crate::server::{Protocol, ServerRef};

/// For serde a process is its pid, by whatever it is spoken to.
const PROCESS: &Shape = &Shape::Opaque("plugin_abi::Pid");

impl Shaped for Pid {
    const SHAPE: &'static Shape = PROCESS;
}

impl<M> Shaped for Address<M> {
    const SHAPE: &'static Shape = PROCESS;
}

impl<P: Protocol> Shaped for ServerRef<P> {
    const SHAPE: &'static Shape = PROCESS;
}

impl<R: Message> Shaped for ReplyTo<R> {
    const SHAPE: &'static Shape = &Shape::Opaque("plugin_abi::ReplyTo");
}

impl Shaped for MonitorRef {
    const SHAPE: &'static Shape = &Shape::Opaque("plugin_abi::MonitorRef");
}

impl Shaped for ExitReason {
    const SHAPE: &'static Shape = &Shape::Opaque("plugin_abi::ExitReason");
}

impl Shaped for Down {
    const SHAPE: &'static Shape = &Shape::Opaque("plugin_abi::Down");
}

impl Shaped for Exit {
    const SHAPE: &'static Shape = &Shape::Opaque("plugin_abi::Exit");
}
