//! All listeners of the node, and how they change with a version.
//!
//! ```text
//! declared by the new version ─ resolve (overrides) ─► kept: same name and address, same socket
//!                                                      new: bound in `prepare`, accepted from in `open`
//! not declared any more: closed in `keep_only`, when there is no way back
//! ```
//!
//! `prepare` can fail and then has changed nothing; the others cannot fail in a way that loses a kept socket.

use super::listener::{Bound, Listener};
use crate::image::Declared;
use crate::log;
use plugin_abi::abi::{LOG_ERROR, LOG_INFO};
use std::net::SocketAddr;

/// Binds a listener elsewhere than declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenOverride {
    /// The declared name; `None`: the first listener.
    pub name: Option<String>,
    /// Where to bind.
    pub address: SocketAddr,
}

/// Why a listener cannot be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    #[error("listener {name} declares the address {address:?}, which is not IP:PORT")]
    Address { name: String, address: String },
    #[error("cannot listen on {address} for listener {name}: {source}")]
    Bind { name: String, address: SocketAddr, source: std::io::Error },
    #[error("no listener is named {name}; the application declares {declared}")]
    Unknown { name: String, declared: String },
    #[error("two listeners are named {name}")]
    Twice { name: String },
}

/// The node's listeners.
#[derive(Debug)]
pub(crate) struct Listeners {
    overrides: Vec<ListenOverride>,
    open: Vec<Listener>,
}

/// What a new version asks for, with its new sockets bound.
#[derive(Debug)]
pub(crate) struct Prepared {
    wanted: Vec<(String, SocketAddr)>,
    bound: Vec<Bound>,
}

impl Listeners {
    pub(crate) fn new(overrides: Vec<ListenOverride>) -> Self {
        Self { overrides, open: Vec::new() }
    }

    /// Name and address as bound.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.open.iter().map(|listener| (listener.name.as_str(), listener.address))
    }

    /// What is open, and where the node was told to listen: what [`changes`] starts from.
    pub(crate) fn places(&self) -> Places {
        let open = self.open.iter().map(|listener| (listener.name.clone(), listener.asked, listener.address));
        Places { overrides: self.overrides.clone(), open: open.collect() }
    }

    /// Refuses overrides that name no listener: at boot, where a typing error shows.
    pub(crate) fn check_overrides(&self, declared: &[Declared]) -> Result<(), ListenError> {
        let is_known = |name: &str| declared.iter().any(|listener| listener.name == name);
        let wrong = self.overrides.iter().find_map(|wanted| match &wanted.name {
            Some(name) if !is_known(name) => Some(name.clone()),
            None if declared.is_empty() => Some("(the first)".to_owned()),
            _ => None,
        });
        let Some(name) = wrong else { return Ok(()) };
        let names: Vec<_> = declared.iter().map(|listener| listener.name).collect();
        let declared = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Err(ListenError::Unknown { name, declared })
    }

    /// Binds what the new version needs and the node has not.
    pub(crate) fn prepare(&self, declared: &[Declared]) -> Result<Prepared, ListenError> {
        let wanted = resolve(pairs(declared), &self.overrides)?;
        let missing = wanted.iter().filter(|(name, address)| !self.has(name, *address));
        let bind = |(name, address): &(String, SocketAddr)| {
            Bound::bind(name, *address).map_err(|source| ListenError::Bind {
                name: name.clone(),
                address: *address,
                source,
            })
        };
        let bound = missing.map(bind).collect::<Result<_, _>>()?;
        Ok(Prepared { wanted, bound })
    }

    fn has(&self, name: &str, asked: SocketAddr) -> bool {
        self.open.iter().any(|listener| listener.name == name && listener.asked == asked)
    }

    /// Accepts from the new sockets.
    pub(crate) fn open(&mut self, prepared: Prepared) {
        let Prepared { wanted, bound } = prepared;
        for bound in bound {
            let (name, address) = (bound.name.clone(), bound.address);
            let asked = wanted.iter().find(|(wanted, _)| *wanted == name).map_or(address, |(_, asked)| *asked);
            match bound.start(asked) {
                Ok(listener) => {
                    log::host(LOG_INFO, "listen", &format!("{name}: listening on {address}"));
                    self.open.push(listener);
                }
                Err(error) => log::host(LOG_ERROR, "listen", &format!("{name}: cannot accept on {address}: {error}")),
            }
        }
    }

    /// Closes all but those that a version declares, which was prepared before.
    pub(crate) fn keep_only(&mut self, declared: &[Declared]) {
        let Ok(wanted) = resolve(pairs(declared), &self.overrides) else { return };
        self.open.retain(|listener| {
            let is_wanted = wanted.iter().any(|(name, address)| *name == listener.name && *address == listener.asked);
            if !is_wanted {
                listener.close();
                log::host(LOG_INFO, "listen", &format!("{}: closed {}", listener.name, listener.address));
            }
            is_wanted
        });
    }

    /// Closes all.
    pub(crate) fn close_all(&mut self) {
        self.open.drain(..).for_each(|listener| listener.close());
    }
}

