//! A colour profile that has been checked, and its conversion to sRGB.

use std::fmt;
use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, Layout, ProfileClass, Transform8BitExecutor, TransformOptions};

/// Bytes of a profile's header.
const HEADER_BYTES: usize = 128;
/// Most bytes of a profile.
const MAX_BYTES: usize = 8 << 20;

/// A profile of gray or RGB pixels.
#[derive(Clone)]
pub struct Profile {
    /// What it was read of, which may go on behind it.
    file: Arc<[u8]>,
    /// Its own bytes of that.
    size: usize,
    name: Option<String>,
    channels: usize,
    to_srgb: Arc<Transform8BitExecutor>,
}

impl Profile {
    /// Checks a profile: its header, its class, that it is for gray or RGB pixels, and that it converts to sRGB.
    ///
    /// # Errors
    /// Why it cannot be used, for a sentence about the profile.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        Self::of(bytes.into())
    }

    /// The same of bytes that are shared.
    ///
    /// # Errors
    /// As of [`Self::parse`].
    pub fn of(file: Arc<[u8]>) -> Result<Self, String> {
        let bytes = &*file;
        let field = |at: usize| bytes.get(at..at + 4).unwrap_or_default();
        if bytes.len() < HEADER_BYTES || field(36) != b"acsp" {
            return Err("it is not an ICC profile".into());
        }
        if bytes.len() > MAX_BYTES {
            return Err(format!("it has {} bytes, more than {MAX_BYTES}", bytes.len()));
        }
        let size = field(0).iter().fold(0, |size, &byte| size << 8 | usize::from(byte));
        let Some(bytes) = bytes.get(..size).filter(|_| size > HEADER_BYTES) else {
            return Err(format!("its header says {size} bytes, and it has {}", bytes.len()));
        };
        let icc = ColorProfile::new_from_slice(bytes).map_err(|e| format!("it cannot be read: {e}"))?;
        if !matches!(
            icc.profile_class,
            ProfileClass::InputDevice
                | ProfileClass::DisplayDevice
                | ProfileClass::OutputDevice
                | ProfileClass::ColorSpace
        ) {
            return Err(format!("its class is {:?}, which says nothing of pixels", icc.profile_class));
        }
        let (channels, layout) = match icc.color_space {
            DataColorSpace::Rgb => (3, Layout::Rgb),
            DataColorSpace::Gray => (1, Layout::Gray),
            other => return Err(format!("it is for {other:?} pixels, not gray or RGB")),
        };
        let to_srgb = icc
            .create_transform_8bit(
                layout,
                &ColorProfile::new_srgb(),
                Layout::Rgb,
                TransformOptions::default(),
            )
            .map_err(|e| format!("it cannot be converted to sRGB: {e}"))?;
        Ok(Self { size, name: name(&icc), channels, to_srgb, file })
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.file[..self.size]
    }

    /// What it calls itself.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// 1 for gray pixels, 3 for RGB.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Converts interleaved pixels of [`Self::channels`] to RGB in sRGB.
    pub fn to_srgb(&self, pixels: &[u8]) -> Vec<u8> {
        let mut rgb = vec![0; pixels.len() / self.channels * 3];
        // It fails only for buffers of another length.
        if self.to_srgb.transform(pixels, &mut rgb).is_err() {
            debug_assert!(false, "{} samples of {} channels", pixels.len(), self.channels);
        }
        rgb
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Profile({:?}, {} bytes)", self.name, self.size)
    }
}

