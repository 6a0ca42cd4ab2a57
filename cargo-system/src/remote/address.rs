//! `ssh://[user@]host[:port]/path`: a node's folder on another machine. Pure.
//!
//! User and host become arguments of ssh, so neither may begin as an option does, nor have anything in it that a shell reads, as a `ProxyCommand` may
//! hand them to one. The path is quoted where it goes, and may be any text of one line; `%20` is a space there, as in any URL. `/~/app` is `app` in
//! the user's home.

use super::script::quoted;
use std::fmt;
use std::str::FromStr;

/// How it begins.
const SCHEME: &str = "ssh://";

/// See the file's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// As it was given.
    text: String,
    pub(super) user: Option<String>,
    /// A name, an address, or what ssh's configuration calls it.
    pub(super) host: String,
    pub(super) port: Option<u16>,
    /// From the root, or from the user's home; it does not begin as an option does.
    pub(super) path: String,
}

impl Address {
    /// Does the text mean to be one?
    pub(crate) fn is_meant(text: &str) -> bool {
        text.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
    }

    /// As a word of a command that a person may call: quoted, where a shell would read something in it.
    pub(crate) fn word(&self) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/:@._-%+=,".contains(c);
        if self.text.chars().all(is_plain) { self.text.clone() } else { quoted(&self.text) }
    }

    /// The machine, as ssh is called by hand.
    pub(crate) fn by_hand(&self) -> String {
        let port = self.port.map(|port| format!("-p {port} ")).unwrap_or_default();
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        format!("ssh {port}{user}{}", self.host)
    }

    /// The machine, for messages.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The folder there.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).map_err(|reason| format!("{text:?} {reason}; write ssh://[user@]host[:port]/path"))
    }
}

fn parse(text: &str) -> Result<Address, String> {
    if text.chars().any(char::is_control) {
        return Err("has a control character in it".to_owned());
    }
    let rest = text.get(SCHEME.len()..).filter(|_| Address::is_meant(text)).ok_or("is no address of ssh")?;
    let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).ok_or("has no path")?;
    let (user, machine) = match authority.rsplit_once('@') {
        Some((user, machine)) => (Some(parse_user(user)?), machine),
        None => (None, authority),
    };
    let (host, port) = split_port(machine)?;
    Ok(Address { text: text.to_owned(), user, host: parse_host(host)?, port, path: parse_path(path)? })
}

fn parse_user(user: &str) -> Result<String, String> {
    if user.contains(':') {
        return Err("has a password in it, which others can read: leave it to ssh".to_owned());
    }
    let is_plain = |c: char| c.is_alphanumeric() || "._-+@".contains(c);
    if user.is_empty() || user.starts_with('-') || !user.chars().all(is_plain) {
        return Err(format!("names {user:?}, which is no user"));
    }
    Ok(user.to_owned())
}

/// An IPv6 address stands in brackets, as it has colons itself.
fn split_port(machine: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = match machine.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("has a bracket that does not end")?;
            (host, port.strip_prefix(':').or(Some(port).filter(|port| !port.is_empty())))
        }
        None => machine.split_once(':').map_or((machine, None), |(host, port)| (host, Some(port))),
    };
    let number = |port: &str| match port.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err(format!("has the port {port:?}, which is not a number from 1 to 65535")),
    };
    Ok((host, port.map(number).transpose()?))
}

fn parse_host(host: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_alphanumeric() || ".-_:%".contains(c);
    match host {
        "" => Err("names no host".to_owned()),
        _ if host.starts_with('-') || !host.chars().all(is_plain) => Err(format!("names {host:?}, which is no host")),
        _ => Ok(host.to_owned()),
    }
}

fn parse_path(path: &str) -> Result<String, String> {
    let path = decode(path)?;
    let path = path.trim_end_matches('/');
    if path.chars().any(char::is_control) {
        return Err("has a control character in its path".to_owned());
    }
    match path.strip_prefix("/~") {
        _ if path.is_empty() => Err("names no folder: the whole machine is no node".to_owned()),
        Some("") => Err("names the user's whole home: give the node a folder in it".to_owned()),
        // From `./` on, so that it begins as no option does.
        Some(rest) if rest.starts_with('/') => Ok(format!(".{rest}")),
        _ => Ok(path.to_owned()),
    }
}