/// What a node listens on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) overrides: Vec<ListenOverride>,
    /// Name, address as asked for, address as bound.
    pub(crate) open: Vec<(String, SocketAddr, SocketAddr)>,
}

/// A listener before and after a version becomes current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Kept,
    Added,
    Dropped,
}

/// Pure: what becomes of each listener when a version is current that declares these: what `prepare`, `open` and `keep_only` do.
pub(crate) fn changes<'a>(
    places: &Places,
    declared: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<(String, SocketAddr, Change)>, ListenError> {
    let wanted = resolve(declared, &places.overrides)?;
    let is_wanted =
        |name: &str, asked: SocketAddr| wanted.iter().any(|wanted| (wanted.0.as_str(), wanted.1) == (name, asked));
    let is_open =
        |name: &str, asked: SocketAddr| places.open.iter().any(|open| (open.0.as_str(), open.1) == (name, asked));
    let added = wanted.iter().filter(|(name, asked)| !is_open(name, *asked));
    let added = added.map(|(name, asked)| (name.clone(), *asked, Change::Added));
    let open = places.open.iter().map(|(name, asked, bound)| {
        (name.clone(), *bound, if is_wanted(name, *asked) { Change::Kept } else { Change::Dropped })
    });
    Ok(open.chain(added).collect())
}

fn pairs(declared: &[Declared]) -> impl Iterator<Item = (&str, &str)> {
    declared.iter().map(|listener| (listener.name, listener.address))
}

/// Pure: where each declared listener, a name and an address, shall be bound.
fn resolve<'a>(
    declared: impl IntoIterator<Item = (&'a str, &'a str)>,
    overrides: &[ListenOverride],
) -> Result<Vec<(String, SocketAddr)>, ListenError> {
    let mut wanted: Vec<(String, SocketAddr)> = Vec::new();
    for (index, (name, address)) in declared.into_iter().enumerate() {
        let (name, address) = (name.to_owned(), address.to_owned());
        if wanted.iter().any(|(other, _)| *other == name) {
            return Err(ListenError::Twice { name });
        }
        let applies = |wanted: &&ListenOverride| wanted.name.as_deref().map_or(index == 0, |wanted| wanted == name);
        let address = match overrides.iter().rev().find(applies) {
            Some(wanted) => wanted.address,
            None => address.parse().map_err(|_| ListenError::Address { name: name.clone(), address })?,
        };
        wanted.push((name, address));
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTTP: Declared = Declared { name: "http", address: "127.0.0.1:4000" };
    const ADMIN: Declared = Declared { name: "admin", address: "127.0.0.1:4001" };

    fn over(name: Option<&str>, address: &str) -> ListenOverride {
        ListenOverride { name: name.map(str::to_owned), address: address.parse().expect("an address") }
    }

    #[test]
    fn an_override_without_a_name_moves_the_first_listener() {
        let wanted = resolve(pairs(&[HTTP, ADMIN]), &[over(None, "127.0.0.1:0")]).expect("resolved");
        assert_eq!(wanted[0].1.port(), 0);
        assert_eq!(wanted[1].1.port(), 4001);
    }

    #[test]
    fn what_is_open_at_the_same_place_is_kept_and_the_rest_comes_or_goes() {
        let at = |address: &str| address.parse().expect("an address");
        let open = |name: &str, asked: &str, bound: &str| (name.to_owned(), at(asked), at(bound));
        let places = Places {
            overrides: vec![over(Some("http"), "127.0.0.1:0")],
            open: vec![
                open("http", "127.0.0.1:0", "127.0.0.1:55555"),
                open("admin", "127.0.0.1:4009", "127.0.0.1:4009"),
            ],
        };
        let changes = changes(&places, pairs(&[HTTP, ADMIN])).expect("resolved");
        let expected = [
            ("http".to_owned(), at("127.0.0.1:55555"), Change::Kept),
            ("admin".to_owned(), at("127.0.0.1:4009"), Change::Dropped),
            ("admin".to_owned(), at("127.0.0.1:4001"), Change::Added),
        ];
        assert_eq!(changes, expected);
    }

    #[test]
    fn the_last_override_wins() {
        let overrides = [over(Some("admin"), "127.0.0.1:1"), over(Some("admin"), "127.0.0.1:2")];
        assert_eq!(resolve(pairs(&[HTTP, ADMIN]), &overrides).expect("resolved")[1].1.port(), 2);
    }

    #[test]
    fn wrong_declarations_are_named() {
        let error = resolve(pairs(&[HTTP, HTTP]), &[]).expect_err("twice").to_string();
        assert_eq!(error, "two listeners are named http");
        let wrong = Declared { name: "http", address: "localhost" };
        let error = resolve(pairs(&[wrong]), &[]).expect_err("no address").to_string();
        assert_eq!(error, "listener http declares the address \"localhost\", which is not IP:PORT");
        let listeners = Listeners::new(vec![over(Some("htp"), "127.0.0.1:1")]);
        let error = listeners.check_overrides(&[HTTP, ADMIN]).expect_err("unknown").to_string();
        assert_eq!(error, "no listener is named htp; the application declares http, admin");
    }
}
