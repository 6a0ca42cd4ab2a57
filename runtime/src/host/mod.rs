//! The host's function table: the doors through which plugins call the runtime.
//!
//! Each door turns what crossed into the runtime's own types and calls a safe function behind it. None unwinds: a panic here would be a
//! defect of ours and ends the node, as `extern "C"` functions do.
#![expect(unsafe_code, reason = "takes what crossed the ABI at its word, as the ABI's contract allows")]

mod adopt;
mod io;
mod messages;
mod moving;
mod names;
mod node;
mod processes;
mod schedulers;
mod start;

pub(crate) use adopt::{Adoption, set_adopter};
pub(crate) use node::{set_inside, set_node};
pub(crate) use start::set_on_start_failed;

use crate::log;
use crate::observe;
use crate::scheduler::{self, InHost, PROCESS_WAKER};
use plugin_abi::abi::{ABI_MAJOR, ABI_MINOR, HostTable, LogEvent, Slice};

/// The one table of this node.
pub(crate) static HOST_TABLE: HostTable = HostTable {
    size: size_of::<HostTable>(),
    abi_major: ABI_MAJOR,
    abi_minor: ABI_MINOR,
    process_waker: &raw const PROCESS_WAKER,
    log: write_log,
    spawn: processes::spawn,
    self_pid: processes::self_pid,
    kill: processes::kill,
    monitor: processes::monitor,
    demonitor: processes::demonitor,
    link: processes::link,
    unlink: processes::unlink,
    exit: processes::exit,
    trap_exits: processes::trap_exits,
    set_exit: processes::set_exit,
    set_priority: processes::set_priority,
    send: messages::send,
    receive: messages::receive,
    timer_start: io::timer_start,
    timer_cancel: io::timer_cancel,
    send_after: messages::send_after,
    io_register: io::register,
    io_deregister: io::deregister,
    io_ready: io::ready,
    io_clear: io::clear,
    hand_over: adopt::hand_over,
    register: names::register,
    unregister: names::unregister,
    whereis: names::whereis,
    group_join: names::group_join,
    group_leave: names::group_leave,
    group_members: names::group_members,
    schedulers: schedulers::count,
    schedulers_online: schedulers::online,
    set_schedulers_online: schedulers::set_online,
    stack_limit: processes::stack_limit,
    process_info: processes::process_info,
    keep: messages::keep,
    read_kept: messages::read_kept,
    put_back: messages::put_back,
    state_wanted: moving::state_wanted,
    give_state: moving::give_state,
    start_failed: start::start_failed,
    log_enabled,
    node_info: node::node_info,
    inside: node::inside,
    receive_next: messages::receive_next,
};

/// The target of what panic hooks say.
const PANIC: &str = "panic";

/// Of the calling thread, with names later.
fn copy_stack() -> Option<log::StackOf> {
    let snapshot = scheduler::own_stack()?;
    Some(Box::new(move || observe::of_panic(&snapshot)))
}

/// # Safety
/// `slice` is text or any bytes, valid for `'a`.
unsafe fn text<'a>(slice: Slice) -> std::borrow::Cow<'a, str> {
    // SAFETY: by the contract.
    String::from_utf8_lossy(unsafe { slice.as_bytes() })
}

unsafe extern "C" fn log_enabled(level: u32, target: Slice) -> u32 {
    let _host = InHost::enter();
    // SAFETY: the table's contract: text that is valid for the call.
    u32::from(log::is_logged(&unsafe { text(target) }, log::level_of(level)))
}

unsafe extern "C" fn write_log(event: *const LogEvent) {
    let _host = InHost::enter();
    // SAFETY: the table's contract: a valid event, whose texts are valid for the call.
    unsafe {
        let event = &*event;
        let (target, message, fields) = (text(event.target), text(event.message), text(event.fields));
        let said = log::Said::new(event.level, &target, &message, &fields, &text(event.file), event.line);
        let said = processes::says(event.image, said);
        log::emit(if target == PANIC { said.crash(copy_stack) } else { said });
    }
}
