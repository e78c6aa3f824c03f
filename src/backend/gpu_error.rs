//! What a device may do instead of its work. The families concerned are still with the host.

/// Why a GPU cannot be used, or no longer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GpuError {
    /// No adapter can be used.
    #[error(transparent)]
    NoAdapter(#[from] NoAdapter),
    /// The driver refused the device.
    #[error("the adapter cannot be opened: {0}")]
    Open(String),
    /// A shader did not compile.
    #[error("shader {kernel} does not compile: {problem}")]
    Shader {
        /// Which kernel.
        kernel: &'static str,
        /// What the driver said.
        problem: String,
    },
    /// A buffer could not be had.
    #[error("out of device memory: {0}")]
    OutOfMemory(String),
    /// The device is gone: reset, unplugged, taken away.
    #[error("the device was lost: {0}")]
    Lost(String),
    /// A batch did not come back in time.
    #[error("a batch did not come back within {seconds} s")]
    Hung {
        /// The deadline.
        seconds: u64,
    },
    /// The driver reported something else.
    #[error("the driver failed: {0}")]
    Driver(String),
    /// One family takes more memory than a batch may: nothing is wrong with the device.
    #[error("a family takes {need_bytes} bytes on the device, a batch has {have_bytes}")]
    TooLarge {
        /// What the family takes.
        need_bytes: u64,
        /// What there is.
        have_bytes: u64,
    },
}

/// Why no adapter can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoAdapter {
    /// The machine has none.
    #[error("no GPU is found (`origami doctor` advises)")]
    NoGpu,
    /// The machine has none, and one was named.
    #[error("no adapter has the index or name {wanted}: this machine has none; `origami doctor` advises")]
    NoGpuNamed {
        /// The name or index.
        wanted: String,
    },
    /// None has the name or index.
    #[error("no adapter has the index or name {wanted}; this machine has {found}")]
    Unknown {
        /// The name or index.
        wanted: String,
        /// Those of the machine: index, name, API.
        found: String,
    },
    /// Without a name, a software adapter is not used.
    #[error("only a software adapter is here; it is used where it is named: {name}")]
    SoftwareOnly {
        /// A name that chooses it.
        name: String,
    },
    /// A software adapter was named, which `auto` does not use.
    #[error("{name} is not a GPU")]
    Software {
        /// Its name.
        name: String,
    },
}

impl GpuError {
    /// A word for logs and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            GpuError::NoAdapter(_) => "no_adapter",
            GpuError::Open(_) => "open",
            GpuError::Shader { .. } => "shader",
            GpuError::OutOfMemory(_) => "out_of_memory",
            GpuError::Lost(_) => "lost",
            GpuError::Hung { .. } => "hung",
            GpuError::Driver(_) => "driver",
            GpuError::TooLarge { .. } => "too_large",
        }
    }
}
