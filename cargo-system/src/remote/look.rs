//! What another machine says of itself and of a node's folder there. Pure, but for [`Connection::look`].
//!
//! Its login shell's own files may print what they like: lines of ours begin with a word of ours.

use super::script::{LOOK, NO_FOLDER, OURS};
use super::ssh::{Connection, Ended, News};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use serde_json::Value;
use std::fs;
use std::path::{Component, Path};
use std::time::Duration;

/// A look takes as long as a connection does; whoever is asked for a password may take his time.
const PATIENCE: Duration = Duration::from_secs(120);
/// Keys and the record together are smaller.
const FILES_LEN_MAX: usize = 4 << 20;

/// What is in the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// As compilers name it, such as `x86_64-unknown-linux-gnu`.
    pub(crate) target: String,
    /// The folder is there, under this path.
    pub(crate) root: Option<String>,
    /// It has a release.
    pub(crate) has_record: bool,
    /// The names of the commands in it.
    pub(crate) commands: Vec<String>,
    /// What no node's folder has.
    pub(crate) foreign: Option<String>,
    /// The keys and the record: path and text.
    pub(crate) files: Vec<(String, String)>,
    /// What its command says of what serves: `version --json`.
    pub(crate) answer: Option<Value>,
    /// Programs that are needed and not there.
    lacks: Vec<String>,
}

impl Connection {
    /// Looks; `name` is the command's, where it is known.
    pub(crate) fn look(&self, name: &str) -> Result<Look, Failure> {
        let address = &self.address;
        let (mut lines, mut len) = (Vec::new(), 0);
        let ended = self.call(LOOK, &[address.path.as_str(), name], std::io::empty(), PATIENCE, &mut |news| {
            if let News::Line(line) = news
                && len < FILES_LEN_MAX
            {
                len += line.len();
                lines.push(line);
            }
        })?;
        match ended {
            Ended::Lost(said) => Err(self.failed(&said)),
            Ended::Code(0, _) if len >= FILES_LEN_MAX => {
                let message = format!("the keys and the record at {address} are larger than this tool takes");
                Err(Failure::error(message).hint("is it a node's folder?"))
            }
            Ended::Code(0, said) => {
                let look = Look::parse(&lines);
                // No line of ours: it was no shell that answered.
                look.ok_or_else(|| self.strange(&said))?.usable(self)
            }
            Ended::Code(NO_FOLDER, said) => {
                Err(Failure::error(format!("{address} cannot be entered: {}", last_line(&said)))
                    .hint("the user there needs the right to enter that folder"))
            }
            Ended::Code(_, said) => Err(self.strange(&said)),
        }
    }

    fn strange(&self, said: &str) -> Failure {
        Failure::error(format!("{} cannot be looked at: {}", self.address, last_line(said)))
            .hint("the user there needs a shell that can call sh")
    }
}

/// The last thing that was said, as the reason of an error.
pub(super) fn last_line(said: &str) -> &str {
    said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it did not say why")
}

impl Look {
    fn parse(lines: &[String]) -> Option<Self> {
        let mut look = Self::default();
        let (mut system, mut libc) = (None, "gnu");
        let mut lines = lines.iter();
        while let Some(line) = lines.next() {
            let Some(said) = line.strip_prefix(OURS) else { continue };
            let (key, value) = said.split_once(' ').unwrap_or((said, ""));
            match key {
                "system" => system = Some(value),
                "musl" => libc = "musl",
                "lacks" => look.lacks.push(value.to_owned()),
                "root" => look.root = Some(value.to_owned()),
                "foreign" => look.foreign = Some(value.to_owned()),
                "record" => look.has_record = true,
                "command" => look.commands.push(value.to_owned()),
                "answer" => look.answer = value.lines().find_map(|line| serde_json::from_str(line).ok()),
                "file" => {
                    let end = format!("{OURS}end");
                    let text = lines.by_ref().take_while(|line| **line != end).map(|line| line.to_owned() + "\n");
                    look.files.push((value.to_owned(), text.collect()));
                }
                _ => {}
            }
        }
        look.target = target(system?, libc);
        Some(look)
    }

