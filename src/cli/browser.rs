//! Opens the user's browser.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The address of the first page of a server that listens on `address`, for a browser on this machine.
pub fn page(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}/")
}

/// Opens an address in the browser; where there is none, says so and goes on.
pub fn open(address: &str) {
    let problem = match is_there() {
        true => open::that_detached(address).err().map(|e| e.to_string()),
        false => Some("there is no display".into()),
    };
    if let Some(problem) = problem {
        tracing::info!("no browser was opened ({problem}); the address is {address}");
    }
}

/// Whether there is a display. Without one the system's opener may start a browser in the terminal.
fn is_there() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"].into_iter().any(is_set)
}
