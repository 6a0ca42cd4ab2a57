//! Evaluates what a session is sent, one after the other; what it has learned stays.

use super::limits::{self, Leash, TIME_MAX, TOO_LARGE};
use super::{Tools, exported, functions};
use crate::protocol::ConsoleOutput;
use rhai::{AST, Dynamic, Engine, EvalAltResult, Scope};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// A value that takes more room than this as JSON is not shown.
const VALUE_LEN_MAX: usize = 4 << 20;

const MEMORY: &str = "it took more memory than a session may";

/// See the file's head.
#[derive(Debug)]
pub(super) struct Evaluator {
    engine: Engine,
    scope: Scope<'static>,
    /// The functions that were defined.
    defined: AST,
    leash: Leash,
    tools: Tools,
    /// Functions of applications that the engine knows.
    exported: HashSet<String>,
}

impl Evaluator {
    /// `say` is called with what evaluations print.
    pub(super) fn new(tools: &Tools, interrupted: Arc<AtomicBool>, say: impl Fn(&str) + Clone + 'static) -> Self {
        let leash = Leash::new(interrupted);
        let mut engine = limits::engine(&leash);
        functions::register(&mut engine, tools, &leash);
        let (print, held) = (say.clone(), leash.clone());
        engine.on_print(move |text| held.aside(|| print(text)));
        let held = leash.clone();
        engine.on_debug(move |text, _, _| held.aside(|| say(text)));
        let (tools, exported) = (tools.clone(), HashSet::new());
        Self { engine, scope: Scope::new(), defined: AST::empty(), leash, tools, exported }
    }

    pub(super) fn evaluate(&mut self, text: &str, time: Option<Duration>) -> ConsoleOutput {
        self.leash.begin(time.unwrap_or(TIME_MAX));
        exported::register(&mut self.engine, &self.tools, &self.leash, &mut self.exported);
        let value = self.run(text);
        self.leash.rest();
        if self.leash.is_too_large() {
            drop(value);
            return self.forget();
        }
        match value {
            Err(error) if is_of_memory(&error) => failed(format!("{MEMORY}, and was broken off")),
            Ok(value) => match shown(&value) {
                Ok(value) => ConsoleOutput::Value { value, variables: self.variables() },
                Err(message) => failed(message),
            },
            Err(error) => self.broken_off(&error),
        }
    }

    fn run(&mut self, text: &str) -> Result<Dynamic, Box<EvalAltResult>> {
        let new = self.engine.compile_with_scope(&self.scope, text)?;
        let all = self.defined.merge(&new);
        self.defined = all.clone_functions_only();
        self.engine.eval_ast_with_scope(&mut self.scope, &all)
    }

    /// Where there is no room left, no other evaluation would find any: so nothing is kept.
    fn forget(&mut self) -> ConsoleOutput {
        (self.scope, self.defined) = (Scope::new(), AST::empty());
        failed(format!("{MEMORY}, and was broken off; the session's variables and functions are gone with it"))
    }

    fn broken_off(&self, error: &EvalAltResult) -> ConsoleOutput {
        let is_interrupted = matches!(error, EvalAltResult::ErrorTerminated(..)) || !self.leash.holds();
        let message = match (is_interrupted, self.leash.is_interrupted()) {
            (true, true) => "interrupted".to_owned(),
            (true, false) => "it took too long, and was broken off".to_owned(),
            // What our own functions say is a sentence by itself.
            _ => {
                let text = error.to_string();
                text.strip_prefix("Runtime error: ").map(str::to_owned).unwrap_or(text)
            }
        };
        ConsoleOutput::Failed { message, is_interrupted }
    }

