//! The ABI's layout, pinned: a change here breaks every plugin that is out there, so it is made on purpose or not at all.
//!
//! Within a major version, tables may grow at their end (a new line at the end of a type, and its new size) together with a
//! new minor version; anything else is a new major version. `UPDATE_LAYOUT=1 cargo test -p plugin-abi` writes the file anew.

use plugin_abi::abi::*;
use std::fmt::Write as _;
use std::mem::offset_of;

macro_rules! layout {
    ($text:ident, $type:ident { $($field:ident),* $(,)? }) => {
        let _ = writeln!($text, "{} size {} align {}", stringify!($type), size_of::<$type>(), align_of::<$type>());
        $( let _ = writeln!($text, "  {} {}", offset_of!($type, $field), stringify!($field)); )*
    };
}

macro_rules! constants {
    ($text:ident, $($name:ident),* $(,)?) => {
        $( let _ = writeln!($text, "{} = {:?}", stringify!($name), $name); )*
    };
}

fn layout() -> String {
    let mut text = String::new();
    write_constants(&mut text);
    write_types(&mut text);
    write_host_table(&mut text);
    text
}

fn write_constants(text: &mut String) {
    constants!(text, ABI_MAJOR, ABI_MINOR, SECTION, ENTRY_SYMBOL, RECORD_MAGIC, RECORD_HEADER_LEN, RECORD_PLUGIN);
    constants!(
        text,
        STATUS_OK,
        STATUS_PANICKED,
        STATUS_NONE,
        STATUS_LIMIT,
        STATUS_DENIED,
        STATUS_FAILED,
        STATUS_EXISTS,
        STATUS_LAST
    );
    constants!(text, POLL_PENDING, POLL_READY, POLL_EXITED, POLL_KILLED);
    constants!(text, EXIT_NORMAL, EXIT_PANIC, EXIT_KILLED, EXIT_NOPROC, EXIT_SHUTDOWN, EXIT_ERROR);
    constants!(text, MESSAGE_USER, MESSAGE_DOWN, MESSAGE_EXIT, MESSAGE_REPLY, MESSAGE_ENCODED_REPLY);
    constants!(text, SPAWN_LINK, SPAWN_MONITOR, KILLED, HAS_CHECKPOINTS, PRIORITY_HIGH, PRIORITY_NORMAL, PRIORITY_LOW);
    constants!(text, IMAGE_CURRENT, IMAGE_DRAINING, IMAGE_STOPPING, IO_READ, IO_WRITE);
    constants!(text, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE);
}

fn write_types(text: &mut String) {
    layout!(text, Slice { ptr, len });
    layout!(text, OwnedBytes { ptr, len, capacity, free });
    layout!(text, AbiWaker { data, vtable });
    layout!(text, WakerVtable { size, clone, wake, wake_by_ref, drop });
    layout!(text, ProcessFuture { data, vtable });
    layout!(text, ProcessVtable { size, poll, drop, type_name, message, len });
    layout!(text, ProcessShared { memory, flags, busy });
    layout!(
        text,
        ProcessInfo {
            size,
            pid,
            parent,
            image,
            type_name,
            polls,
            cpu_ns,
            received,
            mailbox,
            priority,
            memory,
            running
        }
    );
    layout!(text, SpawnOptions { size, flags, priority, mailbox_limit });
    layout!(text, Spawned { pid, reference });
    layout!(text, MessageHeader { next, vtable, image });
    layout!(text, MessageVtable { size, kind, drop, type_id, type_name, encode, decode });
    layout!(text, DownMessage { header, reference, pid, reason, detail });
    layout!(text, ExitMessage { header, pid, reason, detail });
    layout!(text, ReplyMessage { header, reference });
    layout!(text, EncodedReply { header, reference, type_name, bytes });
    layout!(text, Entry { size, declaration, init });
    layout!(text, ImageContext { size, id, version, state, log_level });
    layout!(text, ApplicationHandle { data, vtable });
    layout!(
        text,
        ApplicationVtable {
            size,
            listener_count,
            listener,
            accept,
            start,
            health_check_count,
            health_check,
            start_health_check,
            log_changed,
            configure,
            take_config,
            config_change,
            console_function_count,
            console_function,
            start_console_call,
            take_console_answer
        }
    );
    layout!(text, ConsoleCall { process, answer });
    layout!(text, HealthCheckDeclaration { name, deadline_ms });
    layout!(text, ListenerDeclaration { name, address });
    layout!(text, Connection { fd, peer, unread });
    layout!(text, NodeInfo { size, name, uptime_ns, memory, cpu_ns, processes, schedulers, schedulers_online });
    layout!(text, LogEvent { size, image, level, line, file, target, message, fields });
}

fn write_host_table(text: &mut String) {
    layout!(
        text,
        HostTable {
            size,
            abi_major,
            abi_minor,
            process_waker,
            log,
            spawn,
            self_pid,
            kill,
            monitor,
            demonitor,
            link,
            unlink,
            exit,
            trap_exits,
            set_exit,
            set_priority,
            send,
            receive,
            timer_start,
            timer_cancel,
            send_after,
            io_register,
            io_deregister,
            io_ready,
            io_clear,
            hand_over,
            register,
            unregister,
            whereis,
            group_join,
            group_leave,
            group_members,
            schedulers,
            schedulers_online,
            set_schedulers_online,
            stack_limit,
            process_info,
            keep,
            read_kept,
            put_back,
            state_wanted,
            give_state,
            start_failed,
            log_enabled,
            node_info,
            inside,
            receive_next,
        }
    );
}

#[test]
fn the_layout_is_the_one_that_was_released() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/abi-v1.layout");
    if std::env::var_os("UPDATE_LAYOUT").is_some() {
        std::fs::write(path, layout()).expect("the layout file is writable");
    }
    let released = std::fs::read_to_string(path).expect("the layout file is there");
    assert_eq!(layout(), released, "the ABI changed; if that is meant, see the head of this file");
}
