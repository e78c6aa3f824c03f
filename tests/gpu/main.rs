//! The GPU backend: its kernels against the CPU's, its files against the CPU's, its faults.

#[path = "../kit/mod.rs"]
mod kit;

#[cfg(feature = "cli")]
mod backends;
mod crossing;
mod faults;
mod parity;

use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Log and memory of this process: tests that read them run alone, all others beside each other.
static PROCESS: RwLock<()> = RwLock::new(());

/// Waits until no other test runs, and keeps others out until it is dropped.
fn alone() -> RwLockWriteGuard<'static, ()> {
    PROCESS.write().unwrap_or_else(|e| e.into_inner())
}

/// Waits until no test runs that must be alone, and keeps those out until it is dropped.
fn shared() -> RwLockReadGuard<'static, ()> {
    PROCESS.read().unwrap_or_else(|e| e.into_inner())
}
