//! Edits the fixture `moving` into a version that converts its counters' state: of the same fields, so that no declaration tells what the conversion
//! does.

use crate::sandbox::Sandbox;

const CONVERSION: &str = "
#[derive(Serialize, Deserialize, State)]
struct CounterV1 {
    sum: u64,
    last: BTreeMap<u64, u64>,
    wrong: u64,
    held: Vec<ReplyTo<String>>,
    downs: u64,
    ticks: u64,
    timeouts: u64,
}

impl TryFrom<CounterV1> for Counter {
    type Error = &'static str;

    fn try_from(before: CounterV1) -> Result<Self, &'static str> {
        FIRST
        let CounterV1 { sum, last, wrong, held, downs, ticks, timeouts } = before;
        Ok(Self { sum, last, wrong, held, downs, ticks, timeouts })
    }
}

impl From<Counter> for CounterV1 {
    fn from(now: Counter) -> Self {
        let Counter { sum, last, wrong, held, downs, ticks, timeouts } = now;
        Self { sum, last, wrong, held, downs, ticks, timeouts }
    }
}

impl Server for Counter {";

/// The conversion begins with this code, which sees the state `before`, and may return an error.
///
/// # Panics
/// When the fixture was edited so already.
pub fn convert(sandbox: &Sandbox, first: &str) {
    let edit = |from: &str, to: &str| sandbox.edit("src/counter.rs", from, to).expect("an edit");
    edit("// A version is edited in here.", "#[state(version = 2, from = CounterV1)]");
    edit("impl Server for Counter {", &CONVERSION.replace("FIRST", first));
}
