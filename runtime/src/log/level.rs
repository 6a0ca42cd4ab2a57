//! Which events are logged: one level for all, and others for modules, changeable while the node runs.
//!
//! What a module may say is what stands for the longest name that it or a module around it has. Bounded: [`MODULES_MAX`].

use crate::protocol::LogLevel;
use std::collections::BTreeMap;
use std::fmt;

/// So many modules have levels of their own.
const MODULES_MAX: usize = 64;
const MODULE_LEN_MAX: usize = 200;

/// See the file's head. `None` for a level: nothing is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Levels {
    others: Option<LogLevel>,
    modules: BTreeMap<String, Option<LogLevel>>,
}

impl Levels {
    pub(super) const fn new() -> Self {
        Self { others: Some(LogLevel::Info), modules: BTreeMap::new() }
    }

    /// Sets what `[MODULE=]LEVEL` says; with nothing behind `=`, the module is as others again.
    ///
    /// # Errors
    /// What is wrong with it; nothing has changed.
    pub(super) fn set(&mut self, directive: &str) -> Result<(), String> {
        let Some((module, level)) = directive.split_once('=') else {
            self.others = parse(directive)?;
            return Ok(());
        };
        let is_path = |c: char| c.is_alphanumeric() || "_:-.".contains(c);
        if module.is_empty() || module.len() > MODULE_LEN_MAX || !module.chars().all(is_path) {
            return Err(format!("{module:?} is no module, such as my_app::orders"));
        }
        if level.is_empty() {
            self.modules.remove(module);
            return Ok(());
        }
        let level = parse(level)?;
        if self.modules.len() >= MODULES_MAX && !self.modules.contains_key(module) {
            return Err(format!("{MODULES_MAX} modules have levels of their own already; {module}= takes one back"));
        }
        self.modules.insert(module.to_owned(), level);
        Ok(())
    }

    pub(super) fn allows(&self, target: &str, level: LogLevel) -> bool {
        let around = self.modules.iter().filter(|(module, _)| is_in(target, module));
        let nearest = around.max_by_key(|(module, _)| module.len());
        nearest.map_or(self.others, |(_, level)| *level).is_some_and(|most| level <= most)
    }

    /// Nothing beyond this is logged by anybody.
    pub(super) fn most(&self) -> Option<LogLevel> {
        self.modules.values().copied().chain([self.others]).max().flatten()
    }
}

fn parse(text: &str) -> Result<Option<LogLevel>, String> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| format!("{text:?} is not off, error, warn, info, debug or trace"))
}

fn is_in(target: &str, module: &str) -> bool {
    target.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

impl fmt::Display for Levels {
    /// The directives that make it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |level: Option<LogLevel>| level.map_or("off", LogLevel::name);
        f.write_str(name(self.others))?;
        self.modules.iter().try_for_each(|(module, level)| write!(f, ",{module}={}", name(*level)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(directives: &[&str]) -> Levels {
        let mut levels = Levels::new();
        directives.iter().for_each(|directive| levels.set(directive).expect("understood"));
        levels
    }

    #[test]
    fn the_nearest_module_says() {
        let levels = levels(&["warn", "app=debug", "app::quiet=off", "app::quiet::but=trace"]);
        for (target, most) in [
            ("other", Some(LogLevel::Warn)),
            ("application", Some(LogLevel::Warn)),
            ("app", Some(LogLevel::Debug)),
            ("app::orders", Some(LogLevel::Debug)),
            ("app::quiet", None),
            ("app::quiet::but::this", Some(LogLevel::Trace)),
        ] {
            for level in LogLevel::ALL {
                assert_eq!(levels.allows(target, level), most.is_some_and(|most| level <= most), "{target} {level}");
            }
        }
        assert_eq!(levels.to_string(), "warn,app=debug,app::quiet=off,app::quiet::but=trace");
    }

    #[test]
    fn a_module_is_as_others_again() {
        let mut levels = levels(&["app=trace"]);
        assert_eq!(levels.most(), Some(LogLevel::Trace));
        levels.set("app=").expect("understood");
        assert_eq!((levels.most(), levels.to_string().as_str()), (Some(LogLevel::Info), "info"));
        levels.set("off").expect("understood");
        assert_eq!(levels.most(), None);
    }

    #[test]
    fn what_is_wrong_is_said_and_changes_nothing() {
        let mut levels = levels(&["app=trace"]);
        for (directive, said) in [
            ("", "\"\" is not off"),
            ("loud", "\"loud\" is not off"),
            ("=info", "\"\" is no module"),
            ("a b=info", "\"a b\" is no module"),
            ("app=loud", "\"loud\" is not off"),
        ] {
            let error = levels.set(directive).expect_err("refused");
            assert!(error.starts_with(said), "{error}");
        }
        assert!(levels.set(&format!("{}=info", "x".repeat(201))).is_err());
        for n in 1..MODULES_MAX {
            levels.set(&format!("m{n}=warn")).expect("there is room");
        }
        assert!(levels.set("one_more=warn").expect_err("full").contains("64 modules"));
        assert!(levels.set("m1=info").is_ok(), "one that is there can change");
    }
}
