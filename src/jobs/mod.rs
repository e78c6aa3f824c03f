//! Many slides on many machines: a queue of work units, workers that take them, and results of which exactly one counts.
//!
//! ```text
//! unit       what is to be done to one slide, and its key                        no I/O
//! render     what of a rendering its unit holds                                 no I/O
//! code       what went wrong, for programs                                      no I/O
//! encode     what of an encode its unit holds; the quality that reaches its goal    slides
//! state      the life of a unit: waiting, running, done, dead, cancelled         no I/O, no clock
//! clock      the time of day, which may be wrong                              no I/O
//! watch      which workers are silent, without comparing clocks                  no I/O, no clock
//! entry      a unit as a queue holds it                                          no I/O
//! queue      what a queue does for submitters and workers                        a trait
//! sqlite     a queue in one file, for one machine                                SQLite
//! nats       a queue on a server, for many machines (feature `nats`)             NATS JetStream
//! results    attempts and manifests: what was done                               an object store
//! content    files of an attempt: checked, counted, hashed                       files
//! run        does one unit                                                       slides
//! renderer     what tours are rendered with                                       ffmpeg
//! video      renders the tour of a unit                                         files, ffmpeg, HTTP
//! context      what works on a unit, and what it makes                            data
//! callback   tells an address that a unit is done                              HTTP
//! worker     takes units, sends heartbeats, publishes results                    threads
//! overview   how far everything is                                               no I/O
//! reconcile  makes the queue agree with the results; finds what is left over     both
//! ```
//!
//! The queue is a hint. The truth is what the store of results holds: a unit is done when its manifest is there. A manifest is created
//! only if none is there, so that of several attempts exactly one wins. A queue that is lost is made again from the results
//! ([`reconcile`]), and a unit that is submitted twice is done once.
//!
//! Whoever may write to the queue or to the results may have workers read and write what workers may: give neither to strangers.

pub mod callback;
mod clock;
mod code;
mod content;
mod context;
mod encode;
mod entry;
mod error;
#[cfg(feature = "nats")]
mod nats;
mod overview;
mod queue;
pub mod reconcile;
mod render;
mod renderer;
mod results;
mod run;
mod sqlite;
pub mod state;
mod unit;
mod video;
mod watch;
pub mod worker;

#[cfg(test)]
mod tests;

pub use clock::Clock;
pub use code::Code;
pub use encode::{Encode, Fixed, Goal};
pub use entry::Entry;
pub use error::{Error, Result};
#[cfg(feature = "nats")]
pub use nats::{NatsAddress, NatsQueue};
pub use overview::{Dead, Overview, Running, WorkerRow};
pub use queue::{Claim, Queue, Submitted, Which};
pub use render::{Render, Sound};
pub use renderer::Renderer;
pub use results::{Manifest, Published, Results};
pub use run::size;
pub use sqlite::SqliteQueue;
pub use unit::{Band, Key, Source, Task, Token, UNIT_VERSION, Unit, named};
pub use video::RenderError;
