//! All listeners of the node, and how they change with a version.
//!
//! ```text
//! declared by the new version ─ resolve (overrides) ─► kept: same address, same socket, by whatever name
//!                                                      new: bound in `prepare`, accepted from in `open`
//! not declared any more: closed in `keep_only`, when there is no way back
//! ```
//!
//! `prepare` can fail and then has changed nothing; the others cannot fail. What a socket is called is a matter of the release that serves
//! ([`Route`]), so that names change with the one pointer by which it does.

use super::current::{Route, Running};
use super::listener::{Bound, Listener};
use crate::image::Declared;
use crate::log;
use plugin_abi::abi::LOG_INFO;
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
    /// Of all that it listens on.
    pub(crate) routes: Vec<Route>,
    pub(crate) bound: Vec<Bound>,
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
        let kept = kept(&self.places().open, &wanted);
        let (mut routes, mut bound) = (Vec::new(), Vec::new());
        for ((name, asked), kept) in wanted.into_iter().zip(kept) {
            let socket = match kept.and_then(|kept| self.open.get(kept)) {
                Some(kept) => kept.socket,
                None => {
                    let new = Bound::bind(&name, asked);
                    let new = new.map_err(|source| ListenError::Bind { name: name.clone(), address: asked, source })?;
                    let socket = new.listener().socket;
                    bound.push(new);
                    socket
                }
            };
            routes.push(Route { socket, name, asked });
        }
        Ok(Prepared { routes, bound })
    }

    /// Accepts from the new sockets. What serves from here on has those routes.
    pub(crate) fn open(&mut self, bound: Vec<Bound>, running: &Running) {
        self.open.extend(bound.into_iter().map(Bound::start).inspect(|new| {
            log::host(LOG_INFO, "listen", &format!("{}: listening on {}", new.name, new.address));
        }));
        self.rename(running);
    }

    /// Closes all but those that a release has, which serves.
    pub(crate) fn keep_only(&mut self, running: &Running) {
        self.open.retain(|listener| {
            let is_wanted = running.route(listener.socket).is_some();
            if !is_wanted {
                listener.close();
                log::host(LOG_INFO, "listen", &format!("{}: closed {}", listener.name, listener.address));
            }
            is_wanted
        });
        self.rename(running);
    }

    /// Sockets are called as what serves calls them.
    fn rename(&mut self, running: &Running) {
        for listener in &mut self.open {
            let Some(route) = running.route(listener.socket) else { continue };
            if listener.name != route.name {
                let address = listener.address;
                log::host(LOG_INFO, "listen", &format!("{}: {address} is {} now", listener.name, route.name));
                listener.name.clone_from(&route.name);
            }
            listener.asked = route.asked;
        }
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
    pub(crate) open: Vec<Open>,
}

/// A socket: name, address as asked for, address as bound.
pub(crate) type Open = (String, SocketAddr, SocketAddr);

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
    let kept = kept(&places.open, &wanted);
    let open = places.open.iter().enumerate().map(|(index, (name, _, bound))| {
        match wanted.iter().zip(&kept).find(|(_, kept)| **kept == Some(index)) {
            Some(((name, _), _)) => (name.clone(), *bound, Change::Kept),
            None => (name.clone(), *bound, Change::Dropped),
        }
    });
    let added = wanted.iter().zip(&kept).filter(|(_, kept)| kept.is_none());
    Ok(open.chain(added.map(|((name, asked), _)| (name.clone(), *asked, Change::Added))).collect())
}

/// Pure: which open socket each wanted one keeps, if any: the one of its name at its address, or else one at that address whatever its name, since nobody
/// else can be bound there.
fn kept(open: &[Open], wanted: &[(String, SocketAddr)]) -> Vec<Option<usize>> {
    let mut kept: Vec<Option<usize>> = vec![None; wanted.len()];
    for by_name in [true, false] {
        for (index, (name, asked)) in wanted.iter().enumerate() {
            let is_there = |(own, at, bound): &Open| (asked == at || asked == bound) && (own == name || !by_name);
            if kept[index].is_none() {
                kept[index] = (0..open.len()).find(|socket| !kept.contains(&Some(*socket)) && is_there(&open[*socket]));
            }
        }
    }
    kept
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
    fn a_socket_stays_where_its_address_is_whatever_it_is_called() {
        let at = |address: &str| address.parse().expect("an address");
        let open = |name: &str, asked: &str, bound: &str| (name.to_owned(), at(asked), at(bound));
        let both = [open("http", "127.0.0.1:4000", "127.0.0.1:4000"), open("any", "127.0.0.1:0", "127.0.0.1:55555")];
        let kept = |wanted: &[(&str, &str)]| {
            let wanted: Vec<_> = wanted.iter().map(|(name, asked)| ((*name).to_owned(), at(asked))).collect();
            super::kept(&both, &wanted)
        };
        assert_eq!(kept(&[("web", "127.0.0.1:4000"), ("any", "127.0.0.1:0")]), [Some(0), Some(1)], "renamed");
        assert_eq!(kept(&[("any", "127.0.0.1:4000"), ("http", "127.0.0.1:0")]), [Some(0), Some(1)], "swapped names");
        assert_eq!(kept(&[("x", "127.0.0.1:0"), ("any", "127.0.0.1:0")]), [None, Some(1)], "its own name comes first");
        assert_eq!(kept(&[("any", "127.0.0.1:55555")]), [Some(1)], "the port that it was given");
        assert_eq!(kept(&[("a", "127.0.0.1:4000"), ("b", "127.0.0.1:4000")]), [Some(0), None], "each once");
        assert_eq!(kept(&[("http", "127.0.0.1:4002")]), [None]);
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
