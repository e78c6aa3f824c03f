//! A job as the shaders read it, and the sizes of the buffer that holds a batch's jobs.
//!
//! Plain data. A test compares the layout with `Job` of `shaders/lib/planes.wgsl`.

use bytemuck::{Pod, Zeroable};

/// One plane to compute. Offsets and strides are in words from the start of the arena, sizes in samples of
/// the result.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct GpuJob {
    /// First word of the plane to read.
    pub src: u32,
    /// Words from one of its rows to the next.
    pub src_stride: u32,
    /// First word of the plane to write.
    pub dst: u32,
    /// Words from one of its rows to the next.
    pub dst_stride: u32,
    /// Width of the result.
    pub width: u32,
    /// Height of the result.
    pub height: u32,
    /// First row of the horizontal table.
    pub h_table: u32,
    /// First row of the vertical table.
    pub v_table: u32,
    /// First row of the spans of the vertical table.
    pub v_spans: u32,
    /// First word of a further plane; its use depends on the kernel.
    pub a: u32,
    /// First word of another further plane.
    pub b: u32,
    /// A number; its use depends on the kernel.
    pub p: i32,
    /// Another number.
    pub q: i32,
}

/// Words of the record of a block: coefficients, which of them are not zero, flags, offset of its values.
pub const RECORD_WORDS: u32 = 36;

/// Bytes of a job.
pub const JOB_BYTES: usize = size_of::<GpuJob>();
/// The jobs of a dispatch begin at a multiple of this many bytes; no adapter requires more.
pub const JOBS_ALIGN: usize = 256;
/// Bytes of the jobs buffer that one dispatch sees.
pub const JOB_WINDOW_BYTES: usize = 1 << 16;
/// Most jobs of a dispatch.
pub const MAX_DISPATCH_JOBS: usize = JOB_WINDOW_BYTES / JOB_BYTES;
/// Most bytes of the jobs of one submission.
pub const MAX_JOBS_BYTES: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;
    use crate::gpu::shader::Kernel;
    use naga::{Scalar, TypeInner};

    #[test]
    fn a_job_is_laid_out_as_the_shaders_read_it() {
        let module = naga::front::wgsl::parse_str(&Kernel::Resample.source()).unwrap();
        let (_, job) = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some("Job")).unwrap();
        let TypeInner::Struct { members, span } = &job.inner else { panic!("Job is a struct") };
        let theirs: Vec<_> = members
            .iter()
            .map(|member| {
                let TypeInner::Scalar(scalar) = module.types[member.ty].inner else { panic!("{member:?}") };
                (member.name.as_deref().unwrap(), member.offset as usize, scalar)
            })
            .collect();
        macro_rules! ours {
            ($($field:ident: $scalar:ident),* $(,)?) => {
                [$((stringify!($field), offset_of!(GpuJob, $field), Scalar::$scalar)),*]
            };
        }
        let ours = ours![
            src: U32, src_stride: U32, dst: U32, dst_stride: U32, width: U32, height: U32,
            h_table: U32, v_table: U32, v_spans: U32, a: U32, b: U32, p: I32, q: I32,
        ];
        assert_eq!(theirs, ours);
        assert_eq!(*span as usize, JOB_BYTES);
        assert_eq!(ours.len() * 4, JOB_BYTES, "a field that is not compared");
    }
}
