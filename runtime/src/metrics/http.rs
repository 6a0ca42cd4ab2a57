//! The address for scrapers: HTTP/1.1, one answer a connection.
//!
//! Bounds: [`CLIENTS_MAX`] at a time, others are hung up on; a request of [`REQUEST_LEN_MAX`] bytes, within [`PATIENCE`].

use super::text::CONTENT_TYPE;
use crate::timely::Timely;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const CLIENTS_MAX: usize = 4;
const REQUEST_LEN_MAX: usize = 8 * 1024;
const HEADERS_MAX: usize = 64;
/// A client says what it wants, and takes the answer, within this time each.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait for descriptors to come free.
const PAUSE: Duration = Duration::from_millis(100);

/// What is answered with.
type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// Binds the address, and serves it as long as the node. Returns where it is bound.
pub(crate) fn serve(address: SocketAddr, metrics: Metrics) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address)?;
    let bound = listener.local_addr()?;
    std::thread::Builder::new().name("metrics".to_owned()).spawn(move || accept(&listener, &metrics))?;
    Ok(bound)
}

fn accept(listener: &TcpListener, metrics: &Metrics) {
    let clients = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let Ok(stream) = stream else {
            std::thread::sleep(PAUSE);
            continue;
        };
        let place = Place::take(&clients);
        let metrics = Arc::clone(metrics);
        if let Some(place) = place {
            // Without a thread it is hung up on, as it would be without a place.
            let _: io::Result<_> = std::thread::Builder::new().name("metrics-client".to_owned()).spawn(move || {
                let _place = place;
                // One that has gone does not want its answer.
                let _: io::Result<()> = answer(&stream, &metrics);
            });
        }
    }
}

/// One of the clients; given back when dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(clients: &Arc<AtomicUsize>) -> Option<Self> {
        let place = Self(Arc::clone(clients));
        (clients.fetch_add(1, Ordering::SeqCst) < CLIENTS_MAX).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn answer(stream: &TcpStream, metrics: &Metrics) -> io::Result<()> {
    let request = read(stream)?;
    let (status, kind, body) = match respond(&request) {
        Ok(()) => ("200 OK", CONTENT_TYPE, metrics()),
        Err((status, why)) => (status, "text/plain; charset=utf-8", why.to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut writer = Timely::within(stream, PATIENCE);
    writer.write_all(head.as_bytes())?;
    if !request.starts_with(b"HEAD ") {
        writer.write_all(body.as_bytes())?;
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    discard(stream)
}

/// A socket that closes with something unread takes the answer back on its way. So what still comes is thrown away, of a client that takes its time as
/// much as of one that sends too much.
fn discard(stream: &TcpStream) -> io::Result<()> {
    let mut rest = Timely::within(stream, PATIENCE).take(REQUEST_LEN_MAX as u64);
    io::copy(&mut rest, &mut io::sink()).map(drop)
}

/// Up to the empty line, or as much as comes in time.
fn read(stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut reader = Timely::within(stream, PATIENCE);
    let (mut request, mut chunk) = (Vec::new(), [0; 1024]);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < REQUEST_LEN_MAX {
        match reader.read(&mut chunk)? {
            0 => break,
            len => request.extend_from_slice(&chunk[..len]),
        }
    }
    Ok(request)
}

/// Whether the metrics are asked for; else the status, and what to do.
fn respond(request: &[u8]) -> Result<(), (&'static str, &'static str)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    if !parsed.parse(request).is_ok_and(|parsed| parsed.is_complete()) {
        return Err(("400 Bad Request", "the request is not understood\n"));
    }
    match (parsed.method, parsed.path.map(|path| path.split('?').next().unwrap_or(path))) {
        (Some("GET" | "HEAD"), Some("/metrics")) => Ok(()),
        (Some("GET" | "HEAD"), _) => Err(("404 Not Found", "there is nothing here but /metrics\n")),
        _ => Err(("405 Method Not Allowed", "the metrics can only be read\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn says(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).expect("connected");
        let mut said = String::new();
        // One for whom there is no place, or who is not heard to the end, is hung up on, at any of these.
        let _: io::Result<usize> = stream
            .write_all(request)
            .and_then(|()| stream.shutdown(std::net::Shutdown::Write))
            .and_then(|()| stream.read_to_string(&mut said));
        said
    }

    #[test]
    fn only_the_metrics_are_served_and_nonsense_is_refused() {
        let address = serve(([127, 0, 0, 1], 0).into(), Arc::new(|| "a 1\n".to_owned())).expect("bound");
        let ok = says(address, b"GET /metrics?a=b HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(ok.starts_with("HTTP/1.1 200 OK\r\n") && ok.ends_with("\r\n\r\na 1\n"), "{ok}");
        let head = says(address, b"HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("Connection: close\r\n\r\n"), "{head}");
        let long = [b"GET /metrics HTTP/1.1\r\na: ".to_vec(), vec![b'x'; REQUEST_LEN_MAX]].concat();
        for (request, status) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], "404"),
            (b"POST /metrics HTTP/1.1\r\n\r\n", "405"),
            (b"GET /metrics", "400"),
            (b"\xff\x00\r\n\r\n", "400"),
            (b"", "400"),
            (&long, "400"),
        ] {
            let said = says(address, request);
            assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
        }
    }

    #[test]
    fn silent_clients_keep_nobody_from_the_address_for_long() {
        let address = serve(([127, 0, 0, 1], 0).into(), Arc::new(|| "a 1\n".to_owned())).expect("bound");
        let silent: Vec<_> = (0..CLIENTS_MAX).map(|_| TcpStream::connect(address).expect("connected")).collect();
        let begun = Instant::now();
        while !says(address, b"GET /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200") {
            assert!(begun.elapsed() < 6 * PATIENCE, "they are hung up on");
            std::thread::sleep(PAUSE);
        }
        drop(silent);
    }
}
