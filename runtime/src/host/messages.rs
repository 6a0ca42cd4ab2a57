//! Doors to mailboxes.
//!
//! A process reads messages of its own image and type, replies, and the host's notices. What comes from another image is
//! translated here, on the sender's thread, so that the sender hears at once of what cannot be; or, when the process has moved since, when
//! it is taken out.

use crate::log;
use crate::process::{Encoded, Full, Message, Pid, Process, Pushed, encoded_reply, message_type_name, table};
use crate::scheduler::{self, Happened, InHost, current_process, trace};
use crate::timer;
use crate::waker::Waker;
use plugin_abi::abi::{
    self, LOG_WARN, MessageHeader, STATUS_DENIED, STATUS_FAILED, STATUS_LAST, STATUS_LIMIT, STATUS_NONE, STATUS_OK,
    Status,
};
use std::time::Duration;

/// A message that was not delivered, and why: `STATUS_*`.
struct Undelivered(Message, Status);

pub(super) unsafe extern "C" fn send(pid: abi::Pid, message: *mut MessageHeader) -> Status {
    let _host = InHost::enter();
    // SAFETY: the table's contract: a valid message, given away unless we refuse it.
    match deliver(Pid::from_raw(pid), unsafe { Message::from_raw(message) }) {
        Ok(()) => STATUS_OK,
        Err(Undelivered(message, status)) => {
            message.into_raw();
            status
        }
    }
}

fn deliver(pid: Pid, message: Message) -> Result<(), Undelivered> {
    if trace::is_on() && may_be_traced(pid) { deliver_traced(pid, message) } else { deliver_now(pid, message) }
}

/// By either side.
fn may_be_traced(to: Pid) -> bool {
    trace::may_be_of(to) || current_process().is_some_and(|from| trace::may_be_of(from.pid()))
}

/// Both sides are told first: the receiver may go on with it at once.
#[cold]
fn deliver_traced(pid: Pid, message: Message) -> Result<(), Undelivered> {
    let (name, from) = (message.type_name(), current_process().map(|process| process.pid()));
    if let Some(from) = from {
        trace::note(from, || Happened::Sent(name, pid));
    }
    trace::note(pid, || Happened::Arrived(name, from));
    let delivered = deliver_now(pid, message);
    if let Err(Undelivered(_, status)) = &delivered {
        for either in from.into_iter().chain([pid]) {
            trace::note(either, || Happened::Refused(why(*status)));
        }
    }
    delivered
}

/// A status for people.
fn why(status: Status) -> &'static str {
    match status {
        STATUS_NONE => "there is no such process",
        STATUS_LIMIT => "its mailbox is full",
        STATUS_DENIED => "it does not take them",
        _ => "it runs on another version, which does not understand it",
    }
}

fn deliver_now(pid: Pid, message: Message) -> Result<(), Undelivered> {
    let Some(message) = deliver_to_idle(pid, message) else { return Ok(()) };
    scheduler::with_receiver(pid, message, deliver_near).unwrap_or_else(|message| deliver_abroad(pid, message))
}

/// To a process that waits, with nothing in its mailbox, as most do that are sent to: it is scheduled first, which keeps it where it is
/// until it is put into a run queue. So one look at its word is all that is needed, where others take a reference, wake it, and give the
/// reference back. The message comes back when it is another case, or has become one meanwhile.
fn deliver_to_idle(pid: Pid, message: Message) -> Option<Message> {
    let Some(process) = table::slot(pid) else { return Some(message) };
    let Some(idle) = process.state.idle(pid.generation()) else { return Some(message) };
    let is_wanted = message.image() == process.image().context.id && takes(process, &message);
    if !is_wanted || !process.mailbox.awaits_first() || !process.state.schedule_idle(idle) {
        return Some(message);
    }
    let pushed = process.mailbox.push(message);
    scheduler::enqueue(process);
    match pushed {
        Ok(_) => None,
        Err(Full::Limit(message) | Full::Closed(message)) => Some(message),
    }
}