/// The description, without control characters.
fn name(icc: &ColorProfile) -> Option<String> {
    use moxcms::ProfileText as Text;
    let text = match icc.description.as_ref()? {
        Text::PlainString(text) => text.clone(),
        Text::Localizable(texts) => texts.first()?.value.clone(),
        Text::Description(text) => text.ascii_string.clone(),
    };
    let text: String = text.chars().filter(|c| !c.is_control()).take(120).collect();
    Some(text.trim().to_string()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p3() -> Vec<u8> {
        ColorProfile::new_display_p3().encode().unwrap()
    }

    /// The matrix from linear RGB to XYZ of D65, from chromaticities; a row each for X, Y and Z.
    fn to_xyz(primaries: [(f64, f64); 3]) -> [[f64; 3]; 3] {
        let xyz = |(x, y): (f64, f64)| [x / y, 1.0, (1.0 - x - y) / y];
        let columns = primaries.map(xyz);
        let m = [0, 1, 2].map(|row| [0, 1, 2].map(|column| columns[column][row]));
        let scale = solve(m, xyz((0.3127, 0.3290)));
        m.map(|row| [row[0] * scale[0], row[1] * scale[1], row[2] * scale[2]])
    }

    fn determinant(m: [[f64; 3]; 3]) -> f64 {
        (0..3)
            .map(|i| {
                m[0][i] * (m[1][(i + 1) % 3] * m[2][(i + 2) % 3] - m[1][(i + 2) % 3] * m[2][(i + 1) % 3])
            })
            .sum()
    }

    /// Solves `m * x = b` by Cramer's rule.
    fn solve(m: [[f64; 3]; 3], b: [f64; 3]) -> [f64; 3] {
        [0, 1, 2].map(|column| {
            let mut with = m;
            (0..3).for_each(|row| with[row][column] = b[row]);
            determinant(with) / determinant(m)
        })
    }

    fn times(m: [[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
        m.map(|row| row[0] * v[0] + row[1] * v[1] + row[2] * v[2])
    }

    /// IEC 61966-2-1; Display P3 has the same curve.
    fn linear(sample: u8) -> f64 {
        let v = f64::from(sample) / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    }

    /// CIE 1976 L*a*b* of XYZ relative to D65.
    fn lab(xyz: [f64; 3]) -> [f64; 3] {
        let f = |t: f64| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
        let [x, y, z] = [f(xyz[0] / 0.950_456), f(xyz[1]), f(xyz[2] / 1.089_058)];
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn display_p3_becomes_srgb_as_the_matrices_say() {
        const P3: [(f64, f64); 3] = [(0.680, 0.320), (0.265, 0.690), (0.150, 0.060)];
        const SRGB: [(f64, f64); 3] = [(0.640, 0.330), (0.300, 0.600), (0.150, 0.060)];
        let (p3_xyz, srgb_xyz) = (to_xyz(P3), to_xyz(SRGB));
        let profile = Profile::parse(&p3()).unwrap();
        assert_eq!((profile.channels(), profile.name().is_some()), (3, true));
        let steps = (0..=255).step_by(17).map(|v| v as u8);
        let pixels: Vec<u8> = steps
            .clone()
            .flat_map(|r| steps.clone().map(move |g| (r, g)))
            .flat_map(|(r, g)| steps.clone().flat_map(move |b| [r, g, b]))
            .collect();
        let converted = profile.to_srgb(&pixels);
        let mut compared = 0;
        for (from, to) in pixels.chunks_exact(3).zip(converted.chunks_exact(3)) {
            let xyz = times(p3_xyz, [0, 1, 2].map(|c| linear(from[c])));
            // Colours outside sRGB are clipped: there is nothing to compare.
            if solve(srgb_xyz, xyz).iter().any(|v| !(-1e-4..=1.0001).contains(v)) {
                continue;
            }
            compared += 1;
            let got = lab(times(srgb_xyz, [0, 1, 2].map(|c| linear(to[c]))));
            let want = lab(xyz);
            let delta_e = (0..3).map(|i| (got[i] - want[i]).powi(2)).sum::<f64>().sqrt();
            assert!(delta_e < 1.0, "{from:?} -> {to:?}: Delta E {delta_e}");
        }
        assert!(compared > 1500, "{compared} colours are inside sRGB");
        // A saturated colour is another number in sRGB.
        assert_ne!(profile.to_srgb(&[180, 90, 140]), [180, 90, 140]);
    }

    #[test]
    fn what_is_no_profile_of_gray_or_rgb_pixels_is_refused() {
        let good = p3();
        let with = |at: usize, bytes: &[u8]| {
            let mut icc = good.clone();
            icc[at..at + bytes.len()].copy_from_slice(bytes);
            Profile::parse(&icc).unwrap_err()
        };
        assert!(
            Profile::parse(b"not a real profile, but bytes are bytes")
                .unwrap_err()
                .contains("not an ICC profile")
        );
        assert!(with(12, b"link").contains("class"), "{}", with(12, b"link"));
        assert!(with(16, b"CMYK").contains("Cmyk"), "{}", with(16, b"CMYK"));
        assert!(with(0, &[0x7f]).contains("header says"));
        assert!(Profile::parse(&good[..good.len() - 9]).is_err());
        for cut in (HEADER_BYTES..good.len()).step_by(7) {
            let mut icc = good[..cut].to_vec();
            icc[..4].copy_from_slice(&(cut as u32).to_be_bytes());
            // Whatever it says of a profile that breaks off, it does not panic.
            drop(Profile::parse(&icc));
        }
        let gray = Profile::parse(&ColorProfile::new_gray_with_gamma(1.8).encode().unwrap()).unwrap();
        let srgb = gray.to_srgb(&[0, 128, 255]);
        assert_eq!((gray.channels(), &srgb[..3], &srgb[6..]), (1, &[0; 3][..], &[255; 3][..]));
        // 0.502 ^ 1.8 = 0.289 in linear light, which is 147 in sRGB. (2.2 would stay at 128.)
        assert!(srgb[3].abs_diff(147) <= 2 && srgb[3] == srgb[4] && srgb[4] == srgb[5], "{srgb:?}");
    }
}
