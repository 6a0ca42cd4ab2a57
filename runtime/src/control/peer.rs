//! Who is at the other end of the control socket, for the history.

use crate::release::history::By;
use std::os::unix::net::UnixStream;

/// A client's name of itself is no longer, in characters.
const CLIENT_LEN_MAX: usize = 100;
/// Where the system keeps its users' names. Who is only known to a directory service has a number alone.
const USERS: &str = "/etc/passwd";

/// As the kernel says, with the client's name of itself.
pub(super) fn by(stream: &UnixStream, client: Option<&str>) -> By {
    let peer = rustix::net::sockopt::socket_peercred(stream).ok();
    let uid = peer.map(|peer| peer.uid.as_raw());
    By {
        uid,
        user: uid.and_then(|uid| user_name(&std::fs::read_to_string(USERS).ok()?, uid)),
        os_pid: peer.and_then(|peer| u32::try_from(peer.pid.as_raw_nonzero().get()).ok()),
        client: client.map(|client| client.chars().filter(|c| !c.is_control()).take(CLIENT_LEN_MAX).collect()),
    }
}

/// `name:password:uid:…`
fn user_name(users: &str, uid: u32) -> Option<String> {
    let uid = uid.to_string();
    let found = users.lines().find(|line| line.split(':').nth(2) == Some(uid.as_str()))?;
    found.split(':').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\n# a comment\napp:x:1000:0::/srv:/bin/false\n";
        assert_eq!(user_name(users, 1000).as_deref(), Some("app"));
        assert_eq!(user_name(users, 0).as_deref(), Some("root"));
        assert_eq!(user_name(users, 1), None);
    }

    #[test]
    fn the_kernel_says_who_it_is() {
        let (ours, _theirs) = UnixStream::pair().expect("a pair of sockets");
        let by = by(&ours, Some("cargo-system\x1b 1"));
        assert_eq!(by.uid, Some(rustix::process::geteuid().as_raw()));
        assert_eq!(by.os_pid, Some(std::process::id()));
        assert_eq!(by.client.as_deref(), Some("cargo-system 1"));
    }
}
