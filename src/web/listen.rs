//! Accepts connections, HTTP/1.1 and HTTP/2 on one port, with limits on their number and on how long one may be idle, and ends
//! them at shutdown.
//!
//! Knows no routes: each request goes to the router with [`ConnectInfo`] of the peer.

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

/// Limits of connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Most open connections; further clients wait in the system's accept queue.
    pub max_connections: usize,
    /// Timeout for the head of a request, and for an idle HTTP/1.1 connection.
    pub header: Duration,
    /// Timeout for a write that makes no progress because the client does not read.
    pub write: Duration,
    /// Interval of HTTP/2 keep-alive pings, and the timeout of each.
    pub ping: Duration,
    /// How long requests in flight may take after shutdown begins.
    pub shutdown: Duration,
}

impl ConnectionLimits {
    /// The timeouts of the program, with `max_connections`.
    pub fn new(max_connections: usize) -> Self {
        Self {
            max_connections,
            header: Duration::from_secs(15),
            write: Duration::from_secs(30),
            ping: Duration::from_secs(20),
            shutdown: Duration::from_secs(30),
        }
    }
}

/// Pause after a failed accept: usually the process has no file descriptor left.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(500);
/// Least time between two log lines about failed accepts.
const ACCEPT_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Serves until `stop` completes, then finishes the requests in flight, within `limits`. A failed connection does not end it.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    stop: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    let mut last_logged: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            // Reaps finished connections.
            Some(_) = connections.join_next() => continue,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer, slot)) => {
                connections.spawn(connection(stream, peer, slot, router.clone(), limits, graceful.watcher()));
            }
            Err(e) if is_client_fault(&e) => {}
            Err(e) => {
                // Rate-limited: a log line for each failure would fill the disk.
                if last_logged.is_none_or(|at| at.elapsed() > ACCEPT_LOG_INTERVAL) {
                    last_logged = Some(Instant::now());
                    tracing::error!(
                        "no new connections: {e}; trying again (ulimit -n raises the limit of open files)"
                    );
                }
                tokio::select! {
                    () = sleep(ACCEPT_BACKOFF) => {}
                    () = &mut stop => break,
                }
            }
        }
    }
    drop(listener);
    if timeout(limits.shutdown, graceful.shutdown()).await.is_err() {
        while connections.try_join_next().is_some() {}
        let (open, seconds) = (connections.len(), limits.shutdown.as_secs());
        tracing::warn!("{open} connections were not done after {seconds} s and are dropped");
    }
    connections.shutdown().await;
}

/// Accepts a connection once it has a slot, so that excess clients stay in the system's queue.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, slot))
}

/// Whether accept failed because of the client: the next one may well succeed.
fn is_client_fault(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    _slot: OwnedSemaphorePermit,
    router: Router,
    limits: ConnectionLimits,
    watcher: Watcher,
) {
    // Tiles are small: Nagle's algorithm would cost a round trip. A socket that refuses the option still works.
    drop(stream.set_nodelay(true));
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.header);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(limits.ping).keep_alive_timeout(limits.ping);
    let requested = Arc::new(Notify::new());
    let (app, first) = (TowerToHyperService::new(router), requested.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        first.notify_one();
        request.extensions_mut().insert(ConnectInfo(peer));
        app.call(request)
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write));
    let stream = TokioIo::new(Box::pin(stream));
    let mut served = pin!(watcher.watch(builder.serve_connection_with_upgrades(stream, service)));
    // hyper's header timeout begins once it has recognised HTTP/1.1. Before that, only this bounds a silent client.
    let first_request = timeout(limits.header, async {
        tokio::select! {
            done = served.as_mut() => Some(done),
            () = requested.notified() => None,
        }
    });
    let done = match first_request.await {
        Err(_) => return,
        Ok(Some(done)) => done,
        Ok(None) => served.await,
    };
    if let Err(e) = done {
        // Clients may disconnect or send nonsense at any time: nothing for an operator to act on.
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

    /// `/` answers at once, `/slow` never, `/large` with more than a socket buffers.
    fn start(max_connections: usize) -> Running {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let (stop, stopped) = oneshot::channel();
        let router = Router::new()
            .route("/", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string()))
            .route("/large", get(async || vec![b'.'; 64 << 20]))
            .route("/slow", get(std::future::pending::<()>));
        let limits =
            ConnectionLimits { max_connections, header: SHORT, write: SHORT, ping: SHORT, shutdown: SHORT };
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

    /// Reads until the server closes the connection.
    fn read_to_close(stream: &mut TcpStream) -> String {
        let mut text = Vec::new();
        if let Err(e) = stream.read_to_end(&mut text) {
            assert_eq!(e.kind(), std::io::ErrorKind::ConnectionReset, "still open");
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    #[test]
    fn a_client_that_does_not_finish_a_request_head_is_disconnected() {
        let server = start(8);
        let begun: [&[u8]; 4] =
            [b"", b"GET / HTTP/1.1\r\nHos", b"PRI * HT", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"];
        for head in begun {
            let mut stream = server.connect();
            stream.write_all(head).unwrap();
            let got = read_to_close(&mut stream);
            assert!(!got.contains("200"), "{got}");
        }
        // An idle connection is closed too.
        let mut stream = server.connect();
        stream.write_all(GET).unwrap();
        assert!(read_to_close(&mut stream).ends_with("127.0.0.1"));
    }

    #[test]
    fn a_client_that_does_not_read_loses_its_slot() {
        let server = start(1);
        let mut first = server.connect();
        first.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        // The only slot is free again after the write timeout.
        let mut second = server.connect();
        second.write_all(GET).unwrap();
        assert!(read_to_close(&mut second).contains("200"));
        drop(first);
    }

    #[test]
    fn an_excess_client_waits_until_a_slot_is_free() {
        let server = start(1);
        let mut first = server.connect();
        first.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        // Long enough for the first to take the only slot.
        std::thread::sleep(SHORT);
        let mut second = server.connect();
        second.write_all(GET).unwrap();
        second.set_read_timeout(Some(3 * SHORT)).unwrap();
        assert!(second.read(&mut [0]).is_err(), "both connections were accepted");
        drop(first);
        second.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert!(read_to_close(&mut second).starts_with("HTTP/1.1 200"));
    }

    #[test]
    fn shutdown_does_not_wait_for_ever() {
        let mut server = start(8);
        let mut slow = server.connect();
        slow.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        std::thread::sleep(SHORT);
        let started = Instant::now();
        drop(server.stop.take());
        server.thread.take().unwrap().join().unwrap();
        server.thread = Some(std::thread::spawn(|| ()));
        assert!(started.elapsed() >= SHORT && started.elapsed() < Duration::from_secs(10));
        assert_eq!(read_to_close(&mut slow), "");
    }
}
