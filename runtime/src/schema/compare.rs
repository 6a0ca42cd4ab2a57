//! Whether a state moves from one version of its plugin to another, and back.

use super::reads::{Difference, Reason, reads};
use super::record::StateRecord;
use std::fmt;

/// What comes of a state when its plugin changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: it is the same.
    Same,
    /// It moves, and can move back.
    Compatible,
    /// It moves, and cannot move back.
    OneWay(NoWay),
    /// It does not move.
    Incompatible(NoWay),
}

/// Why there is no way from one version of a state to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoWay {
    /// The later one cannot be made of the earlier one.
    NoConversion {
        /// The earlier version.
        from: u32,
        /// The later version.
        to: u32,
    },
    /// The later one cannot be written as the earlier one.
    NoWayDown {
        /// The later version.
        from: u32,
        /// The earlier version.
        to: u32,
    },
    /// Both know that version, and it is not the same for both.
    Differs {
        /// The version.
        version: u32,
        /// Whether that is the reader's own version, and not one that it can be made of.
        is_own: bool,
        /// Where the reader does not read what is written.
        differences: Vec<Difference>,
    },
}

/// What comes of a state that one plugin declares as `from` and another as `to`.
#[must_use]
pub fn compare(from: &StateRecord, to: &StateRecord) -> Verdict {
    match (way(from, to), way(to, from)) {
        (Err(no_way), _) => Verdict::Incompatible(no_way),
        (Ok(()), Err(no_way)) => Verdict::OneWay(no_way),
        (Ok(()), Ok(())) if from.version == to.version && from.shape == to.shape => Verdict::Same,
        (Ok(()), Ok(())) => Verdict::Compatible,
    }
}

/// The way that a process's state takes: written by the one as the lower version of the two, read by the other.
fn way(writer: &StateRecord, reader: &StateRecord) -> Result<(), NoWay> {
    let version = writer.version.min(reader.version);
    let (written, has_way_down) =
        writer.version(version).ok_or(NoWay::NoWayDown { from: writer.version, to: version })?;
    if !has_way_down {
        return Err(NoWay::NoWayDown { from: writer.version, to: version });
    }
    let (read, _) = reader.version(version).ok_or(NoWay::NoConversion { from: version, to: reader.version })?;
    let differences = reads(read, written);
    if differences.is_empty() {
        return Ok(());
    }
    Err(NoWay::Differs { version, is_own: version == reader.version, differences })
}

impl fmt::Display for Difference {
    /// `path: reason`, in the reader's words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "itself" } else { &self.path };
        write!(f, "{}: ", path.escape_debug())?;
        match &self.reason {
            Reason::Type { reads, writes, .. } => {
                write!(f, "what is written as {writes} is not always read as {reads}")
            }
            Reason::Missing => f.write_str("it is read, has no default, and is not written"),
            Reason::SometimesMissing => f.write_str("it is read, has no default, and is not always written"),
            Reason::Twice => f.write_str("two fields that are written stand for it"),
            Reason::UnknownField => f.write_str("it is written, and the reader denies unknown fields"),
            Reason::UnknownVariant => f.write_str("the reader has no such variant"),
        }
    }
}

impl fmt::Display for NoWay {
    /// One sentence, without the differences.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConversion { from, to } => write!(f, "version {to} cannot be made of version {from}"),
            Self::NoWayDown { from, to } => write!(f, "version {from} is not written as version {to}"),
            Self::Differs { version, is_own: true, .. } => write!(f, "version {version} is another type than it was"),
            Self::Differs { version, is_own: false, .. } => {
                write!(f, "what stands for version {version} is another type than that version was")
            }
        }
    }
}

impl NoWay {
    /// Where the reader does not read what is written.
    #[must_use]
    pub fn differences(&self) -> &[Difference] {
        match self {
            Self::Differs { differences, .. } => differences,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests;
