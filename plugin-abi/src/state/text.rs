//! Text that is made at compile time.

/// Levels of brackets in a text, at the most: readers of JSON have such a limit, too.
const DEPTH_MAX: usize = 120;

/// Writes a text, or, without a place for it, counts its bytes.
pub(super) struct Writer<'a> {
    into: Option<&'a mut [u8]>,
    len: usize,
    depth: usize,
    /// Within what serde reads by way of a buffer, which does not know every number.
    pub(super) is_buffered: bool,
}

impl<'a> Writer<'a> {
    /// Writes to the beginning of it, which must be long enough.
    pub(super) const fn into(text: &'a mut [u8]) -> Self {
        Self { into: Some(text), len: 0, depth: 0, is_buffered: false }
    }

    pub(super) const fn counting() -> Self {
        Self { into: None, len: 0, depth: 0, is_buffered: false }
    }

    /// Bytes that were written, or would have been.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn flag(&mut self, text: &str, is_set: bool) {
        if is_set {
            self.put(text);
        }
    }

    pub(super) const fn open(&mut self, text: &str) {
        // Two brackets and the list or object in a member, at the most.
        self.depth += 2;
        assert!(self.depth <= DEPTH_MAX, "a state is nested too deeply to be declared: make a part of it opaque");
        self.put(text);
    }

    pub(super) const fn close(&mut self, text: &str) {
        self.depth -= 2;
        self.put(text);
    }

    pub(super) const fn number(&mut self, number: usize) {
        if number >= 10 {
            self.number(number / 10);
        }
        let digits = "0123456789";
        self.put(digits.split_at(number % 10).1.split_at(1).0);
    }

    /// A JSON string.
    pub(super) const fn quoted(&mut self, text: &str) {
        self.put("\"");
        let mut rest = text;
        while let Some(at) = to_escape(rest.as_bytes()) {
            let (plain, marked) = rest.split_at(at);
            self.put(plain);
            let (mark, after) = marked.split_at(1);
            self.escaped(mark);
            rest = after;
        }
        self.put(rest);
        self.put("\"");
    }

    const fn escaped(&mut self, mark: &str) {
        let code = mark.as_bytes()[0];
        if code < b' ' {
            let digits = "0123456789abcdef";
            self.put(if code < 16 { "\\u000" } else { "\\u001" });
            self.put(digits.split_at(code as usize % 16).1.split_at(1).0);
        } else {
            self.put("\\");
            self.put(mark);
        }
    }

    pub(super) const fn put(&mut self, text: &str) {
        if let Some(into) = &mut self.into {
            into.split_at_mut(self.len).1.split_at_mut(text.len()).0.copy_from_slice(text.as_bytes());
        }
        self.len += text.len();
    }
}

/// Where the first byte stands that JSON has to escape.
const fn to_escape(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < text.len() {
        if text[at] < b' ' || text[at] == b'"' || text[at] == b'\\' {
            return Some(at);
        }
        at += 1;
    }
    None
}

pub(super) const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}
