//! The port, the signals and the limit of open files of a server.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::fault::Exit;
use super::signals::ends;

/// How long calls in progress are waited for at the end.
const LAST_CALLS: Duration = Duration::from_secs(2);

/// Ends the threads of a server. A read that hangs must not keep the program from its end.
pub fn end(runtime: Runtime) {
    runtime.shutdown_timeout(LAST_CALLS);
}

/// Ends the program with success and without destructors, which would wait for a disk that hangs.
pub fn leave() -> ! {
    signal_hook::low_level::exit(Exit::Good as i32)
}

/// Binds the port.
pub async fn listen(bind: IpAddr, port: u16) -> Result<TcpListener> {
    let address = SocketAddr::new(bind, port);
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; --port and --bind choose another address"))
}

/// Starts to listen for signals; the future is ready when one of [`ends`] arrives. The next one ends the program.
pub fn stopped() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let (arrived, mut one) = tokio::sync::mpsc::channel(2);
    for number in ends() {
        let (mut signals, arrived) = (signal(SignalKind::from_raw(number))?, arrived.clone());
        tokio::spawn(
            async move { while signals.recv().await.is_some() && arrived.send(()).await.is_ok() {} },
        );
    }
    let mut signalled = async move || {
        one.recv().await;
    };
    Ok(async move {
        signalled().await;
        tokio::spawn(async move {
            signalled().await;
            // Without the destructors of other threads' data, such as those of RocksDB.
            signal_hook::low_level::exit(Exit::Interrupted as i32);
        });
    })
}

/// Raises the limit of open files as far as the system allows: every connection, open slide and table of the cache on disk is a file.
#[allow(unsafe_code)]
pub fn raise_open_files() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls take a pointer to one live `rlimit`, which the first fills and the second only reads.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 && limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max;
            // If the system refuses, the old limit stays.
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}
