//! Accepts connections, HTTP/1.1 and HTTP/2 on one port, with limits on their number, on what each may make the server hold, and on how
//! long a client may be silent or take nothing, and ends them at shutdown.
//!
//! Knows no routes: each request goes to the router with [`ConnectInfo`] of the peer.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::{StatusCode, Version, header};
use axum::middleware::{self, Next};
use axum::response::Response;
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

use super::respond::json_response;
use super::sending::Outgoing;

/// Limits of connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Most open connections; further clients wait in the system's accept queue.
    pub max_connections: usize,
    /// Timeout for the head of a request, and for an idle HTTP/1.1 connection.
    pub header: Duration,
    /// How long a client may take nothing of a response, on HTTP/1.1 and HTTP/2.
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

/// Most bytes of the head of a request of HTTP/1.1, and of what is written at once.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Most bytes of the headers of a request of HTTP/2.
const MAX_HEADER_LIST_BYTES: u32 = 16 << 10;
/// Requests at a time on one connection of HTTP/2. Browsers ask for no more.
const MAX_STREAMS: u32 = 100;
/// Bytes of a request's body, and of all on one connection of HTTP/2, that a client may send before they are read.
const WINDOWS_BYTES: (u32, u32) = (128 << 10, 256 << 10);
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
    let router = router.layer(middleware::from_fn(one_host));
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

/// Refuses a request without a host or with several, as RFC 9112 has it: a proxy in front might have read another one.
async fn one_host(request: Request, next: Next) -> Response {
    let named = request.headers().get_all(header::HOST).iter().count();
    // HTTP/2 has the host in the address, and HTTP/1.0 may have none.
    if named > 1 || named == 0 && request.version() == Version::HTTP_11 {
        let problem = serde_json::json!({"error": "give one Host header"});
        return json_response(StatusCode::BAD_REQUEST, &problem);
    }
    next.run(request).await
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
    let http1 = &mut builder.http1();
    http1.timer(TokioTimer::new()).header_read_timeout(limits.header).max_buf_size(MAX_HEAD_BYTES);
    let http2 = &mut builder.http2();
    http2.timer(TokioTimer::new()).keep_alive_interval(limits.ping).keep_alive_timeout(limits.ping);
    http2.max_concurrent_streams(MAX_STREAMS).max_header_list_size(MAX_HEADER_LIST_BYTES);
    http2.initial_stream_window_size(WINDOWS_BYTES.0).initial_connection_window_size(WINDOWS_BYTES.1);
    let (requested, outgoing) = (Arc::new(Notify::new()), Arc::new(Outgoing::default()));
    let (app, first, sent) = (TowerToHyperService::new(router), requested.clone(), outgoing.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        first.notify_one();
        request.extensions_mut().insert(ConnectInfo(peer));
        let (answer, sent) = (app.call(request), sent.clone());
        async move { answer.await.map(|response| sent.watch(response)) }
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
        Ok(None) => tokio::select! {
            done = served => done,
            () = outgoing.stalled(limits.write) => {
                tracing::debug!("connection of {peer}: it took nothing for {} s", limits.write.as_secs());
                return;
            }
        },
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

    /// A body that begins, and ends long after the write timeout.
    async fn bits() -> axum::body::Body {
        struct Bits(std::pin::Pin<Box<tokio::time::Sleep>>, u8);
        impl hyper::body::Body for Bits {
            type Data = bytes::Bytes;
            type Error = std::convert::Infallible;
            fn poll_frame(
                mut self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, Self::Error>>> {
                if self.1 == 1 {
                    std::task::ready!(self.0.as_mut().poll(context));
                }
                self.1 += 1;
                std::task::Poll::Ready(match self.1 {
                    1 => Some(Ok(hyper::body::Frame::data("begins".into()))),
                    2 => Some(Ok(hyper::body::Frame::data("the end".into()))),
                    _ => None,
                })
            }
        }
        axum::body::Body::new(Bits(Box::pin(sleep(5 * SHORT)), 0))
    }

    /// `/` answers at once, `/slow` never, `/large` with more than a socket buffers, `/bits` with pauses.
    fn start(max_connections: usize) -> Running {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let (stop, stopped) = oneshot::channel();
        let router = Router::new()
            .route("/", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string()))
            .route("/large", get(async || vec![b'.'; 64 << 20]))
            .route("/bits", get(bits))
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

    /// Asks for `/large` on HTTP/2 with a window of so many bytes; takes a little of it now and then, `takes` times. Whether the connection
    /// is open after that.
    fn stays_open(server: &Running, window: u32, takes: u32) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
            let mut client = h2::client::Builder::new();
            let (client, connection) =
                client.initial_window_size(window).handshake::<_, bytes::Bytes>(stream).await.unwrap();
            // It answers pings all the time.
            let connection = tokio::spawn(connection);
            let request = axum::http::Request::get("http://x/large").body(()).unwrap();
            let mut client = client.ready().await.unwrap();
            let answer = client.send_request(request, true).unwrap().0.await.unwrap();
            let mut body = answer.into_body();
            for _ in 0..takes {
                tokio::time::sleep(SHORT / 20).await;
                let Some(Ok(part)) = body.data().await else { return false };
                drop(body.flow_control().release_capacity(part.len()));
            }
            if takes == 0 {
                let ended = timeout(Duration::from_secs(20), connection).await;
                return ended.is_err();
            }
            !connection.is_finished()
        })
    }

    #[test]
    fn a_client_of_http_2_that_opens_no_window_is_disconnected_and_a_slow_one_is_not() {
        let server = start(1);
        assert!(!stays_open(&server, 0, 0));
        assert!(!stays_open(&server, 100, 0));
        // Long after the timeout.
        assert!(stays_open(&server, 64 << 10, 80));
        // Its slot is free again.
        let mut next = server.connect();
        next.write_all(GET).unwrap();
        assert!(read_to_close(&mut next).contains("200"));
    }

    #[test]
    fn an_answer_that_comes_bit_by_bit_is_not_taken_for_a_client_that_takes_nothing() {
        let server = start(1);
        let mut stream = server.connect();
        stream.write_all(b"GET /bits HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        assert!(read_to_close(&mut stream).contains("the end"));
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