    fn usable(self, connection: &Connection) -> Result<Self, Failure> {
        match self.lacks.as_slice() {
            [] => Ok(self),
            lacks => Err(Failure::error(format!("{} lacks {}", connection.address.host(), lacks.join(", ")))
                .hint("install them there: coreutils has them all")),
        }
    }

    /// The version that serves there, or why none does.
    pub(crate) fn serving(&self) -> Result<&str, String> {
        let text = |key: &str| self.answer.as_ref().and_then(|answer| answer[key].as_str());
        text("version").ok_or_else(|| text("message").unwrap_or("its command does not answer").to_owned())
    }

    /// A release for another machine is refused.
    pub(crate) fn check_target(&self, connection: &Connection, target: &str) -> Result<(), Failure> {
        if self.target == target {
            return Ok(());
        }
        let host = connection.address.host();
        let message = format!("{host} is {}, and the release is for {target}", self.target);
        Err(Failure::new(ExitCode::Refused, message)
            .hint(format!("make one on a machine that is {0}, or with --target {0}", self.target))
            .step("check"))
    }

    /// Puts keys and record into a folder on this machine, so that they can be asked here.
    pub(crate) fn borrow_into(&self, root: &Path) -> std::io::Result<()> {
        for (path, text) in &self.files {
            let is_plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
            // What the script looks for is plain: anything else was not said by it.
            if is_plain {
                let path = root.join(path);
                fs::create_dir_all(path.parent().unwrap_or(root))?;
                fs::write(path, text)?;
            }
        }
        Ok(())
    }
}

/// What compilers call a system and a machine, as `uname` names them.
fn target(system: &str, libc: &str) -> String {
    match system.split_once(' ') {
        Some(("Linux", machine)) => format!("{machine}-unknown-linux-{libc}"),
        Some((system, machine)) if !system.is_empty() => format!("{machine}-unknown-{}", system.to_lowercase()),
        _ => "of an unknown kind".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str) -> Option<Look> {
        Look::parse(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_look_is_found_among_what_else_is_said() {
        let said = "\
Welcome!
cargo-system system Linux x86_64
cargo-system root /srv/a b
cargo-system record
cargo-system command app
cargo-system file releases/RELEASES
{
cargo-system is a word in here
}

cargo-system end
cargo-system file keys/A.pub
cargo-system end
cargo-system answer {\"schema\":1,\"name\":\"app\",\"version\":\"1.0.0+a\",\"runtime\":\"0.1.0\"}
";
        let look = look(said).expect("a look");
        assert_eq!(look.target, "x86_64-unknown-linux-gnu");
        assert_eq!((look.root.as_deref(), look.has_record), (Some("/srv/a b"), true));
        assert_eq!(look.commands, ["app"]);
        assert_eq!(look.files[0], ("releases/RELEASES".into(), "{\ncargo-system is a word in here\n}\n\n".into()));
        assert_eq!(look.files[1], ("keys/A.pub".into(), String::new()));
        assert_eq!(look.serving(), Ok("1.0.0+a"));
    }

    #[test]
    fn a_machine_has_a_name() {
        let of = |said: &str| look(said).expect("a look").target;
        assert_eq!(of("cargo-system system Linux aarch64"), "aarch64-unknown-linux-gnu");
        assert_eq!(of("cargo-system system Linux x86_64\ncargo-system musl"), "x86_64-unknown-linux-musl");
        assert_eq!(of("cargo-system system FreeBSD amd64"), "amd64-unknown-freebsd");
        assert_eq!(of("cargo-system system  "), "of an unknown kind");
        assert_eq!(look("This account is not available."), None);
    }

    #[test]
    fn who_does_not_serve_says_why() {
        let said = "cargo-system system Linux x86_64\ncargo-system answer {\"outcome\":\"failed\",\"message\":\"no node runs in /srv/app\"}";
        assert_eq!(look(said).expect("a look").serving(), Err("no node runs in /srv/app".to_owned()));
    }
}
