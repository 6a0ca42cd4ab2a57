//! One node on another machine.
//!
//! ```text
//! look ─┬─ another kind of machine, another application, not signed as it demands: 14, before anything is built or sent
//!       ├─ serves ─► build ─► send ─► upgrade there, by its own command
//!       └─ nothing there, and that is wanted ─► first.rs
//! ```
//!
//! What the node demands is looked at here, too, by what its folder says; it has the last word itself.

use super::goods::{Goods, Made, another};
use super::several::Errand;
use crate::answers::{Away, EventOf, Found, Preview};
use crate::cli::Waiting;
use crate::commands::{dry_run, follow, upgrade};
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, OrHint as _};
use crate::hints;
use crate::output;
use crate::progress::Progress;
use crate::remote::{Address, Asked, Connection, Heard, Look, Parcel, Sent, Step};
use crate::shown;
use anyhow::Context as _;
use runtime::protocol::{Event, Upgraded};
use runtime::release::layout::Layout;
use runtime::release::record::Record;
use runtime::release::store::Store;
use serde_json::Value;
use std::fmt::Display;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What the other side does before the node is asked, and after it has answered.
const MARGIN: Duration = Duration::from_secs(60);

/// A node on another machine that was looked at.
pub(super) struct Visit<'a> {
    pub(super) context: &'a Context,
    pub(super) address: &'a Address,
    pub(super) connection: Connection,
    pub(super) look: Look,
    pub(super) progress: Progress,
    /// Its keys and its record, as they were.
    pub(super) borrowed: Store,
    _place: TempDir,
}

/// Has the release serve there.
pub(super) fn visit(
    context: &Context,
    address: &Address,
    goods: &Goods<'_>,
    errand: &Errand<'_>,
) -> Result<(), Failure> {
    let mut visit = Visit::begin(context, address, goods)?;
    let done = match visit.serving() {
        Ok(name) => visit.upgrade(&name, goods, errand),
        Err(failure) => match &errand.serving {
            Some(serving) => visit.start(goods, serving, errand.waiting),
            None => Err(failure),
        },
    };
    visit.progress.finish();
    // Who reads this has to know of which of several nodes it is said.
    done.map_err(|failure| at(address, failure))
}

/// A failure of that node.
pub(super) fn at(address: &impl Display, mut failure: Failure) -> Failure {
    failure.more.node = Some(address.to_string());
    failure
}

impl<'a> Visit<'a> {
    fn begin(context: &'a Context, address: &'a Address, goods: &Goods<'_>) -> Result<Self, Failure> {
        let mut progress = Progress::new(context.json());
        upgrade::step(&mut progress, "look", &format!("look at {address}"));
        let connection = Connection::shared(address)?;
        // ssh may ask for something.
        progress.pause();
        let look = connection.look(context.global.package.as_deref().unwrap_or_default());
        progress.go_on();
        let look = look.inspect_err(|_| progress.finish())?;
        let place =
            tempfile::tempdir().context("there is no place for what the node says").or_hint(hints::TEMPORARY)?;
        let borrowed = look.borrow_into(place.path());
        borrowed.context("what the node says cannot be written").or_hint(hints::TEMPORARY)?;
        let visit = Self {
            context,
            address,
            connection,
            look,
            progress,
            borrowed: Store::new(Layout::new(place.path())),
            _place: place,
        };
        visit.check(goods).map_err(|failure| at(address, failure))?;
        Ok(visit)
    }

    /// What is known before anything is built.
    fn check(&self, goods: &Goods<'_>) -> Result<(), Failure> {
        if let Some(target) = goods.target() {
            self.look.check_target(&self.connection, target)?;
            upgrade::check_signing(&self.borrowed, &goods.making.signing)?;
        }
        Ok(())
    }

    /// The name of what serves there.
    fn serving(&self) -> Result<String, Failure> {
        let Self { address, look, .. } = self;
        let first = format!("cargo system deploy --node {} puts a release there and starts it", address.word());
        let name = match (look.commands.as_slice(), self.context.global.package.as_deref()) {
            ([], _) => {
                let message = match (&look.root, &look.foreign) {
                    (None, _) => format!("there is no folder {address}"),
                    (_, Some(foreign)) => format!("{address} is no node's folder: it has {foreign:?} in it"),
                    _ => format!("{address} is no node's folder: there is no command of a release in its bin/"),
                };
                return Err(Failure::error(message).hint(first));
            }
            ([one], _) => one,
            (several, Some(name)) if several.iter().any(|one| one == name) => return Ok(name.to_owned()),
            (several, _) => {
                let message = format!("{address} has several commands in its bin/: {}", several.join(", "));
                return Err(Failure::error(message).hint("name one with --package"));
            }
        };
        look.serving().map(|_| name.clone()).map_err(|reason| {
            Failure::error(format!("no node serves at {address}: {reason}"))
                .hint(format!("cargo system restart --node {} starts it as it was started before", address.word()))
        })
    }

    fn upgrade(&mut self, name: &str, goods: &Goods<'_>, errand: &Errand<'_>) -> Result<(), Failure> {
        let serving = self.look.serving().unwrap_or_default().to_owned();
        let upgraded = self.try_to_upgrade(name, &serving, goods, errand);
        upgraded.map_err(|failure| Failure { serving: failure.serving.or(Some(serving)), ..failure })
    }

