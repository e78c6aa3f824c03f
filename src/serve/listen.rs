//! Connections: how many there are, how long one may be silent, how they end. HTTP/1.1 and HTTP/2 on one port.
//!
//! Knows nothing of addresses: a request goes to the router with the peer's address beside it.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

/// What connections are held to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open at a time; who comes later waits in the system's queue.
    pub connections: usize,
    /// How long a client may take for the head of a request, and HTTP/1.1 be idle between two.
    pub header: Duration,
    /// How long an answer may make no way because the client does not read.
    pub stalled: Duration,
    /// How often a silent HTTP/2 connection is asked whether it lives, and how long its answer may take.
    pub ping: Duration,
    /// How long requests in flight may take once the server is told to end.
    pub goodbye: Duration,
}

impl Limits {
    /// The limits of the program.
    pub fn new(connections: usize) -> Self {
        Self {
            connections,
            header: Duration::from_secs(15),
            stalled: Duration::from_secs(30),
            ping: Duration::from_secs(20),
            goodbye: Duration::from_secs(30),
        }
    }
}

/// How long to leave alone a system that gave no connection: it mostly has no file descriptor left.
const BACK_OFF: Duration = Duration::from_millis(500);
/// How long nothing more is said about that.
const QUIET: Duration = Duration::from_secs(60);

/// Serves until `stop` is done, then finishes the requests in flight, within limits. No connection that fails ends it.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let slots = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    let mut told: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            // A connection that ended is forgotten.
            Some(_) = connections.join_next() => continue,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer, slot)) => {
                connections.spawn(connection(stream, peer, slot, router.clone(), limits, graceful.watcher()));
            }
            Err(e) if is_of_one_client(&e) => {}
            Err(e) => {
                // Now and then, however often it fails: a full disk would be the next thing to fail.
                if told.is_none_or(|at| at.elapsed() > QUIET) {
                    told = Some(Instant::now());
                    tracing::error!(
                        "no new connections: {e}; trying again (ulimit -n raises the limit of open files)"
                    );
                }
                tokio::select! {
                    () = sleep(BACK_OFF) => {}
                    () = &mut stop => break,
                }
            }
        }
    }
    drop(listener);
    if timeout(limits.goodbye, graceful.shutdown()).await.is_err() {
        while connections.try_join_next().is_some() {}
        let (open, seconds) = (connections.len(), limits.goodbye.as_secs());
        tracing::warn!("{open} connections were not done after {seconds} s and are dropped");
    }
    connections.shutdown().await;
}

/// A connection and its place among all; first the place, so that whoever is too many stays in the system's queue.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, slot))
}

/// Whether the fault is with the client that was about to be accepted: the next one may well be fine.
fn is_of_one_client(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    _slot: OwnedSemaphorePermit,
    router: Router,
    limits: Limits,
    watcher: Watcher,
) {
    // Tiles are small: waiting to fill a packet costs a round trip. A socket that refuses is slower, no more.
    drop(stream.set_nodelay(true));
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.header);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(limits.ping).keep_alive_timeout(limits.ping);
    let asked = Arc::new(Notify::new());
    let (app, first) = (TowerToHyperService::new(router), asked.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        first.notify_one();
        request.extensions_mut().insert(ConnectInfo(peer));
        app.call(request)
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.stalled));
    let stream = TokioIo::new(Box::pin(stream));
    let mut served = pin!(watcher.watch(builder.serve_connection(stream, service)));
    // The limit of HTTP/1.1 begins once it is known to be that: before, a client could be silent for ever.
    let opened = timeout(limits.header, async {
        tokio::select! {
            done = served.as_mut() => Some(done),
            () = asked.notified() => None,
        }
    });
    let done = match opened.await {
        Err(_) => return,
        Ok(Some(done)) => done,
        Ok(None) => served.await,
    };
    if let Err(e) = done {
        // Clients go when they like and send what they like: nothing an operator could do about.
        tracing::debug!("connection of {peer}: {e}");
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use axum::routing::get;
    use tokio::sync::oneshot;

    use super::*;

    struct Running {
        address: SocketAddr,
        stop: Option<oneshot::Sender<()>>,
        thread: Option<std::thread::JoinHandle<()>>,
    }

    const SHORT: Duration = Duration::from_millis(200);

    /// `/` answers at once, `/slow` never.
    fn start(connections: usize) -> Running {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let (stop, stopped) = oneshot::channel();
        let router = Router::new()
            .route("/", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string()))
            .route("/large", get(async || vec![b'.'; 64 << 20]))
            .route("/slow", get(std::future::pending::<()>));
        let limits = Limits { connections, header: SHORT, stalled: SHORT, ping: SHORT, goodbye: SHORT };
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                serve(listener, router, limits, async { drop(stopped.await) }).await;
            });
        });
        Running { address, stop: Some(stop), thread: Some(thread) }
    }

    impl Running {
        fn connect(&self) -> TcpStream {
            let stream = TcpStream::connect(self.address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            stream
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            drop(self.stop.take());
            self.thread.take().unwrap().join().unwrap();
        }
    }

    fn ends(stream: &mut TcpStream) -> String {
        let mut text = Vec::new();
        // A reset ends it as well.
        if let Err(e) = stream.read_to_end(&mut text) {
            assert_eq!(e.kind(), std::io::ErrorKind::ConnectionReset, "still open");
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    #[test]
    fn a_client_that_does_not_finish_its_head_is_disconnected() {
        let server = start(8);
        let begun: [&[u8]; 4] =
            [b"", b"GET / HTTP/1.1\r\nHos", b"PRI * HT", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"];
        for head in begun {
            let mut stream = server.connect();
            stream.write_all(head).unwrap();
            let got = ends(&mut stream);
            assert!(!got.contains("200"), "{got}");
        }
        // One that asked and then says no more is let go too.
        let mut stream = server.connect();
        stream.write_all(GET).unwrap();
        assert!(ends(&mut stream).ends_with("127.0.0.1"));
    }

    #[test]
    fn a_client_that_does_not_read_gives_its_place_up() {
        let server = start(1);
        let mut first = server.connect();
        first.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        // The one place is free again once nothing has moved for a while.
        let mut second = server.connect();
        second.write_all(GET).unwrap();
        assert!(ends(&mut second).contains("200"));
        drop(first);
    }

    #[test]
    fn who_is_too_many_waits_until_another_goes() {
        let server = start(1);
        let mut first = server.connect();
        first.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        // Long enough that the first has the only place.
        std::thread::sleep(SHORT);
        let mut second = server.connect();
        second.write_all(GET).unwrap();
        second.set_read_timeout(Some(3 * SHORT)).unwrap();
        assert!(second.read(&mut [0]).is_err(), "two at a time");
        drop(first);
        second.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert!(ends(&mut second).starts_with("HTTP/1.1 200"));
    }

    #[test]
    fn the_end_does_not_wait_for_ever() {
        let mut server = start(8);
        let mut slow = server.connect();
        slow.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        std::thread::sleep(SHORT);
        let started = Instant::now();
        drop(server.stop.take());
        server.thread.take().unwrap().join().unwrap();
        server.thread = Some(std::thread::spawn(|| ()));
        assert!(started.elapsed() >= SHORT && started.elapsed() < Duration::from_secs(10));
        assert_eq!(ends(&mut slow), "");
    }
}
