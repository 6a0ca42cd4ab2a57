//! Sends what another machine has not got of a release.
//!
//! ```text
//! hash, size, path of each file ─► there? ─┬─ in the node's folder, with that hash: linked from there
//!                                          ├─ a part of it, from before: the rest is sent
//!                                          └─ nothing: all of it is sent
//! sent ─► <folder>/incoming/<hash>.part ─► has the size, has the hash ─► moved to where the release is put together
//! ```
//!
//! What a broken connection has left is gone on from, at once and a few times, or by the same command later. Nothing counts before it has its hash.

use super::look::last_line;
use super::script::{CUT, OURS, SHARED, TAKE, WANT, WRONG};
use super::ssh::{Connection, Ended, News};
use crate::failure::Failure;
use crate::{interrupt, shown};
use anyhow::Context as _;
use runtime::release::manifest::FileEntry;
use std::fs::File;
use std::io::{Cursor, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Nothing moves for so long: the connection is given up. Hashing what is there is silent, too.
const PATIENCE: Duration = Duration::from_secs(60);
/// So many broken connections are gone on from, after these pauses.
const AGAIN: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// A file to be sent, and where it is here.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub(crate) from: PathBuf,
    pub(crate) entry: FileEntry,
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Files that were there already.
    pub(crate) found: usize,
    /// Files that have been sent, or their rest.
    pub(crate) files: usize,
    /// Bytes that have been sent, in this call of the tool.
    pub(crate) bytes: u64,
    /// Bytes that are to be sent, in all.
    pub(crate) of: u64,
    /// Bytes of files that a broken connection has left there.
    pub(crate) kept: u64,
}

/// What goes on, to be shown.
pub(crate) enum Step<'a> {
    Moving(&'a Sent),
    /// The connection broke, for that reason.
    Again(&'a str),
}

/// Why it did not come about.
enum Broken {
    /// It can be tried again.
    Lost(String),
    For(Failure),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::For(failure)
    }
}

