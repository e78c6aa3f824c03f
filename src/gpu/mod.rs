//! The kernels on a GPU, through WGSL: any number of families at a time, in batches that form as they come.
//!
//! ```text
//! shader       the shaders as text                         no device
//! pass         the pipelines made of them                  no device
//! program      one family's planes and passes              no device
//! tables       tables of taps as shaders read them         no device
//! job          a job as shaders read it                    no device
//! batch_jobs   the jobs of several families, combined      no device
//! batch_state  the families of a batch, how far it is      no device
//! batch_queue  batches forming and being submitted         wakers
//! batch_slot   a family's slot in a batch                  wakers
//! completion   the thread that waits for the device        threads
//! workspace    the buffers of one batch                    wgpu
//! device       queue, pipelines, errors                    wgpu
//! adapter      which adapters there are                    wgpu
//! backend      all of that as a `Backend`                  wgpu
//! auto         measures a family in every mode             threads
//! engine       CPU and GPU as one `Backend`                no device
//! reason       why families run where they do           data
//! parity       every kernel against its CPU twin           no device
//! ```
//!
//! The caller of every call keeps the planes. When the device fails, every family in flight gets a
//! [`GpuError`] and none is lost:
//! [`engine`] then finishes them on the CPU.

mod adapter;
mod auto;
mod backend;
mod batch_jobs;
mod batch_queue;
mod batch_slot;
mod batch_state;
mod ceiling;
mod completion;
mod device;
pub mod engine;
mod fault;
mod job;
mod options;
pub mod parity;
mod pass;
mod program;
mod reason;
mod shader;
mod stats;
mod tables;
mod workspace;

pub use crate::backend::{GpuError, NoAdapter};
pub use adapter::{AdapterFacts, GpuAdapter, adapters, choose};
pub use backend::GpuBackend;
pub use ceiling::Ceiling;
pub use fault::{Fault, Faults, Stage};
pub use job::RECORD_WORDS;
pub use options::GpuOptions;
pub use pass::{COUNT_WORDS, Pass, counting_groups};
pub use program::{COST_WORDS, Job, PassList, PlaneAllocator, PlaneLayout, Program, RoundTrip, SampleFormat};
pub use reason::Reason;
pub use shader::Kernel;
pub use stats::{GpuPeaks, GpuStats};
pub use tables::DeviceTable;