    fn variables(&self) -> Vec<String> {
        let mut names: Vec<_> = self.scope.iter_raw().map(|(name, ..)| name.to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

fn failed(message: String) -> ConsoleOutput {
    ConsoleOutput::Failed { message, is_interrupted: false }
}

/// However deep in functions it happened.
fn is_of_memory(error: &EvalAltResult) -> bool {
    match error {
        EvalAltResult::ErrorTerminated(token, _) => token.clone().into_string().is_ok_and(|token| token == TOO_LARGE),
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => is_of_memory(inner),
        _ => false,
    }
}

/// As JSON; what has no such form, by its type's name.
fn shown(value: &Dynamic) -> Result<Value, String> {
    let json = rhai::serde::from_dynamic::<Value>(value).unwrap_or_else(|_| Value::String(value.to_string()));
    let len = serde_json::to_vec(&json).map_or(usize::MAX, |text| text.len());
    if len > VALUE_LEN_MAX {
        return Err(format!("the value is too large to be shown: {len} bytes, and {VALUE_LEN_MAX} are the most"));
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Trees;
    use serde_json::json;
    use std::sync::atomic::Ordering;
    use std::time::Instant;

    fn evaluator(interrupted: &Arc<AtomicBool>) -> Evaluator {
        let tools = Tools {
            status: Arc::new(|| unreachable!("not asked for")),
            trees: Arc::new(|| Trees { versions: Vec::new() }),
            images: Arc::new(Vec::new),
        };
        Evaluator::new(&tools, Arc::clone(interrupted), |_| ())
    }

    fn value(evaluator: &mut Evaluator, text: &str) -> Value {
        match evaluator.evaluate(text, None) {
            ConsoleOutput::Value { value, .. } => value,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn failure(evaluator: &mut Evaluator, text: &str, time: Option<Duration>) -> String {
        match evaluator.evaluate(text, time) {
            ConsoleOutput::Failed { message, .. } => message,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn variables_and_functions_last() {
        let mut evaluator = evaluator(&Arc::default());
        assert_eq!(value(&mut evaluator, "1 + 2"), json!(3));
        assert_eq!(value(&mut evaluator, "let x = [1, 2, 3]; fn twice(n) { n * 2 }"), json!(null));
        assert_eq!(value(&mut evaluator, "x.map(|n| twice(n))"), json!([2, 4, 6]));
        let ConsoleOutput::Value { variables, .. } = evaluator.evaluate("x.len()", None) else { panic!("a value") };
        assert_eq!(variables, ["x"]);
        assert!(failure(&mut evaluator, "1 +", None).contains("line 1"));
        assert!(failure(&mut evaluator, "nobody", None).contains("nobody"));
        assert_eq!(value(&mut evaluator, "x[2]"), json!(3), "a failure forgets nothing");
    }

    #[test]
    fn what_never_ends_is_broken_off() {
        let mut evaluator = evaluator(&Arc::default());
        let short = Some(Duration::from_millis(50));
        for text in ["loop {}", "fn f() { f() } f()", "let m = #{}; let n = 0; loop { m[n.to_string()] = n; n += 1 }"] {
            let begun = Instant::now();
            failure(&mut evaluator, text, short);
            assert!(begun.elapsed() < Duration::from_secs(20), "{text}");
        }
        assert_eq!(value(&mut evaluator, "2"), json!(2));
    }

    #[test]
    fn what_grows_without_end_is_broken_off() {
        let mut evaluator = evaluator(&Arc::default());
        for text in [
            "let a = []; loop { a.push(a) }",
            "let s = \"x\"; loop { s += s }",
            "let a = []; a.pad(1000000000, 0)",
            "let b = blob(1000000000)",
            "let a = [[[1]]]; loop { a = [a, a, a, a] }",
        ] {
            let message = failure(&mut evaluator, text, None);
            assert!(!message.contains("too long"), "{text}: {message}");
        }
        let many: String = (0..100).map(|n| format!("let v{n} = {n};")).collect();
        failure(&mut evaluator, &many, None);
    }

    #[test]
    fn what_holds_more_than_a_session_may_is_broken_off() {
        let mut evaluator = evaluator(&Arc::default());
        let long_names =
            "let s = \"x\"; while s.len() < 500000 { s += s } let m = #{}; for n in 0..40000 { m[s + n] = n }";
        let levels = "fn f(s, n) { let b = []; for i in 0..480 { b.push(s + i) } if n > 0 { f(s, n - 1) } b.len() } let s = \"x\"; while s.len() < 2000 { s += s } f(s, 45)";
        for text in [long_names, levels] {
            let message = failure(&mut evaluator, text, None);
            assert!(message.contains("more memory than"), "{message}");
            assert!(!evaluator.leash.is_too_large(), "it is given back");
        }
        assert_eq!(value(&mut evaluator, "1 + 1"), json!(2), "there is room for others");
    }

    #[test]
    fn nothing_outside_is_reached() {
        let mut evaluator = evaluator(&Arc::default());
        failure(&mut evaluator, "import \"/etc/passwd\" as p;", None);
        failure(&mut evaluator, "eval(\"1\")", None);
    }

    #[test]
    fn it_can_be_interrupted() {
        let interrupted = Arc::<AtomicBool>::default();
        let mut evaluator = evaluator(&interrupted);
        let later = std::thread::spawn({
            let interrupted = Arc::clone(&interrupted);
            move || {
                std::thread::sleep(Duration::from_millis(20));
                interrupted.store(true, Ordering::Relaxed);
            }
        });
        assert_eq!(failure(&mut evaluator, "loop {}", None), "interrupted");
        later.join().expect("it ends");
    }
}
