//! What the remote shell is given. Pure: texts, and their quoting.
//!
//! ```text
//! ssh host  exec sh -c '<script>' sh '<argument>' …
//!           └── read by the user's login shell, whichever that is ──┘
//! ```
//!
//! A script is fixed text of POSIX sh, on one line; what differs from call to call are its arguments, or comes on standard input. Whether it did what it
//! should, its exit code says: [`CUT`] and its neighbours are none that a release's own command has.

use std::borrow::Borrow;

/// There is no such folder, or it may not be entered.
pub(super) const NO_FOLDER: u8 = 90;
/// It is no node's.
pub(super) const NO_NODE: u8 = 91;
/// It has several commands.
pub(super) const SEVERAL: u8 = 92;
/// The file is shorter than it should be: what came of it is kept.
pub(super) const CUT: u8 = 93;
/// The file has another hash: nothing of it is kept.
pub(super) const WRONG: u8 = 94;
/// Somebody else sends the same file.
pub(super) const SHARED: u8 = 95;
/// There is a release in the folder already.
pub(super) const TAKEN: u8 = 96;

/// How a line of ours begins, among those of a login shell's own files.
pub(super) const OURS: &str = "cargo-system ";

/// `$1`: folder; `$2`: the command's name, or nothing. Says what machine and folder it is, what the folder's node runs, and whom it trusts.
pub(super) const LOOK: &str = "\
    say() { printf 'cargo-system %s\\n' \"$*\"; }; \
    for t in cat chmod df dirname head ln mkdir mv rm rmdir sha256sum uname wc; do \
        command -v \"$t\" >/dev/null 2>&1 || say lacks \"$t\"; \
    done; \
    say system \"$(uname -s 2>/dev/null) $(uname -m 2>/dev/null)\"; \
    case $(getconf GNU_LIBC_VERSION 2>/dev/null) in \
        glibc*) ;; \
        *) for f in /lib/ld-musl-*; do if [ -e \"$f\" ]; then say musl; fi; done;; \
    esac; \
    if [ ! -e \"$1\" ]; then say absent; exit 0; fi; \
    cd \"$1\" || exit 90; \
    say root \"$(pwd -P)\"; \
    for f in *; do case $f in \
        bin|config.toml|hooks|incoming|keys|lib|log|releases|run|runtime|'*') ;; \
        *) say foreign \"$f\";; \
    esac; done; \
    if [ -e releases/RELEASES ]; then say record; fi; \
    n=$2; \
    for f in bin/*; do if [ -f \"$f\" ]; then say command \"${f#bin/}\"; if [ -z \"$2\" ]; then n=${f#bin/}; fi; fi; done; \
    for f in releases/RELEASES keys/* keys/revoked/*; do if [ -f \"$f\" ]; then \
        say file \"$f\"; cat < \"$f\" || exit 97; printf '\\n'; say end; \
    fi; done; \
    if [ -n \"$n\" ] && [ -x \"bin/$n\" ]; then say answer \"$(\"bin/$n\" version --json 2>/dev/null)\"; fi";

/// `$1`: folder; `$2`: where the release is put together, from there; on standard input hash, size and path of each file, a line each. Says how
/// much room there is, and of each file whether it is there, or how much of it.
pub(super) const WANT: &str = "\
    say() { printf 'cargo-system %s\\n' \"$*\"; }; \
    is() { [ -f \"$1\" ] && [ \"$(wc -c < \"$1\")\" -eq \"$s\" ] && [ \"$(sha256sum < \"$1\")\" = \"$h  -\" ]; }; \
    mkdir -p \"$1/incoming\" && cd \"$1\" || exit 97; \
    df -Pk . | { read -r x; read -r x x x f x; say free \"$f\"; }; \
    while IFS= read -r h && IFS= read -r s && IFS= read -r p; do \
        if is \"$2/$p\"; then say there; \
        elif is \"$p\"; then \
            mkdir -p \"$(dirname \"$2/$p\")\" && { ln -f \"$p\" \"$2/$p\" 2>/dev/null || cat < \"$p\" > \"$2/$p\"; } || exit 97; \
            say there; \
        elif [ -f \"incoming/$h.part\" ]; then say part $(wc -c < \"incoming/$h.part\"); \
        else rm -rf \"incoming/$h.part\"; say part 0; fi; \
    done";