/// `%20` and the like, as bytes of UTF-8.
fn decode(text: &str) -> Result<String, String> {
    let wrong = || "has a % in its path that two hexadecimal digits do not follow: write %25 for the sign itself";
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or_else(wrong)?;
        bytes.push(byte);
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).map_err(|_| "has a path that is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// User, host, port, path.
    fn parts(text: &str) -> (Option<String>, String, Option<u16>, String) {
        let Address { user, host, port, path, .. } = text.parse().expect("an address");
        (user, host, port, path)
    }

    fn expected(
        user: Option<&str>,
        host: &str,
        port: Option<u16>,
        path: &str,
    ) -> (Option<String>, String, Option<u16>, String) {
        (user.map(str::to_owned), host.to_owned(), port, path.to_owned())
    }

    #[test]
    fn an_address_has_a_host_and_a_path_and_may_have_more() {
        assert_eq!(parts("ssh://host/srv/app"), expected(None, "host", None, "/srv/app"));
        assert_eq!(parts("ssh://www@host:2222/srv/app/"), expected(Some("www"), "host", Some(2222), "/srv/app"));
        assert_eq!(parts("ssh://a@b@[fe80::1%eth0]:22/a"), expected(Some("a@b"), "fe80::1%eth0", Some(22), "/a"));
        assert_eq!(parts("SSH://[::1]/a"), expected(None, "::1", None, "/a"));
        assert_eq!(parts("ssh://host/~/app"), expected(None, "host", None, "./app"));
        assert_eq!(parts("ssh://host/~/-x"), expected(None, "host", None, "./-x"));
        assert_eq!(parts("ssh://host/~www/app"), expected(None, "host", None, "/~www/app"));
        assert_eq!(parts("ssh://host/a b/é%20%25'\"$x"), expected(None, "host", None, "/a b/é %'\"$x"));
        let text = "ssh://www@host:22/a%20b";
        let address = text.parse::<Address>().expect("an address");
        assert_eq!(
            (address.to_string(), address.word(), address.by_hand()),
            (text.into(), text.into(), "ssh -p 22 www@host".into())
        );
        assert_eq!("ssh://h/a b".parse::<Address>().expect("an address").word(), "'ssh://h/a b'");
    }

    #[test]
    fn what_ssh_or_a_shell_would_read_otherwise_is_refused() {
        for (text, said) in [
            ("ssh://-oProxyCommand=x/a", "which is no host"),
            ("ssh://[-x]/a", "which is no host"),
            ("ssh://-l@host/a", "which is no user"),
            ("ssh://a;b@host/a", "which is no user"),
            ("ssh://ho$(x)st/a", "which is no host"),
            ("ssh://a b/c", "which is no host"),
            ("ssh://@host/a", "which is no user"),
            ("ssh://me:secret@host/a", "leave it to ssh"),
            ("ssh://host:0/a", "is not a number"),
            ("ssh://host:x/a", "is not a number"),
            ("ssh://host:/a", "is not a number"),
            ("ssh://[::1]x/a", "is not a number"),
            ("ssh://[::1/a", "does not end"),
            ("ssh:///a", "names no host"),
            ("ssh://host", "names no folder"),
            ("ssh://host//", "names no folder"),
            ("ssh://host/~/", "whole home"),
            ("ssh://host/a\nb", "control character"),
            ("ssh://host/a%0Ab", "control character"),
            ("ssh://host/100%", "write %25"),
            ("ssh://host/%+1", "write %25"),
            ("ssh://host/%é", "write %25"),
            ("ssh://host/%ff", "not UTF-8"),
            ("http://host/a", "is no address of ssh"),
        ] {
            let error = text.parse::<Address>().expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
