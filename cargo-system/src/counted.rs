//! Numbers of things for people: `1 process`, `2 processes`. Only words that this file knows the plural of.

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Thing {
    Process,
    Scheduler,
    Thread,
}

/// The number and the word that goes with it.
pub(crate) fn counted(count: u64, thing: Thing) -> String {
    let (one, many) = match thing {
        Thing::Process => ("process", "processes"),
        Thing::Scheduler => ("scheduler", "schedulers"),
        Thing::Thread => ("thread", "threads"),
    };
    format!("{count} {}", choose(count, one, many))
}

/// The form of a verb that goes with the number: `choose(1, "runs", "run")`.
pub(crate) fn choose<'a>(count: u64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}
