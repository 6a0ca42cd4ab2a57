//! Shells and `man` know the commands.

use std::fs;
use system_tests::cli::Cli;

#[test]
fn bash_completes_commands_and_options() {
    let script = Cli::new(["completions", "bash"]).expect("the binary under test builds").expect(0).stdout;
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("completions");
    fs::write(&file, script).expect("written");
    let complete = |words: &str, last: &str, at: u32| {
        let file = file.display();
        let asked = format!(
            "source {file}; COMP_WORDS=({words}); COMP_CWORD={at}; _cargo__system cargo-system {last:?} x; echo ${{COMPREPLY[@]}}"
        );
        Cli::of("bash".as_ref()).args(["--norc", "-c", &asked]).expect(0).stdout
    };
    assert_eq!(complete("cargo-system upg", "upg", 1), "upgrade\n");
    assert_eq!(complete("cargo-system upgrade --dry", "--dry", 2), "--dry-run\n");
    for shell in ["zsh", "fish"] {
        let script = Cli::new(["completions", shell]).expect("the binary under test builds").expect(0).stdout;
        assert!(script.contains("rollback"), "{script}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Cli::new(["completions", shell]).expect("the binary under test builds").expect(0).stdout;
        for hidden in ["release-root", "--beside", "detach"] {
            assert!(!script.contains(hidden), "{shell} offers {hidden}, which --help hides");
        }
        assert!(script.contains("dry-run") && script.contains("remote"), "{script}");
    }
    let none = Cli::new(["completions", "csh"]).expect("the binary under test builds").expect(2);
    assert!(none.stderr.contains("csh") && none.stderr.contains("bash"), "{}", none.stderr);
}

#[test]
fn each_command_that_help_names_has_a_manual_page() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("man1");
    let _ = Cli::new(["man"]).expect("the binary under test builds").args([&folder]).expect(0);
    let help = Cli::new(["help"]).expect("the binary under test builds").expect(0).stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A command's further lines are indented further.
    let commands = commands.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    let names: Vec<_> =
        commands.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    assert!(names.contains(&"upgrade") && names.len() > 20, "{help}");
    for name in names {
        let page = fs::read_to_string(folder.join(format!("cargo-system-{name}.1")))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(page.contains(".SH SYNOPSIS") && page.contains("Example:"), "{page}");
    }
}
