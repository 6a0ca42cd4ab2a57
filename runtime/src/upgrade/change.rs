//! Who wants to hear that an upgrade begins and ends: the node, for its service manager. On probation it counts as ended: the new version serves.

use std::fmt;
use std::sync::OnceLock;

/// What happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change<'a> {
    /// An upgrade or a roll-back, to that release.
    Begins(&'a str),
    /// Whatever came of it. It may be told twice.
    Ends,
}

struct OnChange(Box<dyn Fn(Change<'_>) + Send + Sync>);

impl fmt::Debug for OnChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnChange")
    }
}

static ON_CHANGE: OnceLock<OnChange> = OnceLock::new();

/// Says who hears of it, once. What is called must be short.
pub(crate) fn set_on_change(act: impl Fn(Change<'_>) + Send + Sync + 'static) {
    ON_CHANGE.get_or_init(|| OnChange(Box::new(act)));
}

pub(super) fn tell(change: Change<'_>) {
    if let Some(OnChange(act)) = ON_CHANGE.get() {
        act(change);
    }
}
