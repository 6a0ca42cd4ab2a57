//! Functions of an application that a person calls in the console of its node.
//!
//! ```text
//! node ─ start: arguments, JSON ─► a process of this version ─ the function's own end ─► answer ─ take ─► node
//!                                        └ panics, is killed: no answer
//! ```
//!
//! An answer waits in a place of its own, behind no lock: a process that is killed may be stopped anywhere.

use crate::abi::ProcessFuture;
use crate::ffi::{NoMessages, into_process};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::{self, Display};
use std::io;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

/// No answer is longer.
const ANSWER_LEN_MAX: usize = 1 << 20;

/// What a call came to: JSON, or why there is none.
pub(crate) type Answer = Result<Vec<u8>, String>;

/// Where a call's answer is found when its process has ended.
pub(crate) type Place = Arc<OnceLock<Answer>>;

/// A function for the console.
pub(crate) struct Function {
    pub(crate) name: String,
    call: Box<dyn Call>,
}

trait Call: Send + Sync {
    fn start(&'static self, arguments: Vec<u8>, place: Place) -> ProcessFuture;
}

/// A function that takes an `A`.
struct Typed<C, A>(C, PhantomData<fn(A)>);

impl<C, A, F, R, E> Call for Typed<C, A>
where
    C: Fn(A) -> F + Send + Sync + 'static,
    A: DeserializeOwned + 'static,
    F: Future<Output = Result<R, E>> + Send + 'static,
    R: Serialize + 'static,
    E: Display + 'static,
{
    fn start(&'static self, arguments: Vec<u8>, place: Place) -> ProcessFuture {
        into_process::<C, NoMessages, _>(async move {
            // What the arguments are need not be what goes from thread to thread.
            let call = read::<A>(&arguments).map(&self.0);
            let answer = match call {
                Ok(call) => written(call.await),
                Err(refused) => Err(refused),
            };
            // Nobody else sets it.
            let _: Result<(), Answer> = place.set(answer);
        })
    }
}

impl Function {
    pub(crate) fn new<A, F, R, E>(name: String, function: impl Fn(A) -> F + Send + Sync + 'static) -> Self
    where
        A: DeserializeOwned + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
        R: Serialize + 'static,
        E: Display + 'static,
    {
        Self { name, call: Box::new(Typed(function, PhantomData)) }
    }

    /// A call as a process, with these arguments, a JSON array. Runs none of the user's code: that is the process's part.
    pub(crate) fn start(&'static self, arguments: &[u8], place: Place) -> ProcessFuture {
        self.call.start(arguments.to_vec(), place)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Nothing for `()`, one as it is, several as a tuple.
fn read<A: DeserializeOwned>(arguments: &[u8]) -> Result<A, String> {
    let mut arguments: Vec<Value> = serde_json::from_slice(arguments).map_err(|error| error.to_string())?;
    let count = arguments.len();
    let value = match count {
        0 => Value::Null,
        1 => arguments.remove(0),
        _ => Value::Array(arguments),
    };
    serde_json::from_value(value).map_err(|error| match count {
        0 => format!("it takes arguments: {error}"),
        1 => format!("the argument is not understood: {error}"),
        _ => format!("the {count} arguments are not understood: {error}"),
    })
}

fn written<R: Serialize, E: Display>(result: Result<R, E>) -> Answer {
    let mut bounded = Bounded(Vec::new());
    match serde_json::to_writer(&mut bounded, &result.map_err(|error| error.to_string())?) {
        Ok(()) => Ok(bounded.0),
        Err(error) if error.is_io() => Err(format!("the answer takes more than {ANSWER_LEN_MAX} bytes")),
        Err(error) => Err(format!("the answer cannot be written: {error}")),
    }
}

/// Takes so much and no more.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > ANSWER_LEN_MAX {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_by_their_number() {
        read::<()>(b"[]").expect("none");
        assert_eq!(read::<u64>(b"[7]"), Ok(7));
        assert_eq!(read::<Vec<u64>>(b"[[7, 8]]"), Ok(vec![7, 8]));
        assert_eq!(read::<(u64, String)>(b"[7, \"a\"]"), Ok((7, "a".to_owned())));
        assert_eq!(read::<Option<u64>>(b"[]"), Ok(None));
        for (refused, says) in [
            (read::<u64>(b"[]"), "it takes arguments"),
            (read::<u64>(b"[\"a\"]"), "the argument is not understood: invalid type: string \"a\", expected u64"),
            (read::<u64>(b"[1, 2]"), "the 2 arguments are not understood"),
        ] {
            let error = refused.expect_err(says);
            assert!(error.starts_with(says), "{error}");
        }
    }

    #[test]
    fn an_answer_is_bounded() {
        assert_eq!(written::<_, String>(Ok((1, "a"))), Ok(b"[1,\"a\"]".to_vec()));
        assert_eq!(written::<(), _>(Err("no")), Err("no".to_owned()));
        let long = written::<_, String>(Ok("x".repeat(ANSWER_LEN_MAX)));
        assert_eq!(long, Err("the answer takes more than 1048576 bytes".to_owned()));
        assert!(written::<_, String>(Ok("x".repeat(ANSWER_LEN_MAX - 2))).is_ok());
    }
}
