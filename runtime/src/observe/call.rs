//! A person calls a function that an application gives the console: as a process of the image, for as long as somebody waits for it.
#![expect(unsafe_code, reason = "a future that crossed the ABI becomes a process, or is dropped")]

use crate::image::Image;
use crate::process::{Birth, Priority, Reason, table};
use crate::scheduler::{self, Observer};
use plugin_abi::abi::EXIT_PANIC;
use std::time::{Duration, Instant};

/// No answer is longer: a plugin's own limit is no promise.
const ANSWER_LEN_MAX: usize = 1 << 20;
/// How often it is looked whether anybody still waits.
const LOOK: Duration = Duration::from_millis(20);
/// How long a call that was broken off is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the function of that index comes to with these arguments, a JSON array: JSON, or why to nothing. Killed once `goes_on` says no.
pub(crate) fn call(
    image: &'static Image,
    index: usize,
    arguments: &[u8],
    goes_on: impl FnMut() -> bool,
) -> Result<Vec<u8>, String> {
    let made = image.application().zip(u32::try_from(index).ok());
    let made = made.and_then(|(application, index)| application.start_console_call(index, arguments));
    let (future, answer) = made.ok_or("it cannot be called; the log may say why")?;
    let birth =
        Birth { image, future, parent: None, priority: Priority::Normal, mailbox_limit: 0, born: scheduler::stamp() };
    // SAFETY: a future of this image, given away; on refusal it is ours still, and dropped below.
    let Some(process) = (unsafe { scheduler::begin(&birth) }) else {
        // SAFETY: ours, and never polled.
        unsafe { ((*future.vtable).drop)(future.data) };
        drop(answer.take());
        return Err("the process limit is reached".to_owned());
    };
    let observer = Observer::of(process.pid());
    process.start();
    let end = end_of(&observer, goes_on);
    // In any case: what nobody takes is lost.
    match (end, answer.take()) {
        (_, Some(Ok(json))) if json.len() > ANSWER_LEN_MAX => {
            Err(format!("the answer takes more than {ANSWER_LEN_MAX} bytes"))
        }
        (_, Some(answered)) => answered,
        (Some(reason), None) => Err(why(&reason)),
        (None, None) => Err("it was broken off".to_owned()),
    }
}

/// How it ends by itself. `None`: it was killed, as nobody waits for it.
fn end_of(observer: &Observer, mut goes_on: impl FnMut() -> bool) -> Option<Reason> {
    while goes_on() {
        let end = observer.ended_by(Instant::now() + LOOK);
        if end.is_some() {
            return end;
        }
    }
    if let Some(late) = table::find(observer.pid()) {
        scheduler::kill(late.process());
    }
    // One that does not give way is stopped where it is, soon.
    observer.ended_by(Instant::now() + PATIENCE);
    None
}

fn why(reason: &Reason) -> String {
    let detail = reason.detail.as_deref().unwrap_or("it gave no reason");
    match reason.code {
        EXIT_PANIC => format!("it panicked: {detail}"),
        _ => format!("it ended without an answer: {detail}"),
    }
}