/// Whether it takes messages of its own image such as this one.
fn takes(process: &Process, message: &Message) -> bool {
    message.replies_to().is_some() || process.message_type().is_some_and(|taken| message.is_of(taken))
}

/// To a process of the message's image. `Err`: it is of another.
fn deliver_near(process: &'static Process, message: Message) -> Result<Result<(), Undelivered>, Message> {
    if message.image() != process.image().context.id {
        return Err(message);
    }
    if message.replies_to().is_some() {
        return Ok(done(process, process.mailbox.push_notice(message)));
    }
    if takes(process, &message) {
        return Ok(done(process, process.mailbox.push(message)));
    }
    // Unless it has moved just now.
    let is_near = message.image() == process.image().context.id;
    if is_near { Ok(Err(Undelivered(message, STATUS_DENIED))) } else { Err(message) }
}

fn done(process: &'static Process, pushed: Result<Pushed, Full>) -> Result<(), Undelivered> {
    match pushed {
        Ok(Pushed::First) => {
            scheduler::wake(process);
            Ok(())
        }
        Ok(Pushed::Behind) => Ok(()),
        Err(Full::Limit(message)) => Err(Undelivered(message, STATUS_LIMIT)),
        Err(Full::Closed(message)) => Err(Undelivered(message, STATUS_NONE)),
    }
}

/// To a process of another image: translated. The original goes once the translation has been taken.
fn deliver_abroad(pid: Pid, message: Message) -> Result<(), Undelivered> {
    // A reference of its own: a translation may send.
    let Some(process) = table::find(pid) else { return Err(Undelivered(message, STATUS_NONE)) };
    let pushed = match message.replies_to() {
        Some(reference) => encode(&message).map(|value| {
            let reply = encoded_reply(reference, message.type_name(), value);
            process.mailbox.push_notice(reply)
        }),
        None => push_translated(&process, &message),
    };
    match pushed {
        Ok(pushed) => done(process.process(), pushed).map_err(|Undelivered(_, status)| Undelivered(message, status)),
        Err(status) => Err(Undelivered(message, status)),
    }
}

fn push_translated(process: &Process, message: &Message) -> Result<Result<Pushed, Full>, Status> {
    let taken = process.message_type().ok_or(STATUS_DENIED)?;
    if message_type_name(taken) != message.type_name() {
        return Err(STATUS_DENIED);
    }
    // Room first: a translation that is thrown away would answer the calls that it carries.
    if !process.mailbox.reserve() {
        return Err(STATUS_LIMIT);
    }
    let translated = encode(message).and_then(|value| Message::decode(taken, &value).ok_or(STATUS_FAILED));
    match translated {
        Ok(translated) => Ok(process.mailbox.push_reserved(translated)),
        Err(status) => {
            process.mailbox.unreserve();
            take_back(message);
            Err(status)
        }
    }
}

/// A message was encoded, and nobody has taken what came of it: whatever goes on in the copy of a message goes on in this one again. (A
/// second encoding says so: `call.rs` of the SDK.)
fn take_back(message: &Message) {
    drop(encode(message));
}

/// A message that is local to its image is of another type than any of another image.
fn encode(message: &Message) -> Result<Encoded, Status> {
    if message.is_local() { Err(STATUS_DENIED) } else { message.encode().ok_or(STATUS_FAILED) }
}

pub(super) unsafe extern "C" fn send_after(pid: abi::Pid, message: *mut MessageHeader, after_ns: u64) -> u64 {
    let _host = InHost::enter();
    // SAFETY: the table's contract: a valid message, given away.
    let message = unsafe { Message::from_raw(message) };
    let pid = Pid::from_raw(pid);
    let (timer, deadline) =
        timer::start(Duration::from_nanos(after_ns), Waker::call(move || deliver_late(pid, message)));
    scheduler::timer_started(deadline);
    timer
}