    fn try_to_upgrade(
        &mut self,
        name: &str,
        serving: &str,
        goods: &Goods<'_>,
        errand: &Errand<'_>,
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        let made = goods.get(Some(name), &mut self.progress)?;
        if made.manifest.name != name {
            return Err(another(name, &made.manifest.name));
        }
        self.check_release(made)?;
        let version = made.version();
        // A plan's is its own: it is removed while somebody may send the same to upgrade.
        let base = format!("incoming/{version}{}", if errand.dry_run { ".plan" } else { "" });
        self.send(&base, &made.for_upgrade()?)?;
        let (words, patience) =
            words(&format!("{}/{base}", self.look.root.as_deref().unwrap_or_default()), made, errand);
        let since = (!errand.dry_run).then(|| self.last_ended());
        let asked = Asked { name, version: &version, words, force: errand.wish.force, since, patience };
        let (as_json, address, progress) = (self.context.json(), self.address, &mut self.progress);
        let outcome = self.connection.upgrade(&asked, &mut |heard| hear(as_json, address, progress, &heard));
        // What goes on there may still read it.
        if outcome.as_ref().err().is_none_or(|failure| failure.code != ExitCode::TimedOut) {
            self.connection.clean(&base);
        }
        self.progress.finish();
        match outcome {
            // The plan says why.
            Err(failure) if errand.dry_run => match failure.more.found {
                Some(Found::Preview(refused)) => self.conclude_plan(refused),
                _ => Err(failure),
            },
            outcome => self.conclude(outcome?, serving, errand, begun.elapsed()),
        }
    }

    /// The last attempt that had ended when it was looked at, by its number. If nobody knows, none is younger.
    fn last_ended(&self) -> u64 {
        self.borrowed.record().map_or(u64::MAX, |Record { last_number, in_progress, .. }| {
            in_progress.map_or(last_number, |attempt| attempt.number.saturating_sub(1))
        })
    }

    /// What its folder says of the release, now that it is there.
    pub(super) fn check_release(&self, made: &Made) -> Result<(), Failure> {
        self.look.check_target(&self.connection, made.target())?;
        let trusted = self.borrowed.check_trust_of(&made.store(), &made.manifest.version, false);
        trusted.map(drop).map_err(|error| Failure::from(error).refusal().step("check"))
    }

    pub(super) fn send(&mut self, base: &str, parcels: &[Parcel]) -> Result<(), Failure> {
        upgrade::step(&mut self.progress, "send", &format!("send to {}", self.address));
        let progress = &mut self.progress;
        let sent = self.connection.send(base, parcels, &mut |step| match step {
            Step::Moving(sent) => {
                let [bytes, of] = [sent.bytes, sent.of].map(shown::bytes);
                progress.count("send", &format!("send: {bytes} of {of}"));
                progress.beat();
            }
            Step::Again(reason) => progress.warn(&format!("the connection broke, and is tried again: {reason}")),
        })?;
        let Sent { found, files, bytes, kept, .. } = sent;
        if self.context.json() {
            output::json(Away::Sent { node: self.address.to_string(), files, bytes, kept_bytes: kept, found });
        } else if files > 1 {
            self.progress.say(&format!("sent {files} files, {}; {found} were there", shown::bytes(bytes)));
        }
        Ok(())
    }

    fn conclude_plan(&self, preview: Preview) -> Result<(), Failure> {
        dry_run::conclude(self.context.json(), preview.plan, preview.listeners_unknown)
    }

    fn conclude(&self, outcome: Value, serving: &str, errand: &Errand<'_>, elapsed: Duration) -> Result<(), Failure> {
        let strange = |error: serde_json::Error| {
            Failure::error(format!("{} answers what this tool does not understand: {error}", self.address))
                .hint(hints::ANOTHER_VERSION)
        };
        if errand.dry_run {
            return self.conclude_plan(serde_json::from_value(outcome).map_err(strange)?);
        }
        let mut upgraded: Upgraded = serde_json::from_value(outcome.clone()).map_err(strange)?;
        if !upgraded.changed && upgraded.to != serving {
            // It was done when it was joined again.
            upgraded = Upgraded { changed: true, from: serving.to_owned(), ..upgraded };
        }
        let name = outcome["name"].as_str().unwrap_or_default();
        follow::conclude(self.context.json(), name, upgraded, elapsed, Some(self.address.to_string()));
        Ok(())
    }
}

/// What its command is called with, and how long it may be silent.
fn words(release: &str, made: &Made, errand: &Errand<'_>) -> (Vec<String>, Duration) {
    let Errand { wish, waiting, dry_run, .. } = errand;
    let Waiting { drain_wait, timeout } = *waiting;
    let mut words = ["upgrade", "--json", "--release", release].map(str::to_owned).to_vec();
    let drain = ["--drain-wait".to_owned(), drain_wait.to_string(), "--timeout".to_owned(), timeout.to_string()];
    words.extend(drain);
    if let Some(time) = wish.confirm_within {
        words.extend(["--confirm-within".to_owned(), humantime::format_duration(time).to_string().replace(' ', "")]);
    }
    words.extend(wish.wait.then(|| "--wait".to_owned()));
    words.extend(dry_run.then(|| "--dry-run".to_owned()));
    let (_, waiting) = wish.clone().command("", Some(&made.manifest.settings), *waiting);
    (words, follow::times(waiting).1 + MARGIN)
}

fn hear(as_json: bool, address: &Address, progress: &mut Progress, heard: &Heard<'_>) {
    match heard {
        Heard::Event(value) => match serde_json::from_value::<Event>((*value).clone()) {
            Ok(event) if as_json => output::json(EventOf { node: address.to_string(), event }),
            Ok(event) => follow::report(progress, &event),
            // One that a newer node knows and this tool does not is skipped.
            Err(_) => {}
        },
        Heard::Lost(reason) if as_json => {
            output::json(Away::Lost { node: address.to_string(), message: (*reason).to_owned() });
        }
        Heard::Lost(reason) => {
            progress.warn(&format!("the connection was lost, and the upgrade goes on there: {reason}"))
        }
    }
}
