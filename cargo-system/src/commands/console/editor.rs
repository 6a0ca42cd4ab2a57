//! The console on a terminal.

use super::failed;
use super::value::{self, Look};
use crate::client::Session;
use crate::failure::Failure;
use crate::{interrupt, output};
use reedline::{
    ColumnarMenu, Completer, CompletionResult, DefaultPrompt, DefaultPromptSegment, Emacs, FileBackedHistory, KeyCode,
    KeyModifiers, MenuBuilder as _, Reedline, ReedlineEvent, ReedlineMenu, Signal, Span, Suggestion, ValidationResult,
    Validator, default_emacs_keybindings,
};
use runtime::protocol::ConsoleOutput;
use std::io::stdout;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Lines that are remembered.
const HISTORY_LEN: usize = 1_000;
const MENU: &str = "completion";

/// Reads, evaluates and shows, until the end of input.
pub(super) fn talk(mut session: Session) -> Result<(), Failure> {
    let _unguarded = interrupt::unguarded();
    output::line(&format!("{} {}; help() says what there is, Ctrl-D leaves", session.name, session.version));
    let names = Arc::new(Mutex::new(session.functions.clone()));
    let mut editor = editor(&names);
    let prompt = DefaultPrompt::new(DefaultPromptSegment::Basic(session.name.clone()), DefaultPromptSegment::Empty);
    loop {
        match editor.read_line(&prompt) {
            Ok(Signal::Success(text)) if text.trim().is_empty() => {}
            Ok(Signal::Success(text)) if matches!(text.trim(), "exit" | "quit") => return Ok(()),
            Ok(Signal::Success(text)) => {
                // Kept at once: however this ends. Where it cannot be, there is no complaint.
                let _: std::io::Result<()> = editor.sync_history();
                evaluate(&mut session, &text, &names)?;
            }
            Ok(Signal::CtrlD) => return Ok(()),
            // A line that is thrown away.
            Ok(_) => {}
            Err(error) => {
                return Err(Failure::error(format!("the terminal cannot be read: {error}"))
                    .hint("cargo system eval needs no terminal"));
            }
        }
        interrupt::forget();
    }
}

fn evaluate(session: &mut Session, text: &str, names: &Mutex<Vec<String>>) -> Result<(), Failure> {
    match session.evaluate(text, None, output::line)? {
        ConsoleOutput::Value { value, variables } => {
            let all = session.functions.iter().cloned().chain(variables).collect();
            *names.lock().unwrap_or_else(PoisonError::into_inner) = all;
            if let Some(text) = value::shown(&value, Look::of_stdout()) {
                output::line(text.trim_end());
            }
        }
        // Who has interrupted it needs no advice.
        ConsoleOutput::Failed { message, .. } if session.was_interrupted() => {
            output::note(&format!("error: {message}"))
        }
        ConsoleOutput::Failed { message, is_interrupted } => {
            output::failure(&failed(message, is_interrupted, None), false);
        }
        _ => {}
    }
    Ok(())
}

fn editor(names: &Arc<Mutex<Vec<String>>>) -> Reedline {
    let menu = ReedlineMenu::EngineCompleter(Box::new(ColumnarMenu::default().with_name(MENU)));
    let mut keys = default_emacs_keybindings();
    let complete = ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, complete);
    let mut editor = Reedline::create()
        .with_completer(Box::new(Names(Arc::clone(names))))
        .with_menu(menu)
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_validator(Box::new(Brackets))
        .with_ansi_colors(output::has_colours(&stdout()));
    let history = history_file().and_then(|file| FileBackedHistory::with_file(HISTORY_LEN, file).ok());
    if let Some(history) = history {
        editor = editor.with_history(Box::new(history));
    }
    editor
}

/// Without a place for it there is no history, and no complaint.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?;
    let folder = folder.join("cargo-system");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("console-history"))
}

/// Functions, and the session's variables.
struct Names(Arc<Mutex<Vec<String>>>);

impl Completer for Names {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (begin, fitting) = completions(line.get(..position).unwrap_or(line), &names);
        let suggest = |value: String| Suggestion { value, span: Span::new(begin, position), ..Suggestion::default() };
        CompletionResult::fresh(fitting.into_iter().map(suggest).collect::<Vec<_>>())
    }
}

/// Where the word begins at the end of the text, and what it may become.
fn completions(text: &str, names: &[String]) -> (usize, Vec<String>) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let begin =
        text.rfind(|c: char| !is_word(c)).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let word = &text[begin..];
    (begin, names.iter().filter(|name| name.starts_with(word)).cloned().collect())
}

/// A line goes on while a bracket is open.
struct Brackets;

impl Validator for Brackets {
    fn validate(&self, line: &str) -> ValidationResult {
        if is_complete(line) { ValidationResult::Complete } else { ValidationResult::Incomplete }
    }
}

/// Whether all brackets and texts are closed.
pub(super) fn is_complete(text: &str) -> bool {
    let (mut depth, mut quote, mut is_escaped) = (0_i64, None, false);
    for c in text.chars() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(_) if c == '\\' => is_escaped = true,
            Some(end) => quote = (c != end).then_some(end),
            None => match c {
                '"' | '`' | '\'' => quote = Some(c),
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            },
        }
    }
    depth <= 0 && quote.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_goes_on() {
        for text in ["1 + 2", "f(1)", "\"(\"", "'['", "\"\\\"(\"", ")", "#{a: [1]}"] {
            assert!(is_complete(text), "{text}");
        }
        for text in ["f(", "[1,", "if true {", "\"abc", "`x", "\"\\\""] {
            assert!(!is_complete(text), "{text}");
        }
    }

    #[test]
    fn words_are_completed() {
        let names = ["top", "tree", "info"].map(str::to_owned).to_vec();
        assert_eq!(completions("let p = t", &names), (8, vec!["top".to_owned(), "tree".to_owned()]));
        assert_eq!(completions("é.in", &names), (3, vec!["info".to_owned()]));
        assert_eq!(completions("x", &names).1, Vec::<String>::new());
    }
}
