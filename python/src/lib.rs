//! `origami._native`: what the Python package of ORIGAMI does in Rust.
//!
//! | module | what it is |
//! |---|---|
//! | `slide` | an open slide that survives forks and pickles |
//! | `archive` | `encode` and `decode` |
//! | `loader` | the core of `origami.slipstream`: patches of many slides, read by threads |
//! | `process`, `stamp` | what a fork must not share; whether a file was changed |
//! | `remote` | a file at an address, by ranges that Python reads |
//! | `ending` | calls of Python by threads of Rust, and the end of the interpreter |
//! | `work` | long calls: without the interpreter's lock, and ended by Ctrl-C |
//! | `errors` | errors of the library as exceptions |
//!
//! The package in `origami/` gives it the interfaces that users see: OpenSlide's for slides.

mod archive;
mod ending;
mod errors;
mod loader;
mod process;
mod remote;
mod slide;
mod stamp;
mod work;

/// The module `origami._native`.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use crate::archive::{decode, encode};
    use pyo3::prelude::*;
    use pyo3::types::PyModule;

    #[pymodule_export]
    use crate::loader::{
        BatchStream, Blobs, Patches, crop_parts, decode_image, draw, epoch_order, image_size,
        image_to_yuv420, tissue_mask,
    };
    #[pymodule_export]
    use crate::slide::{Slide, detect_format};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let end = wrap_pyfunction!(crate::ending::end, module)?;
        module.py().import("atexit")?.call_method1("register", (end,))?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
