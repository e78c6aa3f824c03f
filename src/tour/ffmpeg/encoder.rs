//! Encoders of H.264.

use std::process::Command;

use super::Ffmpeg;
use super::child::run;
use crate::backend::Cancel;
use crate::tour::error::{Error, Result};
use crate::tour::plan::Format;

/// An encoder that has coded ten frames on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoder {
    /// NVIDIA's.
    Nvenc,
    /// Of Linux's video acceleration.
    Vaapi,
    /// In software.
    X264,
}

/// The device that VAAPI opens.
const RENDER_NODE: &str = "/dev/dri/renderD128";
/// Threads of x264: part of what determines its bytes, so it is the same on every machine.
const X264_THREADS: &str = "4";

impl Encoder {
    /// ffmpeg's name.
    pub fn name(self) -> &'static str {
        match self {
            Encoder::Nvenc => "h264_nvenc",
            Encoder::Vaapi => "h264_vaapi",
            Encoder::X264 => "libx264",
        }
    }

    /// The first of NVENC, VAAPI and x264 that codes ten frames here.
    ///
    /// # Errors
    /// None does: [`Error::NoFfmpeg`] with what ffmpeg says of x264.
    pub fn choose(ffmpeg: &Ffmpeg) -> Result<Self> {
        let mut said = String::new();
        for encoder in [Encoder::Nvenc, Encoder::Vaapi, Encoder::X264] {
            let mut command = ffmpeg.command();
            encoder.device(&mut command);
            command.args(["-f", "lavfi", "-i", "color=c=gray:s=256x256:r=30", "-frames:v", "10", "-vf"]);
            command.arg(encoder.filters("null"));
            encoder.codec(&mut command, 75, Format { width: 256, height: 256, fps: (30, 1) });
            command.args(["-f", "null", "-"]);
            match run(command, "code ten frames", &Cancel::default()) {
                Ok(_) => return Ok(encoder),
                Err(error) => said = error.to_string(),
            }
        }
        Err(Error::NoFfmpeg(format!("no encoder of H.264 works here: {said}")))
    }

    /// Arguments before the input.
    pub fn device(self, command: &mut Command) {
        if self == Encoder::Vaapi {
            command.args(["-vaapi_device", RENDER_NODE]);
        }
    }

    /// A chain of filters with the conversion to what it codes behind it: sRGB values become those of BT.709, tagged as such.
    pub fn filters(self, before: &str) -> String {
        let pixels = if self == Encoder::Vaapi { "format=nv12,hwupload" } else { "format=yuv420p" };
        format!(
            "{before},scale=in_range=pc:out_range=tv:out_color_matrix=bt709:flags=accurate_rnd+full_chroma_int+bitexact,{pixels}"
        )
    }

    /// Arguments of the codec: `quality` from 1 to 100, a key frame every two seconds.
    pub fn codec(self, command: &mut Command, quality: u32, format: Format) {
        let interval = (2 * format.fps.0).div_ceil(format.fps.1).to_string();
        // 12 is near to lossless, 40 the least that one wants to see.
        let rate = (40.0 - 0.28 * f64::from(quality)).round().to_string();
        command.args(["-c:v", self.name(), "-g", &interval]);
        match self {
            Encoder::Nvenc => command.args(["-preset", "p5", "-rc", "vbr", "-cq", &rate, "-b:v", "0"]),
            Encoder::Vaapi => command.args(["-rc_mode", "CQP", "-qp", &rate]),
            Encoder::X264 => command.args(["-preset", "medium", "-crf", &rate, "-threads", X264_THREADS]),
        };
        command.args([
            "-color_primaries",
            "bt709",
            "-color_trc",
            "bt709",
            "-colorspace",
            "bt709",
            "-color_range",
            "tv",
        ]);
        command.args(["-flags", "+bitexact", "-fflags", "+bitexact"]);
    }
}
