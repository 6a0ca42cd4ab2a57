//! What a process may come to.
#![cfg(feature = "sdk")]

use plugin_abi::*;
#[test]
fn futures_that_a_process_may_run() {
    fn may_run<F: Future<Output: Outcome>>(_: F) {}
    may_run(async {
        loop {
            yield_now().await
        }
    });
    may_run(async {});
    may_run(async { Ok::<(), std::io::Error>(()) });
    may_run(async { ExitReason::Shutdown });
}