impl Connection {
    /// Sends these files into the folder `base` of the node's folder, where they have the same paths.
    pub(crate) fn send(&self, base: &str, parcels: &[Parcel], show: &mut dyn FnMut(Step<'_>)) -> Result<Sent, Failure> {
        let mut sent = Sent::default();
        let mut pauses = AGAIN.into_iter();
        loop {
            match (self.try_to_send(base, parcels, &mut sent, show), pauses.next()) {
                (Ok(()), _) => return Ok(sent),
                (Err(Broken::For(failure)), _) => return Err(failure),
                (Err(Broken::Lost(said)), Some(pause)) => {
                    show(Step::Again(last_line(&said)));
                    wait(pause)?;
                }
                (Err(Broken::Lost(said)), None) => {
                    let reason = last_line(&said);
                    let message =
                        format!("the connection to {} broke while the release was sent: {reason}", self.address);
                    return Err(Failure::error(message)
                        .hint("nothing has changed there; the same command goes on from what has arrived")
                        .step("send"));
                }
            }
        }
    }

    fn try_to_send(
        &self,
        base: &str,
        parcels: &[Parcel],
        sent: &mut Sent,
        show: &mut dyn FnMut(Step<'_>),
    ) -> Result<(), Broken> {
        let there = self.wanted(base, parcels)?;
        let missing = || parcels.iter().zip(&there).filter_map(|(parcel, part)| Some((parcel, (*part)?)));
        let rest: u64 = missing().map(|(parcel, part)| parcel.entry.size - part).sum();
        if sent.of == 0 {
            sent.found = parcels.len() - missing().count();
            sent.kept = missing().map(|(_, part)| part).sum();
        }
        sent.of = sent.bytes + rest;
        for (parcel, part) in missing() {
            self.send_one(base, parcel, part, sent, show)?;
        }
        Ok(())
    }

    /// How much of each file is there; `None`: all of it.
    fn wanted(&self, base: &str, parcels: &[Parcel]) -> Result<Vec<Option<u64>>, Broken> {
        let list: String = parcels
            .iter()
            .map(|Parcel { entry, .. }| format!("{}\n{}\n{}\n", entry.hash, entry.size, entry.path))
            .collect();
        let (mut there, mut free_kib) = (Vec::new(), None);
        let arguments = [self.address.path.as_str(), base];
        let ended = self.call(WANT, &arguments, Cursor::new(list), PATIENCE, &mut |news| {
            let News::Line(line) = news else { return };
            let Some((key, value)) = line.strip_prefix(OURS).map(|said| said.split_once(' ').unwrap_or((said, "")))
            else {
                return;
            };
            match key {
                "free" => free_kib = value.parse::<u64>().ok(),
                "there" => there.push(None),
                "part" => there.push(value.trim().parse().ok().or(Some(0))),
                _ => {}
            }
        })?;
        match ended {
            Ended::Code(0, _) if there.len() == parcels.len() => {}
            Ended::Code(_, said) => return Err(self.unwritten(&said).into()),
            Ended::Lost(said) => return Err(Broken::Lost(said)),
        }
        // A part that is longer than the whole is none.
        for (part, Parcel { entry, .. }) in there.iter_mut().zip(parcels) {
            *part = part.map(|part: u64| if part > entry.size { 0 } else { part });
        }
        let rest = parcels.iter().zip(&there).filter_map(|(parcel, part)| Some(parcel.entry.size - (*part)?)).sum();
        self.check_room(free_kib, rest)?;
        Ok(there)
    }

    fn check_room(&self, free_kib: Option<u64>, bytes: u64) -> Result<(), Failure> {
        let Some(free) = free_kib.map(|kib| kib.saturating_mul(1024)).filter(|free| *free < bytes) else {
            return Ok(());
        };
        let [free, needed] = [free, bytes].map(shown::bytes);
        let message = format!("the disk of {} has {free} left, and the release needs {needed} more", self.address);
        Err(Failure::error(message).hint("make room there; nothing has changed").step("send"))
    }

    fn send_one(
        &self,
        base: &str,
        Parcel { from, entry }: &Parcel,
        part: u64,
        sent: &mut Sent,
        show: &mut dyn FnMut(Step<'_>),
    ) -> Result<(), Broken> {
        let mode = if entry.executable { "755" } else { "644" };
        let arguments = [
            self.address.path.clone(),
            base.to_owned(),
            entry.hash.clone(),
            entry.size.to_string(),
            part.to_string(),
            entry.path.clone(),
            mode.to_owned(),
        ];
        let file = open(from, part).map_err(Failure::from)?;
        let before = sent.bytes;
        show(Step::Moving(sent));
        let mut on_news = |news: News| {
            if let News::Sent(bytes) = news {
                sent.bytes = before + bytes;
                show(Step::Moving(sent));
            }
        };
        let ended = self.call(TAKE, &arguments, file, PATIENCE, &mut on_news)?;
        let of = &entry.path;
        match ended {
            Ended::Code(0, _) => {
                sent.bytes = before + entry.size - part;
                sent.files += 1;
                Ok(())
            }
            Ended::Code(CUT, _) => Err(Broken::Lost(format!("{of} has not arrived whole"))),
            Ended::Code(WRONG, _) if part > 0 => {
                Err(Broken::Lost(format!("what was there of {of} was not of that file")))
            }
            Ended::Code(WRONG, _) => {
                Err(Failure::error(format!("{of} has arrived at {} with another hash", self.address))
                    .hint("somebody else may send the same, or the file changed here: try it again")
                    .step("send")
                    .into())
            }
            Ended::Code(SHARED, _) => {
                Err(Failure::error(format!("somebody else sends {of} to {} just now", self.address))
                    .hint("wait for that, and try it again")
                    .step("send")
                    .into())
            }
            Ended::Code(_, said) => Err(self.unwritten(&said).into()),
            Ended::Lost(said) => Err(Broken::Lost(said)),
        }
    }

    fn unwritten(&self, said: &str) -> Failure {
        Failure::error(format!("{} cannot be written to: {}", self.address, last_line(said)))
            .hint("the user there needs room, and the right to write into that folder; nothing has changed")
            .step("send")
    }
}

fn open(path: &Path, from: u64) -> anyhow::Result<File> {
    let unread = || format!("{} cannot be read", path.display());
    let mut file = File::open(path).with_context(unread)?;
    file.seek(SeekFrom::Start(from)).with_context(unread)?;
    Ok(file)
}

/// Waits, but not for Ctrl-C.
pub(crate) fn wait(time: Duration) -> Result<(), Failure> {
    let until = Instant::now() + time;
    while Instant::now() < until {
        interrupt::check()?;
        std::thread::sleep(interrupt::LOOK.min(time));
    }
    Ok(())
}
