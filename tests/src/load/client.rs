//! The HTTP clients.

use super::outcome::{Failure, Tally};
use super::versions::VersionLog;
use super::{Harvest, Run};
use crate::http::{Connection, Response, request};
use std::time::{Duration, Instant};

/// A client's rest after a failure: where nobody listens, asking again at once would only fill the tally.
const AFTER_FAILURE: Duration = Duration::from_millis(5);
/// `/api/slow` times in milliseconds: shorter and longer than an upgrade with its build.
const SLOW_MS: [u64; 4] = [40, 300, 1_000, 4_000];

/// A right answer whose version is still to be judged.
#[derive(Debug)]
pub(super) struct Answer {
    version: String,
    /// The node cannot have accepted it earlier …
    from: Instant,
    /// … or later.
    until: Instant,
    /// When it was complete.
    answered: Instant,
    took: Duration,
}

impl Answer {
    /// Counts it as right, or as answered by a version that was not current.
    pub(super) fn judge(&self, versions: &VersionLog, tally: &mut Tally) {
        if !versions.possible(&self.version, self.from, self.until) {
            let why = format!("answered by {}, which was not current when it was accepted", self.version);
            return tally.fail(&Failure::WrongAnswer(why), "version");
        }
        tally.ok += 1;
        tally.latency.record(self.took);
        if versions.replaced_within(&self.version, self.from, self.answered) {
            tally.straddled += 1;
        }
    }
}

/// One client.
#[derive(Debug)]
pub(super) struct Client<'a> {
    run: &'a Run,
    harvest: Harvest,
    /// State of a xorshift generator.
    random: u64,
}

impl<'a> Client<'a> {
    pub(super) fn new(run: &'a Run, number: u32) -> Self {
        Self { run, harvest: Harvest::default(), random: 0x9e37_79b9_7f4a_7c15 ^ (u64::from(number) + 1) }
    }

    /// One connection for as long as the server keeps it.
    pub(super) fn keep_alive(mut self) -> Harvest {
        while !self.run.stopped() {
            let opened = Instant::now();
            if let Err(failure) = self.keep_alive_connection(opened) {
                self.fail(&failure, "keep-alive");
            }
        }
        self.harvest
    }

    fn keep_alive_connection(&mut self, opened: Instant) -> Result<(), Failure> {
        let mut connection = self.open()?;
        // A connection's process may have read a request on the old version, or may be handed over before it has: each
        // answer is of a version that was current at some time after the answer before it.
        let mut from = opened;
        let mut before: Option<String> = None;
        while !self.run.stopped() {
            let n = self.number();
            let sent = Instant::now();
            let response = connection.get(&format!("/api/sum/{n}"))?;
            let answered = Instant::now();
            let version = checked_sum(&response, n)?;
            if before.is_some_and(|before| before != version) {
                self.harvest.tally.handed_over += 1;
            }
            before = Some(version.clone());
            self.answer(Answer { version, from, until: answered, answered, took: answered - sent });
            if response.closes() {
                return connection.closed();
            }
            from = answered;
            self.run.rest();
        }
        Ok(())
    }

    /// A connection for each request; the server closes every other one, this client the rest.
    pub(super) fn connection_each(mut self) -> Harvest {
        while !self.run.stopped() {
            let n = self.number();
            if let Err(failure) = self.one_connection(n) {
                self.fail(&failure, "connection");
            }
            self.run.rest();
        }
        self.harvest
    }

    fn one_connection(&mut self, n: u64) -> Result<(), Failure> {
        let from = Instant::now();
        let mut connection = self.open()?;
        let server_closes = n.is_multiple_of(2);
        let close = if server_closes { "connection: close\r\n" } else { "" };
        connection.send(format!("GET /api/sum/{n} HTTP/1.1\r\nhost: load\r\n{close}\r\n").as_bytes())?;
        let response = connection.response()?;
        let answered = Instant::now();
        let version = checked_sum(&response, n)?;
        if server_closes {
            connection.closed()?;
        }
        self.answer(Answer { version, from, until: answered, answered, took: answered - from });
        Ok(())
    }

    /// Requests that take long, each on a connection of its own.
    pub(super) fn slow(mut self) -> Harvest {
        let mut round = usize::try_from(self.random % 4).unwrap_or(0);
        while !self.run.stopped() {
            let ms = SLOW_MS[round % SLOW_MS.len()];
            round += 1;
            if let Err(failure) = self.one_slow(ms) {
                self.fail(&failure, "slow");
            }
        }
        self.harvest
    }

    fn one_slow(&mut self, ms: u64) -> Result<(), Failure> {
        let from = Instant::now();
        let mut connection = self.open()?;
        connection.send(request(&format!("/api/slow/{ms}")).as_bytes())?;
        let response = connection.response()?;
        let answered = Instant::now();
        let (took, asked) = (answered - from, Duration::from_millis(ms));
        if took < asked {
            return Err(Failure::WrongAnswer(format!("after {took:?} instead of {ms} ms")));
        }
        let version = text(&response.json()?, "version")?;
        // It was accepted at least that long before it was answered.
        self.answer(Answer { version, from, until: answered - asked, answered, took: took - asked });
        Ok(())
    }

    fn open(&mut self) -> Result<Connection, Failure> {
        let connection = Connection::open(self.run.address)?;
        self.harvest.tally.connections += 1;
        Ok(connection)
    }

    fn answer(&mut self, answer: Answer) {
        self.harvest.answers.push(answer);
    }

    fn fail(&mut self, failure: &Failure, kind: &str) {
        self.harvest.tally.fail(failure, kind);
        std::thread::sleep(AFTER_FAILURE);
    }

    /// A number to sum up to: never 13, at which the example panics on purpose.
    fn number(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        100 + self.random % 900
    }
}

/// The version that gave this answer to `/api/sum/{n}`, if it is right.
pub(super) fn checked_sum(response: &Response, n: u64) -> Result<String, Failure> {
    let json = response.json()?;
    let right = (n * (n + 1) / 2).to_string();
    if text(&json, "n")? != n.to_string() || text(&json, "sum")? != right {
        return Err(Failure::WrongAnswer(format!("∑(1..{n}) is {right}, not {json}")));
    }
    text(&json, "version")
}

fn text(json: &serde_json::Value, key: &str) -> Result<String, Failure> {
    let value = json.get(key).and_then(serde_json::Value::as_str);
    value.map(str::to_owned).ok_or_else(|| Failure::WrongAnswer(format!("no text \"{key}\" in {json}")))
}