/// `$1`: folder; `$2`: where the release is put together; then hash, size, so much of it is there, path and mode of a file, whose rest is on standard
/// input. What is there goes on as another file: whoever writes for a connection that died may live on, and has the one before. A file that cannot be
/// written leaves nothing: whatever else is on that disk needs the room.
pub(super) const TAKE: &str = "\
    cd \"$1\" && mkdir -p incoming || exit 97; f=incoming/$3.part; n=$f.$$; \
    [ \"$5\" -eq 0 ] || [ -e \"$f\" ] || exit 95; \
    if [ \"$5\" -eq 0 ]; then cat < /dev/null > \"$n\"; else head -c \"$5\" < \"$f\" > \"$n\"; fi && mv -f \"$n\" \"$f\" || \
        { rm -f \"$n\" \"$f\"; exit 97; }; \
    [ \"$(wc -c < \"$f\")\" -eq \"$5\" ] || exit 95; \
    cat >> \"$f\" || { rm -f \"$f\"; exit 97; }; \
    [ \"$(wc -c < \"$f\")\" -ge \"$4\" ] || exit 93; \
    [ \"$(sha256sum < \"$f\")\" = \"$3  -\" ] || { rm -f \"$f\"; exit 94; }; \
    sync \"$f\" 2>/dev/null; \
    chmod \"$7\" \"$f\" && mkdir -p \"$(dirname \"$2/$6\")\" && mv -f \"$f\" \"$2/$6\" || exit 97";

/// `$1`: folder; `$2`: where the record came in; `$3`: the command's name; then `daemon` and its options. The record makes the folder a
/// release's, by a link, which one alone can make; it goes out again when the node does not start and no other serves by it.
pub(super) const BEGIN: &str = "\
    cd \"$1\" || exit 97; i=$2; n=$3; shift 3; \
    mkdir -p releases || exit 97; \
    ln \"$i/releases/RELEASES\" releases/RELEASES || { [ -e releases/RELEASES ] && exit 96; exit 97; }; \
    \"bin/$n\" \"$@\"; e=$?; \
    case $e in 0|12) ;; *) \"bin/$n\" ping >/dev/null 2>&1 || rm -f releases/RELEASES;; esac; \
    rm -rf \"$i\"; rmdir incoming 2>/dev/null; \
    exit $e";

/// `$1`: folder; `$2`: where the release was put together, which is not needed any more. What others send is theirs.
pub(super) const CLEAN: &str = "cd \"$1\" && rm -rf \"$2\" && { rmdir incoming 2>/dev/null || :; }";

/// Of two arguments, folder `$d` and the command's name `$n`, which is found where it is not given.
macro_rules! find {
    () => {
        "d=$1; n=$2; shift 2; \
        [ -d \"$d\" ] || exit 90; \
        if [ -z \"$n\" ]; then for f in \"$d\"/bin/*; do if [ -f \"$f\" ]; then \
            [ -z \"$n\" ] || exit 92; n=${f##*/}; \
        fi; done; fi; \
        [ -n \"$n\" ] && [ -x \"$d/bin/$n\" ] || exit 91; "
    };
}

/// `$1`: folder; `$2`: the command's name, or nothing; then its words. It has standard input for itself.
pub(super) const CALL: &str = concat!(find!(), "exec \"$d/bin/$n\" \"$@\"");

/// The same, for a command that reads nothing: it ends when standard input does, which is when whoever called it is gone. `log -f` would go on without.
pub(super) const WATCHED_CALL: &str = concat!(
    find!(),
    "exec 3<&0; \
    \"$d/bin/$n\" \"$@\" 3<&- & p=$!; \
    { cat <&3 >/dev/null; kill $p; } >/dev/null 2>&1 & w=$!; \
    wait $p; e=$?; kill $w 2>/dev/null; exit $e"
);

/// The one word that ssh hands to the login shell. `variables` are set for the script.
pub(super) fn command(script: &str, variables: &[(&str, String)], arguments: &[impl Borrow<str>]) -> String {
    let set: String =
        variables.iter().map(|(name, value)| format!("{name}={}; export {name}; ", quoted(value))).collect();
    let mut command = format!("exec sh -c {} sh", quoted(&(set + script)));
    for argument in arguments {
        command.push(' ');
        command.push_str(&quoted(argument.borrow()));
    }
    command
}

