//! The command line, parsed.

use super::options::parse_probation;
use super::serving::{Port, parse_listen, parse_port};
use super::*;

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_an_example() {
    let cli = Cli::command();
    let inner = cli.get_subcommands().flat_map(clap::Command::get_subcommands);
    for command in
        cli.get_subcommands().chain(inner).filter(|command| !["node", "describe"].contains(&command.get_name()))
    {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Example:"), "{}", command.get_name());
    }
}

#[test]
fn listen_takes_a_name_and_an_address() {
    let named = parse_listen("admin=[::1]:0").expect("parsed");
    assert_eq!((named.name.as_deref(), named.address.to_string().as_str()), (Some("admin"), "[::1]:0"));
    assert_eq!(parse_listen("127.0.0.1:80").expect("parsed").name, None);
    let error = parse_listen("localhost").expect_err("no address");
    assert_eq!(error, "\"localhost\" is not IP:PORT, such as 127.0.0.1:4000");
}

#[test]
fn listen_goes_before_port() {
    let listen = vec![parse_listen("127.0.0.1:2").expect("parsed")];
    let serving = Serving { listen, port: Some(Port(Some(1))), ..Serving::default() };
    let last = serving.overrides().pop().expect("two");
    assert_eq!(last.address.port(), 2, "the last override wins in the node");
}

#[test]
fn a_probation_has_a_unit_and_an_end() {
    assert_eq!(parse_probation("5m"), Ok(Duration::from_secs(300)));
    for (text, said) in [("5", "write 30s"), ("0s", "no time"), ("25h", "24h")] {
        let error = parse_probation(text).expect_err("no probation");
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn what_is_no_number_is_told_how_to_write_one() {
    let said = |words: &str| Cli::try_parse_from(words.split(' ')).expect_err("no number").to_string();
    for words in ["system upgrade --timeout soon", "system upgrade --drain-wait -5", "system stop --grace 1.5"] {
        assert!(said(words).contains("write a whole number of seconds, such as 60"), "{words}");
    }
    for words in ["system log -n many", "system ps -n many", "system history -n many", "system trace 1.2 -n many"] {
        assert!(said(words).contains("write a whole number, such as 20"), "{words}");
    }
    assert!(said("system log -n -1").contains("-1 is not in 0..=10000"));
    assert!(said("system trace 1.2 --for -1s").contains("write a time from 50ms to 10m"));
    assert!(said("system top --interval -1").contains("from 0.05 to 3600"));
    assert!(Cli::try_parse_from(["system", "log", "-n", "10000"]).is_ok());
}

#[test]
fn an_empty_port_is_none() {
    assert_eq!(parse_port(""), Ok(Port(None)));
    assert_eq!(parse_port("8080"), Ok(Port(Some(8080))));
    assert_eq!(parse_port("http"), Err("\"http\" is not a port from 0 to 65535".to_owned()));
    assert!(parse_port("65536").is_err());
}

#[test]
fn a_release_offers_start_and_no_build() {
    let help = of_release(Cli::command(), Path::new("/nonexistent")).render_help().to_string();
    let offers = |name: &str| help.lines().any(|line| line.trim_start().starts_with(&format!("{name} ")));
    assert!(offers("start") && offers("upgrade") && offers("stop"), "{help}");
    assert!(!offers("run") && !offers("release") && !offers("check"), "{help}");
    assert!(help.contains("Usage: bin/<name>"), "{help}");
    assert!(!help.contains("CARGO_SYSTEM_NODE"), "{help}");
}
