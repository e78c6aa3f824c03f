//! The instruction set that the kernels use: detected once, lowered on request, never raised.

use std::sync::OnceLock;

/// The instruction set that the kernels run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Plain Rust: the normative definition.
    Scalar,
    /// x86-64 with AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// aarch64 with NEON, which every such processor has.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Level {
    /// The best level of this processor; the environment variable `ORIGAMI_CPU=scalar` lowers it.
    pub fn current() -> Self {
        static LEVEL: OnceLock<Level> = OnceLock::new();
        *LEVEL.get_or_init(|| {
            if std::env::var_os("ORIGAMI_CPU").is_some_and(|v| v == "scalar") {
                return Level::Scalar;
            }
            Self::best()
        })
    }

    /// The best level of this processor, whatever the environment says.
    #[cfg(target_arch = "x86_64")]
    pub fn best() -> Self {
        if is_x86_feature_detected!("avx2") { Level::Avx2 } else { Level::Scalar }
    }

    /// The best level of this processor, whatever the environment says.
    #[cfg(target_arch = "aarch64")]
    pub fn best() -> Self {
        Level::Neon
    }

    /// The best level of this processor, whatever the environment says.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    pub fn best() -> Self {
        Level::Scalar
    }

    /// Its name as `doctor`, benches and tests print it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Level::Neon => "neon",
        }
    }
}

/// Asks the processor to fetch the samples of a row into its cache, where it has an instruction for that.
#[inline(always)]
pub fn prefetch(row: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in row.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction is a hint: it never faults, whatever the address.
        #[allow(unsafe_code)]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = row;
}

/// Defines `$name`, whose plain Rust body is also compiled for AVX2 and runs on the best instruction set at
/// hand.
///
/// For loops over samples that the compiler vectorises well by itself.
macro_rules! vectorised {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        $vis fn $name($($arg: $ty),*) {
            #[inline(always)]
            fn body($($arg: $ty),*) $body

            #[cfg(target_arch = "x86_64")]
            if $crate::kernels::level::Level::current() == $crate::kernels::level::Level::Avx2 {
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $ty),*) {
                    body($($arg),*)
                }
                // SAFETY: `Level::Avx2` is only returned where AVX2 was detected.
                #[allow(unsafe_code)]
                unsafe {
                    return avx2($($arg),*);
                }
            }
            body($($arg),*)
        }
    };
}
pub(crate) use vectorised;