/// As sh, bash, zsh, fish and csh alike read one word: quotes, backslashes (fish reads them within quotes) and exclamation marks (csh does) stand outside
/// of the quotes, each behind a backslash.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        if matches!(c, '\'' | '\\' | '!') {
            quoted.extend(['\'', '\\', c, '\'']);
        } else {
            quoted.push(c);
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::io::Write as _;
    use std::path::Path;
    use std::process::Command;

    const ALL: [&str; 7] = [LOOK, WANT, TAKE, BEGIN, CLEAN, CALL, WATCHED_CALL];

    fn run(command: &str) -> String {
        let said = Command::new("sh").args(["-c", command]).output().expect("sh");
        assert!(said.status.success(), "{command}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).expect("text")
    }

    #[test]
    fn a_word_arrives_as_it_is() {
        for word in
            ["", "a b", "é 日本", "it's", "-n", "$(id) `id` $HOME ~ *", "a\\b\\\\'\"!", "; rm -rf /", "#", "%s\\n"]
        {
            assert_eq!(run(&format!("printf %s {}", quoted(word))), word);
            assert_eq!(run(&command("printf %s \"$1\"", &[], &[word])), word);
            assert_eq!(run(&command("printf %s \"$X\"", &[("X", word.to_owned())], &[""; 0])), word);
        }
    }

    #[test]
    fn a_script_is_one_line_of_sh() {
        for script in ALL {
            assert!(!script.contains('\n'), "{script}");
            let said = Command::new("sh").args(["-n", "-c", script]).output().expect("sh");
            assert!(said.status.success(), "{script}: {}", String::from_utf8_lossy(&said.stderr));
        }
    }

    #[test]
    fn exit_codes_are_those_that_are_known() {
        let known = [NO_FOLDER, NO_NODE, SEVERAL, CUT, WRONG, SHARED, TAKEN, 97];
        for script in ALL {
            for code in script.split("exit ").skip(1) {
                let digits: String = code.chars().take_while(char::is_ascii_digit).collect();
                let is_known = digits.parse().is_ok_and(|code| known.contains(&code));
                assert!(is_known || digits == "0" || code.starts_with("$e"), "exit {code}");
            }
        }
        assert!(LOOK.contains(OURS) && WANT.contains(OURS));
    }

    /// The exit code of a script in that folder.
    fn code(script: &str, folder: &Path, arguments: &[&str], input: &str) -> Option<i32> {
        let from = tempfile::NamedTempFile::new().expect("a file");
        fs::write(from.path(), input).expect("written");
        let mut sh = Command::new("sh");
        sh.args(["-c", script, "sh"]).arg(folder).args(arguments).stdin(File::open(from.path()).expect("there"));
        sh.output().expect("sh").status.code()
    }

    fn put(folder: &Path, path: &str, text: &str) {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    #[test]
    fn who_writes_for_a_dead_connection_writes_into_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        let hash = run("printf abcdef | sha256sum").split(' ').next().expect("a hash").to_owned();
        let part = format!("incoming/{hash}.part");
        put(folder, &part, "abc");
        let mut late = File::options().append(true).open(folder.join(&part)).expect("open");
        let take = |part: &str, rest: &str| code(TAKE, folder, &["incoming/1", &hash, "6", part, "lib/x", "755"], rest);
        // It came after it was looked at how much is there.
        late.write_all(b"x").expect("written");
        assert_eq!(take("3", "de"), Some(CUT.into()));
        late.write_all(b"late").expect("written");
        assert_eq!(take("6", ""), Some(SHARED.into()), "it is shorter than it was");
        assert_eq!(take("5", "f"), Some(0));
        late.write_all(b"late").expect("written");
        assert_eq!(fs::read_to_string(folder.join("incoming/1/lib/x")).expect("there"), "abcdef");
        assert_eq!(fs::read_dir(folder.join("incoming")).expect("there").count(), 1, "and nothing else is left");
        assert_eq!(take("5", "f"), Some(SHARED.into()), "somebody has moved it to its place");
        assert_eq!(take("0", "abcdef"), Some(0));
    }

    #[test]
    fn each_client_removes_what_it_has_sent_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        put(folder, "incoming/1/lib/x", "mine");
        put(folder, "incoming/2/lib/x", "another's");
        assert_eq!(code(CLEAN, folder, &["incoming/1"], ""), Some(0));
        assert!(!folder.join("incoming/1").exists() && folder.join("incoming/2/lib/x").exists());
        assert_eq!(code(CLEAN, folder, &["incoming/2"], ""), Some(0));
        assert!(!folder.join("incoming").exists(), "nobody needs it");
    }

    /// A folder whose command does that, and a record that came in.
    fn begun(command: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let bin = quoted(&folder.path().join("bin").display().to_string());
        // Not by this process: what one of its threads forks just then would keep it open, and nobody could call it.
        let write = format!("printf '%s\\n' '#!/bin/sh' {} > app && chmod 755 app", quoted(command));
        run(&format!("mkdir {bin} && cd {bin} && {write}"));
        put(folder.path(), "incoming/1/releases/RELEASES", "mine");
        put(folder.path(), "incoming/2/lib/x", "another's");
        folder
    }

    #[test]
    fn a_release_is_begun_by_one_and_stays_if_a_node_serves_by_it() {
        let record = |folder: &Path| fs::read_to_string(folder.join("releases/RELEASES")).ok();
        let begin = |folder: &Path| code(BEGIN, folder, &["incoming/1", "app", "daemon"], "");
        for (command, ended, left) in [
            ("[ $1 = daemon ]", 0, Some("mine")),
            ("[ $1 = daemon ] && exit 12", 12, Some("mine")),
            ("exit 1", 1, None),
            // Another's has won the folder's lock meanwhile.
            ("[ $1 = ping ]", 1, Some("mine")),
        ] {
            let folder = begun(command);
            assert_eq!((begin(folder.path()), record(folder.path()).as_deref()), (Some(ended), left), "{command}");
            assert!(!folder.path().join("incoming/1").exists() && folder.path().join("incoming/2").exists());
        }
        let folder = begun("exit 0");
        put(folder.path(), "releases/RELEASES", "another's");
        assert_eq!(begin(folder.path()), Some(TAKEN.into()));
        assert_eq!(record(folder.path()).as_deref(), Some("another's"));
    }
}