/// Nobody waits for the answer: what should not happen goes to the log. A dead receiver may.
fn deliver_late(pid: Pid, message: Message) {
    if let Err(Undelivered(message, status)) = deliver(pid, message)
        && status != STATUS_NONE
    {
        let text = format!("a {} for {pid} was dropped: {}", message.type_name(), why(status));
        log::host(LOG_WARN, "send_after", &text);
    }
}

pub(super) unsafe extern "C" fn receive(pid: abi::Pid, message: *mut *mut MessageHeader) -> Status {
    let _host = InHost::enter();
    let Some(process) = current(pid) else { return STATUS_DENIED };
    // SAFETY: the current process is run by this thread, so this thread is its runner; `message` is valid for a write.
    unsafe { give(next(process, || process.mailbox.take(), || ()), message) }
}

pub(super) unsafe extern "C" fn receive_next(pid: abi::Pid, message: *mut *mut MessageHeader) -> Status {
    let _host = InHost::enter();
    let Some(process) = current(pid) else { return STATUS_DENIED };
    // SAFETY: as above.
    unsafe {
        let given = give(next(process, || process.mailbox.take(), || ()), message);
        if given == STATUS_OK && !process.mailbox.has_more() { STATUS_LAST } else { given }
    }
}

pub(super) unsafe extern "C" fn keep(pid: abi::Pid, message: *mut *mut MessageHeader) -> Status {
    let _host = InHost::enter();
    let Some(process) = current(pid) else { return STATUS_DENIED };
    // SAFETY: as above.
    unsafe { give(next(process, || process.mailbox.keep(), || process.mailbox.read(1)), message) }
}

pub(super) unsafe extern "C" fn put_back(pid: abi::Pid, message: *mut MessageHeader) -> Status {
    let _host = InHost::enter();
    let Some(process) = current(pid) else { return STATUS_DENIED };
    // SAFETY: this thread is the process's runner; a valid message, given away.
    unsafe { process.mailbox.put_back(Message::from_raw(message)) };
    STATUS_OK
}

pub(super) extern "C" fn read_kept(count: u32) {
    let _host = InHost::enter();
    if let Some(process) = current_process() {
        process.mailbox.read(count);
    }
}

fn current(pid: abi::Pid) -> Option<&'static Process> {
    current_process().filter(|process| process.pid().get() == pid)
}

/// The next message, as its process's image understands it. `lost` is called for each that it does not.
fn next(process: &'static Process, take: impl Fn() -> Option<Message>, lost: impl Fn()) -> Option<Message> {
    loop {
        let message = take()?;
        let image = message.image();
        if image == 0 || image == process.image().context.id {
            return Some(message);
        }
        if let Some(translated) = translated(process, &message) {
            return Some(translated);
        }
        let text = format!(
            "a {} was dropped: it was sent to the version before, and this one does not understand it",
            message.type_name()
        );
        log::host(LOG_WARN, "upgrade", &format!("{}: {text}", process.pid()));
        lost();
    }
}

/// A message that was sent when the process ran on another image.
fn translated(process: &'static Process, message: &Message) -> Option<Message> {
    if let Some(reference) = message.replies_to() {
        return encode(message).ok().map(|value| encoded_reply(reference, message.type_name(), value));
    }
    let taken = process.message_type().filter(|taken| message_type_name(taken) == message.type_name())?;
    let translated = encode(message).ok().and_then(|value| Message::decode(taken, &value));
    if translated.is_none() {
        take_back(message);
    }
    translated
}

/// # Safety
/// `out` is valid for a write.
unsafe fn give(taken: Option<Message>, out: *mut *mut MessageHeader) -> Status {
    let Some(taken) = taken else {
        scheduler::waits_here();
        return STATUS_NONE;
    };
    if trace::is_on()
        && let Some(process) = current_process()
    {
        trace::note(process.pid(), || Happened::Received(taken.type_name()));
    }
    // SAFETY: by the contract.
    unsafe { out.write(taken.into_raw()) };
    STATUS_OK
}
