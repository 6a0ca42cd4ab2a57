//! Configuration: what a release says in its own `config.toml`, and its node's owner in that of the node's folder, as a type of the application's.
//!
//! ```text
//! config.toml of the package, in the plugin's file ─┐
//! config.toml in the node's folder ─────────────────┴─ merged by the node ─► configure: read as the type ─► checked ─► taken: what `config` gives
//!                                                                                 └──────────────────────────┴─ refuses the version
//! ```
//!
//! Each version has its own: processes that have moved see the new version's. It is taken before any process of the version runs; and when the version comes
//! back, at the switch, so that what is refused before leaves no trace.

use crate::abi::ProcessFuture;
use crate::exit::Outcome;
use crate::ffi::{NoMessages, into_process};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::any::{Any, type_name};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

type Value = Arc<dyn Any + Send + Sync>;
type Read = dyn Fn(&[u8]) -> Result<Value, String> + Send + Sync;

/// This image's.
static CONFIG: RwLock<Option<Value>> = RwLock::new(None);
/// The last that is good and was not taken yet, with the number that the node gave it.
static CHECKED: Mutex<Option<(u64, Value)>> = Mutex::new(None);

/// What is different in this version's configuration, by the names of the tables and values at its top. As OTP's `config_change`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ConfigChange {
    /// In both, and not the same.
    pub changed: Vec<String>,
    /// Not in the configuration of the version before.
    pub new: Vec<String>,
    /// In that alone.
    pub removed: Vec<String>,
}

/// This version's configuration.
///
/// # Panics
/// When the application declares none of that type, or in the function that makes the [`Application`](crate::Application): then it is not read yet.
#[must_use]
pub fn config<T: Send + Sync + 'static>() -> Arc<T> {
    let value = CONFIG.read().unwrap_or_else(PoisonError::into_inner).clone();
    let value = value.expect("there is no configuration: is it declared with Application::config, and not asked for in the function that makes it?");
    value.downcast().unwrap_or_else(|_| {
        panic!("the application declares a configuration of another type than {}", type_name::<T>())
    })
}

/// The application's type, and who checks it.
pub(crate) struct Config(Box<Read>);

impl Config {
    pub(crate) fn new<T>(check: impl Fn(&T) -> Result<(), String> + Send + Sync + 'static) -> Self
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        Self(Box::new(move |bytes| {
            let value: T = read(bytes)?;
            check(&value)?;
            Ok(Arc::new(value))
        }))
    }

    /// Reads and checks it; with that number it can be taken.
    pub(crate) fn check(&self, number: u64, bytes: &[u8]) -> Result<(), String> {
        let value = (self.0)(bytes)?;
        let mut checked = CHECKED.lock().unwrap_or_else(PoisonError::into_inner);
        // Who checks for so long that nobody waits any more does not undo what came later.
        if checked.as_ref().is_none_or(|(last, _)| *last < number) {
            *checked = Some((number, value));
        }
        Ok(())
    }
}

/// What was checked under that number is what [`config`] gives from here on, if it is not already.
pub(crate) fn take(number: u64) {
    let checked = CHECKED.lock().unwrap_or_else(PoisonError::into_inner).take_if(|(checked, _)| *checked == number);
    if let Some((_, value)) = checked {
        *CONFIG.write().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("config")
    }
}

/// From JSON; or the name of what is wrong, and why.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    serde_path_to_error::deserialize(value).map_err(|error| match error.path().to_string().as_str() {
        "." => error.inner().to_string(),
        path => format!("{path}: {}", error.inner()),
    })
}

/// Who hears what has changed.
pub(crate) struct Hearer(Box<dyn Hear>);

trait Hear: Send + Sync {
    fn start(&'static self, change: ConfigChange) -> ProcessFuture;
}

impl<H, F> Hear for H
where
    H: Fn(ConfigChange) -> F + Send + Sync + 'static,
    F: Future<Output: Outcome> + Send + 'static,
{
    fn start(&'static self, change: ConfigChange) -> ProcessFuture {
        into_process::<H, NoMessages, _>(async move { self(change).await })
    }
}

impl Hearer {
    pub(crate) fn new<F>(hear: impl Fn(ConfigChange) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        Self(Box::new(hear))
    }

    /// A process that hears it. `None`: it cannot be read. Runs none of the user's code: that is the process's part.
    pub(crate) fn start(&'static self, change: &[u8]) -> Option<ProcessFuture> {
        Some(self.0.start(serde_json::from_slice(change).ok()?))
    }
}

impl fmt::Debug for Hearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("config_change")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize)]
    struct Shop {
        limit: u32,
    }

    fn bytes(value: &impl Serialize) -> Vec<u8> {
        serde_json::to_vec(value).expect("bytes")
    }

    #[test]
    fn what_is_read_and_passes_its_check_is_what_processes_see() {
        let config = Config::new(|shop: &Shop| if shop.limit > 0 { Ok(()) } else { Err("limit is 0".to_owned()) });
        let with_limit = |limit| bytes(&BTreeMap::from([("limit", limit)]));
        let limit = || super::config::<Shop>().limit;
        config.check(1, &with_limit(7)).expect("good");
        take(1);
        for (wrong, says) in [
            (with_limit(0), "limit is 0"),
            (bytes(&BTreeMap::from([("title", "x")])), "missing field `limit`"),
            (bytes(&BTreeMap::from([("limit", "many")])), "limit: invalid type: string \"many\", expected u32"),
        ] {
            let error = config.check(2, &wrong).expect_err(says);
            assert_eq!(error, says);
        }
        take(2);
        assert_eq!(limit(), 7, "the one before stays");
        config.check(4, &with_limit(8)).expect("good");
        config.check(3, &with_limit(9)).expect("good, and too late");
        assert_eq!(limit(), 7, "what is checked is not taken");
        take(3);
        assert_eq!(limit(), 7);
        take(4);
        assert_eq!(limit(), 8);
    }
}
