//! A process's identity: a slot and the generation of the life in it.

use std::fmt;
use std::str::FromStr;

/// Never 0; never given twice in a node's life. Shown as `<slot.generation>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Pid(u64);

/// A text that names no process.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoPid;

impl Pid {
    /// No process.
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn new(slot: u32, generation: u32) -> Self {
        Self((u64::from(generation) << 32) | u64::from(slot))
    }

    /// What crosses the ABI.
    pub(crate) fn get(self) -> u64 {
        self.0
    }

    /// What has crossed the ABI: any number; one that names no process is found out by the process table.
    pub(crate) fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    pub(crate) fn slot(self) -> u32 {
        self.0 as u32
    }

    pub(crate) fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// As it is shown, with or without the brackets.
impl FromStr for Pid {
    type Err = NoPid;

    fn from_str(text: &str) -> Result<Self, NoPid> {
        let bare = text.trim();
        let bare = bare.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(bare);
        let (slot, generation) = bare.split_once('.').ok_or(NoPid)?;
        let number = |digits: &str| -> Result<u32, NoPid> {
            let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
            if is_number { digits.parse().map_err(|_| NoPid) } else { Err(NoPid) }
        };
        let pid = Self::new(number(slot)?, number(generation)?);
        if pid.generation() == 0 { Err(NoPid) } else { Ok(pid) }
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}.{}>", self.slot(), self.generation())
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_is_read_as_it_is_shown() {
        let pid = Pid::new(12, 3);
        assert_eq!(pid.to_string().parse(), Ok(pid));
        assert_eq!(" 12.3 ".parse(), Ok(pid));
        for text in ["", "12", "<12.3", "12.3>", "-1.3", "+1.3", "1.0", "1.2.3", "4294967296.1", "a.b", "<>", "."] {
            assert_eq!(text.parse::<Pid>(), Err(NoPid), "{text:?}");
        }
    }
}
