//! `service`: a unit by which systemd starts, watches, reloads and stops the release's node.

use super::run::release_node;
use crate::answers::{Line, Unit};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use runtime::release::store::Store;
use std::path::Path;

pub(super) fn service(context: &Context, user: Option<&str>) -> Result<(), Failure> {
    let node = release_node(context, "service")?;
    let store = Store::new(node.layout.clone());
    let manifest = store.permanent_manifest()?;
    let manifest = manifest.ok_or_else(|| {
        Failure::error(format!("{} holds no release", node.root())).hint("cargo system release makes one")
    })?;
    let command = node.layout.command(&manifest.name);
    if !command.exists() {
        return Err(
            Failure::error(format!("{} is not there", command.display())).hint("a unit starts a release's own command")
        );
    }
    let unit = unit(&manifest.name, &command, user);
    if context.json() {
        output::json(Line::Unit(Unit { file: format!("{}.service", manifest.name), unit }));
    } else {
        output::line(unit.trim_end());
    }
    Ok(())
}

fn unit(name: &str, command: &Path, user: Option<&str>) -> String {
    let user = user.map(|user| format!("User={user}\n")).unwrap_or_default();
    let command = quoted(command);
    format!(
        "# {name}: save as /etc/systemd/system/{name}.service, then systemctl daemon-reload && systemctl enable --now {name}
[Unit]
Description={name}, a cargo-system node
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
NotifyAccess=main
ExecStart={command} start
# An upgrade while it serves, to the newest release in its folder.
ExecReload={command} upgrade --newest
{user}Restart=on-failure
RestartSec=1
# The node says twice in this time that its schedulers make progress.
WatchdogSec=30
TimeoutStopSec=30
LimitNOFILE=infinity

[Install]
WantedBy=multi-user.target
"
    )
}

/// As `systemd.service(5)` reads what is executed: with specifiers, without variables.
fn quoted(path: &Path) -> String {
    let mut quoted = String::from("\"");
    for c in path.display().to_string().chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '%' => quoted.push_str("%%"),
            '\n' => quoted.push_str("\\n"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_starts_reloads_and_watches() {
        insta::assert_snapshot!("unit", unit("shop", Path::new("/srv/shop/bin/shop"), Some("www")));
    }

    #[test]
    fn a_path_is_read_as_it_is() {
        assert_eq!(quoted(Path::new("/a b/100%/\"$x\\\n")), "\"/a b/100%%/\\\"$x\\\\\\n\"");
    }
}
